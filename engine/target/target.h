/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Target: where objects go
 *
 *      step 8  target_fetch()  one object, by id, anchor, UPN, mail or unique name
 *      step 10 target_apply()  the operations of a plan, in order
 *
 * Targets stack: trace -> retry -> graph. Each is a file, each is tested alone. The engine speaks in names of
 * the Entra connector space (userPrincipalName, surname, alias, title, ...); the one table that maps them to
 * Graph properties, and says what Graph cannot write, is engine/target/schema.c.
 *
 * Nothing is sent that is not an Op of the plan. A dry run stops before apply.
 *
 * Functions may be called from any thread and block up to the call's deadline. All HTTP of all workers runs
 * on the target's own thread; a call hands it a request and sleeps.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "engine/model/change.h"
#include "engine/model/object.h"

typedef struct Call Call;
typedef struct Match Match;
typedef struct ObjectSink ObjectSink;
typedef struct Op Op;
typedef struct OpResult OpResult;
typedef struct OwnerNote OwnerNote;
typedef struct OwnerReport OwnerReport;
typedef struct Target Target;
typedef struct TargetAsker TargetAsker;
typedef struct TargetInfo TargetInfo;
typedef struct TargetObject TargetObject;
typedef struct TargetOps TargetOps;

enum {
        TARGET_E_BASE_ = 1800, /* ERROR_BASE_TARGET */

        TARGET_E_NOT_FOUND,   /* fetch: no such object */
        TARGET_E_AMBIGUOUS,   /* fetch: more than one; the diag names them */
        TARGET_E_THROTTLED,   /* held until call->retry_at; nothing was done, or the rest was not */
        TARGET_E_TRANSIENT,   /* 5xx, connection lost, not replicated yet: try again; the diag says what */
        TARGET_E_REFUSED,     /* token or consent refused: not the object's fault; a person must act */
        TARGET_E_UNREACHABLE, /* name, TLS or connection: not the object's fault */
        TARGET_E_REJECTED,    /* the service will not do this, ever: code and reason are in the OpResult */
        TARGET_E_OVERTAKEN,   /* apply: something newer waits (call->gives_way); the rest was not sent */
        TARGET_E_GARBAGE,     /* an answer that is not what the documentation says: nothing is concluded */
        TARGET_E_OWNER_BUSY,  /* apply: the object's owner (owner.h) must be asked, or looked at, at retry_at
                               */
        TARGET_E_OWNER_AWAY,  /* apply: it cannot be asked; again at retry_at */
};

/* What another synchronization says that it has done, in parts as it says them, made safe for people. */
struct OwnerNote {
        const char *key;  /* "": all in all; "SourceImport": a step; "wrote title": a value; "2: ...": of the
                             second  request */
        const char *text; /* may have several lines */
};

struct OwnerReport {
        const OwnerNote *notes;
        size_t n_notes;
};

/* Who waits for an answer, and may go away before it comes: a job that is cancelled. Asked now and then while
 * a call waits, from any thread; true, and it ends within about a second, with TARGET_E_TRANSIENT. */
struct TargetAsker {
        bool (*is_gone)(void *context);
        void *context;
};

/* NULL: somebody who stays. */
static inline bool target_asker_is_gone(const TargetAsker *a)
{
        return a && a->is_gone && a->is_gone(a->context);
}

/* What a call is for: fairness, deadline, and what it leaves for the report. */
struct Call {
        const struct TargetSchema
                *schema; /* schema.h: what attributes there are; NULL: those of every tenant */
        Lane lane;
        Mono now;
        Mono deadline;
        /* Asked before each request; false: nothing may be sent any more (in a cluster, another node may have
         * the object by now). NULL: always. */
        bool (*may_send)(void *context);
        /* Asked between the requests of a long list of links; true: it ends there (TARGET_E_OVERTAKEN).
         * NULL: never. */
        bool (*gives_way)(void *context);
        void *context;            /* of both */
        const TargetAsker *asker; /* NULL: somebody who stays */
        struct Str *paper;        /* not NULL: apply writes here what it would send, and sends nothing */
        const char *dn;           /* the object as the source names it; for its owner (owner.h) */
        const char *owner_name;   /* filled: who was asked, if the owner was */
        OwnerReport owner_said;   /* filled: the owner's report, for ours; nothing: it was not asked */
        const char *run_id;       /* becomes client-request-id's prefix in the log */
        Arena *arena;             /* results live here */
        const char **request_ids; /* filled: the service's request ids, newest last */
        size_t n_request_ids, size_request_ids;
        Mono retry_at; /* with TARGET_E_THROTTLED, _OWNER_*; with _TRANSIENT if a 503 named a time, else 0 */
        const char *error_code; /* the service's own code and message, for the report; NULL: none */
        const char *error_text;
        Mono first_write, last_write; /* when the first write left and the last was accepted; 0: none */
        unsigned n_reads, n_writes;
};

