/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <strings.h>

#include "answer.h"
#include "mem.h"
#include "replica.h"
#include "store.h"

typedef struct IndexedProperty IndexedProperty;

struct IndexedProperty {
        const Schema *schema;
        int property;
        size_t index; /* offset in Store */
};

static const IndexedProperty indexed[] = {
        { .schema = &schema_user, .property = USER_userPrincipalName, .index = offsetof(Store, by_upn) },
        { .schema = &schema_user,
          .property = USER_onPremisesImmutableId,
          .index = offsetof(Store, by_anchor) },
        { .schema = &schema_user, .property = USER_mail, .index = offsetof(Store, by_mail) },
        { .schema = &schema_user, .property = USER_proxyAddresses, .index = offsetof(Store, by_proxy) },
        { .schema = &schema_group, .property = GROUP_mail, .index = offsetof(Store, by_mail) },
        { .schema = &schema_group, .property = GROUP_proxyAddresses, .index = offsetof(Store, by_proxy) },
        { .schema = &schema_group, .property = GROUP_uniqueName, .index = offsetof(Store, by_unique) },
};

static const IndexedProperty *indexed_find(const Schema *schema, int property)
{
        for (size_t i = 0; i < ARRAY_LENGTH(indexed); ++i) {
                if (indexed[i].schema == schema && indexed[i].property == property)
                        return &indexed[i];
        }
        return NULL;
}

static Index *indexed_index(const Store *store, const IndexedProperty *p)
{
        return (Index *)((uintptr_t)store + p->index);
}

void store_init(Store *store)
{
        *store = (Store){
                .by_id.fold = true,
                .by_upn.fold = true,
                .by_mail.fold = true,
                .by_proxy.fold = true,
                .by_unique.fold = true,
        };
}

static void object_free(Object *object)
{
        for (size_t i = 0; i < object->schema->n; ++i)
                json_decref(object->values[i]);
        free(object->values);
        links_deinit(&object->reports);
        links_deinit(&object->members);
        links_deinit(&object->owners);
        links_deinit(&object->member_of);
        links_deinit(&object->owner_of);
        free(object);
}

void store_deinit(Store *store)
{
        const Links *lists[] = { &store->users, &store->groups, &store->deleted };

        for (size_t i = 0; i < ARRAY_LENGTH(lists); ++i) {
                links_for_each(object, lists[i], number) object_free(object);
        }
        links_deinit(&store->users);
        links_deinit(&store->groups);
        links_deinit(&store->deleted);
        free(store->removed);
        free(store->linked);
        index_deinit(&store->by_id);
        index_deinit(&store->by_upn);
        index_deinit(&store->by_anchor);
        index_deinit(&store->by_mail);
        index_deinit(&store->by_proxy);
        index_deinit(&store->by_unique);
}

static Links *store_list_of(Store *store, const Schema *schema)
{
        return schema == &schema_user ? &store->users : &store->groups;
}

const Links *store_list(const Store *store, const Schema *schema)
{
        return schema == &schema_user ? &store->users : &store->groups;
}

static void touch(Store *store, Object *object)
{
        object->changed = ++store->generation;
}

static void tell(Store *store, StoreChangeKind kind, const Object *object, const Object *other,
                 StoreChange change)
{
        if (!store->replica || store->nested)
                return;
        change.kind = kind;
        if (object)
                memcpy(change.id, object->id, ID_SIZE);
        if (other)
                memcpy(change.other, other->id, ID_SIZE);
        replica_note(store->replica, &change);
}

void store_touch_unseen(Store *store)
{
        ++store->generation;
        tell(store, CHANGE_UNSEEN, NULL, NULL, (StoreChange){ 0 });
}

/* The id must be new. */
Object *store_create(Store *store, const Schema *schema, const char *id)
{
        Object *object = mem_zero(1, sizeof(*object));

        snprintf(object->id, sizeof(object->id), "%s", id);
        object->schema = schema;
        object->values = mem_zero(schema->n, sizeof(json_t *));
        index_add(&store->by_id, object->id, object);
        links_add(store_list_of(store, schema), object);
        object->values[schema_find(schema, "id")] = json_string(object->id);
        touch(store, object);
        tell(store, CHANGE_CREATE, object, NULL, (StoreChange){ .schema = schema });
        return object;
}

/* Values of one property that are keys: the text itself, or each text of a collection. */
static void indexed_each(Store *store, Object *object, const IndexedProperty *p, bool add)
{
        const json_t *v = object->values[p->property];
        size_t n = json_is_array(v) ? json_array_size(v) : 1;

        for (size_t i = 0; i < n; ++i) {
                const char *key = json_string_value(json_is_array(v) ? json_array_get(v, i) : v);

                if (key && add)
                        index_add(indexed_index(store, p), key, object);
                else if (key)
                        index_remove(indexed_index(store, p), key, object);
        }
}

