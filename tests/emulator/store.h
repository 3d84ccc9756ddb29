/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Store: the tenant's users, groups and deleted objects
 *
 *      by_id  by_upn  by_anchor  by_mail  by_proxy  by_unique       (indexes, constant time)
 *          \    |        |         |        |        /
 *           [Object] -- manager --> [Object]
 *              '------- members, owners --> [Object]                (each with its way back)
 *
 * Values are held by the position of their property in the schema; an absent value is NULL. store_set() keeps
 * the indexes right. It does not judge: callers ask store_conflict() and schema_check() first.
 *
 * Deleted users and Microsoft 365 groups move to `deleted`; security groups are gone at once, as in Graph.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "index.h"
#include "links.h"
#include "schema.h"

typedef struct Linked Linked;
typedef struct Object Object;
typedef struct Random Random;
typedef struct Removed Removed;
typedef struct Replica Replica;
typedef struct Store Store;
typedef struct StoreChange StoreChange;

#define ID_SIZE 37 /* a GUID as text and its NUL */

struct Object {
        char id[ID_SIZE];
        bool deleted;
        const Schema *schema;
        json_t **values;
        Object *manager;
        Links reports; /* whose manager this is */
        Links members; /* of a group */
        Links owners;
        Links member_of;
        Links owner_of;
        uint64_t changed;         /* generation of the last change of it or of its links */
        unsigned int n_revoked;   /* revokeSignInSessions so far */
        unsigned int n_passwords; /* passwords set so far */
};

/* An object that was deleted for good, for the delta query */
struct Removed {
        char id[ID_SIZE];
        const Schema *schema;
        uint64_t at; /* generation */
};

/* A member of a group or a manager that came or went, for the delta query */
struct Linked {
        char owner[ID_SIZE], id[ID_SIZE];
        const Schema *schema; /* of the one it names */
        bool there;
        uint64_t at;
};

struct Store {
        Index by_id; /* live and deleted */
        Index by_upn;
        Index by_anchor; /* onPremisesImmutableId */
        Index by_mail;
        Index by_proxy; /* proxyAddresses of users and groups, with their prefix */
        Index by_unique;
        Links users;
        Links groups;
        Links deleted;
        uint64_t generation; /* counts changes */
        Removed *removed;    /* in the order of their ends */
        size_t n_removed, size_removed;
        Linked *linked; /* in their order */
        size_t n_linked, size_linked;
        Replica *replica;    /* is told every change; NULL: there is none */
        unsigned int nested; /* inside a change that is told as a whole */
};

typedef enum StoreChangeKind {
        CHANGE_CREATE,
        CHANGE_SET,
        CHANGE_DELETE,
        CHANGE_PURGE,
        CHANGE_RESTORE,
        CHANGE_MANAGER,
        CHANGE_ADD_MEMBER,
        CHANGE_REMOVE_MEMBER,
        CHANGE_ADD_OWNER,
        CHANGE_REMOVE_OWNER,
        CHANGE_UNSEEN,
} StoreChangeKind;

/* What one of the functions below has changed, so that it can be done again elsewhere */
struct StoreChange {
        StoreChangeKind kind;
        char id[ID_SIZE];
        char other[ID_SIZE]; /* the linked object; empty: none */
        const Schema *schema;
        int property;
        json_t *value; /* borrowed */
        int64_t wall_ms;
};

void store_init(Store *store);
void store_deinit(Store *store);
void store_copy(Store *copy, const Store *of); /* copy: not initialised yet */
void store_touch_unseen(Store *store);         /* something has changed that no read shows */

/* Life */
Object *store_create(Store *store, const Schema *schema, const char *id);
void store_delete(Store *store, Object *object, int64_t wall_ms);
void store_purge(Store *store, Object *object); /* for good */
void store_restore(Store *store, Object *object);

/* Finding: live objects, or NULL; schema NULL: of any type */
Object *store_find(const Store *store, const Schema *schema, const char *id);
Object *store_find_deleted(const Store *store, const Schema *schema, const char *id);
Object *store_find_by(const Store *store, const Schema *schema, int property, const char *value);
void store_index(Store *store, Object *object, bool add); /* by all keys that it has */
bool store_is_indexed(const Schema *schema, int property);
const Links *store_list(const Store *store, const Schema *schema);

/* Values */
bool store_set(Store *store, Object *object, int property, json_t *value); /* borrows; true: it differs */
const char *object_text(const Object *object, int property);               /* NULL: absent or no text */
bool object_flag(const Object *object, int property);
bool object_is_synced(const Object *object); /* mastered on premises */
bool object_is_unified(const Object *group);

/* The object that stands in the way of giving object (or a new one) this value; NULL: none does. */
Object *store_conflict(const Store *store, const Schema *schema, const Object *object, int property,
                       const json_t *value);

/* Links; true: something changed */
bool store_set_manager(Store *store, Object *user, Object *manager);
bool store_add_member(Store *store, Object *group, Object *member);
bool store_remove_member(Store *store, Object *group, Object *member);
bool store_add_owner(Store *store, Object *group, Object *owner);
bool store_remove_owner(Store *store, Object *group, Object *owner);
