/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "mem.h"
#include "query.h"
#include "route.h"
#include "write.h"

json_t *write_body(const Call *call, Answer *answer)
{
        json_t *body;

        if (!call->n_body) {
                answer_error(answer, 400, "BadRequest", "Empty Payload. JSON content expected.");
                return NULL;
        }
        if (!call->content_type || strncasecmp(call->content_type, "application/json", 16)) {
                answer_error(answer, 415, "RequestUnsupportedMediaType",
                             "A missing or unsupported content type was provided. Content-Type must be "
                             "application/json.");
                return NULL;
        }
        body = json_loadb(call->body, call->n_body, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(body)) {
                json_decref(body);
                answer_error(answer, 400, "BadRequest",
                             "Unable to read JSON request payload. Please ensure Content-Type header is set "
                             "and payload is of valid "
                             "JSON format.");
                return NULL;
        }
        return body;
}

static bool is_guid(const char *s)
{
        for (size_t i = 0; i < 36; ++i) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;

                if (dash ? s[i] != '-' : !s[i] || !strchr("0123456789abcdefABCDEF", s[i]))
                        return false;
        }
        return !s[36];
}

/* The replica that a write comes to may not have the object yet. */
static Object *if_seen(const Emulator *emulator, Object *object)
{
        return object && store_find(emulator_view(emulator), NULL, object->id) ? object : NULL;
}

bool write_sees_member(const Emulator *emulator, const Object *group, const Object *member)
{
        const Store *view = emulator_view(emulator);
        const Object *seen = store_find(view, NULL, group->id), *there = store_find(view, NULL, member->id);

        return seen && there && links_has(&seen->members, there);
}

Object *write_target(const Emulator *emulator, const Call *call, const Schema *schema, Answer *answer)
{
        const Store *store = call->method == METHOD_GET ? emulator_view(emulator) : &emulator->store;
        const Segment *s = &call->segments[SEGMENT_ID];
        Object *object = NULL;
        int property;

        if (s->key) {
                property = schema_find(schema, s->key);
                if (property !=
                    (schema == &schema_user ? (int)USER_userPrincipalName : (int)GROUP_uniqueName)) {
                        answer_error(answer, 400, "Request_BadRequest",
                                     "The alternate key '%s' is not defined for '%s'.", s->key, schema->set);
                        return NULL;
                }
                object = store_find_by(store, schema, property, s->text);
        } else if (is_guid(s->text)) {
                object = if_seen(emulator, store_find(store, schema, s->text));
        } else if (schema == &schema_user) {
                object = if_seen(emulator, store_find_by(store, schema, USER_userPrincipalName, s->text));
        } else {
                answer_error(answer, 400, "Request_BadRequest", "Invalid object identifier '%s'.", s->text);
                return NULL;
        }
        if (!object)
                answer_not_found(answer, s->text);
        return object;
}

bool write_refuse_master(Answer *answer)
{
        answer_error(answer, 400, "Request_BadRequest",
                     "Unable to update the specified properties for on-premises mastered Directory Sync "
                     "objects or objects "
                     "currently undergoing migration.");
        return false;
}

bool write_check_master(const Object *object, const json_t *body, Answer *answer)
{
        const char *key;
        json_t *v;

        if (!object_is_synced(object))
                return true;
        json_object_foreach((json_t *)(uintptr_t)body, key, v)
        {
                int i = schema_find(object->schema, key);

                if (i < 0 ? strchr(key, '@') != NULL : !(object->schema->properties[i].flags & P_CLOUD))
                        return write_refuse_master(answer);
        }
        return true;
}

bool write_refuse_conflict(const char *property, const Object *other, Answer *answer)
{
        char target[ID_SIZE + 16];

        snprintf(target, sizeof(target), "%s_%s", other->schema->resource, other->id);
        answer_error(answer, 400, "Request_BadRequest",
                     "Another object with the same value for property %s already exists.", property);
        answer_detail(answer, "ObjectConflict", property,
                      "Another object with the same value for property %s already exists.", property);
        answer_detail(answer, "ConflictingObjects", target,
                      "Another object with the same value for property %s already exists.", property);
        return false;
}

bool write_check_unique(const Emulator *emulator, const Schema *schema, const Object *object,
                        const json_t *body, Answer *answer)
{
        const char *key;
        json_t *v;

        json_object_foreach((json_t *)(uintptr_t)body, key, v)
        {
                int i = schema_find(schema, key);
                const Object *other = i < 0 ? NULL : store_conflict(&emulator->store, schema, object, i, v);

                /* two addresses collide in proxyAddresses, and so does Graph say it */
                if (other && !strcmp(key, "mail"))
                        key = "proxyAddresses";
                if (other)
                        return write_refuse_conflict(key, other, answer);
        }
        return true;
}

