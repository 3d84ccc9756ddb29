/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shared: what a copy of a cluster's state knows beyond a store of its own
 *
 *      table      key                        value
 *      session    session                    name of its node, when it began
 *      held       source, GUID               session, number of the entry that gave the lease
 *      claim      metaverse id               session
 *      rest       source, GUID               until when the object rests
 *      term       role                       term of its holder: the number of the entry that says so
 *      part       session, number, part      bytes of a long entry that is not whole yet
 *      meta       "log"                      name of the log that this is a copy of
 *                 "applied"                  number of the last entry that was applied, its session and
 *                                            number
 *                 "origin"                   which state this is, and the number that its numbers begin at
 *
 * In one process alone these are in memory (queue/ready.h, queue/claims.h, queue/rests.h); here they must
 * come out the same on every node and after every restart, so they are written in the transaction of the
 * entry that changes them. Functions take a transaction and return LMDB's code.
 */

#include "queue/store.h"

typedef struct SharedApplied SharedApplied;
typedef struct SharedLease SharedLease;
typedef struct SharedOrigin SharedOrigin;
typedef struct SharedSession SharedSession;

struct SharedLease {
        uint64_t session;
        uint64_t number;
};

struct SharedApplied {
        uint64_t sequence; /* of the log; 0: nothing yet */
        uint64_t session, number;
};

/*
 * Numbers (arrival, generation, serial, outcome) follow from the number of the entry in the log. A state that
 * came from elsewhere (queue/state-copy.h) has rows with numbers already: its own begin behind them.
 */
struct SharedOrigin {
        uint64_t epoch; /* another state under the same name has another; 0: from the log's beginning */
        uint64_t base;
};

struct SharedSession {
        uint64_t session;
        Wall began;
        const char *node;
};

int shared_applied(Store *s, MDB_txn *txn, SharedApplied *ret_applied);
int shared_set_applied(Store *s, MDB_txn *txn, const SharedApplied *applied);

int shared_origin(Store *s, MDB_txn *txn, SharedOrigin *ret_origin);
int shared_set_origin(Store *s, MDB_txn *txn, const SharedOrigin *origin);

/* The first number that was not given yet, as in a store of one machine (queue/record.h). */
int shared_reserved(Store *s, MDB_txn *txn, uint64_t *ret_first);
int shared_set_reserved(Store *s, MDB_txn *txn, uint64_t first);

/* Nobody lives: sessions, leases, claims, terms and the board that has one, pieces of entries, rests go. */
int shared_forget_lives(Store *s, MDB_txn *txn);
/* A store of one machine again: these tables go, and what meta says of the log. */
int shared_leave(Store *s, MDB_txn *txn);

/* Which log; NULL: none. */
int shared_log(Store *s, MDB_txn *txn, Arena *a, const char **ret_log);
int shared_set_log(Store *s, MDB_txn *txn, const char *log);

/* The lease of an object; session 0: none. */
int shared_lease(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE], SharedLease *ret_lease);
int shared_set_lease(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE], const SharedLease *lease);
int shared_end_lease(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE]);

/* All that is leased, by whom. */
int shared_leases(Store *s, MDB_txn *txn, Arena *a, ObjectKey **ret_keys, SharedLease **ret_leases,
                  size_t *ret_n);

/* The session that has claimed a metaverse object; 0: none. */
int shared_claim(Store *s, MDB_txn *txn, const ObjectId *metaverse, uint64_t *ret_session);
int shared_set_claim(Store *s, MDB_txn *txn, const ObjectId *metaverse, uint64_t session); /* 0: released */

int shared_session_begin(Store *s, MDB_txn *txn, uint64_t session, const char *node, Wall now);
int shared_session_is_live(Store *s, MDB_txn *txn, uint64_t session, bool *ret_live);
int shared_sessions(Store *s, MDB_txn *txn, Arena *a, SharedSession **ret_sessions, size_t *ret_n);

/* A session is over: its leases, claims and unfinished entries go. `ret_keys`: what it had leased. */
int shared_session_end(Store *s, MDB_txn *txn, uint64_t session, Arena *a, ObjectKey **ret_keys,
                       size_t *ret_n);

int shared_rest(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE], Wall *ret_until);
int shared_set_rest(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE], Wall until, Wall now);

int shared_term(Store *s, MDB_txn *txn, const char *feed, uint64_t *ret_term);
int shared_set_term(Store *s, MDB_txn *txn, const char *feed, uint64_t term);

/* A piece of an entry, and all of them as one (NULL: some are missing), which removes them. */
int shared_add_part(Store *s, MDB_txn *txn, uint64_t session, uint64_t number, uint64_t part,
                    const uint8_t *data, size_t n);
int shared_take_parts(Store *s, MDB_txn *txn, uint64_t session, uint64_t number, uint64_t n_parts, Arena *a,
                      const uint8_t **ret_data, size_t *ret_n);
