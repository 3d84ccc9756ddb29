/* SPDX-License-Identifier: Apache-2.0 */

/* Which controllers have a lookout: found, started, watched, dropped. What a lookout sees is in lookout.c. */

#include "app/flow/lookout.h"

#include "base/error.h"
#include "base/str.h"
#include "base/thread.h"
#include "base/wait.h"
#include "listener/controllers.h"
#include "listener/feed-lookout.h"
#include "listener/srv.h"

#include <stdlib.h>
#include <string.h>

/* How often it is looked whether the feed has moved. */
#define TURN_US 1000000

/* One that was taken off the list is dropped when it has been out of reach for so long. */
#define GONE_US 20000000

/* One whose feed has ended, as the main one (app/service/roles.c). */
#define AGAIN_US 30000000

/* A name of the configuration that leads to the feed's own server may lead elsewhere later. */
#define ASIDE_US 600000000

struct Lookout {
        FeedSink sink;
        Lookouts *all;
        LdapConfig ldap; /* the connector's, with one URI */
        const char *uris[1];
        char uri[512];
        Log log;
        LogField field;
        FeedThread feed; /* none while it waits to begin again */
        Mono again;      /* ... at this time; 0: it runs */
        bool aside;      /* it waits because the feed is where its name leads */
        bool listed;     /* by the directory; else by the configuration */
        bool on_list;    /* now */

        pthread_mutex_t lock; /* protects what follows */
        ObjectId server;      /* who answers; zero: nobody yet */
        char host[256];
        FeedState state;
        Mono since; /* of the state */
};

/* -- one ------------------------------------------------------------------------------------------------- */

static int take_batch(FeedSink *sink, const FeedBatch *batch)
{
        Lookout *o = (Lookout *)sink;
        Lookouts *l = o->all;
        PinnedServer pinned;
        char host[512];
        uint64_t n = 0;
        bool is_feeds;
        int r;

        pthread_mutex_lock(&o->lock);
        snprintf(host, sizeof(host), "%s", *o->host ? o->host : o->uri);
        is_feeds = server_pin_get(l->connector->pin, &pinned) && guid_is(&pinned.id, &o->server);
        pthread_mutex_unlock(&o->lock);
        /* The feed has moved here: it sees this by itself, and its reads are as new. */
        if (is_feeds)
                return 0;
        pthread_mutex_lock(&l->taking);
        r = lookout_take(l->wiring, l->connector, host, batch, &n);
        pthread_mutex_unlock(&l->taking);
        if (r == 0 && n) {
                l->n_urgent += n;
                log_info(&o->log, "urgent, where the feed is not", LOG_STR("server", host),
                         LOG_INT("objects", n));
        }
        return r;
}

static bool is_away(FeedState s)
{
        return s == FEED_BROKEN || s == FEED_CONNECTING;
}

static void note_state(FeedSink *sink, const FeedStatus *status)
{
        Lookout *o = (Lookout *)sink;
        bool news;

        pthread_mutex_lock(&o->lock);
        news = status->state != o->state;
        if (is_away(status->state) != is_away(o->state))
                o->since = clock_mono(o->all->wiring->clock);
        o->state = status->state;
        o->server = status->server_id;
        snprintf(o->host, sizeof(o->host), "%s", status->server ? status->server : "");
        pthread_mutex_unlock(&o->lock);
        if (news && status->state == FEED_WATCHING)
                log_info(&o->log, "looking out for urgent changes", LOG_STR("server", status->server));
}

static void lookout_free(Lookout *o)
{
        feed_thread_stop(&o->feed);
        pthread_mutex_destroy(&o->lock);
        free(o);
}

static void wait_to_begin(Lookout *o, int64_t us)
{
        feed_thread_stop(&o->feed);
        pthread_mutex_lock(&o->lock);
        o->state = FEED_STOPPED;
        o->server = (ObjectId){ 0 };
        pthread_mutex_unlock(&o->lock);
        o->again = mono_add(clock_mono(o->all->wiring->clock), us);
}

static void begin(Lookout *o)
{
        _cleanup_(diag_deinit) Diag why = DIAG_INIT;
        const Lookouts *l = o->all;
        const FeedConfig config = {
                .ldap = &o->ldap,
                .clock = l->wiring->clock,
                .door = l->connector->door,
                .gives_way = true,
                .attributes = l->attributes,
                .n_attributes = l->n_attributes,
        };

        o->again = (Mono){ 0 };
        o->aside = false;
        if (feed_thread_start(&o->feed, l->ops ? l->ops : &feed_lookout_ops, &config, &o->sink, &o->log, NULL,
                              &why) == 0)
                return;
        log_error(&o->log, "a lookout cannot be started", LOG_STR("why", diag_text(&why)));
        wait_to_begin(o, AGAIN_US);
}

