/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Story: the flag beside a Connect server in memory
 *
 *      Service a, b (flag, disk, driver) --> ConnectMem (its flag, its cycles) --- one fake clock
 *
 * want() says that a service has work or has none, and takes its turns; pass() lets time go by second by
 * second, as the flag's thread would wake; crash() starts a service again with what is on its disk. Each turn
 * checks promise 1 of flag.h: what we hold has a journal.
 */

#include "engine/scheduler/flag.h"
#include "engine/scheduler/scheduler-mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_US ((int64_t)60 * 1000000)

/* One row is all the space that a flag needs. */
typedef struct Rows {
        Space space; /* first */
        struct {
                char name[64];
                uint8_t data[512];
                size_t n;
                uint64_t serial;
        } rows[4];
        uint64_t n_writes;
        bool broken;
} Rows;

static inline int rows_get(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a,
                           SpaceRow *ret_row)
{
        Rows *rows = (Rows *)s;

        for (size_t i = 0; i < 4; i++)
                if (rows->rows[i].n && strlen(rows->rows[i].name) == n_key &&
                    memcmp(rows->rows[i].name, key, n_key) == 0)
                        *ret_row = (SpaceRow){
                                .data = arena_memdup(a, rows->rows[i].data, rows->rows[i].n),
                                .n = rows->rows[i].n,
                                .serial = rows->rows[i].serial,
                        };
        return 0;
}

static inline int rows_commit(void *context, const SpaceBatch *batch)
{
        Rows *rows = context;

        if (rows->broken)
                return -EIO;
        for (size_t w = 0; w < batch->n_writes; w++) {
                const SpaceWrite *write = &batch->writes[w];
                size_t at = 4;

                for (size_t i = 0; i < 4; i++)
                        if (!rows->rows[i].name[0] ||
                            (strlen(rows->rows[i].name) == write->n_key &&
                             memcmp(rows->rows[i].name, write->key, write->n_key) == 0)) {
                                at = i;
                                break;
                        }
                assert_true(at < 4 && write->n <= sizeof(rows->rows[at].data));
                if (write->serial != SPACE_ANY &&
                    write->serial != (rows->rows[at].n ? rows->rows[at].serial : 0))
                        return SCHEDULER_E_OTHER;
                rows->rows[at].serial = ++rows->n_writes;
                memcpy(rows->rows[at].name, write->key, write->n_key);
                if (write->data)
                        memcpy(rows->rows[at].data, write->data, write->n);
                rows->rows[at].n = write->data ? write->n : 0;
        }
        return 0;
}

static const SpaceOps rows_ops = { .name = "rows", .get = rows_get };

/* A service: its flag, its disk. */
typedef struct Service {
        Rows rows;
        FlagStore store;
        Scheduler *driver;
        Flag flag;
        FlagInput in;
} Service;

typedef struct Story {
        ClockFake clock;
        SchedulerConfig config;
        ConnectMem *connect;
        Service a, b;
} Story;

static inline void service_start(Story *s, Service *service, const char *name)
{
        service->rows.space.ops = &rows_ops;
        service->store = (FlagStore){ .space = &service->rows.space,
                                      .commit = rows_commit,
                                      .context = &service->rows };
        service->driver = connect_mem_open(s->connect);
        assert_int_equal(flag_init(&service->flag, service->driver, &s->config, &service->store, name), 0);
}

static inline int begin(void **state)
{
        Story *s = calloc(1, sizeof(*s));

        clock_fake_init(&s->clock, (Mono){ 1000000 }, (Wall){ 1795305600000 });
        s->config = (SchedulerConfig){
                .driver = SCHEDULER_COMMAND,
                .max_hold_us = 5 * MINUTE_US,
                .linger_us = 2 * MINUTE_US,
                .min_release_us = 2 * MINUTE_US,
        };
        s->connect = connect_mem_new(&s->clock.clock, 30 * MINUTE_US, 3 * MINUTE_US);
        service_start(s, &s->a, "sosync@a");
        service_start(s, &s->b, "sosync@b");
        *state = s;
        return 0;
}

static inline int end(void **state)
{
        Story *s = *state;

        scheduler_free(s->a.driver);
        scheduler_free(s->b.driver);
        connect_mem_free(s->connect);
        free(s);
        return 0;
}

static inline bool has_journal(Service *service)
{
        Journal j;

        return journal_read(&service->store, &j) == 0;
}

/* Turns until it wants to wait; returns for how long. */
static inline int64_t work(Story *s, Service *service)
{
        int64_t wait = 0;

        for (int i = 0; wait == 0; i++) {
                assert_true(i < 20); /* it spins */
                service->in.now = clock_mono(&s->clock.clock);
                service->in.wall = clock_wall(&s->clock.clock);
                wait = flag_turn(&service->flag, &service->in);
                /* Promise 1: false by our doing means that a journal is there. */
                if (service->flag.held)
                        assert_true(has_journal(service));
        }
        return wait;
}

/* Time moves second by second, as the flag's thread would wake. */
static inline void pass(Story *s, int64_t us)
{
        for (; us > 0; us -= 1000000) {
                clock_fake_advance(&s->clock, 1000000);
                work(s, &s->a);
                if (s->b.in.wanted || s->b.flag.owed)
                        work(s, &s->b);
        }
}

static inline FlagPhase phase(const Service *service)
{
        return service->flag.view.phase;
}

static inline void want(Story *s, Service *service, bool wanted)
{
        service->in.wanted = wanted;
        work(s, service);
}

/* The process dies and starts again with what is on its disk. */
static inline void crash(Story *s, Service *service)
{
        bool wanted = service->in.wanted;

        service->in = (FlagInput){ .wanted = wanted };
        assert_int_equal(
                flag_init(&service->flag, service->driver, &s->config, &service->store, service->flag.holder),
                0);
}
