/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/feed-syncrepl.h"

/* What scope and urgency look at. */
static const char *const always[] = { "objectClass", "userAccountControl", "whenChanged" };

#define FILTER_ALL "(objectClass=*)"

/* Of these within keepalive, the last may still be answered in time. */
#define PROBES 3

#define REFRESH_WAIT_US 50000

/* Of changes that follow each other this closely several share a commit; one that comes after a rest does not
 * wait. */
#define STREAM_WAIT_US 2000

static FeedSyncrepl *of_feed(Feed *f)
{
        return (FeedSyncrepl *)f;
}

static FeedSyncrepl *of_link(FeedLink *l)
{
        return (FeedSyncrepl *)((char *)l - offsetof(FeedSyncrepl, link));
}

/* -- connection ------------------------------------------------------------------------------------------ */

static int check_server(const FeedSyncrepl *f, Diag *diag)
{
        const Conn *c = f->link.conn;

        if (conn_supports(c, CONTROL_SYNC))
                return 0;
        diag_set(diag,
                 "%s does not offer content synchronization (RFC 4533, " CONTROL_SYNC
                 "): OpenLDAP needs the overlay "
                 "syncprov, 389 Directory Server the plugin Content Synchronization",
                 c->uri.text);
        return CONN_E_UNSUITABLE;
}

static void check_cookie(FeedSyncrepl *f)
{
        const Conn *c = f->link.conn;
        char was[GUID_TEXT_MAX], is[GUID_TEXT_MAX];

        if (!f->has_cookie || guid_is(&f->database, &c->dse.database))
                return;
        log_warning(f->link.log, "another database than the one the position is of. Catching up",
                    LOG_STR("was", guid_format(&f->database, was)),
                    LOG_STR("is", guid_format(&c->dse.database, is)));
        syncrepl_forget(f);
        f->catch_up = true;
}

static int syncrepl_connected(FeedLink *l, Diag *diag)
{
        FeedSyncrepl *f = of_link(l);
        int r = check_server(f, diag);

        if (r)
                return r;
        check_cookie(f);
        arena_reset(f->asked);
        f->ask = dialect_ask(dialect_of(l->conn->dse.vendor), f->asked, f->context.attributes,
                             f->context.n_attributes, &f->n_ask);
        f->probe_at = mono_add(link_now(l), f->ldap->keepalive_us / PROBES);
        return syncrepl_begin(f, diag);
}

static void syncrepl_lost(FeedLink *l)
{
        syncrepl_reset(of_link(l));
}

/* -- work ------------------------------------------------------------------------------------------------ */

static int probe_message(FeedSyncrepl *f, LDAPMessage *message, Diag *diag)
{
        if (ldap_msgtype(message) != LDAP_RES_SEARCH_RESULT)
                return 0;
        f->probe_id = 0;
        link_paid(&f->link);
        return conn_finish(f->link.conn, message, "read the root DSE", NULL, diag);
}

static int link_message(FeedLink *l, LDAPMessage *message, Diag *diag)
{
        FeedSyncrepl *f = of_link(l);
        int id = ldap_msgid(message);

        if (f->sync_id && id == f->sync_id)
                return syncrepl_message(f, message, diag);
        if (f->again_id && id == f->again_id)
                return syncrepl_again_message(f, message, diag);
        if (f->probe_id && id == f->probe_id)
                return probe_message(f, message, diag);
        return 0; /* an answer to something given up */
}

static int probe(FeedSyncrepl *f, Mono now, Diag *diag)
{
        static const char *const nothing[] = { "1.1" };
        ConnSearch search = { .base = "",
                              .scope = LDAP_SCOPE_BASE,
                              .attributes = nothing,
                              .n_attributes = N_ELEMENTS(nothing) };
        int r;

        if (f->probe_id || f->refreshing || now.us < f->probe_at.us)
                return 0;
        r = conn_send(f->link.conn, &search, &f->probe_id, diag);
        if (r)
                return r;
        f->probe_at = mono_add(now, f->ldap->keepalive_us / PROBES);
        link_owes(&f->link);
        return 0;
}

/* What has arrived may wait a moment for more: a commit costs as much as storing a hundred entries. */
static Mono due(const FeedSyncrepl *f)
{
        if (f->refreshing)
                return mono_add(f->batch.began, REFRESH_WAIT_US);
        return f->batch.handed_at.us ? mono_add(f->batch.handed_at, STREAM_WAIT_US) : (Mono){ 0 };
}

