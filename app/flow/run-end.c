/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/run-end.h"

#include "app/flow/brake-store.h"
#include "base/str.h"

#include <sys/random.h>

/* A change that fails this often by its own fault waits for a person: 1 s doubling to 15 min is about a day.
 */
#define TRIES_MAX 100

/* What failed in passing (a 503, a lost connection) may be an outage that comes and goes, and the circuit
 * spares who has one: for an hour nothing waits longer than half a minute, so that all is done soon after it
 * is over; and it takes a day until the object is parked. */
#define STRAINED_TRIES   6
#define STRAINED_SOON_MS ((int64_t)3600 * 1000)
#define STRAINED_PARK_MS ((int64_t)24 * 3600 * 1000)

bool run_is_scope_failure(const Run *run)
{
        return run->outcome.disposition == DISPOSITION_RETRY && run->blame != BLAME_OBJECT;
}

bool run_waits_its_turn(const Run *run)
{
        return run->outcome.disposition == DISPOSITION_RETRY &&
               (str_is(run->outcome.error.code, "ConcurrentUpdate") ||
                str_is(run->outcome.error.code, "RulesCatchingUp"));
}

bool run_goes_on(const Run *run)
{
        return run->outcome.disposition == DISPOSITION_RETRY && run->overtaken;
}

bool run_is_worth_a_report(const Run *run)
{
        return run->outcome.disposition != DISPOSITION_OUT_OF_SCOPE || run->known ||
               run->change.kind == CHANGE_REQUEST || run->change.lane == LANE_URGENT;
}

int64_t run_backoff_ms(unsigned tries, uint64_t random)
{
        int64_t ms = tries > 10 ? 900000 : (int64_t)1000 << (tries ? tries - 1 : 0);

        if (ms > 900000)
                ms = 900000;
        return ms - ms / 4 + (int64_t)(random % (uint64_t)(ms / 2 + 1));
}

static uint64_t random_number(void)
{
        uint64_t n = 0;

        if (getrandom(&n, sizeof(n), 0) != sizeof(n))
                n = (uint64_t)(uintptr_t)&n;
        return n;
}

/* What was exported rests for half a second, and longer when its change had to wait already, behind such a
 * rest or in a backlog: so fifty changes in a row are three writes, and the last is there within a second. An
 * object that is slow to read because it is large, a group of 50,000, is not read more than a tenth of the
 * time by runs that come to their end; one that gives way is followed at once (worker.c). That a server is
 * slow says nothing about the object. */
#define REST_MS      500
#define REST_LONG_MS 800
#define WAITED_MS    250
#define REST_MAX_MS  60000
#define REST_OF_READ 10
#define REST_LINKS   1000 /* so many make an object large */

int64_t run_rest_ms(int64_t read_us, size_t n_links, bool wrote, int64_t waited_ms)
{
        int64_t of_read = n_links < REST_LINKS ? 0 : read_us / 1000 * REST_OF_READ;
        int64_t of_write = !wrote ? 0 : waited_ms < WAITED_MS ? REST_MS : REST_LONG_MS;

        if (of_read < REST_MS || of_read < of_write)
                return of_write;
        return of_read < REST_MAX_MS ? of_read : REST_MAX_MS;
}

static Wall rest_until(const Run *run, Wall now)
{
        size_t n_links = 0;
        int64_t ms;

        for (size_t i = 0; i < run->entry.n_links; i++)
                n_links += run->entry.links[i].n_ids;
        ms = run_rest_ms(run->read_us, n_links, run->call.n_writes,
                         run->outcome.started.ms - run->change.seen.ms);
        return ms ? wall_add(now, ms) : (Wall){ 0 };
}

/* Another object has the name. It may be one of ours that is on its way to another one, or Entra ID may not
 * have replicated that it was given up: that takes minutes. Then it is a matter for a person. */
#define TAKEN_PARK_MS ((int64_t)3600 * 1000)

/* It was not its fault: the try is not counted. */
static int retry_innocent(WorkerShared *s, const Lease *lease, Wall at, const char *reason, const Commit *c)
{
        Lease innocent = *lease;

        innocent.tries--;
        return queue_retry(s->queue, &innocent, at, reason, c);
}

static int64_t failed_for_ms(const Lease *lease, Wall now)
{
        return lease->first_failed.ms ? now.ms - lease->first_failed.ms : 0;
}

static int64_t wait_ms(const Run *run, const Lease *lease, Wall now)
{
        bool is_soon = run->strained && failed_for_ms(lease, now) < STRAINED_SOON_MS;

        return run_backoff_ms(is_soon && lease->tries > STRAINED_TRIES ? STRAINED_TRIES : lease->tries,
                              random_number());
}

