/* SPDX-License-Identifier: Apache-2.0 */

#include "app/rules/store.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/space/memo.h"

#include <errno.h>
#include <string.h>

#define HISTORY_MEMO  "rules.history"
#define CATCH_UP_MEMO "rules.catch-up"

#define ACTIVATION_FIELDS 5
#define FILE_FIELDS       2

/* Of all: one list, or one id. */
static const MemoShape shape = { .version = 1, .n_fields = 1 };

static const char *texts_memo(Arena *a, const char *version)
{
        return arena_printf(a, "rules.text.%.32s", version);
}

/* -- reading --------------------------------------------------------------------------------------------- */

int rules_store_history(Space *s, Arena *a, RulesHistory *ret_history)
{
        RulesHistory h = { 0 };
        PackReader *r;
        MemoReader m;
        size_t n;
        int err;

        err = memo_open(s, HISTORY_MEMO, &shape, a, &m, &h.serial);
        if (err == SPACE_E_NONE) {
                *ret_history = h;
                return 0;
        }
        if (err)
                return error_fold(err);
        r = &m.pack;
        n = unpack_array(r);
        for (size_t i = 0; i < n && i < RULES_KEPT && !r->error; i++) {
                RulesActivation *x = &h.items[h.n];
                size_t fields = unpack_array(r);

                x->version = unpack_str(r, a);
                x->origin = unpack_str(r, a);
                x->by = unpack_str(r, a);
                x->how = unpack_str(r, a);
                x->at.ms = unpack_int(r);
                if (fields > ACTIVATION_FIELDS)
                        unpack_skip(r, fields - ACTIVATION_FIELDS);
                if (!r->error &&
                    (fields < ACTIVATION_FIELDS || !x->version || !x->origin || !x->by || !x->how))
                        r->error = PACK_E_CORRUPT;
                h.n += !r->error;
        }
        if (r->error)
                return error_origin(-EUCLEAN);
        *ret_history = h;
        return 0;
}

int rules_store_read(Space *s, Arena *a, const char *version, const RulesFile **ret_files, size_t *ret_n)
{
        RulesFile *files;
        PackReader *r;
        MemoReader m;
        size_t n;
        int err;

        err = memo_open(s, texts_memo(a, version), &shape, a, &m, NULL);
        if (err == SPACE_E_NONE)
                return RULES_STORE_E_NONE;
        if (err)
                return error_fold(err);
        r = &m.pack;
        n = unpack_array(r);
        files = arena_new_array(a, RulesFile, n + 1);
        for (size_t i = 0; i < n && !r->error; i++) {
                size_t fields = unpack_array(r);

                files[i].name = unpack_str(r, a);
                files[i].text = unpack_str(r, a);
                files[i].n = files[i].text ? strlen(files[i].text) : 0;
                if (!r->error && (fields != FILE_FIELDS || !files[i].name || !files[i].text))
                        r->error = PACK_E_CORRUPT;
        }
        if (r->error)
                return error_origin(-EUCLEAN);
        *ret_files = files;
        *ret_n = n;
        return 0;
}

/* Up to whom something is done that goes over everybody. */
static int read_place(Space *s, const char *name, ObjectId *ret_after)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        MemoReader m;
        ObjectId after;
        int err;

        err = memo_open(s, name, &shape, a, &m, NULL);
        if (err == SPACE_E_NONE)
                return RULES_STORE_E_NONE;
        if (err)
                return error_fold(err);
        unpack_fixed(&m.pack, after.bytes, sizeof(after.bytes));
        if (memo_close(&m))
                return error_origin(-EUCLEAN);
        *ret_after = after;
        return 0;
}

int rules_store_catch_up(Space *s, ObjectId *ret_after)
{
        return read_place(s, CATCH_UP_MEMO, ret_after);
}

int rules_store_joins(Space *s, ObjectId *ret_after)
{
        return read_place(s, MEMO_JOINS, ret_after);
}

/* -- writing --------------------------------------------------------------------------------------------- */

