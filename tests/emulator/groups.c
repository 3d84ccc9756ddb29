/* SPDX-License-Identifier: Apache-2.0 */

/* Groups: create, read, update, delete. Membership is in members.c. */

#include <strings.h>

#include "mem.h"
#include "query.h"
#include "roles.h"
#include "route.h"
#include "write.h"

void group_list(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(query_deinit) Query query;

        if (query_parse(&query, call, &schema_group, answer))
                query_answer_list(&query, call, emulator_view(emulator), &emulator_view(emulator)->groups,
                                  &schema_group, "groups", answer);
}

void group_count(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(query_deinit) Query query;

        if (!call->consistency || strcasecmp(call->consistency, "eventual")) {
                answer_error(answer, 400, "Request_BadRequest", "$count is not currently supported.");
                return;
        }
        if (query_parse(&query, call, &schema_group, answer))
                query_answer_count(&query, &emulator_view(emulator)->groups, &schema_group, answer);
}

void group_get(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(query_deinit) Query query;
        Object *group;

        if (!query_parse(&query, call, &schema_group, answer))
                return;
        group = write_target(emulator, call, &schema_group, answer);
        if (group)
                query_answer_one(&query, call, group, answer);
}

static bool body_is_unified(const json_t *body)
{
        const json_t *types = json_object_get(body, "groupTypes");

        for (size_t i = 0; i < json_array_size(types); ++i) {
                if (!strcmp(json_string_value(json_array_get(types, i)), "Unified"))
                        return true;
        }
        return false;
}

/* Security groups and Microsoft 365 groups exist; the two kinds with mail belong to Exchange. */
static bool check_kind(const json_t *body, Answer *answer)
{
        bool mail = json_is_true(json_object_get(body, "mailEnabled"));
        bool security = json_is_true(json_object_get(body, "securityEnabled"));
        const json_t *types = json_object_get(body, "groupTypes");

        for (size_t i = 0; i < json_array_size(types); ++i) {
                const char *type = json_string_value(json_array_get(types, i));

                if (strcmp(type, "Unified") && strcmp(type, "DynamicMembership"))
                        return write_refuse_value(&schema_group, "groupTypes",
                                                  "The kinds are Unified and DynamicMembership.", answer);
        }
        if (body_is_unified(body) ? mail : !mail && security)
                return true;
        if (mail)
                answer_error(
                        answer, 400, "Request_BadRequest",
                        "The service does not currently support writes of mail-enabled groups. Please ensure "
                        "that the "
                        "mail-enablement property is unset and the security-enablement property is set.");
        else
                answer_error(answer, 400, "Request_BadRequest",
                             "The service does not support groups that are neither mail-enabled nor "
                             "security-enabled.");
        return false;
}

/* Distribution groups and mail-enabled security groups can be read only. */
static bool check_writable(const Object *group, Answer *answer)
{
        if (!object_flag(group, GROUP_mailEnabled) || object_is_unified(group))
                return true;
        answer_error(answer, 400, "Request_BadRequest",
                     "Cannot Update a mail-enabled security groups and or distribution list.");
        return false;
}

/* Groups that can hold directory roles are kept from ordinary permissions. */
static bool check_role_assignable(const Call *call, const Object *group, const json_t *body, Answer *answer)
{
        bool assignable = group ? object_flag(group, GROUP_isAssignableToRole)
                                : json_is_true(json_object_get(body, "isAssignableToRole"));

        if (!assignable || (call->roles & ROLE_ROLE_WRITE))
                return true;
        answer_error(answer, 403, "Authorization_RequestDenied",
                     "Insufficient privileges to complete the operation.");
        return false;
}

bool group_check_change(const Call *call, const Object *group, Answer *answer)
{
        if (object_is_synced(group))
                return write_refuse_master(answer);
        return check_writable(group, answer) && check_role_assignable(call, group, NULL, answer);
}

