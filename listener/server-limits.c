/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/server-limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define POLICY                                                                                      \
        "CN=Default Query Policy,CN=Query-Policies,CN=Directory Service,CN=Windows NT,CN=Services," \
        "%s"

bool server_limits_take(ServerLimits *limits, const char *value, size_t n)
{
        const struct {
                const char *name;
                int64_t *to;
        } rows[] = {
                { "MaxPageSize=", &limits->page },
                { "MaxValRange=", &limits->range },
                { "MaxQueryDuration=", &limits->query_s },
                { "MaxConnIdleTime=", &limits->idle_s },
                { "MaxNotificationPerConn=", &limits->notifications },
        };
        char text[64], *end;

        if (n >= sizeof(text))
                return false;
        memcpy(text, value, n);
        text[n] = '\0';
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                size_t n_name = strlen(rows[i].name);
                long long v;

                if (strncasecmp(text, rows[i].name, n_name) != 0)
                        continue;
                v = strtoll(text + n_name, &end, 10);
                if (end == text + n_name || *end || v < 0)
                        return false;
                *rows[i].to = v;
                return true;
        }
        return false;
}

typedef struct Reading {
        Conn *conn;
        ServerLimits *limits;
} Reading;

static int take_policy(void *context, LDAPMessage *m)
{
        Reading *r = context;
        struct berval **values = ldap_get_values_len(r->conn->ld, m, "lDAPAdminLimits");

        for (size_t i = 0; values && values[i]; i++)
                server_limits_take(r->limits, values[i]->bv_val, values[i]->bv_len);
        ldap_value_free_len(values);
        return 0;
}

int server_limits_read(Conn *c, ServerLimits *ret_limits, Diag *diag)
{
        static const char *const attributes[] = { "lDAPAdminLimits" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Reading reading = { .conn = c, .limits = ret_limits };
        ConnSearch search = {
                .base = arena_printf(a, POLICY, c->dse.config_context ? c->dse.config_context : ""),
                .scope = LDAP_SCOPE_BASE,
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
        };

        *ret_limits =
                (ServerLimits){ .page = -1, .range = -1, .query_s = -1, .idle_s = -1, .notifications = -1 };
        return conn_search(c, &search, c->config->request_timeout_us, "read the server's limits", take_policy,
                           &reading, NULL, diag);
}