bool write_refuse_value(const Schema *schema, const char *property, const char *why, Answer *answer)
{
        answer_error(answer, 400, "Request_BadRequest",
                     "Invalid value specified for property '%s' of resource '%s'.", property,
                     schema->resource);
        answer_detail(answer, "InvalidValue", property, "%s", why);
        return false;
}

/* The documented list, and nothing outside of ASCII */
bool write_check_nickname(const Schema *schema, const json_t *body, Answer *answer)
{
        const char *nickname = json_string_value(json_object_get(body, "mailNickname"));

        for (const char *s = nickname; s && *s; ++s) {
                if (strchr("@()\\[]\";:<>, ", *s) || *s < 0x21 || *s > 0x7e)
                        return write_refuse_value(schema, "mailNickname",
                                                  "mailNickname holds a character that is not allowed.",
                                                  answer);
        }
        return true;
}

/* Any host, since clients name this server or graph.microsoft.com; but the version and the set must be right.
 */
Object *write_reference(const Emulator *emulator, const char *url, Answer *answer)
{
        static const char *const sets[] = { "directoryObjects/", "users/", "groups/" };
        const char *host = url ? strstr(url, "://") : NULL;
        const char *path = host ? strstr(host + 3, "/v1.0/") : NULL;
        const char *id = NULL;
        Object *object;

        for (size_t i = 0; path && i < ARRAY_LENGTH(sets); ++i) {
                if (!strncasecmp(path + 6, sets[i], strlen(sets[i])))
                        id = path + 6 + strlen(sets[i]);
        }
        if (!id || strncmp(url, "http", 4) || !is_guid(id)) {
                answer_error(answer, 400, "Request_BadRequest", "Invalid object reference '%s'.",
                             url ? url : "");
                return NULL;
        }
        object = if_seen(emulator, store_find(&emulator->store, NULL, id));
        if (!object)
                answer_not_found(answer, id);
        return object;
}

bool write_references(const Emulator *emulator, const json_t *list, References *references, Answer *answer)
{
        if (!list)
                return true;
        if (!json_is_array(list)) {
                answer_error(answer, 400, "Request_BadRequest",
                             "An unexpected 'PrimitiveValue' node was found when reading from the JSON "
                             "reader. A 'StartArray' node "
                             "was expected.");
                return false;
        }
        if (references->n + json_array_size(list) > REFERENCES_MAX) {
                answer_error(answer, 400, "Request_BadRequest",
                             "A resource cannot contain more than %d link changes.", REFERENCES_MAX);
                return false;
        }
        for (size_t i = 0; i < json_array_size(list); ++i) {
                Object *object =
                        write_reference(emulator, json_string_value(json_array_get(list, i)), answer);

                if (!object)
                        return false;
                references->objects[references->n++] = object;
        }
        return true;
}

/* An update of a complex property changes the fields it names and leaves the others, as OData has it. */
static json_t *merge_fields(const json_t *old, const json_t *fields)
{
        json_t *merged = json_is_object(old) ? json_copy((json_t *)(uintptr_t)old) : json_object();
        const char *key;
        json_t *v;

        json_object_foreach((json_t *)(uintptr_t)fields, key, v)
        {
                if (json_is_null(v))
                        json_object_del(merged, key);
                else
                        json_object_set(merged, key, v);
        }
        return merged;
}

void write_apply(Emulator *emulator, Object *object, const json_t *body, Answer *answer)
{
        const char *key;
        json_t *v;

        json_object_foreach((json_t *)(uintptr_t)body, key, v)
        {
                int i = schema_find(object->schema, key);
                _cleanup_(mem_json_freep) json_t *merged = NULL;

                if (i < 0)
                        continue;
                if (object->schema->properties[i].type == TYPE_COMPLEX && json_is_object(v))
                        merged = merge_fields(object->values[i], v);
                answer->changed |= store_set(&emulator->store, object, i, merged ? merged : v);
        }
}

void write_answer_created(const Call *call, const Object *object, Answer *answer)
{
        Query query = { .schema = object->schema };
        _cleanup_(text_deinit) Text base = { 0 };

        query_base(&base, call);
        query_answer_one(&query, call, object, answer);
        answer->status = 201;
        answer->changed = true;
        answer_header(answer, "Location", "%s/v1.0/%s('%s')", base.data, object->schema->set, object->id);
}
