/* SPDX-License-Identifier: Apache-2.0 */

/*
 * References: members of a group, manager of a user
 *
 * Each name of another object becomes that object's cloud id. One that has none yet waits as an edge, and is
 * set by itself when its target appears; the object never waits. Both sides are sorted lists, so the plan is
 * a merge. A link is removed only if AD had it at the last finished run; in strict adoption also if AD does
 * not name it, once all that AD names is known: before, it may be one whose object has not been seen yet.
 */

#include "engine/steps/internal.h"

#include "base/error.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

int run_compare_ids(const void *a, const void *b)
{
        return guid_compare(a, b);
}

static bool has_id(const ObjectId *ids, size_t n, const ObjectId *id)
{
        return n && bsearch(id, ids, n, sizeof(*ids), run_compare_ids);
}

void run_names_now(Run *run, const char *attribute, const ObjectId **ret_ids, size_t *ret_n,
                   const FlowedValue **ret_why)
{
        *ret_ids = NULL;
        *ret_n = 0;
        *ret_why = NULL;
        if (str_is(attribute, "manager")) {
                const FlowedValue *v = flowed_find(run->planned, attribute);

                *ret_why = v;
                if (v && v->value.type == VALUE_REF && !guid_is_zero(&v->value.ref->id)) {
                        *ret_ids = &v->value.ref->id;
                        *ret_n = 1;
                }
                return;
        }
        for (size_t i = 0; i < run->entry.n_links; i++)
                if (str_is(run->entry.links[i].attribute, attribute)) {
                        const FlowedLink *l = flowed_find_link(run->planned, attribute);
                        FlowedValue *v = arena_new_of(run->arena, FlowedValue);

                        v->rule = l ? l->rule : NULL;
                        v->mapping = FLOW_DIRECT;
                        *ret_why = v;
                        *ret_ids = run->entry.links[i].ids;
                        *ret_n = run->entry.links[i].n_ids;
                }
}

static bool flows(const Run *run, const char *attribute)
{
        if (flowed_is_kept(run->planned, attribute))
                return false;
        if (!str_is(attribute, "manager"))
                return flowed_find_link(run->planned, attribute) != NULL;
        /* Also where it has no value: the one that it had must go. */
        return rules_flows(run->config->rules, RULE_OUTBOUND, run_cloud_type(run), attribute);
}

/* What the object names now, as cloud ids: sorted, each once. Two objects of one person are one of them. */
typedef struct Resolved {
        ObjectId *ids;
        size_t n;
} Resolved;

/* `named`: the object as the source has it. Its owner, who may be asked to write the link, knows that one. */
static int add_link(Run *run, OpKind kind, const char *attribute, const FlowedValue *why,
                    const ObjectId *named, const ObjectId *cloud)
{
        Op *op = run_add_op(run, kind, attribute, VALUE_NULL, VALUE_NULL, why);
        uint64_t serial;
        Head head = { 0 };
        int r = SPACE_E_NONE;

        op->link = *cloud;
        op->named = *named;
        for (size_t s = 0; run->config->ask_owner && r >= 0 && s < run->config->n_connectors; s++) {
                r = space_read_head(run->space, &(ObjectKey){ .source = (uint16_t)s, .id = *named },
                                    run->arena, &head, &serial, &run->diag);
                if (r == 0 && !head.deleted)
                        break;
        }
        if (r)
                return r < 0 ? r : 0;
        op->link_dn = head.type ? head.dn : NULL;
        op->link_type = head.type;
        return 0;
}

/* Links that are there now, and those that wait. */
static int plan_now(Run *run, const char *attribute, const ObjectId *now, size_t n_now,
                    const FlowedValue *why, Resolved *ret_now)
{
        Resolved clouds = { .ids = arena_new_array(run->arena, ObjectId, n_now + 1) };
        ObjectId *as_named = arena_new_array(run->arena, ObjectId, n_now + 1);
        ObjectId *names = arena_new_array(run->arena, ObjectId, n_now + 1); /* of as_named, in the source */
        bool *linked = arena_new_array(run->arena, bool, n_now + 1);
        size_t n_waiting = 0, n_named, n = 0;
        int r;

        for (size_t i = 0; i < n_now; i++) {
                r = run_resolve(run, &now[i], &clouds.ids[clouds.n]);
                if (r < 0)
                        return r;
                if (r) {
                        space_wait(&run->batch,
                                   &(Edge){ .from = run->key, .attribute = attribute, .to = now[i] });
                        n_waiting++;
                } else {
                        names[clouds.n++] = now[i];
                }
        }
        if (clouds.n)
                memcpy(as_named, clouds.ids, clouds.n * sizeof(*as_named));
        n_named = clouds.n;
        if (clouds.n)
                qsort(clouds.ids, clouds.n, sizeof(*clouds.ids), run_compare_ids);
        for (size_t i = 0; i < clouds.n; i++)
                if (!i || !guid_is(&clouds.ids[i], &clouds.ids[i - 1]))
                        clouds.ids[n++] = clouds.ids[i];
        clouds.n = n;
        /* In the order in which they are named, so that what is sent does not depend on Entra ID's ids. */
        for (size_t i = 0; i < n_named; i++) {
                const ObjectId *at = bsearch(&as_named[i], clouds.ids, n, sizeof(*at), run_compare_ids);

                if (linked[at - clouds.ids] || has_id(run->cloud_links, run->n_cloud_links, at))
                        continue;
                linked[at - clouds.ids] = true;
                r = add_link(run, OP_LINK, attribute, why, &names[i], at);
                if (r)
                        return r;
        }
        if (n_waiting)
                step_detail(run, "references that wait",
                            "%zu of %zu values of %s are not in Microsoft Entra ID yet", n_waiting, n_now,
                            attribute);
        *ret_now = clouds;
        return 0;
}

