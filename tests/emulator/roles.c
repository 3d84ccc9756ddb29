/* SPDX-License-Identifier: Apache-2.0 */
#include "roles.h"
#include "mem.h"

static const char *const role_names[] = {
#define X(name, text) text,
        ROLES(X)
#undef X
};

uint64_t roles_parse(const json_t *names)
{
        uint64_t roles = 0;

        for (size_t i = 0; i < json_array_size(names); ++i) {
                const char *name = json_string_value(json_array_get(names, i));

                for (size_t k = 0; name && k < ARRAY_LENGTH(role_names); ++k) {
                        if (!strcmp(name, role_names[k]))
                                roles |= (uint64_t)1 << k;
                }
        }
        return roles;
}
