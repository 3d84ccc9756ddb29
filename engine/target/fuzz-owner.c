/* SPDX-License-Identifier: Apache-2.0 */

/* What owners answer: the JSON of a single object sync, and that of provisionOnDemand with its two texts of
 * JSON. */

#include "base/str.h"
#include "engine/target/on-demand.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is shown to people must be fit for it. */
static void check(const OwnerReport *said)
{
        for (size_t i = 0; i < said->n_notes; i++) {
                const OwnerNote *note = &said->notes[i];

                for (const char *s = note->text; *s; s++)
                        if ((unsigned char)*s < ' ' && *s != '\n')
                                abort();
                if (!str_is_utf8(note->key, strlen(note->key)) ||
                    !str_is_utf8(note->text, strlen(note->text)))
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        Arena *a = arena_new(0);
        OwnerReport said = { 0 };
        Diag diag = DIAG_INIT;
        json_t *answer;
        int r = owner_parse((const char *)data, n, a, &said, &diag);

        if (r == 0 && said.n_notes == 0)
                abort();
        check(&said);

        /* The whole answer, and the bytes as each of its two texts. */
        answer = json_loadb((const char *)data, n, 0, NULL);
        said = (OwnerReport){ 0 };
        on_demand_parse(answer, a, &said, &diag);
        check(&said);
        json_decref(answer);
        answer = json_pack("{s:s#, s:s#}", "key", (const char *)data, n, "value", (const char *)data, n);
        said = (OwnerReport){ 0 };
        on_demand_parse(answer, a, &said, &diag);
        check(&said);
        json_decref(answer);

        diag_deinit(&diag);
        arena_free(a);
        return 0;
}
