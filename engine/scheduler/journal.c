/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/journal.h"

#include "base/error.h"
#include "base/pack.h"

#define NAME "scheduler.journal"

static const MemoShape shape = { .version = 1, .n_fields = 4 };

int journal_read(const FlagStore *store, Journal *ret_journal)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *id, *holder;
        Journal j = { 0 };
        MemoReader m;
        int r = memo_open(store->space, NAME, &shape, a, &m, &j.serial);

        if (r)
                return r;
        id = unpack_str(&m.pack, a);
        holder = unpack_str(&m.pack, a);
        j.previous = unpack_bool(&m.pack);
        j.since.ms = unpack_int(&m.pack);
        if (memo_close(&m) || !id || !holder) {
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

        memo_begin(&w, &shape);
        pack_str(&w, journal->hold_id);
        pack_str(&w, journal->holder);
        pack_bool(&w, journal->previous);
        pack_int(&w, journal->since.ms);
        space_batch_init(&batch, a);
        memo_end(&w, &batch, NAME, journal->serial);
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
