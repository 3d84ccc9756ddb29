/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/feed-usn.h"

/* What scope and urgency look at, and what says which change it is. */
static const char *const always[] = {
        "isDeleted",  "lastKnownParent", "name",        "objectClass",        "objectGUID",
        "parentGUID", "uSNChanged",      "whenChanged", "userAccountControl",
};

static FeedUsn *of_feed(Feed *f)
{
        return (FeedUsn *)f;
}

static FeedUsn *of_link(FeedLink *l)
{
        return (FeedUsn *)((char *)l - offsetof(FeedUsn, link));
}

/* -- connection ------------------------------------------------------------------------------------------ */

static int check_ad(FeedUsn *f, Diag *diag)
{
        const Conn *c = f->link.conn;

        if (!dialect_of(c->dse.vendor)->is_ad) {
                diag_set(diag,
                         "%s is no Active Directory (no capability 1.2.840.113556.1.4.800): no uSNChanged "
                         "here",
                         c->uri.text);
                return CONN_E_UNSUITABLE;
        }
        return 0;
}

static int check_server(FeedUsn *f, Diag *diag)
{
        const Conn *c = f->link.conn;
        int r = f->kind->check(f, diag);

        if (r)
                return r;
        if (!conn_supports(c, CONTROL_PAGED)) {
                diag_set(diag, "%s does not offer paged results (" CONTROL_PAGED ")", c->uri.text);
                return CONN_E_UNSUITABLE;
        }
        return 0;
}

/* USNs mean something at the server that gave them out, as long as it goes on counting from there. */
static void check_mark(FeedUsn *f)
{
        const Conn *c = f->link.conn;
        char was[GUID_TEXT_MAX], is[GUID_TEXT_MAX];

        if (!f->has_mark)
                return;
        if (!guid_is(&f->mark.server, &c->server_id))
                log_warning(f->link.log,
                            f->kind->is_lookout
                                    ? "another server than before; listening from now on"
                                    : "another server than the one the position is from. Catching up",
                            LOG_STR("was", guid_format(&f->mark.server, was)),
                            LOG_STR("is", guid_format(&c->server_id, is)));
        else if (c->dse.usn < f->mark.usn)
                log_warning(f->link.log,
                            f->kind->is_lookout
                                    ? "the server's USN has fallen: it was restored; listening from now on"
                                    : "the server's USN has fallen: it was restored. Catching up",
                            LOG_INT("was", f->mark.usn), LOG_INT("is", c->dse.usn));
        else
                return;
        f->has_mark = false;
        f->catch_up = !f->kind->is_lookout;
}

static int usn_connected(FeedLink *l, Diag *diag)
{
        FeedUsn *f = of_link(l);
        int r;

        r = check_server(f, diag);
        if (r)
                return r;
        check_mark(f);
        arena_reset(f->asked);
        f->ask = dialect_ask(dialect_of(l->conn->dse.vendor), f->asked, f->context.attributes,
                             f->context.n_attributes, &f->n_ask);
        if (f->kind->is_lookout) {
                r = repl_names_read(l->conn, f->context.attributes, f->context.n_attributes, f->asked,
                                    &f->repl, diag);
                if (r)
                        return r;
        }
        f->sweep_at = (Mono){ 0 };
        /* Register the bell, then take the position, then look: in this order nothing falls in between. */
        return feed_bell_start(&f->bell, l, f->ldap->base, f->kind->no_bell, diag);
}

static void usn_lost(FeedLink *l)
{
        FeedUsn *f = of_link(l);

        usn_look_reset(f);
        f->bell = (Doorbell){ 0 };
}

/* -- work ------------------------------------------------------------------------------------------------ */

static int usn_message(FeedLink *l, LDAPMessage *message, Diag *diag)
{
        FeedUsn *f = of_link(l);
        bool ours;
        int r = feed_bell_message(&f->bell, l, message, &ours, diag);

        if (r || ours) {
                if (f->bell.late) /* it was counted, but could not be read yet */
                        f->sweep_at = (Mono){ 0 };
                f->bell.late = false;
                return r;
        }
        if (f->look_id && ldap_msgid(message) == f->look_id)
                return usn_look_message(f, message, diag);
        return 0; /* an answer to something given up */
}

static bool may_look(const FeedUsn *f)
{
        return f->look == USN_LOOK_NONE && !f->batch.held && !link_is_paused(&f->link);
}

/* Begin a look if there is reason for one. */
static int look_if_due(FeedUsn *f, Mono now, Diag *diag)
{
        bool sweep;

        if (f->catch_up)
                return usn_look_begin(f, USN_LOOK_CATCH_UP, diag);
        if (!f->has_mark)
                return usn_begin_now(f);
        sweep = now.us >= f->sweep_at.us && window_lower(&f->window, now) < f->mark.usn;
        if (doorbell_wants_look(&f->bell, now) || (sweep && now.us >= f->bell.look_at.us))
                return usn_look_begin(f, sweep ? USN_LOOK_SWEEP : USN_LOOK_NEWS, diag);
        return 0;
}

