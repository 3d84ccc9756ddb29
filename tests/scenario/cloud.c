/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/scenario/cloud.h"

#include "base/error.h"
#include "base/str.h"
#include "tests/scenario/scene.h"

#include <string.h>

/* Members that Graph takes in one request. */
#define LINKS_MAX 20

/* How an object looked from `at` on; object NULL: it was not there. */
typedef struct Past {
        ObjectId id;
        Wall at;
        const Object *object;
} Past;

/* A link, as of `at`. */
typedef struct PastLink {
        ObjectId id, link;
        Wall at;
        bool there;
} PastLink;

typedef struct Hearing {
        Target target; /* first */
        Target *next;
        Scene *scene;
        int64_t lag_ms;
        bool lag_of_index, lag_of_reads; /* not everything lags */
        Mono held, normal_held;          /* Retry-After was heard; the budget of the lower lanes is used up */
        Past *past;
        size_t n_past, size_past;
        PastLink *links;
        size_t n_links, size_links;
        _Atomic unsigned n_reads; /* also by the readers of revert */
        const char *tenant;
        bool on_premises_sync;
        Wall last_sync; /* it has heard of the regular cycle; 0: nobody asks */
} Hearing;

static void remember(Hearing *c, const ObjectId *id, Wall at)
{
        if (c->n_past == c->size_past) {
                size_t size = c->size_past ? c->size_past * 2 : 64;
                Past *past = arena_new_array(c->scene->arena, Past, size);

                if (c->n_past)
                        memcpy(past, c->past, c->n_past * sizeof(*past));
                c->past = past;
                c->size_past = size;
        }
        c->past[c->n_past++] =
                (Past){ .id = *id, .at = at, .object = target_mem_get(c->next, id, c->scene->arena) };
}

static void remember_link(Hearing *c, const MemEntry *e, Wall at)
{
        if (c->n_links == c->size_links) {
                size_t size = c->size_links ? c->size_links * 2 : 64;
                PastLink *links = arena_new_array(c->scene->arena, PastLink, size);

                if (c->n_links)
                        memcpy(links, c->links, c->n_links * sizeof(*links));
                c->links = links;
                c->size_links = size;
        }
        c->links[c->n_links++] =
                (PastLink){ .id = e->id, .link = e->link, .at = at, .there = e->kind == OP_LINK };
}

/* As the limiter does: a 429 holds what comes after it, in every lane. */
static int obey(Hearing *c, const Call *call, int r)
{
        if (r == TARGET_E_THROTTLED)
                c->held = call->retry_at;
        return r;
}

/* -- reads ----------------------------------------------------------------------------------------------- */

typedef struct Lagging {
        ObjectSink sink; /* first */
        ObjectSink *real;
        Hearing *cloud;
        const Match *match;
        Arena *arena;
        bool missing;
} Lagging;

static bool wants(const Match *m, const char *name)
{
        for (size_t i = 0; i < m->n_attributes; i++)
                if (str_is(m->attributes[i], name))
                        return true;
        return false;
}

/* The newest state that has replicated to where we look. False: none has, although there is one. */
static bool visible(const Hearing *c, const ObjectId *id, const Object **ret_object)
{
        int64_t until = clock_wall(&c->scene->clock.clock).ms - c->lag_ms;
        bool any = false, found = false;

        for (size_t i = 0; i < c->n_past; i++) {
                if (!guid_is(&c->past[i].id, id))
                        continue;
                any = true;
                if (c->past[i].at.ms <= until) {
                        found = true;
                        *ret_object = c->past[i].object;
                }
        }
        return found || !any;
}

static int on_object(ObjectSink *sink, const TargetObject *o)
{
        Lagging *l = (Lagging *)sink;
        TargetObject seen = *o;
        const Object *past = NULL;

        if (!visible(l->cloud, &o->object->id, &past)) {
                l->missing = true;
                return 1;
        }
        if (past) {
                ObjectBuilder b;

                object_build(&b, l->arena);
                for (size_t i = 0; i < past->n_attributes; i++)
                        if (wants(l->match, past->attributes[i].name) &&
                            !str_is(past->attributes[i].name, "member") &&
                            !str_is(past->attributes[i].name, "manager"))
                                object_add(&b, past->attributes[i].name, past->attributes[i].value);
                seen.object = object_finish(&b, &o->object->id, o->object->type, NULL);
        }
        return l->real->object(l->real, &seen);
}

static int on_links(ObjectSink *sink, const char *attribute, const ObjectId *ids, size_t n_ids)
{
        Lagging *l = (Lagging *)sink;

        return l->real->links(l->real, attribute, ids, n_ids);
}

static int hearing_role(Target *t, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                        Diag *diag)
{
        Hearing *c = (Hearing *)t;

        c->n_reads += age_us == 0;
        return obey(c, call, target_role(c->next, call, user, age_us, ret_role, diag));
}

