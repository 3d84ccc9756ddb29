/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Deleted: was the user there before, and did somebody delete it?
 *
 * A deleted user can be restored for 30 days, with its mailbox, its licences and its groups
 * (directory-deleteditems-list). To create it anew would make a second account that has none of them, stand
 * in the way of the restore, and undo what an administrator has decided. So before a create one read asks for
 * a deleted user with the same anchor. So does a tombstone whose account is not there: as long as it can be
 * restored, each reconcile looks whether it has been. Groups are not asked for: Entra ID deletes security
 * groups for good.
 */

#include "engine/steps/internal.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <string.h>

typedef struct Seen {
        ObjectSink sink; /* first: the target calls through it */
        const Object *object;
} Seen;

static int on_object(ObjectSink *sink, const TargetObject *o)
{
        ((Seen *)sink)->object = o->object;
        return 0;
}

/* The service puts the id, 32 digits, in front of the name of a deleted user, which so becomes free. */
static const char *name_then(const Object *o)
{
        const char *upn = object_text(o, "userPrincipalName");

        if (!upn)
                return "a user";
        return strlen(upn) > 32 && strspn(upn, "0123456789abcdefABCDEF") >= 32 ? upn + 32 : upn;
}

/* Return: 0 (NULL: there is none), TARGET_E_*, -errno. */
static int find_deleted(Run *run, const char *anchor, const Object **ret_object)
{
        static const char *const attributes[] = { "displayName", "sourceAnchor", "userPrincipalName" };
        Match match = { .type = run_cloud_type(run),
                        .by = MATCH_DELETED,
                        .value = anchor,
                        .attributes = attributes,
                        .n_attributes = N_ELEMENTS(attributes) };
        Seen seen = { .sink = { .object = on_object } };
        int r;

        *ret_object = NULL;
        if (!anchor || !str_is(match.type, "user"))
                return 0;
        r = target_fetch(run->target, &run->call, &match, &seen.sink, &run->diag);
        if (r)
                return r == TARGET_E_NOT_FOUND ? 0 : r;
        /* A filter of Graph has no case, an anchor does. */
        if (str_is(object_text(seen.object, "sourceAnchor"), anchor))
                *ret_object = seen.object;
        return 0;
}

int run_ask_deleted(Run *run)
{
        const Object *deleted;
        const char *name;
        char id[GUID_TEXT_MAX];
        int r = find_deleted(run, run->anchor, &deleted);

        if (r == TARGET_E_AMBIGUOUS)
                return step_fail(run, STEP_E_PARK, "DeletedInCloud", "%s", diag_text(&run->diag));
        if (r)
                return run_target_failed(run, r);
        if (!deleted)
                return 0;
        name = object_text(deleted, "displayName");
        return step_fail(run, STEP_E_PARK, "DeletedInCloud", "%s (%s, %s) is among the deleted users",
                         name_then(deleted), name ? name : "without a name", guid_format(&deleted->id, id));
}

int run_ask_restorable(Run *run, bool *ret_is)
{
        const Object *deleted;
        int r = find_deleted(run, run->person.anchor, &deleted);

        *ret_is = r == TARGET_E_AMBIGUOUS || (r == 0 && deleted);
        return r && r != TARGET_E_AMBIGUOUS ? run_target_failed(run, r) : 0;
}
