/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/check.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/model/outcome.h"
#include "queue/store.h"

#include <errno.h>
#include <string.h>

/* Rows between two words of progress. */
#define SHOW_EVERY 1000

typedef struct Check {
        Store store;
        MDB_txn *txn;
        uint64_t reserved; /* the first number that was never given */
        uint64_t n_total;
        BackupProgressFn progress;
        void *context;
        CheckResult *result;
        Arena *arena; /* of the row in hand */
        Diag *diag;
        bool cancelled;
} Check;

typedef void (*RowFn)(Check *c, const char *table, unsigned number, MDB_val key, MDB_val val);

/* -- words ----------------------------------------------------------------------------------------------- */

static const char *key_text(Check *c, MDB_val key)
{
        const uint8_t *bytes = key.mv_data;
        char *text = arena_alloc(c->arena, GUID_TEXT_MAX);
        ObjectKey object;
        ObjectId id;

        if (object_key_unpack(key.mv_data, key.mv_size < OBJECT_KEY_SIZE ? key.mv_size : OBJECT_KEY_SIZE,
                              &object))
                return guid_format(&object.id, text);
        if (key.mv_size == sizeof(id.bytes)) {
                memcpy(id.bytes, bytes, sizeof(id.bytes));
                return guid_format(&id, text);
        }
        return str_safe(c->arena, key.mv_data, key.mv_size < 60 ? key.mv_size : 60);
}

__attribute__((format(printf, 4, 5))) static void find(Check *c, const char *table, MDB_val key,
                                                       const char *format, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        c->result->n_findings++;
        diag_add(c->diag, "%s: %s: %s", table, key_text(c, key), text);
}

/* -- walking --------------------------------------------------------------------------------------------- */

static int walk(Check *c, MDB_dbi dbi, const char *table, unsigned number, RowFn row)
{
        MDB_cursor *cursor;
        MDB_val key, val;
        int rc;

        if (!dbi)
                return 0; /* a store of an older program has no such table */
        rc = mdb_cursor_open(c->txn, dbi, &cursor);
        if (rc)
                return rc;
        while (!c->cancelled && (rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) == 0) {
                row(c, table, number, key, val);
                arena_reset(c->arena);
                if (++c->result->n_rows % SHOW_EVERY == 0 && c->progress)
                        c->cancelled = c->progress(c->context, c->result->n_rows, c->n_total);
        }
        mdb_cursor_close(cursor);
        return rc == MDB_NOTFOUND ? 0 : rc;
}

static bool has_row(Check *c, MDB_dbi dbi, const void *key, size_t n_key)
{
        MDB_val val;

        return dbi && store_get(c->txn, dbi, key, n_key, &val) == 0;
}

/* -- the queue ------------------------------------------------------------------------------------------- */

static void look_at_change(Check *c, const char *table, unsigned number, MDB_val key, MDB_val val)
{
        uint8_t place[PLACE_KEY_SIZE];
        ObjectKey object;
        MDB_val at;
        Row row;
        int r;

        c->result->n_changes++;
        if (key.mv_size != OBJECT_KEY_SIZE || !object_key_unpack(key.mv_data, key.mv_size, &object)) {
                find(c, table, key, "not the key of an object");
                return;
        }
        r = row_unpack(c->arena, val.mv_data, val.mv_size, &row);
        if (r || row.place.lane >= _LANE_N || row.place.class >= _ROW_CLASS_N) {
                find(c, table, key, r == PACK_E_NEWER ? "written by a newer program" : "cannot be read");
                return;
        }
        if (row.place.sequence >= c->reserved || row.generation >= c->reserved)
                find(c, table, key, "a number that was never given");
        place_key(&row.place, place);
        if (!c->store.due[row.place.lane][row.place.class] ||
            store_get(c->txn, c->store.due[row.place.lane][row.place.class], place, sizeof(place), &at) ||
            at.mv_size != key.mv_size || memcmp(at.mv_data, key.mv_data, key.mv_size) != 0)
                find(c, table, key, "does not stand where it says: lane %s, %s",
                     lane_name((Lane)row.place.lane), row_class_name((RowClass)row.place.class));
}

static void look_at_due(Check *c, const char *table, unsigned number, MDB_val key, MDB_val val)
{
        Place expected, place;
        uint64_t generation;
        MDB_val change;

        if (key.mv_size != PLACE_KEY_SIZE ||
            store_get(c->txn, c->store.change, val.mv_data, val.mv_size, &change)) {
                find(c, table, val, "due, but there is no such change");
                return;
        }
        place_from_key(key.mv_data, (uint8_t)(number / _ROW_CLASS_N), (RowClass)(number % _ROW_CLASS_N),
                       &expected);
        if (row_peek(change.mv_data, change.mv_size, &place, &generation) == 0 &&
            (place.lane != expected.lane || place.class != expected.class ||
             place.due.ms != expected.due.ms || place.sequence != expected.sequence))
                find(c, table, val, "due twice: its row says another place");
}