void store_index(Store *store, Object *object, bool add)
{
        for (size_t i = 0; i < ARRAY_LENGTH(indexed); ++i) {
                if (indexed[i].schema == object->schema)
                        indexed_each(store, object, &indexed[i], add);
        }
}

bool store_set(Store *store, Object *object, int property, json_t *value)
{
        const IndexedProperty *p = object->deleted ? NULL : indexed_find(object->schema, property);
        json_t *old = object->values[property];

        if (json_is_null(value))
                value = NULL;
        if (old == value || (old && value && json_equal(old, value)))
                return false;
        if (p)
                indexed_each(store, object, p, false);
        object->values[property] = json_incref(value);
        json_decref(old);
        if (p)
                indexed_each(store, object, p, true);
        touch(store, object);
        tell(store, CHANGE_SET, object, NULL, (StoreChange){ .property = property, .value = value });
        return true;
}

static void object_unlink(Store *store, Object *object)
{
        store_set_manager(store, object, NULL);
        links_for_each(report, &object->reports, r) store_set_manager(store, report, NULL);
        links_for_each(group, &object->member_of, g) store_remove_member(store, group, object);
        links_for_each(owned, &object->owner_of, o) store_remove_owner(store, owned, object);
        links_for_each(member, &object->members, m) store_remove_member(store, object, member);
        links_for_each(owner, &object->owners, w) store_remove_owner(store, object, owner);
}

static void remember_end(Store *store, const Object *object)
{
        Removed *r;

        if (store->n_removed == store->size_removed) {
                store->size_removed = store->size_removed ? 2 * store->size_removed : 64;
                store->removed = mem_grow(store->removed, store->size_removed, sizeof(*store->removed));
        }
        r = &store->removed[store->n_removed++];
        *r = (Removed){ .schema = object->schema, .at = store->generation };
        memcpy(r->id, object->id, sizeof(r->id));
}

void store_purge(Store *store, Object *object)
{
        tell(store, CHANGE_PURGE, object, NULL, (StoreChange){ 0 });
        ++store->nested;
        object_unlink(store, object);
        if (!object->deleted)
                store_index(store, object, false);
        links_remove(object->deleted ? &store->deleted : store_list_of(store, object->schema), object);
        index_remove(&store->by_id, object->id, object);
        ++store->generation;
        remember_end(store, object);
        object_free(object);
        --store->nested;
}

static void set_text(Store *store, Object *object, int property, const char *text)
{
        _cleanup_(mem_json_freep) json_t *v = text ? json_string(text) : NULL;

        store_set(store, object, property, v);
}

/* The id without its dashes, which Graph puts before the name of a deleted user */
static void id_prefix(const Object *object, char *ret)
{
        for (const char *p = object->id; *p; ++p) {
                if (*p != '-')
                        *ret++ = *p;
        }
        *ret = '\0';
}

/**
 * store_delete() - delete as DELETE /users/{id} and /groups/{id} do
 *
 * A deleted user keeps its values, loses its links, and frees its name: Graph prefixes the user principal
 * name with the id. Security groups are not kept, so the object may be gone when this returns.
 */
void store_delete(Store *store, Object *object, int64_t wall_ms)
{
        bool user = object->schema == &schema_user;
        char prefix[ID_SIZE], date[32], text[512];

        if (!user && !object_is_unified(object)) {
                store_purge(store, object);
                return;
        }
        tell(store, CHANGE_DELETE, object, NULL, (StoreChange){ .wall_ms = wall_ms });
        ++store->nested;
        object_unlink(store, object);
        store_index(store, object, false);
        links_remove(store_list_of(store, object->schema), object);
        links_add(&store->deleted, object);
        object->deleted = true;
        if (user && object_text(object, USER_userPrincipalName)) {
                id_prefix(object, prefix);
                snprintf(text, sizeof(text), "%s%s", prefix, object_text(object, USER_userPrincipalName));
                set_text(store, object, USER_userPrincipalName, text);
        }
        answer_stamp(wall_ms, date);
        set_text(store, object, user ? (int)USER_deletedDateTime : (int)GROUP_deletedDateTime, date);
        touch(store, object);
        --store->nested;
}

/* The caller has made sure that no live object has taken its name or anchor. */
void store_restore(Store *store, Object *object)
{
        bool user = object->schema == &schema_user;
        char prefix[ID_SIZE];
        const char *upn;

        tell(store, CHANGE_RESTORE, object, NULL, (StoreChange){ 0 });
        ++store->nested;
        links_remove(&store->deleted, object);
        links_add(store_list_of(store, object->schema), object);
        set_text(store, object, user ? (int)USER_deletedDateTime : (int)GROUP_deletedDateTime, NULL);
        upn = user ? object_text(object, USER_userPrincipalName) : NULL;
        id_prefix(object, prefix);
        if (upn && !strncasecmp(upn, prefix, strlen(prefix)))
                set_text(store, object, USER_userPrincipalName, upn + strlen(prefix));
        object->deleted = false;
        store_index(store, object, true);
        touch(store, object);
        --store->nested;
}

