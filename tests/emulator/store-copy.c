/* SPDX-License-Identifier: Apache-2.0 */

/* A second store with the same objects, for the replica */

#include "mem.h"
#include "store.h"

static void copy_object(Store *copy, const Object *of)
{
        Object *object = store_create(copy, of->schema, of->id);

        for (size_t i = 0; i < of->schema->n; ++i) {
                json_decref(object->values[i]);
                object->values[i] = json_incref(of->values[i]);
        }
        object->changed = of->changed;
        object->deleted = of->deleted;
        if (!of->deleted) {
                store_index(copy, object, true);
                return;
        }
        links_remove(of->schema == &schema_user ? &copy->users : &copy->groups, object);
        links_add(&copy->deleted, object);
}

static void copy_links(Store *copy, const Object *of)
{
        Object *object = index_find(&copy->by_id, of->id);

        if (of->manager) {
                object->manager = index_find(&copy->by_id, of->manager->id);
                links_add(&object->manager->reports, object);
        }
        links_for_each(member, &of->members, m)
        {
                Object *there = index_find(&copy->by_id, member->id);

                links_add(&object->members, there);
                links_add(&there->member_of, object);
        }
        links_for_each(owner, &of->owners, o)
        {
                Object *there = index_find(&copy->by_id, owner->id);

                links_add(&object->owners, there);
                links_add(&there->owner_of, object);
        }
}

void store_copy(Store *copy, const Store *of)
{
        const Links *lists[] = { &of->users, &of->groups, &of->deleted };

        store_init(copy);
        for (size_t i = 0; i < ARRAY_LENGTH(lists); ++i) {
                links_for_each(object, lists[i], number) copy_object(copy, object);
        }
        for (size_t i = 0; i < ARRAY_LENGTH(lists); ++i) {
                links_for_each(object, lists[i], number) copy_links(copy, object);
        }
        copy->removed = mem_grow(NULL, of->n_removed + 1, sizeof(*copy->removed));
        if (of->n_removed)
                memcpy(copy->removed, of->removed, of->n_removed * sizeof(*copy->removed));
        copy->n_removed = of->n_removed;
        copy->size_removed = of->n_removed + 1;
        copy->linked = mem_grow(NULL, of->n_linked + 1, sizeof(*copy->linked));
        if (of->n_linked)
                memcpy(copy->linked, of->linked, of->n_linked * sizeof(*copy->linked));
        copy->n_linked = of->n_linked;
        copy->size_linked = of->n_linked + 1;
        copy->generation = of->generation;
}
