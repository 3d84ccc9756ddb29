/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scene: the whole engine under a fake clock
 *
 *      Thing --> SourceMem --CHANGE--> intake --> queue --> worker --> Cloud --> target-mem
 *      (directory.c)                   (app/)     (real)    (app/)    (cloud.c)
 *
 * Everything between the feed's batch and the target is the product itself: intake, queue, spaces, the
 * shipped rules, worker, pipeline. One worker is driven by hand, so that what happens is the same each time.
 * Time moves only by the script.
 *
 * A scene belongs to one thread.
 */

#include "app/flow/gate.h"
#include "app/flow/intake.h"
#include "app/flow/worker.h"
#include "engine/scheduler/scheduler-mem.h"
#include "engine/source/source-mem.h"
#include "tests/scenario/cloud.h"
#include "tests/scenario/script.h"
#include "tests/scenario/seen.h"

typedef struct Scene Scene;
typedef struct SceneSource SceneSource;
typedef struct Thing Thing;

#define SCENE_BASE "DC=corp,DC=contoso,DC=test"
#define SCENE_OU   "OU=corp"

/* Sunday, 2026-11-22T00:00:00Z: 00:00 of every script. */
#define SCENE_BEGIN_MS INT64_C(1795305600000)

/* An object of the directory, by the name that the script gives it. */
struct Thing {
        const char *name;
        const char *type; /* "user" "group" "computer" */
        ObjectId id;
        const char *dn;
        const char *anchor;    /* as the rules make it */
        Attribute *attributes; /* in no order */
        size_t n_attributes, size_attributes;
        ObjectId *members;
        size_t n_members, size_members;
        uint64_t version;
        Wall created;
        ObjectId recycled; /* what was deleted and can be restored; zero: nothing */
        ObjectId planted;  /* cloud object that carries no anchor of ours; zero: none */
        bool second;       /* it is in the second directory */
};

/* A directory, and the way from its feed. */
struct SceneSource {
        const char *name, *base;
        ObjectId server; /* its identity */
        SourceMem *directory;
        IntakeSink intake;
};

struct Scene {
        Arena *arena;
        Script script;
        const ScriptLine *line; /* in hand */
        bool failed;
        int64_t now_ms; /* since the beginning */
        ClockFake clock;
        const char *folder; /* of configuration and state; removed at the end */
        bool lmdb;
        bool staging;
        const char *estate;  /* target.estate; NULL: its default */
        const char *section; /* more lines of the section; NULL: none */
        const char *group_filter;
        const char *scheduler;      /* keys of the section, each a line; NULL: none */
        const char *types;          /* scope.object_types; NULL: the default */
        const char *rules;          /* what stands in `rules: {...}`; NULL: nothing */
        const char *replaced_rules; /* the version before the last ACTIVATE; NULL: there was none */
        const char *own_rules;      /* a rule a line, in YAML, beside the shipped ones; NULL: none */

        Thing **things;
        size_t n_things, size_things;
        SourceMem *directory;
        ObjectId server; /* its identity */
        IntakeSink intake;
        SceneSource *second; /* another one beside it; NULL: there is none */
        Target *cloud;
        Queue *queue;
        bool full;                    /* acknowledgements are refused */
        bool shut;                    /* new changes are refused */
        uint64_t full_at;             /* that begins when a job has looked at so many; 0: it does not */
        bool unreadable;              /* so are the rows of the spaces, to a run */
        ObjectId claimed;             /* a metaverse object that another run has; zero: none */
        bool dying;                   /* the next acknowledgement is never stored */
        bool late;                    /* ... and the next process begins when the script goes on */
        const char *const *meanwhile; /* words of MEANWHILE that has not happened yet; NULL: none */
        size_t n_meanwhile;
        Snapshot snapshot;
        Log log;
        Config *first; /* as the process was started with */
        Connectors connectors;
        Alarms alarms;
        const char *guarded;              /* `protected:`; NULL: nothing is */
        const char *on_leave, *on_delete; /* NULL: their default */
        const char *brakes;               /* `brakes:` of the configuration; NULL: as shipped */
        ConnectMem *connect;              /* NULL: there is no Connect server, the flag is sosync's own */
        Target *target; /* the cloud, behind target-owner if there is a Connect server or Cloud Sync; NULL:
                         * the cloud itself
                         */
        bool ask;       /* target.connect.command is set */
        const char *owner_says; /* how its single object sync ends; NULL: well */
        Config *gate_config;    /* the gate's; it does not follow a reload */
        Gate gate;
        WorkerShared shared;
        Worker worker;
        unsigned n_positions, n_barriers;