/* members@odata.bind and owners@odata.bind; other annotations but @odata.type are not known to a group. */
static bool check_binds(const Emulator *emulator, const json_t *body, References *members, References *owners,
                        Answer *answer)
{
        const char *key;
        json_t *v;

        json_object_foreach((json_t *)(uintptr_t)body, key, v)
        {
                if (strchr(key, '@') && *key != '@' && strcmp(key, "members@odata.bind") &&
                    strcmp(key, "owners@odata.bind")) {
                        answer_error(
                                answer, 400, "Request_BadRequest",
                                "Property '%s' does not exist as a declared property or extension property.",
                                key);
                        return false;
                }
        }
        if (!write_references(emulator, json_object_get(body, "owners@odata.bind"), owners, answer))
                return false;
        members->n = owners->n; /* both lists share the limit */
        if (!write_references(emulator, json_object_get(body, "members@odata.bind"), members, answer))
                return false;
        members->n -= owners->n;
        memmove(members->objects, members->objects + owners->n, members->n * sizeof(Object *));
        return true;
}

/* Has a replica the member still, who was removed from the store? */
static bool is_seen(const Emulator *emulator, const Object *group, const Object *object, const char *name)
{
        return strcmp(name, "owners") != 0 && write_sees_member(emulator, group, object);
}

/* Every new reference must be new, also among themselves, and fit the group: all or nothing. */
static bool check_references(const Emulator *emulator, const Object *group, bool unified,
                             const Links *present, const References *references, const char *name,
                             Answer *answer)
{
        for (size_t i = 0; i < references->n; ++i) {
                const Object *object = references->objects[i];
                bool there =
                        present && (links_has(present, object) || is_seen(emulator, group, object, name));

                for (size_t k = 0; k < i; ++k)
                        there |= references->objects[k] == object;
                if (there) {
                        answer_error(answer, 400, "Request_BadRequest",
                                     "One or more added object references already exist for the following "
                                     "modified properties: "
                                     "'%s'.",
                                     name);
                        return false;
                }
                if (object == group || (unified && object->schema != &schema_user) ||
                    (object->schema != &schema_user && !strcmp(name, "owners"))) {
                        answer_error(answer, 400, "Request_BadRequest",
                                     "The object '%s' cannot be added as a reference of the property '%s'.",
                                     object->id, name);
                        return false;
                }
        }
        return true;
}

bool group_check_link(const Emulator *emulator, const Object *group, const Object *object, const char *name,
                      Answer *answer)
{
        References one = { .objects = { (Object *)(uintptr_t)object }, .n = 1 };
        const Links *present = strcmp(name, "owners") ? &group->members : &group->owners;

        return check_references(emulator, group, object_is_unified(group), present, &one, name, answer);
}

static void apply_references(Emulator *emulator, Object *group, const References *members,
                             const References *owners, Answer *answer)
{
        for (size_t i = 0; i < members->n; ++i)
                answer->changed |= store_add_member(&emulator->store, group, members->objects[i]);
        for (size_t i = 0; i < owners->n; ++i)
                answer->changed |= store_add_owner(&emulator->store, group, owners->objects[i]);
}

static void set_text(Emulator *emulator, Object *group, int property, const char *text)
{
        _cleanup_(mem_json_freep) json_t *v = json_string(text);

        store_set(&emulator->store, group, property, v);
}

static void stamp_group(Emulator *emulator, const Call *call, Object *group)
{
        unsigned int parts[4];
        char text[96];

        answer_stamp(call->wall_ms, text);
        set_text(emulator, group, GROUP_createdDateTime, text);
        set_text(emulator, group, GROUP_renewedDateTime, text);
        for (size_t i = 0; i < ARRAY_LENGTH(parts); ++i)
                parts[i] = (unsigned int)random_next(&emulator->random);
        snprintf(text, sizeof(text), "S-1-12-1-%u-%u-%u-%u", parts[0], parts[1], parts[2], parts[3]);
        set_text(emulator, group, GROUP_securityIdentifier, text);
}

