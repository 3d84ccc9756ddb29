/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The table of steps: function, name in reports, provisioningStepType, title
 *
 * Pure data, in the order in which the steps run. It lies here because two sides are made from it that may
 * not know each other: the pipeline (engine/steps/steps.h) takes functions and enumeration from it, reports
 * (report/) names, types and titles. A stored outcome has its steps in this order.
 */

/* clang-format off */
#define STEPS(X)                                                                                                        \
        X(source_domain, SourceDomainScoping,       SCOPING,    "Determine whether the object's source domain is in sync scope")        \
        X(target_domain, TargetDomainScoping,       SCOPING,    "Determine whether the object's target domain is in sync scope")        \
        X(ou,            OrganizationalUnitScoping, SCOPING,    "Determine whether the object's organizational unit is in sync scope")  \
        X(access,        SourceObjectAccess,        IMPORT,     "Determine whether the connector account can read the object")          \
        X(object_type,   ObjectTypeScoping,         SCOPING,    "Determine whether the object's type is in sync scope")                 \
        X(group_filter,  GroupFilterScoping,        SCOPING,    "Determine whether the object is in scope of group filtering")          \
        X(import_source, SourceImport,              IMPORT,     "Import the object from Active Directory into its connector space")     \
        X(import_target, TargetImport,              IMPORT,     "Import the object from Microsoft Entra ID into its connector space")   \
        X(sync,          Synchronization,           PROCESSING, "Synchronize the object through the rules")                             \
        X(export,        Export,                    EXPORT,     "Export the object to Microsoft Entra ID")
/* clang-format on */
