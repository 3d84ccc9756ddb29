/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The feeds at work, one after the other, for as long as somebody wants to look: each on a connection of its
 * own, from now on, into a sink that counts and forgets. Nothing is queued and no position is stored, so a
 * service beside it neither loses nor gains a change.
 */

#include "app/doctor/doctor.h"
#include "base/error.h"
#include "base/str.h"
#include "listener/feed-link.h"

#include <event2/event.h>
#include <string.h>

typedef struct Trial {
        FeedSink sink;
        Doctor *doctor;
        LdapConfig ldap;
        Mono began, watching; /* 0: not yet */
        char text[300];       /* of the last state */
        uint64_t n_looks, n_batches, n_entries, n_gone, n_largest;
        uint64_t n_timed;
        int64_t latency_ms; /* of all that say when they were changed, summed up */
} Trial;

static int take(FeedSink *sink, const FeedBatch *batch)
{
        Trial *t = (Trial *)sink;

        t->n_batches += batch->n_entries > 0;
        t->n_entries += batch->n_entries;
        if (batch->n_entries > t->n_largest)
                t->n_largest = batch->n_entries;
        for (size_t i = 0; i < batch->n_entries; i++) {
                t->n_gone += batch->entries[i].gone;
                if (!batch->entries[i].changed.ms)
                        continue;
                t->n_timed++;
                t->latency_ms += batch->seen.ms - batch->entries[i].changed.ms;
        }
        return 0;
}

static void note(FeedSink *sink, const FeedStatus *status)
{
        Trial *t = (Trial *)sink;

        if (status->state == FEED_WATCHING && !t->watching.us)
                t->watching = clock_mono(t->doctor->clock);
        t->n_looks = status->n_looks;
        snprintf(t->text, sizeof(t->text), "%s", status->text ? status->text : "");
}

static void report(Doctor *d, const Trial *t, const char *feed)
{
        char until[64], late[64];

        if (!t->watching.us) {
                doctor_fault(d, "the log lines above say what the server answered",
                             "%s: not watching after %u s: %s", feed, d->feeds_s, t->text);
                return;
        }
        duration_format(t->watching.us - t->began.us, until, sizeof(until));
        if (!t->n_entries) {
                doctor_ok(d, "%s: watching after %s; %u s without a change", feed, until, d->feeds_s);
                return;
        }
        duration_format(t->n_timed ? t->latency_ms / (int64_t)t->n_timed * 1000 : 0, late, sizeof(late));
        doctor_ok(d,
                  "%s: watching after %s; in %u s %llu changes (%llu deletes) in %llu batches, at most %llu "
                  "at once%s%s",
                  feed, until, d->feeds_s, (unsigned long long)t->n_entries, (unsigned long long)t->n_gone,
                  (unsigned long long)t->n_batches, (unsigned long long)t->n_largest,
                  t->n_timed ? ", seen on average after " : "", t->n_timed ? late : "");
}

static void on_end(evutil_socket_t fd, short what, void *context)
{
        (void)fd;
        (void)what;
        event_base_loopbreak(context);
}

static int run(Trial *t, const FeedOps *ops, Diag *diag)
{
        Doctor *d = t->doctor;
        const RunConfig *rules = &d->config->run;
        const char **names = arena_new_array(d->arena, const char *, rules->n_attributes + rules->n_links);
        struct timeval time = { .tv_sec = d->feeds_s };
        struct event_base *base = event_base_new();
        struct event *end = base ? event_new(base, -1, 0, on_end, base) : NULL;
        FeedConfig config = {
                .ldap = &t->ldap,
                .clock = d->clock,
                .attributes = names,
                .n_attributes = rules->n_attributes + rules->n_links,
        };
        Feed *feed = NULL;
        int r;

        if (!end)
                error_oom(1);
        memcpy(names, rules->attributes, rules->n_attributes * sizeof(*names));
        memcpy(names + rules->n_attributes, rules->links, rules->n_links * sizeof(*names));
        t->began = clock_mono(d->clock);
        r = feed_new(ops, &feed, &config, base, &t->sink, &d->log, diag);
        if (r == 0)
                r = feed_start(feed, NULL);
        if (r == 0) {
                event_add(end, &time);
                event_base_dispatch(base);
        }
        feed_free(feed);
        event_free(end);
        event_base_free(base);
        return r;
}

void doctor_feeds(Doctor *d)
{
        const LdapConfig *ldap = &d->source->config->ldap;
        const char *name = ldap_config_feeds[ldap->feed];
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Trial t = { .sink = { .batch = take, .state = note }, .doctor = d, .ldap = *ldap };

        if (ldap->replay)
                return;
        t.ldap.initial = FEED_INITIAL_NOW;
        if (run(&t, feed_find(name), &diag))
                doctor_fault(d, NULL, "%s: %s", name, diag_text(&diag));
        else
                report(d, &t, d->source->facts.feed ? d->source->facts.feed : name);
}
