/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "admin.h"
#include "mem.h"

/* Users by name, groups by name, then by id: the same tenant gives the same text, whatever the order of the
 * writes */
static int compare(const void *a, const void *b)
{
        const Object *x = *(Object *const *)a, *y = *(Object *const *)b;
        const char *name_x, *name_y;
        int r;

        if (x->schema != y->schema)
                return x->schema == &schema_user ? -1 : 1;
        name_x = object_text(x, x->schema == &schema_user ? (int)USER_userPrincipalName
                                                          : (int)GROUP_displayName);
        name_y = object_text(y, y->schema == &schema_user ? (int)USER_userPrincipalName
                                                          : (int)GROUP_displayName);
        r = strcasecmp(name_x ? name_x : "", name_y ? name_y : "");
        return r ? r : strcmp(x->id, y->id);
}

static int compare_ids(const void *a, const void *b)
{
        return strcmp((*(Object *const *)a)->id, (*(Object *const *)b)->id);
}

static Object **sorted(const Links *links, int (*order)(const void *, const void *))
{
        Object **list = mem_zero(links->n, sizeof(*list));
        size_t n = 0;

        links_for_each(object, links, number) list[n++] = object;
        qsort(list, n, sizeof(*list), order);
        return list;
}

static void write_ids(Text *t, const char *name, const Links *links)
{
        _cleanup_(mem_freep) Object **list = sorted(links, compare_ids);

        text_key(t, name);
        text_puts(t, "[");
        for (size_t i = 0; i < links->n; ++i) {
                text_comma(t);
                text_json(t, list[i]->id);
        }
        text_puts(t, "]");
}

static void write_object(Text *t, const Object *object)
{
        text_comma(t);
        text_puts(t, "{");
        text_key(t, "id");
        text_json(t, object->id);
        for (size_t i = 0; i < object->schema->n; ++i) {
                if (!object->values[i] || !strcmp(object->schema->properties[i].name, "id"))
                        continue;
                text_key(t, object->schema->properties[i].name);
                text_value(t, object->values[i]);
        }
        if (object->schema == &schema_user) {
                text_key(t, "manager");
                text_json(t, object->manager ? object->manager->id : NULL);
                text_printf(t, ",\"passwordsSet\":%u,\"sessionsRevoked\":%u", object->n_passwords,
                            object->n_revoked);
        } else {
                write_ids(t, "members", &object->members);
                write_ids(t, "owners", &object->owners);
        }
        text_puts(t, "}");
}

static void write_list(Text *t, const char *name, const Links *links)
{
        _cleanup_(mem_freep) Object **list = sorted(links, compare);

        text_key(t, name);
        text_puts(t, "[");
        for (size_t i = 0; i < links->n; ++i)
                write_object(t, list[i]);
        text_puts(t, "]");
}

void state_write(const Store *store, Text *t)
{
        text_printf(t, "{\"generation\":%llu", (unsigned long long)store->generation);
        write_list(t, "users", &store->users);
        write_list(t, "groups", &store->groups);
        write_list(t, "deleted", &store->deleted);
        text_puts(t, "}");
}
