/* SPDX-License-Identifier: Apache-2.0 */

/* What is in scope below a container: users first, so that groups find their members. */

#include "app/job/kinds.h"
#include "app/reconcile/filter-group.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/model/dn.h"

/* An answer must fit into CONTROL_ANSWER_MAX, with names of usual length. */
#define BELOW_MAX 100000

typedef struct Below {
        Job *job;
        const SourceConfig *config;
        Space *space;
        FilterGroup filter;
        Arena *page;
        json_t *people, *others; /* DNs */
        uint64_t n_seen;
        bool full;
} Below;

/* Return: 0, -errno. */
static int is_in(Below *b, const SourceItem *item, const char *type, bool *ret_in)
{
        const Dn *dn;

        *ret_in = scope_has_type(b->config->compiled, type) && dn_parse(b->page, item->dn, &dn, NULL) == 0 &&
                  scope_judge(b->config->compiled, dn).in;
        if (*ret_in && b->filter.known)
                return filter_group_has(b->space, &b->filter, &item->id, ret_in);
        return 0;
}

static int take_page(void *context, const SourceItem *items, size_t n)
{
        Below *b = context;

        arena_reset(b->page);
        for (size_t i = 0; i < n; i++) {
                const char *type = scope_type_of(items[i].classes);
                bool in;
                int r = is_in(b, &items[i], type, &in);

                if (r)
                        return error_trace(r);
                b->n_seen++;
                if (!in)
                        continue;
                json_array_append_new(str_is(type, "user") ? b->people : b->others, json_string(items[i].dn));
        }
        job_progress(b->job, "listing", b->n_seen, 0);
        if (job_is_cancelled(b->job))
                return JOB_E_CANCELLED;
        b->full = json_array_size(b->people) + json_array_size(b->others) > BELOW_MAX;
        return b->full ? JOB_E_USAGE : 0;
}

static int source_failed(int r)
{
        switch (r) {
        case SOURCE_E_NOT_FOUND:
                return JOB_E_USAGE;
        case SOURCE_E_STALE:
        case SOURCE_E_CUT_OFF:
        case SOURCE_E_UNREACHABLE:
        case SOURCE_E_REFUSED:
        case SOURCE_E_TOO_LARGE:
                return JOB_E_UNREACHABLE;
        default:
                return r;
        }
}

static int list(Below *b, const Connector *c, const char *ou, Diag *diag)
{
        _cleanup_(source_freep) Source *lister = NULL;
        int r = wiring_source(b->job->wiring, c, &lister);

        if (r)
                return r;
        r = source_failed(source_list(lister,
                                      &(SourceList){ .dn = ou,
                                                     .classes = b->config->scope.object_types.items,
                                                     .n_classes = b->config->scope.object_types.n_items },
                                      take_page, b, diag));
        if (b->full)
                diag_set(diag,
                         "more than %d objects are below \"%s\": `sosync reconcile --ou` takes any number",
                         BELOW_MAX, ou);
        else if (r == JOB_E_USAGE && !diag_any(diag))
                diag_set(diag, "there is no container \"%s\"", ou);
        return r;
}

static int work(Job *job, Diag *diag)
{
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        _cleanup_(arena_freep) Arena *a = arena_new(0), *page = arena_new(0);
        const char *ou = json_string_value(json_object_get(job->arguments, "ou"));
        const Connector *c = ou ? connectors_of_dn(&job->wiring->connectors, ou) : NULL;
        Below b = { .job = job, .space = queue_space(job->wiring->queue), .page = page };
        int r;

        if (!c) {
                diag_set(diag, "below: a container of a configured source is expected");
                return JOB_E_USAGE;
        }
        b.config = connector_in_force(c, config);
        r = filter_group_open(b.space, b.config->scope.group_filter, c->number, &b.filter, a);
        if (r)
                return error_trace(r);
        b.people = json_array();
        b.others = json_array();
        r = list(&b, c, ou, diag);
        json_array_extend(b.people, b.others);
        json_decref(b.others);
        if (r)
                json_decref(b.people);
        else
                job->result = json_pack("{s:o}", "dns", b.people);
        return r;
}

const JobKind job_below = { .name = "below", .looks = true, .work = work };