static bool waits_for_more(const FeedSyncrepl *f, Mono now)
{
        return !f->batch.held && now.us < due(f).us;
}

/* Everything that has arrived is in the batch. */
static int syncrepl_tick(FeedLink *l, Mono now, Diag *diag)
{
        FeedSyncrepl *f = of_link(l);
        int r;

        if (!waits_for_more(f, now) && !(f->batch.held && link_is_paused(l))) {
                r = syncrepl_flush(f);
                if (r)
                        return r;
        }
        l->blocked = f->batch.held || link_is_paused(l);
        if (l->blocked)
                return 0;
        if (syncrepl_again_is_due(f) && !f->again_id && now.us >= f->again_at.us)
                return syncrepl_again_begin(f, diag);
        return probe(f, now, diag);
}

static Mono syncrepl_next(const FeedLink *l)
{
        const FeedSyncrepl *f = (const FeedSyncrepl *)((const char *)l - offsetof(FeedSyncrepl, link));

        if (l->blocked)
                return MONO_NEVER; /* feed_pause(false) wakes us */
        /* What came while the sink was busy with the last batch. */
        if (f->batch.n_entries || (f->moved && !f->refreshing && !syncrepl_again_is_due(f)))
                return due(f);
        if (l->n_owed)
                return mono_add(l->listening, l->patience_us);
        return syncrepl_again_is_due(f) && f->again_at.us < f->probe_at.us ? f->again_at : f->probe_at;
}

static const FeedLinkOps link_ops = {
        .connected = syncrepl_connected,
        .message = link_message,
        .tick = syncrepl_tick,
        .next = syncrepl_next,
        .lost = syncrepl_lost,
};

/* -- life ------------------------------------------------------------------------------------------------ */

static Feed *feed_syncrepl_free(Feed *feed)
{
        FeedSyncrepl *f = of_feed(feed);

        link_deinit(&f->link);
        syncrepl_forget(f);
        syncrepl_again_forget(f);
        batch_deinit(&f->batch);
        arena_free(f->asked);
        arena_free(f->scratch);
        arena_free(f->arena);
        free(f);
        return NULL;
}

static int feed_syncrepl_new(Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
                             const Log *log, Diag *diag)
{
        const FeedConfig *c = config;
        FeedSyncrepl *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                error_oom(sizeof(*f));
        f->feed.ops = &feed_syncrepl_ops;
        f->ldap = c->ldap;
        f->arena = arena_new(0);
        f->asked = arena_new(0);
        f->scratch = arena_new(0);
        batch_init(&f->batch);
        f->context = (PositionContext){
                .feed = "syncrepl",
                .base = arena_strdup(f->arena, c->ldap->base),
                .filter = FILTER_ALL,
                .identity = link_identity(f->arena, c),
        };
        f->context.attributes =
                link_attributes(f->arena, c, always, N_ELEMENTS(always), &f->context.n_attributes);
        r = link_init(&f->link, &link_ops, c, base, sink, log);
        if (r) {
                diag_set(diag, "cannot make a feed: %s", strerror(-r));
                feed_syncrepl_free(&f->feed);
                return error_trace(r);
        }
        *ret_feed = &f->feed;
        return 0;
}

static void begin_at(FeedSyncrepl *f, const PositionMark *mark)
{
        f->n_cookie = mark->n_cookie - sizeof(f->database);
        memcpy(&f->database, mark->cookie, sizeof(f->database));
        f->cookie = malloc(f->n_cookie);
        if (!f->cookie)
                error_oom(f->n_cookie);
        memcpy(f->cookie, mark->cookie + sizeof(f->database), f->n_cookie);
        f->has_cookie = true;
        f->catch_up = false;
}

static int feed_syncrepl_start(Feed *feed, const Position *from)
{
        FeedSyncrepl *f = of_feed(feed);
        PositionMark mark;

        f->catch_up = from || f->ldap->initial == FEED_INITIAL_ALL;
        if (from &&
            position_take(from, &f->context, sizeof(f->database) + 1, SIZE_MAX, f->arena, f->link.log, &mark))
                begin_at(f, &mark);
        link_start(&f->link);
        return 0;
}

const FeedOps feed_syncrepl_ops = {
        .name = "syncrepl",
        .fields = NULL, /* the section `source:` has all of it, ldap-config.h */
        .new = feed_syncrepl_new,
        .start = feed_syncrepl_start,
        .pause = link_feed_pause,
        .stop = link_feed_stop,
        .free = feed_syncrepl_free,
};