/* unique_name: from the path of an upsert; NULL: as the body says */
static void create(Emulator *emulator, Call *call, const json_t *body, const char *unique_name,
                   Answer *answer)
{
        References members = { 0 }, owners = { 0 };
        Object *group;
        char id[ID_SIZE];

        if (!schema_check(&schema_group, body, NULL, answer) || !check_kind(body, answer) ||
            !write_check_nickname(&schema_group, body, answer) ||
            !check_role_assignable(call, NULL, body, answer) ||
            !write_check_unique(emulator, &schema_group, NULL, body, answer) ||
            !check_binds(emulator, body, &members, &owners, answer) ||
            !check_references(emulator, NULL, body_is_unified(body), NULL, &members, "members", answer) ||
            !check_references(emulator, NULL, body_is_unified(body), NULL, &owners, "owners", answer))
                return;
        random_guid(&emulator->random, id);
        group = store_create(&emulator->store, &schema_group, id);
        write_apply(emulator, group, body, answer);
        if (unique_name)
                set_text(emulator, group, GROUP_uniqueName, unique_name);
        stamp_group(emulator, call, group);
        apply_references(emulator, group, &members, &owners, answer);
        write_answer_created(call, group, answer);
}

static bool refuse_role(Answer *answer)
{
        answer_error(answer, 403, "Authorization_RequestDenied",
                     "Insufficient privileges to complete the operation.");
        return false;
}

void group_create(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *body = write_body(call, answer);

        if (body)
                create(emulator, call, body, NULL, answer);
}

/* GroupMember.ReadWrite.All changes members and nothing else; Group.Create lets an upsert create. */
static bool check_update_roles(const Call *call, const json_t *body, Answer *answer)
{
        if (call->roles & (ROLE_GROUP_WRITE | ROLE_DIRECTORY_WRITE))
                return true;
        if ((call->roles & ROLE_MEMBER_WRITE) && json_object_size(body) == 1 &&
            json_object_get(body, "members@odata.bind"))
                return true;
        return refuse_role(answer);
}

/* PATCH /groups(uniqueName='x') with Prefer: create-if-missing */
static bool is_upsert(const Emulator *emulator, const Call *call)
{
        const Segment *s = &call->segments[SEGMENT_ID];

        return s->key && !strcmp(s->key, "uniqueName") && call->prefer &&
               strcasestr(call->prefer, "create-if-missing") &&
               !store_find_by(&emulator->store, &schema_group, GROUP_uniqueName, s->text);
}

static void upsert(Emulator *emulator, Call *call, json_t *body, Answer *answer)
{
        const char *name = call->segments[SEGMENT_ID].text;
        const json_t *given = json_object_get(body, "uniqueName");

        if (!(call->roles & (ROLE_GROUP_WRITE | ROLE_DIRECTORY_WRITE | ROLE_GROUP_CREATE)))
                refuse_role(answer);
        else if (given && (!json_is_string(given) || strcmp(json_string_value(given), name)))
                write_refuse_value(&schema_group, "uniqueName",
                                   "uniqueName differs from the key in the path.", answer);
        else if (!*name || schema_length(name) > schema_group.properties[GROUP_uniqueName].max)
                write_refuse_value(&schema_group, "uniqueName", "uniqueName is empty or too long.", answer);
        else
                create(emulator, call, body, name, answer);
}

void group_update(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *body = write_body(call, answer);
        References members = { 0 }, owners = { 0 };
        Object *group;

        if (!body)
                return;
        if (is_upsert(emulator, call)) {
                upsert(emulator, call, body, answer);
                return;
        }
        if (!check_update_roles(call, body, answer))
                return;
        group = write_target(emulator, call, &schema_group, answer);
        if (!group || !schema_check(&schema_group, body, group, answer) ||
            !write_check_master(group, body, answer) || !check_writable(group, answer) ||
            !check_role_assignable(call, group, body, answer) ||
            !write_check_nickname(&schema_group, body, answer) ||
            !write_check_unique(emulator, &schema_group, group, body, answer) ||
            !check_binds(emulator, body, &members, &owners, answer) ||
            !check_references(emulator, group, object_is_unified(group), &group->members, &members, "members",
                              answer) ||
            !check_references(emulator, group, object_is_unified(group), &group->owners, &owners, "owners",
                              answer))
                return;
        write_apply(emulator, group, body, answer);
        apply_references(emulator, group, &members, &owners, answer);
        answer_no_content(answer);
}

void group_delete(Emulator *emulator, Call *call, Answer *answer)
{
        Object *group = write_target(emulator, call, &schema_group, answer);

        if (!group || !check_writable(group, answer) || !check_role_assignable(call, group, NULL, answer))
                return;
        store_delete(&emulator->store, group, call->wall_ms);
        answer->changed = true;
        answer_no_content(answer);
}
