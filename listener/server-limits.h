/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ServerLimits: what an Active Directory grants one client
 *
 * lDAPAdminLimits of the default query policy, "MaxPageSize=1000" and its like (MS-ADTS 3.1.1.3.4.6). A site
 * or a controller may have a policy of its own; that is rare, and the same names are in it.
 */

#include "listener/ldap-conn.h"

typedef struct ServerLimits ServerLimits;

/* -1: it does not say. */
struct ServerLimits {
        int64_t page, range;     /* MaxPageSize, MaxValRange */
        int64_t query_s, idle_s; /* MaxQueryDuration, MaxConnIdleTime */
        int64_t notifications;   /* MaxNotificationPerConn */
};

/* Blocks. Return: 0, CONN_E_*. */
int server_limits_read(Conn *c, ServerLimits *ret_limits, Diag *diag);

/* One value of the attribute. Return: was it one of those? */
bool server_limits_take(ServerLimits *limits, const char *value, size_t n);
