/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/space/space-internal.h"
#include "engine/space/space-records.h"

#include <assert.h>
#include <string.h>

/*
 * One more place at the end of an array of the batch. Arrays double, so that a group of 100,000 members
 * copies each of its rows about once.
 */
static void *grow(Arena *a, void *items, size_t *n, size_t *size, size_t item_size)
{
        if (*n == *size) {
                size_t new_size = *size ? *size * 2 : 8;
                void *bigger = arena_alloc0(a, new_size, item_size);

                if (*n)
                        memcpy(bigger, items, *n * item_size);
                items = bigger;
                *size = new_size;
        }
        (*n)++;
        return items;
}

#define GROW(b, field)                                                                                     \
        ((b)->field =                                                                                      \
                 grow((b)->arena, (b)->field, &(b)->n_##field, &(b)->size_##field, sizeof((b)->field[0])), \
         &(b)->field[(b)->n_##field - 1])

void space_batch_init(SpaceBatch *b, Arena *a)
{
        *b = (SpaceBatch){ .arena = a };
}

void space_batch_row(SpaceBatch *b, SpaceTable table, const void *key, size_t n_key, const void *data,
                     size_t n, uint64_t serial)
{
        SpaceWrite *w = GROW(b, writes);

        assert(n_key > 0 && n_key <= SPACE_KEY_MAX);

        w->table = table;
        memcpy(w->key, key, n_key);
        w->n_key = n_key;
        w->data = arena_memdup(b->arena, data, n);
        w->n = n;
        w->serial = serial;
}

void space_batch_append(SpaceBatch *b, const SpaceBatch *from)
{
        for (size_t i = 0; i < from->n_writes; i++) {
                const SpaceWrite *w = &from->writes[i];

                if (w->data)
                        space_batch_row(b, w->table, w->key, w->n_key, w->data, w->n, SPACE_ANY);
                else
                        space_delete(b, w->table, w->key, w->n_key);
        }
        for (size_t i = 0; i < from->n_links; i++)
                *GROW(b, links) = from->links[i];
}

static void add_packed(SpaceBatch *b, SpaceTable table, const void *key, size_t n_key, PackWriter *w,
                       uint64_t serial)
{
        size_t n;
        const uint8_t *data = pack_data(w, &n);

        space_batch_row(b, table, key, n_key, data, n, serial);
        pack_deinit(w);
}

void space_write_head(SpaceBatch *b, const ObjectKey *key, const Head *head, uint64_t serial)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        PackWriter w;

        object_key_pack(key, buf);
        pack_init(&w);
        head_pack(&w, head);
        add_packed(b, SPACE_HEAD, buf, sizeof(buf), &w, serial);
}

void space_write_import(SpaceBatch *b, const ObjectKey *key, const Object *o, uint64_t serial)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        PackWriter w;

        object_key_pack(key, buf);
        pack_init(&w);
        import_pack(&w, o);
        add_packed(b, SPACE_IMPORT, buf, sizeof(buf), &w, serial);
}

void space_write_person(SpaceBatch *b, const ObjectId *mv, const Person *p, uint64_t serial)
{
        PackWriter w;

        pack_init(&w);
        person_pack(&w, p);
        add_packed(b, SPACE_METAVERSE, mv->bytes, sizeof(mv->bytes), &w, serial);
}

void space_write_cloud(SpaceBatch *b, const ObjectId *cloud, const Cloud *c, uint64_t serial)
{
        PackWriter w;

        pack_init(&w);
        cloud_pack(&w, c);
        add_packed(b, SPACE_CLOUD, cloud->bytes, sizeof(cloud->bytes), &w, serial);
}

/**
 * space_write_cloud_of() - what a reference to this object resolves to
 *
 * Not checked against a serial: it is written only by the run of the object itself, which has it leased.
 */
void space_write_cloud_of(SpaceBatch *b, const ObjectKey *key, const ObjectId *cloud)
{
        uint8_t buf[OBJECT_KEY_SIZE];

        object_key_pack(key, buf);
        space_batch_row(b, SPACE_CLOUD_OF, buf, sizeof(buf), cloud->bytes, sizeof(cloud->bytes), SPACE_ANY);
}

void space_write_intent(SpaceBatch *b, const ObjectId *mv, const Intent *intent, uint64_t serial)
{
        PackWriter w;

        pack_init(&w);
        intent_pack(&w, intent);
        add_packed(b, SPACE_INTENT, mv->bytes, sizeof(mv->bytes), &w, serial);
}

void space_write_container(SpaceBatch *b, const ObjectKey *key, const Container *c, uint64_t serial)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        PackWriter w;

        object_key_pack(key, buf);
        pack_init(&w);
        container_pack(&w, c);
        add_packed(b, SPACE_CONTAINER, buf, sizeof(buf), &w, serial);
}

