/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Roles: application permissions
 *
 * A token carries the names in its `roles` claim; a route names the set that opens it (route.c). Names that
 * are not listed here are granted and carried like the others, but open nothing.
 */

#include <jansson.h>
#include <stdint.h>

#define ROLES(X)                                               \
        X(USER_READ, "User.Read.All")                          \
        X(USER_WRITE, "User.ReadWrite.All")                    \
        X(USER_UPDATE, "User.ReadUpdate.All")                  \
        X(USER_CREATE, "User.Create")                          \
        X(USER_ENABLE, "User.EnableDisableAccount.All")        \
        X(USER_REVOKE, "User.RevokeSessions.All")              \
        X(USER_IDENTITIES, "User.ManageIdentities.All")        \
        X(USER_PASSWORD, "User-PasswordProfile.ReadWrite.All") \
        X(USER_PHONE, "User-Phone.ReadWrite.All")              \
        X(USER_MAIL, "User-Mail.ReadWrite.All")                \
        X(USER_RESTORE, "User.DeleteRestore.All")              \
        X(GROUP_READ, "Group.Read.All")                        \
        X(GROUP_WRITE, "Group.ReadWrite.All")                  \
        X(GROUP_CREATE, "Group.Create")                        \
        X(MEMBER_READ, "GroupMember.Read.All")                 \
        X(MEMBER_WRITE, "GroupMember.ReadWrite.All")           \
        X(DIRECTORY_READ, "Directory.Read.All")                \
        X(DIRECTORY_WRITE, "Directory.ReadWrite.All")          \
        X(ORGANIZATION_READ, "Organization.Read.All")          \
        X(ORGANIZATION_WRITE, "Organization.ReadWrite.All")    \
        X(DOMAIN_READ, "Domain.Read.All")                      \
        X(DOMAIN_WRITE, "Domain.ReadWrite.All")                \
        X(ROLE_WRITE, "RoleManagement.ReadWrite.Directory")    \
        X(ROLE_READ, "RoleManagement.Read.Directory")          \
        X(SYNC_READ, "Synchronization.Read.All")               \
        X(SYNC_WRITE, "Synchronization.ReadWrite.All")         \
        X(APP_READ, "Application.Read.All")                    \
        X(AUDIT_READ, "AuditLog.Read.All")

enum {
#define X(name, text) ROLE_INDEX_##name,
        ROLES(X)
#undef X
};

enum {
#define X(name, text) ROLE_##name = 1 << ROLE_INDEX_##name,
        ROLES(X)
#undef X
};

uint64_t roles_parse(const json_t *names); /* array of text */
