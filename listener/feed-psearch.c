/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/feed-psearch.h"
#include "base/cleanup.h"
#include "listener/feed-usn.h"

/* What scope and urgency look at. */
static const char *const always[] = { "objectClass", "userAccountControl", "whenChanged" };

#define FOUND 1

static int found(void *context, LDAPMessage *message)
{
        return FOUND;
}

/* Who may not search by it is answered with nothing. */
static int check_rights(FeedUsn *f, Diag *diag)
{
        static const char *const nothing[] = { "1.1" };
        Conn *c = f->link.conn;
        ConnSearch search = {
                .base = f->ldap->base,
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = "(entryusn>=0)",
                .attributes = nothing,
                .n_attributes = N_ELEMENTS(nothing),
        };
        int r;

        if (c->dse.usn == 0)
                return 0;
        r = conn_search(c, &search, f->ldap->request_timeout_us, "search by entryusn", found, NULL, NULL,
                        diag);
        if (r == FOUND)
                return 0;
        if (r)
                return r;
        diag_set(diag,
                 "%s: this account finds nothing by entryusn, though the server has counted %llu changes: "
                 "give it the rights read and search for entryusn, nsUniqueId and objectClass below %s",
                 c->uri.text, (unsigned long long)c->dse.usn, f->ldap->base);
        return CONN_E_REFUSED;
}

static int check(FeedUsn *f, Diag *diag)
{
        const Conn *c = f->link.conn;

        if (c->dse.vendor != VENDOR_389) {
                diag_set(diag,
                         "%s is no 389 Directory Server: the feed psearch goes on from entryusn, which only "
                         "that has",
                         c->uri.text);
                return CONN_E_UNSUITABLE;
        }
        if (!c->dse.usn_attribute) {
                diag_set(diag,
                         "%s: no lastusn in the root DSE for the database of %s: switch the plugin USN on "
                         "(dsconf INSTANCE plugin usn enable, restart); with several databases also "
                         "'dsconf INSTANCE plugin usn global on', or let the account read cn=mapping "
                         "tree,cn=config",
                         c->uri.text, f->ldap->base);
                return CONN_E_UNSUITABLE;
        }
        return check_rights(f, diag);
}

static const UsnKind kind_389 = {
        .ops = &feed_psearch_ops,
        .counter = "entryusn",
        .among = "(|(objectClass=*)(objectClass=nsTombstone))",
        .no_bell = "it offers no persistent search (" CONTROL_PSEARCH ")",
        .always = always,
        .n_always = N_ELEMENTS(always),
        .from_zero = true,
        .check = check,
};

static int psearch_new(Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
                       const Log *log, Diag *diag)
{
        return usn_new_kind(ret_feed, &kind_389, config, base, sink, log, diag);
}

const FeedOps feed_psearch_ops = {
        .name = "psearch",
        .fields = NULL, /* the section `source:` has all of it, ldap-config.h */
        .new = psearch_new,
        .start = usn_start,
        .pause = link_feed_pause,
        .stop = link_feed_stop,
        .free = usn_free,
};
