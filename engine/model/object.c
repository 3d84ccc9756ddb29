/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/object.h"
#include "base/str.h"
#include "engine/model/unpack.h"

#include <string.h>

#define ATTRIBUTES_FIRST 32

void object_build(ObjectBuilder *b, Arena *a)
{
        *b = (ObjectBuilder){ .arena = a };
}

/**
 * object_add() - give the object an attribute
 * @name:       borrowed, must outlive the object; so must the value's payload
 */
void object_add(ObjectBuilder *b, const char *name, Value v)
{
        if (value_is_none(v))
                return;
        if (b->n_attributes == b->size) {
                size_t size = b->size ? 2 * b->size : ATTRIBUTES_FIRST;
                Attribute *attributes = arena_new_array(b->arena, Attribute, size);

                if (b->n_attributes)
                        memcpy(attributes, b->attributes, b->n_attributes * sizeof(*attributes));
                b->attributes = attributes;
                b->size = size;
        }
        b->attributes[b->n_attributes++] = (Attribute){ .name = name, .value = v };
}

/* Merge sort, from short runs to long: stable, so that of two of a name the one added last comes last. */
static const Attribute *sort(Arena *a, Attribute *from, size_t n)
{
        Attribute *to;
        size_t i = 1;

        while (i < n && strcmp(from[i - 1].name, from[i].name) < 0)
                i++;
        if (i >= n)
                return from; /* in order, as the source mostly gives them */

        to = arena_new_array(a, Attribute, n);
        for (size_t width = 1; width < n; width *= 2) {
                Attribute *swap = from;

                for (size_t start = 0; start < n; start += 2 * width) {
                        size_t left = start, middle = start + width < n ? start + width : n;
                        size_t right = middle, end = start + 2 * width < n ? start + 2 * width : n;

                        for (size_t k = start; k < end; k++) {
                                bool take_left =
                                        right == end ||
                                        (left < middle && strcmp(from[left].name, from[right].name) <= 0);

                                to[k] = take_left ? from[left++] : from[right++];
                        }
                }
                from = to;
                to = swap;
        }
        return from;
}

/**
 * object_finish() - the object, immutable from now on
 * @id:         NULL: none (zero)
 *
 * The builder is empty afterwards. type and dn are borrowed.
 *
 * Return: the object, in the builder's arena.
 */
const Object *object_finish(ObjectBuilder *b, const ObjectId *id, const char *type, const char *dn)
{
        Object *o = arena_new_of(b->arena, Object);
        const Attribute *sorted = sort(b->arena, b->attributes, b->n_attributes);
        size_t n = b->n_attributes;

        for (size_t i = 1; i < n; i++) {
                if (strcmp(sorted[i - 1].name, sorted[i].name) == 0) {
                        Attribute *unique = arena_new_array(b->arena, Attribute, n);
                        size_t n_unique = 0;

                        for (size_t k = 0; k < n; k++)
                                if (k + 1 == n || strcmp(sorted[k].name, sorted[k + 1].name) != 0)
                                        unique[n_unique++] = sorted[k];
                        sorted = unique;
                        n = n_unique;
                        break;
                }
        }

        o->id = id ? *id : (ObjectId){ 0 };
        o->type = type;
        o->dn = dn;
        o->attributes = sorted;
        o->n_attributes = n;
        object_build(b, b->arena);
        return o;
}

/**
 * object_find() - attribute by its exact name
 *
 * Return: the attribute; NULL if the object has none of this name.
 */
const Attribute *object_find(const Object *o, const char *name)
{
        size_t low = 0, high = o->n_attributes;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int r = strcmp(name, o->attributes[middle].name);

                if (r == 0)
                        return &o->attributes[middle];
                if (r < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

Value object_get(const Object *o, const char *name)
{
        const Attribute *attribute = object_find(o, name);

        return attribute ? attribute->value : VALUE_NULL;
}

const char *object_text(const Object *o, const char *name)
{
        Value v = object_get(o, name);

        return v.type == VALUE_STRING ? v.s : NULL;
}

bool object_is(const Object *a, const Object *b)
{
        if (!guid_is(&a->id, &b->id) || !str_is(a->type, b->type) || !str_is(a->dn, b->dn) ||
            a->n_attributes != b->n_attributes)
                return false;
        for (size_t i = 0; i < a->n_attributes; i++)
                if (strcmp(a->attributes[i].name, b->attributes[i].name) != 0 ||
                    !value_is(a->attributes[i].value, b->attributes[i].value))
                        return false;
        return true;
}

/**
 * object_pack() - append an object to a record: [id, type, dn, [name, value, ...]]
 */
void object_pack(PackWriter *w, const Object *o)
{
        pack_array(w, 4);
        pack_bytes(w, o->id.bytes, sizeof(o->id.bytes));
        pack_str(w, o->type);
        pack_str(w, o->dn);
        pack_array(w, 2 * o->n_attributes);
        for (size_t i = 0; i < o->n_attributes; i++) {
                pack_str(w, o->attributes[i].name);
                value_pack(w, o->attributes[i].value);
        }
}

/**
 * object_unpack() - read an object
 *
 * Return: the object, all of it in the arena; after an error of the reader, an object without attributes.
 */
const Object *object_unpack(PackReader *r, Arena *a)
{
        size_t n = unpack_fields(r, 4), n_attributes;
        ObjectBuilder b;
        ObjectId id = { 0 };
        const char *type, *dn;

        object_build(&b, a);
        unpack_fixed(r, id.bytes, sizeof(id.bytes));
        type = unpack_str(r, a);
        dn = unpack_str(r, a);
        n_attributes = unpack_list(r, 1);
        if (n_attributes % 2)
                unpack_fail(r);
        for (size_t i = 0; i < n_attributes && !r->error; i += 2) {
                const char *name = unpack_str(r, a);
                Value v = value_unpack(r, a);

                if (!name)
                        unpack_fail(r);
                if (!r->error)
                        object_add(&b, name, v);
        }
        unpack_rest(r, n, 4);
        if (r->error)
                object_build(&b, a);
        return object_finish(&b, &id, type, dn);
}
