/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Graph tenant: questions about the tenant that no run asks
 *
 * For commands and for the start of the service: who writes here, which synchronizations there are, what was
 * granted. `graph` is the target that target_graph_new() made, not a decorator of it. Calls block up to the
 * call's deadline and are not repeated; whoever asks decides whether to ask again.
 */

#include "engine/target/target.h"
#include "engine/target/token-claims.h"

typedef struct TenantLink TenantLink;
typedef struct TenantList TenantList;
typedef struct TenantWrite TenantWrite;

/* A write of our application, as the tenant's audit log has it. Texts live in the call's arena. */
struct TenantWrite {
        Wall at;
        const char *activity; /* "Update user" */
        const char *object;   /* its display name or user principal name; "" if the log does not say */
};

/*
 * The newest write of this application since then, whoever used its credentials. It rests on the tenant's
 * directory audit (GET /auditLogs/directoryAudits, kept 7 days without a licence; Microsoft states that 99%
 * of the entries are there within 5 minutes) and needs AuditLog.Read.All and Directory.Read.All. Return: 0,
 * TARGET_E_NOT_FOUND (none), TARGET_E_REFUSED (a permission is missing: the diag says which), and what every
 * call may: TARGET_E_THROTTLED, _TRANSIENT, _UNREACHABLE, _GARBAGE.
 */
int graph_tenant_last_write(Target *graph, Call *call, Wall since, TenantWrite *ret_write, Diag *diag);

/* A link that has come or gone. */
struct TenantLink {
        ObjectId id; /* whom it names */
        bool there;
};

/* All users or all groups, page by page. */
struct TenantList {
        const struct TargetSchema *schema; /* as of Call */
        const char *type;                  /* "user" "group" */
        const char *const
                *attributes; /* names of the connector space; "manager" may be among them, "member" not */
        size_t n_attributes;
        /* One object; it lives until the function returns. `manager`: zero if there is none. Not 0 ends it.
         */
        int (*object)(void *context, const TargetObject *o, const ObjectId *manager);
        /* graph_tenant_changes: it is there no more; `for_good`: not in the recycle bin either. As `object`.
         */
        int (*removed)(void *context, const ObjectId *id, bool for_good);
        /* graph_tenant_changes: what has changed among the members of a group, or the manager of a user (an
         * older one goes, another comes); with no link of the last time, those that are there. The members of
         * a large group come in pieces. NULL: they are not asked for. As `object`, which is called before for
         * the same. */
        int (*links)(void *context, const ObjectId *owner, const TenantLink *links, size_t n);
        /* Graph asks to wait, or fails for a moment. False: do not. May be NULL: then the list ends. */
        bool (*wait)(void *context, int64_t us);
        void *context;
        const TargetAsker *asker; /* as of Call */
};

/* Return: 0, what `object` returned, TARGET_E_THROTTLED, _TRANSIENT, _REFUSED, _UNREACHABLE, _GARBAGE. */
int graph_tenant_list(Target *graph, Lane lane, const TenantList *list, Diag *diag);

/*
 * The same as a delta query (GET /users/delta, /groups/delta): with `link` NULL all of
 * them, else what has changed since the call that gave the link. *ret_link, in the arena, is for the next
 * time; it is good for seven days. Changes may come twice. It needs no other permission than the list does.
 * Return: as above, and TARGET_E_NOT_FOUND: the link is not good (any more); begin with NULL.
 */
int graph_tenant_changes(Target *graph, Lane lane, const TenantList *list, const char *link, Arena *a,
                         const char **ret_link, Diag *diag);

/* How many synchronization jobs of Cloud Sync there are, on or off, and the id of the first (NULL: there is
 * none), as the tenant has it. Return: as above; TARGET_E_REFUSED: a permission is missing
 * (Synchronization.Read.All, Application.Read.All). */
int graph_tenant_cloud_sync_jobs(Target *graph, Call *call, unsigned *ret_n, const char **ret_first,
                                 Diag *diag);

/*
 * How far the clock of the service is ahead of ours, by the Date of an answer (a second fine). Return: 0,
 * what every call may; TARGET_E_GARBAGE: it says no time.
 */
int graph_tenant_clock(Target *graph, Call *call, const Clock *clock, int64_t *ret_ahead_ms, Diag *diag);

/* What the token says. Return: 0, TARGET_E_GARBAGE (it cannot be read), and what signing in may. */
int graph_tenant_claims(Target *graph, Call *call, TokenClaims *ret_claims, Diag *diag);
