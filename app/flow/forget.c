/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/forget.h"

#include "app/flow/connector.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/rules/rules.h"
#include "engine/space/space-records.h"

#include <string.h>

static const char *const link_names[] = { "member", "manager" };

typedef struct Forget {
        Queue *queue;
        Space *space;
        BrakeStore *brakes;
        Wall before, now;
        Arena *arena; /* of one object */
        SpaceBatch batch;
        bool knew; /* the row of a cloud object of this type goes */
        BrakeType type;
        int n, n_noted;
        int result;
} Forget;

/* What it named, and where it waits for what it named; what waits for it. */
static int forget_names(Forget *f, const ObjectKey *key)
{
        static const LinkTable tables[] = { LINK_IMPORT, LINK_WAIT, LINK_READY };
        uint8_t owner[OBJECT_KEY_SIZE];

        object_key_pack(key, owner);
        for (size_t i = 0; i < N_ELEMENTS(link_names); i++) {
                ObjectId *named;
                size_t n;
                int r = space_read_links(f->space, LINK_IMPORT, owner, sizeof(owner), link_names[i], f->arena,
                                         &named, &n);

                if (r)
                        return r;
                for (size_t t = 0; t < n; t++) {
                        uint8_t waiting[OBJECT_KEY_SIZE];

                        object_key_pack(&(ObjectKey){ .source = key->source, .id = named[t] }, waiting);
                        space_write_link(&f->batch, LINK_WAIT, LINK_REMOVE, waiting, sizeof(waiting),
                                         link_names[i], &key->id);
                }
                for (size_t t = 0; t < N_ELEMENTS(tables); t++)
                        space_write_link(&f->batch, tables[t], LINK_CLEAR, owner, sizeof(owner),
                                         link_names[i], NULL);
        }
        return 0;
}

/* Return: 0, SPACE_E_CORRUPT, -errno. */
static int forget_cloud(Forget *f, const ObjectId *id)
{
        uint64_t serial;
        Cloud cloud;
        int r;

        if (guid_is_zero(id))
                return 0;
        r = space_read_cloud(f->space, id, f->arena, &cloud, &serial, NULL);
        if (r)
                return r == SPACE_E_NONE ? 0 : r;
        space_delete_read(&f->batch, SPACE_CLOUD, id, sizeof(*id), serial);
        for (size_t i = 0; i < N_ELEMENTS(link_names); i++)
                space_write_link(&f->batch, LINK_CLOUD, LINK_CLEAR, id, sizeof(*id), link_names[i], NULL);
        f->knew = true;
        f->type = str_is(cloud.type, "group") ? BRAKE_GROUP : BRAKE_USER;
        return 0;
}

/* By what it was it is not found any more. */
static void forget_joins(Forget *f, const ObjectId *mv, const Person *p)
{
        const FlowedObject *o = flowed_read(f->arena, p->flowed, p->n_flowed);

        for (size_t i = 0; o && i < o->n_values; i++)
                space_write_join(&f->batch, LINK_REMOVE, o->type, o->values[i].name, o->values[i].value, mv);
}

/* With its last object a person goes. Return: 0, SPACE_E_CORRUPT, -errno. */
static int forget_person(Forget *f, const ObjectKey *key, const ObjectId *mv)
{
        ObjectKey *others;
        uint64_t serial;
        Person p;
        size_t n = 0;
        int r;

        if (guid_is_zero(mv))
                return 0;
        r = space_read_person(f->space, mv, f->arena, &p, &serial, NULL);
        if (r)
                return r == SPACE_E_NONE ? 0 : r;
        others = arena_new_array(f->arena, ObjectKey, p.n_joined + 1);
        for (size_t i = 0; i < p.n_joined; i++)
                if (p.joined[i].source != key->source || !guid_is(&p.joined[i].id, &key->id))
                        others[n++] = p.joined[i];
        if (n) {
                p.joined = others;
                p.n_joined = n;
                space_write_person(&f->batch, mv, &p, serial);
                return 0;
        }
        forget_joins(f, mv, &p);
        space_delete_read(&f->batch, SPACE_METAVERSE, mv, sizeof(*mv), serial);
        space_delete(&f->batch, SPACE_INTENT, mv, sizeof(*mv));
        return forget_cloud(f, &p.cloud);
}

