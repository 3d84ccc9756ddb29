/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/feeder.h"

#include "base/error.h"
#include "base/str.h"

#include <string.h>

/* A feed brings only changes of attributes that it asks for: all that rules read, values and links. */
static const char *const *watched(Feeder *f, const RunConfig *run, size_t *ret_n)
{
        const char **names = arena_new_array(f->arena, const char *, run->n_attributes + run->n_links);

        memcpy(names, run->attributes, run->n_attributes * sizeof(*names));
        memcpy(names + run->n_attributes, run->links, run->n_links * sizeof(*names));
        *ret_n = run->n_attributes + run->n_links;
        return names;
}

void feeder_prepare(Feeder *f, Wiring *w, Connector *c, void (*settled)(void *context), void *context)
{
        f->connector = c;
        f->arena = arena_new(0);
        f->field = LOG_STR("feed", c->name);
        f->log = (Log){ .parent = &w->log, .fields = &f->field, .n_fields = 1 };
        pthread_mutex_init(&f->lock, NULL);
        intake_init(&f->intake, w->queue, &w->snapshot, w->clock, &f->log, c->feed, c->number, c->source);
        f->intake.settled = settled;
        f->intake.context = context;
        f->prepared = true;
        c->intake = &f->intake;
}

static void set_running(Feeder *f, bool running)
{
        pthread_mutex_lock(&f->lock);
        f->is_running = running;
        pthread_mutex_unlock(&f->lock);
}

int feeder_start(Feeder *f, Wiring *w, RecordingFile *record, Diag *diag)
{
        const Connector *c = f->connector;
        const FeedOps *ops = feed_find(ldap_config_feeds[c->ldap->feed]);
        FeedConfig config = {
                .ldap = c->ldap,
                .clock = w->clock,
                .pin = c->pin,
                .door = c->door,
        };
        FeedSink *sink = &f->intake.sink;
        Position position = { 0 };
        int r;

        arena_reset(f->arena); /* of the start before */
        config.attributes = watched(f, &w->first->run, &config.n_attributes);
        if (record) {
                recording_tap_init(&f->tap, record, sink, c->ldap->name, &f->log);
                sink = &f->tap.sink;
        }
        r = queue_position(w->queue, c->feed, f->arena, (const void **)&position.data, &position.n);
        if (r < 0)
                return r;
        /* An empty one was made by an earlier version: the feed refuses it and catches up. */
        r = feed_thread_start(&f->thread, ops, &config, sink, &f->log, r == 0 ? &position : NULL, diag);
        if (r)
                return r;
        set_running(f, true);
        return lookouts_start(&f->lookouts, w, f->connector);
}

void feeder_resume(Feeder *f)
{
        pthread_mutex_lock(&f->lock);
        if (f->is_running)
                feed_pause(f->thread.feed, false);
        pthread_mutex_unlock(&f->lock);
}

void feeder_look(Feeder *f, Wiring *w)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *name = f->connector->name, *text = "the directory is followed again";
        FeedStatus status;
        IntakeWatch watch;
        char since[32];
        int64_t us;

        intake_status(&f->intake, a, &status, &watch);
        us = watch.unwatched_us;
        if (watch.stands)
                status.text = watch.stands;
        if (f->is_unwatched && us == 0) {
                log_info(&f->log, text);
                alarms_clear(&w->alarms, FEEDER_UNWATCHED_ALARM, name, text, clock_wall(w->clock));
                f->is_unwatched = false;
        }
        if (f->is_unwatched || us < FEEDER_UNWATCHED_US ||
            (status.state == FEED_CATCHING_UP && !watch.stands))
                return;
        f->is_unwatched = true;
        text = arena_printf(a, "nobody has followed the directory for %s: the feed is %s%s%s%s",
                            duration_format(us, since, sizeof(since)), feed_state_name(status.state),
                            *status.text ? " (" : "", status.text, *status.text ? ")" : "");
        log_warning(&f->log, "nobody follows the directory; its changes are not seen until somebody does",
                    LOG_INT("seconds", us / 1000000), LOG_STR("state", feed_state_name(status.state)),
                    LOG_STR("why", status.text));
        alarms_raise(&w->alarms, FEEDER_UNWATCHED_ALARM, name, text, clock_wall(w->clock));
}

bool feeder_has_ended(const Feeder *f)
{
        return f->thread.has_ended;
}

void feeder_tell_stop(Feeder *f)
{
        set_running(f, false);
        lookouts_tell_stop(&f->lookouts);
        feed_thread_tell_stop(&f->thread);
}

void feeder_stop(Feeder *f)
{
        set_running(f, false);
        lookouts_stop(&f->lookouts);
        feed_thread_stop(&f->thread);
}

void feeder_deinit(Feeder *f)
{
        if (!f->prepared)
                return;
        f->arena = arena_free(f->arena);
        f->connector->intake = NULL;
        intake_deinit(&f->intake);
        pthread_mutex_destroy(&f->lock);
        f->prepared = false;
}
