/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Steps: the ten steps of a single object sync, in order
 *
 *      Change --> pipeline_run --> Outcome (for people) + SpaceBatch (for the spaces)
 *
 * STEPS (engine/model/steps-table.h) is the table: order, names, report rows and man page come from it. A
 * step is one function in one file, reads and writes fields of Run only, and may not read what a later step
 * fills; each field says who fills it. A step that fails or says "not ours" ends the run; the later ones are
 * listed as skipped.
 *
 * The object is read once, before the first step (run->entry): scope is judged by the DN the object has now,
 * not by the one it had when the bell rang. How the read went is the fourth step's finding.
 *
 * Steps never see the queue: what a run leaves behind collects in run->batch, and the worker hands it over
 * with the acknowledgement. The one exception is an intent, which must be durable before a create leaves:
 * run->note.
 *
 * A run belongs to one thread. It blocks in source and target only.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "engine/brakes/brakes.h"
#include "engine/model/change.h"
#include "engine/model/dn.h"
#include "engine/model/outcome.h"
#include "engine/model/steps-table.h"
#include "engine/rules/rules.h"
#include "engine/scope/scope.h"
#include "engine/source/source.h"
#include "engine/space/ahead.h"
#include "engine/space/journal.h"
#include "engine/space/space.h"
#include "engine/target/target.h"

typedef struct Run Run;
typedef struct RunConfig RunConfig;
typedef struct RunConnector RunConnector;
typedef struct Step Step;

enum {
        STEP_E_BASE_ = 2000, /* ERROR_BASE_STEP */

        STEP_E_DONE,  /* nothing left to do; the run is a success */
        STEP_E_SKIP,  /* not ours or not possible; the outcome's error says why, if there is one */
        STEP_E_RETRY, /* cannot go on now; run->retry_at or the worker's back-off says when */
        STEP_E_PARK,  /* cannot go on without a person; the outcome's error says why */
};

typedef enum StepName {
#define STEP_ENUM(function, name, type, title) STEP_##function,
        STEPS(STEP_ENUM)
#undef STEP_ENUM
        _STEP_N,
} StepName;

struct Step {
        const char *function; /* "import_source": logs and metrics */
        const char *name;     /* "SourceImport": reports */
        StepType type;
        const char *title;
        int (*run)(Run *run);
};

extern const Step step_table[_STEP_N];

/* The detail of the export step that has the requests of a run that somebody asked for in staging mode. */
#define STEP_REQUESTS "requests"

/* What is said to the cloud account of an object that is not synchronized any more, and enabled. Never a
 * delete. */
typedef enum LastWord {
        LAST_WORD_REPORT,  /* nothing: the report says that it has gone */
        LAST_WORD_DISABLE, /* it is turned off, once */
} LastWord;

/* A source, as steps and rules see it. Indexed by Change.source: a number that belongs to its name for ever,
 * so there may be gaps, and sources that were configured once. */
struct RunConnector {
        const char *name;
        const Scope *scope;       /* NULL: the source is not in the configuration (any more) */
        const char *group_filter; /* DN, or NULL */
        LastWord on_leave, on_delete;
        const ExprParameter *parameters; /* %Domain.FQDN% ... */
        size_t n_parameters;
};

/* Part of the configuration: immutable, shared by all workers, held to the end of a run. */
struct RunConfig {
        const RuleSet *rules;
        const struct TargetSchema *schema; /* what attributes the cloud has; NULL: those of every tenant */
        const RunConnector *connectors;
        size_t n_connectors;
        bool staging;  /* export nothing */
        bool unkept;   /* nothing of the run can be kept, so nothing leaves either; that is no staging */
        Estate estate; /* who owns the objects */
        const BrakeLimits *brakes;
        bool ask_owner; /* what another synchronization owns it is asked to write; else it is left to its
                           cycle */
        SoftMatch soft_match;    /* what becomes of an object without an anchor that could be this one */
        const char *anchor_fits; /* compare has found that the rules' anchor is wrong, and this one fits;
                                    NULL: fine */
        bool adopt_strict;       /* what AD has not is cleared and unlinked from the first contact on */
        ConfigList guarded;      /* const char *: accounts that are never written */
        ConfigList allowed;      /* const char *: role-assignable groups, and holders of roles, that are */
        bool write_role_holders; /* holders of directory roles are written like anybody else */
        int64_t trust_space_ms;  /* a user that was read so long ago at most is not read again; 0: always */
        Wall trust_since;  /* given by the worker: ... nor before this moment; 0: nobody knows: always */
        int64_t settle_ms; /* how long a read of Graph may lag behind our write: 120 s */
        /* What to read of an object: filled by run_config_attributes() from the rules. */
        const char *const *attributes;
        size_t n_attributes;
        const char *const *links; /* those whose values are rows: member */
        size_t n_links;
};

