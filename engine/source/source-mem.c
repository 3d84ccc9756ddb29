/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/str.h"
#include "engine/source/source-mem.h"

/* What always comes, asked for or not (SourceQuery.attributes). */
static const char *const always[] = { "objectClass", "objectGUID", "parentGUID", "uSNChanged",
                                      "whenChanged" };

typedef struct Fault {
        int condition;
        unsigned n_times; /* 0: for ever */
        char *text;
} Fault;

typedef struct MemObject {
        List list;
        Arena *arena; /* holds all of entry */
        SourceEntry entry;
        Fault fault;
} MemObject;

struct SourceMem {
        pthread_mutex_t lock; /* protects all below but info */
        List objects;
        Fault fault;
        uint64_t n_reads;
        Arena *arena; /* holds info */
        SourceInfo info;
};

typedef struct MemSource {
        Source source;
        SourceMem *mem;
} MemSource;

static void fault_set(Fault *f, int condition, unsigned n_times, const char *text)
{
        free(f->text);
        *f = (Fault){ .condition = condition, .n_times = n_times };
        if (text) {
                f->text = strdup(text);
                if (!f->text)
                        error_oom(strlen(text));
        }
}

static int fault_meet(Fault *f, Diag *diag)
{
        int condition = f->condition;

        if (!condition)
                return 0;
        diag_set(diag, "%s", f->text ? f->text : "a test asked for this failure");
        if (f->n_times && --f->n_times == 0)
                fault_set(f, 0, 0, NULL);
        return condition;
}

static MemObject *mem_object_free(MemObject *o)
{
        list_remove(&o->list);
        fault_set(&o->fault, 0, 0, NULL);
        arena_free(o->arena);
        free(o);
        return NULL;
}

static MemObject *find(SourceMem *m, const ObjectId *id, const char *dn)
{
        list_for_each (i, &m->objects) {
                MemObject *o = list_entry(i, MemObject, list);

                if (id ? guid_is(&o->entry.object->id, id)
                       : !o->entry.deleted && str_is_nocase(o->entry.object->dn, dn))
                        return o;
        }
        return NULL;
}

static bool is_in(const char *name, const char *const *names, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (str_is(name, names[i]))
                        return true;
        return false;
}

static const Object *copy_object(Arena *a, const Object *from, const SourceQuery *q)
{
        ObjectBuilder b;

        object_build(&b, a);
        for (size_t i = 0; i < from->n_attributes; i++) {
                const Attribute *attribute = &from->attributes[i];

                if (!q || is_in(attribute->name, always, N_ELEMENTS(always)) ||
                    is_in(attribute->name, q->attributes, q->n_attributes))
                        object_add(&b, arena_strdup(a, attribute->name), value_copy(a, attribute->value));
        }
        return object_finish(&b, &from->id, arena_strdup(a, from->type), arena_strdup(a, from->dn));
}

static int compare_ids(const void *a, const void *b)
{
        return guid_compare(a, b);
}

static void copy_links(Arena *a, const SourceEntry *from, SourceEntry *to, const SourceQuery *q)
{
        SourceLinks *links = arena_new_array(a, SourceLinks, from->n_links);
        size_t n = 0;

        for (size_t i = 0; i < from->n_links; i++) {
                const SourceLinks *l = &from->links[i];
                ObjectId *ids;
                size_t n_ids = 0;

                if (q && !is_in(l->attribute, q->links, q->n_links))
                        continue;
                ids = arena_memdup(a, l->ids, l->n_ids * sizeof(*ids));
                if (l->n_ids)
                        qsort(ids, l->n_ids, sizeof(*ids), compare_ids);
                for (size_t k = 0; k < l->n_ids; k++)
                        if (n_ids == 0 || !guid_is(&ids[n_ids - 1], &ids[k]))
                                ids[n_ids++] = ids[k];
                links[n++] = (SourceLinks){
                        .attribute = arena_strdup(a, l->attribute),
                        .ids = ids,
                        .n_ids = n_ids,
                        .n_unknown = l->n_unknown,
                };
        }
        to->links = links;
        to->n_links = n;
}

static void copy_entry(Arena *a, const SourceEntry *from, const SourceQuery *q, SourceEntry *ret_entry)
{
        *ret_entry = *from;
        ret_entry->object = copy_object(a, from->object, q);
        copy_links(a, from, ret_entry, q);
}

SourceMem *source_mem_new(const SourceInfo *info)
{
        SourceMem *m = calloc(1, sizeof(*m));

        if (!m)
                error_oom(sizeof(*m));
        pthread_mutex_init(&m->lock, NULL);
        list_init(&m->objects);
        m->arena = arena_new(0);
        m->info = (SourceInfo){
                .name = arena_strdup(m->arena, info->name),
                .base = arena_strdup(m->arena, info->base),
                .server = arena_strdup(m->arena, info->server),
                .server_id = info->server_id,
                .domain_fqdn = arena_strdup(m->arena, info->domain_fqdn),
                .domain_netbios = arena_strdup(m->arena, info->domain_netbios),
                .forest_fqdn = arena_strdup(m->arena, info->forest_fqdn),
                .forest_netbios = arena_strdup(m->arena, info->forest_netbios),
        };
        return m;
}

