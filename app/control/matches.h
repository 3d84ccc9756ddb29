/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Matches: soft matches that wait for a person, seen and approved
 *
 * What a run has found and stored (engine/steps/candidate.h). Works on the store, with or without a service.
 */

#include "base/str.h"
#include "queue/queue.h"

#include <jansson.h>

/* [{"dn", "id", "userPrincipalName", "cloudId", "cloudUserPrincipalName", "cloudDisplayName", "by", "value",
 * "seen", "approved", "approvedBy"}]; NULL: the store cannot be read. */
json_t *matches_list(Queue *q);
void matches_list_text(const json_t *list, Str *out);

/* What is wrong with another one. */
#define MATCHES_WHICH "\"%s\" is neither a distinguished name nor an objectGUID"

/*
 * `which` is a distinguished name or an objectGUID: the next run, which is due at once, joins the object to
 * the candidate that was found. Return: how many (0: none waits), -EINVAL: neither DN nor GUID, -errno.
 */
int matches_approve(Queue *q, const char *which, const char *by, Wall now);
