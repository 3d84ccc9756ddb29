/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "listener/doorbell.h"
#include "listener/ldap-entry.h"

/* What the beat reads. */
static const char *counter(const Doorbell *d)
{
        const char *name = d->conn->dse.usn_attribute;

        return name ? name : "highestCommittedUSN";
}

static bool is_389(const Conn *c)
{
        return c->dse.vendor == VENDOR_389;
}
static const char *const bell_attributes[] = { "1.1" };

static int register_bell(Doorbell *d, const char *base, Diag *diag)
{
        ControlSet controls;
        ConnSearch search = {
                .base = base,
                .scope = LDAP_SCOPE_SUBTREE,
                .attributes = bell_attributes,
                .n_attributes = N_ELEMENTS(bell_attributes),
                .controls = &controls,
        };
        int r;

        if (!conn_supports(d->conn, is_389(d->conn) ? CONTROL_PSEARCH : CONTROL_NOTIFICATION)) {
                d->bell_lost = true;
                if (d->interval_us > BEAT_NO_BELL_US)
                        d->interval_us = BEAT_NO_BELL_US;
                return 0;
        }
        controls_init(&controls);
        if (is_389(d->conn)) {
                controls_add_psearch(&controls);
        } else {
                controls_add_notification(&controls);
                controls_add_show_deleted(&controls); /* Samba rings for a delete only with it */
        }
        r = conn_send(d->conn, &search, &d->bell_id, diag);
        controls_deinit(&controls);
        return r;
}

/**
 * doorbell_start() - register the bell on a fresh connection
 *
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED.
 */
int doorbell_start(Doorbell *d, Conn *conn, const char *base, Mono now, Diag *diag)
{
        bool fast = conn->dse.vendor == VENDOR_SAMBA, windows = conn->dse.vendor == VENDOR_WINDOWS;
        int64_t third = conn->config->keepalive_us / 3;

        *d = (Doorbell){
                .conn = conn,
                .interval_us = fast                   ? BEAT_FAST_US
                               : third < BEAT_SLOW_US ? third
                                                      : BEAT_SLOW_US,
                .min_pause_us = windows ? LOOK_WINDOWS_US : 0,
                .look_us = -1,
                .usn = conn->dse.usn,
                .usn_looked = UINT64_MAX, /* a server may begin to count with 0 */
                .rung = true,             /* beat at once */
                .beat_at = now,
                .look_at = now,
        };
        return register_bell(d, base, diag);
}

static bool has_moved(const Doorbell *d)
{
        return d->usn != d->usn_looked;
}

/* A ring brings the beat forward, but not before a look may follow it: a busy server rings for every change.
 */
static Mono beat_due(const Doorbell *d)
{
        if (d->beat_id)
                return MONO_NEVER;
        return d->rung && !has_moved(d) && d->look_at.us < d->beat_at.us ? d->look_at : d->beat_at;
}

/**
 * doorbell_tick() - beat if it is time
 *
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED.
 */
int doorbell_tick(Doorbell *d, Mono now, Diag *diag)
{
        const char *const attributes[] = { counter(d) };
        ConnSearch search = {
                .base = "",
                .scope = LDAP_SCOPE_BASE,
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
        };
        int r;

        if (now.us < beat_due(d).us)
                return 0;
        r = conn_send(d->conn, &search, &d->beat_id, diag);
        if (r)
                return r;
        d->answering = d->rung;
        d->rung = false;
        d->n_beats++;
        return 0;
}

static void read_usn(Doorbell *d, LDAPMessage *message)
{
        uint64_t usn = conn_read_usn(d->conn, message, counter(d));

        d->usn = usn ? usn : d->usn;
        d->late |= is_389(d->conn) && d->answering && d->usn == d->usn_looked;
}

/* Without a bell the beat is all there is; a root DSE read a second is nothing to a server. */
static int bell_ended(Doorbell *d, LDAPMessage *message, Diag *diag)
{
        int r;

        d->bell_id = 0;
        r = conn_finish(d->conn, message, "watch for changes", NULL, diag);
        if (r == CONN_E_UNREACHABLE)
                return r;
        if (r == 0)
                diag_set(diag, "%s: the server has ended the change notification", d->conn->uri.text);
        d->bell_lost = true;
        if (d->interval_us > BEAT_NO_BELL_US)
                d->interval_us = BEAT_NO_BELL_US;
        d->rung = true;
        return 0;
}

/**
 * doorbell_message() - take a message if it is the bell's or the beat's
 *
 * Return: 0, CONN_E_*.
 */
int doorbell_message(Doorbell *d, LDAPMessage *message, Mono now, bool *ret_ours, Diag *diag)
{
        int id = ldap_msgid(message), type = ldap_msgtype(message);

        *ret_ours = true;
        if (d->bell_id && id == d->bell_id) {
                if (type == LDAP_RES_SEARCH_RESULT)
                        return bell_ended(d, message, diag);
                d->rung = true;
                d->n_rings++;
                return 0;
        }
        if (d->beat_id && id == d->beat_id) {
                if (type == LDAP_RES_SEARCH_ENTRY)
                        read_usn(d, message);
                if (type != LDAP_RES_SEARCH_RESULT)
                        return 0;
                d->beat_id = 0;
                d->beat_at = mono_add(now, d->interval_us);
                return conn_finish(d->conn, message, "read the server's USN", NULL, diag);
        }
        *ret_ours = false;
        return 0;
}

bool doorbell_wants_look(const Doorbell *d, Mono now)
{
        return has_moved(d) && now.us >= d->look_at.us;
}

void doorbell_look_begins(Doorbell *d, Mono now)
{
        d->usn_taken = d->usn;
        d->look_began = now;
        d->n_looked = 0;
        d->n_empty = 0;
        d->n_pages = 0;
}

int doorbell_look_entry(Doorbell *d, Diag *diag)
{
        d->n_looked++;
        d->n_empty = 0;
        if (is_389(d->conn) || d->n_looked <= d->usn_taken + LOOK_SPARE)
                return 0;
        diag_set(diag, "%s: more entries (%llu) than the server has counted changes: it goes on without end",
                 d->conn->uri.text, (unsigned long long)d->n_looked);
        return CONN_E_PROTOCOL;
}

int doorbell_look_page(Doorbell *d, bool more, Diag *diag)
{
        d->n_pages++;
        d->n_empty = more ? d->n_empty + 1 : 0;
        if (d->n_empty <= LOOK_EMPTY_MAX)
                return 0;
        diag_set(diag, "%s: %u pages without an entry, and always one more: it goes on without end",
                 d->conn->uri.text, d->n_empty);
        return CONN_E_PROTOCOL;
}

void doorbell_look_waited(Doorbell *d, int64_t us)
{
        d->look_began = mono_add(d->look_began, us);
}

void doorbell_look_ends(Doorbell *d, Mono now, bool good)
{
        int64_t us = now.us - d->look_began.us, pause_us;

        us = us < 0 ? 0 : us;
        if (d->n_pages <= 1)
                d->look_us = d->look_us < 0 ? us : (3 * d->look_us + us) / 4;
        pause_us = d->look_us < 0 ? 0 : LOOK_PAUSE * d->look_us;
        d->look_at = mono_add(now, pause_us > d->min_pause_us ? pause_us : d->min_pause_us);
        if (good)
                d->usn_looked = d->usn_taken;
}

Mono doorbell_next(const Doorbell *d, bool may_look)
{
        Mono next = beat_due(d);

        if (may_look && has_moved(d) && d->look_at.us < next.us)
                next = d->look_at;
        return next;
}
