/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/journal.h"

#include "base/error.h"
#include "base/pack.h"

#define NAME            "scheduler.journal"
#define JOURNAL_VERSION 1
#define JOURNAL_FIELDS  5

int journal_read(const FlagStore *store, Journal *ret_journal)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const uint8_t *data;
        const char *id, *holder;
        PackReader reader;
        Journal j = { 0 };
        size_t n, n_fields;
        int r = memo_read(store->space, NAME, a, &data, &n, &j.serial);

        if (r)
                return r;
        unpack_init(&reader, data, n);
        n_fields = unpack_array(&reader);
        unpack_version(&reader, JOURNAL_VERSION);
        id = unpack_str(&reader, a);
        holder = unpack_str(&reader, a);
        j.previous = unpack_bool(&reader);
        j.since.ms = unpack_int(&reader);
        if (n_fields > JOURNAL_FIELDS)
                unpack_skip(&reader, n_fields - JOURNAL_FIELDS);
        if (unpack_end(&reader) || !id || !holder) {
                *ret_journal = (Journal){ .serial = j.serial };
                return SPACE_E_CORRUPT;
        }
        snprintf(j.hold_id, sizeof(j.hold_id), "%s", id);
        snprintf(j.holder, sizeof(j.holder), "%s", holder);
        *ret_journal = j;
        return 0;
}

static int write_at(const FlagStore *store, const Journal *journal)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch batch;
        PackWriter w;
        const uint8_t *data;
        size_t n;

        pack_init(&w);
        pack_array(&w, JOURNAL_FIELDS);
        pack_int(&w, JOURNAL_VERSION);
        pack_str(&w, journal->hold_id);
        pack_str(&w, journal->holder);
        pack_bool(&w, journal->previous);
        pack_int(&w, journal->since.ms);
        data = pack_data(&w, &n);
        space_batch_init(&batch, a);
        memo_write(&batch, NAME, data, n, journal->serial);
        pack_deinit(&w);
        return store->commit(store->context, &batch);
}

int journal_write(const FlagStore *store, Journal *journal)
{
        int r = write_at(store, journal);

        return r ? r : error_fold(journal_read(store, journal));
}

int journal_remove(const FlagStore *store, const Journal *journal)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch batch;

        space_batch_init(&batch, a);
        memo_delete_at(&batch, NAME, journal->serial);
        return store->commit(store->context, &batch);
}