static Object *find_id(const Store *store, const Schema *schema, const char *id, bool deleted)
{
        Object *object = index_find(&store->by_id, id);

        return object && object->deleted == deleted && (!schema || object->schema == schema) ? object : NULL;
}

Object *store_find(const Store *store, const Schema *schema, const char *id)
{
        return find_id(store, schema, id, false);
}

Object *store_find_deleted(const Store *store, const Schema *schema, const char *id)
{
        return find_id(store, schema, id, true);
}

bool store_is_indexed(const Schema *schema, int property)
{
        return indexed_find(schema, property) || property == (schema == &schema_user ? USER_id : GROUP_id);
}

/* Only for properties of which store_is_indexed() is true */
Object *store_find_by(const Store *store, const Schema *schema, int property, const char *value)
{
        const IndexedProperty *p = indexed_find(schema, property);
        Object *object;

        if (!p)
                return store_find(store, schema, value);
        object = index_find(indexed_index(store, p), value);
        return object && object->schema == schema ? object : NULL;
}

const char *object_text(const Object *object, int property)
{
        return json_string_value(object->values[property]);
}

bool object_flag(const Object *object, int property)
{
        return json_is_true(object->values[property]);
}

bool object_is_synced(const Object *object)
{
        return object_flag(object, object->schema == &schema_user ? (int)USER_onPremisesSyncEnabled
                                                                  : (int)GROUP_onPremisesSyncEnabled);
}

bool object_is_unified(const Object *group)
{
        const json_t *types = group->values[GROUP_groupTypes];

        for (size_t i = 0; i < json_array_size(types); ++i) {
                const char *type = json_string_value(json_array_get(types, i));

                if (type && !strcmp(type, "Unified"))
                        return true;
        }
        return false;
}

Object *store_conflict(const Store *store, const Schema *schema, const Object *object, int property,
                       const json_t *value)
{
        const IndexedProperty *p = indexed_find(schema, property);
        size_t n = json_is_array(value) ? json_array_size(value) : 1;

        for (size_t i = 0; p && i < n; ++i) {
                const char *key = json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
                Object *other = key ? index_find(indexed_index(store, p), key) : NULL;

                if (other && other != object)
                        return other;
        }
        return NULL;
}

static void note_link(Store *store, const Object *owner, const Object *object, bool there)
{
        Linked *l;

        if (store->n_linked == store->size_linked) {
                store->size_linked = store->size_linked ? 2 * store->size_linked : 64;
                store->linked = mem_grow(store->linked, store->size_linked, sizeof(*store->linked));
        }
        l = &store->linked[store->n_linked++];
        *l = (Linked){ .schema = object->schema, .there = there, .at = store->generation };
        memcpy(l->owner, owner->id, sizeof(l->owner));
        memcpy(l->id, object->id, sizeof(l->id));
}

bool store_set_manager(Store *store, Object *user, Object *manager)
{
        Object *before = user->manager;

        if (user->manager == manager)
                return false;
        if (user->manager)
                links_remove(&user->manager->reports, user);
        user->manager = manager;
        if (manager)
                links_add(&manager->reports, user);
        touch(store, user);
        if (before)
                note_link(store, user, before, false);
        if (manager)
                note_link(store, user, manager, true);
        tell(store, CHANGE_MANAGER, user, manager, (StoreChange){ 0 });
        return true;
}

static bool link_add(Store *store, StoreChangeKind kind, Links *there, Object *object, Links *back,
                     Object *owner)
{
        if (!links_add(there, object))
                return false;
        links_add(back, owner);
        touch(store, owner);
        tell(store, kind, owner, object, (StoreChange){ 0 });
        return true;
}

static bool link_remove(Store *store, StoreChangeKind kind, Links *there, Object *object, Links *back,
                        Object *owner)
{
        if (!links_remove(there, object))
                return false;
        links_remove(back, owner);
        touch(store, owner);
        tell(store, kind, owner, object, (StoreChange){ 0 });
        return true;
}

bool store_add_member(Store *store, Object *group, Object *member)
{
        if (!link_add(store, CHANGE_ADD_MEMBER, &group->members, member, &member->member_of, group))
                return false;
        note_link(store, group, member, true);
        return true;
}

bool store_remove_member(Store *store, Object *group, Object *member)
{
        if (!link_remove(store, CHANGE_REMOVE_MEMBER, &group->members, member, &member->member_of, group))
                return false;
        note_link(store, group, member, false);
        return true;
}

bool store_add_owner(Store *store, Object *group, Object *owner)
{
        return link_add(store, CHANGE_ADD_OWNER, &group->owners, owner, &owner->owner_of, group);
}

bool store_remove_owner(Store *store, Object *group, Object *owner)
{
        return link_remove(store, CHANGE_REMOVE_OWNER, &group->owners, owner, &owner->owner_of, group);
}
