/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Srv: the domain controllers of a domain, as DNS knows them
 *
 *      uris: [srv:corp.contoso.test]   -->   _ldap._tcp.dc._msdcs.corp.contoso.test   -->   hosts, in order
 *
 * A domain publishes its writable and read-only controllers as SRV records (MS-ADTS 6.3.2.3). They are asked
 * for whenever a connection is looked for, never kept: a controller that was taken out of service is gone
 * with its record, and its successor is found. The order is that of RFC 2782: by priority, and among equals
 * by lot, in proportion to their weights.
 *
 * The records say port 389; which port and protection is used is for the configuration to say. Names from DNS
 * prove nothing: the certificate, or Kerberos, does.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"

typedef struct SrvTarget SrvTarget;

enum {
        SRV_E_BASE_ = 2390, /* within ERROR_BASE_LDAP */

        SRV_E_NONE,    /* the domain has no such records */
        SRV_E_FAILED,  /* no answer from DNS */
        SRV_E_INVALID, /* an answer that makes no sense */
};

#define SRV_TARGETS_MAX 64 /* of a site, and of a domain */

struct SrvTarget {
        const char *host;
        uint16_t priority, weight, port;
};

/* "corp.contoso.test" of "srv:corp.contoso.test"; NULL: it is another kind of URI. */
const char *srv_domain(const char *uri);

/* Can it be the name of a domain: letters, digits, '-', '_' and dots? */
bool srv_domain_is_valid(const char *domain);

/* Can it be the name of a site, which is one label: letters, digits, '-', '_'? */
bool srv_site_is_valid(const char *site);

/*
 * Ask DNS. In the order they should be tried, in the arena: with a `site` (NULL: none) the controllers of
 * that site come first (_ldap._tcp.SITE._sites.dc._msdcs.DOMAIN), the others after them; a site without
 * records is a site without controllers. Return: 0, SRV_E_*, with a line in the diag.
 */
int srv_lookup(const char *domain, const char *site, Arena *a, const SrvTarget **ret_targets, size_t *ret_n,
               Diag *diag);

/* The parts of it, for tests. `random` gives a number below n. Return: 0, SRV_E_NONE, SRV_E_INVALID. */
int srv_parse(const uint8_t *answer, size_t n, Arena *a, SrvTarget **ret_targets, size_t *ret_n);
void srv_order(SrvTarget *targets, size_t n, uint32_t (*random)(void *context, uint32_t n), void *context);
