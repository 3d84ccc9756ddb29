/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between probe.c (opening, facts) and probe-ask.c (questions). */

#include "listener/ldap-conn.h"
#include "listener/probe.h"

struct Probe {
        Conn *conn;
        LdapConfig config; /* with the one URI */
        const char *uri;
        const Clock *clock;
        Arena *arena;
        const char *base;
};

ProbeEnd probe_end(int r); /* of CONN_E_* */
