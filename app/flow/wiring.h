/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Wiring: the rooms of the house, connected
 *
 * What `sosync run` and a `sosync sync` without a service have in common: configuration, durable queue and
 * spaces, reports, target, connectors, and the way to make source handles. Opened in this order and closed in
 * reverse; the state folder belongs to one process from wiring_open() to wiring_close().
 */

#include "app/flow/common-budget.h"
#include "app/flow/connector.h"
#include "app/flow/holds.h"
#include "app/flow/reporter.h"
#include "app/flow/waiters.h"
#include "app/flow/worker.h"

typedef struct IntakeSink IntakeSink;
typedef struct Jobs Jobs;
typedef struct Wiring Wiring;

enum {
        WIRING_E_BASE_ = 2500, /* ERROR_BASE_APP */

        WIRING_E_CONFIG, /* findings are in the diag */
        WIRING_E_BUSY,   /* the state folder belongs to another process: talk to it (app/control/control.h) */
        WIRING_E_AWAY,   /* no server of the cluster answers: the diag says which */
        WIRING_E_STATE,  /* the state folder or the reports' cannot be used: the diag says why */
};

struct Wiring {
        Snapshot snapshot;
        Config *first; /* as opened: source and target are made from it, whatever a reload brings */
        const Clock *clock;
        Log log;
        Queue *queue;
        _Atomic(ReportStore *) store; /* NULL: the disk was full; the reporter opens it later */
        Acts acts;
        Target *target;
        CommonBudget budget; /* this node's part of what a cluster may ask of Graph */
        Holds holds;         /* what the service has told us to wait for, across restarts */
        Target *graph;       /* the last of those that target stacks; target owns it */
        Live *live;
        Connectors connectors;
        Waiters waiters;
        Alarms alarms;     /* nobody listens, unless the service sets `tell` */
        Gate gate;         /* its thread is started by the service only */
        Reporter reporter; /* started by the service only */
        Jobs *jobs;        /* app/job/jobs.h; of the service only, NULL: there is none */
        WorkerShared shared;
        pthread_mutex_t rules_lock;   /* held to change which rules are active (app/flow/rules-active.h) */
        pthread_mutex_t staging_lock; /* held to promote or demote: one decides after the other */
        bool rules_broken;            /* the active ones cannot be loaded: the service does not start */
        bool open;
};

/*
 * With 0 the diag may still have findings: those that made `rules_broken`.
 * Return: 0, WIRING_E_CONFIG, WIRING_E_BUSY, WIRING_E_AWAY, WIRING_E_STATE, -errno.
 */
int wiring_open(Wiring *w, const char *config_path, Diag *diag);
int wiring_exit_status(int r); /* of a program that could not open it */
void wiring_close(Wiring *w);

/* A source handle of the caller's own; it connects when first used. Return: 0, -errno. */
int wiring_source(Wiring *w, const Connector *c, Source **ret_source);

/* Source handles of the caller's own, one for each connector, as a worker wants them; they connect when first
 * used. Return: 0, -errno. */
int wiring_sources(Wiring *w, Source *ret_sources[CONFIG_SOURCES_MAX]);
