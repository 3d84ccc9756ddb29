/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/revert-read.h"

#include "base/diag.h"
#include "base/str.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdatomic.h>

#define READ_US ((int64_t)60 * 1000000)

typedef struct Crowd {
        Target *target;
        const Clock *clock;
        const TargetAsker *asker;
        RevertRead *reads;
        size_t n;
        _Atomic size_t next;
        _Atomic bool failed;
} Crowd;

typedef struct Reader {
        Crowd *crowd;
        Arena *arena;
        pthread_t thread;
} Reader;

typedef struct Sink {
        ObjectSink sink; /* first */
        const Object *object;
} Sink;

static int on_object(ObjectSink *sink, const TargetObject *o)
{
        ((Sink *)sink)->object = o->object;
        return 0;
}

static void read_one(Reader *reader, RevertRead *read)
{
        const Crowd *c = reader->crowd;
        Arena *a = reader->arena;
        Diag diag = DIAG_INIT;
        char id[GUID_TEXT_MAX];
        Call call = {
                .schema = read->schema,
                .lane = LANE_RECONCILE,
                .arena = a,
                .now = clock_mono(c->clock),
                .asker = c->asker,
        };
        Match match = { .type = read->type,
                        .by = MATCH_ID,
                        .value = guid_format(&read->id, id),
                        .attributes = read->attributes,
                        .n_attributes = read->n_attributes };
        Sink sink = { .sink = { .object = on_object } };

        call.deadline = mono_add(call.now, READ_US);
        read->result = target_fetch(c->target, &call, &match, &sink.sink, &diag);
        read->object = sink.object;
        if (read->result && diag_any(&diag))
                read->why = arena_strdup(a, diag_text(&diag));
        diag_deinit(&diag);
}

static void *reader_thread(void *context)
{
        Reader *reader = context;
        Crowd *c = reader->crowd;

        while (!c->failed) {
                size_t i = c->next++;

                if (i >= c->n)
                        break;
                if (!c->reads[i].n_attributes)
                        continue;
                read_one(reader, &c->reads[i]);
                if (c->reads[i].result && c->reads[i].result != TARGET_E_NOT_FOUND)
                        c->failed = true;
        }
        return NULL;
}

void revert_readers_init(RevertReaders *readers)
{
        for (size_t i = 0; i < REVERT_READERS; i++)
                readers->arenas[i] = arena_new(0);
}

void revert_readers_deinit(RevertReaders *readers)
{
        for (size_t i = 0; i < REVERT_READERS; i++)
                readers->arenas[i] = arena_free(readers->arenas[i]);
}

void revert_read(RevertReaders *readers, Target *target, const Clock *clock, const TargetAsker *asker,
                 RevertRead *reads, size_t n)
{
        Crowd crowd = { .target = target, .clock = clock, .asker = asker, .reads = reads, .n = n };
        Reader all[REVERT_READERS];
        size_t n_started = 1;

        for (size_t i = 0; i < REVERT_READERS; i++) {
                arena_reset(readers->arenas[i]);
                all[i] = (Reader){ .crowd = &crowd, .arena = readers->arenas[i] };
        }
        /* The caller reads too; without threads, alone. */
        while (n_started < REVERT_READERS && n_started < n &&
               thread_start(&all[n_started].thread, reader_thread, &all[n_started], "revert %zu",
                            n_started) == 0)
                n_started++;
        reader_thread(&all[0]);
        for (size_t i = 1; i < n_started; i++)
                pthread_join(all[i].thread, NULL);
}
