/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FeedBell: a doorbell on a feed's own connection
 *
 * What feeds that look do alike with it: the beat under way is an answer that the server owes the link, and a
 * bell that is not there, or falls silent for good, is said once.
 */

#include "listener/doorbell.h"
#include "listener/feed-link.h"

/* Register the bell on the link's connection; `no_bell` says why there may be none.
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED. */
int feed_bell_start(Doorbell *d, FeedLink *l, const char *base, const char *no_bell, Diag *diag);

/* As doorbell_message(). */
int feed_bell_message(Doorbell *d, FeedLink *l, LDAPMessage *message, bool *ret_ours, Diag *diag);

/* As doorbell_tick(). */
int feed_bell_tick(Doorbell *d, FeedLink *l, Mono now, Diag *diag);
