/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/steps/catalogue.h"

#include "base/cleanup.h"
#include "base/str.h"

#define ROW(name, cat, exit, why, what)                                                                    \
        {                                                                                                  \
                .code = name, .category = ERROR_CATEGORY_##cat, .exit_status = EXIT_##exit, .reason = why, \
                .action = what                                                                             \
        }

/* It would break the sentences anew wherever one of its own breaks had been before. */
/* clang-format off */
static const CatalogueRow rows[] = {
        /* Scope: not an error of anybody. */
        ROW("DomainNotInScope", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "The object is not in the domain that this connector synchronizes.",
            "Add a source for its domain to the configuration, or ignore this."),
        ROW("OrganizationalUnitNotInScope", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "The object's organizational unit is not in sync scope.",
            "Move the object, or add its OU to scope.include (or remove it from scope.exclude)."),
        ROW("ObjectTypeNotInScope", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "Objects of this type are not synchronized.",
            "Add the type to scope.object_types if sosync supports it (user, inetOrgPerson, group)."),
        ROW("GroupFilterNotMember", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "Group filtering is on, and the object is not a direct member of the filter group.",
            "Add the object to the group named in scope.group_filter. Nested groups do not count."),
        ROW("NotInScopeOfRules", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "No synchronization rule provisions this object to Microsoft Entra ID.",
            "Read the reason in the Synchronization step; a scoping filter or cloudFiltered keeps it out."),
        ROW("GroupTooLarge", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "The group has more members than the synchronization rules take for a new group.",
            "Divide the group. Or raise the limit in a rule set of your own, if Microsoft Entra ID is to "
            "have it: Entra Connect takes 50,000, or 250,000 with its newer endpoint."),
        ROW("DeleteNotSupported", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "The object was deleted in Active Directory. Deletes are recorded and reported, never exported.",
            "Let the regular sync cycle delete it in Microsoft Entra ID, or delete it there."),

        /* The directory. */
        ROW("SourceObjectNotFound", FAILURE, OBJECT,
            "The object does not exist, or the connector account cannot read it: the directory answers the "
            "same for both.",
            "Check the distinguished name, and that the connector account may read the object."),
        ROW("SourceStale", NON_SERVICE_FAILURE, UNREACHABLE,
            "The domain controller that was read does not have the change yet.",
            "None: the object is read again in a moment."),
        ROW("SourceUnreachable", NON_SERVICE_FAILURE, UNREACHABLE,
            "No domain controller could be reached.",
            "Check network, DNS and certificates. Changes wait and nothing is lost."),
        ROW("SourceRefused", NON_SERVICE_FAILURE, UNREACHABLE,
            "The directory refused the connector account.",
            "Check the account's password, expiry and rights. Changes wait and nothing is lost."),
        ROW("AccountControlUnread", FAILURE, OBJECT,
            "userAccountControl of a user (with rules.account_expires: or accountExpires) cannot be read, so "
            "that nobody knows whether the account is disabled. Nothing is written: it could turn a leaver's "
            "account on.",
            "Let the connector account read the property set Account Restrictions of all users in scope "
            "(`sosync doctor` has the command), then `sosync queue retry parked`."),
        ROW("SourceValueTooLarge", FAILURE, OBJECT,
            "A value of the object is larger than 10 MB, or the object larger than 64 MB.",
            "Remove the value, or leave its attribute out of the rules."),

        /* Microsoft Entra ID, as a whole. */
        ROW("TargetUnreachable", NON_SERVICE_FAILURE, UNREACHABLE,
            "Microsoft Graph could not be reached.",
            "Check network, proxy and certificates. Changes wait and nothing is lost."),
        ROW("TargetRefused", NON_SERVICE_FAILURE, UNREACHABLE,
            "Microsoft Entra ID refused sosync's credentials, or a permission is missing.",
            "Check the app registration: secret, expiry, and consent to the application permissions."),
        ROW("TargetTransient", NON_SERVICE_FAILURE, UNREACHABLE,
            "Microsoft Graph failed for a moment or lost the connection.",
            "None: the change is tried again by itself."),
        ROW("TargetGarbage", NON_SERVICE_FAILURE, UNREACHABLE,
            "An answer was not what Microsoft Graph documents. Nothing was concluded from it.",
            "Look for a proxy that answers in Graph's place; the change is tried again by itself."),
        ROW("Throttled", NON_SERVICE_FAILURE, THROTTLED,
            "Microsoft Graph limits the number of requests, and the limit is reached.",
            "Try again after 5 minutes, or at the time given. The service waits by itself."),

        ROW("OwnerPending", NON_SERVICE_FAILURE, THROTTLED,
            "Only the synchronization that owns the object writes it: it is at work or was asked too often, or "
            "Microsoft Entra ID does not show yet what it has written.",
            "None: it is asked, or looked for, again by itself at the time given."),
        ROW("OwnerUnreachable", NON_SERVICE_FAILURE, UNREACHABLE,
            "Only the synchronization that owns the object (Entra Connect, Cloud Sync) writes it, and it cannot "
            "be asked.",
            "Read what it said in the details. Only these changes wait; a disable goes through Microsoft Graph "
            "meanwhile."),

        /* The object at Microsoft Entra ID. */
        ROW("AttributeValueMustBeUnique", FAILURE, OBJECT,
            "Another object in Microsoft Entra ID has this value (userPrincipalName, mail, proxyAddresses "
            "or immutable id).",
            "Find both objects, and change or remove the value on one of them. It is tried again for an hour by "
            "itself (the other one may be giving it up); all else of an update is done."),
        ROW("InvalidSoftMatch", FAILURE, OBJECT,
            "An object with the same userPrincipalName exists in Microsoft Entra ID and carries another "
            "anchor.",
            "Find both objects, and change or remove the duplicate value or object on the wrong side."),
        ROW("AnchorMismatch", FAILURE, OBJECT,
            "The anchors that the rules make are not those of this tenant, so that nobody would be found: "
            "nothing is created and nobody is matched.",
            "Let the sourceAnchor rules use the attribute that is named, or import the rules of your Entra "
            "Connect server. Then run `sosync compare` again, and `sosync queue retry parked`."),
        ROW("SoftMatchCandidate", FAILURE, OBJECT,
            "Microsoft Entra ID has a user with the same userPrincipalName or primary SMTP address and "
            "without an anchor. It may be the same person, or somebody else's account.",
            "Compare both identities with `sosync match list`, then join them with `sosync match approve`, "
            "or change the value of one of them."),
        ROW("ExistingAdminRoleConflict", FAILURE, OBJECT,
            "The user in Microsoft Entra ID that would be matched holds a directory role.",
            "Take the role away, approve or retry, and give it back; or set the anchor "
            "(onPremisesImmutableId) on that user by hand."),
        ROW("RolesNotReadable", FAILURE, OBJECT,
            "Whether the user in Microsoft Entra ID holds a directory role cannot be read, so nobody is "
            "matched.",
            "Grant RoleManagement.Read.Directory, and retry."),
        ROW("OwnerChanged", NON_SERVICE_FAILURE, OBJECT,
            "Another synchronization has taken the object over, or has given it up.",
            "None, if this was meant: the object is treated by its new owner's rules from now on."),
        ROW("ObjectTypeMismatch", FAILURE, OBJECT,
            "The object found in Microsoft Entra ID has another type.",
            "Remove the shared address or anchor from one of the two objects."),
        ROW("AmbiguousMatch", FAILURE, OBJECT,
            "More than one object in Microsoft Entra ID matches this one.",
            "Leave the anchor on one of them only."),
        ROW("AmbiguousJoin", FAILURE, OBJECT,
            "Which object it becomes is not clear: the rules in scope lead to more than one, or to one that "
            "another object of the same directory is already.",
            "Make the values that the join compares unique, or change the rule. Of two objects of one directory "
            "that are one person, delete one or take it out of scope: the other is then run by itself."),
        ROW("EstateMismatch", NON_SERVICE_FAILURE, UNREACHABLE,
            "target.estate says something else about who owns the objects than the tenant does "
            "(organization.onPremisesSyncEnabled).",
            "Set target.estate to what is so: connect or cloud-sync where a synchronization is on, else "
            "alone."),
        ROW("TenantChanged", NON_SERVICE_FAILURE, UNREACHABLE,
            "target.tenant_id names another tenant than the one that the state folder is of: what is known of "
            "each object has the ids of that one.",
            "Name that tenant again, or give the other one a state folder of its own (state.path)."),
        ROW("CreateBelongsToSync", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "The object is not in Microsoft Entra ID yet, and in this estate the synchronization that owns "
            "the objects creates them.",
            "None: its next cycle creates the object, and sosync finds it by its anchor."),
        ROW("MasteredElsewhere", FAILURE, OBJECT,
            "The object in Microsoft Entra ID is mastered by another synchronization "
            "(onPremisesSyncEnabled).",
            "Let that synchronization export the change, or move the source of authority."),
        ROW("ConnectSyncFailed", FAILURE, OBJECT,
            "Entra Connect was asked to synchronize the object, and its single object sync failed.",
            "Look at the code and reason it gave, and at the object on the Entra Connect server."),
        ROW("ConnectDisagrees", FAILURE, OBJECT,
            "Entra Connect has synchronized the object, and two minutes later Microsoft Entra ID still does "
            "not have the values that sosync's rules give.",
            "Compare the rules: `sosync rules import` takes those of the Entra Connect server."),
        ROW("OnDemandFailed", FAILURE, OBJECT,
            "Cloud Sync was asked to provision the object on demand, and cannot do it for this object.",
            "Look at the code and reason it gave, and at the provisioning log of its configuration."),
        ROW("OnDemandDisagrees", FAILURE, OBJECT,
            "Cloud Sync has provisioned the object, and five minutes and two of its cycles later Microsoft "
            "Entra ID still does not have the values that sosync's rules give.",
            "Compare the rules with the attribute mappings of the Cloud Sync configuration; members are "
            "provisioned only if its scope includes them."),
        ROW("BlockedInCloud", FAILURE, OBJECT,
            "The account is enabled in Active Directory but was blocked in Microsoft Entra ID by somebody "
            "else.",
            "Unblock it in Microsoft Entra ID, or disable and enable it in Active Directory."),
        ROW("DeletedInCloud", FAILURE, OBJECT,
            "Somebody has deleted the user in Microsoft Entra ID, where it can be restored for 30 days; "
            "sosync does not make a second one beside it.",
            "Restore it under Deleted users in the Entra admin center: it is found by its anchor. Or delete "
            "it there for good, and retry: then it is created anew. Either way, `sosync queue retry`."),
        ROW("Contended", FAILURE, OBJECT,
            "Somebody has set the attribute back three times within an hour; for now it is left as they "
            "want it.",
            "Find who writes the attribute in Microsoft Entra ID (its audit log says so), and decide who "
            "owns it."),
        ROW("DomainNotVerified", FAILURE, OBJECT,
            "The userPrincipalName's suffix is not a verified domain of the tenant.",
            "Verify the domain in Microsoft Entra ID, or change the suffix in Active Directory."),
        ROW("DataValidationFailed", FAILURE, OBJECT,
            "Microsoft Entra ID refused a value of the object.",
            "Correct the attribute named in the details."),
        ROW("IdentityDataValidationFailed", FAILURE, OBJECT,
            "The userPrincipalName has characters or a form that Microsoft Entra ID does not take.",
            "Correct the userPrincipalName in Active Directory."),
        ROW("ExceededAllowedLength", FAILURE, OBJECT,
            "A value is longer than Microsoft Entra ID allows.",
            "Shorten the attribute named in the details."),
        ROW("RequiredValueMissing", FAILURE, OBJECT,
            "A value that Microsoft Entra ID requires for a new object is missing.",
            "Set the attribute named in the details in Active Directory, or supply it by a rule."),
        ROW("InsufficientPrivileges", FAILURE, OBJECT,
            "sosync's application may not write this object. Holders of directory roles need higher rights, "
            "and what is in a restricted management administrative unit a role in that unit.",
            "Grant the permission named in the details, or leave the object out of scope."),
        ROW("NotWritableThroughGraph", FAILURE, OBJECT,
            "Microsoft Graph cannot create or change objects of this kind (mail-enabled and distribution "
            "groups, contacts), or make a group that is there mail-enabled.",
            "Let Entra Connect or Exchange export it. A security group that is there already is written but for "
            "its mail: nothing is to be done."),
        ROW("ObjectNotFound", FAILURE, OBJECT,
            "The object is not in Microsoft Entra ID any more.",
            "None: it is matched again at the next try."),
        ROW("ReferenceNotFound", NON_SERVICE_FAILURE, OBJECT,
            "An object that this one refers to is not in Microsoft Entra ID yet.",
            "None: the reference waits and is set when its target appears."),
        ROW("DirectoryQuotaExceeded", FAILURE, OBJECT,
            "A quota of the tenant or of the object is used up.",
            "Raise the quota, or remove objects or links."),
        ROW("RequestRefused", FAILURE, OBJECT,
            "Microsoft Graph refused the request without naming a value.",
            "Read what it said in the details; correct the object and retry."),

        /* Held on purpose. */
        ROW("BrakeDisable", NON_SERVICE_FAILURE, OBJECT,
            "More accounts would be turned off within a while than is believable; this change waits for a "
            "person.",
            "Find out why so many are disabled in Active Directory; then `sosync queue release --brake "
            "disable`, or `sosync queue drop --brake disable`."),
        ROW("BrakeMembers", NON_SERVICE_FAILURE, OBJECT,
            "More members would be removed from groups within a while than is believable; this change waits "
            "for a person.",
            "Look at the group in Active Directory; then `sosync queue release --brake members`, or `sosync "
            "queue drop --brake members`."),
        ROW("BrakeValues", NON_SERVICE_FAILURE, OBJECT,
            "Values would be cleared on more objects within a while than is believable; this change waits "
            "for a person.",
            "Look for a rule, or a script in Active Directory, that takes the values away; then `sosync "
            "queue release --brake values`, or `sosync queue drop --brake values`."),
        ROW("BrakeCreate", NON_SERVICE_FAILURE, OBJECT,
            "More objects would be created within a while than is believable; this change waits for a "
            "person.",
            "If this is a first load, raise brakes.create or name it in brakes.off; then `sosync queue "
            "release --brake create`."),

        ROW("ProtectedAccount", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "The account is protected (protected.accounts): nothing of it is written, not even a disable.",
            "Change it in Microsoft Entra ID by hand, or take its name out of protected.accounts."),
        ROW("RoleHolder", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "The user holds a directory role in Microsoft Entra ID, or is eligible for one, so nothing of it "
            "is written, not even a disable: whoever may write the account in Active Directory could take "
            "over, or lock out, an administrator.",
            "Change the user in Microsoft Entra ID by hand; a disable goes by itself within an hour of the "
            "role's end. If it is meant to be written, name the account in protected.allow, or all of them "
            "with protected.role_holders: write."),
        ROW("RoleAssignableGroup", NON_SERVICE_FAILURE, OUT_OF_SCOPE,
            "The group can hold directory roles in Microsoft Entra ID (isAssignableToRole): whoever may "
            "write it in Active Directory could make administrators.",
            "If that is meant, name the group in protected.allow."),
        ROW("HeldByRevert", NON_SERVICE_FAILURE, OBJECT,
            "What an export had replaced was put back, and the object is held until a person releases it.",
            "Correct the rule, or Active Directory; then `sosync revert --release`."),

        /* Rules, and ourselves. */
        ROW("SyncRuleError", FAILURE, OBJECT,
            "A synchronization rule ended with an error.",
            "Correct the attribute named in the details, or the rule."),
        ROW("RunStuck", FAILURE, OBJECT,
            "A run does not end. Everything that it waits for has a time-out, so this is a fault of sosync.",
            "See at which step it stands. Restart the service: the change runs again. Report it, with the "
            "service's log."),
        ROW("ConcurrentUpdate", NON_SERVICE_FAILURE, OBJECT,
            "Another object that is joined to the same person was being synchronized.",
            "None: the change is tried again by itself."),
        ROW("RulesCatchingUp", NON_SERVICE_FAILURE, OBJECT,
            "Rules have just become active, and the values that they join objects by are not all in the index "
            "yet. An object that is joined to none waits, or it could become a second one.",
            "None: it is tried again each second. The service does it; start it if it does not run."),
        ROW("CrashedTheService", FAILURE, OBJECT,
            "The service ended three times while it worked on this object.",
            "Please report it with `sosync report show`; `sosync queue retry` tries it once more."),
        ROW("InternalError", FAILURE, OBJECT,
            "Something unforeseen went wrong inside sosync.",
            "Please report it with the log lines of this run. The change is tried again by itself."),
};
/* clang-format on */

static const CatalogueRow unknown_row =
        ROW("Unknown", FAILURE, OBJECT, "The change failed.", "Read the details of the step that failed.");

const CatalogueRow *catalogue_all(size_t *ret_n)
{
        *ret_n = N_ELEMENTS(rows);
        return rows;
}

const CatalogueRow *catalogue_find(const char *code)
{
        for (size_t i = 0; code && i < N_ELEMENTS(rows); i++)
                if (str_is(rows[i].code, code))
                        return &rows[i];
        return &unknown_row;
}

ExitStatus catalogue_exit_status(const Outcome *o)
{
        switch (o->disposition) {
        case DISPOSITION_DONE:
        case DISPOSITION_NO_CHANGE:
        case DISPOSITION_STAGED:
                return o->result == RESULT_FAILURE ? EXIT_OBJECT : EXIT_DONE;
        default:
                return o->error.code ? catalogue_find(o->error.code)->exit_status : EXIT_OBJECT;
        }
}