void space_delete(SpaceBatch *b, SpaceTable table, const void *key, size_t n_key)
{
        SpaceWrite *w = GROW(b, writes);

        assert(n_key > 0 && n_key <= SPACE_KEY_MAX);

        w->table = table;
        memcpy(w->key, key, n_key);
        w->n_key = n_key;
        w->serial = SPACE_ANY;
}

void space_delete_read(SpaceBatch *b, SpaceTable table, const void *key, size_t n_key, uint64_t serial)
{
        space_delete(b, table, key, n_key);
        b->writes[b->n_writes - 1].serial = serial;
}

/**
 * space_write_link() - add or remove one id, or all of an owner's under a name
 * @id: not looked at with LINK_CLEAR
 */
void space_write_link(SpaceBatch *b, LinkTable table, LinkVerb verb, const void *owner, size_t n_owner,
                      const char *name, const ObjectId *id)
{
        LinkWrite *l = GROW(b, links);

        l->table = table;
        l->verb = verb;
        l->n_key = space_link_key(owner, n_owner, name, l->key);
        if (verb != LINK_CLEAR)
                l->id = *id;
}

/**
 * space_write_join() - let a metaverse object be found, or no longer, by the value of a join attribute
 *
 * Each value of a list counts by itself. Every value has two rows, see space_join_key().
 */
void space_write_join(SpaceBatch *b, LinkVerb verb, const char *type, const char *attribute, Value v,
                      const ObjectId *mv)
{
        size_t n = value_count(v);

        for (size_t i = 0; i < n; i++) {
                for (int sensitive = 0; sensitive < 2; sensitive++) {
                        LinkWrite *l = GROW(b, links);

                        l->table = LINK_JOIN;
                        l->verb = verb;
                        space_join_key(type, attribute, value_at(v, i), sensitive, b->arena, l->key);
                        l->n_key = SPACE_HASH_SIZE;
                        l->id = *mv;
                }
        }
}

/**
 * space_wait() - a reference whose target is not in the cloud yet
 *
 * The target is looked up once more in the transaction that stores this; if it has appeared meanwhile, the
 * reference is ready at once.
 */
void space_wait(SpaceBatch *b, const Edge *edge)
{
        Edge *e = GROW(b, edges);

        *e = *edge;
        e->attribute = arena_strdup(b->arena, edge->attribute);
}

/**
 * space_appeared() - this object has its cloud id as of this commit
 *
 * Whoever waits for it is woken. Say it with every space_write_cloud_of(): saying it twice costs one look-up.
 */
void space_appeared(SpaceBatch *b, const ObjectKey *key)
{
        ObjectKey *k = GROW(b, appeared);

        *k = *key;
}

/**
 * space_again() - another object is to be run again, because of what this commit says
 */
void space_again(SpaceBatch *b, const ObjectKey *key)
{
        for (size_t i = 0; i < b->n_again; i++)
                if (b->again[i].source == key->source && guid_is(&b->again[i].id, &key->id))
                        return;
        *GROW(b, again) = *key;
}
