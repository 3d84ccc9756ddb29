/* SPDX-License-Identifier: Apache-2.0 */

/* The servers of a cluster, and its nodes. */

#include "queue/cluster.h"
#include "app/doctor/doctor.h"
#include "base/str.h"

#include <inttypes.h>

static void check_replicas(Doctor *d, const JetstreamConfig *c, const ClusterView *v)
{
        if (v->log.replicas < c->replicas)
                doctor_warn(d, "more servers have to have it: nats stream edit, with --replicas",
                            "the log \"%s\" has %d replica%s, and state.jetstream.replicas says %lld",
                            c->name, v->log.replicas, v->log.replicas == 1 ? "" : "s",
                            (long long)c->replicas);
        else if (v->log.replicas < 3)
                doctor_warn(d, "three servers, and state.jetstream.replicas: 3",
                            "the log \"%s\" is on one server: what the nodes survive, it does not", c->name);
}

static void check_versions(Doctor *d, const ClusterView *v)
{
        for (size_t i = 0; i < v->n_nodes; i++)
                if (!str_is(v->nodes[i].version, SOSYNC_VERSION))
                        doctor_warn(d, "bring it up to date too: docs/operations.md, several machines",
                                    "the node %s is of version %s, this is %s", v->nodes[i].name,
                                    v->nodes[i].version, SOSYNC_VERSION);
}

/* Only looks: this machine's node may be at work, or not be there yet. */
void doctor_cluster(Doctor *d)
{
        const JetstreamConfig *c = &d->config->state.jetstream;
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        BusOptions bus;
        ClusterView v;
        int r;

        if (d->config->state.backend != STATE_JETSTREAM)
                return;
        bus = jetstream_config_bus(c, d->arena);
        r = cluster_look(&bus, c->name, d->arena, &v, &diag);
        if (r == BUS_E_NONE) {
                doctor_ok(d, "the servers answer; the first node that starts makes the log \"%s\"", c->name);
                return;
        }
        if (r) {
                doctor_fault(d, "state.jetstream: urls, credentials_file, tls; and a majority of the servers",
                             "%s", arena_strdup(d->arena, diag_text(&diag)));
                return;
        }
        check_replicas(d, c, &v);
        check_versions(d, &v);
        doctor_ok(d, "%s, log \"%s\" up to entry %" PRIu64 ", %zu node%s", v.server, c->name, v.log.last,
                  v.n_nodes, v.n_nodes == 1 ? "" : "s");
}