SourceMem *source_mem_free(SourceMem *m)
{
        if (!m)
                return NULL;
        list_for_each_safe (i, &m->objects)
                mem_object_free(list_entry(i, MemObject, list));
        fault_set(&m->fault, 0, 0, NULL);
        arena_free(m->arena);
        pthread_mutex_destroy(&m->lock);
        free(m);
        return NULL;
}

void source_mem_put(SourceMem *m, const SourceEntry *entry)
{
        MemObject *o = calloc(1, sizeof(*o)), *old;

        assert(entry->object && entry->object->dn);
        if (!o)
                error_oom(sizeof(*o));
        list_init(&o->list);
        o->arena = arena_new(0);
        copy_entry(o->arena, entry, NULL, &o->entry);

        pthread_mutex_lock(&m->lock);
        old = find(m, &entry->object->id, NULL);
        if (old) {
                o->fault = old->fault;
                old->fault = (Fault){ 0 };
                mem_object_free(old);
        }
        list_push(&m->objects, &o->list);
        pthread_mutex_unlock(&m->lock);
}

void source_mem_remove(SourceMem *m, const ObjectId *id)
{
        MemObject *o;

        pthread_mutex_lock(&m->lock);
        o = find(m, id, NULL);
        if (o)
                mem_object_free(o);
        pthread_mutex_unlock(&m->lock);
}

void source_mem_fail(SourceMem *m, int condition, unsigned n_times, const char *text)
{
        pthread_mutex_lock(&m->lock);
        fault_set(&m->fault, condition, n_times, text);
        pthread_mutex_unlock(&m->lock);
}

void source_mem_fail_object(SourceMem *m, const ObjectId *id, int condition, unsigned n_times,
                            const char *text)
{
        MemObject *o;

        pthread_mutex_lock(&m->lock);
        o = find(m, id, NULL);
        assert(o);
        fault_set(&o->fault, condition, n_times, text);
        pthread_mutex_unlock(&m->lock);
}

uint64_t source_mem_reads(SourceMem *m)
{
        uint64_t n;

        pthread_mutex_lock(&m->lock);
        n = m->n_reads;
        pthread_mutex_unlock(&m->lock);
        return n;
}

/* -- the Source ------------------------------------------------------------------------------------------ */

static int mem_read_locked(SourceMem *m, const SourceQuery *q, Arena *a, SourceEntry *ret_entry, Diag *diag)
{
        char text[GUID_TEXT_MAX];
        MemObject *o;
        int r;

        m->n_reads++;
        r = fault_meet(&m->fault, diag);
        if (r)
                return r;
        o = find(m, q->id, q->dn);
        if (!o) {
                diag_set(diag, "no object %s, or it is not visible to this account",
                         q->id ? guid_format(q->id, text) : q->dn);
                return SOURCE_E_NOT_FOUND;
        }
        r = fault_meet(&o->fault, diag);
        if (r)
                return r;
        if (q->at_least.number && guid_is(&q->at_least.server, &o->entry.version.server) &&
            o->entry.version.number < q->at_least.number) {
                diag_set(diag, "the server has %s at USN %llu, the change was %llu", o->entry.object->dn,
                         (unsigned long long)o->entry.version.number, (unsigned long long)q->at_least.number);
                return SOURCE_E_STALE;
        }
        copy_entry(a, &o->entry, q, ret_entry);
        return 0;
}

static int mem_read(Source *s, const SourceQuery *q, Arena *a, SourceEntry *ret_entry, Diag *diag)
{
        SourceMem *m = ((MemSource *)s)->mem;
        int r;

        pthread_mutex_lock(&m->lock);
        r = mem_read_locked(m, q, a, ret_entry, diag);
        pthread_mutex_unlock(&m->lock);
        return r;
}

static int mem_is_member_locked(SourceMem *m, const char *group_dn, const ObjectId *id, bool *ret_member,
                                Diag *diag)
{
        MemObject *o;
        int r;

        r = fault_meet(&m->fault, diag);
        if (r)
                return r;
        o = find(m, NULL, group_dn);
        if (!o) {
                diag_set(diag, "no group %s, or it is not visible to this account", group_dn);
                return SOURCE_E_NOT_FOUND;
        }
        *ret_member = false;
        for (size_t i = 0; i < o->entry.n_links; i++) {
                const SourceLinks *l = &o->entry.links[i];

                for (size_t k = 0; str_is(l->attribute, "member") && k < l->n_ids; k++)
                        if (guid_is(&l->ids[k], id))
                                *ret_member = true;
        }
        return 0;
}

