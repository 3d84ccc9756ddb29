/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside target-graph; private to graph*.c
 *
 *      graph.c         the target: start, stop, budget, tenant
 *      graph-config.c  `target:` of the configuration
 *      graph-batch.c   several requests in one
 *      graph-call.c    one request: token, headers, limiter, what its end means
 *      graph-error.c   a refusal's status and body -> a code of the catalogue
 *      graph-json.c    Graph's JSON <-> attributes of the Entra connector space
 *      graph-paper.c   a write as it would be sent
 *      graph-read.c    fetch
 *      graph-role.c, graph-holders.c
 *                      who holds a directory role: one user, or all of them now and then
 *      graph-write.c   apply: operations -> requests, results
 *      graph-write-object.c, graph-create.c, graph-links.c
 *                      updates; creates; members, twenty at a time, refusals taken apart
 */

#include "engine/target/graph.h"
#include "engine/target/http.h"
#include "engine/target/schema.h"
#include "engine/target/token.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

typedef struct GraphCall GraphCall;
typedef struct GraphCloud GraphCloud;
typedef struct GraphError GraphError;
typedef struct TargetGraph TargetGraph;

/* Credits of target_take that have not been used yet; more than ever run at once are a mistake of a caller.
 */
#define GRAPH_CREDITS_MAX 1024
/* "PATCH /groups/{id} with members@odata.bind: at most 20 references" (group-post-members). */
#define GRAPH_BIND_MAX 20
/* Requests of one call under way at the same time. More gain nothing: the same group is written. */
#define GRAPH_WINDOW 4
/* A request waits so long for the limiter in place; longer waits end the run. */
#define GRAPH_PATIENCE INT64_C(2000000)

struct GraphCloud {
        const char *name;
        const char *login;
        const char *graph;    /* with version */
        const char *audience; /* of the token */
};

extern const GraphCloud graph_clouds[];

struct TargetGraph {
        Target target;
        const GraphOptions *options;
        const Clock *clock;
        Log log;
        LogField log_fields[1];
        const char *base; /* "https://graph.microsoft.com/v1.0" */
        size_t n_origin;  /* its part up to the path */
        Http *http;
        Token *token;
        Limiter *limiter;
        struct GraphHolders *holders;

        atomic_int credits; /* writes charged by target_take, not used yet */
        atomic_bool fresh;  /* a 503 was seen: the next request takes a new connection */

        pthread_mutex_t lock;
        ObjectId denied[2]; /* lock: the last objects whose write was refused, see graph_denied */
        unsigned n_denied;  /* lock: in a row */
        Arena *arena;       /* lock: texts of info */
        TargetInfo info;    /* lock */
        Mono info_at;       /* lock; 0: never */
};

/* A link of an answer (@odata.nextLink, @odata.deltaLink): is it on the host that we talk to? */
static inline bool graph_is_ours(const TargetGraph *g, const char *link)
{
        return strncmp(link, g->base, g->n_origin) == 0 && link[g->n_origin] == '/';
}

/* What a refusal means for the object. */
typedef enum GraphVerdict {
        GRAPH_FINE,
        GRAPH_CONFLICT,     /* another object has the value */
        GRAPH_EXISTS,       /* the references exist already */
        GRAPH_NOT_FOUND,    /* the object, or one it refers to */
        GRAPH_DENIED,       /* 403 */
        GRAPH_REJECTED,     /* the service will not do this, ever */
        GRAPH_AGAIN,        /* certainly without effect, may be repeated: 409 concurrency, 412 */
        GRAPH_UNAVAILABLE,  /* 5xx: perhaps with effect */
        GRAPH_THROTTLED,    /* 429: without effect */
        GRAPH_UNAUTHORISED, /* 401 */
        GRAPH_NONSENSE,     /* not an answer of Graph */
} GraphVerdict;

struct GraphError {
        GraphVerdict verdict;
        int status;
        const char *code;         /* of our catalogue; NULL: fine */
        const char *service_code; /* "Request_BadRequest" */
        const char *message;      /* the service's words */
        const char *property;     /* that is to blame; NULL: not said */
        const char *conflict_id;  /* GUID text; NULL: not said */
};

/* One request and its end. Zero-initialise by graph_call_init. */
struct GraphCall {
        TargetGraph *g;
        Call *call;
        HttpRequest http;
        BearerToken *bearer;
        const char *path; /* below the base, or whole for a next page */
        const char *request_id;
        bool write;
        bool upsert;        /* Prefer: create-if-missing */
        bool alone;         /* never in a $batch: creates, and what has a limit of its own */
        bool apart;         /* a limit of its own: a 429 does not hold other requests */
        int64_t timeout_us; /* 0: target.timeout */
        char *secret_body;  /* wiped and freed; NULL: the body is the arena's */
        size_t n_secret_body;
        bool submitted;
        bool on_paper; /* written down instead */
        int failed;    /* start did not get as far as submitting */
        char client_id[GUID_TEXT_MAX];
        json_t *json; /* answer; NULL: none, or not asked for */
        GraphError error;
};