static void lookout_start(Lookouts *l, const char *uri, bool listed)
{
        Lookout *o;

        if (l->n == LOOKOUTS_MAX)
                return;
        o = calloc(1, sizeof(*o));
        if (!o)
                error_oom(sizeof(*o));
        o->sink = (FeedSink){ .batch = take_batch, .state = note_state };
        o->all = l;
        snprintf(o->uri, sizeof(o->uri), "%s", uri);
        o->uris[0] = o->uri;
        o->ldap = *l->connector->ldap;
        o->ldap.uris = (ConfigList){ .items = o->uris, .n_items = 1 };
        o->ldap.initial = FEED_INITIAL_NOW;
        o->field = LOG_STR("lookout", o->uri);
        o->log = (Log){ .parent = &l->log, .fields = &o->field, .n_fields = 1 };
        o->listed = listed;
        o->on_list = true;
        o->since = clock_mono(l->wiring->clock);
        pthread_mutex_init(&o->lock, NULL);
        begin(o);
        l->items[l->n++] = o;
}

static void drop(Lookouts *l, size_t i)
{
        lookout_free(l->items[i]);
        l->items[i] = l->items[--l->n];
}

/* -- all ------------------------------------------------------------------------------------------------- */

static bool has_uri(const Lookouts *l, const char *uri)
{
        for (size_t i = 0; i < l->n; i++)
                if (str_is_nocase(l->items[i]->uri, uri))
                        return true;
        return false;
}

/* Is there one at this server, other than `except`? */
static bool has_server(Lookouts *l, const ObjectId *id, const Lookout *except)
{
        bool found = false;

        for (size_t i = 0; i < l->n && !found; i++) {
                Lookout *o = l->items[i];

                pthread_mutex_lock(&o->lock);
                found = o != except && guid_is(&o->server, id);
                pthread_mutex_unlock(&o->lock);
        }
        return found;
}

/* Those the configuration names; not the one the feed is on. */
static void start_configured(Lookouts *l, const PinnedServer *pinned)
{
        const ConfigList *uris = &l->connector->ldap->uris;

        for (size_t i = 0; i < uris->n_items; i++) {
                const char *uri = ((const char *const *)uris->items)[i];

                if (!srv_domain(uri) && !str_is_nocase(uri, pinned->uri) && !has_uri(l, uri))
                        lookout_start(l, uri, false);
        }
}

/* The directory's own list. Return: 0, SERVER_DOOR_E_BUSY (asked again at once), or it could not be read. */
static int start_listed(Lookouts *l, const PinnedServer *pinned)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag why = DIAG_INIT;
        const Controller *list;
        size_t n;
        int r;

        r = controllers_list(l->connector->ldap, l->connector->pin, l->connector->door,
                             clock_mono(l->wiring->clock), a, &list, &n, &why);
        if (r && r != SERVER_DOOR_E_BUSY)
                log_warning(&l->log, "the domain controllers cannot be listed",
                            LOG_STR("why", diag_text(&why)));
        if (r)
                return r;
        for (size_t i = 0; i < l->n; i++)
                l->items[i]->on_list = !l->items[i]->listed;
        for (size_t i = 0; i < n; i++) {
                const char *uri;

                if (!srv_domain_is_valid(list[i].host))
                        continue;
                uri = conn_uri_of_host(l->connector->ldap, a, list[i].host, 389);
                for (size_t k = 0; k < l->n; k++)
                        l->items[k]->on_list |= str_is_nocase(l->items[k]->uri, uri);
                if (!guid_is(&list[i].id, &pinned->id) && !has_server(l, &list[i].id, NULL) &&
                    !has_uri(l, uri))
                        lookout_start(l, uri, true);
        }
        return 0;
}

/* Of the configuration, by another name than the feed's: forgotten, it would be found again at once. */
static void set_aside(Lookout *o)
{
        log_info(&o->log, "the feed is on this server; no lookout here");
        wait_to_begin(o, ASIDE_US);
        o->aside = true;
}

/* One that the feed has come to, that is there twice, or that was taken out of service. */
static void drop_needless(Lookouts *l, const PinnedServer *pinned)
{
        for (size_t i = l->n; i > 0; i--) {
                Lookout *o = l->items[i - 1];
                bool away, twice;
                ObjectId server;

                pthread_mutex_lock(&o->lock);
                server = o->server;
                away = is_away(o->state) && clock_mono(l->wiring->clock).us - o->since.us >= GONE_US;
                pthread_mutex_unlock(&o->lock);
                twice = !guid_is_zero(&server) &&
                        (guid_is(&server, &pinned->id) || (o->listed && has_server(l, &server, o)));
                if (!o->on_list && away)
                        log_warning(&o->log,
                                    "a domain controller is gone from the directory's list, and out of "
                                    "reach; it is dropped");
                else if (!twice && !str_is_nocase(o->uri, pinned->uri))
                        continue;
                if (twice && !o->listed && !str_is_nocase(o->uri, pinned->uri))
                        set_aside(o);
                else
                        drop(l, i - 1);
        }
}

/* Those that have ended, or could not be started; and, when the feed has moved, those that stood aside. */
static void begin_again(Lookouts *l, const PinnedServer *pinned, Mono now)
{
        bool moved = !guid_is(&pinned->id, &l->feed_on);

        l->feed_on = pinned->id;
        for (size_t i = 0; i < l->n; i++) {
                Lookout *o = l->items[i];

                if (o->again.us && (now.us >= o->again.us || (o->aside && moved))) {
                        begin(o);
                } else if (!o->again.us && o->feed.has_ended) {
                        log_error(&o->log, "the lookout has ended; in half a minute it begins again");
                        wait_to_begin(o, AGAIN_US);
                }
        }
}

