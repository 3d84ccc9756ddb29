/* SPDX-License-Identifier: Apache-2.0 */

#include "app/compare/scratch.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs in one commit: each costs a flush of the disk. */
#define TOGETHER 500

struct CompareScratch {
        char *folder;
        Queue *queue;
        const Clock *clock;
        Arena *arena; /* of what is taken and not yet written */
        SpaceBatch taken;
        unsigned n_taken;
};

static void remove_folder(const char *folder)
{
        static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "marks" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(files); i++)
                unlink(arena_printf(a, "%s/%s", folder, files[i]));
        rmdir(folder);
}

int compare_scratch_new(CompareScratch **ret_scratch, const char *folder, const Clock *clock, Diag *diag)
{
        _cleanup_(compare_scratch_freep) CompareScratch *s = calloc(1, sizeof(*s));
        int r;

        if (!s || asprintf(&s->folder, "%s/compare", folder) < 0)
                error_oom(sizeof(*s));
        s->clock = clock;
        s->arena = arena_new(0);
        space_batch_init(&s->taken, s->arena);
        remove_folder(s->folder);
        r = queue_lmdb_new(&s->queue, &(QueueLmdbOptions){ .path = s->folder, .now = clock_wall(clock) },
                           diag);
        if (r)
                return r < 0 ? r : error_origin(-EBUSY);
        *ret_scratch = TAKE(s);
        return 0;
}

CompareScratch *compare_scratch_free(CompareScratch *s)
{
        if (!s)
                return NULL;
        queue_free(s->queue);
        remove_folder(s->folder);
        arena_free(s->arena);
        free(s->folder);
        free(s);
        return NULL;
}

Space *compare_scratch_space(CompareScratch *s)
{
        return queue_space(s->queue);
}

int compare_scratch_flush(CompareScratch *s)
{
        const Intake in = { .writes = s->taken.writes,
                            .n_writes = s->taken.n_writes,
                            .links = s->taken.links,
                            .n_links = s->taken.n_links,
                            .now = clock_wall(s->clock) };
        int r = s->n_taken ? queue_put(s->queue, &in) : 0;

        arena_reset(s->arena);
        space_batch_init(&s->taken, s->arena);
        s->n_taken = 0;
        return queue_errno(r);
}

/* Two runs between two flushes may write one row, each as it saw it: the later one stands. */
int compare_scratch_take(CompareScratch *s, const SpaceBatch *batch)
{
        space_batch_append(&s->taken, batch);
        return ++s->n_taken < TOGETHER ? 0 : compare_scratch_flush(s);
}
