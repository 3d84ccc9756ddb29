/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Recent: links that were written moments ago
 *
 * Graph replicates. A member who was added a second ago, by a wrong click, and is taken out again, is not one
 * yet where the request arrives: 404, as if there were nothing to remove; and then the first write
 * replicates, and nobody looks again. The same the other way round, "already exist" for one who was just
 * removed. So the answer that there is nothing to do is believed only if the opposite was not written within
 * `settle`; else the run comes back until it must have replicated.
 *
 * What was written is noted among the writes of the cloud object, for as long as it matters, and not more of
 * it than a wrong click has: of a crowd only that there was one.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

#include <string.h>

#define RECENT_MAX 64

typedef struct LinkNote {
        const char *attribute;
        const char *added, *removed; /* names of the writes */
} LinkNote;

static const LinkNote notes[] = {
        { "member", "member added", "member removed" },
        { "manager", "manager added", "manager removed" },
};

static const char *note_name(const Op *op, bool opposite)
{
        for (size_t i = 0; i < N_ELEMENTS(notes); i++)
                if (str_is(op->attribute, notes[i].attribute))
                        return (op->kind == OP_LINK) != opposite ? notes[i].added : notes[i].removed;
        return NULL;
}

static bool is_link(const Op *op)
{
        return (op->kind == OP_LINK || op->kind == OP_UNLINK) && !op->owner && note_name(op, false);
}

/* Of this link, or of so many that they are not told apart. */
static bool is_about(const CloudWrite *w, const char *name, const ObjectId *link)
{
        return str_is(w->attribute, name) &&
               (w->before.type != VALUE_BYTES || (w->before.n == sizeof(link->bytes) &&
                                                  memcmp(w->before.bytes, link->bytes, w->before.n) == 0));
}

static void note(CloudWrite *writes, size_t *n, const Op *op, Wall now)
{
        const char *name = note_name(op, false);
        size_t n_same = 0, at = *n;

        for (size_t i = 0; i < *n; i++) {
                if (is_about(&writes[i], name, &op->link)) {
                        writes[i].at = now;
                        return;
                }
                n_same += str_is(writes[i].attribute, name);
        }
        writes[at] = (CloudWrite){ .attribute = name, .at = now };
        if (n_same < RECENT_MAX)
                writes[at].before = value_bytes(op->link.bytes, sizeof(op->link.bytes));
        ++*n;
}

size_t run_leave_recent(const Run *run, CloudWrite *writes, size_t n)
{
        for (size_t i = 0; i < run->n_ops; i++)
                if (is_link(&run->ops[i]) &&
                    (run_is_unheard(run, i) || (run->results && run->results[i].state == OP_DONE)))
                        note(writes, &n, &run->ops[i], clock_wall(run->clock));
        return n;
}

static Wall opposite_of(const Run *run, const Op *op)
{
        const char *name = note_name(op, true);
        Wall at = { 0 };

        for (size_t i = 0; i < run->cloud.n_writes; i++) {
                const CloudWrite *w = &run->cloud.writes[i];

                if (run_is_settling(run, w->at) && is_about(w, name, &op->link) && w->at.ms > at.ms)
                        at = w->at;
        }
        return at;
}

Wall run_doubt_links(const Run *run, OpResult *results)
{
        Wall last = { 0 };

        for (size_t i = 0; i < run->n_ops; i++) {
                Wall at;

                if (results[i].state != OP_UNCHANGED || !is_link(&run->ops[i]))
                        continue;
                at = opposite_of(run, &run->ops[i]);
                if (!at.ms)
                        continue;
                results[i].state = OP_NOT_SENT;
                results[i].reason = "the opposite was written moments ago, and is not replicated yet";
                if (at.ms > last.ms)
                        last = at;
        }
        return last;
}

/* Was this link written moments ago? Of a crowd nobody knows: then the run looks again. */
static bool is_noted(Run *run, const char *name, const ObjectId *link)
{
        for (size_t i = 0; i < run->cloud.n_writes; i++) {
                const CloudWrite *w = &run->cloud.writes[i];

                if (!run_is_settling(run, w->at) || !is_about(w, name, link))
                        continue;
                if (w->before.type == VALUE_BYTES)
                        return true;
                run->is_hidden = true;
        }
        return false;
}

bool run_may_be_hidden(Run *run, const char *attribute, const ObjectId *link)
{
        return run->is_own_create ||
               is_noted(run, str_is(attribute, "manager") ? "manager added" : "member added", link);
}

/* There is one manager: whoever was written moments ago, it is not certain who it is. */
static bool is_manager_written(const Run *run)
{
        for (size_t i = 0; i < run->cloud.n_writes; i++)
                if (run_is_settling(run, run->cloud.writes[i].at) &&
                    (str_is(run->cloud.writes[i].attribute, "manager added") ||
                     str_is(run->cloud.writes[i].attribute, "manager removed")))
                        return true;
        return false;
}

void run_doubt_read(Run *run)
{
        bool manager = str_is(run_link_attribute(run->cloud.type), "manager");
        size_t n = 0;

        if (!run_links_are_unheard(run) || !run->n_cloud_links)
                return;
        run->shown_links = arena_memdup(run->arena, run->cloud_links, run->n_cloud_links * sizeof(ObjectId));
        run->n_shown_links = run->n_cloud_links;
        for (size_t i = 0; i < run->n_cloud_links; i++)
                if (manager ? !is_manager_written(run)
                            : !is_noted(run, "member removed", &run->cloud_links[i]))
                        run->cloud_links[n++] = run->cloud_links[i];
        run->n_cloud_links = n;
}
