/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Batch: POST /v1.0/$batch
 *
 * At most 20 items; `dependsOn` in one of the documented shapes: none, each names the one before, or all name
 * the same one. An item whose predecessor failed answers 424. Each item is charged, checked and noted in the
 * journal like a request of its own. Answers are written in the order of the items.
 */

#define BATCH_MAX 20