static bool misses_listed(Lookouts *l)
{
        bool missed = false;

        for (size_t i = 0; i < l->n && !missed; i++) {
                Lookout *o = l->items[i];

                pthread_mutex_lock(&o->lock);
                missed = o->listed && o->on_list && is_away(o->state);
                pthread_mutex_unlock(&o->lock);
        }
        return missed;
}

static void count_watched(Lookouts *l)
{
        uint64_t n = 0;

        for (size_t i = 0; i < l->n; i++) {
                Lookout *o = l->items[i];

                pthread_mutex_lock(&o->lock);
                n += o->state == FEED_WATCHING;
                pthread_mutex_unlock(&o->lock);
                /* A batch that the queue had no room for is tried again. */
                if (!o->again.us)
                        feed_pause(o->feed.feed, false);
        }
        l->n_watched = n;
}

static bool wait_turn(Lookouts *l)
{
        Mono until = wait_in(TURN_US);
        bool stop;

        pthread_mutex_lock(&l->lock);
        while (!l->stop && wait_until(&l->wake, &l->lock, until))
                continue;
        stop = l->stop;
        pthread_mutex_unlock(&l->lock);
        return !stop;
}

void lookouts_look(Lookouts *l)
{
        Mono now = clock_mono(l->wiring->clock);
        PinnedServer pinned;
        bool misses;

        /* Before the feed has found its server, nobody knows which ones are the others. */
        if (!server_pin_get(l->connector->pin, &pinned))
                return;
        drop_needless(l, &pinned);
        begin_again(l, &pinned, now);
        start_configured(l, &pinned);
        misses = misses_listed(l);
        if (list_pace_is_due(&l->pace, now, misses)) {
                int r = start_listed(l, &pinned);

                if (r != SERVER_DOOR_E_BUSY)
                        list_pace_note(&l->pace, now, r == 0, misses);
        }
        count_watched(l);
}

static void *lookouts_thread(void *context)
{
        Lookouts *l = context;

        while (wait_turn(l))
                lookouts_look(l);
        for (size_t i = 0; i < l->n; i++)
                feed_thread_tell_stop(&l->items[i]->feed);
        return NULL;
}

/* -- life ------------------------------------------------------------------------------------------------ */

/* What the rules with `attribute` look at. */
static void find_attributes(Lookouts *l, const Config *c)
{
        const char **names = arena_new_array(l->arena, const char *, AHEAD_VALUES_MAX);
        size_t n = 0;

        for (size_t i = 0; i < c->n_urgent_rules; i++) {
                const UrgentRule *rule = &c->urgent_rules[i];
                const char *const *more = NULL;
                size_t n_more = 0;

                if (!rule->attribute || rules_is_link(rule->attribute))
                        continue;
                if (rule->when)
                        expr_names(rule->when, l->arena, &more, &n_more);
                for (size_t k = 0; k <= n_more && n < AHEAD_VALUES_MAX; k++) {
                        const char *name = k < n_more ? more[k] : rule->attribute;
                        bool known = rules_is_link(name);

                        for (size_t j = 0; j < n; j++)
                                known |= str_is_nocase(names[j], name);
                        if (!known)
                                names[n++] = name;
                }
        }
        l->attributes = names;
        l->n_attributes = n;
}

int lookouts_start(Lookouts *l, Wiring *w, const Connector *c)
{
        int r;

        /* Not the whole of it: the console may be looking at the counters already. */
        l->wiring = w;
        l->connector = c;
        l->stop = false;
        l->n = 0;
        l->pace = (ListPace){ 0 }; /* the first list waits for nobody */
        if (c->ldap->urgent_on != URGENT_ON_ALL_DCS)
                return 0;
        l->arena = arena_new(0);
        find_attributes(l, w->first);
        if (!l->n_attributes)
                return 0;
        l->field = LOG_STR("feed", c->name);
        l->log = (Log){ .parent = &w->log, .fields = &l->field, .n_fields = 1 };
        pthread_mutex_init(&l->lock, NULL);
        pthread_mutex_init(&l->taking, NULL);
        wait_init(&l->wake);
        r = thread_start(&l->thread, lookouts_thread, l, "lookouts");
        if (r)
                return r;
        l->started = true;
        return 0;
}

void lookouts_tell_stop(Lookouts *l)
{
        if (!l->started)
                return;
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        pthread_cond_signal(&l->wake);
        pthread_mutex_unlock(&l->lock);
}

void lookouts_stop(Lookouts *l)
{
        if (l->started) {
                lookouts_tell_stop(l);
                pthread_join(l->thread, NULL);
                pthread_cond_destroy(&l->wake);
                pthread_mutex_destroy(&l->lock);
                pthread_mutex_destroy(&l->taking);
                l->started = false;
        }
        while (l->n)
                drop(l, l->n - 1);
        l->arena = arena_free(l->arena);
        l->n_watched = 0;
}
