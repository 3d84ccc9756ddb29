/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/space/journal.h"

#include "base/error.h"
#include "base/pack.h"
#include "engine/space/space-internal.h"

#include <string.h>

#define JOURNAL_VERSION 1
#define HOLD_VERSION    1
#define JOURNAL_FIELDS  13
#define OP_FIELDS       7
#define HOLD_FIELDS     7
#define WANT_FIELDS     6
/* What an item takes at least on disk: a short record cannot ask for a long array. */
#define ITEM_MIN 4

void journal_key(const JournalEntry *e, uint8_t buf[JOURNAL_KEY_SIZE])
{
        for (int i = 0; i < 8; i++)
                buf[i] = (uint8_t)((uint64_t)e->at.ms >> (56 - 8 * i));
        memcpy(buf + 8, e->run.bytes, sizeof(e->run.bytes));
}

static void pack_id(PackWriter *w, const ObjectId *id)
{
        if (guid_is_zero(id))
                pack_nil(w);
        else
                pack_bytes(w, id->bytes, sizeof(id->bytes));
}

static ObjectId unpack_id(PackReader *r)
{
        ObjectId id = { 0 };

        if (!unpack_is_nil(r))
                unpack_fixed(r, id.bytes, sizeof(id.bytes));
        return id;
}

static size_t begin_items(PackReader *r)
{
        size_t n = unpack_array(r);

        if (!r->error && n > (r->n - r->at) / ITEM_MIN + 1)
                r->error = PACK_E_CORRUPT;
        return r->error ? 0 : n;
}

static size_t begin_fields(PackReader *r, size_t n_known)
{
        size_t n = unpack_array(r);

        if (!r->error && n < n_known)
                r->error = PACK_E_CORRUPT;
        return n;
}

static void end_fields(PackReader *r, size_t n, size_t n_known)
{
        if (!r->error)
                unpack_skip(r, n - n_known);
}

static JournalVerb unpack_verb(PackReader *r)
{
        int64_t v = unpack_int(r);

        if (v < 0 || v >= _JOURNAL_VERB_N) {
                if (!r->error)
                        r->error = PACK_E_CORRUPT;
                return JOURNAL_SET;
        }
        return (JournalVerb)v;
}

void space_write_journal(SpaceBatch *b, const JournalEntry *e)
{
        uint8_t key[JOURNAL_KEY_SIZE];
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        pack_array(&w, JOURNAL_FIELDS);
        pack_int(&w, JOURNAL_VERSION);
        pack_int(&w, e->at.ms);
        pack_id(&w, &e->run);
        pack_int(&w, e->key.source);
        pack_id(&w, &e->key.id);
        pack_id(&w, &e->metaverse);
        pack_id(&w, &e->cloud);
        pack_str(&w, e->type);
        pack_str(&w, e->dn);
        pack_str(&w, e->by);
        pack_str(&w, e->rules_version);
        pack_array(&w, e->n_request_ids);
        for (size_t i = 0; i < e->n_request_ids; i++)
                pack_str(&w, e->request_ids[i]);
        pack_array(&w, e->n_ops);
        for (size_t i = 0; i < e->n_ops; i++) {
                const JournalOp *op = &e->ops[i];

                pack_array(&w, OP_FIELDS);
                pack_int(&w, op->verb);
                pack_str(&w, op->attribute);
                value_pack(&w, op->before);
                value_pack(&w, op->after);
                pack_id(&w, &op->link);
                pack_id(&w, &op->link_before);
                pack_str(&w, op->rule);
        }
        data = pack_data(&w, &n);
        journal_key(e, key);
        space_batch_row(b, SPACE_JOURNAL, key, sizeof(key), arena_memdup(b->arena, data, n), n, SPACE_ANY);
        pack_deinit(&w);
}

static void unpack_op(PackReader *r, Arena *a, JournalOp *op)
{
        size_t n = begin_fields(r, OP_FIELDS);

        op->verb = unpack_verb(r);
        op->attribute = unpack_str(r, a);
        op->before = value_unpack(r, a);
        op->after = value_unpack(r, a);
        op->link = unpack_id(r);
        op->link_before = unpack_id(r);
        op->rule = unpack_str(r, a);
        if (!op->attribute && op->verb != JOURNAL_CREATE && !r->error)
                r->error = PACK_E_CORRUPT;
        end_fields(r, n, OP_FIELDS);
}

