/* SPDX-License-Identifier: Apache-2.0 */

/* The sentences of a report. */

#include "report/facts.h"

/* A sentence stays one: a name that is a paragraph is cut. It stands whole above and in the identifiers. */
#define NAME_CHARS 80

static const char *short_name(Arena *a, const Outcome *o)
{
        const char *name = facts_display_name(o), *end = name;

        for (size_t i = 0; i < NAME_CHARS && *end; i++) {
                uint32_t code;

                end += facts_next_char(end, &code);
        }
        return *end ? arena_printf(a, "%.*s...", (int)(end - name), name) : name;
}

/* "Exported" runs by what they did. */
static const char *say_done(Arena *a, const Outcome *o)
{
        const char *name = short_name(a, o);
        const char *warned = o->result == RESULT_WARNING ? ", with a warning" : "";

        switch (o->action) {
        case ACTION_CREATE:
                return arena_printf(a, "%s was created in Microsoft Entra ID with %zu attribute%s%s.", name,
                                    o->n_modified, o->n_modified == 1 ? "" : "s", warned);
        case ACTION_DISABLE:
                return arena_printf(a, "The account of %s was disabled in Microsoft Entra ID%s.", name,
                                    warned);
        case ACTION_UPDATE:
                if (o->n_modified == 1)
                        return arena_printf(a, "The %s of %s was updated in Microsoft Entra ID%s.",
                                            o->modified[0].name, name, warned);
                return arena_printf(a, "%zu attributes of %s were updated in Microsoft Entra ID%s.",
                                    o->n_modified, name, warned);
        default:
                return arena_printf(a, "%s was exported to Microsoft Entra ID%s.", name, warned);
        }
}

/* The catalogue's reason has its full stop; a text of the other side may have none. */
static const char *reason_of(Arena *a, const Outcome *o)
{
        const char *reason = o->error.reason ? o->error.reason : "the step that ended the run says why";

        return str_ends(reason, ".") ? reason : arena_printf(a, "%s.", reason);
}

const char *facts_sentence(Arena *a, const Outcome *o)
{
        const char *name = short_name(a, o);

        switch (o->disposition) {
        case DISPOSITION_DONE:
                return say_done(a, o);
        case DISPOSITION_NO_CHANGE:
                return o->result == RESULT_WARNING
                               ? arena_printf(a, "Nothing was sent for %s, with a warning: %s", name,
                                              reason_of(a, o))
                               : arena_printf(a,
                                              "Nothing had to be sent: Microsoft Entra ID has %s as it "
                                              "should be.",
                                              name);
        case DISPOSITION_STAGED:
                return arena_printf(a, "Staging: %zu change%s of %s %s planned, and nothing was sent.",
                                    o->n_modified, o->n_modified == 1 ? "" : "s", name,
                                    o->n_modified == 1 ? "is" : "are");
        case DISPOSITION_OUT_OF_SCOPE:
                return arena_printf(a, "%s was not synchronized: %s", name, reason_of(a, o));
        case DISPOSITION_RETRY:
                return arena_printf(a, "The change of %s could not be completed yet: %s", name,
                                    reason_of(a, o));
        case DISPOSITION_PARKED:
                return arena_printf(a, "The change of %s failed: %s", name, reason_of(a, o));
        default:
                return arena_printf(a, "What became of the change of %s is not known to this version.", name);
        }
}

const char *facts_next(Arena *a, const Outcome *o)
{
        char when[WALL_TEXT_MAX];

        switch (o->disposition) {
        case DISPOSITION_RETRY:
                if (o->retry_at.ms)
                        return arena_printf(a, "sosync tries again by itself at %s. This was try %u.",
                                            wall_format(o->retry_at, when), o->tries);
                return arena_printf(a, "sosync tries again by itself. This was try %u.", o->tries);
        case DISPOSITION_PARKED:
                return "The change is parked: it waits until somebody retries it, or until the object "
                       "changes "
                       "again.";
        default:
                return NULL;
        }
}

const char *facts_disable(const Outcome *o)
{
        if (o->action != ACTION_DISABLE || o->disposition != DISPOSITION_DONE || o->result == RESULT_FAILURE)
                return NULL;
        return o->change.revoke
                       ? "New sign-ins are refused from now on, and the sign-in sessions were revoked: "
                         "refresh "
                         "tokens end within minutes. Access tokens that were issued before stay valid until "
                         "they expire, up to an hour, in applications without continuous access evaluation."
                       : "New sign-ins are refused from now on, and refresh tokens end within minutes. "
                         "Access "
                         "tokens that were issued before stay valid until they expire, up to an hour, in "
                         "applications without continuous access evaluation.";
}

const char *facts_started(Arena *a, const Outcome *o)
{
        switch ((ChangeKind)o->change.kind) {
        case CHANGE_REQUEST:
                return arena_printf(a, "%s asked for it%s",
                                    o->initiated_by && *o->initiated_by ? o->initiated_by : "somebody",
                                    o->change.staging ? ", in staging mode" : "");
        case CHANGE_GONE:
                return "sosync saw that the object was deleted in the directory";
        case CHANGE_DUE:
                return "a date came at which a rule may give another value";
        case CHANGE_DRIFT:
                return "somebody changed the object in Microsoft Entra ID";
        case CHANGE_LINK:
                return "a reference that waited for another object became ready";
        default:
                return o->change.lane == LANE_RECONCILE ? "sosync found a difference while reconciling"
                                                        : "sosync saw a change in the directory";
        }
}
