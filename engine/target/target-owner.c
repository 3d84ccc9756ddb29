/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Target-owner: operations of another synchronization's objects, by asking it
 *
 * Entra Connect is asked for one object at a time. Who comes meanwhile is remembered: when more wait than
 * `cycle_above`, it is asked for one cycle instead of so many single ones, and all of them look again when it
 * is over. Cloud Sync is asked for several at once, within its limit; what comes above that waits, and may be
 * carried by its own cycle before its turn comes.
 */

#include "engine/target/owner-internal.h"

#include "base/error.h"
#include "base/str.h"

#include <pthread.h>
#include <string.h>

#define SECOND_US ((int64_t)1000000)

/* It could not be asked: its server is away, or busy with something else. */
#define AWAY_US (60 * SECOND_US)

/* A cycle that was started is seen in progress by then, and the flag holds normal work back (flag.h). */
#define CYCLE_US (20 * SECOND_US)

#define LOOK_AGAIN_US (10 * SECOND_US)

/* For one request, and for reading back what it has done. */
#define REQUEST_US (60 * SECOND_US)
#define LOOK_US    (30 * SECOND_US)

typedef struct TargetOwner {
        Target target; /* first */
        Target *next;
        Owner *owner;
        const OwnerWays *ways;
        const OwnerConfig *config;
        const Clock *clock;

        pthread_mutex_t lock; /* protects what follows; not held while the owner works */
        size_t n_busy;
        bool want_cycle;
        Mono not_before;
        int held;      /* TARGET_E_OWNER_*: until not_before */
        char why[256]; /* ... and because of this */
        OwnerSlots slots;
        OwnerWishes wishes;
} TargetOwner;

static void hold(TargetOwner *t, Mono until, int how, const char *why)
{
        if (until.us < t->not_before.us)
                return;
        t->not_before = until;
        t->held = how;
        snprintf(t->why, sizeof(t->why), "%s", why);
}

static int come_again(Call *call, Diag *diag, Mono when, int how, const char *why)
{
        call->retry_at = when;
        diag_set(diag, "%s", why);
        return how;
}

static const char *not_shown(const TargetOwner *t, Arena *a)
{
        return arena_printf(a, "%s has synchronized the object; Microsoft Entra ID does not show it yet",
                            t->ways->name);
}

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

/* What was asked for and is not there: "title is \"Clerk\" and should be \"Chief\"". */
static const char *difference(const Op *op, Arena *a)
{
        const char *is = value_is_none(op->old_value)
                                 ? "absent"
                                 : arena_printf(a, "\"%s\"", value_text(a, op->old_value, 200));

        if (op->kind == OP_LINK || op->kind == OP_UNLINK)
                return arena_printf(a, "%s %s %s", op->attribute, op->kind == OP_LINK ? "lacks" : "still has",
                                    op->link_dn ? op->link_dn : "one that is known by its id only");
        return arena_printf(a, "%s is %s and should be %s", op->attribute, is,
                            op->kind == OP_UNSET ? "absent"
                                                 : arena_printf(a, "\"%s\"", value_text(a, op->value, 200)));
}

static int disagrees(const TargetOwner *t, const Op *ops, size_t n_ops, OpResult *results, Arena *a)
{
        for (size_t i = 0; i < n_ops; i++)
                results[i] = (OpResult){ .state = OP_FAILED,
                                         .code = t->ways->disagrees,
                                         .reason = difference(&ops[i], a) };
        return TARGET_E_REJECTED;
}

/* -- the requests of one object ------------------------------------------------------------------------ */

typedef struct Asking {
        const Op *ops;
        size_t n_ops;
        size_t at;   /* behind the links that were asked for */
        size_t slot; /* of the next request */
        unsigned n_requests, n_reports;
        bool part;    /* there was no slot for the rest */
        Mono when;    /* ... until then */
        Mono held_to; /* the owner said so; 0: it did not */
} Asking;

/* The next links that go into one request. Whose name is not known comes with the owner's own cycle. */
static size_t gather(const TargetOwner *t, Asking *p, const Op **links)
{
        size_t n = 0;

        for (; p->at < p->n_ops && (n < t->ways->links || !t->ways->links); p->at++) {
                const Op *op = &p->ops[p->at];

                if (t->ways->links && (op->kind == OP_LINK || op->kind == OP_UNLINK) &&
                    str_is(op->type, "group") && op->link_dn)
                        links[n++] = op;
        }
        return n;
}

