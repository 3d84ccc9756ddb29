/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Admin: what a test sees and sets, under /_emulator/ and without a token
 *
 * README.md has the table of endpoints. Admin requests are not in the journal and no fault touches them.
 * Errors are
 * {"error":"..."} with status 400.
 */

#include "emulator.h"

typedef struct AdminWait AdminWait;

/* A journal request that may have to wait for records */
struct AdminWait {
        bool wanted;
        JournalFilter filter; /* texts borrowed from the call's options; see server.c */
        size_t min;           /* records that must match */
        size_t limit;
        int64_t wait_ms;
};

void admin_handle(Emulator *emulator, Call *call, Answer *answer, AdminWait *ret_wait);

/* admin-state.c */
void state_write(const Store *store, Text *t);

/* admin-objects.c: plants, changes and removes objects, whatever Graph would say */
void objects_post(Emulator *emulator, const json_t *body, int64_t wall_ms, Answer *answer);
