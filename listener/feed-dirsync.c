/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/feed-dirsync.h"

/*
 * What a feed must always ask for. The list of attributes is also a filter: a rename or a move shows only as
 * a change of `name` (with parentGUID), a delete only as a change of isDeleted (MS-ADTS 3.1.1.3.4.1.3).
 */
static const char *const always[] = {
        "isDeleted",  "lastKnownParent",    "name", "objectClass", "objectGUID",
        "parentGUID", "userAccountControl",
};

static FeedDirsync *of_feed(Feed *f)
{
        return (FeedDirsync *)f;
}

static FeedDirsync *of_link(FeedLink *l)
{
        return (FeedDirsync *)((char *)l - offsetof(FeedDirsync, link));
}

/* -- connection ------------------------------------------------------------------------------------------ */

static int check_server(FeedDirsync *f, Diag *diag)
{
        const Conn *c = f->link.conn;

        if (c->dse.vendor == VENDOR_OTHER) {
                diag_set(diag,
                         "%s is no Active Directory (no capability 1.2.840.113556.1.4.800): no DirSync here",
                         c->uri.text);
                return CONN_E_UNSUITABLE;
        }
        if (!conn_supports(c, CONTROL_DIRSYNC)) {
                diag_set(diag, "%s does not offer DirSync (" CONTROL_DIRSYNC ")", c->uri.text);
                return CONN_E_UNSUITABLE;
        }
        return 0;
}

static void check_mark(FeedDirsync *f)
{
        const Conn *c = f->link.conn;
        char was[GUID_TEXT_MAX], is[GUID_TEXT_MAX];

        if (!f->has_mark)
                return;
        if (!guid_is(&f->mark.server, &c->server_id)) {
                log_warning(f->link.log,
                            "another server than the one the position is from; objects may repeat",
                            LOG_STR("was", guid_format(&f->mark.server, was)),
                            LOG_STR("is", guid_format(&c->server_id, is)));
                f->catch_up = true;
        } else if (c->dse.usn < f->mark.usn) {
                /* A snapshot was put back without AD's own restore: what was seen since may come again with
                 * the same numbers and other contents. */
                log_warning(f->link.log, "the server's USN has fallen: it was restored. Catching up",
                            LOG_INT("was", f->mark.usn), LOG_INT("is", c->dse.usn));
                dirsync_forget(f);
                f->catch_up = true;
        }
}

static int dirsync_connected(FeedLink *l, Diag *diag)
{
        FeedDirsync *f = of_link(l);
        int r;

        r = check_server(f, diag);
        if (r)
                return r;
        check_mark(f);
        /* Register the bell, then take the position, then look: in this order nothing falls in between. */
        return feed_bell_start(&f->bell, l, f->ldap->base,
                               "it offers no change notification (" CONTROL_NOTIFICATION ")", diag);
}

static void dirsync_lost(FeedLink *l)
{
        FeedDirsync *f = of_link(l);

        dirsync_look_reset(f);
        f->bell = (Doorbell){ 0 };
}

/* -- work ------------------------------------------------------------------------------------------------ */

static int dirsync_message(FeedLink *l, LDAPMessage *message, Diag *diag)
{
        FeedDirsync *f = of_link(l);
        bool ours;
        int r = feed_bell_message(&f->bell, l, message, &ours, diag);

        if (r || ours)
                return r;
        if (f->look_id && ldap_msgid(message) == f->look_id)
                return dirsync_look_message(f, message, diag);
        return 0; /* an answer to something given up */
}

static bool may_look(const FeedDirsync *f)
{
        return f->look == LOOK_NONE && !f->batch.held && !link_is_paused(&f->link);
}

static int dirsync_tick(FeedLink *l, Mono now, Diag *diag)
{
        FeedDirsync *f = of_link(l);
        int r;

        if (f->batch.held) {
                if (link_is_paused(l))
                        return 0;
                r = dirsync_batch_repeat(f, diag);
                if (r || f->batch.held)
                        return r;
        }
        /* While a look streams in, a paused sink is not given more than what is in hand. */
        l->blocked = f->look != LOOK_NONE && link_is_paused(l);
        if (l->blocked)
                return 0;
        if (f->more && f->look != LOOK_NONE)
                return dirsync_look_page(f, diag);
        if (f->look != LOOK_NONE)
                return 0; /* the answers of the look are proof of life enough */
        r = feed_bell_tick(&f->bell, l, now, diag);
        if (r || !may_look(f))
                return r;
        if (!f->has_mark)
                return dirsync_look_begin(f, f->catch_up ? LOOK_CATCH_UP : LOOK_NOW, diag);
        if (doorbell_wants_look(&f->bell, now))
                return dirsync_look_begin(f, f->catch_up ? LOOK_CATCH_UP : LOOK_NEWS, diag);
        return 0;
}

