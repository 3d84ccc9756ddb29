/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Doctor: does this machine, the directory and the tenant have what a run needs?
 *
 *      checks[] (doctor.c) --- needs what is there ---> run --> Finding: ok | warning | fault
 *                     '------- something is missing --> skipped, by name
 *
 * A check asks the way the service will ask, writes nothing, and takes nothing that belongs to a running
 * service. One cause is one finding: what cannot be known because of a fault above it is skipped, not
 * reported again. A finding says what is, and what to do about it.
 *
 *      local.c     configuration, files, folders, programs
 *      source.c    servers of a directory
 *      rights.c    what the feed of a directory needs
 *      tenant.c    sign-in, tenant, permissions
 *      cluster.c   the servers of a cluster, and its nodes
 *      feeds.c     the feeds at work for a while (--feeds)
 *      print.c     for terminals and scripts
 */

#include "app/config/config.h"
#include "base/clock.h"
#include "engine/target/graph-tenant.h"
#include "listener/probe.h"

typedef struct Doctor Doctor;
typedef struct DoctorSource DoctorSource;
typedef struct Finding Finding;

typedef enum Verdict {
        VERDICT_OK,
        VERDICT_WARNING,
        VERDICT_FAULT,
        _VERDICT_N,
} Verdict;

/* Everything lives in the arena of the Doctor. */
struct Finding {
        const char *section; /* "this machine", the name of a source, "tenant" */
        const char *check;
        Verdict verdict;
        const char *text;
        const char *advice;  /* a sentence; NULL: nothing to do */
        const char *command; /* a shell command that does it; NULL: there is none */
};

#define DOCTOR_FINDINGS_MAX 1000

struct DoctorSource {
        const SourceConfig *config;
        Probe *probe; /* of the first server that is good; NULL: none is */
        ProbeFacts facts;
        ProbeSuffixes suffixes;
        bool has_suffixes;
};

struct Doctor {
        Arena *arena;
        const char *config_path;
        const Clock *clock;
        unsigned feeds_s; /* 0: no feed is run */

        /* Filled by checks, for those behind them. NULL: not there. */
        Config *config;
        DoctorSource sources[CONFIG_SOURCES_MAX];
        GraphOptions *options; /* with the credential that works */
        Target *target;
        TokenClaims claims;
        const TargetInfo *info;
        Log log;

        /* Of the check under way. */
        const char *section, *check;
        DoctorSource *source;

        Finding *findings;
        size_t n_findings;
        const char *skipped[200]; /* "corp.contoso.test: paging" */
        size_t n_skipped;
        bool unreachable; /* a directory or Graph */
};

void doctor_init(Doctor *d, const char *config_path, const Clock *clock, unsigned feeds_s);
void doctor_run(Doctor *d);
void doctor_deinit(Doctor *d);
int doctor_status(const Doctor *d); /* the exit status */

/* -- for checks ---------------------------------------------------------------------------------------- */

void doctor_ok(Doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `advice` may be NULL. */
void doctor_warn(Doctor *d, const char *advice, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void doctor_fault(Doctor *d, const char *advice, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void doctor_command(Doctor *d, const char *command); /* of the last finding */

/* False: the store is so near its limit that feeds will pause, and a finding says so. */
bool doctor_store(Doctor *d, uint64_t size, uint64_t limit);

/* "in 12 days", by the end of a certificate: warned 21 days ahead. `what`: "the certificate of dc1". */
void doctor_certificate(Doctor *d, const char *what, Wall end, const char *advice);
/* A clock that is so far ahead of ours: warned at 30 s, a fault at 5 minutes, where Kerberos and signed
 * assertions end. */
void doctor_skew(Doctor *d, const char *whose, int64_t ahead_ms);
/* Can argv[0] be run? */
void doctor_program(Doctor *d, const char *key, const ConfigList *command);

/* -- the checks ---------------------------------------------------------------------------------------- */

void doctor_configuration(Doctor *d);
void doctor_rules(Doctor *d);
void doctor_cluster(Doctor *d);
void doctor_secrets(Doctor *d);
void doctor_state(Doctor *d);
void doctor_reports(Doctor *d);
void doctor_audit(Doctor *d);
void doctor_notify(Doctor *d);
void doctor_scheduler(Doctor *d);
void doctor_owner(Doctor *d);

void doctor_servers(Doctor *d);
void doctor_scope(Doctor *d);
void doctor_filter_group(Doctor *d);
void doctor_rule_groups(Doctor *d);
void doctor_urgent(Doctor *d);

void doctor_feed(Doctor *d);
void doctor_deleted(Doctor *d);
void doctor_limits(Doctor *d);
void doctor_paging(Doctor *d);
void doctor_ranges(Doctor *d);
void doctor_names(Doctor *d);

void doctor_sign_in(Doctor *d);
void doctor_credentials(Doctor *d);
void doctor_tenant_clock(Doctor *d);
void doctor_tenant(Doctor *d);
void doctor_estate(Doctor *d);
void doctor_permissions(Doctor *d);
void doctor_domains(Doctor *d);

void doctor_feeds(Doctor *d);

/* -- output -------------------------------------------------------------------------------------------- */

void doctor_print_text(const Doctor *d, size_t columns, bool colour, Str *out);
void doctor_print_json(const Doctor *d, Str *out);
const char *verdict_name(Verdict v);
