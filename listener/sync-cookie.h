/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SyncCookie: OpenLDAP's cookies, put together
 *
 *      stored rid=000,csn=20261122121418.993692Z#000000#000#000000;20261122121419.169955Z#000000#001#000000
 *      comes       rid=000,sid=001,csn=20261122121419.426272Z#000000#001#000000
 *      is now rid=000,csn=20261122121418.993692Z#000000#000#000000;20261122121419.426272Z#000000#001#000000
 *
 * RFC 4533 has cookies opaque, but what slapd (2.5.13) sends with a change holds the csn of one server only:
 * the one where it was made. Taken for the whole position, it leaves out all others, also the server 000
 * under which slapadd loads, and the next start gets a refresh of everything. slapd's own consumer puts them
 * together, server by server, and so do we. Facts: servers/slapd/syncrepl.c, slap_parse_sync_cookie().
 */

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* Servers in one replicated directory have ids up to 4095. */
#define SYNC_COOKIE_CSNS 4096

/*
 * What `old` and `new` say together; of each server the newer csn. `old` may be NULL. The result lives in the
 * arena. Return: true, or false if `new` has no csn: it is no position.
 */
bool sync_cookie_merge(Arena *a, const char *old, size_t n_old, const char *new, size_t n_new,
                       const char **ret_cookie, size_t *ret_n);
