/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Probe: what one server of a directory is, and what it lets our account do
 *
 *      probe_open ----> ProbeFacts          who it is, its clock, its certificate
 *                 ----> probe_dirsync ...   one question each; nothing is written
 *
 * For `sosync doctor`. A question is asked the way feeds and workers ask it, so what is found here is what
 * they will find. A Probe belongs to one thread; its calls block up to the time-outs of the configuration.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "engine/model/value.h"
#include "listener/ldap-config.h"
#include "listener/server-limits.h"

typedef struct Probe Probe;
typedef struct ProbeFacts ProbeFacts;
typedef struct ProbeSuffixes ProbeSuffixes;

/* Why a server was not opened, or a question not answered. */
typedef enum ProbeEnd {
        PROBE_GOOD,
        PROBE_UNREACHABLE,
        PROBE_TLS,
        PROBE_REFUSED,    /* credentials, or a right that is missing */
        PROBE_UNSUITABLE, /* a read-only or a wrong server */
        PROBE_ABSENT,     /* no such object, or not visible */
        PROBE_LIMIT,      /* a limit of the server */
        PROBE_FAILED,     /* anything else: the diag says what */
} ProbeEnd;

/* Texts live in the arena. */
struct ProbeFacts {
        const char *product; /* "Samba", "OpenLDAP", ... */
        const char *server;  /* its name for itself */
        const char *base;
        const char *account; /* "CORP\svc-sosync" as the server knows it; NULL: it does not say */
        const char *sid;     /* of the account, "S-1-5-21-..."; NULL: not readable */
        ObjectId server_id;
        bool is_ad;
        bool is_samba;
        bool is_global_catalogue;
        const char *feed; /* that fits it, or the configured one; NULL: none, the diag of opening says why */
        int64_t open_us;  /* connect, TLS, bind, root DSE */
        int64_t ahead_ms; /* its clock is so far ahead of ours */
        bool has_clock;   /* it says the time */
        Wall certificate_end; /* of its TLS certificate; 0: no TLS */
};

/* `uri`: one of the configuration's. `clock` is read around the questions that are timed. */
ProbeEnd probe_open(Probe **ret_probe, const LdapConfig *config, const char *uri, const Clock *clock,
                    Arena *a, ProbeFacts *ret_facts, Diag *diag);
Probe *probe_free(Probe *p);

/* DirSync with a filter that fits nothing: the right is checked, nothing is handed over. The second look,
 * with the cookie of the first, is timed. PROBE_REFUSED: the right to replicate is missing. */
ProbeEnd probe_dirsync(Probe *p, bool object_security, int64_t *ret_look_us, Diag *diag);

/* What the feed usn asks when nothing is new. PROBE_GOOD, or why not. */
ProbeEnd probe_usn(Probe *p, int64_t *ret_look_us, Diag *diag);

/* Content synchronization (RFC 4533), with a filter that fits nothing: until the refresh has ended. */
ProbeEnd probe_syncrepl(Probe *p, int64_t *ret_us, Diag *diag);

/* May more entries be read in one search than servers allow by default? PROBE_LIMIT: no. */
ProbeEnd probe_unlimited(Probe *p, Diag *diag);

/* The container of deleted objects, and a look into it. PROBE_ABSENT, PROBE_REFUSED: not for this account. */
ProbeEnd probe_deleted(Probe *p, Diag *diag);

/* What an Active Directory grants one client. PROBE_ABSENT, PROBE_REFUSED: not to be seen by this account. */
ProbeEnd probe_limits(Probe *p, ServerLimits *ret_limits, Diag *diag);

/* Does a search of pages of one entry go on (RFC 2696)? PROBE_FAILED: no page followed. */
ProbeEnd probe_paging(Probe *p, Diag *diag);

/* Can the values of a group be asked for in parts ("member;range=0-0")? PROBE_ABSENT: no group has members.
 */
ProbeEnd probe_ranges(Probe *p, Diag *diag);

/* Is there such an object? `ret_group`: a group. */
ProbeEnd probe_object(Probe *p, const char *dn, bool *ret_group, Diag *diag);

/* What is behind the @ of the names of users (userPrincipalName), of the first PROBE_USERS_MAX below `base`;
 * and whether it can be seen who is disabled, or when they expire: a controller leaves out what the account
 * may not read. */
#define PROBE_USERS_MAX    5000
#define PROBE_SUFFIXES_MAX 100

struct ProbeSuffixes {
        const char *names[PROBE_SUFFIXES_MAX];
        unsigned n_users[PROBE_SUFFIXES_MAX];
        size_t n;
        unsigned n_read;    /* users looked at */
        unsigned n_unread;  /* of them, those whose userAccountControl is not to be seen by this account */
        unsigned n_undated; /* ... or whose accountExpires is not */
        const char *unread; /* the DN of the first; in the arena of probe_open */
        const char *undated;
};

/* Adds to what is there. */
ProbeEnd probe_suffixes(Probe *p, const char *base, ProbeSuffixes *s, Diag *diag);

DEFINE_CLEANUP(Probe, probe_free)
