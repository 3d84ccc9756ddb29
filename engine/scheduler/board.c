/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/board.h"

#include "base/pack.h"
#include "base/str.h"

#include <string.h>

#define ASKED "scheduler.asked"

static const MemoShape shape = { .version = 1, .n_fields = 6 };

static void unpack_text(PackReader *r, Arena *a, char *text, size_t size)
{
        const char *s = unpack_str(r, a);

        snprintf(text, size, "%s", s ? s : "");
}

int board_read(const FlagStore *store, Board *ret_board)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Board b = { 0 };
        MemoReader m;
        int64_t phase;
        int r = memo_open(store->space, MEMO_BOARD, &shape, a, &m, &b.serial);

        if (r)
                return r;
        b.term = (uint64_t)unpack_int(&m.pack);
        phase = unpack_int(&m.pack);
        b.view.lanes = (LaneSet)unpack_int(&m.pack) & LANES_ALL;
        unpack_text(&m.pack, a, b.view.hold_id, sizeof(b.view.hold_id));
        unpack_text(&m.pack, a, b.view.text, sizeof(b.view.text));
        b.view.alarm = flag_alarm(unpack_str(&m.pack, a));
        if (memo_close(&m) || phase < 0 || phase >= _FLAG_PHASE_N) {
                *ret_board = (Board){ .serial = b.serial };
                return SPACE_E_CORRUPT;
        }
        b.view.phase = (FlagPhase)phase;
        *ret_board = b;
        return 0;
}

static bool is_same(const FlagView *a, const FlagView *b)
{
        return a->phase == b->phase && a->lanes == b->lanes && strcmp(a->hold_id, b->hold_id) == 0 &&
               strcmp(a->text, b->text) == 0 && str_is(a->alarm, b->alarm);
}

static int write_at(const FlagStore *store, const FlagView *view, uint64_t term, uint64_t serial)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch batch;
        PackWriter w;

        memo_begin(&w, &shape);
        pack_int(&w, (int64_t)term);
        pack_int(&w, view->phase);
        pack_int(&w, view->lanes);
        pack_str(&w, view->hold_id);
        pack_str(&w, view->text);
        pack_str(&w, view->alarm);
        space_batch_init(&batch, a);
        memo_end(&w, &batch, MEMO_BOARD, serial);
        return store->commit(store->context, &batch);
}

int board_write(const FlagStore *store, const FlagView *view, uint64_t term)
{
        int r;

        do {
                Board have = { 0 };

                r = board_read(store, &have);
                if (r < 0)
                        return r;
                if (r == 0 && have.term > term)
                        return SCHEDULER_E_OTHER;
                if (r == 0 && have.term == term && is_same(&have.view, view))
                        return 0;
                r = write_at(store, view, term, have.serial);
        } while (r == SCHEDULER_E_OTHER);
        return r;
}

int board_ask(const FlagStore *store)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch batch;

        space_batch_init(&batch, a);
        memo_write(&batch, ASKED, "", 1, SPACE_ANY);
        return store->commit(store->context, &batch);
}

uint64_t board_asked(const FlagStore *store)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint64_t serial = 0;
        const uint8_t *data;
        size_t n;

        return memo_read(store->space, ASKED, a, &data, &n, &serial) ? 0 : serial;
}
