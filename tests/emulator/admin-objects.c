/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "admin.h"
#include "mem.h"
#include "provision.h"
#include "write.h"

/* Members of a planted object that are links, not properties */
static const char *const link_names[] = { "manager", "members", "membersGone", "owners" };

static bool refuse(Answer *answer, const char *what, const char *id)
{
        answer_error(answer, 400, "BadRequest", "%s: %s", what, id ? id : "(no id)");
        return false;
}

static json_t *without_links(const json_t *json)
{
        json_t *copy = json_copy((json_t *)(uintptr_t)json);

        for (size_t i = 0; i < ARRAY_LENGTH(link_names); ++i)
                json_object_del(copy, link_names[i]);
        return copy;
}

static bool plant_links(Emulator *emulator, Object *object, const json_t *list, const char *name,
                        bool (*add)(Store *, Object *, Object *), Answer *answer)
{
        for (size_t i = 0; i < json_array_size(list); ++i) {
                const char *id = json_string_value(json_array_get(list, i));
                Object *other = id ? store_find(&emulator->store, NULL, id) : NULL;

                if (!other || object->schema != &schema_group)
                        return refuse(answer, name, id);
                add(&emulator->store, object, other);
        }
        return true;
}

static bool plant_manager(Emulator *emulator, Object *object, const json_t *v, Answer *answer)
{
        const char *id = json_string_value(v);
        Object *manager = id ? store_find(&emulator->store, &schema_user, id) : NULL;

        if (!v)
                return true;
        if ((id && !manager) || object->schema != &schema_user)
                return refuse(answer, "manager", id);
        store_set_manager(&emulator->store, object, manager);
        return true;
}

/* Properties only; links may point to objects further down the list and come in a second round. */
static bool plant(Emulator *emulator, const Schema *schema, const json_t *json, int64_t wall_ms, Text *ids,
                  Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *body = without_links(json);
        const char *id = json_string_value(json_object_get(json, "id"));
        char fresh[ID_SIZE], stamp[32];
        Object *object;

        if (!schema_check_planted(schema, body, answer))
                return false;
        if (id && strlen(id) != ID_SIZE - 1)
                return refuse(answer, "id is not a GUID", id);
        if (!id) {
                random_guid(&emulator->random, fresh);
                id = fresh;
        }
        object = store_find(&emulator->store, NULL, id);
        if ((object && object->schema != schema) || store_find_deleted(&emulator->store, NULL, id))
                return refuse(answer, "id is taken by another object", id);
        if (!write_check_unique(emulator, schema, object, body, answer))
                return false;
        if (!object) {
                object = store_create(&emulator->store, schema, id);
                answer_stamp(wall_ms, stamp);
                if (!json_object_get(body, "createdDateTime"))
                        json_object_set_new(body, "createdDateTime", json_string(stamp));
        }
        json_object_del(body, "id");
        write_apply(emulator, object, body, answer);
        text_comma(ids);
        text_json(ids, object->id);
        json_object_set_new((json_t *)(uintptr_t)json, "id", json_string(object->id));
        return true;
}

static bool plant_all(Emulator *emulator, const Schema *schema, const json_t *list, int64_t wall_ms,
                      Text *ids, Answer *answer)
{
        for (size_t i = 0; i < json_array_size(list); ++i) {
                if (!plant(emulator, schema, json_array_get(list, i), wall_ms, ids, answer))
                        return false;
        }
        return true;
}

static bool link_all(Emulator *emulator, const json_t *list, Answer *answer)
{
        for (size_t i = 0; i < json_array_size(list); ++i) {
                const json_t *json = json_array_get(list, i);
                Object *object =
                        store_find(&emulator->store, NULL, json_string_value(json_object_get(json, "id")));

                if (!plant_manager(emulator, object, json_object_get(json, "manager"), answer) ||
                    !plant_links(emulator, object, json_object_get(json, "members"), "members",
                                 store_add_member, answer) ||
                    !plant_links(emulator, object, json_object_get(json, "membersGone"), "membersGone",
                                 store_remove_member, answer) ||
                    !plant_links(emulator, object, json_object_get(json, "owners"), "owners", store_add_owner,
                                 answer))
                        return false;
        }
        return true;
}

static bool remove_all(Emulator *emulator, const json_t *list, Answer *answer)
{
        for (size_t i = 0; i < json_array_size(list); ++i) {
                const char *id = json_string_value(json_array_get(list, i));
                Object *object = id ? store_find(&emulator->store, NULL, id) : NULL;

                if (!object && id)
                        object = store_find_deleted(&emulator->store, NULL, id);
                if (!object)
                        return refuse(answer, "remove", id);
                store_purge(&emulator->store, object);
        }
        return true;
}

static bool all_objects(const json_t *list)
{
        for (size_t i = 0; i < json_array_size(list); ++i) {
                if (!json_is_object(json_array_get(list, i)))
                        return false;
        }
        return !list || json_is_array(list);
}

void objects_post(Emulator *emulator, const json_t *body, int64_t wall_ms, Answer *answer)
{
        const json_t *users = json_object_get(body, "users"), *groups = json_object_get(body, "groups");
        json_t *organization = json_object_get(body, "organization");
        json_t *assignments = json_object_get(body, "roleAssignments");
        const json_t *directory = json_object_get(body, "directory");
        json_t *jobs = json_object_get(body, "synchronizationJobs");
        _cleanup_(text_deinit) Text user_ids = { 0 }, group_ids = { 0 };
        Text *t = &answer->body;

        if (!all_objects(users) || !all_objects(groups) || !all_objects(assignments) || !all_objects(jobs) ||
            !all_objects(directory) || (organization && !json_is_object(organization))) {
                refuse(answer, "the body is",
                       "{\"users\":[{}],\"groups\":[{}],\"remove\":[\"id\"],\"organization\":{},"
                       "\"roleAssignments\":[{}],\"synchronizationJobs\":[{}],\"directory\":[{}]}");
                return;
        }
        if (!remove_all(emulator, json_object_get(body, "remove"), answer) ||
            !plant_all(emulator, &schema_user, users, wall_ms, &user_ids, answer) ||
            !plant_all(emulator, &schema_group, groups, wall_ms, &group_ids, answer) ||
            !link_all(emulator, users, answer) || !link_all(emulator, groups, answer))
                return;
        if (!provision_plant(emulator, directory)) {
                refuse(answer, "directory", "an object without dn, or with a member that is none");
                return;
        }
        if (organization)
                json_object_update(emulator->organization, organization);
        if (jobs) {
                json_decref(emulator->jobs);
                emulator->jobs = json_incref(jobs);
        }
        if (assignments) {
                json_decref(emulator->assignments);
                emulator->assignments = json_incref(assignments);
        }
        answer->status = 200;
        text_puts(t, "{\"users\":[");
        text_add(t, user_ids.data, user_ids.n);
        text_puts(t, "],\"groups\":[");
        text_add(t, group_ids.data, group_ids.n);
        text_puts(t, "]}");
}
