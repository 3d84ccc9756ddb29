/* SPDX-License-Identifier: Apache-2.0 */

/* What its owner was asked to write is believed when Entra ID shows it. */

#include "base/str.h"
#include "engine/target/owner-internal.h"
#include "engine/target/schema.h"

#include <string.h>

typedef struct Look {
        ObjectSink sink; /* first */
        Arena *arena;
        const Object *object;
        const ObjectId *links;
        size_t n_links;
} Look;

static int on_object(ObjectSink *sink, const TargetObject *o)
{
        ((Look *)sink)->object = o->object;
        return 0;
}

static int on_links(ObjectSink *sink, const char *attribute, const ObjectId *ids, size_t n_ids)
{
        Look *look = (Look *)sink;
        ObjectId *all = arena_new_array(look->arena, ObjectId, look->n_links + n_ids + 1);

        if (look->n_links)
                memcpy(all, look->links, look->n_links * sizeof(*all));
        if (n_ids)
                memcpy(all + look->n_links, ids, n_ids * sizeof(*all));
        look->links = all;
        look->n_links += n_ids;
        return 0;
}

static bool is_there(const Look *look, const TargetSchema *schema, const Op *op)
{
        const TargetAttribute *at = op->attribute ? target_attribute(schema, op->type, op->attribute) : NULL;
        bool linked = false;

        if (!at || !look->object)
                return false;
        if (op->kind == OP_LINK || op->kind == OP_UNLINK) {
                for (size_t i = 0; i < look->n_links; i++)
                        linked |= guid_is(&look->links[i], &op->link);
                return linked == (op->kind == OP_LINK);
        }
        return target_value_is(at, op->kind == OP_UNSET ? VALUE_NULL : op->value,
                               object_get(look->object, op->attribute));
}

int owner_look(Target *target, Call *call, const Op *ops, size_t n_ops, OpResult *results, bool *ret_all,
               Diag *diag)
{
        const char **names = arena_new_array(call->arena, const char *, n_ops);
        Look look = { .sink = { .object = on_object, .links = on_links }, .arena = call->arena };
        char id[GUID_TEXT_MAX];
        size_t n_names = 0;
        int r;

        for (size_t i = 0; i < n_ops; i++)
                if (n_names == 0 || !str_is(names[n_names - 1], ops[i].attribute))
                        names[n_names++] = ops[i].attribute;
        r = target->ops->fetch(target, call,
                               &(Match){ .type = ops[0].type,
                                         .by = MATCH_ID,
                                         .value = guid_format(&ops[0].id, id),
                                         .attributes = names,
                                         .n_attributes = n_names },
                               &look.sink, diag);
        *ret_all = r == 0;
        for (size_t i = 0; i < n_ops && r == 0; i++) {
                results[i].state = is_there(&look, call->schema, &ops[i]) ? OP_DONE : OP_NOT_SENT;
                *ret_all &= results[i].state == OP_DONE;
        }
        return r;
}
