/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test-config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Any bytes as a configuration; what is taken must print as a text that is taken again and prints the same.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        TestConfig c = { 0 }, back = { 0 };
        Str first, second;

        str_init(&first, (size_t)64 << 20);
        str_init(&second, (size_t)64 << 20);
        if (config_read_text("t", (const char *)data, n, test_fields, &test_hooks, a, &c, NULL, &diag) == 0) {
                config_print(test_fields, &c, &first);
                if (config_read_text("t", first.data, first.n, test_fields, &test_hooks, a, &back, NULL,
                                     &diag))
                        abort();
                config_print(test_fields, &back, &second);
                if (!str_is(first.data, second.data))
                        abort();
        }
        str_deinit(&first);
        str_deinit(&second);
        return 0;
}
