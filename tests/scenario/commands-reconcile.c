/* SPDX-License-Identifier: Apache-2.0 */

/* RECONCILE: the directory is compared with the connector space. */

#include "app/reconcile/containers.h"
#include "app/reconcile/drift.h"
#include "app/reconcile/filter-group.h"
#include "app/reconcile/reconcile.h"
#include "base/str.h"
#include "tests/scenario/commands.h"

static void see(Scene *s, const char *what, const SweepResult *n)
{
        const struct {
                const char *name;
                uint64_t n;
        } values[] = {
                { "objects", n->n_objects }, { "same", n->n_same },       { "read", n->n_read },
                { "outside", n->n_outside }, { "never", n->n_never },     { "offered", n->n_offered },
                { "waiting", n->n_waiting }, { "hidden", n->n_hidden },   { "enqueued", n->n_enqueued },
                { "new", n->n_new },         { "changed", n->n_changed }, { "moved", n->n_moved },
                { "scope", n->n_scope },     { "gone", n->n_gone },       { "missed", n->n_missed },
        };
        SeenLine *line = seen_add(&s->seen, true, "%s", what);

        for (size_t i = 0; i < N_ELEMENTS(values); i++)
                seen_value(&s->seen, line, values[i].name,
                           arena_printf(s->arena, "%llu", (unsigned long long)values[i].n));
}

/* What the service's own jobs do when the feed has brought a container with another name, or the filter
 * group. */
bool scene_do_jobs(Scene *s)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&s->snapshot);
        _cleanup_(source_freep) Source *lister = source_mem_open(s->directory),
                                       *reader = source_mem_open(s->directory);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Sweep sweep = {
                .queue = s->queue,
                .lister = lister,
                .reader = reader,
                .config = c,
                .source_config = connector_in_force(&s->connectors.items[0], c),
                .clock = &s->clock.clock,
        };
        SweepResult result;

        if (s->intake.filter_due) {
                const SourceConfig *source = connector_in_force(&s->connectors.items[0], c);
                size_t added, removed, n;
                const WatchedGroup *groups = watched_groups(s->arena, source->scope.group_filter,
                                                            c->run.rules, source->ldap.base, &n);

                s->intake.filter_due = false;
                for (size_t i = 0; i < n; i++)
                        if (watched_group_work(s->queue, reader, &groups[i], 0, clock_wall(&s->clock.clock),
                                               &added, &removed, &diag))
                                s->intake.filter_due = true;
        }
        if (!s->intake.containers_due)
                return true;
        s->intake.containers_due = false;
        if (containers_work(&sweep, &result, &diag)) {
                s->intake.containers_due = true;
                return true;
        }
        if (result.n_objects)
                see(s, "swept", &result);
        return true;
}

/* DRIFT report|correct: the cloud is compared with what was written there. DRIFT expired: what has changed
 * since cannot be asked any more. */
bool command_drift(Scene *s, const char *const *words, size_t n_words)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        DriftResult n;
        SeenLine *line;
        int r;

        if (!scene_work(s))
                return false;
        if (str_is(words[1], "expired")) {
                target_mem_expire(cloud_mem(s->cloud));
                return true;
        }
        r = drift_run(
                &(Drift){
                        .queue = s->queue,
                        .target = cloud_mem(s->cloud),
                        .changes = target_mem_changes,
                        .tenant_id = "11111111-2222-3333-4444-555555555555",
                        .clock = &s->clock.clock,
                        .settle_ms = 120000,
                        .correct = str_is(words[1], "correct"),
                },
                &n, &diag);
        if (r)
                return scene_fail(s, "the cloud could not be compared: %s", diag_text(&diag));
        line = seen_add(&s->seen, true, "drifted");
        seen_value(&s->seen, line, "read", arena_printf(s->arena, "%llu", (unsigned long long)n.n_read));
        seen_value(&s->seen, line, "whole", n.whole ? "true" : "false");
        seen_value(&s->seen, line, "changed",
                   arena_printf(s->arena, "%llu", (unsigned long long)n.n_changed));
        seen_value(&s->seen, line, "deleted",
                   arena_printf(s->arena, "%llu", (unsigned long long)n.n_removed));
        seen_value(&s->seen, line, "enqueued",
                   arena_printf(s->arena, "%llu", (unsigned long long)n.n_enqueued));
        seen_value(&s->seen, line, "mastered",
                   arena_printf(s->arena, "%llu", (unsigned long long)n.n_mastered));
        if (json_array_size(n.examples))
                seen_value(&s->seen, line, "what",
                           arena_strdup(s->arena, json_string_value(json_object_get(
                                                          json_array_get(n.examples, 0), "what"))));
        drift_result_deinit(&n);
        return true;
}

/* RECONCILE [all] [ou=OU=x] [feed=away] */
bool command_reconcile_now(Scene *s, const char *const *words, size_t n_words)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&s->snapshot);
        _cleanup_(source_freep) Source *lister = source_mem_open(s->directory),
                                       *reader = source_mem_open(s->directory);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const char *ou = command_value(s, words, n_words, "ou");
        SweepResult result;
        Sweep sweep = {
                .queue = s->queue,
                .lister = lister,
                .reader = reader,
                .config = c,
                .source_config = connector_in_force(&s->connectors.items[0], c),
                .clock = &s->clock.clock,
                .dn = ou ? arena_printf(s->arena, "%s,%s", ou, SCENE_BASE) : NULL,
                .everything = command_has(words, n_words, "all"),
                .feed_watches = !command_value(s, words, n_words, "feed"),
        };
        int r;

        if (!scene_work(s))
                return false;
        r = reconcile_run(&sweep, &result, &diag);
        if (r)
                seen_value(&s->seen, seen_add(&s->seen, true, "reconcile failed"), "why",
                           arena_strdup(s->arena, diag_text(&diag)));
        else
                see(s, "reconciled", &result);
        return true;
}
