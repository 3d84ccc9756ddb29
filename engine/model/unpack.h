/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unpack: what every reader of a sub-structure does
 *
 *      size_t n = unpack_fields(r, 3);  ... three fields ...  unpack_rest(r, n, 3);
 *
 * Private to this folder. A sub-structure may have grown behind the fields that this program knows; fewer
 * fields, or a number outside its enumeration, make the record corrupt.
 */

#include "base/pack.h"

static inline void unpack_fail(PackReader *r)
{
        if (!r->error)
                r->error = PACK_E_CORRUPT;
}

static inline size_t unpack_fields(PackReader *r, size_t n_known)
{
        size_t n = unpack_array(r);

        if (n < n_known)
                unpack_fail(r);
        return n;
}

static inline void unpack_rest(PackReader *r, size_t n, size_t n_known)
{
        if (!r->error && n > n_known)
                unpack_skip(r, n - n_known);
}

/* A list whose items take at least min_bytes each on disk: a short record cannot ask for much memory. */
static inline size_t unpack_list(PackReader *r, size_t min_bytes)
{
        size_t n = unpack_array(r);

        if (r->error)
                return 0;
        if (n > (r->n - r->at) / min_bytes) {
                unpack_fail(r);
                return 0;
        }
        return n;
}

static inline int64_t unpack_range(PackReader *r, int64_t min, int64_t max)
{
        int64_t v = unpack_int(r);

        if (r->error)
                return min;
        if (v < min || v > max) {
                unpack_fail(r);
                return min;
        }
        return v;
}
