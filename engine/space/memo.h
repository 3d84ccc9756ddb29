/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memo: small durable values by name
 *
 * For what must survive a restart and belongs to no object: the journal of the scheduler flag, the place
 * where a reconcile stopped, what `sosync promote` decided. A memo is read at once and written with a batch,
 * so it becomes durable together with whatever the batch is about. Who has no run gives the batch's writes to
 * queue_put() in an Intake without changes: that is stored even when the store has reached its limit, so that
 * a flag can always be given back.
 *
 * A name is ours, never data: at most MEMO_NAME_MAX bytes, "scheduler.journal". The value is one msgpack
 * array, its version first (base/pack.h):
 *
 *      memo_begin(&w, &shape);  pack_bool(&w, enabled);  memo_end(&w, &batch, NAME, SPACE_ANY);
 *
 *      r = memo_open(space, NAME, &shape, a, &m, NULL);
 *      enabled = unpack_bool(&m.pack);
 *      r = memo_close(&m);
 */

#include "base/pack.h"
#include "engine/space/space.h"

#define MEMO_NAME_MAX SPACE_KEY_MAX

/* The scheduler's board (engine/scheduler/board.h). It has the term of a role, and terms count the entries of
 * one log: a state that is copied elsewhere (queue/state-copy.h) begins without it. */
#define MEMO_BOARD "scheduler.board"

/* It is there while the index of join values (LINK_JOIN) is not whole for the rules that have become active
 * (app/rules/store.h): objects that are joined to nothing wait. */
#define MEMO_JOINS "rules.joins"

typedef struct MemoShape MemoShape;
typedef struct MemoReader MemoReader;

struct MemoShape {
        int64_t version; /* of what is written; the newest that is read */
        size_t n_fields; /* behind it */
};

struct MemoReader {
        PackReader pack; /* at the first field */
        size_t n_fields; /* that are there: an older program has written fewer, a newer one perhaps more */
        size_t n_known;
};

/* Bytes are read where they are, in the arena. Return: 0, SPACE_E_NONE, -errno. */
int memo_open(Space *s, const char *name, const MemoShape *shape, Arena *a, MemoReader *ret_reader,
              uint64_t *ret_serial);

/* All fields that are there and known have been read. Return: 0, SPACE_E_CORRUPT (also: a newer version). */
int memo_close(MemoReader *m);

/* Between the two, the fields. memo_end() has freed the writer. */
void memo_begin(PackWriter *w, const MemoShape *shape);
void memo_end(PackWriter *w, SpaceBatch *b, const char *name, uint64_t serial);

/* As bytes: memos whose value is packed elsewhere, or is only there. */

/* The value lives in the arena. `ret_serial` may be NULL. Return: 0, SPACE_E_NONE, -errno. */
int memo_read(Space *s, const char *name, Arena *a, const uint8_t **ret_data, size_t *ret_n,
              uint64_t *ret_serial);

/* `serial` is what the read gave (0: there was none), or SPACE_ANY. */
void memo_write(SpaceBatch *b, const char *name, const void *data, size_t n, uint64_t serial);
void memo_delete(SpaceBatch *b, const char *name);
void memo_delete_at(SpaceBatch *b, const char *name, uint64_t serial); /* if it is as it was read */
