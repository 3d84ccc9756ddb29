/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Retry: what is safe to repeat is repeated in place, for at most two seconds
 *
 * Reads, as long as nothing has been handed to the sink. Writes, if every operation that is not done is
 * OP_NOT_SENT: certainly without effect (refused with 429 or 409, or never left). A lost write is not
 * repeated here: whoever repeats it must look first (decisions.md 9). A wait that would go beyond the two
 * seconds, or the call's deadline, ends the call as it is; the change then waits in the queue, where it can
 * be overtaken (decisions.md 5).
 */

#include "engine/target/target-retry.h"

#include "base/error.h"
#include "base/wait.h"

#include <pthread.h>
#include <string.h>

#define BUDGET      INT64_C(2000000)
#define DELAY_FIRST INT64_C(50000)
#define DELAY_MAX   INT64_C(1000000)

typedef struct Retry Retry;
typedef struct Watch Watch;

struct Retry {
        Target target;
        Target *next;
        const Clock *clock;
        bool (*wait)(void *context, int64_t us);
        void *context;

        pthread_mutex_t lock;
        pthread_cond_t stop;
        bool stopped;    /* lock */
        uint64_t random; /* lock */
};

/* Hands everything on, and remembers that something came. */
struct Watch {
        ObjectSink sink;
        ObjectSink *next;
        bool heard;
};

static int on_object(ObjectSink *sink, const TargetObject *o)
{
        Watch *w = (Watch *)sink;

        w->heard = true;
        return w->next->object(w->next, o);
}

static int on_links(ObjectSink *sink, const char *attribute, const ObjectId *ids, size_t n_ids)
{
        Watch *w = (Watch *)sink;

        w->heard = true;
        return w->next->links ? w->next->links(w->next, attribute, ids, n_ids) : 0;
}

int64_t retry_delay(unsigned n, uint64_t random)
{
        int64_t delay = n > 5 ? DELAY_MAX : DELAY_FIRST << (n - 1);

        if (delay > DELAY_MAX)
                delay = DELAY_MAX;
        return delay / 2 + (int64_t)(random % (uint64_t)(delay / 2 + 1));
}

static bool really_wait(void *context, int64_t us)
{
        Retry *t = context;
        Mono until = wait_in(us);
        bool stopped;

        pthread_mutex_lock(&t->lock);
        while (!t->stopped && wait_until(&t->stop, &t->lock, until))
                ;
        stopped = t->stopped;
        pthread_mutex_unlock(&t->lock);
        return stopped;
}

static uint64_t next_random(Retry *t)
{
        uint64_t x;

        pthread_mutex_lock(&t->lock);
        t->random = t->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        x = t->random >> 33;
        pthread_mutex_unlock(&t->lock);
        return x;
}

/* Waits before the n-th repetition of a call that ended with r. False: it is not to be repeated. */
static bool pause_before(Retry *t, const Call *call, int r, unsigned n, Mono start)
{
        Mono now = clock_mono(t->clock), until = mono_add(now, retry_delay(n, next_random(t)));

        if (r != TARGET_E_THROTTLED && r != TARGET_E_TRANSIENT && r != TARGET_E_UNREACHABLE &&
            r != TARGET_E_GARBAGE)
                return false;
        /* A 503 may have a Retry-After too. However short it is: each time a little later. */
        if ((r == TARGET_E_THROTTLED || r == TARGET_E_TRANSIENT) && call->retry_at.us > until.us)
                until = call->retry_at;
        if (until.us > start.us + BUDGET || until.us >= call->deadline.us)
                return false;
        return until.us <= now.us || !t->wait(t->context, until.us - now.us);
}

static int retry_fetch(Target *target, Call *call, const Match *match, ObjectSink *sink, Diag *diag)
{
        Retry *t = (Retry *)target;
        Watch w = { .sink = { .object = on_object, .links = on_links }, .next = sink };
        Mono start = clock_mono(t->clock);

        for (unsigned n = 1;; ++n) {
                int r = t->next->ops->fetch(t->next, call, match, &w.sink, diag);

                if (r == 0 || w.heard || !pause_before(t, call, r, n, start))
                        return r;
                call->retry_at = (Mono){ 0 };
                diag_clear(diag);
        }
}

/*
 * The operations that may be sent again: from the first that is not done. Returns n_ops if there are none, or
 * if one of them may have had its effect. Sets that were refused together with another one stay as they are,
 * since the call ended with TARGET_E_REJECTED and is not repeated.
 */
static size_t rest_of(const Op *ops, const OpResult *results, size_t n_ops)
{
        size_t first = n_ops;

        for (size_t i = 0; i < n_ops; ++i) {
                if (results[i].state == OP_FAILED || results[i].state == OP_CONFLICT)
                        return n_ops;
                if (results[i].state == OP_NOT_SENT && first == n_ops)
                        first = i;
        }
        return first;
}

