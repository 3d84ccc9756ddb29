/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cluster: what can be seen of one from outside
 *
 * Only looks, and takes no part: no session, no copy, nothing is made. So it can be asked beside a service
 * that runs, and from a machine that is no node.
 */

#include "queue/bus.h"

typedef struct ClusterNode ClusterNode;
typedef struct ClusterView ClusterView;

struct ClusterNode {
        const char *name;
        const char *version;      /* of its program */
        uint64_t applied;         /* last entry of the log in its copy, as of its last renewal */
        const char *const *roles; /* "cycle", and sources by the names of their feeds */
        size_t n_roles;
};

struct ClusterView {
        const char *server; /* that answered */
        BusStream log;
        const ClusterNode *nodes; /* that live, by name */
        size_t n_nodes;
        const char *const *orphans; /* roles whose holder is none of the nodes */
        size_t n_orphans;
};

/*
 * `log`: name of the cluster. Everything lives in the arena.
 * Return: 0, BUS_E_DOWN, BUS_E_REFUSED, BUS_E_NONE (there is no such cluster); the diag says which and why.
 */
int cluster_look(const BusOptions *options, const char *log, Arena *a, ClusterView *ret_view, Diag *diag);

/* A role as a key may be, and back. */
#define CLUSTER_KEY_SIZE 200
void cluster_key(const char *role, char key[CLUSTER_KEY_SIZE]);
const char *cluster_role(const char *key, Arena *a);
