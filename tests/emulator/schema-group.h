/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Schema of group: one row per property, sorted by name (schema.c looks rows up by halves)
 *
 * Names, types, lengths and filter operators come from the published metadata of Graph v1.0 (MIT), see
 * README.md. The metadata has no machine-readable read-only flags; those follow the property descriptions.
 *
 * X(name, type, longest text (0: not checked), flags, filter operators, fields of a complex type)
 */

/* clang-format off */
#define GROUP_PROPERTIES(X) \
        X(accessType, STRING, 0, P_READ_ONLY, 0, none) \
        X(allowExternalSenders, BOOL, 0, P_APART, 0, none) \
        X(assignedLabels, COMPLEXES, 0, 0, 0, assignedLabel) \
        X(assignedLicenses, COMPLEXES, 0, P_READ_ONLY, OP_EQ, none) \
        X(autoSubscribeNewMembers, BOOL, 0, P_APART, 0, none) \
        X(classification, STRING, 256, P_DEFAULT, OP_EQ | OP_NE | OP_NOT | OP_GE | OP_LE | OP_STARTS, none) \
        X(createdDateTime, TIME, 0, P_READ_ONLY | P_DEFAULT, 0, none) \
        X(deletedDateTime, TIME, 0, P_READ_ONLY | P_DEFAULT, 0, none) \
        X(description, STRING, 1024, P_DEFAULT, OP_EQ | OP_NE | OP_NOT | OP_GE | OP_LE | OP_STARTS, none) \
        X(displayName, STRING, 256, P_REQUIRED | P_DEFAULT, OPS_TEXT, none) \
        X(expirationDateTime, TIME, 0, P_READ_ONLY | P_DEFAULT, OPS_TIME, none) \
        X(extension_0123456789abcdef0123456789abcdef_anchor, STRING, 256, 0, OPS_TEXT, none) \
        X(extension_0123456789abcdef0123456789abcdef_building, STRING, 256, 0, OPS_TEXT, none) \
        X(groupTypes, STRINGS, 0, P_NOT_NULL | P_CREATE_ONLY | P_DEFAULT, OP_EQ | OP_NOT, none) \
        X(hasMembersWithLicenseErrors, BOOL, 0, P_READ_ONLY, OP_EQ, none) \
        X(hideFromAddressLists, BOOL, 0, P_APART, 0, none) \
        X(hideFromOutlookClients, BOOL, 0, P_APART, 0, none) \
        X(id, STRING, 0, P_READ_ONLY | P_DEFAULT, OPS_FLAG, none) \
        X(infoCatalogs, STRINGS, 0, P_READ_ONLY | P_NOT_NULL, 0, none) \
        X(isArchived, BOOL, 0, P_READ_ONLY, 0, none) \
        X(isAssignableToRole, BOOL, 0, P_CREATE_ONLY | P_DEFAULT, OP_EQ | OP_NE | OP_NOT, none) \
        X(isFavorite, BOOL, 0, P_READ_ONLY, 0, none) \
        X(isManagementRestricted, BOOL, 0, P_READ_ONLY, 0, none) \
        X(isSubscribedByMail, BOOL, 0, P_APART, 0, none) \
        X(licenseProcessingState, COMPLEX, 0, P_READ_ONLY, 0, none) \
        X(mail, STRING, 0, P_READ_ONLY | P_DEFAULT, OPS_TEXT, none) \
        X(mailEnabled, BOOL, 0, P_REQUIRED | P_CREATE_ONLY | P_DEFAULT, OP_EQ | OP_NE | OP_NOT, none) \
        X(mailNickname, STRING, 64, P_REQUIRED | P_DEFAULT, OPS_TEXT, none) \
        X(membershipRule, STRING, 3072, P_DEFAULT, OP_EQ | OP_NE | OP_NOT | OP_GE | OP_LE | OP_STARTS, none) \
        X(membershipRuleProcessingState, STRING, 0, P_DEFAULT, OPS_FLAG, none) \
        X(onPremisesDomainName, STRING, 0, P_READ_ONLY | P_DEFAULT, 0, none) \
        X(onPremisesExtensionAttributes, COMPLEX, 0, 0, 0, onPremisesExtensionAttributes) \
        X(onPremisesLastSyncDateTime, TIME, 0, P_READ_ONLY | P_DEFAULT, OPS_TIME, none) \
        X(onPremisesNetBiosName, STRING, 0, P_READ_ONLY | P_DEFAULT, 0, none) \
        X(onPremisesProvisioningErrors, COMPLEXES, 0, P_READ_ONLY | P_DEFAULT, OP_EQ | OP_NOT, none) \
        X(onPremisesSamAccountName, STRING, 0, P_READ_ONLY | P_DEFAULT, OPS_TIME | OP_STARTS, none) \
        X(onPremisesSecurityIdentifier, STRING, 0, P_READ_ONLY | P_DEFAULT, OP_EQ | OP_IN | OP_NULL, none) \
        X(onPremisesSyncEnabled, BOOL, 0, P_READ_ONLY | P_DEFAULT, OPS_FLAG | OP_NULL, none) \
        X(organizationId, STRING, 0, P_READ_ONLY, 0, none) \
        X(preferredDataLocation, STRING, 0, P_DEFAULT, 0, none) \
        X(preferredLanguage, STRING, 0, P_DEFAULT, OPS_TEXT, none) \
        X(proxyAddresses, STRINGS, 0, P_READ_ONLY | P_NOT_NULL | P_DEFAULT, OP_EQ | OP_NE | OP_NOT | OP_GE \
          | OP_LE | OP_STARTS | OP_ENDS, none) \
        X(renewedDateTime, TIME, 0, P_READ_ONLY | P_DEFAULT, OPS_TIME, none) \
        X(resourceBehaviorOptions, STRINGS, 0, P_NOT_NULL | P_CREATE_ONLY, 0, none) \
        X(resourceProvisioningOptions, STRINGS, 0, P_NOT_NULL, 0, none) \
        X(securityEnabled, BOOL, 0, P_REQUIRED | P_CREATE_ONLY | P_DEFAULT, OPS_FLAG, none) \
        X(securityIdentifier, STRING, 0, P_READ_ONLY | P_DEFAULT, 0, none) \
        X(serviceProvisioningErrors, COMPLEXES, 0, P_READ_ONLY, OP_EQ | OP_NOT, none) \
        X(theme, STRING, 32, P_DEFAULT, 0, none) \
        X(uniqueName, STRING, 256, P_ONCE, OP_EQ | OP_IN, none) \
        X(unseenConversationsCount, INT, 0, P_READ_ONLY, 0, none) \
        X(unseenCount, INT, 0, P_APART, 0, none) \
        X(unseenMessagesCount, INT, 0, P_READ_ONLY, 0, none) \
        X(visibility, STRING, 32, P_DEFAULT, 0, none) \
        X(welcomeMessageEnabled, BOOL, 0, 0, 0, none)
/* clang-format on */
