/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Drift: what somebody has changed in the cloud behind us
 *
 *      delta query --page--> each object: as the connector space has it? --> said, or CHANGE_DRIFT
 *                                                                             into the reconcile lane
 *
 * Compared are the values that the rules give: what somebody set in the cloud and AD never had is his. A
 * value that sosync wrote less than `settle` ago and that reads as it was before is not replicated yet.
 * Members and managers are compared as far as AD names them (drift-links.h): whom somebody has added stays.
 *
 * The first time, and whenever the link of the last time is not good any more (seven days, another tenant or
 * list of attributes, a lost state), the whole tenant is listed: a page of about a hundred objects costs two
 * or three resource units. From then on only what has changed comes, our own writes among it, which are as we
 * left them.
 *
 * To correct is to run the object again: the ten steps read the cloud afresh, and everything that guards an
 * export guards this too (brakes, protected accounts, two who set back each other's values, an account that
 * was blocked in the cloud stays so). What was deleted in the cloud is only said: making it again is nobody's
 * wish. A run that has written and is not acknowledged yet can be taken for somebody else, for milliseconds.
 *
 * The link is stored with the last of the changes, so what ends early begins where it began. Belongs to one
 * thread, and blocks in the target and the queue.
 */

#include "engine/target/graph-tenant.h"
#include "queue/queue.h"

#include <jansson.h>

typedef struct Drift Drift;
typedef struct DriftResult DriftResult;

typedef enum DriftMode {
        DRIFT_OFF,
        DRIFT_REPORT,
        DRIFT_CORRECT,
} DriftMode;

enum {
        DRIFT_E_BASE_ = 2640, /* within ERROR_BASE_APP */

        DRIFT_E_CANCELLED,   /* progress said so */
        DRIFT_E_UNREACHABLE, /* the cloud; the diag says why */
        DRIFT_E_FULL,        /* the queue */
};

#define DRIFT_EXAMPLES 20

struct Drift {
        Queue *queue;
        Target *target; /* for `changes` */
        int (*changes)(Target *t, Lane lane, const TenantList *list, const char *link, Arena *a,
                       const char **ret_link, Diag *diag); /* graph_tenant_changes */
        const struct TargetSchema *schema;                 /* as of RunConfig */
        const char *tenant_id;
        const Clock *clock;
        int64_t settle_ms;
        bool correct;

        /* True ends it. Both may be NULL. */
        bool (*progress)(void *context, const char *phase, uint64_t done, uint64_t total);
        bool (*wait)(void *context, int64_t us);
        void *context;
        const TargetAsker *asker; /* as of Call: where it is gone, so is all of this */
};

struct DriftResult {
        bool whole;          /* users or groups were listed from the beginning */
        uint64_t n_read;     /* objects that came, whoever's */
        uint64_t n_mastered; /* known, but of another synchronization, which writes them */
        uint64_t n_changed;  /* differ */
        uint64_t n_removed;
        uint64_t n_unread; /* whose members or manager the first listing did not mention, and nobody has read
                            */
        uint64_t n_enqueued; /* changes of source objects */
        json_t *examples;    /* [{"dn", "what": "title, department"}], at most DRIFT_EXAMPLES */
};

/* The result is what was done until then, in any case. Return: 0, DRIFT_E_*, -errno. */
int drift_run(const Drift *d, DriftResult *ret_result, Diag *diag);
json_t *drift_json(const DriftResult *n);
void drift_result_deinit(DriftResult *n);
