/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/str.h"
#include "engine/target/target-mem-store.h"

#include <stdlib.h>
#include <string.h>

static bool wants(const Match *m, const char *name)
{
        for (size_t i = 0; i < m->n_attributes; ++i) {
                if (str_is(m->attributes[i], name))
                        return true;
        }
        return false;
}

static bool has_address(const MemObject *o, const char *address)
{
        Value mail = mem_value(o, "mail"), proxies = mem_value(o, "proxyAddresses");

        if (mail.type == VALUE_STRING && str_is_nocase(mail.s, address))
                return true;
        for (size_t i = 0; i < value_count(proxies); ++i) {
                Value v = value_at(proxies, i);

                if (v.type == VALUE_STRING && strncasecmp(v.s, "smtp:", 5) == 0 &&
                    str_is_nocase(v.s + 5, address))
                        return true;
        }
        return false;
}

static int find_by_mail(const MemTarget *t, const Match *m, MemObject **ret, Diag *diag)
{
        MemObject *found = NULL;

        for (size_t i = 0; i < t->n_objects; ++i) {
                if (!str_is(t->objects[i]->type, m->type) || !has_address(t->objects[i], m->value))
                        continue;
                if (found) {
                        diag_set(diag, "several objects have %s", m->value);
                        return TARGET_E_AMBIGUOUS;
                }
                found = t->objects[i];
        }
        *ret = found;
        return found ? 0 : TARGET_E_NOT_FOUND;
}

static int find(const MemTarget *t, const Match *m, MemObject **ret, Diag *diag)
{
        ObjectId id;

        *ret = NULL;
        if (!m->value)
                return TARGET_E_NOT_FOUND;
        switch (m->by) {
        case MATCH_ID:
                *ret = guid_parse(m->value, &id) ? mem_find(t, &id) : NULL;
                if (*ret && !str_is((*ret)->type, m->type))
                        *ret = NULL;
                break;
        case MATCH_ANCHOR:
                *ret = mem_find_anchor(t, m->type, m->value);
                break;
        case MATCH_SID:
                *ret = mem_find_by(t, m->type, "onPremiseSecurityIdentifier", m->value);
                break;
        case MATCH_UPN:
                *ret = mem_find_by(t, m->type, "userPrincipalName", m->value);
                break;
        case MATCH_MAIL:
                return find_by_mail(t, m, ret, diag);
        case MATCH_DELETED:
                *ret = str_is(m->type, "user") ? mem_find_deleted(t, m->value) : NULL;
                break;
        }
        return *ret ? 0 : TARGET_E_NOT_FOUND;
}

static int mem_fetch(Target *target, Call *call, const Match *m, ObjectSink *sink, Diag *diag)
{
        MemTarget *t = (MemTarget *)target;
        TargetObject object = { 0 };
        ObjectId *members, manager;
        size_t n_members = 0;
        ObjectBuilder b;
        MemFault fault;
        MemObject *o;
        int r;

        pthread_mutex_lock(&t->lock);
        ++call->n_reads;
        r = t->stopped ? TARGET_E_TRANSIENT : 0;
        if (r == 0 && mem_take_fault(t, MEM_FETCH, &fault)) {
                r = fault.end;
                diag_set(diag, "%s", fault.reason ? fault.reason : "a fault of the test");
                if (r == TARGET_E_THROTTLED)
                        call->retry_at = mono_add(call->now, fault.retry_us);
        }
        if (r == 0)
                r = find(t, m, &o, diag);
        if (r == 0) {
                object_build(&b, call->arena);
                for (size_t i = 0; i < o->n_attributes; ++i) {
                        if (m->n_attributes == 0 || wants(m, o->attributes[i].name))
                                object_add(&b, arena_strdup(call->arena, o->attributes[i].name),
                                           value_copy(call->arena, o->attributes[i].value));
                }
                object.object = object_finish(&b, &o->id, arena_strdup(call->arena, o->type), NULL);
                object.mastered_elsewhere = o->mastered_elsewhere;
                object.role_assignable = o->role_assignable;
                manager = o->manager;
                n_members = o->n_members;
                members = arena_new_array(call->arena, ObjectId, n_members);
                if (n_members > 0)
                        memcpy(members, o->members, n_members * sizeof(*members));
        }
        pthread_mutex_unlock(&t->lock);
        if (r)
                return r;
        r = sink->object(sink, &object);
        if (r == 0 && sink->links && wants(m, "manager") && !guid_is_zero(&manager))
                r = sink->links(sink, "manager", &manager, 1);
        /* In pages, as Graph gives them. */
        for (size_t i = 0; r == 0 && sink->links && wants(m, "member") && i < n_members; i += 999)
                r = sink->links(sink, "member", members + i, n_members - i < 999 ? n_members - i : 999);
        return r > 0 ? 0 : r;
}

