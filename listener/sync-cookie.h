/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SyncCookie: OpenLDAP's cookies, put together; those of 389 Directory Server, moved back
 *
 *      stored rid=000,csn=20261122121418.993692Z#000000#000#000000;20261122121419.169955Z#000000#001#000000
 *      comes       rid=000,sid=001,csn=20261122121419.426272Z#000000#001#000000
 *      is now rid=000,csn=20261122121418.993692Z#000000#000#000000;20261122121419.426272Z#000000#001#000000
 *
 * RFC 4533 has cookies opaque, but what slapd (2.5.13) sends with a change holds the csn of one server only:
 * the one where it was made. Taken for the whole position, it leaves out all others, also the server 000
 * under which slapadd loads, and the next start gets a refresh of everything. slapd's own consumer puts them
 * together, server by server, and so do we. Facts: servers/slapd/syncrepl.c, slap_parse_sync_cookie().
 *
 *      comes       localhost:389#cn=reader:dc=corp:(objectClass=*)#1779
 *      is now      localhost:389#cn=reader:dc=corp:(objectClass=*)#1679
 *
 * The cookie of a 389 Directory Server (2.3.1) ends with the number of a change, and covers more than was
 * told: a change that is being written while a refresh begins may have a number below the refresh's own, and
 * be in neither (feed-syncrepl.h). So it is moved back by as many changes as a server can be writing at once,
 * and they are told twice.
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

/* As many threads as a server has (nsslapd-threadnumber), with room to spare. */
#define SYNC_COOKIE_BACK 100

/*
 * The cookie of a 389 Directory Server, moved back; one of another form stays as it is. The result lives in
 * the arena, or is the cookie that came in.
 * Return: true, or false if it names no change: 4294967295, which the server says when it has not found the
 * number, and refuses when it is asked with it.
 */
bool sync_cookie_back(Arena *a, const char *cookie, size_t n, const char **ret_cookie, size_t *ret_n);
