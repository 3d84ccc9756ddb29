/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What target-mem holds: objects, those that were deleted, a journal of requests, faults that wait
 *
 * Private to target-mem.c (calls, lists, changes), target-mem-apply.c (operations) and target-mem-store.c
 * (these functions). The lock of MemTarget protects everything; whoever calls here holds it. Looks by id go
 * through a table, all others through all objects: it is for tests, and as simple as can be.
 *
 * Every write raises n_changes, which is what a delta link remembers: what is newer is told by it. An object
 * owns its arena, which grows with each value that is set; nothing here returns memory that outlives it.
 */

#include "engine/target/schema.h"
#include "engine/target/target-mem.h"

#include <pthread.h>

typedef struct MemGone MemGone;
typedef struct MemLinked MemLinked;
typedef struct MemObject MemObject;
typedef struct MemTarget MemTarget;

struct MemObject {
        ObjectId id;
        char *type;
        bool mastered_elsewhere, role_assignable;
        unsigned n_revoked;
        Arena *arena;
        Attribute *attributes; /* in the arena, sorted by name; without links */
        size_t n_attributes;
        ObjectId manager; /* zero: none */
        ObjectId *members;
        MemTarget *in;
        uint64_t changed; /* MemTarget.n_changes then */
        size_t n_members, size_members;
};

/* Somebody deleted it. */
struct MemGone {
        ObjectId id;
        const char *type; /* literal */
        uint64_t at;
        MemObject *object; /* it can be restored; NULL: not */
};

/* A member or manager that came or went. */
struct MemLinked {
        ObjectId owner, id;
        bool there;
        uint64_t at;
};

struct MemTarget {
        Target target;
        pthread_mutex_t lock;
        bool stopped;
        MemObject **objects;
        size_t n_objects, size_objects;
        size_t *buckets; /* by id: index into objects + 1; 0: empty. Made anew when objects move */
        size_t n_buckets;
        MemFault *faults;
        size_t n_faults, size_faults;
        Arena *journal_arena;
        MemEntry *journal;
        size_t n_journal, size_journal;
        Arena *info_arena;
        TargetInfo info;
        int64_t hold;
        uint64_t n_requests;
        uint64_t n_changes, n_expired; /* links of target_mem_changes below n_expired are not good */
        MemGone *gone;
        size_t n_gone, size_gone;
        MemLinked *linked;
        size_t n_linked, size_linked;
};

/* find: NULL, there is none. Attributes have their connector-space names (schema.h). */
MemObject *mem_new_object(MemTarget *t, const char *type);
void mem_free_object(MemObject *o);
MemObject *mem_find(const MemTarget *t, const ObjectId *id);
MemObject *mem_find_by(const MemTarget *t, const char *type, const char *attribute, const char *value);
MemObject *mem_find_anchor(const MemTarget *t, const char *type, const char *value);
void mem_remove(MemTarget *t, MemObject *o, bool for_good);
bool mem_restore(MemTarget *t, const ObjectId *id);
MemObject *mem_find_deleted(const MemTarget *t, const char *anchor);
Value mem_value(const MemObject *o, const char *attribute);
void mem_set(MemObject *o, const char *attribute, Value v); /* NONE removes */
bool mem_has_member(const MemObject *o, const ObjectId *id, size_t *ret_at);
void mem_set_manager(MemObject *o, const ObjectId *id);   /* NULL: none */
bool mem_add_member(MemObject *o, const ObjectId *id);    /* false: was there */
bool mem_remove_member(MemObject *o, const ObjectId *id); /* false: was not */
/* Into the journal: what a test expects. */
void mem_note(MemTarget *t, OpKind kind, const MemObject *o, const Op *op);

/* Lock held. Takes the next fault for this kind of call. */
bool mem_take_fault(MemTarget *t, MemCall on, MemFault *ret_fault);

int target_mem_apply(MemTarget *t, Call *call, const Op *ops, size_t n_ops, OpResult *results, Diag *diag);