static int mem_front_apply(Target *target, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results,
                           Diag *diag)
{
        MemTarget *t = (MemTarget *)target;
        int r;

        if (call->paper) {
                memset(ret_results, 0, n_ops * sizeof(*ret_results));
                str_printf(call->paper, "%zu operations\n", n_ops);
                return 0;
        }
        pthread_mutex_lock(&t->lock);
        r = t->stopped ? TARGET_E_TRANSIENT : target_mem_apply(t, call, ops, n_ops, ret_results, diag);
        pthread_mutex_unlock(&t->lock);
        return r;
}

static int mem_info(Target *target, Call *call, TargetInfo *ret_info, Diag *diag)
{
        MemTarget *t = (MemTarget *)target;
        MemFault fault;
        int r = 0;

        pthread_mutex_lock(&t->lock);
        if (t->stopped) {
                r = TARGET_E_TRANSIENT;
        } else if (mem_take_fault(t, MEM_INFO, &fault)) {
                r = fault.end;
                diag_set(diag, "%s", fault.reason ? fault.reason : "a fault of the test");
                if (r == TARGET_E_THROTTLED)
                        call->retry_at = mono_add(call->now, fault.retry_us);
        } else {
                *ret_info = t->info;
        }
        pthread_mutex_unlock(&t->lock);
        return r;
}

/* A directory role that a test has planted as the attribute "role". */
static int mem_role(Target *target, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                    Diag *diag)
{
        MemTarget *t = (MemTarget *)target;
        MemFault fault;
        MemObject *o;
        Value v;
        int r = 0;

        pthread_mutex_lock(&t->lock);
        call->n_reads += age_us == 0;
        o = mem_find(t, user);
        v = o ? mem_value(o, "role") : VALUE_NULL;
        if (mem_take_fault(t, MEM_ROLE, &fault)) {
                r = fault.end;
                diag_set(diag, "%s", fault.reason ? fault.reason : "a fault of the test");
        } else if (v.type == VALUE_STRING) {
                *ret_role = arena_strdup(call->arena, v.s);
        }
        pthread_mutex_unlock(&t->lock);
        return r;
}

static int64_t mem_take(Target *target, Lane lane, Mono now)
{
        MemTarget *t = (MemTarget *)target;
        int64_t hold;

        pthread_mutex_lock(&t->lock);
        hold = t->hold;
        pthread_mutex_unlock(&t->lock);
        return hold;
}

static void mem_give_back(Target *target, Lane lane, Mono now)
{
}

/* The object, with the attributes that are wanted, as a listing gives it. */
static int list_one(const TenantList *l, const MemObject *o, Arena *a)
{
        TargetObject object = { .mastered_elsewhere = o->mastered_elsewhere,
                                .role_assignable = o->role_assignable };
        Match m = { .attributes = l->attributes, .n_attributes = l->n_attributes };
        ObjectBuilder b;

        object_build(&b, a);
        for (size_t i = 0; i < o->n_attributes; ++i) {
                if (wants(&m, o->attributes[i].name))
                        object_add(&b, arena_strdup(a, o->attributes[i].name),
                                   value_copy(a, o->attributes[i].value));
        }
        object.object = object_finish(&b, &o->id, l->type, NULL);
        return l->object(l->context, &object, &o->manager);
}