        Seen seen;
};

static inline const char *scene_base(const Scene *s, const Thing *t)
{
        return t->second ? s->second->base : SCENE_BASE;
}

/* As the queue and the spaces know it. */
static inline ObjectKey scene_key(const Scene *s, const Thing *t)
{
        return (ObjectKey){ .source = s->connectors.items[t->second].number, .id = t->id };
}

/* Another directory, res.contoso.test, is followed from now on; before anything else has happened. */
bool scene_second(Scene *s, const char *name);

/* Return: 0, -errno. `backend`: "lmdb" or "mem". */
int scene_init(Scene *s, const char *backend);
void scene_deinit(Scene *s);

/* The process ends, and its store is looked through as `sosync queue check` does. False: that was said. */
bool scene_check(Scene *s);

/* The line in hand is not as it should be: says so with file and line, and what was seen. Returns false. */
bool scene_fail(Scene *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Work off what is due now. False: something is wrong with the engine; it was said. */
bool scene_work(Scene *s);
bool scene_until(Scene *s, int64_t ms); /* ... and all that becomes due until then */

/* The process dies, and starts again with what is on disk. */
bool scene_crash(Scene *s);
bool scene_reopen(Scene *s); /* the process ends and starts again, as told to */
bool scene_reload(Scene *s); /* staging or group_filter has changed */

/* scene-config.c: the configuration as it is wanted now. Return: 0, -errno; what is wrong was said. */
int scene_load_config(Scene *s, Config **ret_config);

/* scene-outcome.c: for EXPECT. False: its report leaves people without advice; it was said. */
bool scene_see(Scene *s, const Outcome *o);

Thing *scene_thing(Scene *s, const char *name); /* NULL: there is none */
Thing *scene_thing_of(Scene *s, const ObjectId *id);
Thing *scene_thing_of_anchor(Scene *s, const char *anchor);
const char *scene_name_of_cloud(Scene *s, const ObjectId *id);
bool scene_cloud_of(Scene *s, const Thing *t, ObjectId *ret_id);

/* commands-reconcile.c: what the service does by itself. */
bool scene_do_jobs(Scene *s);

/* directory.c: the commands that make and change objects. */
Thing *directory_new(Scene *s, const char *type, const char *name);
bool directory_set(Scene *s, Thing *t, const char *name, const char *text);
void directory_move(Scene *s, Thing *t, const char *ou);
void directory_put(Scene *s, Thing *t, bool deleted);
Value directory_value(Scene *s, const char *name, const char *text); /* as an attribute of this name has it */

/* connect.c: the Connect server beside, and the flag. */
bool connect_place(Scene *s, int64_t interval_us, int64_t duration_us); /* ... is there from now on */
bool connect_do(Scene *s, const char *const *words, size_t n_words);
bool connect_cloud_sync(Scene *s, const char *const *words, size_t n_words);
bool connect_cycle(Scene *s, const char *const *words, size_t n_words);
bool connect_flag(Scene *s, const char *const *words, size_t n_words);
bool connect_heard(Scene *s, const char *const *words, size_t n_words);
bool connect_wizard(Scene *s, const char *const *words, size_t n_words);
bool connect_owner(Scene *s, const char *const *words, size_t n_words);
bool connect_stream(Scene *s, const char *const *words, size_t n_words);
bool connect_driver(Scene *s, const char *const *words, size_t n_words);
bool connect_expect_flag(Scene *s, const char *const *words, size_t n_words);
bool connect_expect(Scene *s, const char *const *words, size_t n_words);

/* commands.c: one line. False: it failed, and was said. */
bool command_do(Scene *s);

/* expect.c: EXPECT ... */
bool expect_do(Scene *s);