/* What the brakes count goes with the rows, and not in another order than it has changed. */
static int store(Forget *f)
{
        Brakes *counters = &f->brakes->counters;
        const bool alone = !f->brakes->is_shared;
        int r;

        if (alone)
                pthread_mutex_lock(&f->brakes->lock);
        if (alone && f->knew) {
                brakes_know(counters, f->type, -1);
                brake_store_save(f->brakes, &f->batch);
        }
        r = queue_put(f->queue, &(Intake){ .writes = f->batch.writes,
                                           .n_writes = f->batch.n_writes,
                                           .links = f->batch.links,
                                           .n_links = f->batch.n_links,
                                           .checked = true,
                                           .now = f->now });
        if (alone && f->knew && r)
                brakes_know(counters, f->type, 1);
        if (alone)
                pthread_mutex_unlock(&f->brakes->lock);
        else if (f->knew && r == 0)
                brake_store_know(f->brakes, f->type, -1, f->now);
        return r;
}

/* Does somebody still want it? Return: 0, -errno. */
static int is_wanted(Forget *f, const ObjectKey *key, const uint8_t packed[OBJECT_KEY_SIZE], bool *ret_is)
{
        SpaceRow hold;
        int r = queue_has(f->queue, key, ret_is);

        if (r || *ret_is)
                return r;
        r = f->space->ops->get(f->space, SPACE_HOLD, packed, OBJECT_KEY_SIZE, f->arena, &hold);
        *ret_is = r == 0 && hold.serial;
        return r;
}

/* Under the numbers of the other directories too (engine/steps/resolve.c), but for one that has an object of
 * that GUID. Return: 0, -errno. */
static int forget_cloud_of(Forget *f, const ObjectKey *key)
{
        const char *const *names;
        size_t n;
        int r = connector_names_stored(f->space, f->arena, &names, &n);

        for (size_t s = 0; r == 0 && s < n; s++) {
                ObjectKey other = { .source = (uint16_t)s, .id = key->id };
                uint8_t packed[OBJECT_KEY_SIZE];
                Head head;

                if (space_read_head(f->space, &other, f->arena, &head, NULL, NULL) != SPACE_E_NONE)
                        continue;
                object_key_pack(&other, packed);
                space_delete(&f->batch, SPACE_CLOUD_OF, packed, sizeof(packed));
        }
        return r;
}

/* Return: 0, SPACE_E_CORRUPT (a row is mended when it is imported again), QUEUE_E_*, -errno. */
static int forget_object(Forget *f, const ObjectKey *key, const Head *head, uint64_t serial)
{
        static const SpaceTable own[] = { SPACE_IMPORT, SPACE_CLOUD_OF, SPACE_AHEAD };
        uint8_t packed[OBJECT_KEY_SIZE];
        bool wanted;
        int r;

        object_key_pack(key, packed);
        r = is_wanted(f, key, packed, &wanted);
        if (r || wanted)
                return r;
        f->knew = false;
        space_delete_read(&f->batch, SPACE_HEAD, packed, sizeof(packed), serial);
        for (size_t i = 0; i < N_ELEMENTS(own); i++)
                space_delete(&f->batch, own[i], packed, sizeof(packed));
        r = forget_cloud_of(f, key);
        if (r == 0)
                r = forget_names(f, key);
        if (r == 0)
                r = forget_person(f, key, &head->metaverse);
        if (r == 0)
                r = store(f);
        f->n += r == 0;
        return r;
}

static int look_at_head(void *context, const void *key_data, size_t n_key, const SpaceRow *row)
{
        Forget *f = context;
        ObjectKey key;
        Head head;
        int r;

        arena_reset(f->arena);
        /* A damaged row is mended by its object's next import. */
        if (!object_key_unpack(key_data, n_key, &key) || head_unpack(f->arena, row->data, row->n, &head) ||
            !head.deleted || head.gone.ms >= f->before.ms)
                return 0;
        space_batch_init(&f->batch, f->arena);
        if (head.gone.ms) {
                r = forget_object(f, &key, &head, row->serial);
        } else {
                head.gone = f->now;
                space_write_head(&f->batch, &key, &head, row->serial);
                r = queue_put_batch(f->queue, &f->batch, f->now);
                f->n_noted += r == 0;
        }
        f->result = r < 0 ? r : 0;
        return r < 0 || r == QUEUE_E_FULL || f->n + f->n_noted == FORGET_MAX;
}

int forget_gone(Queue *q, BrakeStore *brakes, Wall before, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Forget f = { .queue = q,
                     .space = queue_space(q),
                     .brakes = brakes,
                     .before = before,
                     .now = now,
                     .arena = a };
        int r = f.space->ops->walk(f.space, SPACE_HEAD, NULL, 0, look_at_head, &f);

        if (r < 0 || f.result)
                return error_fold(r < 0 ? r : f.result);
        return f.n;
}