/* Several requests have several reports, which are told apart by their number. */
static void add_report(Call *call, const OwnerReport *said, unsigned number)
{
        OwnerReport *all = &call->owner_said;
        OwnerNote *notes = arena_new_array(call->arena, OwnerNote, all->n_notes + said->n_notes);

        if (all->n_notes)
                memcpy(notes, all->notes, all->n_notes * sizeof(*notes));
        for (size_t i = 0; i < said->n_notes; i++)
                notes[all->n_notes + i] = (OwnerNote){
                        .key = number < 2 ? said->notes[i].key
                                          : arena_printf(call->arena, "%u%s%s", number,
                                                         *said->notes[i].key ? ": " : "", said->notes[i].key),
                        .text = said->notes[i].text,
                };
        all->notes = notes;
        all->n_notes += said->n_notes;
}

/* Return: 0, OWNER_E_*. */
static int request(TargetOwner *t, Call *call, Asking *p, const Op **links, size_t n_links, Diag *diag)
{
        OwnerAsk ask = { .call = call, .type = p->ops[0].type, .links = links, .n_links = n_links };
        int r;

        call->deadline = mono_add(clock_mono(t->clock), REQUEST_US);
        r = t->owner->ops->sync(t->owner, &ask, diag);
        pthread_mutex_lock(&t->lock);
        owner_slots_end(&t->slots, p->slot, ask.left);
        pthread_mutex_unlock(&t->lock);
        p->n_reports += ask.said.n_notes > 0;
        add_report(call, &ask.said, p->n_reports);
        p->held_to = ask.retry_at;
        p->n_requests += r == 0;
        return r;
}

/* All links of the object, as many as a request takes at a time, as long as there is a slot. */
static int request_all(TargetOwner *t, Call *call, Asking *p, Diag *diag)
{
        const Op **links = arena_new_array(call->arena, const Op *, p->n_ops + 1);

        for (;;) {
                size_t n = gather(t, p, links);
                int64_t wait;
                Mono now;
                int r;

                if (n == 0 && p->n_requests)
                        break;
                if (p->n_requests) {
                        now = clock_mono(t->clock);
                        pthread_mutex_lock(&t->lock);
                        wait = owner_slots_take(&t->slots, now, &p->slot);
                        pthread_mutex_unlock(&t->lock);
                        p->when = mono_add(now, wait);
                        p->part = wait > 0;
                }
                if (p->part)
                        break;
                r = request(t, call, p, links, n, diag);
                if (r)
                        return r;
        }
        return 0;
}

/* What this end means for the next ones. */
static void account(TargetOwner *t, const Asking *p, int r, bool all, bool some, uint64_t hash, Mono now,
                    const char *said)
{
        const OwnerWays *ways = t->ways;
        int64_t rest = r == OWNER_E_THROTTLED     ? ways->throttled_us
                       : r == OWNER_E_UNREACHABLE ? AWAY_US
                                                  : t->config->pace_us;
        Mono until = r && p->held_to.us ? p->held_to : mono_add(now, rest);

        pthread_mutex_lock(&t->lock);
        t->n_busy--;
        hold(t, until, r == OWNER_E_UNREACHABLE ? TARGET_E_OWNER_AWAY : TARGET_E_OWNER_BUSY,
             r == OWNER_E_THROTTLED     ? ways->throttled
             : r == OWNER_E_UNREACHABLE ? said
                                        : ways->busy);
        if (r == OWNER_E_FAILED || all)
                owner_wish_forget(&t->wishes, &p->ops[0].id);
        else if (r == 0 && !(p->part && some))
                owner_wish(&t->wishes, &p->ops[0].id, hash, now)->asked = now;
        pthread_mutex_unlock(&t->lock);
}

/* It is our turn. */
static int ask_for_one(TargetOwner *t, Call *call, size_t slot, const Op *ops, size_t n_ops,
                       OpResult *results, Diag *diag)
{
        Asking p = { .ops = ops, .n_ops = n_ops, .slot = slot };
        Diag ignored = DIAG_INIT;
        bool all = false, some = false;
        Mono now, until;
        int r, end = 0;

        if (!call->first_write.us)
                call->first_write = clock_mono(t->clock);
        call->owner_name = t->ways->name;
        r = request_all(t, call, &p, diag);
        now = clock_mono(t->clock);
        if (p.n_requests) {
                call->deadline = mono_add(now, LOOK_US);
                end = owner_look(t->next, call, ops, n_ops, results, &all, r ? &ignored : diag);
        }
        diag_deinit(&ignored);
        for (size_t i = 0; i < n_ops; i++)
                some |= results[i].state == OP_DONE;
        account(t, &p, r, all, some, owner_wish_hash(ops, n_ops, call->arena), now, diag_text(diag));

        if (p.n_requests && end == 0)
                call->last_write = now;
        if (r == OWNER_E_FAILED)
                return failed(ops, n_ops, results, t->ways->failed, diag_text(diag), call->arena);
        until = p.held_to.us ? p.held_to
                             : mono_add(now, r == OWNER_E_UNREACHABLE ? AWAY_US : t->ways->throttled_us);
        if (r == OWNER_E_UNREACHABLE) {
                diag_prefix(diag, "%s cannot be asked", t->ways->name);
                call->retry_at = until;
                return TARGET_E_OWNER_AWAY;
        }
        if (r)
                return come_again(call, diag, until, TARGET_E_OWNER_BUSY, t->ways->throttled);
        if (end)
                return end;
        if (!t->ways->slots)
                call->n_writes++; /* others have counted theirs */
        if (all)
                return 0;
        return p.part ? come_again(call, diag, p.when, TARGET_E_OWNER_BUSY, t->ways->busy)
                      : come_again(call, diag, mono_add(now, LOOK_AGAIN_US), TARGET_E_OWNER_BUSY,
                                   not_shown(t, call->arena));
}