/* Links that AD had, and has no more. */
static int plan_gone(Run *run, const char *attribute, const ObjectId *now, size_t n_now,
                     const Resolved *clouds, const FlowedValue *why)
{
        ObjectId *before = NULL, *gone, *names, *sorted;
        bool *done, manager = str_is(attribute, "manager"), is_removed = false;
        bool unheard = run_links_are_unheard(run);
        size_t n_before = 0, n_gone = 0;
        int r;

        r = run_named_before(run, attribute, &before, &n_before);
        if (r)
                return r;
        gone = arena_new_array(run->arena, ObjectId, n_before + 1);
        names = arena_new_array(run->arena, ObjectId, n_before + 1);
        for (size_t i = 0; i < n_before; i++) {
                if (has_id(now, n_now, &before[i]))
                        continue;
                r = run_resolve(run, &before[i], &gone[n_gone]);
                if (r < 0)
                        return r;
                names[n_gone] = before[i];
                n_gone += r == 0;
        }
        sorted = arena_memdup(run->arena, gone, (n_gone + 1) * sizeof(*gone));
        done = arena_new_array(run->arena, bool, n_gone + 1);
        if (n_gone)
                qsort(sorted, n_gone, sizeof(*sorted), run_compare_ids);
        for (size_t i = 0; i < n_gone; i++) {
                const ObjectId *at = bsearch(&gone[i], sorted, n_gone, sizeof(*at), run_compare_ids);

                /* Another object of the same person is still named, or it was among them. */
                if (done[at - sorted] || has_id(clouds->ids, clouds->n, at) ||
                    (!has_id(run->cloud_links, run->n_cloud_links, at) &&
                     !has_id(run->shown_links, run->n_shown_links, at) &&
                     !(unheard && (!run->links_read || run_may_be_hidden(run, attribute, at)))))
                        continue;
                done[at - sorted] = true;
                /* A manager with a successor in the cloud is replaced by the link, not removed first; there
                 * is one. */
                if (manager && (clouds->n || is_removed))
                        continue;
                is_removed = true;
                r = add_link(run, OP_UNLINK, attribute, why, &names[i], at);
                if (r)
                        return r;
        }
        return 0;
}

/* How many values the server named without telling whom they mean. */
static size_t n_unknown(const Run *run, const char *attribute)
{
        Value v = flowed_get(run->planned, attribute);

        if (str_is(attribute, "manager"))
                return v.type == VALUE_REF && guid_is_zero(&v.ref->id);
        for (size_t i = 0; i < run->entry.n_links; i++)
                if (str_is(run->entry.links[i].attribute, attribute))
                        return run->entry.links[i].n_unknown;
        return 0;
}

/* Links that AD does not name, all of whose names are known. */
static int plan_strict(Run *run, const char *attribute, const ObjectId *now, size_t n_now,
                       const FlowedValue *why)
{
        ObjectId *named = arena_new_array(run->arena, ObjectId, n_now + 1);

        for (size_t i = 0; i < n_now; i++) {
                int r = run_resolve(run, &now[i], &named[i]);

                if (r)
                        return error_fold(r);
        }
        /* A manager that has a successor is replaced by the link, not removed first. */
        if (str_is(attribute, "manager") && n_now)
                return 0;
        if (n_now)
                qsort(named, n_now, sizeof(*named), run_compare_ids);
        for (size_t i = 0; i < run->n_cloud_links; i++)
                if (!has_id(named, n_now, &run->cloud_links[i]))
                        run_add_op(run, OP_UNLINK, attribute, VALUE_NULL, VALUE_NULL, why)->link =
                                run->cloud_links[i];
        return 0;
}

static bool all_are_known(Run *run, const char *attribute, const ObjectId *now, size_t n_now)
{
        for (size_t i = 0; i < n_now; i++) {
                ObjectId cloud;

                if (run_resolve(run, &now[i], &cloud))
                        return false;
        }
        return n_unknown(run, attribute) == 0;
}

/* Who is to be out does not wait for those who are to be in: there may be thousands of them. */
static void removals_first(Run *run, size_t from)
{
        size_t n = run->n_ops - from, at = from;
        const Op *ops = n ? arena_memdup(run->arena, run->ops + from, n * sizeof(*ops)) : NULL;

        for (size_t i = 0; i < n; i++)
                if (ops[i].kind == OP_UNLINK)
                        run->ops[at++] = ops[i];
        for (size_t i = 0; i < n; i++)
                if (ops[i].kind != OP_UNLINK)
                        run->ops[at++] = ops[i];
}

int run_plan_references(Run *run)
{
        const char *attribute = run_link_attribute(run_cloud_type(run));
        Resolved clouds;
        const FlowedValue *why;
        const ObjectId *now;
        size_t n_now, n_before = run->n_ops;
        int r;

        if (!flows(run, attribute))
                return 0;
        run_names_now(run, attribute, &now, &n_now, &why);
        r = plan_now(run, attribute, now, n_now, why, &clouds);
        if (r)
                return r;
        if (run->config->adopt_strict && all_are_known(run, attribute, now, n_now)) {
                r = plan_strict(run, attribute, now, n_now, why);
        } else {
                run->incomplete = run->config->adopt_strict;
                r = plan_gone(run, attribute, now, n_now, &clouds, why);
        }
        removals_first(run, n_before);
        return r;
}
