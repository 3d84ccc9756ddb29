/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ReplMeta: the stamps of an object's attributes, as an Active Directory has them
 *
 *      replPropertyMetaData:  [ATTRTYP 0x90008, version 5, time, invocationId, USNs] ...
 *                                  |
 *      ReplNames:             userAccountControl, by the schema
 *
 * The blob (MS-DRSR 5.163, MS-ADTS 3.1.1.1.9; on disk and over LDAP it is little-endian) names attributes by
 * number: msDS-IntId where the schema has one, else the OID with its front part replaced by the number of a
 * prefix (MS-DRSR 5.16.4). Prefixes that every controller has from the start are known here; an attribute
 * with another one and without msDS-IntId has a number of each controller's own, and no stamp for us.
 *
 * Links (member) are not in it: their values have stamps of their own.
 */

#include "engine/model/stamp.h"
#include "listener/ldap-conn.h"

typedef struct ReplName ReplName;
typedef struct ReplNames ReplNames;

#define REPL_META "replPropertyMetaData"

struct ReplName {
        const char *attribute; /* as asked for */
        uint32_t number;
};

struct ReplNames {
        const ReplName *items;
        size_t n;
};

/* The numbers of these attributes, by the schema of the forest; what it does not know is left out.
 * Blocks. Return: 0, CONN_E_*. */
int repl_names_read(Conn *c, const char *const *names, size_t n_names, Arena *a, ReplNames *ret_names,
                    Diag *diag);

/* The stamps of those. A blob that makes no sense has none. */
size_t repl_meta_parse(Value blob, const ReplNames *names, Arena *a, const NamedStamp **ret_stamps);

/* "1.2.840.113556.1.4.8" → 0x90008. Return: false if the prefix is not one that all have. */
bool repl_number(const char *oid, uint32_t *ret_number);
