/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/entry.h"

#include <string.h>

/* version, kind, session, number, and what entry_unpack() reads behind them */
#define ENTRY_FIELDS   32
#define ENTRY_FIELDS_1 31 /* of version 1 */

static void pack_key(PackWriter *w, const ObjectKey *key)
{
        uint8_t packed[OBJECT_KEY_SIZE];

        object_key_pack(key, packed);
        pack_bytes(w, packed, sizeof(packed));
}

static void unpack_key(PackReader *r, ObjectKey *ret_key)
{
        uint8_t packed[OBJECT_KEY_SIZE] = { 0 };

        unpack_fixed(r, packed, sizeof(packed));
        object_key_unpack(packed, sizeof(packed), ret_key);
}

static void pack_writes(PackWriter *w, const Op *op)
{
        pack_array(w, op->n_writes);
        for (size_t i = 0; i < op->n_writes; i++) {
                const SpaceWrite *row = &op->writes[i];

                pack_array(w, 4);
                pack_int(w, row->table);
                pack_bytes(w, row->key, row->n_key);
                if (row->data)
                        pack_bytes(w, row->data, row->n);
                else
                        pack_nil(w);
                pack_int(w, (int64_t)row->serial);
        }
}

static void pack_links(PackWriter *w, const Op *op)
{
        pack_array(w, op->n_links);
        for (size_t i = 0; i < op->n_links; i++) {
                const LinkWrite *link = &op->links[i];

                pack_array(w, 4);
                pack_int(w, link->table);
                pack_int(w, link->verb);
                pack_bytes(w, link->key, link->n_key);
                pack_bytes(w, link->id.bytes, sizeof(link->id.bytes));
        }
}

static void pack_edges(PackWriter *w, const Op *op)
{
        pack_array(w, op->n_edges);
        for (size_t i = 0; i < op->n_edges; i++) {
                pack_array(w, 3);
                pack_key(w, &op->edges[i].from);
                pack_str(w, op->edges[i].attribute);
                pack_bytes(w, op->edges[i].to.bytes, sizeof(op->edges[i].to.bytes));
        }
        pack_array(w, op->n_appeared);
        for (size_t i = 0; i < op->n_appeared; i++)
                pack_key(w, &op->appeared[i]);
}

static void pack_changes(PackWriter *w, const Op *op)
{
        pack_array(w, op->n_changes);
        for (size_t i = 0; i < op->n_changes; i++)
                change_pack(w, &op->changes[i]);
        pack_str(w, op->feed);
        pack_bytes(w, op->position, op->n_position);
}

void entry_pack(PackWriter *w, const Entry *e)
{
        const Op *op = &e->op;
        bool is_checked = op->kind == OP_PUT && op->checked;
        bool has_others = op->kind != OP_PUT && op->n_changes;

        pack_array(w, ENTRY_FIELDS);
        pack_int(w, has_others ? 3 : is_checked ? 2 : 1); /* who does not know it must not pass it by */
        pack_int(w, op->kind);
        pack_int(w, (int64_t)e->session);
        pack_int(w, (int64_t)e->number);
        pack_int(w, (int64_t)e->part);
        pack_int(w, (int64_t)e->n_parts);
        pack_bytes(w, e->bytes, e->n_bytes);
        pack_int(w, (int64_t)e->lease);
        pack_str(w, e->node);
        pack_int(w, (int64_t)e->other);
        pack_int(w, (int64_t)e->term);
        pack_int(w, (int64_t)e->row_sequence);
        pack_int(w, (int64_t)e->row_generation);
        pack_bytes(w, e->metaverse.bytes, sizeof(e->metaverse.bytes));
        pack_key(w, &op->key);
        pack_int(w, op->lane);
        pack_int(w, op->tries);
        pack_int(w, op->now.ms);
        pack_int(w, op->not_before.ms);
        pack_int(w, op->rest_until.ms);
        pack_int(w, op->due.ms);
        pack_int(w, op->due_lane);
        pack_str(w, op->reason);
        pack_changes(w, op);
        pack_writes(w, op);
        pack_links(w, op);
        pack_edges(w, op);
        pack_bytes(w, op->outcome, op->n_outcome);
        pack_bool(w, is_checked);
}

static int64_t unpack_below(PackReader *r, int64_t end)
{
        int64_t v = unpack_int(r);

        if (!r->error && (v < 0 || v >= end))
                r->error = PACK_E_CORRUPT;
        return r->error ? 0 : v;
}

static size_t unpack_space_key(PackReader *r, uint8_t key[SPACE_KEY_MAX])
{
        size_t n = 0;
        const uint8_t *bytes = unpack_bytes(r, &n);

        if (!r->error && (n == 0 || n > SPACE_KEY_MAX))
                r->error = PACK_E_CORRUPT;
        if (r->error)
                return 0;
        memcpy(key, bytes, n);
        return n;
}

static void unpack_writes(PackReader *r, Arena *a, Op *op)
{
        SpaceWrite *rows;

        op->n_writes = unpack_array(r);
        op->writes = rows = arena_new_array(a, SpaceWrite, op->n_writes);
        for (size_t i = 0; i < op->n_writes && !r->error; i++) {
                unpack_array(r);
                rows[i].table = (SpaceTable)unpack_below(r, SPACE_LAST + 1);
                rows[i].n_key = unpack_space_key(r, rows[i].key);
                if (!unpack_is_nil(r))
                        rows[i].data = unpack_bytes(r, &rows[i].n);
                rows[i].serial = (uint64_t)unpack_int(r);
                if (!r->error && rows[i].table < SPACE_HEAD)
                        r->error = PACK_E_CORRUPT;
        }
}