/* In the order in which they came and went; of all that are there, if nothing is known of before. */
static int list_links(const TenantList *l, const MemObject *o, uint64_t since)
{
        const MemTarget *t = o->in;
        size_t n = 0, n_max = since ? t->n_linked : o->n_members + 1;
        _cleanup_(cleanup_free) TenantLink *links = calloc(n_max + 1, sizeof(*links));

        if (!links)
                error_oom((n_max + 1) * sizeof(*links));
        if (!since && !guid_is_zero(&o->manager))
                links[n++] = (TenantLink){ .id = o->manager, .there = true };
        for (size_t i = 0; !since && i < o->n_members; ++i)
                links[n++] = (TenantLink){ .id = o->members[i], .there = true };
        for (size_t i = 0; since && i < t->n_linked; ++i)
                if (t->linked[i].at > since && guid_is(&t->linked[i].owner, &o->id))
                        links[n++] = (TenantLink){ .id = t->linked[i].id, .there = t->linked[i].there };
        return n ? l->links(l->context, &o->id, links, n) : 0;
}

int target_mem_changes(Target *target, Lane lane, const TenantList *l, const char *link, Arena *a,
                       const char **ret_link, Diag *diag)
{
        MemTarget *t = (MemTarget *)target;
        uint64_t since = link ? strtoull(link, NULL, 10) : 0;
        int r = 0;

        pthread_mutex_lock(&t->lock);
        for (size_t i = 0; r == 0 && i < t->n_objects; ++i) {
                if (str_is(t->objects[i]->type, l->type) && t->objects[i]->changed > since)
                        r = list_one(l, t->objects[i], a);
                if (r == 0 && l->links && str_is(t->objects[i]->type, l->type) &&
                    t->objects[i]->changed > since)
                        r = list_links(l, t->objects[i], since);
        }
        /* At its last page: a token may end between two of them. */
        if (r == 0 && link && since < t->n_expired)
                r = TARGET_E_NOT_FOUND;
        for (size_t i = 0; r == 0 && link && i < t->n_gone; ++i) {
                if (str_is(t->gone[i].type, l->type) && t->gone[i].at > since)
                        r = l->removed(l->context, &t->gone[i].id, false);
        }
        if (r == 0)
                *ret_link = arena_printf(a, "%llu", (unsigned long long)t->n_changes);
        pthread_mutex_unlock(&t->lock);
        return r;
}

void target_mem_expire(Target *target)
{
        MemTarget *t = (MemTarget *)target;

        pthread_mutex_lock(&t->lock);
        t->n_expired = ++t->n_changes;
        pthread_mutex_unlock(&t->lock);
}

static void mem_stop(Target *target, TargetStop how)
{
        MemTarget *t = (MemTarget *)target;

        pthread_mutex_lock(&t->lock);
        t->stopped |= how == TARGET_STOP_ALL; /* nothing waits in memory */
        pthread_mutex_unlock(&t->lock);
}

static Target *mem_free(Target *target)
{
        MemTarget *t = (MemTarget *)target;

        for (size_t i = 0; i < t->n_objects; ++i)
                mem_free_object(t->objects[i]);
        free(t->objects);
        free(t->buckets);
        free(t->faults);
        for (size_t i = 0; i < t->n_gone; ++i) {
                if (t->gone[i].object)
                        mem_free_object(t->gone[i].object);
        }
        free(t->gone);
        free(t->linked);
        free(t->journal);
        arena_free(t->journal_arena);
        arena_free(t->info_arena);
        pthread_mutex_destroy(&t->lock);
        free(t);
        return NULL;
}

static const TargetOps target_mem_ops = {
        .name = "mem",
        .fetch = mem_fetch,
        .apply = mem_front_apply,
        .info = mem_info,
        .role = mem_role,
        .take = mem_take,
        .give_back = mem_give_back,
        .stop = mem_stop,
        .free = mem_free,
};

/**
 * target_mem_new() - an empty tenant
 *
 * Return: 0.
 */
int target_mem_new(Target **ret_target)
{
        MemTarget *t = calloc(1, sizeof(*t));

        if (!t)
                error_oom(sizeof(*t));
        t->target.ops = &target_mem_ops;
        pthread_mutex_init(&t->lock, NULL);
        t->journal_arena = arena_new(0);
        t->info_arena = arena_new(0);
        t->info = (TargetInfo){ .name = "Microsoft Entra ID",
                                .tenant_id = "11111111-2222-3333-4444-555555555555",
                                .tenant_name = "Contoso",
                                .initial_domain = "contoso.onmicrosoft.com" };
        *ret_target = &t->target;
        return 0;
}
