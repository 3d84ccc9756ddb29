/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/feed-replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/recording.h"

#define COOKIE_SIZE 8

static FeedReplay *of_feed(Feed *f)
{
        return (FeedReplay *)f;
}

static void tell(FeedReplay *f, FeedState state, const char *text)
{
        FeedStatus status = {
                .state = state,
                .server = f->ldap->replay,
                .text = text,
                .n_entries = f->n_entries,
                .n_looks = f->n_batches,
        };

        f->state = state;
        if (f->sink->state)
                f->sink->state(f->sink, &status);
}

static void end(FeedReplay *f, FeedState state, const char *why)
{
        tell(f, state, why);
        if (state == FEED_STOPPED)
                event_base_loopbreak(f->base);
}

static Position position_at(FeedReplay *f, long at)
{
        static const ObjectId none;
        uint8_t cookie[COOKIE_SIZE];

        for (size_t i = 0; i < sizeof(cookie); i++)
                cookie[i] = (uint8_t)((uint64_t)at >> (8 * i));
        return position_make(f->batch, &f->context,
                             &(PositionMark){ .server = none, .cookie = cookie, .n_cookie = sizeof(cookie) });
}

/* Return: 0, RECORDING_E_END, RECORDING_E_CORRUPT, FEED_E_FULL, FEED_E_STOP, -errno. */
static int one_batch(FeedReplay *f, Diag *diag)
{
        RecordingBatch b = { 0 };
        Position position;
        int r;

        arena_reset(f->batch);
        r = recording_next(f->file, f->ldap->replay, f->batch, &b, diag);
        if (r)
                return r;
        if (str_is(b.name, f->ldap->name)) {
                position = position_at(f, ftell(f->file));
                b.batch.position = &position;
                r = f->sink->batch(f->sink, &b.batch);
                if (r)
                        return r;
                f->n_entries += b.batch.n_entries;
                f->n_batches++;
        }
        f->at = ftell(f->file);
        return 0;
}

/* One batch a turn: a stop is not made to wait for the whole file. */
static void on_turn(evutil_socket_t fd, short what, void *context)
{
        static const struct timeval now = { 0 };
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        FeedReplay *f = context;
        int r;

        if (atomic_load(&f->stop)) {
                end(f, FEED_STOPPED, "stopped");
                return;
        }
        if (atomic_load(&f->paused) || f->state == FEED_WATCHING || f->state == FEED_BROKEN)
                return;
        r = one_batch(f, &diag);
        switch (r) {
        case 0:
                event_add(f->turn, &now);
                break;
        case RECORDING_E_END:
                tell(f, FEED_WATCHING, "at the end of the recording");
                log_info(f->log, "replayed", LOG_STR("file", f->ldap->replay),
                         LOG_INT("entries", f->n_entries));
                break;
        case FEED_E_FULL: /* once more, when feed_pause(false) says that there is room */
                fseek(f->file, f->at, SEEK_SET);
                break;
        case FEED_E_STOP:
                end(f, FEED_STOPPED, "stopped");
                break;
        default:
                end(f, r == RECORDING_E_CORRUPT ? FEED_BROKEN : FEED_STOPPED,
                    r == RECORDING_E_CORRUPT ? diag_text(&diag) : strerror(-r));
        }
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
        uint64_t n;

        while (read(fd, &n, sizeof(n)) < 0 && errno == EINTR)
                continue;
        on_turn(fd, what, context);
}

/* -- life ------------------------------------------------------------------------------------------------ */

static Feed *replay_free(Feed *feed)
{
        FeedReplay *f = of_feed(feed);

        if (f->turn)
                event_free(f->turn);
        if (f->wake)
                event_free(f->wake);
        if (f->wake_fd >= 0)
                close(f->wake_fd);
        if (f->file)
                fclose(f->file);
        arena_free(f->batch);
        arena_free(f->arena);
        free(f);
        return NULL;
}

static int replay_new(Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
                      const Log *log, Diag *diag)
{
        const FeedConfig *c = config;
        FeedReplay *f = calloc(1, sizeof(*f));
        int r = 0;

        if (!f)
                error_oom(sizeof(*f));
        f->feed.ops = &feed_replay_ops;
        f->ldap = c->ldap;
        f->clock = c->clock;
        f->sink = sink;
        f->log = log;
        f->base = base;
        f->arena = arena_new(0);
        f->batch = arena_new(0);
        f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        f->turn = event_new(base, -1, 0, on_turn, f);
        f->wake = event_new(base, f->wake_fd, EV_READ | EV_PERSIST, on_wake, f);
        f->context = (PositionContext){
                .feed = "replay",
                .base = arena_strdup(f->arena, c->ldap->base),
                .filter = arena_strdup(f->arena, c->ldap->replay),
                .identity = "",
        };
        if (f->wake_fd < 0 || !f->turn || !f->wake)
                error_oom(0);
        f->file = fopen(c->ldap->replay, "re");
        if (!f->file) {
                r = -errno;
                diag_set(diag, "%s: %s", c->ldap->replay, strerror(-r));
        } else if (recording_begin(f->file, c->ldap->replay, diag)) {
                r = -EINVAL;
        }
        if (r) {
                replay_free(&f->feed);
                return error_trace(r);
        }
        f->at = ftell(f->file);
        *ret_feed = &f->feed;
        return 0;
}

static void go_on_from(FeedReplay *f, const Position *from)
{
        _cleanup_(diag_deinit) Diag why = DIAG_INIT;
        PositionMark mark;
        uint64_t at = 0;
        int r = position_read(from, &f->context, f->arena, &mark, &why);

        if (r || mark.n_cookie != COOKIE_SIZE) {
                log_warning(f->log,
                            "the stored position is of something else; from the beginning of the recording",
                            LOG_STR("reason", diag_text(&why)));
                return;
        }
        for (size_t i = 0; i < COOKIE_SIZE; i++)
                at |= (uint64_t)mark.cookie[i] << (8 * i);
        f->at = (long)at;
        fseek(f->file, f->at, SEEK_SET);
}

static int replay_start(Feed *feed, const Position *from)
{
        static const struct timeval now = { 0 };
        FeedReplay *f = of_feed(feed);

        if (from)
                go_on_from(f, from);
        tell(f, FEED_CATCHING_UP, "replaying");
        event_add(f->wake, NULL);
        event_add(f->turn, &now);
        return 0;
}

static void wake_up(FeedReplay *f)
{
        uint64_t one = 1;

        (void)!write(f->wake_fd, &one, sizeof(one));
}

static void replay_pause(Feed *feed, bool paused)
{
        atomic_store(&of_feed(feed)->paused, paused);
        wake_up(of_feed(feed));
}

static void replay_stop(Feed *feed)
{
        atomic_store(&of_feed(feed)->stop, true);
        wake_up(of_feed(feed));
}

const FeedOps feed_replay_ops = {
        .name = "replay",
        .fields = NULL, /* source.replay, ldap-config.h */
        .new = replay_new,
        .start = replay_start,
        .pause = replay_pause,
        .stop = replay_stop,
        .free = replay_free,
};
