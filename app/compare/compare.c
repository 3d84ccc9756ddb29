/* SPDX-License-Identifier: Apache-2.0 */

#include "app/compare/private.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/target/graph-tenant.h"
#include "engine/target/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* An anchor is systematically wrong only if at least so many say so. */
#define ANCHORS_MIN 3

double compare_percent(const CompareResult *r)
{
        uint64_t all = r->n_equal + r->n_different + r->n_only_here + r->n_only_there + r->n_failed;

        return all == 0 ? 100 : (double)r->n_equal * 100 / (double)all;
}

static bool is_cancelled(const Comparison *c, const char *phase, uint64_t done, uint64_t total)
{
        return c->job->progress && c->job->progress(c->job->context, phase, done, total);
}

/* -- the tenant ------------------------------------------------------------------------------------------ */

typedef struct Listing {
        Comparison *comparison;
        const char *type;
        uint64_t n;
} Listing;

static int copy_object(void *context, const TargetObject *o, const ObjectId *manager)
{
        Listing *l = context;

        if (++l->n % 500 == 0 && is_cancelled(l->comparison, "reading Entra ID", l->n, 0))
                return COMPARE_E_CANCELLED;
        return compare_copy_add(l->comparison->copy, l->type, o, manager);
}

/* Graph asks to wait. A second at a time, so that a command that goes away takes its job with it. */
static bool wait_for_graph(void *context, int64_t us)
{
        Listing *l = context;

        for (; us > 0; us -= 1000000) {
                struct timespec second = { .tv_sec = 1 };

                if (is_cancelled(l->comparison, "Graph asks to wait", 0, 0))
                        return false;
                nanosleep(&second, NULL);
        }
        return true;
}

static int target_failed(int r)
{
        switch (r) {
        case TARGET_E_REFUSED:
                return COMPARE_E_REFUSED;
        case TARGET_E_THROTTLED:
        case TARGET_E_TRANSIENT:
        case TARGET_E_UNREACHABLE:
        case TARGET_E_GARBAGE:
                return COMPARE_E_UNREACHABLE;
        default:
                return r; /* of copy_object, or -errno */
        }
}

static int copy_type(Comparison *c, const char *type)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Listing listing = { .comparison = c, .type = type };
        size_t n_rows, n = 0;
        const TargetAttribute *rows = target_attributes(c->config.schema, type, &n_rows);
        const char **names = arena_new_array(a, const char *, n_rows + 1);
        int r;

        for (size_t i = 0; i < n_rows; i++)
                if (rows[i].property && (rows[i].writable || rows[i].create_only) &&
                    rows[i].kind != TARGET_LINKS)
                        names[n++] = rows[i].name;
        r = graph_tenant_list(c->job->graph, LANE_RECONCILE,
                              &(TenantList){ .schema = c->config.schema,
                                             .type = type,
                                             .attributes = names,
                                             .n_attributes = n,
                                             .object = copy_object,
                                             .wait = wait_for_graph,
                                             .context = &listing,
                                             .asker = c->job->asker },
                              c->diag);
        return r > 0 && target_asker_is_gone(c->job->asker) ? COMPARE_E_CANCELLED : target_failed(r);
}

static int copy_tenant(Comparison *c)
{
        Mono start = clock_mono(c->job->clock);
        int r = compare_copy_new(&c->copy, c->job->config->state.path, c->job->target);

        if (r)
                return r;
        r = copy_type(c, "user");
        if (r == 0)
                r = copy_type(c, "group");
        c->result->n_cloud = compare_copy_count(c->copy);
        c->reading_us += clock_mono(c->job->clock).us - start.us;
        c->target = compare_copy_target(c->copy);
        return r;
}

/* -- the directory --------------------------------------------------------------------------------------- */

static uint64_t next_random(Comparison *c)
{
        c->random = c->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return c->random >> 33;
}

/* All ids, or a fair sample of them, whose size is known before the number of objects is (reservoir). */
static void keep_id(Comparison *c, const ObjectId *id)
{
        const ObjectKey key = { .source = c->source->number, .id = *id };
        uint64_t at = c->n_listed++;

        if (c->job->sample && at >= c->job->sample) {
                at = next_random(c) % c->n_listed;
                if (at < c->job->sample)
                        c->keys[at] = key;
                return;
        }
        if (c->n_keys == c->size_keys) {
                c->size_keys = c->size_keys ? 2 * c->size_keys : 4096;
                c->keys = realloc(c->keys, c->size_keys * sizeof(*c->keys));
                if (!c->keys)
                        error_oom(c->size_keys * sizeof(*c->keys));
        }
        c->keys[c->n_keys++] = key;
}

static int take_page(void *context, const SourceItem *items, size_t n)
{
        Comparison *c = context;
        const Scope *scope = c->source->config->compiled;

        arena_reset(c->run);
        for (size_t i = 0; i < n; i++) {
                const Dn *dn;

                if (dn_parse(c->run, items[i].dn, &dn, NULL) || !scope_judge(scope, dn).in ||
                    !scope_has_type(scope, scope_type_of(items[i].classes)))
                        continue;
                keep_id(c, &items[i].id);
        }
        return is_cancelled(c, "listing", c->n_listed, 0) ? COMPARE_E_CANCELLED : 0;
}

static int source_failed(int r)
{
        switch (r) {
        case SOURCE_E_NOT_FOUND:
                return COMPARE_E_NO_CONTAINER;
        case SOURCE_E_STALE:
        case SOURCE_E_CUT_OFF:
        case SOURCE_E_UNREACHABLE:
        case SOURCE_E_REFUSED:
        case SOURCE_E_TOO_LARGE:
                return COMPARE_E_UNREACHABLE;
        default:
                return r;
        }
}

