/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Target-owner: operations of another synchronization's objects, by asking it
 *
 * One object is asked for at a time. Who comes meanwhile is remembered: when more wait than `cycle_above`,
 * the owner is asked for one cycle instead of so many single ones, and all of them look again when it is
 * over.
 */

#include "engine/target/owner.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/target/schema.h"

#include <pthread.h>
#include <string.h>

#define SECOND_US ((int64_t)1000000)

/* "Please retry after 5 minutes, if you reach the throttling limit" (Single Object Sync). */
#define THROTTLED_US (300 * SECOND_US)

/* It could not be asked: its server is away, or busy with something else. */
#define AWAY_US (60 * SECOND_US)

/* A cycle that was started is seen in progress by then, and the flag holds normal work back (flag.h). */
#define CYCLE_US (20 * SECOND_US)

/* What it has written may be replicated late; afterwards its rules simply give another value. */
#define SHOWS_WITHIN_US (120 * SECOND_US)
#define LOOK_AGAIN_US   (10 * SECOND_US)

/* Who has not come again for so long does not wait any more. */
#define WAITS_US (120 * SECOND_US)

#define OBJECTS_MAX 1024

typedef struct Asked {
        ObjectId id;
        uint64_t wish; /* hash of the values that were wanted */
        Mono seen;
        Mono asked; /* 0: not yet */
} Asked;

typedef struct TargetOwner {
        Target target; /* first */
        Target *next;
        Owner *owner;
        const OwnerConfig *config;
        const Clock *clock;

        pthread_mutex_t lock; /* protects what follows; not held while the owner works */
        bool busy;
        bool want_cycle;
        Mono not_before;
        char why[256]; /* of not_before */
        Asked objects[OBJECTS_MAX];
} TargetOwner;

/* -- who waits ----------------------------------------------------------------------------------------- */

/* FNV-1a over what is wanted: a new wish is asked for anew. */
static uint64_t wish_of(const Op *ops, size_t n, Arena *a)
{
        uint64_t h = UINT64_C(14695981039346656037);

        for (size_t i = 0; i < n; i++) {
                char link[GUID_TEXT_MAX];
                const char *value = ops[i].kind == OP_SET ? value_text(a, ops[i].value, 4096) : "";
                const char *s = arena_printf(a, "%d %s=%s %s;", (int)ops[i].kind,
                                             ops[i].attribute ? ops[i].attribute : "", value,
                                             guid_format(&ops[i].link, link));

                for (; *s; s++)
                        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
        }
        return h;
}

/* Its row; the one that was seen longest ago gives way. */
static Asked *remember(TargetOwner *t, const ObjectId *id, uint64_t wish, Mono now)
{
        Asked *row = &t->objects[0];

        for (size_t i = 0; i < OBJECTS_MAX; i++) {
                if (guid_is(&t->objects[i].id, id)) {
                        row = &t->objects[i];
                        break;
                }
                if (t->objects[i].seen.us < row->seen.us)
                        row = &t->objects[i];
        }
        if (!guid_is(&row->id, id) || row->wish != wish)
                *row = (Asked){ .id = *id, .wish = wish };
        row->seen = now;
        return row;
}

static void forget(TargetOwner *t, const ObjectId *id)
{
        for (size_t i = 0; i < OBJECTS_MAX; i++)
                if (guid_is(&t->objects[i].id, id))
                        t->objects[i] = (Asked){ 0 };
}

static size_t n_waiting(const TargetOwner *t, Mono now)
{
        size_t n = 0;

        for (size_t i = 0; i < OBJECTS_MAX; i++)
                n += t->objects[i].seen.us && !t->objects[i].asked.us &&
                     now.us - t->objects[i].seen.us < WAITS_US;
        return n;
}

/* The lock is held. The reason as the arena has it: t->why is the next one's as soon as the lock is not held.
 */
static const char *hold(TargetOwner *t, Mono until, const char *why, Arena *a)
{
        t->not_before = until;
        snprintf(t->why, sizeof(t->why), "%s", why);
        return arena_strdup(a, t->why);
}

static int come_again(Call *call, Diag *diag, Mono when, const char *why)
{
        call->retry_at = when;
        diag_set(diag, "%s", why);
        return TARGET_E_THROTTLED;
}

/* -- reading back -------------------------------------------------------------------------------------- */

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

