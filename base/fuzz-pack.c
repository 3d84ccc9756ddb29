/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first half of the bytes says what is asked for, the second half is the record. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint8_t fixed[16];
        PackReader r;
        size_t len;

        unpack_init(&r, data + n / 2, n - n / 2);
        for (size_t i = 0; i < n / 2; i++) {
                switch (data[i] % 9) {
                case 0:
                        if (unpack_array(&r) > r.n)
                                abort();
                        break;
                case 1:
                        unpack_is_nil(&r);
                        break;
                case 2:
                        unpack_bool(&r);
                        break;
                case 3:
                        unpack_int(&r);
                        break;
                case 4:
                        unpack_str(&r, a);
                        break;
                case 5:
                        unpack_bytes(&r, &len);
                        break;
                case 6:
                        unpack_fixed(&r, fixed, sizeof(fixed));
                        break;
                case 7:
                        unpack_skip(&r, data[i] / 9);
                        break;
                case 8:
                        unpack_version(&r, 3);
                        break;
                }
                if (r.at > r.n)
                        abort();
        }
        return 0;
}