static int usn_tick(FeedLink *l, Mono now, Diag *diag)
{
        FeedUsn *f = of_link(l);
        int r;

        if (f->batch.held) {
                if (link_is_paused(l))
                        return 0;
                r = usn_batch_repeat(f);
                if (r || f->batch.held)
                        return r;
        }
        /* While a look streams in, a paused sink is not given more than what is in hand. */
        l->blocked = f->look != USN_LOOK_NONE && link_is_paused(l);
        if (l->blocked)
                return 0;
        if (f->more && f->look != USN_LOOK_NONE)
                return usn_look_page(f, diag);
        if (f->look != USN_LOOK_NONE)
                return 0; /* the answers of the look are proof of life enough */
        r = feed_bell_tick(&f->bell, l, now, diag);
        return r || !may_look(f) ? r : look_if_due(f, now, diag);
}

static Mono usn_next(const FeedLink *l)
{
        const FeedUsn *f = (const FeedUsn *)((const char *)l - offsetof(FeedUsn, link));
        Mono next, sweep;

        if (f->batch.held || l->blocked)
                return MONO_NEVER; /* feed_pause(false) wakes us */
        if (f->look != USN_LOOK_NONE)
                return f->more ? (Mono){ 0 } : mono_add(l->listening, l->patience_us);
        if (f->bell.beat_id)
                return mono_add(l->listening, l->patience_us);
        next = doorbell_next(&f->bell, may_look(f));
        if (!may_look(f) || f->window.marks[0].usn >= f->mark.usn)
                return next;
        sweep = f->sweep_at.us > f->bell.look_at.us ? f->sweep_at : f->bell.look_at;
        return sweep.us < next.us ? sweep : next;
}

static const FeedLinkOps link_ops = {
        .connected = usn_connected,
        .message = usn_message,
        .tick = usn_tick,
        .next = usn_next,
        .lost = usn_lost,
};

/* -- life ------------------------------------------------------------------------------------------------ */

Feed *usn_free(Feed *feed)
{
        FeedUsn *f = of_feed(feed);

        link_deinit(&f->link);
        window_deinit(&f->window);
        free(f->page);
        batch_deinit(&f->batch);
        arena_free(f->asked);
        arena_free(f->arena);
        free(f);
        return NULL;
}

static const UsnKind kind_ad = {
        .ops = &feed_usn_ops,
        .counter = "uSNChanged",
        .no_bell = "it offers no change notification (" CONTROL_NOTIFICATION ")",
        .always = always,
        .n_always = N_ELEMENTS(always),
        .check = check_ad,
};

/**
 * usn_new_kind() - a feed by a counter of changes
 *
 * Return: 0, -errno.
 */
int usn_new_kind(Feed **ret_feed, const UsnKind *kind, const FeedConfig *c, struct event_base *base,
                 FeedSink *sink, const Log *log, Diag *diag)
{
        FeedUsn *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                error_oom(sizeof(*f));
        f->feed.ops = kind->ops;
        f->kind = kind;
        f->ldap = c->ldap;
        f->arena = arena_new(0);
        f->asked = arena_new(0);
        batch_init(&f->batch);
        f->context = (PositionContext){
                .feed = kind->ops->name,
                .base = arena_strdup(f->arena, c->ldap->base),
                .filter = arena_printf(f->arena, "(%s>=)", kind->counter),
                .identity = link_identity(f->arena, c),
        };
        f->context.attributes =
                link_attributes(f->arena, c, kind->always, kind->n_always, &f->context.n_attributes);
        window_init(&f->window);
        r = link_init(&f->link, &link_ops, c, base, sink, log);
        if (r) {
                diag_set(diag, "cannot make a feed: %s", strerror(-r));
                usn_free(&f->feed);
                return error_trace(r);
        }
        *ret_feed = &f->feed;
        return 0;
}

static int usn_new(Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
                   const Log *log, Diag *diag)
{
        return usn_new_kind(ret_feed, &kind_ad, config, base, sink, log, diag);
}

int usn_start(Feed *feed, const Position *from)
{
        FeedUsn *f = of_feed(feed);
        PositionMark mark;

        f->catch_up = from || f->ldap->initial == FEED_INITIAL_ALL;
        if (from && position_take(from, &f->context, USN_COOKIE_SIZE, USN_COOKIE_SIZE, f->arena, f->link.log,
                                  &mark)) {
                f->mark = (PositionMark){ .server = mark.server, .usn = mark.usn };
                f->has_mark = true;
                f->catch_up = mark.catch_up;
                window_begin(&f->window, usn_cookie_parse(mark.cookie));
        }
        link_start(&f->link);
        return 0;
}

const FeedOps feed_usn_ops = {
        .name = "usn",
        .fields = NULL, /* the section `source:` has all of it, ldap-config.h */
        .new = usn_new,
        .start = usn_start,
        .pause = link_feed_pause,
        .stop = link_feed_stop,
        .free = usn_free,
};