static bool is_there(const Look *look, const Op *op)
{
        const TargetAttribute *at = op->attribute ? target_attribute(op->type, op->attribute) : NULL;
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

/* Which of the wishes Entra ID shows. Return: 0 (*ret_all: all of them), TARGET_E_*, -errno. */
static int look_back(TargetOwner *t, Call *call, const Op *ops, size_t n_ops, OpResult *results,
                     bool *ret_all, Diag *diag)
{
        const char **names = arena_new_array(call->arena, const char *, n_ops);
        Look look = { .sink = { .object = on_object, .links = on_links }, .arena = call->arena };
        char id[GUID_TEXT_MAX];
        int r;

        for (size_t i = 0; i < n_ops; i++)
                names[i] = ops[i].attribute;
        call->deadline = mono_add(clock_mono(t->clock), 30 * SECOND_US);
        r = t->next->ops->fetch(t->next, call,
                                &(Match){ .type = ops[0].type,
                                          .by = MATCH_ID,
                                          .value = guid_format(&ops[0].id, id),
                                          .attributes = names,
                                          .n_attributes = n_ops },
                                &look.sink, diag);
        *ret_all = r == 0;
        for (size_t i = 0; i < n_ops && r == 0; i++) {
                results[i].state = is_there(&look, &ops[i]) ? OP_DONE : OP_NOT_SENT;
                *ret_all &= results[i].state == OP_DONE;
        }
        return r;
}

/* -- asking -------------------------------------------------------------------------------------------- */

static int failed(const Op *ops, size_t n_ops, OpResult *results, const char *code, const char *reason,
                  Arena *a)
{
        for (size_t i = 0; i < n_ops; i++)
                if (results[i].state != OP_DONE)
                        results[i] = (OpResult){ .state = OP_FAILED,
                                                 .code = code,
                                                 .reason = arena_strdup(a, reason) };
        return TARGET_E_REJECTED;
}

/* It is our turn, and nobody else's until we are done. */
static int ask_for_one(TargetOwner *t, Call *call, const Op *ops, size_t n_ops, OpResult *results, Diag *diag)
{
        const char *said = NULL, *why;
        bool all = false;
        Mono now;
        int r, end;

        if (!call->first_write.us)
                call->first_write = clock_mono(t->clock);
        r = t->owner->ops->sync(t->owner, call->dn, call->arena, &said, diag);
        now = clock_mono(t->clock);
        call->owner_said = said;
        end = r == 0 ? look_back(t, call, ops, n_ops, results, &all, diag) : 0;

        pthread_mutex_lock(&t->lock);
        t->busy = false;
        why = hold(t,
                   mono_add(now, r == OWNER_E_THROTTLED     ? THROTTLED_US
                                 : r == OWNER_E_UNREACHABLE ? AWAY_US
                                                            : t->config->pace_us),
                   r == OWNER_E_THROTTLED
                           ? "Entra Connect limits how often it is asked, and the limit is reached"
                   : r == OWNER_E_UNREACHABLE ? diag_text(diag)
                                              : "Entra Connect is asked for one object at a time",
                   call->arena);
        if (r == OWNER_E_FAILED || all)
                forget(t, &ops[0].id);
        else if (r == 0)
                remember(t, &ops[0].id, wish_of(ops, n_ops, call->arena), now)->asked = now;
        pthread_mutex_unlock(&t->lock);

        if (r == OWNER_E_FAILED)
                return failed(ops, n_ops, results, "ConnectSyncFailed", diag_text(diag), call->arena);
        if (r == OWNER_E_UNREACHABLE) {
                diag_prefix(diag, "Entra Connect cannot be asked");
                call->retry_at = mono_add(now, AWAY_US);
                return TARGET_E_THROTTLED;
        }
        if (r)
                return come_again(call, diag, mono_add(now, THROTTLED_US), why);
        if (end)
                return end;
        call->n_writes++;
        call->last_write = now;
        return all ? 0
                   : come_again(call, diag, mono_add(now, LOOK_AGAIN_US),
                                "Entra Connect has synchronized the object; Microsoft Entra ID does not show "
                                "it yet");
}

static int start_cycle(TargetOwner *t, Call *call, Diag *diag)
{
        int r = t->owner->ops->cycle(t->owner, diag);
        Mono until = mono_add(clock_mono(t->clock), r ? AWAY_US : CYCLE_US);
        const char *why;

        pthread_mutex_lock(&t->lock);
        t->busy = t->want_cycle = false;
        why = hold(t, until,
                   r ? diag_text(diag) : "a delta cycle of Entra Connect was started for all that wait",
                   call->arena);
        if (r == 0)
                memset(t->objects, 0, sizeof(t->objects));
        pthread_mutex_unlock(&t->lock);
        return come_again(call, diag, until, why);
}

/* Decide under the lock; work without it. */
static int ask(TargetOwner *t, Call *call, const Op *ops, size_t n_ops, OpResult *results, Diag *diag)
{
        Mono now = clock_mono(t->clock);
        bool cycle, wait, stale;
        char why[sizeof(t->why)];
        Mono when;
        Asked *row;

        pthread_mutex_lock(&t->lock);
        row = remember(t, &ops[0].id, wish_of(ops, n_ops, call->arena), now);
        stale = row->asked.us && now.us - row->asked.us >= SHOWS_WITHIN_US;
        if (n_waiting(t, now) > (size_t)t->config->cycle_above)
                t->want_cycle = true;
        wait = t->busy || now.us < t->not_before.us || (row->asked.us && !stale);
        cycle = !wait && t->want_cycle;
        when = t->busy || t->not_before.us <= now.us ? mono_add(now, 2 * SECOND_US) : t->not_before;
        if (row->asked.us)
                when = mono_add(now, LOOK_AGAIN_US);
        snprintf(
                why, sizeof(why), "%s",
                row->asked.us
                        ? "Entra Connect has synchronized the object; Microsoft Entra ID does not show it yet"
                : t->busy ? "Entra Connect is asked for one object at a time"
                          : t->why);
        if (stale)
                forget(t, &ops[0].id);
        else if (!wait)
                t->busy = true;
        pthread_mutex_unlock(&t->lock);

        if (stale)
                return failed(ops, n_ops, results, "ConnectDisagrees", NULL, call->arena);
        if (wait)
                return come_again(call, diag, when, why);
        return cycle ? start_cycle(t, call, diag) : ask_for_one(t, call, ops, n_ops, results, diag);
}

static int owner_apply(Target *target, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results,
                       Diag *diag)
{
        TargetOwner *t = (TargetOwner *)target;
        size_t n_ours = 0;
        int r = 0;

        /* The plan has ours in front: what cannot wait does not. */
        while (n_ours < n_ops && !ops[n_ours].owner)
                n_ours++;
        for (size_t i = n_ours; i < n_ops; i++)
                ret_results[i] = (OpResult){ .state = OP_NOT_SENT };
        if (n_ours)
                r = t->next->ops->apply(t->next, call, ops, n_ours, ret_results, diag);
        if (r || n_ours == n_ops)
                return r;
        return ask(t, call, ops + n_ours, n_ops - n_ours, ret_results + n_ours, diag);
}

/* -- the rest is next's -------------------------------------------------------------------------------- */

static int owner_fetch(Target *target, Call *call, const Match *match, ObjectSink *sink, Diag *diag)
{
        Target *next = ((TargetOwner *)target)->next;

        return next->ops->fetch(next, call, match, sink, diag);
}

static int owner_role(Target *target, Call *call, const ObjectId *user, const char **ret_role, Diag *diag)
{
        Target *next = ((TargetOwner *)target)->next;

        return next->ops->role(next, call, user, ret_role, diag);
}

static int owner_info(Target *target, Call *call, TargetInfo *ret_info, Diag *diag)
{
        Target *next = ((TargetOwner *)target)->next;

        return next->ops->info(next, call, ret_info, diag);
}

static int64_t owner_take(Target *target, Lane lane, Mono now)
{
        Target *next = ((TargetOwner *)target)->next;

        return next->ops->take(next, lane, now);
}

static void owner_give_back(Target *target, Lane lane, Mono now)
{
        Target *next = ((TargetOwner *)target)->next;

        next->ops->give_back(next, lane, now);
}

static void owner_stop(Target *target)
{
        Target *next = ((TargetOwner *)target)->next;

        next->ops->stop(next);
}

static Target *owner_free(Target *target)
{
        TargetOwner *t = (TargetOwner *)target;

        target_free(t->next);
        t->owner->ops->free(t->owner);
        pthread_mutex_destroy(&t->lock);
        free(t);
        return NULL;
}

static const TargetOps target_owner_ops = {
        .name = "owner",
        .fetch = owner_fetch,
        .apply = owner_apply,
        .info = owner_info,
        .role = owner_role,
        .take = owner_take,
        .give_back = owner_give_back,
        .stop = owner_stop,
        .free = owner_free,
};

int target_owner_new(Target **ret_target, Target *next, Owner *owner, const OwnerConfig *config,
                     const Clock *clock)
{
        TargetOwner *t = calloc(1, sizeof(*t));

        if (!t)
                error_oom(sizeof(*t));
        t->target.ops = &target_owner_ops;
        t->next = next;
        t->owner = owner;
        t->config = config;
        t->clock = clock;
        pthread_mutex_init(&t->lock, NULL);
        *ret_target = &t->target;
        return 0;
}
