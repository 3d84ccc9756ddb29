/* SPDX-License-Identifier: Apache-2.0 */

/* The objects of a face. */

#include "tests/fakead/fakead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *p, size_t n)
{
        p = realloc(p, n);
        if (!p)
                abort();
        return p;
}

Thing *store_find(const Face *f, const uint8_t guid[16])
{
        for (size_t i = 0; i < f->n_things; i++)
                if (memcmp(f->things[i]->guid, guid, 16) == 0)
                        return f->things[i];
        return NULL;
}

Thing *store_find_dn(const Face *f, const char *dn)
{
        for (size_t i = 0; i < f->n_things; i++)
                if (!f->things[i]->deleted && strcasecmp(f->things[i]->dn, dn) == 0)
                        return f->things[i];
        return NULL;
}

Thing *store_add(Face *f, const uint8_t guid[16])
{
        Thing *t = calloc(1, sizeof(*t));

        if (!t)
                abort();
        memcpy(t->guid, guid, 16);
        t->dn = strdup("");
        t->created = time(NULL);
        if (f->n_things == f->size_things) {
                f->size_things = f->size_things ? 2 * f->size_things : 64;
                f->things = grow(f->things, f->size_things * sizeof(*f->things));
        }
        f->things[f->n_things++] = t;
        return t;
}

const Attribute *thing_get(const Thing *t, const char *name)
{
        for (size_t i = 0; i < t->n_attributes; i++)
                if (strcasecmp(t->attributes[i].name, name) == 0)
                        return &t->attributes[i];
        return NULL;
}

static void clear(Attribute *a)
{
        for (size_t i = 0; i < a->n; i++)
                free(a->values[i]);
        free(a->values);
        free(a->sizes);
        a->values = NULL;
        a->sizes = NULL;
        a->n = 0;
}

static Attribute *attribute(Thing *t, const char *name)
{
        Attribute *a = (Attribute *)(uintptr_t)thing_get(t, name);

        if (a)
                return a;
        t->attributes = grow(t->attributes, (t->n_attributes + 1) * sizeof(*t->attributes));
        a = &t->attributes[t->n_attributes++];
        *a = (Attribute){ .name = strdup(name) };
        return a;
}

static void add_value(Attribute *a, const void *data, size_t n)
{
        a->values = grow(a->values, (a->n + 1) * sizeof(*a->values));
        a->sizes = grow(a->sizes, (a->n + 1) * sizeof(*a->sizes));
        a->values[a->n] = grow(NULL, n + 1);
        memcpy(a->values[a->n], data, n);
        a->values[a->n][n] = '\0';
        a->sizes[a->n++] = n;
}

/*
 * "text", ["a", "b"], {"links": ["guid", ...]}, {"hex": "00ff"}, or {"count": 100000}: so many links to
 * objects that nobody has made.
 */
void thing_set(Thing *t, const char *name, json_t *values, uint64_t usn)
{
        json_t *links = json_object_get(values, "links"), *v;
        const char *hex = json_string_value(json_object_get(values, "hex"));
        json_int_t count = json_integer_value(json_object_get(values, "count"));
        Attribute *a = attribute(t, name);
        uint8_t guid[16] = { 0 };
        size_t i;

        clear(a);
        a->usn = usn;
        t->changed = time(NULL);
        a->is_link = links || count;
        if (json_is_string(values))
                add_value(a, json_string_value(values), json_string_length(values));
        json_array_foreach(links ? links : values, i, v)
        {
                if (!a->is_link)
                        add_value(a, json_string_value(v), json_string_length(v));
                else if (guid_read(json_string_value(v), guid))
                        add_value(a, guid, 16);
        }
        for (; hex && sscanf(hex, "%2hhx", &guid[0]) == 1; hex += 2) {
                if (!a->n)
                        add_value(a, "", 0);
                a->values[0] = grow(a->values[0], a->sizes[0] + 2);
                a->values[0][a->sizes[0]++] = (char)guid[0];
        }
        if (count) {
                a->values = grow(a->values, (size_t)count * sizeof(*a->values));
                a->sizes = grow(a->sizes, (size_t)count * sizeof(*a->sizes));
                memset(guid, 0xee, sizeof(guid));
                for (json_int_t k = 0; k < count; k++) {
                        for (int b = 0; b < 4; b++)
                                guid[b] = (uint8_t)(k >> (8 * b));
                        a->values[k] = grow(NULL, 17);
                        memcpy(a->values[k], guid, 16);
                        a->sizes[k] = 16;
                }
                a->n = (size_t)count;
        }
}

void thing_stamp(Thing *t, const char *name, const Face *origin)
{
        static uint64_t now = 13000000000; /* seconds since 1601 */
        Attribute *a = attribute(t, name);

        a->version++;
        a->time = ++now;
        memcpy(a->origin, origin->id, sizeof(a->origin));
}

/* As controllers resolve conflicts. */
static bool is_newer(const Attribute *a, const Attribute *b)
{
        if (a->version != b->version)
                return a->version > b->version;
        if (a->time != b->time)
                return a->time > b->time;
        return memcmp(a->origin, b->origin, sizeof(a->origin)) > 0;
}

/* Replication: `to` has all of it now, under USNs of its own, but for what it has newer itself. */
void store_copy(Face *to, const Face *from)
{
        for (size_t i = 0; i < from->n_things; i++) {
                const Thing *old = from->things[i];
                Thing *t = store_find(to, old->guid);

                if (!t)
                        t = store_add(to, old->guid);
                free(t->dn);
                t->dn = strdup(old->dn);
                t->deleted = old->deleted;
                t->created = old->created;
                t->usn = ++to->usn;
                for (size_t k = 0; k < old->n_attributes; k++) {
                        const Attribute *o = &old->attributes[k];
                        Attribute *a = attribute(t, o->name);

                        if (!is_newer(o, a) && o->version)
                                continue;
                        clear(a);
                        t->changed = time(NULL);
                        a->version = o->version;
                        a->time = o->time;
                        memcpy(a->origin, o->origin, sizeof(a->origin));
                        a->is_link = o->is_link;
                        a->usn = t->usn;
                        for (size_t v = 0; v < o->n; v++)
                                add_value(a, o->values[v], o->sizes[v]);
                }
        }
}

/* The text form: the first three fields are little-endian in the bytes. */
static const int order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

void guid_text(const uint8_t guid[16], char text[37])
{
        char *p = text;

        for (int i = 0; i < 16; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *p++ = '-';
                p += sprintf(p, "%02x", guid[order[i]]);
        }
}

bool guid_read(const char *text, uint8_t ret_guid[16])
{
        int n = 0;

        for (; text && *text && n < 16; text++) {
                if (*text == '-')
                        continue;
                if (sscanf(text, "%2hhx", &ret_guid[order[n]]) != 1)
                        return false;
                n++;
                text++;
        }
        return n == 16;
}

static int by_usn(const void *a, const void *b)
{
        const Thing *const *x = a, *const *y = b;

        return ((*x)->usn > (*y)->usn) - ((*x)->usn < (*y)->usn);
}

void sort_by_usn(Thing **things, size_t n)
{
        qsort(things, n, sizeof(*things), by_usn);
}
