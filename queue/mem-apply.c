/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/mem.h"

#include "base/error.h"
#include "engine/space/space-records.h"
#include "queue/record.h"

#include <stdlib.h>
#include <string.h>

MemRow *mem_row(const QueueMem *q, const ObjectKey *key)
{
        uint8_t packed[OBJECT_KEY_SIZE];
        KeyNode *node;

        object_key_pack(key, packed);
        node = keymap_find(&q->rows, packed, sizeof(packed));
        return node ? keymap_entry(node, MemRow, node) : NULL;
}

/* The row goes through its record, so that its texts are its own. */
void mem_row_set(MemRow *m, const Row *row)
{
        Arena *a = arena_new(0);
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        row_pack(&w, row);
        data = pack_data(&w, &n);
        if (row_unpack(a, data, n, &m->row))
                abort(); /* what was packed a moment ago can be read */
        pack_deinit(&w);
        arena_free(m->arena);
        m->arena = a;
}

void mem_row_free(QueueMem *q, MemRow *m)
{
        keymap_remove(&q->rows, &m->node);
        arena_free(m->arena);
        free(m);
}

size_t mem_count_ready(const QueueMem *q, const uint8_t key[OBJECT_KEY_SIZE])
{
        return links_of_object(q, LINK_READY, key);
}

static const char *known_dn(const QueueMem *q, const uint8_t key[OBJECT_KEY_SIZE], Arena *a)
{
        uint8_t buf[1 + SPACE_KEY_MAX];
        const Cell *cell = cell_find(&q->cells, buf, cell_key(SPACE_HEAD, key, OBJECT_KEY_SIZE, buf));
        Head head;

        return cell && head_unpack(a, cell->data, cell->n, &head) == 0 ? head.dn : NULL;
}

/* A change arrives. */
void mem_arrive(QueueMem *q, const Change *c, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ObjectKey key = { c->source, c->id };
        MemRow *m = mem_row(q, &key);
        bool hurry = false;
        Row row;

        if (c->kind == CHANGE_LINK) {
                uint8_t packed[OBJECT_KEY_SIZE];

                object_key_pack(&key, packed);
                hurry = mem_count_ready(q, packed) >= ROW_LINK_MANY;
        } else {
                q->stats.n_put++;
                q->stats.n_merged += m != NULL;
        }
        if (m) {
                row = m->row;
                row_arrive(&row, c, m->token != 0, now, q->next++, hurry, rests_of(&q->rests, m->key, now));
        } else {
                Change first = *c;

                m = calloc(1, sizeof(*m));
                if (!m)
                        error_oom(sizeof(*m));
                object_key_pack(&key, m->key);
                keymap_add(&q->rows, &m->node, m->key, sizeof(m->key));
                if (!c->dn)
                        first.dn = known_dn(q, m->key, a);
                row_new(&row, &first, now, q->next++, hurry, rests_of(&q->rests, m->key, now));
        }
        mem_row_set(m, &row);
}

static uint64_t serial_of(const QueueMem *q, const SpaceWrite *w)
{
        uint8_t buf[1 + SPACE_KEY_MAX];
        const Cell *cell = cell_find(&q->cells, buf, cell_key(w->table, w->key, w->n_key, buf));

        return cell ? cell->serial : 0;
}

bool mem_writes_hold(const QueueMem *q, const SpaceWrite *writes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (writes[i].serial != SPACE_ANY && writes[i].serial != serial_of(q, &writes[i]))
                        return false;
        }
        return true;
}

static void write_row(QueueMem *q, const SpaceWrite *w)
{
        uint8_t buf[1 + SPACE_KEY_MAX];
        size_t n = cell_key(w->table, w->key, w->n_key, buf);

        if (w->data) {
                cell_set(&q->cells, buf, n, w->data, w->n, q->next++);
        } else {
                Cell *cell = cell_find(&q->cells, buf, n);

                if (cell)
                        cell_remove(&q->cells, cell);
        }
}

static bool is_in_cloud(const QueueMem *q, const uint8_t key[OBJECT_KEY_SIZE])
{
        uint8_t buf[1 + SPACE_KEY_MAX];

        return cell_find(&q->cells, buf, cell_key(SPACE_CLOUD_OF, key, OBJECT_KEY_SIZE, buf)) != NULL;
}

static void put_link_change(QueueMem *q, const ObjectKey *source, uint8_t lane, Wall now)
{
        Change c = {
                .id = source->id, .source = source->source, .kind = CHANGE_LINK, .lane = lane, .seen = now
        };

        mem_arrive(q, &c, now);
}

static void put_again(QueueMem *q, const ObjectKey *key, uint8_t lane, bool revoke, Wall now)
{
        Change c = { .id = key->id,
                     .source = key->source,
                     .kind = CHANGE_UPSERT,
                     .lane = lane,
                     .revoke = revoke,
                     .seen = now };

        mem_arrive(q, &c, now);
}

