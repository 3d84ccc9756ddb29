/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ContractQueueCrash: the second program of the queue's contract test
 *
 * What happens to the durable backend when the process dies, the power goes, the disk is full or broken, or
 * the files are not what they should be. A program of its own, because it replaces libc's writes
 * (contract-queue-shim.h).
 */

#include "tests/contract/contract-queue.h"

extern const struct CMUnitTest contract_crash[], contract_kill[], contract_full[], contract_files[];
extern const size_t n_contract_crash, n_contract_kill, n_contract_full, n_contract_files;
