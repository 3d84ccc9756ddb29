/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Changes put into a state folder directly, as the feed would, but fast
 *
 *      fill-queue STATE < lines of objectGUID and DN        these objects
 *      fill-queue STATE COUNT                               as many that no directory has
 *      fill-queue STATE known                               all that the state knows
 *
 * All are in the normal lane, 5,000 a commit. Real objects are of the kind that a person asks for: one whose
 * source has not changed since its last run is else passed over without a look at the cloud. The service must
 * not run. Prints the seconds it took.
 */

#include "base/clock.h"
#include "queue/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_PUT 5000

static _Noreturn void give_up(const char *what, int r)
{
        fprintf(stderr, "fill-queue: %s: %d\n", what, r);
        exit(1);
}

static void put(Queue *q, const Change *changes, size_t n)
{
        int r = queue_put(q,
                          &(Intake){ .changes = changes, .n_changes = n, .now = clock_wall(&clock_system) });

        if (r)
                give_up("put", r);
}

/* Keys in random order, as GUIDs are. */
static void made_up(Change *c, uint64_t i)
{
        uint64_t parts[2] = { (i + 1) * UINT64_C(0x9E3779B97F4A7C15), i };

        memcpy(c->id.bytes, parts, sizeof(c->id.bytes));
        c->dn = "CN=Nobody,OU=Bulk,DC=corp,DC=contoso,DC=test";
}

typedef struct Known {
        Queue *queue;
        Change *changes;
        size_t n;
} Known;

static int take_known(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Known *k = context;
        ObjectKey object;

        if (!object_key_unpack(key, n_key, &object))
                give_up("a key of the space", (int)n_key);
        k->changes[k->n++] = (Change){ .source = object.source,
                                       .id = object.id,
                                       .kind = CHANGE_REQUEST,
                                       .lane = LANE_NORMAL,
                                       .seen = clock_wall(&clock_system) };
        if (k->n == PER_PUT) {
                put(k->queue, k->changes, k->n);
                k->n = 0;
        }
        return 0;
}

static void put_known(Queue *q, Change *changes)
{
        Known k = { .queue = q, .changes = changes };
        Space *s = queue_space(q);
        int r = s->ops->walk(s, SPACE_HEAD, NULL, 0, take_known, &k);

        if (r)
                give_up("walk", r);
        if (k.n)
                put(q, changes, k.n);
}

static bool read_one(Change *c, Arena *a)
{
        char line[1024], *tab;

        if (!fgets(line, sizeof(line), stdin))
                return false;
        line[strcspn(line, "\n")] = '\0';
        tab = strchr(line, '\t');
        if (!tab)
                give_up(line, 0);
        *tab = '\0';
        if (!guid_parse(line, &c->id))
                give_up(line, 0);
        c->kind = CHANGE_REQUEST;
        c->dn = arena_strdup(a, tab + 1);
        return true;
}

int main(int argc, char **argv)
{
        uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, at = 0;
        Mono from = clock_mono(&clock_system);
        Change *changes = calloc(PER_PUT, sizeof(*changes));
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Queue *q = NULL;
        bool more = true;
        int r;

        if (argc < 2 || !changes)
                give_up("usage: fill-queue STATE [COUNT | known]", 0);
        r = queue_lmdb_new(&q, &(QueueLmdbOptions){ .path = argv[1], .now = clock_wall(&clock_system) },
                           &diag);
        if (r)
                give_up(diag_text(&diag), r);
        if (argc > 2 && strcmp(argv[2], "known") == 0) {
                put_known(q, changes);
                more = false;
        }
        while (more) {
                size_t i = 0;

                for (; i < PER_PUT && more; i += more) {
                        changes[i] = (Change){ .kind = CHANGE_REQUEST,
                                               .lane = LANE_NORMAL,
                                               .seen = clock_wall(&clock_system) };
                        if (argc > 2 && at < n)
                                made_up(&changes[i], at++);
                        else
                                more = argc == 2 && read_one(&changes[i], a);
                }
                if (i)
                        put(q, changes, i);
                arena_reset(a);
        }
        queue_free(q);
        free(changes);
        printf("%.3f\n", (double)(clock_mono(&clock_system).us - from.us) / 1e6);
        return 0;
}