static int mem_is_member(Source *s, const char *group_dn, const ObjectId *id, bool *ret_member, Diag *diag)
{
        SourceMem *m = ((MemSource *)s)->mem;
        int r;

        pthread_mutex_lock(&m->lock);
        r = mem_is_member_locked(m, group_dn, id, ret_member, diag);
        pthread_mutex_unlock(&m->lock);
        return r;
}

/* -- listing --------------------------------------------------------------------------------------------- */

static bool is_below(const char *dn, const char *container)
{
        size_t n = strlen(dn), m = container ? strlen(container) : 0;

        if (!m)
                return true;
        return n >= m && str_is_nocase(dn + n - m, container) && (n == m || dn[n - m - 1] == ',');
}

static bool has_class(const Object *o, const SourceList *q)
{
        Value classes = object_get(o, "objectClass");
        bool wanted = q->n_classes == 0, computer = false, may = q->n_classes == 0;

        for (size_t i = 0; i < q->n_classes; i++)
                may |= str_is_nocase(q->classes[i], "computer");
        for (size_t i = 0; i < value_count(classes); i++) {
                Value v = value_at(classes, i);

                if (v.type != VALUE_STRING)
                        continue;
                computer |= str_is_nocase(v.s, "computer");
                for (size_t k = 0; k < q->n_classes; k++)
                        wanted |= str_is_nocase(v.s, q->classes[k]);
        }
        return wanted && (may || !computer);
}

static int no_container(const SourceList *q, Diag *diag)
{
        diag_set(diag, "no container %s, or it is not visible to this account",
                 q->dn ? q->dn : "with this id");
        return SOURCE_E_NOT_FOUND;
}

static Wall created_of(const SourceEntry *e)
{
        Value v = object_get(e->object, "whenCreated");

        return (Wall){ v.type == VALUE_TIME ? filetime_to_unix_ms(v.i) : 0 };
}

static int mem_list_locked(SourceMem *m, const SourceList *q, Arena *a, SourceItem **ret_items, size_t *ret_n,
                           Diag *diag)
{
        const char *container = q->dn;
        SourceItem *items;
        bool exists = false;
        size_t n = 0;

        if (q->below) {
                MemObject *o = find(m, q->below, NULL);

                container = o ? o->entry.object->dn : NULL;
                if (!o)
                        return no_container(q, diag);
        }
        list_for_each (i, &m->objects)
                n++;
        items = arena_new_array(a, SourceItem, n);
        n = 0;
        list_for_each (i, &m->objects) {
                const SourceEntry *e = &list_entry(i, MemObject, list)->entry;

                if (e->deleted || !is_below(e->object->dn, container))
                        continue;
                exists = true;
                if (!has_class(e->object, q))
                        continue;
                items[n++] = (SourceItem){
                        .id = e->object->id,
                        .dn = arena_strdup(a, e->object->dn),
                        .classes = value_copy(a, object_get(e->object, "objectClass")),
                        .version = e->version,
                        .created = created_of(e),
                        .changed = e->changed,
                };
        }
        /* A container that is named need not be an object of its own. */
        if (q->dn && !exists)
                return no_container(q, diag);
        *ret_items = items;
        *ret_n = n;
        return 0;
}

static int mem_list(Source *s, const SourceList *q, SourcePageFn page, void *context, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SourceMem *m = ((MemSource *)s)->mem;
        size_t size = q->page ? q->page : SOURCE_PAGE, n = 0;
        SourceItem *items = NULL;
        int r;

        pthread_mutex_lock(&m->lock);
        r = mem_list_locked(m, q, a, &items, &n, diag);
        pthread_mutex_unlock(&m->lock);
        for (size_t i = 0; r == 0 && (i == 0 || i < n); i += size) {
                pthread_mutex_lock(&m->lock);
                r = fault_meet(&m->fault, diag);
                pthread_mutex_unlock(&m->lock);
                if (r == 0 && n)
                        r = page(context, items + i, n - i < size ? n - i : size);
        }
        return r;
}

static int mem_info(Source *s, SourceInfo *ret_info, Diag *diag)
{
        SourceMem *m = ((MemSource *)s)->mem;
        int r;

        pthread_mutex_lock(&m->lock);
        r = fault_meet(&m->fault, diag);
        pthread_mutex_unlock(&m->lock);
        if (r)
                return r;
        *ret_info = m->info;
        return 0;
}

static Source *mem_free(Source *s)
{
        free(s);
        return NULL;
}

static const SourceOps source_mem_ops = {
        .name = "mem",
        .read = mem_read,
        .is_member = mem_is_member,
        .list = mem_list,
        .info = mem_info,
        .free = mem_free,
};

Source *source_mem_open(SourceMem *m)
{
        MemSource *s = calloc(1, sizeof(*s));

        if (!s)
                error_oom(sizeof(*s));
        s->source.ops = &source_mem_ops;
        s->mem = m;
        return &s->source;
}