static int hearing_fetch(Target *t, Call *call, const Match *match, ObjectSink *sink, Diag *diag)
{
        Hearing *c = (Hearing *)t;
        Lagging lagging = {
                .sink = { .object = on_object, .links = sink->links ? on_links : NULL },
                .real = sink,
                .cloud = c,
                .match = match,
                .arena = call->arena,
        };
        bool lags = c->lag_ms && (!c->lag_of_index || match->by == MATCH_ANCHOR);
        int r;

        c->n_reads++;
        r = target_fetch(c->next, call, match, lags ? &lagging.sink : sink, diag);
        return obey(c, call, r == 0 && lagging.missing ? TARGET_E_NOT_FOUND : r);
}

/* -- writes ---------------------------------------------------------------------------------------------- */

static void hear_values(Hearing *c, const MemEntry *journal, size_t n, const ObjectId *id, bool *heard)
{
        const MemEntry *created = NULL, *first = NULL;
        SeenLine *line;

        for (size_t i = 0; i < n; i++) {
                if (!guid_is(&journal[i].id, id))
                        continue;
                if (journal[i].kind == OP_CREATE)
                        created = &journal[i];
                else if (journal[i].kind == OP_SET || journal[i].kind == OP_UNSET)
                        first = &journal[i];
        }
        if (!created && !first)
                return;
        line = created ? seen_add(&c->scene->seen, true, "create %s %s", created->type,
                                  scene_name_of_cloud(c->scene, id))
                       : seen_add(&c->scene->seen, false, "set %s", scene_name_of_cloud(c->scene, id));
        for (size_t i = 0; i < n; i++) {
                if (!guid_is(&journal[i].id, id))
                        continue;
                if (journal[i].kind == OP_SET || journal[i].kind == OP_UNSET)
                        seen_value(&c->scene->seen, line, journal[i].attribute, journal[i].value);
                if (journal[i].kind != OP_LINK && journal[i].kind != OP_UNLINK &&
                    journal[i].kind != OP_REVOKE_SESSIONS)
                        heard[i] = true;
        }
}

