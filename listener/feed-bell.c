/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/feed-bell.h"

static void say_lost(FeedLink *l, const char *why)
{
        log_warning(l->log, "the server does not ring for changes; reading its USN instead",
                    LOG_STR("reason", why));
}

int feed_bell_start(Doorbell *d, FeedLink *l, const char *base, const char *no_bell, Diag *diag)
{
        int r = doorbell_start(d, l->conn, base, link_now(l), diag);

        if (r == 0 && d->bell_lost)
                say_lost(l, no_bell);
        return r;
}

int feed_bell_message(Doorbell *d, FeedLink *l, LDAPMessage *message, bool *ret_ours, Diag *diag)
{
        bool had_bell = !d->bell_lost, had_beat = d->beat_id;
        int r;

        *ret_ours = false;
        r = doorbell_message(d, message, link_now(l), ret_ours, diag);
        if (had_beat && !d->beat_id)
                link_paid(l);
        if (had_bell && d->bell_lost) {
                say_lost(l, diag_text(diag));
                diag_clear(diag);
        }
        return r;
}

int feed_bell_tick(Doorbell *d, FeedLink *l, Mono now, Diag *diag)
{
        bool had_beat = d->beat_id;
        int r = doorbell_tick(d, now, diag);

        if (r == 0 && !had_beat && d->beat_id)
                link_owes(l);
        return r;
}
