/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Baseline: the calls that no program can leave out when a change goes from the directory to Graph
 *
 *      commit (LMDB, synced) --> LDAP base read --> GET --> PATCH
 *
 * Each is made as its library offers it, and nothing else is done: no rules, no comparison, no report, no
 * error handling but giving up. A `Line` has one LDAP and one HTTP connection, both kept, and belongs to one
 * thread.
 */

#include <curl/curl.h>
#include <ldap.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Line Line;
typedef struct Peers Peers;
typedef struct Store Store;

/* Where the peers are; read from standard input, one value a line, so that no secret is an argument. */
struct Peers {
        char *ldap_uri, *ca_file, *bind_dn, *password;
        char *graph, *token, *select; /* address with /v1.0; bearer token; query of the GET */
};

struct Line {
        const Peers *peers;
        LDAP *ldap;
        CURL *curl;
        struct curl_slist *headers;
};

/* One synced LMDB file, and commits that all who wait share: the first who comes takes all. */
struct Store {
        MDB_env *env;
        MDB_dbi rows, position;
        pthread_mutex_t lock; /* protects what follows */
        pthread_cond_t done;
        uint64_t n_asked, n_stored, n_commits;
        bool busy;
};

_Noreturn void give_up(const char *what, const char *why);
int64_t now_ns(void); /* CLOCK_MONOTONIC, as in the emulator's journal */

/* One line of standard input without its end; NULL at the end. To be freed. */
char *read_line(void);
void peers_read(Peers *p);

void line_open(Line *l, const Peers *p, bool with_ldap);
void line_close(Line *l);
void line_read(Line *l, const char *dn);
void line_get(Line *l, const char *id);
void line_patch(Line *l, const char *id, const char *body);

void store_open(Store *s, const char *folder);
void store_close(Store *s);

/* 200 bytes and a position, on disk when it returns. */
void store_commit(Store *s);
