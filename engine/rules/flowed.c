/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/rules-internal.h"

#include <string.h>

const FlowedValue *flowed_find(const FlowedObject *o, const char *name)
{
        size_t low = 0, high = o->n_values;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(name, o->values[middle].name);

                if (order == 0)
                        return &o->values[middle];
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

Value flowed_get(const FlowedObject *o, const char *name)
{
        const FlowedValue *v = flowed_find(o, name);

        return v ? v->value : VALUE_NULL;
}

const FlowedLink *flowed_find_link(const FlowedObject *o, const char *name)
{
        for (size_t i = 0; i < o->n_links; i++)
                if (strcmp(o->links[i].name, name) == 0)
                        return &o->links[i];
        return NULL;
}

bool flowed_is_kept(const FlowedObject *o, const char *name)
{
        for (size_t i = 0; i < o->n_kept; i++)
                if (strcmp(o->kept[i], name) == 0)
                        return true;
        return false;
}

/**
 * flowed_object() - the values alone, as expressions and plans read them
 * @a:          the object lives here; its values are borrowed from @o
 * @o:          a flowed object
 *
 * Return: an object without id and DN.
 */
const Object *flowed_object(Arena *a, const FlowedObject *o)
{
        Attribute *attributes = arena_alloc(a, o->n_values * sizeof(*attributes) + 1);
        Object *object = arena_new_of(a, Object);
        size_t n = 0;

        for (size_t i = 0; i < o->n_values; i++)
                if (!value_is_none(o->values[i].value))
                        attributes[n++] =
                                (Attribute){ .name = o->values[i].name, .value = o->values[i].value };
        object->type = o->type;
        object->attributes = attributes;
        object->n_attributes = n;
        return object;
}

static int value_order(const void *a, const void *b)
{
        return strcmp(((const FlowedValue *)a)->name, ((const FlowedValue *)b)->name);
}

static int link_order(const void *a, const void *b)
{
        const FlowedLink *x = a, *y = b;
        int order = strcmp(x->name, y->name);

        return order ? order : x->source - y->source;
}

/**
 * flowed_keep() - what was there stays, where all that was said is IgnoreThisFlow or apply once
 * @a:          the result lives here; values are borrowed from both
 * @now:        what rules_inbound() has computed
 * @before:     what the metaverse held; NULL: the object is new
 *
 * Return: what the metaverse is to hold.
 */
const FlowedObject *flowed_keep(Arena *a, const FlowedObject *now, const FlowedObject *before)
{
        FlowedObject *o = arena_memdup(a, now, sizeof(*now));
        FlowedValue *values;
        FlowedLink *links;

        o->kept = NULL;
        o->n_kept = 0;
        if (!before)
                return o;

        values = arena_new_array(a, FlowedValue, now->n_values + now->n_kept + 1);
        links = arena_new_array(a, FlowedLink, now->n_links + before->n_links + 1);
        o->n_values = o->n_links = 0;
        for (size_t i = 0; i < now->n_values; i++)
                values[o->n_values++] = now->values[i];
        for (size_t i = 0; i < now->n_kept; i++) {
                const FlowedValue *v = flowed_find(before, now->kept[i]);

                if (v)
                        values[o->n_values++] = *v;
        }
        for (size_t i = 0; i < now->n_links; i++)
                links[o->n_links++] = now->links[i];
        for (size_t i = 0; i < before->n_links; i++)
                if (flowed_is_kept(now, before->links[i].name))
                        links[o->n_links++] = before->links[i];
        qsort(values, o->n_values, sizeof(*values), value_order);
        qsort(links, o->n_links, sizeof(*links), link_order);
        o->values = values;
        o->links = links;
        return o;
}

/* ---- on disk: [type, due, rules, values, links, kept], each value with the number of its rule ---- */

enum {
        FLOWED_FIELDS = 6,
        VALUE_FIELDS = 8,
        LINK_FIELDS = 6,
};

typedef struct RuleNames {
        const char **names;
        size_t n;
} RuleNames;

/* A person has sixty values of four rules: their names are written once. */
static size_t rule_number(RuleNames *names, const char *rule)
{
        size_t i = 0;

        while (i < names->n && !str_is(names->names[i], rule))
                i++;
        if (i == names->n)
                names->names[names->n++] = rule;
        return i;
}

void flowed_pack(PackWriter *w, const FlowedObject *o)
{
        _cleanup_(arena_freep) Arena *a = NULL;
        RuleNames rules = { 0 };

        if (!o) {
                pack_nil(w);
                return;
        }
        a = arena_new(0);
        rules.names = arena_new_array(a, const char *, o->n_values + o->n_links + 1);
        for (size_t i = 0; i < o->n_values; i++)
                rule_number(&rules, o->values[i].rule);
        for (size_t i = 0; i < o->n_links; i++)
                rule_number(&rules, o->links[i].rule);

        pack_array(w, FLOWED_FIELDS);
        pack_str(w, o->type);
        pack_int(w, o->due.ms);
        pack_array(w, rules.n);
        for (size_t i = 0; i < rules.n; i++)
                pack_str(w, rules.names[i]);
        pack_array(w, o->n_values);
        for (size_t i = 0; i < o->n_values; i++) {
                const FlowedValue *v = &o->values[i];

                pack_array(w, VALUE_FIELDS);
                pack_str(w, v->name);
                value_pack(w, v->value);
                pack_int(w, (int64_t)rule_number(&rules, v->rule));
                pack_int(w, v->precedence);
                pack_int(w, v->mapping);
                pack_int(w, v->source);
                pack_bool(w, v->authoritative_null);
                pack_bool(w, v->once);
        }
        pack_array(w, o->n_links);
        for (size_t i = 0; i < o->n_links; i++) {
                const FlowedLink *l = &o->links[i];

                pack_array(w, LINK_FIELDS);
                pack_str(w, l->name);
                pack_str(w, l->from);
                pack_int(w, (int64_t)rule_number(&rules, l->rule));
                pack_int(w, l->precedence);
                pack_int(w, l->source);
                pack_bool(w, l->authoritative_null);
        }
        pack_array(w, o->n_kept);
        for (size_t i = 0; i < o->n_kept; i++)
                pack_str(w, o->kept[i]);
}

/* What a newer program has added behind the fields we know is stepped over. */
static void skip_rest(PackReader *r, size_t n, size_t known)
{
        if (n > known)
                unpack_skip(r, n - known);
        else if (n < known && !r->error)
                r->error = PACK_E_CORRUPT;
}

/* Bytes come from disk: a text must be there, or the record is corrupt and the text is empty. */
static const char *unpack_name(PackReader *r, Arena *a)
{
        const char *s = unpack_str(r, a);

        if (!s && !r->error)
                r->error = PACK_E_CORRUPT;
        return s ? s : "";
}

static int64_t unpack_range(PackReader *r, int64_t max)
{
        int64_t v = unpack_int(r);

        if (v >= 0 && v <= max)
                return v;
        if (!r->error)
                r->error = PACK_E_CORRUPT;
        return 0;
}

static const char *unpack_rule(PackReader *r, const RuleNames *rules)
{
        int64_t i = unpack_range(r, (int64_t)rules->n - 1);

        return rules->n ? rules->names[i] : "";
}

static void unpack_values(PackReader *r, Arena *a, const RuleNames *rules, FlowedObject *o)
{
        size_t n = unpack_array(r);
        FlowedValue *values = arena_new_array(a, FlowedValue, n);

        for (size_t i = 0; i < n && !r->error; i++) {
                size_t fields = unpack_array(r);
                FlowedValue v = { 0 };

                v.name = unpack_name(r, a);
                v.value = value_unpack(r, a);
                v.rule = unpack_rule(r, rules);
                v.precedence = (int)unpack_range(r, INT32_MAX);
                v.mapping = (FlowType)unpack_range(r, FLOW_EXPRESSION);
                v.source = (uint16_t)unpack_range(r, UINT16_MAX);
                v.authoritative_null = unpack_bool(r);
                v.once = unpack_bool(r);
                skip_rest(r, fields, VALUE_FIELDS);
                /* The search needs them in order. */
                if (!r->error && i && strcmp(values[i - 1].name, v.name) >= 0)
                        r->error = PACK_E_CORRUPT;
                if (!r->error)
                        values[o->n_values++] = v;
        }
        o->values = values;
}

static void unpack_links(PackReader *r, Arena *a, const RuleNames *rules, FlowedObject *o)
{
        size_t n = unpack_array(r);
        FlowedLink *links = arena_new_array(a, FlowedLink, n);

        for (size_t i = 0; i < n && !r->error; i++) {
                size_t fields = unpack_array(r);
                FlowedLink l = { 0 };

                l.name = unpack_name(r, a);
                l.from = unpack_str(r, a);
                l.rule = unpack_rule(r, rules);
                l.precedence = (int)unpack_range(r, INT32_MAX);
                l.source = (uint16_t)unpack_range(r, UINT16_MAX);
                l.authoritative_null = unpack_bool(r);
                skip_rest(r, fields, LINK_FIELDS);
                if (!r->error)
                        links[o->n_links++] = l;
        }
        o->links = links;
}

/**
 * flowed_unpack() - read a flowed object
 * @r:          reader; its error says whether the record was sound
 * @a:          everything read is copied here
 *
 * Return: the object; NULL if nil was written.
 */
const FlowedObject *flowed_unpack(PackReader *r, Arena *a)
{
        FlowedObject *o;
        RuleNames rules = { 0 };
        const char **kept;
        size_t fields, n;

        if (unpack_is_nil(r))
                return NULL;
        o = arena_new_of(a, FlowedObject);
        fields = unpack_array(r);
        o->type = unpack_name(r, a);
        o->due.ms = unpack_int(r);
        n = unpack_array(r);
        rules.names = arena_new_array(a, const char *, n);
        while (rules.n < n && !r->error)
                rules.names[rules.n++] = unpack_name(r, a);
        unpack_values(r, a, &rules, o);
        unpack_links(r, a, &rules, o);
        n = unpack_array(r);
        kept = arena_new_array(a, const char *, n);
        while (o->n_kept < n && !r->error)
                kept[o->n_kept++] = unpack_name(r, a);
        o->kept = kept;
        skip_rest(r, fields, FLOWED_FIELDS);
        return o;
}

const FlowedObject *flowed_read(Arena *a, const void *data, size_t n)
{
        const FlowedObject *o;
        PackReader r;

        if (!n)
                return NULL;
        unpack_init(&r, data, n);
        o = flowed_unpack(&r, a);
        return unpack_end(&r) ? NULL : o;
}
