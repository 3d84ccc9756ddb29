/* SPDX-License-Identifier: Apache-2.0 */

#include "app/config/permissions.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <string.h>

static bool is_alone(const Config *c)
{
        return c->target.estate == ESTATE_ALONE;
}

static bool is_beside(const Config *c)
{
        return c->target.estate != ESTATE_ALONE;
}

/* The right to write includes the right to read; in staging there may be none to write yet. */
static bool only_reads(const Config *c)
{
        return is_beside(c) || c->staging;
}

static bool asks_cloud_sync(const Config *c)
{
        return c->target.estate == ESTATE_CLOUD_SYNC && c->target.cloud_sync.ask;
}

static bool always(const Config *c)
{
        (void)c;
        return true;
}

static bool revokes(const Config *c)
{
        for (size_t i = 0; i < c->n_urgent_rules; i++)
                if (c->urgent_rules[i].revoke_sessions)
                        return true;
        return false;
}

static bool asks_roles(const Config *c)
{
        return c->guarded.role_holders == ROLE_HOLDERS_KEEP ||
               (is_alone(c) && c->target.soft_match != SOFT_MATCH_OFF);
}

/* Of the reference of each request: user-update, user-post-users, user-revokesigninsessions, group-update,
 * group-post-members, organization-get, rbacapplication-list-roleassignments, directoryaudit-list,
 * synchronization-synchronizationjob-list, synchronization-synchronizationjob-provisionondemand. */
static const Permission rows[] = {
        { .name = "Organization.Read.All",
          .when = "always",
          .what = "tenant, verified domains",
          .is_needed = always },
        { .name = "User.ReadWrite.All",
          .when = "estate alone",
          .what = "create and change users, manager, disable",
          .writes = true,
          .is_needed = is_alone },
        { .name = "Group.ReadWrite.All",
          .when = "estate alone",
          .what = "create and change security groups and their members",
          .writes = true,
          .is_needed = is_alone },
        { .name = "User.Read.All",
          .when = "estates connect and cloud-sync; alone, while nothing may be written yet",
          .what = "read users",
          .is_needed = only_reads },
        { .name = "User.EnableDisableAccount.All",
          .when = "estates connect and cloud-sync",
          .what = "disable an account",
          .writes = true,
          .is_needed = is_beside },
        { .name = "Group.Read.All",
          .when = "estates connect and cloud-sync; alone, while nothing may be written yet",
          .what = "read groups and their members",
          .is_needed = only_reads },
        { .name = "User.RevokeSessions.All",
          .when = "an urgent rule says revoke_sessions: true",
          .what = "end sign-in sessions",
          .writes = true,
          .is_needed = revokes },
        { .name = "RoleManagement.Read.Directory",
          .when = "always, but with protected.role_holders: write and soft_match: off",
          .what = "holders of directory roles are not written, and not matched; without it nobody is",
          .is_needed = asks_roles },
        { .name = "AuditLog.Read.All",
          .when = "promote, where there may be another installation",
          .what = "the last write with these credentials",
          .optional = true,
          .is_needed = always },
        { .name = "Directory.Read.All",
          .when = "promote, where there may be another installation",
          .what = "the audit log asks for it too",
          .optional = true,
          .is_needed = always },
        { .name = "Synchronization.Read.All",
          .when = "estates connect and cloud-sync",
          .what = "tell Cloud Sync from Entra Connect at the start",
          .optional = true,
          .is_needed = is_beside },
        { .name = "Synchronization.ReadWrite.All",
          .when = "estate cloud-sync",
          .what = "ask Cloud Sync to provision an object on demand",
          .optional = true,
          .is_needed = asks_cloud_sync },
        { .name = "Application.Read.All",
          .when = "estates connect and cloud-sync",
          .what = "find the synchronization jobs",
          .optional = true,
          .is_needed = is_beside },
};

/* A broader permission that opens the same. */
static const struct {
        const char *broad, *includes;
} broader[] = {
        { "User.ReadWrite.All", "User.Read.All" },
        { "User.ReadWrite.All", "User.EnableDisableAccount.All" },
        { "User.ReadWrite.All", "User.RevokeSessions.All" },
        { "Group.ReadWrite.All", "Group.Read.All" },
        { "Directory.ReadWrite.All", "User.ReadWrite.All" },
        { "Directory.ReadWrite.All", "User.Read.All" },
        { "Directory.ReadWrite.All", "Group.ReadWrite.All" },
        { "Directory.ReadWrite.All", "Group.Read.All" },
        { "Directory.ReadWrite.All", "Organization.Read.All" },
        { "Directory.ReadWrite.All", "Directory.Read.All" },
        { "Directory.Read.All", "User.Read.All" },
        { "Directory.Read.All", "Group.Read.All" },
        { "Directory.Read.All", "Organization.Read.All" },
        { "Directory.Read.All", "RoleManagement.Read.Directory" },
        { "Organization.ReadWrite.All", "Organization.Read.All" },
        { "RoleManagement.ReadWrite.Directory", "RoleManagement.Read.Directory" },
        { "Synchronization.ReadWrite.All", "Synchronization.Read.All" },
        { "Application.ReadWrite.All", "Application.Read.All" },
};

const Permission *permissions_all(size_t *ret_n)
{
        *ret_n = N_ELEMENTS(rows);
        return rows;
}

static bool has(const TokenClaims *claims, const char *name)
{
        for (size_t i = 0; i < claims->n_roles; i++)
                if (str_is(claims->roles[i], name))
                        return true;
        return false;
}

static bool is_granted(const TokenClaims *claims, const char *name)
{
        if (has(claims, name))
                return true;
        for (size_t i = 0; i < N_ELEMENTS(broader); i++)
                if (str_is(broader[i].includes, name) && has(claims, broader[i].broad))
                        return true;
        return false;
}

static bool is_used(const Config *c, const char *role)
{
        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                if (str_is(rows[i].name, role) && rows[i].is_needed(c))
                        return true;
        return false;
}

void permissions_probe(const Config *c, const TokenClaims *claims, Arena *a, PermissionsFound *ret_found)
{
        *ret_found = (PermissionsFound){
                .missing = arena_new_array(a, const Permission *, N_ELEMENTS(rows)),
                .beyond = arena_new_array(a, const char *, claims->n_roles + 1),
        };
        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                if (rows[i].is_needed(c) && !is_granted(claims, rows[i].name))
                        ret_found->missing[ret_found->n_missing++] = &rows[i];
        for (size_t i = 0; i < claims->n_roles; i++)
                if (!is_used(c, claims->roles[i]))
                        ret_found->beyond[ret_found->n_beyond++] = claims->roles[i];
}
