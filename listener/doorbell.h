/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Doorbell: when to look
 *
 *      change notification (528), or
 *      persistent search ------------ rings ----.
 *                                               v
 *      beat timer -------------------------> root DSE: H = highestCommittedUSN ---> H moved? ---> look
 *                                                      (389: lastusn)
 *
 * Neither carries changes; both only say "look now", and a lost signal costs at most one beat.
 *
 *  - The USN that is remembered is the one read *before* the look: what is committed while it runs makes the
 *    next beat see a movement, and is looked for again. So a ring only brings the beat forward, to
 *    when the next look may begin: a server that rings for each of a thousand changes is not asked as often.
 *  - Where the bell is slow (Samba polls its database every 5 s) the beat is 25 ms, 0.1 to 0.2 ms of work
 *    each; elsewhere it is the proof of life, every 10 s.
 *  - 389 Directory Server rings after the commit, but has counted before: a beat in between finds an H whose
 *    change cannot be read yet. A ring after which H has not moved is such a one, or one that a look has
 *    answered already: `late` asks the feed to look at the last minute again.
 *  - The next look is not before four times the duration of the last ones (a moving average, so that one slow
 *    answer does not silence us), so that the server spends at most a fifth of one worker on us: on Samba's
 *    tdb store a look costs 5 us for each object of the domain. Time in the sink does not count, nor does a
 * look of more than one page: it is as long as what it brings, and who has caught up for ten minutes is not
 * to be deaf for forty.
 *  - Windows is looked at twice a second at most: DirSync is the work of a replication partner there.
 *
 * The registration counts against MaxNotificationPerConn, 5 for each connection (MS-ADTS 3.1.1.3.4.6).
 *
 * It uses the feed's own connection, whose liveness the beat proves. Time is an argument.
 */

#include <ldap.h>

#include "base/clock.h"
#include "listener/ldap-conn.h"

typedef struct Doorbell Doorbell;

#define BEAT_FAST_US    25000
#define BEAT_SLOW_US    10000000
#define BEAT_NO_BELL_US 1000000
#define LOOK_PAUSE      4
#define LOOK_WINDOWS_US 500000
#define LOOK_SPARE      100000
#define LOOK_EMPTY_MAX  100000

struct Doorbell {
        Conn *conn;
        int bell_id; /* message id of the notification search; 0: none */
        int beat_id; /* of the root DSE read under way; 0: none */
        int64_t interval_us;
        int64_t min_pause_us;
        Mono beat_at; /* when the next beat is due */
        Mono look_at; /* the next look is not before */
        bool rung;
        bool answering;      /* the beat under way follows a ring */
        bool late;           /* a ring, and H had not moved; cleared by the feed */
        bool bell_lost;      /* the server does not ring (any more); beats must do */
        uint64_t usn;        /* as last read */
        uint64_t usn_taken;  /* when the look under way began */
        uint64_t usn_looked; /* covered by looks that have ended */
        Mono look_began;
        uint64_t n_looked; /* entries of the look under way */
        unsigned n_pages;  /* that it has had so far */
        unsigned n_empty;  /* its last pages, without any */
        int64_t look_us;   /* moving average of their durations; -1: none yet */
        uint64_t n_rings, n_beats;
};

/* Register the bell on a fresh connection; the first look is due at once.
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED. */
int doorbell_start(Doorbell *d, Conn *conn, const char *base, Mono now, Diag *diag);

/* Beat if it is time. Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED. */
int doorbell_tick(Doorbell *d, Mono now, Diag *diag);

/* A message of the connection: *ret_ours says whether it was taken. When the server refuses to ring,
 * bell_lost is set and the diag says why. Return: 0, CONN_E_*: the beat failed. */
int doorbell_message(Doorbell *d, LDAPMessage *message, Mono now, bool *ret_ours, Diag *diag);

bool doorbell_wants_look(const Doorbell *d, Mono now);
void doorbell_look_begins(Doorbell *d, Mono now);
void doorbell_look_ends(Doorbell *d, Mono now, bool good);

/*
 * A look that can have no end is no look: an AD counts at least one change for every object that it has, so
 * more entries than that are not its objects; and pages without entries come to an end. What was made while
 * the look runs is allowed for. Return: 0, CONN_E_PROTOCOL.
 */
int doorbell_look_entry(Doorbell *d, Diag *diag);
int doorbell_look_page(Doorbell *d, bool more, Diag *diag); /* the end of one */

void doorbell_look_waited(Doorbell *d, int64_t us); /* for us, not for the server */

/* When doorbell_tick() or, if one may begin, a look is due next. */
Mono doorbell_next(const Doorbell *d, bool may_look);
