/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Emulator: the whole of it, and the way of a request
 *
 *      server.c  bytes -> Call           fault before? -> token? -> route? -> limits? -> roles? -> handler
 *                Answer -> bytes <- latency <- fault after? <- journal
 *
 * Only server, later and wait know sockets, and only server reads a clock: a Call carries its time. One
 * thread; a handler never waits.
 */

#include <jansson.h>
#include <stdint.h>

#include "answer.h"
#include "call.h"
#include "faults.h"
#include "journal.h"
#include "limits.h"
#include "options.h"
#include "random.h"
#include "replica.h"
#include "store.h"
#include "token.h"

typedef struct Emulator Emulator;

/* In 10 seconds */
#define PROVISION_REQUESTS 5

struct Emulator {
        const Options *options; /* borrowed */
        Store store;
        Replica replica; /* of the store, for reads */
        int64_t skew_ms; /* so much our clock is ahead of the real one */
        Authority authority;
        Limits limits;
        Faults faults;
        Journal journal;
        Random random;
        int64_t latency_min_ms;
        int64_t latency_max_ms;
        json_t *domains;      /* array of verified names, the initial one first */
        json_t *organization; /* properties a test has set */
        json_t *jobs;         /* array of {"principalId","id","templateId","status"}: Cloud Sync */
        json_t *planted;      /* what Cloud Sync finds in Active Directory (provision.c) */
        int64_t provisioned_us[PROVISION_REQUESTS]; /* a ring: the last requests that were let through */
        uint64_t n_provisioned;
        json_t *assignments;      /* array of {"principalId","role"}: directory roles */
        unsigned int delta_epoch; /* tokens of another one have expired */
        bool delta_bad_request;   /* and get 400, not 410 */
        int64_t audit_age_ms;     /* entries of the audit log are as much older */
        char *audit_app;          /* they are of this application; NULL: of the one that wrote */
};

void emulator_init(Emulator *emulator, const Options *options, int64_t now_us);
void emulator_deinit(Emulator *emulator);

/* Back to the state after start: store, faults, limits, organization, latency, roles and secret. The journal
 * stays. */
void emulator_reset(Emulator *emulator, int64_t now_us);

/* A request to Graph or to the token endpoint: everything but faults and the journal. The answer is finished.
 */
void emulator_handle(Emulator *emulator, Call *call, Answer *answer);

/*
 * With faults and journal; `batch` is the number of the enclosing $batch or 0. Return: the fault that the
 * server still has to act on (delay, reset, drip), or NULL.
 */
const Fault *emulator_serve(Emulator *emulator, Call *call, uint64_t batch, Answer *answer);

/* What reads see */
static inline const Store *emulator_view(const Emulator *emulator)
{
        return emulator->replica.on ? &emulator->replica.store : &emulator->store;
}

bool emulator_domain_is_verified(const Emulator *emulator, const char *domain);