/*
 * What rules read of an object, and its fingerprint as Head.hash keeps it; for whoever compares the directory
 * with the connector space without a run (app/sweep). Groups of which rules ask whether it is a member
 * (RuleGroup) are asked in the directory, one query each; one that cannot be read is nobody's "not a member".
 * Return: 0, SOURCE_E_REFUSED (no such group), SOURCE_E_UNREACHABLE, -errno; the diag names the group.
 */
int run_project(const RunConfig *config, Source *source, const SourceEntry *entry, const char *type,
                const char *dn, Arena *a, const Object **ret_object, Diag *diag);
/* The groups alone. Return: as run_project(). */
int run_ask_groups(const RuleSet *rules, Source *source, const ObjectId *id, const char *type,
                   ObjectBuilder *b, Diag *diag);

typedef struct RunJoined RunJoined;

/* A person or group, and from where its objects are. */
struct RunJoined {
        Space *space;
        const RunConnector *connectors;
        size_t n_connectors;
        const Person *person;
        const RuleInput *own; /* as it has just been read, joined to it or not; NULL: nothing has */
};

/*
 * All connector-space objects of it: the others as they were imported last. Their order decides which of two
 * wins where one rule gives both a value, so it must not depend on whose run this is: by source, then as they
 * joined. Also for whoever compares rules without a run (app/rules/compare.h).
 * Everything lives in the arena. Return: 0, -errno.
 */
int run_inputs(const RunJoined *j, Arena *a, RuleInput **ret_inputs, size_t *ret_n, Diag *diag);

Hash128 run_fingerprint(const Object *projection, const SourceEntry *entry);

/* Fill what follows from the rules. Everything lives in the arena. */
void run_config_attributes(RunConfig *config, Arena *a);
bool run_config_reads(const RunConfig *config, const char *attribute); /* ... do they ask for it? */

/* Whose failure is it (a circuit is opened for its scope, and no try is counted against the object). */
typedef enum Blame {
        BLAME_OBJECT,
        BLAME_SOURCE,
        BLAME_TARGET,
        BLAME_OWNER, /* of the object, which alone may write it: waits, and no circuit */
} Blame;

struct Run {
        /* Given by the worker; see run_init. */
        Arena *arena;
        const RunConfig *config;
        Source *source;
        Target *target;
        Space *space;
        const Clock *clock;
        Brakes *brakes; /* NULL: nothing is held */
        Change change;
        ObjectKey key; /* zero GUID: asked for by DN, and nobody knows the object */
        int (*note)(Run *run, const SpaceBatch *batch); /* durable before it returns */
        /* Change the counters of `brakes`, which other processes count with too: what change() left has been
         * stored when it returns, if it returned true. It may be called again. NULL: nobody else counts. */
        int (*change_brakes)(Run *run, bool (*change)(Brakes *b, void *context), void *context);
        void *owner;                                 /* of both */
        void (*entered)(Run *run, const Step *step); /* a step begins; NULL: nobody wants to know */

        /* Filled before the first step. */
        Mono began;
        int read_result;    /* of source_read */
        bool names_unknown; /* given by the worker: the domain's names are not known, so no rule may run */
        bool in_doubt;      /* given by the worker: what a run before this one has sent is not known */
        bool may_ask; /* given by the worker: the owner may be asked now; urgent work never waits for it */
        const char *scheduler; /* given by the worker: what the scheduler flag is like; NULL: nobody knows */
        const char *read_why;  /* what went wrong with it, for people; NULL: nothing */
        int64_t read_us;       /* how long it took */
        SourceEntry entry;
        const Ahead *ahead; /* what another controller had already; NULL: nothing */
        uint64_t ahead_serial;
        Ahead ahead_left; /* of it, what the controller that was read has not yet */
        bool ahead_read;  /* ahead_left is filled, and its values are in the entry */
        const Dn *dn;     /* as the object has it now; the hint if it could not be read */
        SourceInfo source_info;
        Head head; /* as of the last import; zero if unknown */
        uint64_t head_serial;
        bool known;    /* there is a head */
        Person person; /* zero if it is joined to none */
        uint64_t person_serial;
        ObjectId metaverse;
        Diag diag;          /* of the step that runs */
        StepRecord *record; /* of the step that runs */

        TargetInfo target_info; /* target_domain */
        bool leaving;           /* ou, object_type, group_filter: out of scope, but its cloud object is known:
                                   the last word */
        const Hold *hold;       /* what a revert left; NULL: nothing (or damaged, then `held`) */
        bool held;              /* only a disable may be written */
        bool held_back;         /* export: there was something else in the plan */
        bool reverting;         /* this run puts back what hold->wants says */
        bool read_links;        /* links are read now, whatever the space has */
        const char **left;      /* what somebody has changed since, and is left alone */
        size_t n_left;
        bool restorable;        /* import_target: nobody is there, and somebody may restore the account */
        bool gone;              /* ou: deleted, and the last word is a disable */
        const char *type;       /* object_type */
        const Object *object;   /* import_source: typed */
        const Object *previous; /* import_source: as imported before; NULL: never */
        Hash128 hash;           /* import_source: of the projection */

