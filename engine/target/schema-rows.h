/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows of the schema, one file per object type; private to schema*.c. Sorted by name (strcmp):
 * target_attribute() looks them up by halves, and test-schema.c checks the order.
 *
 * Sources. Names: what the outbound rules of Entra Connect end at. Properties, lengths and what is read-only:
 * Microsoft Graph v1.0 metadata (August 2026) and its reference pages user, group, user-post-users,
 * group-upsert, onPremisesExtensionAttributes; lengths that the metadata leaves out (surname, state,
 * postalCode, streetAddress, officeLocation) are those the directory has enforced since Azure AD Graph.
 */

#include "engine/target/schema.h"

/* Why an attribute is not written. Each is a sentence that ends a report's row. */
#define NOTE_ADDRESSES                                                                                     \
        "proxyAddresses is read-only in Microsoft Graph: a change of mail makes the primary address, the " \
        "others "                                                                                          \
        "need Exchange Online"
#define NOTE_GROUP_MAIL                                                                                    \
        "addresses of a group are read-only in Microsoft Graph; mail-enabled groups are made in Exchange " \
        "Online"
#define NOTE_ON_PREMISES "Microsoft Graph v1.0 lets only the synchronisation service write this property"
#define NOTE_SERVICE     "the service sets this property itself"
#define NOTE_NO_PROPERTY "Microsoft Graph has no property for it"
#define NOTE_EXCHANGE    "it belongs to Exchange Online; Microsoft Graph has no property for it"
#define NOTE_SKYPE       "it belongs to Skype for Business; Microsoft Graph has no property for it"
#define NOTE_CERTIFICATES                                                                            \
        "Microsoft Graph has no property for certificates (authorizationInfo.certificateUserIds is " \
        "something else)"
#define NOTE_PHOTO      "a photo is not a property but a resource of its own, which is not exported"
#define NOTE_MANAGED_BY "a group in Entra ID has owners, who may change it; managedBy has no counterpart"

#define WRITABLE(n, p, k, max, ...)                                                              \
        {                                                                                        \
                .type = ROW_TYPE, .name = (n), .property = (p), .kind = (k), .max_chars = (max), \
                .writable = true, ##__VA_ARGS__                                                  \
        }
#define READ_ONLY(n, p, k, why)                                                            \
        {                                                                                  \
                .type = ROW_TYPE, .name = (n), .property = (p), .kind = (k), .note = (why) \
        }
#define NOT_IN_GRAPH(n, why)                                 \
        {                                                    \
                .type = ROW_TYPE, .name = (n), .note = (why) \
        }

extern const TargetAttribute schema_user_rows[];
extern const size_t schema_n_user_rows;
extern const TargetAttribute schema_group_rows[];
extern const size_t schema_n_group_rows;
