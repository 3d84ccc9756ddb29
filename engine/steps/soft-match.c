/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Soft match: a user who is new to sosync, and perhaps not new to Entra ID
 *
 * As Entra Connect does (plan-connect-design-concepts, how-to-connect-install-existing-tenant): users only,
 * by userPrincipalName or the primary SMTP address, and only onto an object without an anchor of its own.
 * What it refuses is refused by the same names: InvalidSoftMatch (another anchor), ObjectTypeMismatch (the
 * address is a group's), ExistingAdminRoleConflict (a holder of a directory role is never taken over; if the
 * roles cannot be read, nobody is). Whose anchor was written a moment ago may be read without it: what the
 * connector space knows as somebody's who is synchronized is his.
 *
 * Groups are not matched: the service matches them by proxyAddresses, so only mail-enabled ones, which Graph
 * cannot write; it never matches a security group and makes it anew. One that is there already is found by
 * its uniqueName, or by target.group_anchor.
 *
 * By default a match is only reported: the object waits, with both identities, until a person approves it
 * (candidate.h). A user name can be given to another person, so a match by name alone hands an account over.
 */

#include "engine/steps/internal.h"

#include "base/str.h"
#include "engine/steps/candidate.h"

#include <string.h>

typedef struct Found {
        RunImport import;
        const char *by;
        const char *value;
} Found;

/* The one that mail is sent from: "SMTP:" in capitals; without any, the mail attribute. NULL: none. */
static const char *primary_address(Run *run)
{
        Value proxies = flowed_get(run->mv, "proxyAddresses"), mail = flowed_get(run->mv, "mail");

        for (size_t i = 0; i < value_count(proxies); i++) {
                Value v = value_at(proxies, i);

                if (v.type == VALUE_STRING && strncmp(v.s, "SMTP:", 5) == 0 && v.s[5])
                        return v.s + 5;
        }
        return value_is_none(proxies) && mail.type == VALUE_STRING ? mail.s : NULL;
}

/* Return: 0 with *ret_found, STEP_E_*, -errno. */
static int look(Run *run, MatchBy by, const char *value, const char *says, Found *f, bool *ret_found)
{
        int r;

        *ret_found = false;
        if (!value)
                return 0;
        r = run_fetch(run, "user", by, value, true, &f->import);
        if (r == TARGET_E_NOT_FOUND)
                return 0;
        if (r)
                return run_target_failed(run, r);
        f->by = says;
        f->value = value;
        *ret_found = true;
        return 0;
}

/* An address that a group has cannot become a user's. */
static int look_at_groups(Run *run, const char *address)
{
        RunImport group;
        char id[GUID_TEXT_MAX];
        int r;

        if (!address)
                return 0;
        r = run_fetch(run, "group", MATCH_MAIL, address, false, &group);
        if (r == TARGET_E_NOT_FOUND)
                return 0;
        if (r && r != TARGET_E_AMBIGUOUS)
                return run_target_failed(run, r);
        return step_fail(run, STEP_E_PARK, "ObjectTypeMismatch", "%s is the address of the group %s", address,
                         r ? "(several)" : guid_format(&group.object->id, id));
}

static const char *words_for(Run *run, const Found *f)
{
        const char *name = object_text(f->import.object, "displayName");
        const char *upn = object_text(f->import.object, "userPrincipalName");
        char id[GUID_TEXT_MAX];

        return arena_printf(run->arena, "%s (%s, %s), which has the same %s %s", upn ? upn : "an object",
                            name ? name : "without a name", guid_format(&f->import.object->id, id), f->by,
                            f->value);
}

/* Is it the account of somebody else who is still synchronized? His anchor may not have replicated. Return:
 * 0, -errno. */
static int find_owner(Run *run, const ObjectId *cloud, const char **ret_dn)
{
        Person owner;
        Cloud row;
        int r = space_read_cloud(run->space, cloud, run->arena, &row, NULL, &run->diag);

        *ret_dn = NULL;
        if (r || guid_is(&row.metaverse, &run->metaverse))
                return r < 0 ? r : 0;
        r = space_read_person(run->space, &row.metaverse, run->arena, &owner, NULL, &run->diag);
        if (r || !guid_is(&owner.cloud, cloud))
                return r < 0 ? r : 0;
        for (size_t i = 0; i < owner.n_joined && !*ret_dn; i++) {
                Head head;

                r = space_read_head(run->space, &owner.joined[i], run->arena, &head, NULL, &run->diag);
                if (r < 0)
                        return r;
                if (r == 0 && !head.deleted && head.in_scope)
                        *ret_dn = run_name_of(run, &row.metaverse);
        }
        return 0;
}