void graph_call_init(GraphCall *c, TargetGraph *g, Call *call, const char *method, const char *path);
void graph_call_deinit(GraphCall *c);

/* Hand over; finish must follow. The body must live until then. */
void graph_call_start(GraphCall *c, Diag *diag);

/*
 * Wait for the end. Return: 0 (2xx; json is set if there is a body), TARGET_E_REJECTED (the service refused
 * this request: c->error; also for 404), TARGET_E_THROTTLED, TARGET_E_TRANSIENT, TARGET_E_REFUSED,
 * TARGET_E_UNREACHABLE, TARGET_E_GARBAGE. graph_call_is_untouched() tells whether it certainly had no effect.
 */
int graph_call_finish(GraphCall *c, Diag *diag);
bool graph_call_is_untouched(const GraphCall *c);

static inline int graph_call_run(GraphCall *c, Diag *diag)
{
        graph_call_start(c, diag);
        return graph_call_finish(c, diag);
}

/* graph-list.c: the next page of a list that was asked for at `here`, borrowed from the answer; NULL: there
 * is none. The token goes with every request, so a page may lead nowhere but to the host that it came from.
 * Return: 0, TARGET_E_GARBAGE. */
int graph_next_page(const TargetGraph *g, const json_t *answer, const char *here, const char **ret_next,
                    Diag *diag);

/* graph-error.c: pure. `body` may be anything. */
void graph_error_parse(GraphError *error, int status, const char *content_type, const char *body, size_t n,
                       Arena *a);
/* "Tenant_Application/Write/...": which scopes a refusal holds. */
LimiterScope graph_throttle_scope(const char *value, LimiterScope fallback);

/* graph-jobs.c */
/* A GET that answers a list in "value". Return: as graph_call_finish(), TARGET_E_REJECTED as _GARBAGE. */
int graph_jobs_get(TargetGraph *g, Call *call, const char *path, GraphCall *c, const char *list,
                   const json_t **ret_list, Diag *diag);
/* Each job of Cloud Sync, with its service principal. Not 0 ends it. */
int graph_jobs_each(TargetGraph *g, Call *call,
                    int (*job)(void *context, const char *principal, const json_t *job), void *context,
                    Diag *diag);

/* graph-json.c: pure. */
/* "id,onPremisesSyncEnabled,displayName,..." of these attributes, without links. */
const char *graph_select(const TargetSchema *schema, const char *type, const char *const *attributes,
                         size_t n, bool lists, Arena *a);
bool graph_wants(const char *const *attributes, size_t n, const char *name);
/* Return: 0, TARGET_E_GARBAGE. */
int graph_object_parse(const json_t *json, const TargetSchema *schema, const char *type, Arena *a,
                       TargetObject *ret_object, Diag *diag);
/* Adds the property of an OP_SET (or null, of an OP_UNSET) to a body. */
void graph_body_set(json_t *body, const TargetAttribute *at, Value v);
const char *graph_quote(Arena *a,
                        const char *text); /* for OData literals in a URL: quotes doubled, encoded */

/* graph.c: with another transport, for tests; takes http. */
Target *target_graph_with(Http *http, const GraphOptions *options, const Clock *clock, const Log *log);

/* graph.c: does a user of this name sign in elsewhere? As the tenant said when it was last asked (step 2). */
bool graph_is_federated(TargetGraph *g, const char *upn);

/* graph-batch.c: bundles of Http as $batch. */
bool graph_batch_takes(const TargetGraph *g, const HttpRequest *r);
void graph_batch(void *context, HttpBundle *b);
void graph_unbatch(void *context, HttpBundle *b);

/* graph-paper.c: a write, written to call->paper instead of sent. */
void graph_paper(GraphCall *c);

/* graph-read.c */
int graph_fetch(Target *t, Call *call, const Match *match, ObjectSink *sink, Diag *diag);

/* graph-role.c */
int graph_role(Target *t, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
               Diag *diag);
/* Who may make himself a holder of a role (Privileged Identity Management). */
#define GRAPH_ELIGIBLE "/roleManagement/directory/roleEligibilityScheduleInstances"

/* A list about roles, page by page, until `item` returns more than 0. A 403, or an answer that does not tell,
 * is "cannot be read": never "nobody". */
int graph_role_list(TargetGraph *g, Call *call, const char *path,
                    int (*item)(void *context, const json_t *item), void *context, Diag *diag);

/* graph-holders.c: all holders of directory roles, as they were not longer ago than was asked for. */
typedef struct GraphHolders GraphHolders;

GraphHolders *graph_holders_new(void);
GraphHolders *graph_holders_free(GraphHolders *h);
int graph_holder(TargetGraph *g, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                 Diag *diag);

/* graph-write.c */
int graph_apply(Target *t, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results, Diag *diag);

/* What a refused or failed write means for its operation's result. */
void graph_result(const GraphCall *c, int r, OpResult *result);

/* A write to this object was refused with 403, or accepted (id NULL). True: it looks as if the consent was
 * withdrawn, not as if this one object were protected. */
bool graph_denied(TargetGraph *g, const ObjectId *id);