static bool is_same_request(const MemEntry *a, const MemEntry *b)
{
        return a->kind == OP_LINK && b->kind == OP_LINK && guid_is(&a->id, &b->id) &&
               str_is(a->attribute, b->attribute) && !str_is(a->attribute, "manager");
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in their own order: that of the ids says nothing to a reader. */
static size_t hear_links(Hearing *c, const MemEntry *journal, size_t n)
{
        Scene *s = c->scene;
        const char *names[LINKS_MAX], *text;
        size_t k = 0;

        do {
                names[k] = scene_name_of_cloud(s, &journal[k].link);
                k++;
        } while (k < n && k < LINKS_MAX && is_same_request(journal, &journal[k]));
        qsort(names, k, sizeof(names[0]), compare_names);
        text = names[0];
        for (size_t i = 1; i < k; i++)
                text = arena_printf(s->arena, "%s,%s", text, names[i]);
        if (k > 5)
                text = arena_printf(s->arena, "%zu", k);
        if (journal->kind == OP_UNLINK && str_is(journal->attribute, "manager"))
                text = "-";
        seen_add(&s->seen, false, "%s %s %s %s", journal->kind == OP_LINK ? "link" : "unlink",
                 scene_name_of_cloud(s, &journal->id), journal->attribute, text);
        return k;
}

/* What had an effect since the last call, as requests. */
static void hear(Hearing *c)
{
        Arena *a = c->scene->arena;
        size_t n;
        const MemEntry *journal = target_mem_journal(c->next, a, &n);
        bool *heard = arena_new_array(a, bool, n + 1);

        for (size_t i = 0; i < n;) {
                size_t k = 1;

                switch (journal[i].kind) {
                case OP_CREATE:
                case OP_SET:
                case OP_UNSET:
                        if (!heard[i])
                                hear_values(c, journal, n, &journal[i].id, heard);
                        break;
                case OP_LINK:
                case OP_UNLINK:
                        k = hear_links(c, journal + i, n - i);
                        break;
                case OP_REVOKE_SESSIONS:
                        seen_add(&c->scene->seen, false, "revoke %s",
                                 scene_name_of_cloud(c->scene, &journal[i].id));
                        break;
                }
                for (size_t j = i; j < i + k && c->lag_ms; j++)
                        if (journal[j].kind == OP_LINK || journal[j].kind == OP_UNLINK)
                                remember_link(c, &journal[j], clock_wall(&c->scene->clock.clock));
                for (size_t j = i; j < i + k; j++)
                        remember(c, &journal[j].id, clock_wall(&c->scene->clock.clock));
                i += k;
        }
        target_mem_clear_journal(c->next);
}

/* Where the request arrives, the last write of this link is not seen yet: there is nothing to do. */
static bool is_done_there(const Hearing *c, const Op *op)
{
        int64_t until = clock_wall(&c->scene->clock.clock).ms - c->lag_ms;
        const PastLink *last = NULL;

        if (!c->lag_ms || c->lag_of_index || c->lag_of_reads ||
            (op->kind != OP_LINK && op->kind != OP_UNLINK))
                return false;
        for (size_t i = 0; i < c->n_links; i++)
                if (guid_is(&c->links[i].id, &op->id) && guid_is(&c->links[i].link, &op->link))
                        last = &c->links[i];
        return last && last->at.ms > until && last->there == (op->kind == OP_UNLINK);
}

static int hearing_apply(Target *t, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results,
                         Diag *diag)
{
        Hearing *c = (Hearing *)t;
        Op *sent = arena_new_array(call->arena, Op, n_ops + 1);
        OpResult *results = arena_new_array(call->arena, OpResult, n_ops + 1);
        size_t n = 0, k = 0;
        int r;

        for (size_t i = 0; i < n_ops; i++)
                if (!is_done_there(c, &ops[i]))
                        sent[n++] = ops[i];
        r = n || !n_ops ? target_apply(c->next, call, sent, n, results, diag) : 0;
        for (size_t i = 0; i < n_ops; i++)
                ret_results[i] = is_done_there(c, &ops[i])
                                         ? (OpResult){ .state = OP_UNCHANGED, .http_status = 404 }
                                         : results[k++];
        hear(c);
        return obey(c, call, r);
}

static int hearing_info(Target *t, Call *call, TargetInfo *ret_info, Diag *diag)
{
        return obey((Hearing *)t, call, target_info(((Hearing *)t)->next, call, ret_info, diag));
}

static int64_t hearing_take(Target *t, Lane lane, Mono now)
{
        Hearing *c = (Hearing *)t;
        Mono until = lane != LANE_URGENT && c->normal_held.us > c->held.us ? c->normal_held : c->held;

        return until.us > now.us ? until.us - now.us : 0;
}

static void hearing_give_back(Target *t, Lane lane, Mono now)
{
        target_give_back(((Hearing *)t)->next, lane, now);
}

static void hearing_stop(Target *t, TargetStop how)
{
        target_stop(((Hearing *)t)->next, how);
}

static Target *hearing_free(Target *t)
{
        Hearing *c = (Hearing *)t;

        target_free(c->next);
        free(c);
        return NULL;
}

static const TargetOps hearing_ops = {
        .name = "hearing",
        .fetch = hearing_fetch,
        .role = hearing_role,
        .apply = hearing_apply,
        .info = hearing_info,
        .take = hearing_take,
        .give_back = hearing_give_back,
        .stop = hearing_stop,
        .free = hearing_free,
};

static void set_info(Hearing *c)
{
        static const char *const domains[] = { "contoso.test", "contoso.onmicrosoft.com" };

        target_mem_set_info(c->next, &(TargetInfo){
                                             .name = "Microsoft Entra ID",
                                             .tenant_id = c->tenant,
                                             .tenant_name = "Contoso",
                                             .initial_domain = "contoso.onmicrosoft.com",
                                             .verified_domains = domains,
                                             .n_verified_domains = N_ELEMENTS(domains),
                                             .on_premises_sync = c->on_premises_sync,
                                             .last_sync = c->last_sync,
                                     });
}

Target *cloud_new(Scene *s)
{
        Hearing *c = calloc(1, sizeof(*c));

        if (!c)
                error_oom(sizeof(*c));
        c->target.ops = &hearing_ops;
        c->scene = s;
        c->tenant = "11111111-2222-3333-4444-555555555555";
        target_mem_new(&c->next);
        set_info(c);
        return &c->target;
}

void cloud_estate(Target *t, bool on_premises_sync)
{
        ((Hearing *)t)->on_premises_sync = on_premises_sync;
        set_info((Hearing *)t);
}

void cloud_tenant(Target *t, const char *id)
{
        ((Hearing *)t)->tenant = id;
        set_info((Hearing *)t);
}

void cloud_heard(Target *t, Wall at)
{
        ((Hearing *)t)->last_sync = at;
        set_info((Hearing *)t);
}

bool cloud_hears(Target *t)
{
        return ((Hearing *)t)->last_sync.ms != 0;
}

Target *cloud_mem(Target *t)
{
        return ((Hearing *)t)->next;
}

void cloud_lag(Target *t, int64_t ms, bool index, bool reads)
{
        Hearing *c = (Hearing *)t;

        c->lag_ms = ms;
        c->lag_of_index = index;
        c->lag_of_reads = reads;
}

void cloud_touched(Target *t, const ObjectId *id, bool old)
{
        Hearing *c = (Hearing *)t;

        remember(c, id, old ? (Wall){ 0 } : clock_wall(&c->scene->clock.clock));
        target_mem_clear_journal(c->next);
}

void cloud_hold(Target *t, int64_t ms)
{
        Hearing *c = (Hearing *)t;

        c->normal_held = mono_add(clock_mono(&c->scene->clock.clock), ms * 1000);
}

unsigned cloud_reads(Target *t)
{
        Hearing *c = (Hearing *)t;
        unsigned n = c->n_reads;

        c->n_reads = 0;
        return n;
}