/* Where a later operation means the object that an earlier one has created, it is told its id. */
static void fill_ids(Op *rest, const Op *ops, const OpResult *results, size_t first, size_t n_ops)
{
        ObjectId created = { 0 };

        for (size_t i = 0; i < first; ++i) {
                if (ops[i].kind == OP_CREATE)
                        created = results[i].id;
        }
        for (size_t i = first; i < n_ops && ops[i].kind != OP_CREATE; ++i) {
                if (guid_is_zero(&ops[i].id))
                        rest[i - first].id = created;
        }
}

static int retry_apply(Target *target, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results,
                       Diag *diag)
{
        Retry *t = (Retry *)target;
        Mono start = clock_mono(t->clock);
        int r = t->next->ops->apply(t->next, call, ops, n_ops, ret_results, diag);

        for (unsigned n = 1; r != 0; ++n) {
                size_t first = rest_of(ops, ret_results, n_ops), n_left = n_ops - first, at = 0;
                Op *left;
                OpResult *results;
                size_t *index;

                if (n_left == 0 || !pause_before(t, call, r, n, start))
                        return r;
                /* Only those that are not done, so that nothing is sent twice. */
                left = arena_new_array(call->arena, Op, n_left);
                index = arena_new_array(call->arena, size_t, n_left);
                results = arena_new_array(call->arena, OpResult, n_left);
                memcpy(left, ops + first, n_left * sizeof(*left));
                fill_ids(left, ops, ret_results, first, n_ops);
                for (size_t i = 0; i < n_left; ++i) {
                        if (ret_results[first + i].state == OP_NOT_SENT) {
                                left[at] = left[i];
                                index[at++] = first + i;
                        }
                }
                call->retry_at = (Mono){ 0 };
                diag_clear(diag);
                r = t->next->ops->apply(t->next, call, left, at, results, diag);
                for (size_t i = 0; i < at; ++i)
                        ret_results[index[i]] = results[i];
        }
        return r;
}

static int retry_info(Target *target, Call *call, TargetInfo *ret_info, Diag *diag)
{
        Retry *t = (Retry *)target;
        Mono start = clock_mono(t->clock);

        for (unsigned n = 1;; ++n) {
                int r = t->next->ops->info(t->next, call, ret_info, diag);

                if (r == 0 || !pause_before(t, call, r, n, start))
                        return r;
                call->retry_at = (Mono){ 0 };
                diag_clear(diag);
        }
}

static int retry_role(Target *target, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                      Diag *diag)
{
        Retry *t = (Retry *)target;
        Mono start = clock_mono(t->clock);

        for (unsigned n = 1;; ++n) {
                int r = t->next->ops->role(t->next, call, user, age_us, ret_role, diag);

                if (r == 0 || !pause_before(t, call, r, n, start))
                        return r;
                call->retry_at = (Mono){ 0 };
                diag_clear(diag);
        }
}

static int64_t retry_take(Target *target, Lane lane, Mono now)
{
        Retry *t = (Retry *)target;

        return t->next->ops->take(t->next, lane, now);
}

static void retry_give_back(Target *target, Lane lane, Mono now)
{
        Retry *t = (Retry *)target;

        t->next->ops->give_back(t->next, lane, now);
}

static void retry_stop(Target *target, TargetStop how)
{
        Retry *t = (Retry *)target;

        pthread_mutex_lock(&t->lock);
        t->stopped = true;
        pthread_cond_broadcast(&t->stop);
        pthread_mutex_unlock(&t->lock);
        t->next->ops->stop(t->next, how);
}

static Target *retry_free(Target *target)
{
        Retry *t = (Retry *)target;

        target_free(t->next);
        pthread_cond_destroy(&t->stop);
        pthread_mutex_destroy(&t->lock);
        free(t);
        return NULL;
}

static const TargetOps target_retry_ops = {
        .name = "retry",
        .fetch = retry_fetch,
        .apply = retry_apply,
        .info = retry_info,
        .role = retry_role,
        .take = retry_take,
        .give_back = retry_give_back,
        .stop = retry_stop,
        .free = retry_free,
};

int target_retry_with(Target **ret_target, Target *next, const Clock *clock,
                      bool (*wait)(void *context, int64_t us), void *context)
{
        Retry *t = calloc(1, sizeof(*t));

        if (!t)
                error_oom(sizeof(*t));
        t->target.ops = &target_retry_ops;
        t->next = next;
        t->clock = clock;
        t->wait = wait ? wait : really_wait;
        t->context = wait ? context : t;
        t->random = (uint64_t)clock_mono(clock).us;
        pthread_mutex_init(&t->lock, NULL);
        wait_init(&t->stop);
        *ret_target = &t->target;
        return 0;
}

/**
 * target_retry_new() - repeats in place what is safe to repeat
 * @next: taken
 *
 * Return: 0.
 */
int target_retry_new(Target **ret_target, Target *next, const Clock *clock)
{
        return target_retry_with(ret_target, next, clock, NULL, NULL);
}