static int start_cycle(TargetOwner *t, Call *call, Diag *diag)
{
        int r = t->owner->ops->cycle(t->owner, diag);
        int how = r ? TARGET_E_OWNER_AWAY : TARGET_E_OWNER_BUSY;
        Mono until = mono_add(clock_mono(t->clock), r ? AWAY_US : CYCLE_US);
        const char *why = r ? arena_strdup(call->arena, diag_text(diag))
                            : "a delta cycle of Entra Connect was started for all that wait";

        pthread_mutex_lock(&t->lock);
        t->n_busy--;
        t->want_cycle = false;
        hold(t, until, how, why);
        if (r == 0)
                memset(&t->wishes, 0, sizeof(t->wishes));
        pthread_mutex_unlock(&t->lock);
        return come_again(call, diag, until, how, why);
}

/* -- whose turn it is ---------------------------------------------------------------------------------- */

/* Many that wait do not all come again for the same few slots. */
static int64_t crowd(TargetOwner *t, Mono now)
{
        int64_t rounds =
                t->slots.n ? (int64_t)(owner_wishes_waiting(&t->wishes, now) - 1) / (int64_t)t->slots.n : 0;

        rounds *= t->slots.window_us;
        return rounds < OWNER_WAITS_US ? rounds : OWNER_WAITS_US;
}

/* Decide under the lock; work without it. */
static int ask(TargetOwner *t, Call *call, const Op *ops, size_t n_ops, OpResult *results, Diag *diag)
{
        Mono now = clock_mono(t->clock);
        uint64_t hash = owner_wish_hash(ops, n_ops, call->arena);
        bool cycle, wait, stale, asked, busy;
        int how;
        const char *why;
        size_t slot = 0;
        int64_t until;
        OwnerWish *row;
        Mono when;

        pthread_mutex_lock(&t->lock);
        row = owner_wish(&t->wishes, &ops[0].id, hash, now);
        asked = row->asked.us != 0;
        stale = asked && now.us - row->asked.us >= t->ways->shows_within_us;
        if (t->owner->ops->cycle && owner_wishes_waiting(&t->wishes, now) > (size_t)t->config->cycle_above)
                t->want_cycle = true;
        busy = t->n_busy >= t->ways->at_once;
        wait = busy || now.us < t->not_before.us || (asked && !stale);
        when = busy || t->not_before.us <= now.us ? mono_add(now, 2 * SECOND_US) : t->not_before;
        how = busy || t->not_before.us <= now.us || asked ? TARGET_E_OWNER_BUSY : t->held;
        why = arena_strdup(call->arena, busy || t->not_before.us <= now.us ? t->ways->busy : t->why);
        if (!wait && !stale) {
                until = owner_slots_take(&t->slots, now, &slot);
                wait = until > 0;
                when = wait ? mono_add(now, until + crowd(t, now)) : when;
        }
        if (asked)
                when = mono_add(now, LOOK_AGAIN_US);
        cycle = !wait && t->want_cycle;
        if (stale)
                owner_wish_forget(&t->wishes, &ops[0].id);
        else if (!wait)
                t->n_busy++;
        pthread_mutex_unlock(&t->lock);

        if (stale)
                return disagrees(t, ops, n_ops, results, call->arena);
        if (wait)
                return come_again(call, diag, when, how, asked ? not_shown(t, call->arena) : why);
        return cycle ? start_cycle(t, call, diag) : ask_for_one(t, call, slot, ops, n_ops, results, diag);
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

static int owner_role(Target *target, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                      Diag *diag)
{
        Target *next = ((TargetOwner *)target)->next;

        return next->ops->role(next, call, user, age_us, ret_role, diag);
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

static void owner_stop(Target *target, TargetStop how)
{
        Target *next = ((TargetOwner *)target)->next;

        next->ops->stop(next, how);
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
        t->ways = owner->ops->ways;
        t->slots = (OwnerSlots){ .n = t->ways->slots, .window_us = t->ways->window_us };
        t->config = config;
        t->clock = clock;
        pthread_mutex_init(&t->lock, NULL);
        *ret_target = &t->target;
        return 0;
}
