/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Board: what the node that has the flag of a cluster tells the others
 *
 *      one node        Flag --> view --> board (one row of the shared state)
 *      all nodes                           '--> which lanes are open, and why
 *
 * The row has the term of its writer's role. It is written by compare-and-set and never over a higher term: a
 * node that had the role before, and does not know yet that it lost it, changes nothing and hears of it here.
 * Terms are of one log, so the row stays behind when the state is copied to another (MEMO_BOARD).
 * Whoever reads the row after his lease was granted sees at least what was written before that in the log.
 */

#include "engine/scheduler/flag.h"

typedef struct Board Board;

struct Board {
        FlagView view;
        uint64_t term;
        uint64_t serial; /* at which it was read; 0: there is none */
};

/* Return: 0, SPACE_E_NONE (nobody has said anything), SPACE_E_CORRUPT (the serial is filled in), -errno. */
int board_read(const FlagStore *store, Board *ret_board);

/* Nothing is written if that is what the board says. Return: 0, SCHEDULER_E_OTHER (a later one has the role),
 * -errno. */
int board_write(const FlagStore *store, const FlagView *view, uint64_t term);

/* A person at another node asked for a hold: the number changes. */
int board_ask(const FlagStore *store);        /* 0, -errno */
uint64_t board_asked(const FlagStore *store); /* 0: never, or not known */
