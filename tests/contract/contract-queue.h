/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ContractQueue: what the files of the queue's contract test share
 *
 * One program, run once per backend (its only argument): every promise of queue/queue.h is asked of each.
 * What needs a disk is asked of the backends that have one. No test sleeps, and each has a folder of its own.
 */

#include "base/cleanup.h"
#include "engine/space/memo.h"
#include "queue/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct Fixture Fixture;

struct Fixture {
        Queue *q;
        Arena *a;
        char *folder; /* of a durable backend */
        Wall now;
};

/* The backend of this run. */
extern const char *contract_backend;

/* 2026-11-22, 08:00 UTC: a time like any other. */
extern const Wall contract_start;

int contract_run(const char *name, const struct CMUnitTest *tests, size_t n); /* number that failed */
bool contract_is_durable(void);

/* For group_setup and teardown of one test: a fresh queue. */
int contract_setup(void **state);
int contract_teardown(void **state);

/* A place for a queue that is not open yet; the end closes it if it is. */
Fixture *contract_place(void);
void contract_end_place(Fixture *f);

/* Close and open again, as after a clean stop; not of a backend in memory. */
void contract_reopen(Fixture *f);
Queue *contract_open(const char *folder, Wall now, int64_t limit, Diag *diag, int *ret_r);
char *contract_folder(void);

/* A child that has done its part ends at once, without the checks at exit: it has its parent's memory too. */
_Noreturn void contract_child_is_done(void);
bool contract_child_went_well(int status);

/* Object number n of source 0: its GUID is the number, big-endian. */
ObjectKey object_n(unsigned n);
ObjectId id_n(unsigned n);
Change change_n(unsigned n, Lane lane);

void put_n(Fixture *f, unsigned n, Lane lane);
void put_change(Fixture *f, Change c);
Lease lease_any(Fixture *f);                    /* of all lanes; there must be one */
Lease lease_n(Fixture *f, unsigned n);          /* there must be one, and it is this object's */
void ack_lease(Fixture *f, const Lease *lease); /* with nothing */
void settle(Fixture *f);                        /* all that was acked is durable, and its objects are free */
QueueStats stats(Fixture *f);
QueueItem item_n(Fixture *f, unsigned n, bool *ret_there);

/* A batch that writes one memo-like row. */
void batch_row(SpaceBatch *b, Arena *a, const char *name, const char *text, uint64_t serial);
const char *read_row(Fixture *f, const char *name, uint64_t *ret_serial); /* NULL: none */
Outcome outcome_of(const Lease *lease, const char *run_id);

extern const struct CMUnitTest contract_basic[], contract_date[], contract_lists[], contract_merge[],
        contract_space[], contract_rows[], contract_edges[], contract_threads[], contract_property[];
extern const size_t n_contract_basic, n_contract_date, n_contract_lists, n_contract_merge, n_contract_space,
        n_contract_rows, n_contract_edges, n_contract_threads, n_contract_property;
