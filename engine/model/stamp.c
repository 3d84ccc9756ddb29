/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/stamp.h"

#include "base/str.h"

int stamp_compare(const Stamp *a, const Stamp *b)
{
        if (a->version != b->version)
                return a->version < b->version ? -1 : 1;
        if (a->time != b->time)
                return a->time < b->time ? -1 : 1;
        return guid_compare(&a->origin, &b->origin);
}

Stamp stamp_find(const NamedStamp *stamps, size_t n, const char *attribute)
{
        for (size_t i = 0; i < n; i++)
                if (str_is_nocase(stamps[i].attribute, attribute))
                        return stamps[i].stamp;
        return (Stamp){ 0 };
}