static void write_texts(SpaceBatch *b, const RulesFile *files, size_t n_files, const char *version)
{
        PackWriter w;

        memo_begin(&w, &shape);
        pack_array(&w, n_files);
        for (size_t i = 0; i < n_files; i++) {
                pack_array(&w, FILE_FIELDS);
                pack_str(&w, files[i].name);
                pack_str(&w, files[i].text);
        }
        memo_end(&w, b, texts_memo(b->arena, version), SPACE_ANY);
}

static void write_history(SpaceBatch *b, const RulesHistory *h)
{
        PackWriter w;

        memo_begin(&w, &shape);
        pack_array(&w, h->n);
        for (size_t i = 0; i < h->n; i++) {
                pack_array(&w, ACTIVATION_FIELDS);
                pack_str(&w, h->items[i].version);
                pack_str(&w, h->items[i].origin);
                pack_str(&w, h->items[i].by);
                pack_str(&w, h->items[i].how);
                pack_int(&w, h->items[i].at.ms);
        }
        memo_end(&w, b, HISTORY_MEMO, SPACE_ANY);
}

/* `after` NULL: all of it is done. */
static void write_place(SpaceBatch *b, const char *name, const ObjectId *after)
{
        PackWriter w;

        if (!after) {
                memo_delete(b, name);
                return;
        }
        memo_begin(&w, &shape);
        pack_bytes(&w, after->bytes, sizeof(after->bytes));
        memo_end(&w, b, name, SPACE_ANY);
}

static bool is_kept(const RulesHistory *h, const char *version)
{
        for (size_t i = 0; i < h->n; i++)
                if (str_is(h->items[i].version, version))
                        return true;
        return false;
}

static int put(Queue *q, const SpaceBatch *b, const Change *changes, size_t n_changes, Wall now)
{
        return queue_put(q, &(Intake){ .changes = changes,
                                       .n_changes = n_changes,
                                       .writes = b->writes,
                                       .n_writes = b->n_writes,
                                       .now = now });
}

int rules_store_activate(Queue *q, const RulesFile *texts, size_t n_texts, const RulesActivation *what)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        RulesHistory old, h = { .n = 1 };
        size_t bytes = 0;
        SpaceBatch b;
        int r;

        for (size_t i = 0; i < n_texts; i++)
                bytes += strlen(texts[i].name) + texts[i].n + 32;
        if (bytes > PACK_RECORD_MAX)
                return error_origin(-EFBIG);
        r = rules_store_history(queue_space(q), a, &old);
        if (r)
                return error_trace(r);
        h.items[0] = *what;
        for (size_t i = 0; i < old.n && h.n < RULES_KEPT; i++)
                h.items[h.n++] = old.items[i];
        space_batch_init(&b, a);
        write_texts(&b, texts, n_texts, what->version);
        write_history(&b, &h);
        if (old.n && !is_kept(&h, old.items[old.n - 1].version))
                memo_delete(&b, texts_memo(a, old.items[old.n - 1].version));
        if (old.n) {
                write_place(&b, MEMO_JOINS, &(ObjectId){ 0 });
                write_place(&b, CATCH_UP_MEMO, &(ObjectId){ 0 });
        }
        r = put(q, &b, NULL, 0, what->at);
        return queue_errno(r);
}

int rules_store_caught_up(Queue *q, const ObjectId *after, const Change *changes, size_t n_changes, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch b;

        space_batch_init(&b, a);
        write_place(&b, CATCH_UP_MEMO, after);
        return put(q, &b, changes, n_changes, now);
}

int rules_store_indexed(Queue *q, const ObjectId *after, const LinkWrite *links, size_t n_links, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch b;

        space_batch_init(&b, a);
        write_place(&b, MEMO_JOINS, after);
        return queue_put(q, &(Intake){ .writes = b.writes,
                                       .n_writes = b.n_writes,
                                       .links = links,
                                       .n_links = n_links,
                                       .now = now });
}
