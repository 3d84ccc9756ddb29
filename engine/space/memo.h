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
 * A name is ours, never data: at most MEMO_NAME_MAX bytes, "scheduler.journal". The value is bytes; its owner
 * packs it with a version (base/pack.h).
 */

#include "engine/space/space.h"

#define MEMO_NAME_MAX SPACE_KEY_MAX

/* The scheduler's board (engine/scheduler/board.h). It has the term of a role, and terms count the entries of
 * one log: a state that is copied elsewhere (queue/state-copy.h) begins without it. */
#define MEMO_BOARD "scheduler.board"

/* The value lives in the arena. `ret_serial` may be NULL. Return: 0, SPACE_E_NONE, -errno. */
int memo_read(Space *s, const char *name, Arena *a, const uint8_t **ret_data, size_t *ret_n,
              uint64_t *ret_serial);

/* `serial` is what the read gave (0: there was none), or SPACE_ANY. */
void memo_write(SpaceBatch *b, const char *name, const void *data, size_t n, uint64_t serial);
void memo_delete(SpaceBatch *b, const char *name);
void memo_delete_at(SpaceBatch *b, const char *name, uint64_t serial); /* if it is as it was read */
