/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Provision: on demand, by a synchronization job; see provision.c */

#include "emulator.h"

/* Of the schema of every job */
#define PROVISION_USER_RULE  "6c409270-f78a-4bc6-af23-7cf3ab6482fe"
#define PROVISION_GROUP_RULE "33f7c90d-bf71-41b1-bda6-aaf0ddbee5d8#V2"

/* What a job finds in Active Directory; entries replace those of the same DN. False: one has no DN. */
bool provision_plant(Emulator *emulator, const json_t *list);

/* jobs.c: is there the job that the path names? False: refused. */
bool jobs_have(const Emulator *emulator, const Call *call, Answer *answer);
