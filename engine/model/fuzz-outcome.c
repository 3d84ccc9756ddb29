/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/object.h"
#include "engine/model/outcome.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A record from disk is read or refused; what was read can be written and read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const uint8_t *packed;
        Outcome o, again;
        const Object *object;
        PackWriter w;
        PackReader r;
        size_t n_packed;

        pack_init(&w);
        if (outcome_unpack(a, data, n, &o) == 0) {
                outcome_pack(&w, &o);
                packed = pack_data(&w, &n_packed);
                if (outcome_unpack(a, packed, n_packed, &again))
                        abort();
                pack_reset(&w);
        }
        unpack_init(&r, data, n);
        object = object_unpack(&r, a);
        if (unpack_end(&r) == 0) {
                Hash128 before = object_hash(object), after;

                object_pack(&w, object);
                packed = pack_data(&w, &n_packed);
                unpack_init(&r, packed, n_packed);
                after = object_hash(object_unpack(&r, a));
                if (unpack_end(&r) || before.low != after.low || before.high != after.high)
                        abort();
        }
        pack_deinit(&w);
        return 0;
}