static void store_wait(QueueMem *q, const Edge *e, uint8_t lane, Wall now)
{
        ObjectKey target = { e->from.source, e->to };
        uint8_t from[OBJECT_KEY_SIZE], to[OBJECT_KEY_SIZE], key[SPACE_KEY_MAX];
        size_t n;

        object_key_pack(&e->from, from);
        object_key_pack(&target, to);
        if (is_in_cloud(q, to)) {
                n = space_link_key(from, sizeof(from), e->attribute, key);
                links_write(q, LINK_READY, LINK_ADD, key, n, &e->to);
                put_link_change(q, &e->from, lane, now);
        } else {
                n = space_link_key(to, sizeof(to), e->attribute, key);
                links_write(q, LINK_WAIT, LINK_ADD, key, n, &e->from.id);
        }
}

/* The first list of waits for this target, by key; NULL: none. */
static MemLinks *find_wait(QueueMem *q, const uint8_t target[OBJECT_KEY_SIZE])
{
        MemLinks *first = NULL;

        if (!links_of_object(q, LINK_WAIT, target))
                return NULL;
        for (KeyNode *i = keymap_next(&q->links, NULL); i; i = keymap_next(&q->links, i)) {
                MemLinks *l = keymap_entry(i, MemLinks, node);

                if (l->key[0] == LINK_WAIT && memcmp(l->key + 1, target, OBJECT_KEY_SIZE) == 0 &&
                    (!first || memcmp(l->key, first->key, l->n_key) < 0))
                        first = l;
        }
        return first;
}

static void appeared(QueueMem *q, const ObjectKey *target, uint8_t lane, Wall now)
{
        uint8_t packed[OBJECT_KEY_SIZE];
        MemLinks *l;

        object_key_pack(target, packed);
        while (is_in_cloud(q, packed) && (l = find_wait(q, packed))) {
                uint8_t key[SPACE_KEY_MAX];
                size_t n_key = l->n_key - 1;
                ObjectKey source = { target->source, l->ids[0] };

                memcpy(key, l->key + 1, n_key);
                links_write(q, LINK_WAIT, LINK_REMOVE, key, n_key, &source.id);
                object_key_pack(&source, key);
                links_write(q, LINK_READY, LINK_ADD, key, n_key, &target->id);
                put_link_change(q, &source, lane, now);
        }
}

static void add_outcome(QueueMem *q, const Outcome *o)
{
        const uint8_t *data;
        PackWriter w;
        MemOutcome *row;

        if (q->n_outcomes == q->size_outcomes) {
                q->size_outcomes = q->size_outcomes ? q->size_outcomes * 2 : 16;
                q->outcomes = realloc(q->outcomes, q->size_outcomes * sizeof(*q->outcomes));
                if (!q->outcomes)
                        error_oom(q->size_outcomes * sizeof(*q->outcomes));
        }
        row = &q->outcomes[q->n_outcomes++];
        pack_init(&w);
        outcome_pack(&w, o);
        data = pack_data(&w, &row->n);
        row->data = malloc(row->n);
        if (!row->data)
                error_oom(row->n);
        memcpy(row->data, data, row->n);
        row->sequence = q->next++;
        pack_deinit(&w);
}

/**
 * mem_apply() - what a call leaves behind
 * @skip_stale: a write whose serial does not hold is left out (put); else the caller has checked
 * @ended: the row whose lease ends with this; NULL: none
 * @left: what is left of that row; NULL: nothing
 */
void mem_apply(QueueMem *q, const SpaceBatch *b, bool skip_stale, uint8_t lane, Wall now,
               const Outcome *outcome, MemRow *ended, const Row *left)
{
        for (size_t i = 0; b && i < b->n_writes; i++) {
                if (!skip_stale || mem_writes_hold(q, &b->writes[i], 1))
                        write_row(q, &b->writes[i]);
        }
        for (size_t i = 0; b && i < b->n_links; i++)
                links_write(q, b->links[i].table, b->links[i].verb, b->links[i].key, b->links[i].n_key,
                            &b->links[i].id);
        if (ended && left) {
                mem_row_set(ended, left);
                ended->token = 0;
                ended->in_doubt = false;
        } else if (ended) {
                mem_row_free(q, ended);
        }
        for (size_t i = 0; b && i < b->n_again; i++)
                put_again(q, &b->again[i], lane, b->again_revoke, now);
        for (size_t i = 0; b && i < b->n_edges; i++)
                store_wait(q, &b->edges[i], lane, now);
        for (size_t i = 0; b && i < b->n_writes; i++) {
                ObjectKey key;

                if (b->writes[i].table == SPACE_CLOUD_OF && b->writes[i].data &&
                    object_key_unpack(b->writes[i].key, b->writes[i].n_key, &key))
                        appeared(q, &key, lane, now);
        }
        for (size_t i = 0; b && i < b->n_appeared; i++)
                appeared(q, &b->appeared[i], lane, now);
        if (outcome)
                add_outcome(q, outcome);
        q->stats.n_commits++;
        pthread_cond_broadcast(&q->changed);
}