static void look_at_outcome(Check *c, const char *table, unsigned number, MDB_val key, MDB_val val)
{
        Outcome o;

        c->result->n_outcomes++;
        if (outcome_unpack(c->arena, val.mv_data, val.mv_size, &o))
                find(c, table, key, "cannot be read");
}

/* -- the spaces ------------------------------------------------------------------------------------------ */

static int unpack_row(Check *c, unsigned table, const uint8_t *data, size_t n, ObjectId *ret_leads_to)
{
        const Object *object;
        Container container;
        Intent intent;
        Person person;
        Cloud cloud;
        Head head;
        int r;

        switch ((SpaceTable)table) {
        case SPACE_HEAD:
                r = head_unpack(c->arena, data, n, &head);
                if (r == 0 && head.imported.ms)
                        *ret_leads_to = head.metaverse;
                return r;
        case SPACE_IMPORT:
                return import_unpack(c->arena, data, n, &object);
        case SPACE_METAVERSE:
                return person_unpack(c->arena, data, n, &person);
        case SPACE_CLOUD:
                return cloud_unpack(c->arena, data, n, &cloud);
        case SPACE_CLOUD_OF:
                if (n != sizeof(ret_leads_to->bytes))
                        return PACK_E_CORRUPT;
                memcpy(ret_leads_to->bytes, data, n);
                return 0;
        case SPACE_INTENT:
                return intent_unpack(c->arena, data, n, &intent);
        case SPACE_CONTAINER:
                return container_unpack(c->arena, data, n, &container);
        default:
                return 0; /* a memo is its owner's; a table of another part of the program too */
        }
}

static void look_at_space(Check *c, const char *table, unsigned number, MDB_val key, MDB_val val)
{
        ObjectId leads_to = { { 0 } };
        int r;

        c->result->n_objects += number == SPACE_HEAD;
        if (val.mv_size < 8) {
                find(c, table, key, "cannot be read: it is too short");
                return;
        }
        if (get_be64(val.mv_data) >= c->reserved)
                find(c, table, key, "a number that was never given");
        r = unpack_row(c, number, (const uint8_t *)val.mv_data + 8, val.mv_size - 8, &leads_to);
        if (r) {
                find(c, table, key, r == PACK_E_NEWER ? "written by a newer program" : "cannot be read");
                return;
        }
        if (guid_is_zero(&leads_to))
                return;
        if (number == SPACE_HEAD &&
            !has_row(c, c->store.space[SPACE_METAVERSE], leads_to.bytes, sizeof(leads_to.bytes)))
                find(c, table, key, "its metaverse object is not there");
        if (number == SPACE_CLOUD_OF &&
            !has_row(c, c->store.space[SPACE_CLOUD], leads_to.bytes, sizeof(leads_to.bytes)))
                find(c, table, key, "its cloud object is not there");
}

/* Return: true, with the data behind the serial. */
static bool space_row(Check *c, SpaceTable table, const void *key, size_t n_key, MDB_val *ret_val)
{
        if (!c->store.space[table] || store_get(c->txn, c->store.space[table], key, n_key, ret_val) ||
            ret_val->mv_size < 8)
                return false;
        *ret_val = store_val((const uint8_t *)ret_val->mv_data + 8, ret_val->mv_size - 8);
        return true;
}

/* Nothing of it is exported now (engine/steps/link.c), so its references wait for a run that may. */
static bool is_let_alone(Check *c, const uint8_t key[OBJECT_KEY_SIZE])
{
        Person person;
        Cloud cloud;
        MDB_val val;
        Head head;

        if (!space_row(c, SPACE_HEAD, key, OBJECT_KEY_SIZE, &val) ||
            head_unpack(c->arena, val.mv_data, val.mv_size, &head) || !head.in_scope)
                return true;
        if (!space_row(c, SPACE_METAVERSE, head.metaverse.bytes, sizeof(head.metaverse.bytes), &val) ||
            person_unpack(c->arena, val.mv_data, val.mv_size, &person))
                return true;
        return !space_row(c, SPACE_CLOUD, person.cloud.bytes, sizeof(person.cloud.bytes), &val) ||
               cloud_unpack(c->arena, val.mv_data, val.mv_size, &cloud) || cloud.mastered_elsewhere;
}

static void look_at_link(Check *c, const char *table, unsigned number, MDB_val key, MDB_val val)
{
        bool of_object = key.mv_size > OBJECT_KEY_SIZE;

        c->result->n_links++;
        if (key.mv_size < 16 || key.mv_size > SPACE_KEY_MAX || val.mv_size != sizeof(ObjectId)) {
                find(c, table, key, "not a link");
                return;
        }
        if (number == LINK_WAIT && of_object &&
            has_row(c, c->store.space[SPACE_CLOUD_OF], key.mv_data, OBJECT_KEY_SIZE))
                find(c, table, key, "references wait for it, though it is in the cloud");
        if (number == LINK_READY && of_object && !has_row(c, c->store.change, key.mv_data, OBJECT_KEY_SIZE) &&
            !is_let_alone(c, key.mv_data))
                find(c, table, key, "has references that are ready, and no change in the queue");
}