/* May this one be taken over at all? *ret_roles: why its roles could not be read; NULL: they were. */
static int refuse(Run *run, const Found *f, const char **ret_roles)
{
        const char *anchor = object_text(f->import.object, "sourceAnchor"), *role = NULL, *owner;
        int r;

        *ret_roles = NULL;
        r = find_owner(run, &f->import.object->id, &owner);
        if (r)
                return r;
        /* He may be on the way to another name, or have left it a moment ago: tried for an hour, as a create
         * whose name is taken. */
        run->is_taken = owner != NULL;
        if (owner)
                return step_fail(run, STEP_E_RETRY, "InvalidSoftMatch", "%s, belongs to another object: %s",
                                 words_for(run, f), owner);
        if ((anchor && *anchor) || f->import.mastered_elsewhere)
                return step_fail(run, STEP_E_PARK, "InvalidSoftMatch", "%s, belongs to another object: %s%s",
                                 words_for(run, f), anchor && *anchor ? "its anchor is " : "",
                                 anchor && *anchor ? anchor : "it is synchronized from elsewhere");
        r = target_role(run->target, &run->call, &f->import.object->id, 0, &role, &run->diag);
        if (r == TARGET_E_REFUSED) {
                *ret_roles = arena_strdup(run->arena, diag_text(&run->diag));
                diag_clear(&run->diag);
                return 0;
        }
        if (r)
                return run_target_failed(run, r);
        if (role)
                return step_fail(run, STEP_E_PARK, "ExistingAdminRoleConflict", "%s, holds %s",
                                 words_for(run, f), role);
        return 0;
}

/* Both identities, for `sosync match`; an approval of the same one stays. */
static void remember(Run *run, const Found *f, const Candidate *before)
{
        const Object *o = f->import.object;
        Value upn = flowed_get(run->mv, "userPrincipalName");

        candidate_write(&run->batch, &run->key,
                        &(Candidate){
                                .dn = run->dn->text,
                                .upn = upn.type == VALUE_STRING ? upn.s : NULL,
                                .cloud = o->id,
                                .cloud_upn = object_text(o, "userPrincipalName"),
                                .cloud_name = object_text(o, "displayName"),
                                .by = f->by,
                                .value = f->value,
                                .seen = clock_wall(run->clock),
                                .approved = before != NULL,
                                .approved_at = before ? before->approved_at : (Wall){ 0 },
                                .approved_by = before ? before->approved_by : NULL,
                        });
}

/* It is none any more: nobody is asked about it. */
void run_leave_candidate(Run *run)
{
        Candidate c;

        if (candidate_read(run->space, &run->key, run->arena, &c) == 0)
                candidate_delete(&run->batch, &run->key);
}

/* One was found. Is it to be taken? Return: 0 (yes), STEP_E_PARK, STEP_E_RETRY, -errno. */
static int decide(Run *run, const Found *f)
{
        const char *roles;
        Candidate c;
        bool approved;
        int r = candidate_read(run->space, &run->key, run->arena, &c);

        if (r < 0)
                return r;
        approved = r == 0 && c.approved && guid_is(&c.cloud, &f->import.object->id);
        r = refuse(run, f, &roles);
        if (r == STEP_E_PARK || run->is_taken)
                run_leave_candidate(run);
        if (r)
                return r;
        if (roles)
                step_detail(run, "directory roles", "cannot be read, so that it cannot be matched: %s",
                            roles);
        if (!approved && run->config->soft_match == SOFT_MATCH_REPORT) {
                remember(run, f, NULL);
                return step_fail(run, STEP_E_PARK, "SoftMatchCandidate", "it may be %s", words_for(run, f));
        }
        if (roles) {
                remember(run, f, approved ? &c : NULL);
                return step_fail(run, STEP_E_PARK, "RolesNotReadable", "it may be %s", words_for(run, f));
        }
        step_detail(run, "match", "%s %s%s%s", f->by, f->value, approved ? ", approved by " : "",
                    approved && c.approved_by ? c.approved_by : "");
        return 0;
}

int run_soft_match(Run *run, RunImport *ret_import, bool *ret_found)
{
        Value upn = flowed_get(run->mv, "userPrincipalName");
        const char *address = primary_address(run);
        Found f;
        int r;

        *ret_found = false;
        if (run->config->soft_match == SOFT_MATCH_OFF || run->config->estate != ESTATE_ALONE ||
            run->leaving || !str_is(run_cloud_type(run), "user"))
                return 0;
        r = look(run, MATCH_UPN, upn.type == VALUE_STRING ? upn.s : NULL, "userPrincipalName", &f, ret_found);
        if (r == 0 && !*ret_found)
                r = look(run, MATCH_MAIL, address, "primary SMTP address", &f, ret_found);
        if (r == 0 && !*ret_found)
                r = look_at_groups(run, address);
        if (r)
                return r;
        if (!*ret_found) {
                run_leave_candidate(run);
                return 0;
        }
        /* Its anchor is ours: the index of anchors lags behind the objects. */
        if (!str_is(object_text(f.import.object, "sourceAnchor"), run->anchor)) {
                r = run_mind_anchor(run);
                if (r == 0)
                        r = decide(run, &f);
                if (r)
                        return r;
        }
        candidate_delete(&run->batch, &run->key);
        *ret_import = f.import;
        return 0;
}
