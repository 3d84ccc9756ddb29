/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ahead: values that a lookout saw at another controller, until the feed's controller has them too
 *
 * The object is read where the feed is, as ever; only what is provably newer elsewhere takes the place of
 * what that controller still has.
 */

#include "engine/steps/internal.h"

#include "engine/space/ahead.h"

/* Return: 0, also when there is nothing; -errno. */
int run_recall_ahead(Run *run)
{
        Ahead ahead = { 0 };
        int r = space_read_ahead(run->space, &run->key, run->arena, &ahead, &run->ahead_serial);

        if (r < 0)
                return r;
        if (r == 0)
                run->ahead = arena_memdup(run->arena, &ahead, sizeof(ahead));
        /* A damaged row says nothing that may be trusted; the directory replicates without us. */
        return 0;
}

void run_ask_ahead(const Run *run, SourceQuery *q)
{
        const char **names;

        if (!run->ahead)
                return;
        names = arena_new_array(run->arena, const char *, run->ahead->n_values);
        for (size_t i = 0; i < run->ahead->n_values; i++)
                names[i] = run->ahead->values[i].attribute;
        q->stamped = names;
        q->n_stamped = run->ahead->n_values;
}

void run_apply_ahead(Run *run)
{
        if (!run->ahead || run->entry.deleted)
                return;
        run->entry.object = ahead_apply(run->ahead, run->entry.object, run->entry.stamps, run->entry.n_stamps,
                                        run->arena, &run->ahead_left);
        run->ahead_read = true;
}

void run_say_ahead(Run *run)
{
        for (size_t i = 0; run->ahead_read && i < run->ahead_left.n_values; i++) {
                const AheadValue *v = &run->ahead_left.values[i];
                Stamp has = stamp_find(run->entry.stamps, run->entry.n_stamps, v->attribute);

                step_detail(run, v->attribute, "from %s: its change %u has not replicated, %u is here",
                            v->server, v->stamp.version, has.version);
        }
}

/* A fact, whatever became of the run: here it is as new now as it was there. */
void run_leave_ahead(Run *run)
{
        if (run->ahead_read && run->ahead_left.n_values != run->ahead->n_values)
                space_write_ahead(&run->batch, &run->key, &run->ahead_left, run->ahead_serial);
}
