/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ContractCluster: several nodes on one log, against a real nats-server
 *
 *      Cluster --- node 0: folder, queue      contract-cluster.c          what one does, the other knows
 *              '-- node 1: folder, queue      contract-cluster-copies.c   random work, and the same copies
 *                      all on one log         contract-cluster-death.c    nodes that die, or only sleep
 *
 * Each node has a folder of its own and is open in this process; nodes that die are processes of their own:
 * this program again, with other arguments. The log has the name of the first folder.
 */

#include "tests/contract/contract-queue.h"

typedef struct Cluster Cluster;

#define NODES_N          2
#define NODES_LEASE_US   ((int64_t)6 * 1000000) /* how long a silent node keeps its leases */
#define NODES_DEADLINE_S 60

struct Cluster {
        Arena *a;
        Wall now;
        char *folders[NODES_N];
        Queue *nodes[NODES_N]; /* NULL: not open; closed at the end of the test */
        char log[64];
};

/* The server's. */
extern const char *nodes_url;

/* Of one test: folders, and no node open. */
int nodes_setup(void **state);
int nodes_teardown(void **state);

int nodes_try_open(Cluster *c, int i, Diag *diag); /* Return: as queue_jetstream_new(). */
void nodes_open(Cluster *c, int i);                /* it must open */

void nodes_put(Cluster *c, int node, unsigned n); /* a change of object n */

/* All that was written anywhere before is in this node's copy: its own next entry stands behind it. */
void nodes_catch_up(Cluster *c, int node);

/* Node 1 as a process of its own, begun by a test as `contract-cluster child ...`. */
int nodes_be_child(char **argv);

#define NODES_TEST(t) cmocka_unit_test_setup_teardown(t, nodes_setup, nodes_teardown)

extern const struct CMUnitTest contract_cluster_copies[], contract_cluster_death[];
extern const size_t n_contract_cluster_copies, n_contract_cluster_death;