static int list_source(Comparison *c, const CompareSource *s)
{
        SourceList list = {
                .dn = c->job->ou,
                .classes = s->config->scope.object_types.items,
                .n_classes = s->config->scope.object_types.n_items,
        };

        c->source = s;
        return source_failed(source_list(s->lister, &list, take_page, c, c->diag));
}

static int list_directory(Comparison *c)
{
        const Compare *job = c->job;
        Mono start = clock_mono(job->clock);
        int r = 0;

        for (size_t i = 0; r == 0 && i < job->n_sources; i++)
                r = list_source(c, &job->sources[i]);

        c->result->n_objects = c->n_keys;
        c->reading_us += clock_mono(job->clock).us - start.us;
        return r;
}

/* -- the whole ------------------------------------------------------------------------------------------- */

static int only_there(void *context, const char *type, const Object *o)
{
        Comparison *c = context;
        const char *upn = object_text(o, "userPrincipalName"), *name = object_text(o, "displayName");
        json_t *detail = compare_detail(c, upn ? upn : name ? name : type, &o->id, "only there", NULL);

        c->result->n_only_there++;
        if (detail)
                json_object_set_new(
                        detail, "hint",
                        json_sprintf("%s with the anchor %s", type, object_text(o, "sourceAnchor")));
        return 0;
}

static void judge_anchors(Comparison *c)
{
        bool guid = c->n_by_guid >= c->n_by_consistency;
        uint64_t n = guid ? c->n_by_guid : c->n_by_consistency;

        if (n < ANCHORS_MIN || n <= c->result->n_anchor_ours)
                return;
        c->result->anchor_fits = guid ? "objectGUID" : "mS-DS-ConsistencyGuid";
        c->result->n_anchor_theirs = n;
}

/* Has this installation imported all of them? */
static int is_known(Comparison *c, bool *ret_known)
{
        *ret_known = true;
        for (size_t i = 0; i < c->n_keys && *ret_known; i++) {
                Head head;
                int r;

                arena_reset(c->run);
                r = space_read_head(c->job->space, &c->keys[i], c->run, &head, NULL, NULL);
                if (r < 0)
                        return r;
                *ret_known = r == 0;
        }
        return 0;
}

/* Who is whom in several directories, as far as nobody knows it yet (scratch.h). */
static int import_all(Comparison *c)
{
        int r = compare_scratch_new(&c->scratch, c->job->config->state.path, c->job->clock, c->diag);

        if (r)
                return r;
        c->space.real = compare_scratch_space(c->scratch);
        for (size_t i = 0; i < c->n_keys; i++) {
                if (i && c->keys[i].source != c->keys[i - 1].source)
                        r = compare_scratch_flush(c->scratch);
                if (r == 0)
                        r = compare_scratch_take(c->scratch, &compare_steps(c, &c->keys[i])->batch);
                if (r)
                        return r;
                if (is_cancelled(c, "importing", i + 1, c->n_keys))
                        return COMPARE_E_CANCELLED;
        }
        return compare_scratch_flush(c->scratch);
}

static int know_all(Comparison *c)
{
        bool known;
        int r;

        if (c->job->n_sources < 2 || c->job->sample)
                return 0;
        r = is_known(c, &known);
        return r || known ? r : import_all(c);
}

static int compare_all(Comparison *c)
{
        for (size_t i = 0; i < c->n_keys; i++) {
                int r = compare_object(c, &c->keys[i]);

                if (r)
                        return r;
                if (is_cancelled(c, "comparing", i + 1, c->n_keys))
                        return COMPARE_E_CANCELLED;
        }
        return 0;
}

static int pass(Comparison *c)
{
        int r = list_directory(c);

        if (r == 0 && !c->job->sample)
                r = copy_tenant(c);
        if (r == 0)
                r = know_all(c);
        if (r == 0)
                r = compare_all(c);
        if (r || !c->copy)
                return r;
        judge_anchors(c);
        if (c->job->ou)
                return 0;
        r = compare_references(c);
        return r ? r : compare_copy_rest(c->copy, only_there, c);
}

/* As in earnest, but that nothing is sent, nobody is matched by name, and no brake counts. */
static void prepare(Comparison *c)
{
        const Compare *job = c->job;

        c->config = job->config->run;
        c->config.staging = true;
        c->config.soft_match = SOFT_MATCH_OFF;
        c->config.brakes = NULL;
        c->config.anchor_fits = NULL;
        c->config.connectors = job->connectors;
        c->config.n_connectors = job->n_connectors;
}

int compare_run(const Compare *job, CompareResult *ret_result, Diag *diag)
{
        Mono start = clock_mono(job->clock);
        Comparison c = {
                .job = job,
                .result = ret_result,
                .target = job->target,
                .run = arena_new(ARENA_LIMIT_RUN),
                .random = (uint64_t)start.us,
                .diag = diag,
        };
        int r;

        *ret_result = (CompareResult){ .attributes = json_array(),
                                       .failures = json_array(),
                                       .details = json_array() };
        compare_space_init(&c.space, job->space);
        prepare(&c);
        r = pass(&c);
        ret_result->took_ms = (clock_mono(job->clock).us - start.us) / 1000;
        ret_result->reading_ms = c.reading_us / 1000;
        compare_space_deinit(&c.space);
        compare_scratch_free(c.scratch);
        compare_copy_free(c.copy);
        arena_free(c.run);
        free(c.keys);
        free(c.later);
        return r;
}

void compare_result_deinit(CompareResult *r)
{
        json_decref(r->attributes);
        json_decref(r->failures);
        json_decref(r->details);
        *r = (CompareResult){ 0 };
}
