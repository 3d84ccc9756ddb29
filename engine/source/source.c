/* SPDX-License-Identifier: Apache-2.0 */

/* The front doors: arguments are checked here once, the work is done by the implementation behind `ops`. */

#include <assert.h>

#include "base/error.h"
#include "engine/source/source.h"

/**
 * source_read() - read one object with whole attributes
 *
 * Return: 0, SOURCE_E_NOT_FOUND, SOURCE_E_STALE, SOURCE_E_UNREACHABLE, SOURCE_E_REFUSED, SOURCE_E_TOO_LARGE,
 * -errno.
 */
int source_read(Source *s, const SourceQuery *q, Arena *a, SourceEntry *ret_entry, Diag *diag)
{
        assert(s && q && a && ret_entry);
        assert(q->id || q->dn);
        return s->ops->read(s, q, a, ret_entry, diag);
}

/**
 * source_is_member() - is the object a direct member of the group?
 *
 * Return: 0, SOURCE_E_NOT_FOUND (no such group), SOURCE_E_UNREACHABLE, SOURCE_E_REFUSED, -errno.
 */
int source_is_member(Source *s, const char *group_dn, const ObjectId *id, bool *ret_member, Diag *diag)
{
        assert(s && group_dn && id && ret_member);
        return s->ops->is_member(s, group_dn, id, ret_member, diag);
}

/**
 * source_list() - list what is at and below a container
 *
 * Return: 0, SOURCE_E_NOT_FOUND (no such container), SOURCE_E_CUT_OFF, SOURCE_E_UNREACHABLE,
 * SOURCE_E_REFUSED, SOURCE_E_TOO_LARGE, -errno, or what `page` returned.
 */
int source_list(Source *s, const SourceList *q, SourcePageFn page, void *context, Diag *diag)
{
        assert(s && q && page);
        return s->ops->list(s, q, page, context, diag);
}

/**
 * source_info() - names of domain, forest and server; connects if needed
 *
 * Return: 0, SOURCE_E_UNREACHABLE, SOURCE_E_REFUSED, -errno.
 */
int source_info(Source *s, SourceInfo *ret_info, Diag *diag)
{
        assert(s && ret_info);
        return s->ops->info(s, ret_info, diag);
}

void source_idle(Source *s, Mono now)
{
        if (s->ops->idle)
                s->ops->idle(s, now);
}

Source *source_free(Source *s)
{
        return s ? s->ops->free(s) : NULL;
}
