/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/workers.h"

#include "base/error.h"
#include "base/thread.h"

#include <stdlib.h>

static void *worker_thread(void *context)
{
        worker_run(context);
        return NULL;
}

int workers_start(Workers *all, Wiring *w, size_t n)
{
        size_t n_urgent = n / 16 ? n / 16 : 1;

        all->items = calloc(n, sizeof(*all->items));
        all->threads = calloc(n, sizeof(*all->threads));
        if (!all->items || !all->threads)
                error_oom(n * sizeof(*all->items));
        for (size_t i = 0; i < n; i++) {
                Source *sources[CONFIG_SOURCES_MAX];
                int r = wiring_sources(w, sources);

                if (r)
                        return r;
                worker_init(&all->items[i], &w->shared, sources,
                            i < n_urgent ? LANE_SET(LANE_URGENT) : LANES_ALL);
                r = thread_start(&all->threads[i], worker_thread, &all->items[i],
                                 i < n_urgent ? "urgent %zu" : "worker %zu", i + 1);
                if (r) {
                        worker_deinit(&all->items[i]);
                        return r;
                }
                all->n++;
        }
        return 0;
}

void workers_wait(Workers *all, Mono until)
{
        struct timespec t = { .tv_sec = until.us / 1000000, .tv_nsec = until.us % 1000000 * 1000 };

        while (all->n_ended < all->n &&
               pthread_clockjoin_np(all->threads[all->n_ended], NULL, CLOCK_MONOTONIC, &t) == 0)
                all->n_ended++;
}

void workers_stop(Workers *all)
{
        for (; all->n_ended < all->n; all->n_ended++)
                pthread_join(all->threads[all->n_ended], NULL);
        for (size_t i = 0; i < all->n; i++)
                worker_deinit(&all->items[i]);
        free(all->items);
        free(all->threads);
}

static void look_at_run(Wiring *w, RunWatch *watch)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Clock *clock = w->clock;
        const Outcome *report;

        run_watch_look(watch, clock_mono(clock), clock_wall(clock), w->shared.alarms, a, &report);
        if (report)
                reporter_say(&w->reporter, report);
}

void workers_look(Workers *all, Wiring *w)
{
        for (size_t i = 0; i < all->n; i++)
                look_at_run(w, &all->items[i].watch);
}