/* Who owns the objects of the tenant, and so what may be written to them through Graph. */
typedef enum Estate {
        ESTATE_ALONE,      /* sosync: everything */
        ESTATE_CONNECT,    /* Entra Connect: disable, and end sessions; for the rest it is asked (owner.h) */
        ESTATE_CLOUD_SYNC, /* Cloud Sync: the same (on-demand.h) */
} Estate;

/* A new user that Entra ID seems to have already, without an anchor. */
typedef enum SoftMatch {
        SOFT_MATCH_OFF,    /* is not looked for */
        SOFT_MATCH_REPORT, /* waits for a person */
        SOFT_MATCH_ON,     /* is taken */
} SoftMatch;

typedef enum MatchBy {
        MATCH_ID,     /* cloud id as GUID text */
        MATCH_ANCHOR, /* users: onPremisesImmutableId; groups: uniqueName */
        MATCH_SID,    /* groups that another synchronization has made: onPremisesSecurityIdentifier. Only its
                         service can write an anchor of theirs, and Graph does not show it */
        MATCH_UPN,
        MATCH_MAIL,    /* mail, or any proxyAddresses value */
        MATCH_DELETED, /* users that were deleted and can be restored, by onPremisesImmutableId */
} MatchBy;

struct Match {
        const char *type; /* "user" "group" */
        MatchBy by;
        const char *value;
        const char *const *attributes; /* Entra connector-space names to read; links among them are paged */
        size_t n_attributes;
};

struct TargetObject {
        const Object *object;    /* id = cloud id; attributes by Entra connector-space names */
        bool mastered_elsewhere; /* onPremisesSyncEnabled is true */
        bool role_assignable;    /* group: isAssignableToRole is true */
};

typedef enum TargetStop {
        TARGET_STOP_WAITING, /* what cannot be sent at once ends, now and from now on; what is under way has
                                its answer */
        TARGET_STOP_ALL,     /* all calls end, those in flight and those to come */
} TargetStop;

/* Receives the object, then the links page by page. Return of either: 0, or > 0 to stop. */
struct ObjectSink {
        int (*object)(ObjectSink *sink, const TargetObject *o);
        int (*links)(ObjectSink *sink, const char *attribute, const ObjectId *ids, size_t n_ids);
};

typedef enum OpKind {
        OP_CREATE,          /* with the OP_SETs that follow it, one request; result has the id */
        OP_SET,             /* attribute = value; sets of one object become one request */
        OP_UNSET,           /* attribute = null */
        OP_LINK,            /* attribute gains id */
        OP_UNLINK,          /* attribute loses id */
        OP_REVOKE_SESSIONS, /* sign-in sessions end */
} OpKind;

struct Op {
        OpKind kind;
        const char *type; /* "user" "group" */
        ObjectId id;      /* zero for OP_CREATE and for what follows it */
        const char *attribute;
        Value value;
        ObjectId link;
        ObjectId named;                  /* the linked object as the source names it; zero: nobody named it */
        const char *link_dn, *link_type; /* the same as the source names it; for the owner. NULL: not known */
        bool owner;             /* only the object's owner may write it, and is asked to; behind all others */
        const char *anchor;     /* OP_CREATE */
        const char *request_id; /* OP_CREATE: client-request-id, durable in the intent before it leaves */
        /* For the report. */
        Value old_value;
        const char *rule;
        const char *mapping;
        const char *data_source;
};