static void unpack_links(PackReader *r, Arena *a, Op *op)
{
        LinkWrite *links;

        op->n_links = unpack_array(r);
        op->links = links = arena_new_array(a, LinkWrite, op->n_links);
        for (size_t i = 0; i < op->n_links && !r->error; i++) {
                unpack_array(r);
                links[i].table = (LinkTable)unpack_below(r, LINK_READY + 1);
                links[i].verb = (LinkVerb)unpack_below(r, LINK_CLEAR + 1);
                links[i].n_key = unpack_space_key(r, links[i].key);
                unpack_fixed(r, links[i].id.bytes, sizeof(links[i].id.bytes));
                if (!r->error && links[i].table < LINK_IMPORT)
                        r->error = PACK_E_CORRUPT;
        }
}

static void unpack_edges(PackReader *r, Arena *a, Op *op)
{
        Edge *edges;
        ObjectKey *appeared;

        op->n_edges = unpack_array(r);
        op->edges = edges = arena_new_array(a, Edge, op->n_edges);
        for (size_t i = 0; i < op->n_edges && !r->error; i++) {
                unpack_array(r);
                unpack_key(r, &edges[i].from);
                edges[i].attribute = unpack_str(r, a);
                unpack_fixed(r, edges[i].to.bytes, sizeof(edges[i].to.bytes));
                if (!r->error && !edges[i].attribute)
                        r->error = PACK_E_CORRUPT;
        }
        op->n_appeared = unpack_array(r);
        op->appeared = appeared = arena_new_array(a, ObjectKey, op->n_appeared);
        for (size_t i = 0; i < op->n_appeared && !r->error; i++)
                unpack_key(r, &appeared[i]);
}

static void unpack_changes(PackReader *r, Arena *a, Op *op)
{
        Change *changes;

        op->n_changes = unpack_array(r);
        op->changes = changes = arena_new_array(a, Change, op->n_changes);
        for (size_t i = 0; i < op->n_changes && !r->error; i++)
                change_unpack(r, a, &changes[i]);
        op->feed = unpack_str(r, a);
        op->position = unpack_bytes(r, &op->n_position);
}

/* Returns how many fields it has. */
static size_t unpack_head(PackReader *r, const void *data, size_t n, Entry *e)
{
        size_t n_fields;

        unpack_init(r, data, n);
        n_fields = unpack_array(r);
        if (n_fields < ENTRY_FIELDS_1 && !r->error)
                r->error = PACK_E_CORRUPT;
        unpack_version(r, ENTRY_VERSION);
        e->op.kind = (OpKind)unpack_below(r, _OP_KIND_N);
        e->session = (uint64_t)unpack_int(r);
        e->number = (uint64_t)unpack_int(r);
        return n_fields;
}

int entry_peek(const void *data, size_t n, uint64_t *ret_session, uint64_t *ret_number)
{
        Entry e = { 0 };
        PackReader r;

        unpack_head(&r, data, n, &e);
        if (r.error)
                return r.error;
        *ret_session = e.session;
        *ret_number = e.number;
        return 0;
}

/**
 * entry_unpack() - an entry of the log
 *
 * Return: 0, PACK_E_CORRUPT, PACK_E_NEWER.
 */
int entry_unpack(Arena *a, const void *data, size_t n, Entry *ret_entry)
{
        Entry e = { 0 };
        PackReader r;
        size_t n_fields = unpack_head(&r, data, n, &e);

        e.part = (uint64_t)unpack_int(&r);
        e.n_parts = (uint64_t)unpack_int(&r);
        e.bytes = unpack_bytes(&r, &e.n_bytes);
        e.lease = (uint64_t)unpack_int(&r);
        e.node = unpack_str(&r, a);
        e.other = (uint64_t)unpack_int(&r);
        e.term = (uint64_t)unpack_int(&r);
        e.row_sequence = (uint64_t)unpack_int(&r);
        e.row_generation = (uint64_t)unpack_int(&r);
        unpack_fixed(&r, e.metaverse.bytes, sizeof(e.metaverse.bytes));
        unpack_key(&r, &e.op.key);
        e.op.lane = (uint8_t)unpack_below(&r, _LANE_N);
        e.op.tries = (unsigned)unpack_below(&r, (int64_t)UINT32_MAX + 1);
        e.op.now.ms = unpack_int(&r);
        e.op.not_before.ms = unpack_int(&r);
        e.op.rest_until.ms = unpack_int(&r);
        e.op.due.ms = unpack_int(&r);
        e.op.due_lane = (Lane)unpack_below(&r, _LANE_N);
        e.op.reason = unpack_str(&r, a);
        unpack_changes(&r, a, &e.op);
        unpack_writes(&r, a, &e.op);
        unpack_links(&r, a, &e.op);
        unpack_edges(&r, a, &e.op);
        e.op.outcome = unpack_bytes(&r, &e.op.n_outcome);
        if (n_fields > ENTRY_FIELDS_1)
                e.op.checked = unpack_bool(&r);
        if (r.error)
                return r.error;
        if (e.op.n_outcome == 0)
                e.op.outcome = NULL;
        e.op.generation = e.row_generation;
        list_init(&e.op.link);
        *ret_entry = e;
        return 0;
}
