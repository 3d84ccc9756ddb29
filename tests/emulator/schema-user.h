/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Schema of user: one row per property, sorted by name (schema.c looks rows up by halves)
 *
 * Names, types, lengths and filter operators come from the published metadata of Graph v1.0 (MIT), see
 * README.md. The metadata has no machine-readable read-only flags; those follow the property descriptions.
 *
 * X(name, type, longest text (0: not checked), flags, filter operators, fields of a complex type)
 */

/* clang-format off */
#define USER_PROPERTIES(X) \
        X(aboutMe, STRING, 0, P_APART | P_CLOUD, 0, none) \
        X(accountEnabled, BOOL, 0, P_REQUIRED | P_CLOUD, OPS_FLAG, none) \
        X(ageGroup, STRING, 32, P_CLOUD, OPS_FLAG, none) \
        X(assignedLicenses, COMPLEXES, 0, P_READ_ONLY | P_NOT_NULL, OP_EQ | OP_NE | OP_NOT, none) \
        X(assignedPlans, COMPLEXES, 0, P_READ_ONLY | P_NOT_NULL, OP_EQ | OP_NOT, none) \
        X(authorizationInfo, COMPLEX, 0, P_READ_ONLY, 0, none) \
        X(birthday, TIME, 0, P_APART | P_CLOUD, 0, none) \
        X(businessPhones, STRINGS, 64, P_NOT_NULL | P_DEFAULT, OP_EQ | OP_NOT | OP_GE | OP_LE | OP_STARTS | \
          OP_ADVANCED, none) \
        X(city, STRING, 128, 0, OPS_TEXT, none) \
        X(companyName, STRING, 64, 0, OPS_TEXT | OP_ADVANCED, none) \
        X(consentProvidedForMinor, STRING, 32, P_CLOUD, OPS_FLAG, none) \
        X(country, STRING, 128, 0, OPS_TEXT, none) \
        X(createdDateTime, TIME, 0, P_READ_ONLY, OPS_TIME | OP_ADVANCED, none) \
        X(creationType, STRING, 0, P_READ_ONLY, OPS_FLAG, none) \
        X(customSecurityAttributes, COMPLEX, 0, P_READ_ONLY, OP_EQ | OP_NE | OP_NOT | OP_STARTS, none) \
        X(deletedDateTime, TIME, 0, P_READ_ONLY, 0, none) \
        X(department, STRING, 64, 0, OPS_TEXT, none) \
        X(deviceEnrollmentLimit, INT, 0, P_READ_ONLY, 0, none) \
        X(displayName, STRING, 256, P_REQUIRED | P_DEFAULT, OPS_TEXT, none) \
        X(employeeHireDate, TIME, 0, 0, OPS_TIME, none) \
        X(employeeId, STRING, 16, 0, OPS_TEXT, none) \
        X(employeeLeaveDateTime, TIME, 0, P_CLOUD, OPS_TIME, none) \
        X(employeeOrgData, COMPLEX, 0, 0, OPS_TIME | OP_ADVANCED, employeeOrgData) \
        X(employeeType, STRING, 256, 0, OPS_TIME | OP_STARTS | OP_ADVANCED, none) \
        X(extension_0123456789abcdef0123456789abcdef_building, STRING, 256, 0, OPS_TEXT, none) \
        X(extension_0123456789abcdef0123456789abcdef_isRemote, BOOL, 0, 0, OPS_TEXT, none) \
        X(extension_0123456789abcdef0123456789abcdef_joined, TIME, 0, 0, OPS_TEXT, none) \
        X(extension_0123456789abcdef0123456789abcdef_level, INT, 0, 0, OPS_TEXT, none) \
        X(extension_0123456789abcdef0123456789abcdef_skills, STRINGS, 256, 0, OPS_TEXT, none) \
        X(externalUserState, STRING, 0, P_READ_ONLY, OPS_FLAG, none) \
        X(externalUserStateChangeDateTime, TIME, 0, P_READ_ONLY, OPS_FLAG, none) \
        X(faxNumber, STRING, 64, 0, OPS_TEXT | OP_ADVANCED, none) \
        X(givenName, STRING, 64, P_DEFAULT, OPS_TEXT, none) \
        X(hireDate, TIME, 0, P_APART | P_CLOUD, 0, none) \
        X(id, STRING, 0, P_READ_ONLY | P_DEFAULT, OPS_FLAG, none) \
        X(identities, COMPLEXES, 0, 0, OP_EQ, objectIdentity) \
        X(identityParentId, STRING, 0, P_READ_ONLY, 0, none) \
        X(imAddresses, STRINGS, 0, P_READ_ONLY, OP_EQ | OP_NOT | OP_GE | OP_LE | OP_STARTS, none) \
        X(interests, STRINGS, 0, P_APART | P_CLOUD, 0, none) \
        X(isManagementRestricted, BOOL, 0, P_READ_ONLY, 0, none) \
        X(isResourceAccount, BOOL, 0, P_READ_ONLY, 0, none) \
        X(jobTitle, STRING, 128, P_DEFAULT, OPS_TEXT, none) \
        X(lastPasswordChangeDateTime, TIME, 0, P_READ_ONLY, 0, none) \
        X(legalAgeGroupClassification, STRING, 0, P_READ_ONLY, 0, none) \
        X(licenseAssignmentStates, COMPLEXES, 0, P_READ_ONLY, 0, none) \
        X(mail, STRING, 256, P_DEFAULT, OPS_TEXT | OP_ENDS, none) \
        X(mailNickname, STRING, 64, P_REQUIRED, OPS_TEXT, none) \
        X(mailboxSettings, COMPLEX, 0, P_READ_ONLY, 0, none) \
        X(mobilePhone, STRING, 64, P_DEFAULT, OPS_TEXT | OP_ADVANCED, none) \
        X(mySite, STRING, 0, P_APART | P_CLOUD, 0, none) \
        X(officeLocation, STRING, 128, P_DEFAULT, OPS_TEXT | OP_ADVANCED, none) \
        X(onPremisesDistinguishedName, STRING, 0, P_READ_ONLY, 0, none) \
        X(onPremisesDomainName, STRING, 0, P_READ_ONLY, 0, none) \
        X(onPremisesExtensionAttributes, COMPLEX, 0, 0, OPS_FLAG, onPremisesExtensionAttributes) \
        X(onPremisesImmutableId, STRING, 256, 0, OPS_TIME, none) \
        X(onPremisesLastSyncDateTime, TIME, 0, P_READ_ONLY, OPS_TIME, none) \
        X(onPremisesProvisioningErrors, COMPLEXES, 0, P_READ_ONLY, OP_EQ | OP_NOT | OP_GE | OP_LE, none) \
        X(onPremisesSamAccountName, STRING, 0, P_READ_ONLY, OPS_TIME | OP_STARTS | OP_ADVANCED, none) \
        X(onPremisesSecurityIdentifier, STRING, 0, P_READ_ONLY, OP_EQ | OP_IN | OP_NULL, none) \
        X(onPremisesSyncEnabled, BOOL, 0, P_READ_ONLY, OPS_FLAG | OP_NULL, none) \
        X(onPremisesUserPrincipalName, STRING, 0, P_READ_ONLY, OPS_TIME | OP_STARTS | OP_ADVANCED, none) \
        X(otherMails, STRINGS, 250, P_NOT_NULL | P_CLOUD, OPS_TIME | OP_STARTS | OP_ENDS, none) \
        X(passwordPolicies, STRING, 256, P_CLOUD, OP_EQ | OP_NE | OP_NOT | OP_NULL, none) \
        X(passwordProfile, COMPLEX, 0, P_REQUIRED | P_BY_DOMAIN | P_CLOUD | P_SECRET, OPS_FLAG | OP_NULL, passwordProfile) \
        X(pastProjects, STRINGS, 0, P_APART | P_CLOUD, 0, none) \
        X(postalCode, STRING, 40, 0, OPS_TEXT | OP_ADVANCED, none) \
        X(preferredDataLocation, STRING, 64, 0, 0, none) \
        X(preferredLanguage, STRING, 64, P_DEFAULT, OPS_TEXT | OP_ADVANCED, none) \
        X(preferredName, STRING, 0, P_APART | P_CLOUD, 0, none) \
        X(print, COMPLEX, 0, P_READ_ONLY, 0, none) \
        X(provisionedPlans, COMPLEXES, 0, P_READ_ONLY | P_NOT_NULL, OP_EQ | OP_NOT | OP_GE | OP_LE, none) \
        X(proxyAddresses, STRINGS, 0, P_READ_ONLY | P_NOT_NULL, OP_EQ | OP_NE | OP_NOT | OP_GE | OP_LE | \
          OP_STARTS | OP_ENDS, none) \
        X(responsibilities, STRINGS, 0, P_APART | P_CLOUD, 0, none) \
        X(schools, STRINGS, 0, P_APART | P_CLOUD, 0, none) \
        X(securityIdentifier, STRING, 0, P_READ_ONLY, OP_EQ | OP_NOT | OP_GE | OP_LE | OP_STARTS, none) \
        X(serviceProvisioningErrors, COMPLEXES, 0, P_READ_ONLY, OP_EQ | OP_NOT, none) \
        X(showInAddressList, BOOL, 0, 0, 0, none) \
        X(signInActivity, COMPLEX, 0, P_READ_ONLY, OP_EQ | OP_NE | OP_NOT | OP_GE | OP_LE, none) \
        X(signInSessionsValidFromDateTime, TIME, 0, P_READ_ONLY, 0, none) \
        X(skills, STRINGS, 0, P_APART | P_CLOUD, 0, none) \
        X(state, STRING, 128, 0, OPS_TEXT, none) \
        X(streetAddress, STRING, 1024, 0, OPS_TEXT | OP_ADVANCED, none) \
        X(surname, STRING, 64, P_DEFAULT, OPS_TEXT, none) \
        X(usageLocation, STRING, 3, P_CLOUD, OPS_TEXT, none) \
        X(userPrincipalName, STRING, 113, P_REQUIRED | P_DEFAULT, OPS_TIME | OP_STARTS | OP_ENDS, none) \
        X(userType, STRING, 32, 0, OPS_FLAG | OP_NULL, none)
/* clang-format on */