int journal_unpack(Arena *a, const void *data, size_t n, JournalEntry *ret_entry)
{
        JournalEntry e = { 0 };
        PackReader r;
        int64_t source;

        unpack_init(&r, data, n);
        begin_fields(&r, JOURNAL_FIELDS);
        unpack_version(&r, JOURNAL_VERSION);
        e.at.ms = unpack_int(&r);
        e.run = unpack_id(&r);
        source = unpack_int(&r);
        if (source < 0 || source > UINT16_MAX)
                r.error = r.error ? r.error : PACK_E_CORRUPT;
        e.key.source = (uint16_t)source;
        e.key.id = unpack_id(&r);
        e.metaverse = unpack_id(&r);
        e.cloud = unpack_id(&r);
        e.type = unpack_str(&r, a);
        e.dn = unpack_str(&r, a);
        e.by = unpack_str(&r, a);
        e.rules_version = unpack_str(&r, a);
        e.n_request_ids = begin_items(&r);
        e.request_ids = arena_new_array(a, const char *, e.n_request_ids + 1);
        for (size_t i = 0; i < e.n_request_ids && !r.error; i++)
                e.request_ids[i] = unpack_str(&r, a);
        e.n_ops = begin_items(&r);
        e.ops = arena_new_array(a, JournalOp, e.n_ops + 1);
        for (size_t i = 0; i < e.n_ops && !r.error; i++)
                unpack_op(&r, a, &e.ops[i]);
        if (r.error)
                return r.error;
        *ret_entry = e;
        return 0;
}

void space_write_hold(SpaceBatch *b, const ObjectKey *key, const Hold *h)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        pack_array(&w, HOLD_FIELDS);
        pack_int(&w, HOLD_VERSION);
        pack_int(&w, h->since.ms);
        pack_str(&w, h->by);
        pack_str(&w, h->why);
        pack_str(&w, h->dn);
        pack_array(&w, h->n_wants);
        for (size_t i = 0; i < h->n_wants; i++) {
                const HoldWant *want = &h->wants[i];

                pack_array(&w, WANT_FIELDS);
                pack_int(&w, want->verb);
                pack_str(&w, want->attribute);
                value_pack(&w, want->expect);
                value_pack(&w, want->restore);
                pack_id(&w, &want->link);
                pack_id(&w, &want->link_expect);
        }
        pack_array(&w, h->n_left);
        for (size_t i = 0; i < h->n_left; i++)
                pack_str(&w, h->left[i]);
        data = pack_data(&w, &n);
        object_key_pack(key, buf);
        space_batch_row(b, SPACE_HOLD, buf, sizeof(buf), arena_memdup(b->arena, data, n), n, SPACE_ANY);
        pack_deinit(&w);
}

int hold_unpack(Arena *a, const void *data, size_t n, Hold *ret_hold)
{
        Hold h = { 0 };
        HoldWant *wants;
        const char **left;
        PackReader r;

        unpack_init(&r, data, n);
        begin_fields(&r, HOLD_FIELDS);
        unpack_version(&r, HOLD_VERSION);
        h.since.ms = unpack_int(&r);
        h.by = unpack_str(&r, a);
        h.why = unpack_str(&r, a);
        h.dn = unpack_str(&r, a);
        h.n_wants = begin_items(&r);
        h.wants = wants = arena_new_array(a, HoldWant, h.n_wants + 1);
        for (size_t i = 0; i < h.n_wants && !r.error; i++) {
                size_t n_fields = begin_fields(&r, WANT_FIELDS);

                wants[i].verb = unpack_verb(&r);
                wants[i].attribute = unpack_str(&r, a);
                wants[i].expect = value_unpack(&r, a);
                wants[i].restore = value_unpack(&r, a);
                wants[i].link = unpack_id(&r);
                wants[i].link_expect = unpack_id(&r);
                if (!wants[i].attribute && !r.error)
                        r.error = PACK_E_CORRUPT;
                end_fields(&r, n_fields, WANT_FIELDS);
        }
        h.n_left = begin_items(&r);
        h.left = left = arena_new_array(a, const char *, h.n_left + 1);
        for (size_t i = 0; i < h.n_left && !r.error; i++)
                left[i] = unpack_str(&r, a);
        if (r.error)
                return r.error;
        *ret_hold = h;
        return 0;
}

int space_read_hold(Space *s, const ObjectKey *key, Arena *a, Hold *ret_hold)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        SpaceRow row = { 0 };
        int r;

        object_key_pack(key, buf);
        r = s->ops->get(s, SPACE_HOLD, buf, sizeof(buf), a, &row);
        if (r)
                return error_fold(r);
        if (!row.serial)
                return SPACE_E_NONE;
        return hold_unpack(a, row.data, row.n, ret_hold) ? SPACE_E_CORRUPT : 0;
}