        const FlowedObject *mv; /* import_target: inbound result, whose anchor it matches by */
        const char *anchor;
        const Rule *join_rule;
        int rules_result; /* of the inbound rules; import_target cannot report it, sync does */
        Diag rules_diag;
        const char *rules_why;
        bool claimed;
        ObjectId claim;
        bool no_room;  /* import_target: another object of its source is what it would become */
        Cloud cloud;   /* import_target: what Entra ID has; object NULL: nothing */
        ObjectId lost; /* import_target: the cloud id that was known, and is not there any more */
        const Object *cloud_before; /* import_target: as the space had it; NULL: it had none */
        const Object *cloud_read;   /* import_target: as it was read; NULL: it was not */
        ObjectId cloud_id;
        uint64_t cloud_serial;
        bool trusted;          /* import_target: nothing was read, the row of the space stands for it */
        bool links_read;       /* links were read whole now; else the space's rows are trusted */
        ObjectId *cloud_links; /* members (of a group), manager (of a user) that Entra ID has, sorted */
        size_t n_cloud_links;
        ObjectId *shown_links; /* import_target: as they were read, with those whose end was sent before;
                                  sorted */
        size_t n_shown_links;
        Intent intent;
        uint64_t intent_serial;
        bool have_intent;
        bool is_own_create; /* import_target: the cloud object is what a create of ours has made */
        bool is_turned;  /* sync, export: the head is to say that the account is on, also of a run that fails
                          */
        bool was_on;     /* sync: some object of the person has last found that the account is to be on */
        bool announcing; /* export: what will be sent is noted, as if nothing were heard of it */
        bool announced;  /* export: ... and that is durable: what the run leaves behind must be stored too */
        Wall journal_at; /* export: of the journal's entry that was announced; 0: none was */
        bool *new_names; /* export: of each operation, nobody knew before that the directory names its target;
                            NULL: nothing was announced */
        Intent intent_before; /* export: as it was before this run's create; tries 0: there was none */

        const FlowedObject *ruled; /* sync: as the outbound rules give it */
        const FlowedObject
                *planned; /* sync: what the cloud object should be: with what a create needs beside */
        Wall due;         /* import_target, sync: when a rule may give another value by itself; 0: never. Also
                             import_source, if nothing has changed: as the last run said */
        bool due_is_urgent; /* it is the account's being on or off */
        Op *ops;            /* sync: the plan */
        size_t n_ops, size_ops;
        bool left_to_ask; /* sync: the owner is to be asked for the rest, in the normal lane */
        bool is_hidden;   /* sync: a link that is to go may be there, and not be seen yet */
        bool incomplete;  /* sync: a later run has more to plan, even if the object has not changed by then */
        bool failed;   /* sync: a rule failed, and only the disable leaves: what the rules said is not kept */
        bool has_gone; /* sync: what is turned off has left scope for good, or was deleted */
        const char *not_sent; /* sync: why the plan must not leave although there is one; NULL: it may */

        ObjectId *ready; /* of a CHANGE_LINK: the target of each operation, as the source names it */
        size_t n_ready;
        Effects taken; /* export: counted by the brakes, at taken_at; 0: not */
        Wall taken_at;
        BrakeSet tripped;  /* export: brakes that this run has put on */
        bool brakes_moved; /* their counters are to be stored */
        bool knew;         /* one more object is known, of this type: not if that is not stored */
        BrakeType knew_type;
        const OpResult *results; /* export: of each operation; NULL: nothing was sent */

        Call call; /* shared by all target calls of the run */

        /* What the run leaves behind. */
        SpaceBatch batch;
        Outcome outcome;
        Wall retry_at; /* 0: the worker's back-off */
        Blame blame;
        bool overtaken; /* export: something newer waits behind this run, which has left the rest to it */
        bool is_taken;  /* import_target, export: another object has a value, and may give it up: tried for an
                           hour */
        bool strained;  /* the target failed in passing: this object's bad luck, or an outage */
};

/* `a` is reset by the caller between runs. `source` may be NULL if the change's source is not configured. */
void run_init(Run *run, Arena *a, const RunConfig *config, Source *source, Target *target, Space *space,
              const Clock *clock, const Change *change);

/*
 * Run the steps. Afterwards run->outcome is complete (but for times only the worker knows), its disposition
 * says what the queue must do, and run->batch holds what must be stored with it: all of it for a run that is
 * done, and what the cloud has confirmed for one that is not.
 */
void pipeline_run(Run *run);

/* What it leaves behind was refused: another run has written a row of it. The batch is now what holds all the
 * same: what was replaced, and that the object is to be worked on whole. Return: 0, SPACE_E_*, -errno. */
int run_leave_facts(Run *run);

/* Release the claim. After the acknowledgement has been handed to the queue. */
void run_deinit(Run *run);