/* -- the whole ------------------------------------------------------------------------------------------- */

static int check_meta(Check *c)
{
        const char *program = NULL;
        MDB_val val;
        int r, rc;

        if (!c->store.meta || store_get(c->txn, c->store.meta, "format", strlen("format"), &val)) {
                diag_set(c->diag, "%s: there is no store of sosync here", c->store.path);
                return -ENOENT;
        }
        r = format_unpack(c->arena, val.mv_data, val.mv_size, &program);
        if (r == PACK_E_NEWER) {
                diag_set(c->diag, "%s: written by a newer program, sosync %s; this is %s", c->store.path,
                         program ? str_safe(c->arena, program, strlen(program)) : "(version not known)",
                         SOSYNC_VERSION);
                return QUEUE_E_STALE;
        }
        rc = store_get(c->txn, c->store.meta, "sequence", strlen("sequence"), &val);
        if (r || (rc && rc != MDB_NOTFOUND) || (rc == 0 && val.mv_size != 8)) {
                diag_set(c->diag, "%s: damaged: its format cannot be read", c->store.path);
                return -EBADMSG;
        }
        /* Nothing was ever put into it: no number has been given out. */
        c->reserved = rc ? 0 : get_be64(val.mv_data);
        return 0;
}

static void count_total(Check *c, MDB_dbi dbi)
{
        MDB_stat stat;

        if (dbi && mdb_stat(c->txn, dbi, &stat) == 0)
                c->n_total += stat.ms_entries;
}

static void count_all(Check *c)
{
        count_total(c, c->store.change);
        count_total(c, c->store.outcome);
        for (unsigned i = 0; i < _LANE_N * _ROW_CLASS_N; i++)
                count_total(c, c->store.due[i / _ROW_CLASS_N][i % _ROW_CLASS_N]);
        for (unsigned i = SPACE_HEAD; i <= SPACE_LAST; i++)
                count_total(c, c->store.space[i]);
        for (unsigned i = LINK_IMPORT; i <= LINK_READY; i++)
                count_total(c, c->store.link[i]);
}

static int look_at_all(Check *c)
{
        int rc = walk(c, c->store.change, "change", 0, look_at_change);

        for (unsigned i = 0; rc == 0 && i < _LANE_N * _ROW_CLASS_N; i++) {
                char name[64];

                snprintf(name, sizeof(name), "due-%s-%s", lane_name((Lane)(i / _ROW_CLASS_N)),
                         row_class_name((RowClass)(i % _ROW_CLASS_N)));
                rc = walk(c, c->store.due[i / _ROW_CLASS_N][i % _ROW_CLASS_N], name, i, look_at_due);
        }
        if (rc == 0)
                rc = walk(c, c->store.outcome, "outcome", 0, look_at_outcome);
        for (unsigned i = SPACE_HEAD; rc == 0 && i <= SPACE_LAST; i++)
                rc = walk(c, c->store.space[i], space_table_name((SpaceTable)i), i, look_at_space);
        for (unsigned i = LINK_IMPORT; rc == 0 && i <= LINK_READY; i++)
                rc = walk(c, c->store.link[i], link_table_name((LinkTable)i), i, look_at_link);
        return rc;
}

static int check_snapshot(Check *c)
{
        int rc = store_open_tables(&c->store, c->txn, false), r;

        if (rc)
                return error_origin(store_error(rc));
        r = check_meta(c);
        if (r)
                return r;
        count_all(c);
        rc = look_at_all(c);
        if (rc) {
                diag_set(c->diag, "%s: damaged: %s. Restore it from a backup", c->store.path,
                         mdb_strerror(rc));
                return -EBADMSG;
        }
        return c->cancelled ? QUEUE_E_CLOSED : 0;
}

/**
 * queue_lmdb_check() - read everything, and say what does not fit
 *
 * Return: 0, QUEUE_E_CLOSED, QUEUE_E_STALE, -ENOENT, -errno.
 */
int queue_lmdb_check(const char *folder, BackupProgressFn progress, void *context, CheckResult *ret_result,
                     Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Check c = {
                .progress = progress, .context = context, .result = ret_result, .arena = a, .diag = diag
        };
        int r;

        *ret_result = (CheckResult){ 0 };
        r = store_open_to_look(&c.store, folder, diag);
        if (r == 0) {
                r = store_read(&c.store, &c.txn);
                if (r == 0)
                        r = check_snapshot(&c);
                store_read_end(&c.store, c.txn);
        }
        store_close(&c.store);
        return r;
}