/* Hand the result to the queue. Return: 0, QUEUE_E_*, -errno. */
static int hand_over(WorkerShared *s, Run *run, const Lease *lease)
{
        Outcome *o = &run->outcome;
        Wall now = clock_wall(s->clock);
        Commit commit = {
                .batch = &run->batch,
                .outcome = run_is_worth_a_report(run) ? o : NULL,
                .due = run->due,
                .due_lane = run->due_is_urgent ? LANE_URGENT : LANE_NORMAL,
                .now = now,
                .rest_until = rest_until(run, now),
        };

        if (run_is_scope_failure(run) || run_waits_its_turn(run)) {
                /* Not the object's fault: no try is counted, no report is made; it waits where it can merge.
                 */
                if (run->call.n_writes == 0 && !run->retry_at.ms && !run->have_intent && !run->announced)
                        return queue_release(s->queue, lease);
                if (run->call.n_writes == 0)
                        commit.outcome = NULL;
                return retry_innocent(s, lease, o->retry_at, o->error.code, &commit);
        }
        if (run_goes_on(run))
                return retry_innocent(s, lease, o->retry_at, "Overtaken", &commit);
        if (o->disposition == DISPOSITION_RETRY && run->is_taken &&
            failed_for_ms(lease, now) >= TAKEN_PARK_MS)
                o->disposition = DISPOSITION_PARKED;
        if (o->disposition == DISPOSITION_RETRY && lease->tries >= TRIES_MAX &&
            !(run->strained && failed_for_ms(lease, now) < STRAINED_PARK_MS))
                o->disposition = DISPOSITION_PARKED;
        if (o->disposition == DISPOSITION_RETRY) {
                if (!o->retry_at.ms)
                        o->retry_at = wall_add(now, wait_ms(run, lease, now));
                return queue_retry(s->queue, lease, o->retry_at, o->error.code, &commit);
        }
        if (o->disposition == DISPOSITION_PARKED)
                return queue_park(s->queue, lease, o->error.code ? o->error.code : "failed", &commit);
        return queue_ack(s->queue, lease, &commit);
}

/* The counters of the brakes go with the result, and not in another order than they have changed. */
static int settle(WorkerShared *s, Run *run, const Lease *lease)
{
        int r;

        if (!run->brakes_moved || s->brakes.is_shared)
                return hand_over(s, run, lease);
        pthread_mutex_lock(&s->brakes.lock);
        brake_store_save(&s->brakes, &run->batch);
        r = hand_over(s, run, lease);
        pthread_mutex_unlock(&s->brakes.lock);
        return r;
}

/* One more object is known, if that was stored. */
static void tell_known(WorkerShared *s, const Run *run, bool stored)
{
        if (s->brakes.is_shared && stored)
                brake_store_know(&s->brakes, run->knew_type, 1, clock_wall(s->clock));
        else if (!s->brakes.is_shared && !stored)
                brakes_know(&s->brakes.counters, run->knew_type, -1);
}

/* What the owner is to be asked for comes again behind this lease, in the lane that may wait for it. If that
 * cannot be queued (a full disk), the lease is not over: it comes again, and says it again. */
static void ask_in_normal_lane(WorkerShared *s, Run *run)
{
        Change change = run->change;
        int r;

        if (!run->left_to_ask)
                return;
        change.id = run->key.id;
        change.kind = CHANGE_UPSERT;
        change.lane = LANE_NORMAL;
        change.revoke = false;
        r = queue_put(s->queue, &(Intake){ .changes = &change, .n_changes = 1, .now = clock_wall(s->clock) });
        if (!r)
                return;
        log_warning(s->log, "what the owner is to be asked for could not be queued; the change runs again",
                    LOG_STR("dn", run->dn->text), LOG_INT("code", r));
        if (run->outcome.disposition != DISPOSITION_PARKED)
                run->outcome.disposition = DISPOSITION_RETRY;
}

/* Another run has written what this one read: the change runs again at once. What has left, it has. */
static int run_again(WorkerShared *s, Run *run, const Lease *lease)
{
        bool sent = (run->call.n_writes > 0 || run->announced) && run_leave_facts(run) == 0;
        Outcome *o = &run->outcome;
        Wall now = clock_wall(s->clock);

        o->disposition = DISPOSITION_RETRY;
        o->retry_at = wall_add(now, 50);
        return queue_retry(s->queue, lease, o->retry_at, "ConcurrentUpdate",
                           &(Commit){
                                   .batch = sent ? &run->batch : NULL,
                                   .outcome = run->call.n_writes ? o : NULL,
                                   .now = now,
                           });
}

int run_end(WorkerShared *s, Run *run, const Lease *lease)
{
        int r;

        ask_in_normal_lane(s, run);
        r = settle(s, run, lease);
        if (r && run->call.n_writes)
                s->trust_since_ms = clock_wall(s->clock).ms;
        if (run->knew)
                tell_known(s, run, r == 0);
        return r == QUEUE_E_STALE ? run_again(s, run, lease) : r;
}
