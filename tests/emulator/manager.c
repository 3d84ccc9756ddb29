/* SPDX-License-Identifier: Apache-2.0 */

/* The manager of a user, and the users who report to one */

#include "mem.h"
#include "query.h"
#include "route.h"
#include "write.h"

static bool has_manager(const Object *user, Answer *answer)
{
        if (!user->manager)
                answer_not_found(answer, "manager");
        return user->manager != NULL;
}

void manager_get(Emulator *emulator, Call *call, Answer *answer)
{
        Object *user = write_target(emulator, call, &schema_user, answer);
        _cleanup_(text_deinit) Text context = { 0 };
        _cleanup_(query_deinit) Query query = { 0 };

        if (!user || !has_manager(user, answer) || !query_parse(&query, call, user->manager->schema, answer))
                return;
        query_base(&context, call);
        text_puts(&context, "/v1.0/$metadata#directoryObjects/$entity");
        answer->status = 200;
        query_write(&answer->body, &query, user->manager, context.data, true);
}

void manager_get_ref(Emulator *emulator, Call *call, Answer *answer)
{
        Object *user = write_target(emulator, call, &schema_user, answer);
        Text *t = &answer->body;

        if (!user || !has_manager(user, answer))
                return;
        answer->status = 200;
        text_puts(t, "{\"@odata.context\":\"");
        query_base(t, call);
        text_puts(t, "/v1.0/$metadata#$ref\",\"@odata.id\":\"");
        query_base(t, call);
        text_printf(t, "/v1.0/directoryObjects/%s\"}", user->manager->id);
}

void manager_set(Emulator *emulator, Call *call, Answer *answer)
{
        Object *user = write_target(emulator, call, &schema_user, answer), *manager;
        _cleanup_(mem_json_freep) json_t *body = user ? write_body(call, answer) : NULL;
        const json_t *id = json_object_get(body, "@odata.id");

        if (!body)
                return;
        if (json_object_size(body) != 1 || !id) {
                answer_error(answer, 400, "Request_BadRequest",
                             "The body of a request to $ref consists of the property '@odata.id' alone.");
                return;
        }
        manager = write_reference(emulator, json_string_value(id), answer);
        if (!manager)
                return;
        if (object_is_synced(user)) {
                write_refuse_master(answer);
                return;
        }
        if (manager->schema != &schema_user || manager == user) {
                answer_error(answer, 400, "Request_BadRequest",
                             "The object '%s' cannot be added as a reference of the property 'manager'.",
                             manager->id);
                return;
        }
        answer->changed = store_set_manager(&emulator->store, user, manager);
        answer_no_content(answer);
}

void manager_clear(Emulator *emulator, Call *call, Answer *answer)
{
        Object *user = write_target(emulator, call, &schema_user, answer);

        if (!user)
                return;
        if (object_is_synced(user)) {
                write_refuse_master(answer);
                return;
        }
        if (!has_manager(store_find(emulator_view(emulator), NULL, user->id), answer) ||
            !has_manager(user, answer))
                return;
        answer->changed = store_set_manager(&emulator->store, user, NULL);
        answer_no_content(answer);
}

void reports_list(Emulator *emulator, Call *call, Answer *answer)
{
        Object *user = write_target(emulator, call, &schema_user, answer);
        _cleanup_(query_deinit) Query query = { 0 };

        if (user && query_parse(&query, call, NULL, answer))
                query_answer_list(&query, call, NULL, &user->reports, NULL, "directoryObjects", answer);
}
