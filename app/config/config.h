/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Config: the whole of sosync.yaml, read, checked, and compiled for the workers
 *
 * Load all, check all, then use: every finding of a file comes in one pass, each with its place. The tables
 * in fields.c are the reference: `sosync config show`, --help and sosync.yaml(5) are printed from them.
 *
 * A Config is immutable and shared by reference; a run holds its own to the end, so a reload never changes
 * rules under a run. What cannot change while the service runs (source, target, state, number of workers) is
 * one table (restart.c): config_needs_restart() compares it, config_hold_back() keeps it as it was.
 */

#include "base/config.h"
#include "base/diag.h"
#include "base/log.h"
#include "engine/scheduler/scheduler-config.h"
#include "engine/scope/scope.h"
#include "engine/steps/steps.h"
#include "engine/target/graph.h"
#include "listener/ldap-config.h"
#include "queue/jetstream-config.h"
#include "report/console/console-config.h"

typedef struct AuditConfig AuditConfig;
typedef struct Config Config;
typedef struct ControlConfig ControlConfig;
typedef struct NotifyConfig NotifyConfig;
typedef struct ProtectedConfig ProtectedConfig;
typedef struct ReportsConfig ReportsConfig;
typedef struct ScopeConfig ScopeConfig;
typedef struct SourceConfig SourceConfig;
typedef struct StateConfig StateConfig;
typedef struct UrgentConfig UrgentConfig;

typedef enum RoleHolders {
        ROLE_HOLDERS_KEEP, /* left as they are */
        ROLE_HOLDERS_WRITE,
} RoleHolders;

typedef enum HtmlMode {
        HTML_ON_DEMAND, /* rendered when somebody asks */
        HTML_FAILURES,  /* also a file for each that failed or was parked */
        HTML_ALWAYS,    /* a file for each */
} HtmlMode;

struct ScopeConfig {
        ConfigList include; /* const char *: DNs */
        ConfigList exclude;
        ConfigList object_types;
        const char *group_filter;
        int on_leave; /* LastWord */
        int on_delete;
};

/* A directory, and what of it is ours: `source` and `scope`, or an item of `sources`. */
struct SourceConfig {
        LdapConfig ldap;
        ScopeConfig scope;
        const Scope *compiled;
};

struct UrgentConfig {
        const char *attribute;
        const char *when;
        const char *ou;
        const char *group;
        bool revoke_sessions;
};

/* The key's own default. */
#define STATE_PATH_DEFAULT    "/var/lib/sosync/state"
#define CONTROL_GROUP_DEFAULT "sosync"

typedef enum StateBackend {
        STATE_LMDB,
        STATE_JETSTREAM, /* of a cluster; `path` is this node's copy */
} StateBackend;

struct StateConfig {
        const char *path;
        int64_t limit;
        int64_t journal_us; /* how long what exports replaced is kept */
        int64_t gone_us;    /* ... and what is known of an object that was deleted */
        int backend;        /* StateBackend */
        JetstreamConfig jetstream;
};

struct ControlConfig {
        const char *socket; /* NULL: control_path() says where */
        const char *group;  /* "": nobody's */
};

struct AuditConfig {
        const char *path; /* never NULL once loaded */
        int64_t keep_us;
};

struct ReportsConfig {
        const char *path;
        int html; /* HtmlMode */
        int64_t keep_us;
        int64_t max_size;
        double min_free;
};

struct NotifyConfig {
        ConfigList command; /* const char *: the program and its arguments; none: nobody is told */
        int64_t timeout_us;
};

/* Written only if they are named: see engine/steps/protect.c. */
struct ProtectedConfig {
        ConfigList accounts; /* const char * */
        ConfigList allow;
        int role_holders; /* RoleHolders */
};

struct Config {
        Arena *arena;
        unsigned refs; /* atomic */
        Config *base;  /* what config_with_rules() made this of, and borrows from; NULL: read from a file */
        Config *first; /* what config_hold_back() has borrowed from; NULL: nothing */
        const char *path;

