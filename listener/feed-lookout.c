/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/feed-lookout.h"

#include "listener/ldap-dialect.h"

static const char *const always[] = { "objectClass", "objectGUID", "uSNChanged", "whenChanged", REPL_META };

static int check(FeedUsn *f, Diag *diag)
{
        const Conn *c = f->link.conn;

        if (dialect_of(c->dse.vendor)->is_ad)
                return 0;
        diag_set(diag, "%s is no Active Directory: source.urgent_on: all-dcs has nothing to look at there",
                 c->uri.text);
        return CONN_E_UNSUITABLE;
}

static const UsnKind kind = {
        .ops = &feed_lookout_ops,
        .counter = "uSNChanged",
        .among = "(!(objectClass=group))",
        .no_bell = "it offers no change notification (" CONTROL_NOTIFICATION ")",
        .always = always,
        .n_always = N_ELEMENTS(always),
        .is_lookout = true,
        .check = check,
};

static int lookout_new(Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
                       const Log *log, Diag *diag)
{
        return usn_new_kind(ret_feed, &kind, config, base, sink, log, diag);
}

const FeedOps feed_lookout_ops = {
        .name = "lookout",
        .fields = NULL,
        .new = lookout_new,
        .start = usn_start,
        .pause = link_feed_pause,
        .stop = link_feed_stop,
        .free = usn_free,
};
