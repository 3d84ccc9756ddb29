/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * target-mem: an Entra ID in memory, for tests
 *
 * It keeps the rules that the engine has to live with: unique user name, anchor and unique name; what the
 * schema says is not writable; references must exist; a member that is there already is OP_UNCHANGED; sets of
 * one object are applied whole or not at all; objects mastered elsewhere refuse every write. It has no limits
 * unless a test sets a hold.
 *
 * A test looks at the journal (every operation that had an effect, in order), plants objects, and makes the
 * next calls fail:
 *
 *      target_mem_fail(t, &(MemFault){ .on = MEM_APPLY, .n = 1, .end = TARGET_E_TRANSIENT, .after = true });
 *
 * Functions may be called from any thread.
 */

#include "engine/target/graph-tenant.h"
#include "engine/target/graph.h"

typedef struct MemEntry MemEntry;
typedef struct MemFault MemFault;

typedef enum MemCall {
        MEM_ANY,
        MEM_FETCH,
        MEM_APPLY,
        MEM_INFO,
        MEM_ROLE,
} MemCall;

/* Faults are used up in the order in which they were set. */
struct MemFault {
        MemCall on;
        unsigned n;       /* so many calls; 0: one */
        int end;          /* TARGET_E_*, or -errno */
        bool after;       /* apply: the first request had its effect, and its answer is lost */
        int64_t retry_us; /* TARGET_E_THROTTLED: retry_at is this much after call->now */
        const char *reason;
};

/* One operation that had an effect. Texts live in the arena that was given. */
struct MemEntry {
        OpKind kind;
        const char *type;
        ObjectId id;
        const char *attribute; /* NULL: create, revoke */
        const char *value;     /* as text; NULL: none */
        ObjectId link;
};

void target_mem_fail(Target *t, const MemFault *fault);
const MemEntry *target_mem_journal(Target *t, Arena *a, size_t *ret_n);
void target_mem_clear_journal(Target *t);

/* An object that is there already. attributes: names of the connector space. Return: its id. */
ObjectId target_mem_plant(Target *t, const char *type, const Attribute *attributes, size_t n,
                          bool mastered_elsewhere);
/* A value as the object's owner writes it: not journalled, also of an object that is mastered elsewhere. */
void target_mem_force(Target *t, const ObjectId *id, const char *attribute, Value v);
void target_mem_force_member(Target *t, const ObjectId *group, const ObjectId *member, bool is_member);

/* onPremisesSyncEnabled, from now on. */
void target_mem_master(Target *t, const ObjectId *id, bool mastered_elsewhere);
/* From now on the group can hold directory roles. */
void target_mem_assignable(Target *t, const ObjectId *id);
void target_mem_remove(Target *t, const ObjectId *id);  /* as if somebody had deleted it, for good */
void target_mem_recycle(Target *t, const ObjectId *id); /* ... and it can be restored, */
bool target_mem_restore(Target *t, const ObjectId *id); /* as somebody does here. False: it cannot */

/* The object as it is now, in the arena; NULL: there is none. Links are REFs ("manager") and LISTs of REF
 * ("member"). */
const Object *target_mem_get(Target *t, const ObjectId *id, Arena *a);
bool target_mem_find(Target *t, const char *type, const char *anchor, ObjectId *ret_id);
size_t target_mem_count(Target *t, const char *type);
unsigned target_mem_revoked(Target *t, const ObjectId *id);

/* As graph_tenant_changes. All links given so far expire with target_mem_expire. */
int target_mem_changes(Target *t, Lane lane, const TenantList *list, const char *link, Arena *a,
                       const char **ret_link, Diag *diag);
void target_mem_expire(Target *t);

/* target_take() answers this many microseconds from now on. */
void target_mem_hold(Target *t, int64_t us);
/* What target_info() answers; the domains also decide which user names are accepted (none: all). */
void target_mem_set_info(Target *t, const TargetInfo *info);
