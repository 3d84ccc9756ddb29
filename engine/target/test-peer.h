/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Peer: what the contract tests of targets share
 *
 * The same test runs on target-mem and on target-graph. For target-graph the other side is tests/emulator,
 * whose admin endpoint plants objects, plays faults and shows its journal; test-peer.py starts it.
 */

#include "engine/target/graph.h"
#include "engine/target/target-mem.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct Peer Peer;
typedef struct PeerSink PeerSink;

struct Peer {
        const char *admin; /* "http://127.0.0.1:1234"; NULL: target-mem */
        const char *secret_file;
        Arena *arena;
        Target *target; /* what is tested */
        Target *inner;  /* graph or mem itself, below the decorators */
        GraphOptions options;
        GraphCredential credential;
        char login[64], graph[80];
        Call call;
        Diag diag;
        int64_t journal_from;
};

/* Keeps what a fetch delivers. */
struct PeerSink {
        ObjectSink sink;
        Arena *arena;
        TargetObject object;
        bool found;
        ObjectId *members;
        size_t n_members;
        unsigned n_pages;
        ObjectId manager;
        bool stop;
};

extern const char *peer_admin;
extern const char *peer_secret_file;
extern const char *peer_tls;     /* "https://127.0.0.1:1235": the same over TLS; NULL: not */
extern const char *peer_ca_file; /* that vouches for it */

/* Per test: an empty tenant, a new target. */
int peer_setup(void **state);
int peer_teardown(void **state);
/* Again, with other options. */
void peer_restart(Peer *p, bool retry);

/* A call with a deadline of ten seconds. */
Call *peer_call(Peer *p);
int peer_fetch(Peer *p, const char *type, MatchBy by, const char *value, PeerSink *sink);
int peer_fetch_names(Peer *p, const char *type, MatchBy by, const char *value, const char *const *names,
                     size_t n, PeerSink *sink);
int peer_fetch_id(Peer *p, const char *type, const ObjectId *id, PeerSink *sink);
int peer_apply(Peer *p, const Op *ops, size_t n, OpResult *results);

ObjectId peer_create_user(Peer *p, const char *name);
ObjectId peer_create_group(Peer *p, const char *name);
const char *peer_id(Peer *p, const ObjectId *id);

/* The emulator's side; target-graph only. */
json_t *peer_admin_call(const char *method, const char *path, const char *body);
void peer_fault(const char *rule); /* one rule as JSON */
size_t peer_count_requests(Peer *p, const char *method, const char *path_part, bool changed);
size_t peer_hold_violations(void);

Op op_create(const char *type, const char *anchor);
Op op_set(const char *type, const ObjectId *id, const char *attribute, const char *value);
Op op_set_bool(const char *type, const ObjectId *id, const char *attribute, bool value);
Op op_unset(const char *type, const ObjectId *id, const char *attribute);
Op op_link(const char *type, const ObjectId *id, const char *attribute, const ObjectId *to);
Op op_unlink(const char *type, const ObjectId *id, const char *attribute, const ObjectId *to);

#define assert_end(p, r, expected)                                                                      \
        do {                                                                                            \
                int end_ = (r);                                                                         \
                if (end_ != (expected))                                                                 \
                        fail_msg("%d instead of %d: %s", end_, (int)(expected), diag_text(&(p)->diag)); \
        } while (0)
