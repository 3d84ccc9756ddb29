/* SPDX-License-Identifier: Apache-2.0 */
#include "replica.h"
#include "mem.h"

struct ReplicaRecord {
        StoreChange change; /* owns its value */
        int64_t due_us;
};

static void play(Store *store, const StoreChange *c)
{
        Object *object = index_find(&store->by_id, c->id);
        Object *other = *c->other ? index_find(&store->by_id, c->other) : NULL;

        switch (c->kind) {
        case CHANGE_CREATE:
                store_create(store, c->schema, c->id);
                break;
        case CHANGE_SET:
                store_set(store, object, c->property, c->value);
                break;
        case CHANGE_DELETE:
                store_delete(store, object, c->wall_ms);
                break;
        case CHANGE_PURGE:
                store_purge(store, object);
                break;
        case CHANGE_RESTORE:
                store_restore(store, object);
                break;
        case CHANGE_MANAGER:
                store_set_manager(store, object, other);
                break;
        case CHANGE_ADD_MEMBER:
                store_add_member(store, object, other);
                break;
        case CHANGE_REMOVE_MEMBER:
                store_remove_member(store, object, other);
                break;
        case CHANGE_ADD_OWNER:
                store_add_owner(store, object, other);
                break;
        case CHANGE_REMOVE_OWNER:
                store_remove_owner(store, object, other);
                break;
        case CHANGE_UNSEEN:
                store_touch_unseen(store);
                break;
        }
}

static void play_first(Replica *replica)
{
        ReplicaRecord *record = &replica->records[replica->first++];

        play(&replica->store, &record->change);
        json_decref(record->change.value);
        if (replica->first == replica->n)
                replica->first = replica->n = 0;
}

void replica_advance(Replica *replica, int64_t now_us)
{
        replica->now_us = now_us;
        while (replica->first < replica->n && replica->records[replica->first].due_us <= now_us)
                play_first(replica);
}

void replica_note(Replica *replica, const StoreChange *change)
{
        if (replica->n == replica->size) {
                replica->size = replica->size ? 2 * replica->size : 64;
                replica->records = mem_grow(replica->records, replica->size, sizeof(*replica->records));
        }
        replica->records[replica->n++] =
                (ReplicaRecord){ .change = *change, .due_us = replica->now_us + replica->delay_us };
        json_incref(change->value);
}

void replica_deinit(Replica *replica)
{
        while (replica->first < replica->n)
                json_decref(replica->records[replica->first++].change.value);
        free(replica->records);
        if (replica->on)
                store_deinit(&replica->store);
        *replica = (Replica){ 0 };
}

void replica_set(Replica *replica, Store *of, int64_t delay_us)
{
        of->replica = NULL;
        replica_deinit(replica);
        if (!delay_us)
                return;
        replica->on = true;
        replica->delay_us = delay_us;
        store_copy(&replica->store, of);
        of->replica = replica;
}
