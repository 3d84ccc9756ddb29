/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void budget_table_init(BudgetTable *t, uint64_t id, int64_t lease_us)
{
        *t = (BudgetTable){ .id = id, .lease_us = lease_us };
}

static const BudgetNode *find(const BudgetNode *nodes, size_t n, uint64_t id)
{
        for (size_t i = 0; i < n; i++) {
                if (nodes[i].id == id)
                        return &nodes[i];
        }
        return NULL;
}

/* "ID BEAT SHARE". False: not one, or a share that nobody can have. */
static bool read_line(const char *line, BudgetNode *ret_node)
{
        BudgetNode n = { 0 };
        int end = 0;

        if (sscanf(line, "%16" SCNx64 " %" SCNu64 " %" SCNd64 "%n", &n.id, &n.beat, &n.share, &end) != 3)
                return false;
        if (n.id == 0 || n.share < 0 || n.share > BUDGET_WHOLE || (line[end] != '\n' && line[end]))
                return false;
        *ret_node = n;
        return true;
}

/* The same beat as before. Its silence counts from a look that began after it was first read. */
static BudgetNode stay_silent(const BudgetNode *before, int64_t share, Mono now)
{
        BudgetNode node = *before;

        node.share = share;
        if (!node.is_timed && now.us > node.first.us) {
                node.seen = now;
                node.is_timed = true;
        }
        return node;
}

void budget_table_read(BudgetTable *t, const char *text, Mono now)
{
        BudgetNode nodes[BUDGET_NODES_MAX] = { 0 };
        size_t n = 0;

        for (const char *at = text ? text : ""; *at && n < BUDGET_NODES_MAX;) {
                const BudgetNode *before;
                BudgetNode *node = &nodes[n];

                if (read_line(at, node) && !find(nodes, n, node->id)) {
                        before = find(t->nodes, t->n, node->id);
                        if (before && before->beat == node->beat)
                                *node = stay_silent(before, node->share, now);
                        else
                                node->first = now;
                        n++;
                }
                at += strcspn(at, "\n");
                at += *at == '\n';
        }
        memcpy(t->nodes, nodes, n * sizeof(*nodes));
        t->n = n;
        /* They have struck us out: what we had is theirs. */
        if (!find(nodes, n, t->id))
                t->share = 0;
}

static const char *format(const BudgetTable *t, Arena *a)
{
        char *text = arena_alloc(a, t->n * 64 + 1), *end = text;

        *end = '\0';
        for (size_t i = 0; i < t->n; i++)
                end += sprintf(end, "%" PRIx64 " %" PRIu64 " %" PRId64 "\n", t->nodes[i].id, t->nodes[i].beat,
                               t->nodes[i].share);
        return text;
}

const char *budget_table_write(BudgetTable *t, Arena *a, Mono now)
{
        int64_t wanted, others = 0;
        size_t n = 0;
        bool has_place = false;

        for (size_t i = 0; i < t->n; i++) {
                BudgetNode *node = &t->nodes[i];

                if (node->id != t->id && node->is_timed && now.us - node->seen.us >= t->lease_us)
                        continue;
                has_place = has_place || node->id == t->id;
                others += node->id == t->id ? 0 : node->share;
                t->nodes[n++] = *node;
        }
        if (!has_place && n < BUDGET_NODES_MAX) {
                t->nodes[n++] = (BudgetNode){ .id = t->id, .first = now };
                has_place = true;
        }
        t->n = n;
        wanted = has_place ? BUDGET_WHOLE / (int64_t)n : 0;
        if (wanted > BUDGET_WHOLE - others)
                wanted = BUDGET_WHOLE - others;
        if (wanted < 0)
                wanted = 0;
        if (t->share > wanted)
                t->share = wanted;
        for (size_t i = 0; i < n; i++) {
                if (t->nodes[i].id == t->id) {
                        t->nodes[i].beat = ++t->beat;
                        t->nodes[i].share = wanted;
                }
        }
        return format(t, a);
}

const char *budget_table_leave(BudgetTable *t, Arena *a)
{
        size_t n = 0;

        t->share = 0;
        for (size_t i = 0; i < t->n; i++) {
                if (t->nodes[i].id != t->id)
                        t->nodes[n++] = t->nodes[i];
        }
        t->n = n;
        return format(t, a);
}

void budget_table_written(BudgetTable *t, Mono before)
{
        const BudgetNode *own = find(t->nodes, t->n, t->id);

        t->share = own ? own->share : 0;
        t->until = mono_add(before, t->lease_us - BUDGET_MARGIN_US);
}

int64_t budget_table_share(BudgetTable *t, Mono now)
{
        return now.us < t->until.us ? t->share : 0;
}