typedef enum OpState {
        OP_NOT_SENT, /* certainly without effect: not reached, or refused untouched (429, 409); may be
                        repeated */
        OP_DONE,
        OP_UNCHANGED,         /* the service had it already (member already present, already gone) */
        OP_NOT_WRITABLE,      /* schema: Graph cannot write this attribute; not sent, said in the report */
        OP_CONFLICT,          /* another object has the value */
        OP_REFERENCE_MISSING, /* the linked object is not there (yet) */
        OP_FAILED, /* refused; with TARGET_E_TRANSIENT or _GARBAGE: perhaps done, the answer was lost */
} OpState;

struct OpResult {
        OpState state;
        int http_status;         /* 0: not sent */
        ObjectId id;             /* OP_CREATE: of the new, or adopted, object */
        const char *code;        /* of the error catalogue (engine/steps/catalogue.h); NULL: fine */
        const char *reason;      /* what the service said */
        const char *conflict_id; /* OP_CONFLICT: the other object's id, if said */
};

/* What step 2 wants to know. Texts live as long as the Target. */
struct TargetInfo {
        const char *name; /* "Microsoft Entra ID" */
        const char *tenant_id;
        const char *tenant_name;
        const char *initial_domain;
        const char *const *verified_domains;
        size_t n_verified_domains;
        const char *const *federated_domains; /* those of them whose users sign in elsewhere */
        size_t n_federated_domains;
        bool on_premises_sync; /* organization.onPremisesSyncEnabled */
        Wall last_sync;        /* organization.onPremisesLastSyncDateTime; 0: never, or not said */
};

struct TargetOps {
        const char *name;
        int (*fetch)(Target *t, Call *call, const Match *match, ObjectSink *sink, Diag *diag);
        int (*apply)(Target *t, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results, Diag *diag);
        int (*info)(Target *t, Call *call, TargetInfo *ret_info, Diag *diag); /* cached for minutes */
        int (*role)(Target *t, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                    Diag *diag);
        /* Microseconds to wait before work in this lane makes sense; 0: now. Takes one write and two read
         * units from the budget; target_give_back returns them when the run sent nothing. */
        int64_t (*take)(Target *t, Lane lane, Mono now);
        void (*give_back)(Target *t, Lane lane, Mono now);
        void (*stop)(Target *t, TargetStop how);
        Target *(*free)(Target *t);
};

struct Target {
        const TargetOps *ops;
};

/* Return: 0, any of TARGET_E_*, -errno. */
int target_fetch(Target *t, Call *call, const Match *match, ObjectSink *sink, Diag *diag);

/*
 * Apply in order. ret_results has n_ops entries, filled also when the call ends early: what was done is
 * OP_DONE, what was not is OP_NOT_SENT. A rejected operation does not stop those of other requests, except
 * that nothing follows a create that failed. Return: 0 (look at the results), TARGET_E_THROTTLED,
 * TARGET_E_TRANSIENT, TARGET_E_REFUSED, TARGET_E_UNREACHABLE, TARGET_E_REJECTED (at least one result is
 * OP_CONFLICT or OP_FAILED), TARGET_E_OVERTAKEN, TARGET_E_GARBAGE, TARGET_E_OWNER_*, -errno.
 */
int target_apply(Target *t, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results, Diag *diag);

/* Return: 0, TARGET_E_*, -errno. */
int target_info(Target *t, Call *call, TargetInfo *ret_info, Diag *diag);

/*
 * The name of a directory role that the user holds, or that a group gives whose member the user is; NULL:
 * none. One who is eligible for it, and may activate it, counts as one; who is eligible for a membership of
 * such a group is not seen. In the call's arena. `age_us`: an answer that was right so long ago will do; all
 * holders are then listed at once, and asked for again no sooner. 0: ask now. Return: 0, TARGET_E_REFUSED
 * (roles may not be read: the diag says which permission is missing), TARGET_E_*, -errno.
 */
int target_role(Target *t, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                Diag *diag);

int64_t target_take(Target *t, Lane lane, Mono now);
void target_give_back(Target *t, Lane lane, Mono now);

/* From any thread, and again with more. What ends by it ends with TARGET_E_TRANSIENT. */
void target_stop(Target *t, TargetStop how);

Target *target_free(Target *t);

DEFINE_CLEANUP(Target, target_free)
