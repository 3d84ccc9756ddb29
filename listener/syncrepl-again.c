/* SPDX-License-Identifier: Apache-2.0 */

/* The second look: what 389 Directory Server has lost between a refresh and what it told afterwards. Why is
 * in feed-syncrepl.h. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "listener/feed-syncrepl.h"

/* What was being written when the search began is written by then. */
#define AGAIN_AFTER_US 3000000

void syncrepl_again_forget(FeedSyncrepl *f)
{
        if (f->again_id)
                link_paid(&f->link);
        free(f->again);
        f->again = NULL;
        f->n_again = 0;
        f->again_id = 0;
}

/**
 * syncrepl_again_plan() - a refresh is over, and has been handed over
 */
void syncrepl_again_plan(FeedSyncrepl *f)
{
        syncrepl_again_forget(f);
        if (f->link.conn->dse.vendor != VENDOR_389 || !f->has_cookie || !f->n_cookie)
                return;
        f->again = malloc(f->n_cookie);
        if (!f->again)
                error_oom(f->n_cookie);
        memcpy(f->again, f->cookie, f->n_cookie);
        f->n_again = f->n_cookie;
        f->again_at = mono_add(link_now(&f->link), AGAIN_AFTER_US);
}

/**
 * syncrepl_again_begin() - ask
 *
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED.
 */
int syncrepl_again_begin(FeedSyncrepl *f, Diag *diag)
{
        int r = syncrepl_send(f, true, f->again, f->n_again, &f->again_id, diag);

        if (r)
                return r;
        link_owes(&f->link);
        return 0;
}

static int ended(FeedSyncrepl *f, LDAPMessage *message, Diag *diag)
{
        ConnAnswer answer = { 0 };
        int r = conn_finish(f->link.conn, message, "content synchronization, the second look", &answer, diag);

        if (r == 0 || r == CONN_E_REFRESH)
                conn_answer_deinit(&answer);
        if (r)
                return r;
        /* From here on a cookie covers all that was before it. */
        syncrepl_again_forget(f);
        return 0;
}

/**
 * syncrepl_again_message() - an answer to it; what has been told already is told once more
 *
 * Return: 0, CONN_E_*, FEED_E_STOP, -errno.
 */
int syncrepl_again_message(FeedSyncrepl *f, LDAPMessage *message, Diag *diag)
{
        switch (ldap_msgtype(message)) {
        case LDAP_RES_SEARCH_ENTRY:
                return syncrepl_entry(f, message, false, diag);
        case LDAP_RES_INTERMEDIATE:
                return syncrepl_info(f, message, false, diag);
        case LDAP_RES_SEARCH_RESULT:
                return ended(f, message, diag);
        default:
                return 0;
        }
}
