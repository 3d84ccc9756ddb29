/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/target.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

/* Only assertions ask, and a release may be built without them. */
static __attribute__((__unused__)) bool is_type(const char *type)
{
        return str_is(type, "user") || str_is(type, "group");
}

/**
 * target_fetch() - one object, then its links page by page
 * @call: now, deadline, lane and arena are set
 * @match: attributes are names of the Entra connector space; none of them: all but links
 * @sink: gets the object once; then `links` zero or more times for "manager" and "member", if asked for. When
 *        the fetch ends with 0, and the sink did not stop it, all links of the object have been handed over
 *
 * Return: 0, TARGET_E_NOT_FOUND, TARGET_E_AMBIGUOUS, TARGET_E_THROTTLED (call->retry_at), TARGET_E_TRANSIENT,
 * TARGET_E_REFUSED, TARGET_E_UNREACHABLE, TARGET_E_GARBAGE, -errno.
 */
int target_fetch(Target *t, Call *call, const Match *match, ObjectSink *sink, Diag *diag)
{
        assert(call->arena && call->lane < _LANE_N);
        assert(is_type(match->type));
        assert(sink->object);
        return t->ops->fetch(t, call, match, sink, diag);
}

/**
 * target_apply() - the operations of a plan, in order
 *
 * Return: see target.h.
 */
int target_apply(Target *t, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results, Diag *diag)
{
        assert(call->arena && call->lane < _LANE_N);
        for (size_t i = 0; i < n_ops; ++i)
                assert(is_type(ops[i].type));
        if (n_ops == 0)
                return 0;
        memset(ret_results, 0, n_ops * sizeof(*ret_results));
        return t->ops->apply(t, call, ops, n_ops, ret_results, diag);
}

/**
 * target_info() - what the tenant says about itself; asked anew every few minutes
 *
 * Return: 0, TARGET_E_*, -errno.
 */
int target_info(Target *t, Call *call, TargetInfo *ret_info, Diag *diag)
{
        assert(call->arena && call->lane < _LANE_N);
        return t->ops->info(t, call, ret_info, diag);
}

/**
 * target_role() - does this user hold a directory role?
 *
 * Return: 0, TARGET_E_*, -errno.
 */
int target_role(Target *t, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                Diag *diag)
{
        assert(call->arena && call->lane < _LANE_N);
        *ret_role = NULL;
        return t->ops->role(t, call, user, age_us, ret_role, diag);
}

/**
 * target_take() - before a change is leased: is there room for a write?
 *
 * Return: 0 (one write is charged, and used by the first write of this lane that leaves), or microseconds.
 */
int64_t target_take(Target *t, Lane lane, Mono now)
{
        return t->ops->take(t, lane, now);
}

/**
 * target_give_back() - nothing was written after all
 */
void target_give_back(Target *t, Lane lane, Mono now)
{
        t->ops->give_back(t, lane, now);
}

/**
 * target_stop() - the end is near, or here
 */
void target_stop(Target *t, TargetStop how)
{
        t->ops->stop(t, how);
}

Target *target_free(Target *t)
{
        return t ? t->ops->free(t) : NULL;
}
