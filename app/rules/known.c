/* SPDX-License-Identifier: Apache-2.0 */

#include "app/rules/known.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/space/space-records.h"

#include <errno.h>
#include <string.h>

static bool find_source(const RulesWorld *w, const char *connector, uint16_t *ret_source)
{
        for (size_t i = 0; i < w->n_connectors; i++)
                if (w->connectors[i].name && str_is(w->connectors[i].name, connector)) {
                        *ret_source = (uint16_t)i;
                        return true;
                }
        return false;
}

int known_person(const RulesWorld *w, const ObjectId *metaverse, Arena *a, RulesKnown *ret_known)
{
        SpaceRow row;
        int r = w->space->ops->get(w->space, SPACE_METAVERSE, metaverse->bytes, sizeof(metaverse->bytes), a,
                                   &row);

        if (r)
                return error_trace(r);
        return row.serial ? rules_known_read(w, metaverse, &row, a, ret_known) : SPACE_E_NONE;
}

int known_find(const RulesWorld *w, const char *connector, const ObjectId *id, Arena *a,
               RulesKnown *ret_known)
{
        ObjectKey key = { .id = *id };
        Head head;
        int r;

        if (!find_source(w, connector, &key.source))
                return SPACE_E_NONE;
        r = space_read_head(w->space, &key, a, &head, NULL, NULL);
        if (r)
                return r;
        if (guid_is_zero(&head.metaverse))
                return SPACE_E_NONE;
        return known_person(w, &head.metaverse, a, ret_known);
}

/* -- as JSON: records in base64 -------------------------------------------------------------------------- */

static json_t *record_json(PackWriter *w, Arena *a)
{
        size_t n;
        const uint8_t *data = pack_data(w, &n);
        json_t *j = json_string(str_base64(a, data, n));

        pack_deinit(w);
        return j;
}

static json_t *before_json(const FlowedObject *o, Arena *a)
{
        PackWriter w;

        pack_init(&w);
        flowed_pack(&w, o);
        return record_json(&w, a);
}

static json_t *object_record_json(const Object *o, Arena *a)
{
        PackWriter w;

        pack_init(&w);
        import_pack(&w, o);
        return record_json(&w, a);
}

static json_t *input_json(const RuleInput *input, Arena *a)
{
        json_t *parameters = json_object();

        for (size_t i = 0; i < input->n_parameters; i++)
                json_object_set_new(parameters, input->parameters[i].name,
                                    json_string(input->parameters[i].value));
        return json_pack("{s:s, s:i, s:o, s:o}", "connector", input->connector, "source", (int)input->source,
                         "object", object_record_json(input->object, a), "parameters", parameters);
}

json_t *known_json(const RulesKnown *k, Arena *a)
{
        json_t *inputs = json_array(), *j = json_pack("{s:o}", "inputs", inputs);

        for (size_t i = 0; i < k->n_inputs; i++)
                json_array_append_new(inputs, input_json(&k->inputs[i], a));
        if (k->before)
                json_object_set_new(j, "metaverse", before_json(k->before, a));
        if (k->cloud.object)
                json_object_set_new(j, "cloud", object_record_json(k->cloud.object, a));
        return j;
}

static bool read_record(const json_t *j, Arena *a, uint8_t **ret_data, size_t *ret_n)
{
        const char *text = json_string_value(j);

        return text && str_unbase64(a, text, ret_data, ret_n);
}

static bool read_object(const json_t *j, Arena *a, const Object **ret_object)
{
        uint8_t *data;
        size_t n;

        return read_record(j, a, &data, &n) && import_unpack(a, data, n, ret_object) == 0;
}

static bool read_before(const json_t *j, Arena *a, const FlowedObject **ret_before)
{
        PackReader r;
        uint8_t *data;
        size_t n;

        if (!read_record(j, a, &data, &n))
                return false;
        unpack_init(&r, data, n);
        *ret_before = flowed_unpack(&r, a);
        return !unpack_end(&r);
}

static bool read_input(const json_t *j, Arena *a, RuleInput *ret_input)
{
        json_t *parameters = json_object_get(j, "parameters"), *value;
        const char *connector = json_string_value(json_object_get(j, "connector")), *name;
        ExprParameter *list = arena_new_array(a, ExprParameter, json_object_size(parameters) + 1);
        size_t n = 0;

        *ret_input = (RuleInput){
                .connector = connector ? arena_strdup(a, connector) : NULL,
                .source = (uint16_t)json_integer_value(json_object_get(j, "source")),
                .parameters = list,
        };
        json_object_foreach(parameters, name, value) if (json_is_string(value)) list[n++] = (ExprParameter){
                .name = arena_strdup(a, name),
                .value = arena_strdup(a, json_string_value(value)),
        };
        ret_input->n_parameters = n;
        return connector && read_object(json_object_get(j, "object"), a, &ret_input->object);
}

int known_from_json(const json_t *j, Arena *a, RulesKnown *ret_known)
{
        json_t *inputs = json_object_get(j, "inputs"), *item;
        json_t *before = json_object_get(j, "metaverse"), *cloud = json_object_get(j, "cloud");
        RulesKnown k = { .inputs = arena_new_array(a, RuleInput, json_array_size(inputs) + 1) };
        size_t i;

        json_array_foreach(inputs, i, item)
        {
                if (!read_input(item, a, &k.inputs[k.n_inputs++]))
                        return error_origin(-EBADMSG);
        }
        if ((before && !read_before(before, a, &k.before)) ||
            (cloud && !read_object(cloud, a, &k.cloud.object)))
                return error_origin(-EBADMSG);
        *ret_known = k;
        return 0;
}