static Mono dirsync_next(const FeedLink *l)
{
        const FeedDirsync *f = (const FeedDirsync *)((const char *)l - offsetof(FeedDirsync, link));

        if (f->batch.held || l->blocked)
                return MONO_NEVER; /* feed_pause(false) wakes us */
        if (f->look != LOOK_NONE)
                return f->more ? (Mono){ 0 } : mono_add(l->listening, l->patience_us);
        if (f->bell.beat_id)
                return mono_add(l->listening, l->patience_us);
        return doorbell_next(&f->bell, may_look(f));
}

static const FeedLinkOps link_ops = {
        .connected = dirsync_connected,
        .message = dirsync_message,
        .tick = dirsync_tick,
        .next = dirsync_next,
        .lost = dirsync_lost,
};

/* -- life ------------------------------------------------------------------------------------------------ */

static Feed *dirsync_free(Feed *feed)
{
        FeedDirsync *f = of_feed(feed);

        link_deinit(&f->link);
        dirsync_forget(f);
        batch_deinit(&f->batch);
        arena_free(f->arena);
        free(f);
        return NULL;
}

static int dirsync_new(Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
                       const Log *log, Diag *diag)
{
        const FeedConfig *c = config;
        FeedDirsync *f = calloc(1, sizeof(*f));
        bool security = c->ldap->object_security == OBJECT_SECURITY_ON;
        int r;

        if (!f)
                error_oom(sizeof(*f));
        f->feed.ops = &feed_dirsync_ops;
        f->ldap = c->ldap;
        f->arena = arena_new(0);
        batch_init(&f->batch);
        f->flags = DIRSYNC_INCREMENTAL_VALUES | (security ? DIRSYNC_OBJECT_SECURITY : 0);
        f->context = (PositionContext){
                .feed = "dirsync",
                .base = arena_strdup(f->arena, c->ldap->base),
                .filter = SLICE_ALL,
                .flags = f->flags,
                .flags_free = c->ldap->object_security == OBJECT_SECURITY_AUTO ? DIRSYNC_OBJECT_SECURITY : 0,
                .identity = link_identity(f->arena, c),
        };
        f->context.attributes =
                link_attributes(f->arena, c, always, N_ELEMENTS(always), &f->context.n_attributes);
        r = link_init(&f->link, &link_ops, c, base, sink, log);
        if (r) {
                diag_set(diag, "cannot make a feed: %s", strerror(-r));
                dirsync_free(&f->feed);
                return error_trace(r);
        }
        *ret_feed = &f->feed;
        return 0;
}

static void begin_at(FeedDirsync *f, const PositionMark *mark)
{
        f->cookie = malloc(mark->n_cookie);
        if (!f->cookie)
                error_oom(mark->n_cookie);
        memcpy(f->cookie, mark->cookie, mark->n_cookie);
        f->mark = *mark;
        f->mark.cookie = f->cookie;
        f->has_mark = true;
        f->flags = mark->flags;
        f->catch_up = mark->catch_up;
}

static int dirsync_start(Feed *feed, const Position *from)
{
        FeedDirsync *f = of_feed(feed);
        PositionMark mark;

        f->catch_up = from || f->ldap->initial == FEED_INITIAL_ALL;
        if (from && position_take(from, &f->context, 0, SIZE_MAX, f->arena, f->link.log, &mark))
                begin_at(f, &mark);
        link_start(&f->link);
        return 0;
}

const FeedOps feed_dirsync_ops = {
        .name = "dirsync",
        .fields = NULL, /* the section `source:` has all of it, ldap-config.h */
        .new = dirsync_new,
        .start = dirsync_start,
        .pause = link_feed_pause,
        .stop = link_feed_stop,
        .free = dirsync_free,
};
