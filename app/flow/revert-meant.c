/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/revert-meant.h"

#include "base/str.h"

#include <string.h>

#define BEGINNING_MIN 4

/* Ids are shown in small letters, and copied from elsewhere in capital ones. */
static const char *beginning(Arena *a, const char *option, const char *text, Diag *diag)
{
        size_t n = strlen(text);
        char *folded;

        if (n < BEGINNING_MIN || n >= GUID_TEXT_MAX || strspn(text, "0123456789abcdefABCDEF-") != n) {
                diag_set(diag, "revert: --%s: \"%s\" is not an id or at least %d characters of its beginning",
                         option, str_safe(a, text, n < 64 ? n : 64), BEGINNING_MIN);
                return NULL;
        }
        folded = arena_strdup(a, text);
        for (char *p = folded; *p; p++)
                if (*p >= 'A' && *p <= 'F')
                        *p = (char)(*p - 'A' + 'a');
        return folded;
}

int revert_meant_init(RevertMeant *m, Arena *a, const char *run, const char *rules, Diag *diag)
{
        *m = (RevertMeant){ .arena = a };
        if (run && !(m->run.beginning = beginning(a, "run", run, diag)))
                return REVERT_E_UNCLEAR;
        if (rules && !(m->rules.beginning = beginning(a, "rules", rules, diag)))
                return REVERT_E_UNCLEAR;
        return 0;
}

static bool fits(const RevertFits *f, const char *id)
{
        return !f->beginning || (id && str_starts(id, f->beginning));
}

static void note(RevertFits *f, Arena *a, const char *id)
{
        if (!f->beginning)
                return;
        for (size_t i = 0; i < f->n_ids && i < REVERT_MEANT_NAMED; i++)
                if (str_is(f->ids[i], id))
                        return;
        if (f->n_ids < REVERT_MEANT_NAMED)
                f->ids[f->n_ids++] = arena_strdup(a, id);
        else
                f->n_ids = REVERT_MEANT_NAMED + 1;
}

bool revert_meant_is(RevertMeant *m, const JournalEntry *e)
{
        char run[GUID_TEXT_MAX];

        guid_format(&e->run, run);
        if (!fits(&m->run, run) || !fits(&m->rules, e->rules_version))
                return false;
        note(&m->run, m->arena, run);
        note(&m->rules, m->arena, e->rules_version);
        return true;
}

static int check(const RevertMeant *m, const RevertFits *f, const char *option, const char *what, Diag *diag)
{
        const char *named = "";

        if (!f->beginning || f->n_ids == 1)
                return 0;
        if (f->n_ids == 0) {
                diag_set(diag,
                         "revert: nothing in the journal is of a %s \"%s\" (state.journal says how long it "
                         "goes back)",
                         what, f->beginning);
                return REVERT_E_NO_SUCH;
        }
        for (size_t i = 0; i < f->n_ids && i < REVERT_MEANT_NAMED; i++)
                named = arena_printf(m->arena, "%s%s%s", named, i ? ", " : "", f->ids[i]);
        diag_set(diag, "revert: --%s: more than one %s begins with \"%s\": %s%s", option, what, f->beginning,
                 named, f->n_ids > REVERT_MEANT_NAMED ? ", ..." : "");
        return REVERT_E_UNCLEAR;
}

int revert_meant_check(const RevertMeant *m, Diag *diag)
{
        int r = check(m, &m->run, "run", "run", diag);

        return r ? r : check(m, &m->rules, "rules", "version of the rules", diag);
}
