/* SPDX-License-Identifier: Apache-2.0 */

/* Members and owners of groups, and the groups an object is a member of */

#include <strings.h>

#include "mem.h"
#include "query.h"
#include "roles.h"
#include "route.h"
#include "write.h"

/* The schema named by a cast segment at the end of the path; NULL: all types */
static const Schema *cast_of(const Call *call)
{
        const char *last = call->segments[call->n_segments - 1].text;

        return !strcasecmp(last, "microsoft.graph.user")    ? &schema_user
               : !strcasecmp(last, "microsoft.graph.group") ? &schema_group
                                                            : NULL;
}

static void list(Emulator *emulator, Call *call, const Links *links, Answer *answer)
{
        const Schema *kind = cast_of(call);
        _cleanup_(query_deinit) Query query;

        if (query_parse(&query, call, kind, answer))
                query_answer_list(&query, call, NULL, links, kind, kind ? kind->set : "directoryObjects",
                                  answer);
}

void members_list(Emulator *emulator, Call *call, Answer *answer)
{
        Object *group = write_target(emulator, call, &schema_group, answer);

        if (group)
                list(emulator, call, &group->members, answer);
}

void owners_list(Emulator *emulator, Call *call, Answer *answer)
{
        Object *group = write_target(emulator, call, &schema_group, answer);

        if (group)
                list(emulator, call, &group->owners, answer);
}

void member_of_list(Emulator *emulator, Call *call, Answer *answer)
{
        const Schema *schema = call_is(call, SEGMENT_SET, "users") ? &schema_user : &schema_group;
        Object *object = write_target(emulator, call, schema, answer);

        if (object)
                list(emulator, call, &object->member_of, answer);
}

void members_count(Emulator *emulator, Call *call, Answer *answer)
{
        Object *group = write_target(emulator, call, &schema_group, answer);
        Query query = { 0 };

        if (!group)
                return;
        if (!call->consistency || strcasecmp(call->consistency, "eventual"))
                answer_error(answer, 400, "Request_BadRequest", "$count is not currently supported.");
        else
                query_answer_count(&query, &group->members, NULL, answer);
}

void members_list_ref(Emulator *emulator, Call *call, Answer *answer)
{
        Object *group = write_target(emulator, call, &schema_group, answer);
        _cleanup_(query_deinit) Query query;

        if (!group || !query_parse(&query, call, NULL, answer))
                return;
        query.references = true;
        query_answer_list(&query, call, NULL, &group->members, NULL, "Collection($ref)", answer);
}

/* The object of a {"@odata.id": ...} body. NULL: refused. */
static Object *body_reference(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *body = write_body(call, answer);

        if (!body)
                return NULL;
        if (json_object_size(body) != 1 || !json_object_get(body, "@odata.id")) {
                answer_error(answer, 400, "Request_BadRequest",
                             "The body of a request to $ref consists of the property '@odata.id' alone.");
                return NULL;
        }
        return write_reference(emulator, json_string_value(json_object_get(body, "@odata.id")), answer);
}

static void add(Emulator *emulator, Call *call, const char *name,
                bool (*add_link)(Store *, Object *, Object *), Answer *answer)
{
        Object *group = write_target(emulator, call, &schema_group, answer), *object;

        if (!group || !group_check_change(call, group, answer))
                return;
        object = body_reference(emulator, call, answer);
        if (!object || !group_check_link(emulator, group, object, name, answer))
                return;
        answer->changed = add_link(&emulator->store, group, object);
        answer_no_content(answer);
}

static void remove_link(Emulator *emulator, Call *call, bool (*take)(Store *, Object *, Object *),
                        Answer *answer)
{
        Object *group = write_target(emulator, call, &schema_group, answer), *object;
        const char *id = call->segments[SEGMENT_CHILD].text;

        if (!group || !group_check_change(call, group, answer))
                return;
        object = store_find(&emulator->store, NULL, id);
        if (object && take == store_remove_member && !write_sees_member(emulator, group, object))
                object = NULL;
        if (!object || !take(&emulator->store, group, object)) {
                answer_not_found(answer, id);
                return;
        }
        answer->changed = true;
        answer_no_content(answer);
}

void members_add(Emulator *emulator, Call *call, Answer *answer)
{
        add(emulator, call, "members", store_add_member, answer);
}

void members_remove(Emulator *emulator, Call *call, Answer *answer)
{
        remove_link(emulator, call, store_remove_member, answer);
}

void owners_add(Emulator *emulator, Call *call, Answer *answer)
{
        add(emulator, call, "owners", store_add_owner, answer);
}

void owners_remove(Emulator *emulator, Call *call, Answer *answer)
{
        remove_link(emulator, call, store_remove_owner, answer);
}

/*
 * DELETE /groups/{id}/members/{id} without /$ref: Graph deletes the member itself when the application may do
 * that. Here nothing is deleted and the journal shouts, since no client of ours can mean it.
 */
void members_delete_object(Emulator *emulator, Call *call, Answer *answer)
{
        answer->flag = "DELETE of a member without /$ref: Graph would have deleted the object itself";
        answer_error(answer, 400, "Request_BadRequest",
                     "The emulator refuses to delete the directory object '%s' through its membership. "
                     "Remove a member with "
                     "DELETE /groups/{id}/members/{id}/$ref.",
                     call->segments[SEGMENT_CHILD].text);
}
