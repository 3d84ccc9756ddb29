/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/shunned.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"

static void forget(Shunned *s, size_t i)
{
        free(s->uris[i]);
        memmove(s->uris + i, s->uris + i + 1, (--s->n - i) * sizeof(*s->uris));
}

static size_t find(const Shunned *s, const char *uri)
{
        size_t i = 0;

        while (i < s->n && !str_is(s->uris[i], uri))
                i++;
        return i;
}

void shunned_add(Shunned *s, const char *uri)
{
        size_t i = find(s, uri);
        char *copy = strdup(uri);

        if (!copy)
                error_oom(strlen(uri) + 1);
        if (i < s->n)
                forget(s, i);
        else if (s->n == SHUNNED_MAX)
                forget(s, 0);
        s->uris[s->n++] = copy;
}

bool shunned_has(const Shunned *s, const char *uri)
{
        return s && find(s, uri) < s->n;
}

void shunned_clear(Shunned *s)
{
        while (s->n)
                forget(s, s->n - 1);
}