        LdapConfig *source; /* as written; NULL: there are several */
        ScopeConfig scope;
        ConfigList listed; /* SourceConfig: `sources` as written */
        bool staging;
        GraphOptions target;
        struct {
                const char *directory; /* NULL: the shipped set */
                bool account_expires;
        } rules;
        ConfigList urgent; /* UrgentConfig */
        SchedulerConfig scheduler;
        StateConfig state;
        ControlConfig control;
        ReportsConfig reports;
        ConsoleConfig console;
        AuditConfig audit;
        NotifyConfig notify;
        ProtectedConfig guarded;
        BrakeLimits brakes;
        struct {
                int64_t every_us; /* 0: never */
                int drift;        /* DriftMode, app/reconcile/drift.h */
        } reconcile;
        int64_t workers;
        int64_t settle_us;
        int64_t stop_timeout_us;
        struct {
                int level;  /* LogLevel */
                int format; /* LogFormat */
        } log;

        /* Compiled. */
        SourceConfig *sources; /* the one, or those listed */
        size_t n_sources;
        const UrgentRule *urgent_rules;
        size_t n_urgent_rules;
        RunConfig run;      /* but for its connectors: app/flow/connector.h knows their numbers */
        bool rules_invalid; /* run.rules stand in for what cannot be loaded: config_load_tolerant() */
};

#define CONFIG_SOURCES_MAX 16

#define CONFIG_PATH_DEFAULT "/etc/sosync/sosync.yaml"

/*
 * Load, check and compile. The result has one reference.
 * Return: 0, CONFIG_E_INVALID, CONFIG_E_READ (findings in the diag), -errno.
 */
int config_load(Config **ret_config, const char *path, Diag *diag);

/* The same, but rules with faults are no reason to fail: which rules are active is in the state, and a folder
 * that somebody is working on must not keep the service from starting, nor anybody from a rollback. The
 * findings are in the diag, `rules_invalid` says so, and the shipped set stands in. */
int config_load_tolerant(Config **ret_config, const char *path, Diag *diag);

/* And for those who ask the service, or read what it wrote: what it takes to reach a directory, Graph or the
 * console is not looked at. Whoever may use the control socket may not read the secrets for that. */
int config_load_partly(Config **ret_config, const char *path, Diag *diag);

/* What runs have of the sections and of the rules, of a Config that nobody uses yet. */
void config_compile_run(Config *c);

/* Other rules than those it was loaded with: in a Config that nobody uses yet ... */
void config_use_rules(Config *c, const RuleSet *rules);

/* ... and as a copy that keeps the one that was read from a file, however many were made of it since. Return:
 * 0, RULE_E_INVALID (findings in the diag). */
int config_with_rules(Config **ret_config, Config *base, const RulesFile *texts, size_t n_texts, Diag *diag);

Config *config_ref(Config *c);
Config *config_unref(Config *c);

/* The source of this name, of this object: the innermost whose base holds it. NULL: none. */
const SourceConfig *config_source(const Config *c, const char *name);
const SourceConfig *config_source_of(const Config *c, const Dn *dn);
const char *config_source_names(const Config *c, Arena *a); /* "corp.contoso.test, res.fabrikam.test" */

/* The effective values as YAML, secrets as their paths. */
void config_show(const Config *c, Str *out);

/* The tables as help. */
void config_help(Str *out);

/* The first key that differs and takes effect only after a restart; NULL: none. */
const char *config_needs_restart(const Config *now, const Config *next);

/*
 * What takes effect only after a restart becomes what it is in `first`, with which the process was started:
 * the sections, and what runs have of them (estate, adoption, schema ...). `next` is in nobody's use yet; it
 * keeps a reference to `first`. Only the set of attributes that rules read is not held: runs read by
 * themselves.
 */
void config_hold_back(Config *next, Config *first);

DEFINE_CLEANUP(Config, config_unref)
