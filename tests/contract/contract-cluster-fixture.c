/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-cluster.h"

#include "queue/bus.h"
#include "tests/scratch/scratch.h"

#include <stdio.h>
#include <stdlib.h>

const char *nodes_url;

int nodes_try_open(Cluster *c, int i, Diag *diag)
{
        const char *urls[] = { nodes_url };
        char name[16];
        BusOptions bus = { .urls = urls, .n_urls = 1, .name = "test", .timeout_ms = 20000 };
        QueueJetstreamOptions options = { .path = c->folders[i],
                                          .now = c->now,
                                          .log = c->log,
                                          .node = name,
                                          .bus = &bus,
                                          .lease_us = NODES_LEASE_US };

        snprintf(name, sizeof(name), "node-%d", i);
        return queue_jetstream_new(&c->nodes[i], &options, diag);
}

void nodes_open(Cluster *c, int i)
{
        Diag diag = DIAG_INIT;
        int r = nodes_try_open(c, i, &diag);

        if (r)
                fail_msg("node %d: %d: %s", i, r, diag_text(&diag));
        diag_deinit(&diag);
}

int nodes_setup(void **state)
{
        Cluster *c = calloc(1, sizeof(*c));

        assert_non_null(c);
        c->a = arena_new(0);
        c->now = contract_start;
        for (int i = 0; i < NODES_N; i++)
                c->folders[i] = contract_folder();
        snprintf(c->log, sizeof(c->log), "%s", strrchr(c->folders[0], '/') + 1);
        *state = c;
        return 0;
}

int nodes_teardown(void **state)
{
        Cluster *c = *state;

        for (int i = 0; i < NODES_N; i++) {
                queue_free(c->nodes[i]);
                scratch_remove(c->folders[i]);
                free(c->folders[i]);
        }
        arena_free(c->a);
        free(c);
        return 0;
}

void nodes_put(Cluster *c, int node, unsigned n)
{
        Change change = change_n(n, LANE_NORMAL);

        change.seen = c->now;
        assert_int_equal(
                queue_put(c->nodes[node], &(Intake){ .changes = &change, .n_changes = 1, .now = c->now }), 0);
}

void nodes_catch_up(Cluster *c, int node)
{
        assert_int_equal(queue_put(c->nodes[node], &(Intake){ .now = c->now }), 0);
}
