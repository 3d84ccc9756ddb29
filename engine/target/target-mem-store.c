/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/target-mem-store.h"
#include "base/error.h"
#include "base/str.h"

#include <string.h>

static void *grown(void *data, size_t n, size_t *size, size_t item)
{
        if (n < *size)
                return data;
        *size = *size ? 2 * *size : 16;
        data = realloc(data, *size * item);
        if (!data)
                error_oom(*size * item);
        return data;
}

static size_t slot_of(const MemTarget *t, const ObjectId *id)
{
        uint64_t h;

        memcpy(&h, id->bytes + 8, sizeof(h)); /* random in the ids that we make; mixed for those of tests */
        return (size_t)((h * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (t->n_buckets - 1);
}

static void index_object(MemTarget *t, size_t i)
{
        size_t at = slot_of(t, &t->objects[i]->id);

        while (t->buckets[at])
                at = (at + 1) & (t->n_buckets - 1);
        t->buckets[at] = i + 1;
}

static void index_all(MemTarget *t)
{
        while (t->n_buckets < 2 * t->n_objects + 16)
                t->n_buckets = t->n_buckets ? 2 * t->n_buckets : 64;
        free(t->buckets);
        t->buckets = calloc(t->n_buckets, sizeof(*t->buckets));
        if (!t->buckets)
                error_oom(t->n_buckets * sizeof(*t->buckets));
        for (size_t i = 0; i < t->n_objects; ++i)
                index_object(t, i);
}

static void append(MemTarget *t, MemObject *o)
{
        t->objects = grown(t->objects, t->n_objects, &t->size_objects, sizeof(MemObject *));
        t->objects[t->n_objects++] = o;
        if (t->n_buckets < 2 * t->n_objects)
                index_all(t);
        else
                index_object(t, t->n_objects - 1);
}

MemObject *mem_new_object(MemTarget *t, const char *type)
{
        MemObject *o = calloc(1, sizeof(*o));

        if (!o)
                error_oom(sizeof(*o));
        guid_random(&o->id);
        o->in = t;
        o->changed = ++t->n_changes;
        o->type = strdup(type);
        if (!o->type)
                error_oom(strlen(type));
        o->arena = arena_new(0);
        append(t, o);
        return o;
}

MemObject *mem_find(const MemTarget *t, const ObjectId *id)
{
        size_t at;

        if (t->n_buckets == 0)
                return NULL;
        for (at = slot_of(t, id); t->buckets[at]; at = (at + 1) & (t->n_buckets - 1)) {
                if (guid_is(&t->objects[t->buckets[at] - 1]->id, id))
                        return t->objects[t->buckets[at] - 1];
        }
        return NULL;
}

/* Names and addresses compare without case in Entra ID, the anchor with it. */
MemObject *mem_find_by(const MemTarget *t, const char *type, const char *attribute, const char *value)
{
        bool exact = str_is(attribute, "sourceAnchor");

        for (size_t i = 0; value && i < t->n_objects; ++i) {
                Value v = mem_value(t->objects[i], attribute);

                if (v.type == VALUE_STRING && str_is(t->objects[i]->type, type) &&
                    (exact ? str_is(v.s, value) : str_is_nocase(v.s, value)))
                        return t->objects[i];
        }
        return NULL;
}

/* A filter of Graph has no case: what has this anchor but for it is found too. */
MemObject *mem_find_anchor(const MemTarget *t, const char *type, const char *value)
{
        MemObject *o = mem_find_by(t, type, "sourceAnchor", value);

        for (size_t i = 0; !o && str_is(type, "user") && i < t->n_objects; ++i) {
                Value v = mem_value(t->objects[i], "sourceAnchor");

                if (v.type == VALUE_STRING && str_is(t->objects[i]->type, type) && str_is_nocase(v.s, value))
                        o = t->objects[i];
        }
        return o;
}

void mem_free_object(MemObject *o)
{
        arena_free(o->arena);
        free(o->members);
        free(o->type);
        free(o);
}

MemObject *mem_find_deleted(const MemTarget *t, const char *anchor)
{
        for (size_t i = 0; i < t->n_gone; ++i) {
                Value v = t->gone[i].object ? mem_value(t->gone[i].object, "sourceAnchor") : VALUE_NULL;

                if (v.type == VALUE_STRING && str_is(v.s, anchor))
                        return t->gone[i].object;
        }
        return NULL;
}

bool mem_restore(MemTarget *t, const ObjectId *id)
{
        for (size_t i = 0; i < t->n_gone; ++i) {
                MemObject *o = t->gone[i].object;

                if (!o || !guid_is(&o->id, id))
                        continue;
                append(t, o);
                o->changed = ++t->n_changes;
                t->gone[i] = t->gone[--t->n_gone];
                return true;
        }
        return false;
}

/* The last moves into the gap; references to it end. */
void mem_remove(MemTarget *t, MemObject *o, bool for_good)
{
        t->gone = grown(t->gone, t->n_gone, &t->size_gone, sizeof(*t->gone));
        t->gone[t->n_gone++] = (MemGone){
                .id = o->id,
                .type = str_is(o->type, "group") ? "group" : "user",
                .at = ++t->n_changes,
                .object = for_good ? NULL : o,
        };
        for (size_t i = 0; i < t->n_objects; ++i) {
                if (guid_is(&t->objects[i]->manager, &o->id))
                        mem_set_manager(t->objects[i], NULL);
                mem_remove_member(t->objects[i], &o->id);
        }
        for (size_t i = 0; i < t->n_objects; ++i) {
                if (t->objects[i] == o) {
                        t->objects[i] = t->objects[--t->n_objects];
                        break;
                }
        }
        index_all(t);
        if (for_good)
                mem_free_object(o);
}

Value mem_value(const MemObject *o, const char *attribute)
{
        for (size_t i = 0; i < o->n_attributes; ++i) {
                if (str_is(o->attributes[i].name, attribute))
                        return o->attributes[i].value;
        }
        return VALUE_NULL;
}

/* Everything moves into a new arena, so that nothing old is kept. */
void mem_set(MemObject *o, const char *attribute, Value v)
{
        Arena *a = arena_new(0);
        Attribute *to = arena_new_array(a, Attribute, o->n_attributes + 1);
        size_t n = 0;

        for (size_t i = 0; i < o->n_attributes; ++i) {
                if (!str_is(o->attributes[i].name, attribute))
                        to[n++] = (Attribute){ arena_strdup(a, o->attributes[i].name),
                                               value_copy(a, o->attributes[i].value) };
        }
        if (!value_is_none(v))
                to[n++] = (Attribute){ arena_strdup(a, attribute), value_copy(a, v) };
        arena_free(o->arena);
        o->arena = a;
        o->attributes = to;
        o->n_attributes = n;
        o->changed = ++o->in->n_changes;
}

bool mem_has_member(const MemObject *o, const ObjectId *id, size_t *ret_at)
{
        for (size_t i = 0; i < o->n_members; ++i) {
                if (guid_is(&o->members[i], id)) {
                        *ret_at = i;
                        return true;
                }
        }
        return false;
}

static void note_link(MemObject *o, const ObjectId *id, bool there)
{
        MemTarget *t = o->in;

        o->changed = ++t->n_changes;
        t->linked = grown(t->linked, t->n_linked, &t->size_linked, sizeof(*t->linked));
        t->linked[t->n_linked++] = (MemLinked){ .owner = o->id, .id = *id, .there = there, .at = o->changed };
}

void mem_set_manager(MemObject *o, const ObjectId *id)
{
        if (id ? guid_is(&o->manager, id) : guid_is_zero(&o->manager))
                return;
        if (!guid_is_zero(&o->manager))
                note_link(o, &o->manager, false);
        o->manager = id ? *id : (ObjectId){ 0 };
        if (id)
                note_link(o, id, true);
}

bool mem_add_member(MemObject *o, const ObjectId *id)
{
        size_t at;

        if (mem_has_member(o, id, &at))
                return false;
        o->members = grown(o->members, o->n_members, &o->size_members, sizeof(*o->members));
        o->members[o->n_members++] = *id;
        note_link(o, id, true);
        return true;
}

bool mem_remove_member(MemObject *o, const ObjectId *id)
{
        size_t at;

        if (!mem_has_member(o, id, &at))
                return false;
        memmove(&o->members[at], &o->members[at + 1], (o->n_members - at - 1) * sizeof(*o->members));
        --o->n_members;
        note_link(o, id, false);
        return true;
}

void mem_note(MemTarget *t, OpKind kind, const MemObject *o, const Op *op)
{
        Arena *a = t->journal_arena;

        t->journal = grown(t->journal, t->n_journal, &t->size_journal, sizeof(*t->journal));
        t->journal[t->n_journal++] = (MemEntry){
                .kind = kind,
                .type = arena_strdup(a, o->type),
                .id = o->id,
                .attribute = arena_strdup(a, op->attribute),
                .value = kind == OP_SET ? value_text(a, op->value, 1024) : NULL,
                .link = op->link,
        };
}

bool mem_take_fault(MemTarget *t, MemCall on, MemFault *ret_fault)
{
        for (size_t i = 0; i < t->n_faults; ++i) {
                MemFault *f = &t->faults[i];

                if (f->on != MEM_ANY && f->on != on)
                        continue;
                *ret_fault = *f;
                if (f->n > 1) {
                        --f->n;
                } else {
                        memmove(f, f + 1, (t->n_faults - i - 1) * sizeof(*f));
                        --t->n_faults;
                }
                return true;
        }
        return false;
}

void target_mem_fail(Target *target, const MemFault *fault)
{
        MemTarget *t = (MemTarget *)target;

        pthread_mutex_lock(&t->lock);
        t->faults = grown(t->faults, t->n_faults, &t->size_faults, sizeof(*t->faults));
        t->faults[t->n_faults++] = *fault;
        pthread_mutex_unlock(&t->lock);
}

const MemEntry *target_mem_journal(Target *target, Arena *a, size_t *ret_n)
{
        MemTarget *t = (MemTarget *)target;
        MemEntry *copy;

        pthread_mutex_lock(&t->lock);
        *ret_n = t->n_journal;
        copy = arena_new_array(a, MemEntry, t->n_journal);
        for (size_t i = 0; i < t->n_journal; ++i) {
                copy[i] = t->journal[i];
                copy[i].type = arena_strdup(a, copy[i].type);
                copy[i].attribute = arena_strdup(a, copy[i].attribute);
                copy[i].value = arena_strdup(a, copy[i].value);
        }
        pthread_mutex_unlock(&t->lock);
        return copy;
}

void target_mem_clear_journal(Target *target)
{
        MemTarget *t = (MemTarget *)target;

        pthread_mutex_lock(&t->lock);
        t->n_journal = 0;
        arena_reset(t->journal_arena);
        pthread_mutex_unlock(&t->lock);
}

ObjectId target_mem_plant(Target *target, const char *type, const Attribute *attributes, size_t n,
                          bool mastered_elsewhere)
{
        MemTarget *t = (MemTarget *)target;
        MemObject *o;
        ObjectId id;

        pthread_mutex_lock(&t->lock);
        o = mem_new_object(t, type);
        o->mastered_elsewhere = mastered_elsewhere;
        for (size_t i = 0; i < n; ++i)
                mem_set(o, attributes[i].name, attributes[i].value);
        id = o->id;
        pthread_mutex_unlock(&t->lock);
        return id;
}

void target_mem_force(Target *target, const ObjectId *id, const char *attribute, Value v)
{
        MemTarget *t = (MemTarget *)target;
        MemObject *o;

        pthread_mutex_lock(&t->lock);
        o = mem_find(t, id);
        if (o)
                mem_set(o, attribute, v);
        pthread_mutex_unlock(&t->lock);
}

void target_mem_force_member(Target *target, const ObjectId *group, const ObjectId *member, bool is_member)
{
        MemTarget *t = (MemTarget *)target;
        MemObject *o;

        pthread_mutex_lock(&t->lock);
        o = mem_find(t, group);
        if (o && is_member)
                mem_add_member(o, member);
        else if (o)
                mem_remove_member(o, member);
        pthread_mutex_unlock(&t->lock);
}

void target_mem_master(Target *target, const ObjectId *id, bool mastered_elsewhere)
{
        MemTarget *t = (MemTarget *)target;
        MemObject *o;

        pthread_mutex_lock(&t->lock);
        o = mem_find(t, id);
        if (o)
                o->mastered_elsewhere = mastered_elsewhere;
        pthread_mutex_unlock(&t->lock);
}

void target_mem_assignable(Target *target, const ObjectId *id)
{
        MemTarget *t = (MemTarget *)target;
        MemObject *o;

        pthread_mutex_lock(&t->lock);
        o = mem_find(t, id);
        if (o)
                o->role_assignable = true;
        pthread_mutex_unlock(&t->lock);
}

static void remove_object(Target *target, const ObjectId *id, bool for_good)
{
        MemTarget *t = (MemTarget *)target;
        MemObject *o;

        pthread_mutex_lock(&t->lock);
        o = mem_find(t, id);
        if (o)
                mem_remove(t, o, for_good);
        pthread_mutex_unlock(&t->lock);
}

void target_mem_remove(Target *target, const ObjectId *id)
{
        remove_object(target, id, true);
}

void target_mem_recycle(Target *target, const ObjectId *id)
{
        remove_object(target, id, false);
}

bool target_mem_restore(Target *target, const ObjectId *id)
{
        MemTarget *t = (MemTarget *)target;
        bool restored;

        pthread_mutex_lock(&t->lock);
        restored = mem_restore(t, id);
        pthread_mutex_unlock(&t->lock);
        return restored;
}

static Value ref_to(Arena *a, const ObjectId *id)
{
        char buf[GUID_TEXT_MAX];
        Ref ref = { .id = *id, .text = arena_strdup(a, guid_format(id, buf)) };

        return value_ref(arena_memdup(a, &ref, sizeof(ref)));
}

const Object *target_mem_get(Target *target, const ObjectId *id, Arena *a)
{
        MemTarget *t = (MemTarget *)target;
        const Object *object = NULL;
        ObjectBuilder b;
        MemObject *o;

        pthread_mutex_lock(&t->lock);
        o = mem_find(t, id);
        if (o) {
                Value *members = arena_new_array(a, Value, o->n_members);

                object_build(&b, a);
                for (size_t i = 0; i < o->n_attributes; ++i)
                        object_add(&b, arena_strdup(a, o->attributes[i].name),
                                   value_copy(a, o->attributes[i].value));
                for (size_t i = 0; i < o->n_members; ++i)
                        members[i] = ref_to(a, &o->members[i]);
                object_add(&b, "member", value_list(members, o->n_members));
                if (!guid_is_zero(&o->manager))
                        object_add(&b, "manager", ref_to(a, &o->manager));
                object = object_finish(&b, &o->id, arena_strdup(a, o->type), NULL);
        }
        pthread_mutex_unlock(&t->lock);
        return object;
}

bool target_mem_find(Target *target, const char *type, const char *anchor, ObjectId *ret_id)
{
        MemTarget *t = (MemTarget *)target;
        MemObject *o;

        pthread_mutex_lock(&t->lock);
        o = mem_find_by(t, type, "sourceAnchor", anchor);
        if (o)
                *ret_id = o->id;
        pthread_mutex_unlock(&t->lock);
        return o != NULL;
}

size_t target_mem_count(Target *target, const char *type)
{
        MemTarget *t = (MemTarget *)target;
        size_t n = 0;

        pthread_mutex_lock(&t->lock);
        for (size_t i = 0; i < t->n_objects; ++i)
                n += str_is(t->objects[i]->type, type);
        pthread_mutex_unlock(&t->lock);
        return n;
}

unsigned target_mem_revoked(Target *target, const ObjectId *id)
{
        MemTarget *t = (MemTarget *)target;
        MemObject *o;
        unsigned n;

        pthread_mutex_lock(&t->lock);
        o = mem_find(t, id);
        n = o ? o->n_revoked : 0;
        pthread_mutex_unlock(&t->lock);
        return n;
}

void target_mem_hold(Target *target, int64_t us)
{
        MemTarget *t = (MemTarget *)target;

        pthread_mutex_lock(&t->lock);
        t->hold = us;
        pthread_mutex_unlock(&t->lock);
}

void target_mem_set_info(Target *target, const TargetInfo *info)
{
        MemTarget *t = (MemTarget *)target;
        Arena *a = t->info_arena;
        const char **domains;

        pthread_mutex_lock(&t->lock);
        domains = arena_new_array(a, const char *, info->n_verified_domains);
        for (size_t i = 0; i < info->n_verified_domains; ++i)
                domains[i] = arena_strdup(a, info->verified_domains[i]);
        t->info = (TargetInfo){
                .name = arena_strdup(a, info->name),
                .tenant_id = arena_strdup(a, info->tenant_id),
                .tenant_name = arena_strdup(a, info->tenant_name),
                .initial_domain = arena_strdup(a, info->initial_domain),
                .verified_domains = domains,
                .n_verified_domains = info->n_verified_domains,
                .on_premises_sync = info->on_premises_sync,
                .last_sync = info->last_sync,
        };
        pthread_mutex_unlock(&t->lock);
}
