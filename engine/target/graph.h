/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * target-graph: Microsoft Graph v1.0
 *
 * One thread drives curl_multi: all HTTP of all workers, and the token, which is renewed ahead of its end,
 * one renewal for everybody. A call hands a request over and sleeps on it; a run may hand over several.
 * Before a request leaves, the limiter is asked once more; inside a hold nothing leaves.
 *
 * Facts about requests and errors: Microsoft Graph v1.0 reference (user, group, errors, throttling), the ones
 * used stand beside the code. An answer is hostile until parsed: at most 16 MiB, JSON of bounded depth.
 */

#include "base/config.h"
#include "base/log.h"
#include "engine/target/limiter.h"
#include "engine/target/on-demand.h"
#include "engine/target/owner.h"
#include "engine/target/schema.h"
#include "engine/target/target.h"

typedef struct GraphCredential GraphCredential;
typedef struct GraphOptions GraphOptions;

#define GRAPH_ANSWER_MAX ((size_t)16 << 20)

/* One of the ways to sign in; tried in order when one is refused. The key that is there says which. Files are
 * read at each renewal; what is secret is wiped after use, and refused if others may read it. */
struct GraphCredential {
        const char *secret_file;
        const char *certificate_file; /* PEM; or with its key: PEM, PKCS#12 */
        const char *key_file;         /* NULL: in certificate_file */
        const char *passphrase_file;  /* NULL: the key is not encrypted */
        int algorithm;                /* TokenAlgorithm */
        const char *federated_token_file;
        bool managed_identity;
        const char *managed_client_id; /* NULL: the machine's own */
};

/* First contact with an object that Entra ID has already. */
typedef enum GraphAdopt {
        GRAPH_ADOPT_GENTLE, /* clear and unlink only what AD had before */
        GRAPH_ADOPT_STRICT, /* as Entra Connect: AD is right about all that the rules flow */
} GraphAdopt;

/* `target:` of the configuration, filled by graph_fields. */
struct GraphOptions {
        const char *tenant_id;
        const char *client_id;
        ConfigList credentials;    /* GraphCredential */
        int estate;                /* Estate */
        OwnerConfig connect;       /* who is asked in estate connect */
        OnDemandConfig cloud_sync; /* ... in estate cloud-sync */
        ConfigList extensions;     /* TargetExtension */
        const char *group_anchor; /* a directory extension that holds the anchor of groups; NULL: none does */
        int soft_match;           /* SoftMatch */
        int adopt;                /* GraphAdopt */
        int cloud;                /* index into graph_clouds */
        struct {
                const char *login;            /* "https://login.microsoftonline.com" */
                const char *graph;            /* "https://graph.microsoft.com/v1.0" */
                const char *managed_identity; /* loopback only, for tests */
        } endpoints;                          /* NULL: by cloud. http:// only for loopback addresses */
        const char *ca_file;                  /* private CA of a proxy; NULL: the system's */
        const char *proxy;                    /* NULL: https_proxy of the environment */
        struct {
                int tenant_size; /* TenantSize */
                double share;
                double urgent_reserve;
                double time_scale;
                bool published; /* pace to the published limits; false: only Retry-After is obeyed */
        } limits;
        int64_t timeout_us;
        int64_t trust_space_us; /* engine/steps/trust.c; 0: every object is read before it is written */
};

extern const ConfigField graph_fields[];

/*
 * Check what the table cannot (loopback rule for http, files readable). All findings go into the diag.
 * Return: 0, CONFIG_E_INVALID.
 */
int graph_check(const GraphOptions *options, const ConfigDoc *doc, const char *prefix, Diag *diag);

/* When the first of the credentials' certificates ends; 0: there is none, or it cannot be read now. Reads
 * the files. */
Wall graph_certificate_end(const GraphOptions *options);

/* Starts the thread. `options` lives as long as the target. Return: 0, -errno. */
int target_graph_new(Target **ret_target, const GraphOptions *options, const Clock *clock, const Log *log,
                     Diag *diag);

/* The limiter of a graph target, for metrics; NULL if it is another (a decorator). */
Limiter *target_graph_limiter(Target *t);

/* Decorators; they own `next`. retry: repeats what is safe to repeat (reads; writes that certainly had no
 * effect) up to 2 s in place, with jitter. trace: hands one line per call to `line`. */
int target_retry_new(Target **ret_target, Target *next, const Clock *clock);
int target_trace_new(Target **ret_target, Target *next, void (*line)(void *context, const char *text),
                     void *context);

/* In memory, for tests: an Entra ID of users and groups with unique UPN, anchor and unique name. */
int target_mem_new(Target **ret_target);
