/* SPDX-License-Identifier: Apache-2.0 */

/* The second look: what 389 Directory Server has lost between a refresh and what it told afterwards. Why is
 * in feed-syncrepl.h. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "listener/feed-syncrepl.h"

/* What was being written when the search began is written by then. */
#define AGAIN_AFTER_US 3000000

/* Refused, it is asked later, and then more seldom. */
#define AGAIN_MAX_US 300000000

/* It is answered, or never will be. */
static void is_over(FeedSyncrepl *f)
{
        if (!f->again_id)
                return;
        link_paid(&f->link);
        f->link.patience_us = f->ldap->keepalive_us;
        f->again_id = 0;
}

void syncrepl_again_forget(FeedSyncrepl *f)
{
        is_over(f);
        free(f->again);
        f->again = NULL;
        f->n_again = 0;
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
        f->again_wait_us = AGAIN_AFTER_US;
        f->again_at = mono_add(link_now(&f->link), f->again_wait_us);
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
        /* The server looks through its log of changes before it says anything, as it does in a refresh. */
        f->link.patience_us = f->ldap->request_timeout_us;
        link_owes(&f->link);
        return 0;
}

/* The search that tells goes on, and positions wait. */
static void refused(FeedSyncrepl *f, Diag *diag)
{
        f->again_wait_us *= 2;
        if (f->again_wait_us > AGAIN_MAX_US)
                f->again_wait_us = AGAIN_MAX_US;
        f->again_at = mono_add(link_now(&f->link), f->again_wait_us);
        log_warning(f->link.log, "the server refuses the second look; the position waits for it",
                    LOG_STR("reason", diag_text(diag)), LOG_INT("again_ms", f->again_wait_us / 1000));
        diag_clear(diag);
        is_over(f);
}

static bool is_refusal(int condition)
{
        return condition == CONN_E_REFUSED || condition == CONN_E_LIMIT || condition == CONN_E_NOT_FOUND ||
               condition == CONN_E_REJECTED;
}

static int ended(FeedSyncrepl *f, LDAPMessage *message, Diag *diag)
{
        ConnAnswer answer = { 0 };
        int r = conn_finish(f->link.conn, message, "content synchronization, the second look", &answer, diag);

        if (r == 0 || r == CONN_E_REFRESH)
                conn_answer_deinit(&answer);
        if (is_refusal(r)) {
                refused(f, diag);
                return 0;
        }
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
