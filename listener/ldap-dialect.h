/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LdapDialect: what a directory that is no Active Directory calls things
 *
 *      ask for    objectGUID, sAMAccountName, ...  --dialect_ask()-->  entryUUID, uid, ...
 *      understand entryUUID, uid, ...              --dialect_entry()-> objectGUID, sAMAccountName, ...
 *
 * Above this folder everything has AD's names: rules, scope, urgency, reports. OpenLDAP and 389 Directory
 * Server hold the same people under the names of RFC 4519 and RFC 2798, so an entry of theirs gets the names
 * of AD beside its own (which rules may read too):
 *
 *      AD                    OpenLDAP, 389 Directory Server
 *      objectGUID            entryUUID · nsUniqueId, as 16 bytes in the order of a GUID: its text is the same
 *      version (uSNChanged)  entryCSN · entryusn
 *      whenChanged           modifyTimestamp
 *      objectClass           groupOfNames, groupOfUniqueNames, groupOfMembers: also "group"
 *      sAMAccountName        uid; of a group cn
 *      member                member, uniqueMember
 *      userAccountControl    512, or 514: pwdAccountLockedTime is 000001010000Z (locked by an administrator,
 *                            draft-behera-ldap-password-policy) · nsAccountLock is true
 *      groupType             a security group: what else is a group for
 *      department, company, streetAddress, employeeID
 *                            departmentNumber, o, street, employeeNumber
 *
 * A name that the entry itself has is never replaced. Where AD has one value and these may have many, it is
 * the first. Everything lives in the arena.
 */

#include "listener/ldap-conn.h"
#include "listener/ldap-entry.h"

typedef struct Dialect Dialect;

/* What is a group there, as parts of a filter. */
#define DIALECT_GROUPS \
        "(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=groupOfMembers)"

struct Dialect {
        const char *name;    /* of the product, for people */
        const char *id;      /* the attribute that never changes */
        const char *version; /* grows with each change of the object, at one server */
        bool is_ad;          /* names as they are; <GUID=...> as a base, extended DNs, Show-Deleted, ranges */
};

/* Never NULL. */
const Dialect *dialect_of(Vendor vendor);

/* The names to ask this kind of server for. For an AD those that came in. */
const char *const *dialect_ask(const Dialect *d, Arena *a, const char *const *names, size_t n, size_t *ret_n);

/* Add AD's names and what LdapEntry says apart: id, usn, changed, deleted. */
void dialect_entry(const Dialect *d, Arena *a, LdapEntry *e);

/* "(entryUUID=...)": how to find an object by its id. */
const char *dialect_id_filter(const Dialect *d, Arena *a, const ObjectId *id);

/* RFC 4530's and RFC 4533's 16 bytes are in the order of the text; ours are in that of a GUID. */
void dialect_id_of_uuid(const uint8_t uuid[16], ObjectId *ret_id);

/* "20261122085419.123456Z#000000#001#000000" as a number that grows: microseconds and count. 0: it is none.
 */
uint64_t dialect_csn_number(const char *csn);
