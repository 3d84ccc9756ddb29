/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The service's feed, intake and durable queue without the rest of it, and when each entry was durable
 *
 *      feed-probe CONFIG        until its standard input ends
 *
 * The first source of the configuration, from the position that is in the state folder, to which it writes as
 * the service does. Nobody works on what is queued. Prints "asks NAMES" (syncrepl: the attributes that it
 * asks this server for), "watching", and for each entry that has been stored the time at which it was
 * (CLOCK_MONOTONIC, ns) and its title.
 */

#include "app/flow/feed-thread.h"
#include "app/flow/intake.h"
#include "listener/feed-syncrepl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct Probe {
        FeedSink sink;
        IntakeSink intake;
        FeedThread thread;
} Probe;

static _Noreturn void give_up(const char *what, const char *why)
{
        fprintf(stderr, "feed-probe: %s: %s\n", what, why);
        exit(1);
}

static int64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int take_batch(FeedSink *sink, const FeedBatch *batch)
{
        Probe *p = (Probe *)sink;
        FeedBatch one = *batch;
        int64_t now;
        int r;

        one.more = false; /* durable when it returns */
        r = p->intake.sink.batch(&p->intake.sink, &one);
        now = now_ns();

        for (size_t i = 0; r == 0 && i < batch->n_entries; i++) {
                const Object *o = batch->entries[i].brought;
                const char *title = o ? object_text(o, "title") : NULL;

                printf("%" PRId64 " %s\n", now, title ? title : "");
        }
        fflush(stdout);
        return r;
}

static void note_state(FeedSink *sink, const FeedStatus *status)
{
        Probe *p = (Probe *)sink;

        p->intake.sink.state(&p->intake.sink, status);
}

/* On the feed's thread. */
static void say_settled(void *context)
{
        Probe *p = context;

        if (p->thread.feed->ops == &feed_syncrepl_ops) {
                const FeedSyncrepl *f = (const FeedSyncrepl *)p->thread.feed;

                fputs("asks", stdout);
                for (size_t i = 0; i < f->n_ask; i++)
                        printf(" %s", f->ask[i]);
                putchar('\n');
        }
        puts("watching");
        fflush(stdout);
}

int main(int argc, char **argv)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Position position = { 0 };
        Snapshot snapshot = { 0 };
        FeedConfig feed = { .clock = &clock_system };
        const char **names;
        Log log = { 0 };
        Probe p = { 0 };
        Config *c;
        Queue *q;
        char end;
        int r;

        if (argc != 2)
                give_up("usage", "feed-probe CONFIG");
        if (config_load(&c, argv[1], &diag))
                give_up(argv[1], diag_text(&diag));
        log_setup(LOG_LEVEL_WARNING, LOG_FORMAT_TEXT, STDERR_FILENO);
        snapshot_init(&snapshot, c);
        if (queue_lmdb_new(&q, &(QueueLmdbOptions){ .path = c->state.path, .now = clock_wall(&clock_system) },
                           &diag))
                give_up(c->state.path, diag_text(&diag));
        intake_init(&p.intake, q, &snapshot, &clock_system, &log, "probe", 0, &c->sources[0]);
        p.intake.settled = say_settled;
        p.intake.context = &p;
        p.sink = (FeedSink){ .batch = take_batch, .state = note_state };
        feed.ldap = &c->sources[0].ldap;
        names = arena_new_array(a, const char *, c->run.n_attributes + c->run.n_links);
        memcpy(names, c->run.attributes, c->run.n_attributes * sizeof(*names));
        memcpy(names + c->run.n_attributes, c->run.links, c->run.n_links * sizeof(*names));
        feed.attributes = names;
        feed.n_attributes = c->run.n_attributes + c->run.n_links;
        r = queue_position(q, "probe", a, (const void **)&position.data, &position.n);
        if (feed_thread_start(&p.thread, feed_find(ldap_config_feeds[feed.ldap->feed]), &feed, &p.sink, &log,
                              r == 0 ? &position : NULL, &diag))
                give_up("feed", diag_text(&diag));
        while (read(STDIN_FILENO, &end, 1) > 0)
                continue;
        feed_thread_stop(&p.thread);
        intake_deinit(&p.intake);
        queue_free(q);
        snapshot_deinit(&snapshot);
        return 0;
}
