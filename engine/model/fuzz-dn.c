/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/dn.h"
#include "engine/model/value.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Ids, as text and as bytes: what is read is written as it was meant. */
static void fuzz_ids(Arena *a, const char *text, const uint8_t *data, size_t n)
{
        char written[GUID_TEXT_MAX];
        ObjectId id, again;

        sid_format(a, data, n);
        if (!guid_parse(text, &id))
                return;
        if (!guid_parse(guid_format(&id, written), &again) || !guid_is(&id, &again))
                abort();
}

/* What is accepted has a normal form that is accepted too, and is its own normal form. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *text = arena_strndup(a, (const char *)data, n);
        const Dn *dn, *again;

        fuzz_ids(a, text, data, n);
        if (dn_parse(a, text, &dn, NULL))
                return 0;
        (void)dn_parent_text(a, dn);
        if (strlen(dn->normalised) > 8192)
                return 0;
        if (dn_parse(a, dn->normalised, &again, NULL) || !dn_is(dn, again) || !dn_is_below(again, dn))
                abort();
        for (size_t i = 0; i < dn->n_rdns; i++) {
                const char *written = arena_printf(a, "x=%s", dn_escape(a, dn->rdns[i].value));

                if (strlen(written) > 8192)
                        continue;
                if (dn_parse(a, written, &again, NULL) ||
                    strcmp(again->rdns[0].value, dn->rdns[i].value) != 0)
                        abort();
        }
        return 0;
}
