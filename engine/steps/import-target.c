/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Step 8: import the object from Entra ID into the Entra connector space
 *
 * Match by the id that is known, else by the anchor (hard-match.c), else as soft-match.c says. What we wrote
 * outlives what we read: Graph replicates, and a read shortly after a write may show the value before it;
 * such a value is "not replicated yet" and does not replace ours. Links (members, manager) are read whole at
 * first contact, and from then on the rows of the space are trusted: the report says which. With
 * target.trust_space so may be the rest of a user (trust.c).
 */

#include "engine/steps/internal.h"

#include "base/str.h"
#include "engine/target/schema.h"

#include <string.h>

static int on_object(ObjectSink *sink, const TargetObject *o)
{
        RunImport *import = (RunImport *)sink;

        import->object = o->object;
        import->mastered_elsewhere = o->mastered_elsewhere;
        import->role_assignable = o->role_assignable;
        return 0;
}

static int on_links(ObjectSink *sink, const char *attribute, const ObjectId *ids, size_t n_ids)
{
        RunImport *import = (RunImport *)sink;

        if (import->n_links + n_ids > import->size_links) {
                size_t size = (import->n_links + n_ids) * 2;
                ObjectId *links = arena_new_array(import->run->arena, ObjectId, size);

                if (import->n_links)
                        memcpy(links, import->links, import->n_links * sizeof(*links));
                import->links = links;
                import->size_links = size;
        }
        if (n_ids)
                memcpy(import->links + import->n_links, ids, n_ids * sizeof(*ids));
        import->n_links += n_ids;
        return 0;
}

const char *run_link_attribute(const char *cloud_type)
{
        return str_is(cloud_type, "group") ? "member" : "manager";
}

const char *run_cloud_type(const Run *run)
{
        const char *mv_type = run->mv ? run->mv->type : run->person.type;

        return str_is(mv_type, "group") ? "group" : str_is(mv_type, "person") ? "user" : NULL;
}

/* What lives in another service is read only if the rules give it. */
static bool is_read(const Run *run, const TargetAttribute *at, bool links)
{
        if (!at->property || (!at->writable && !at->create_only))
                return false;
        if (at->kind == TARGET_LINKS || at->kind == TARGET_REFERENCE)
                return links;
        return !at->service || rules_flows(run->config->rules, RULE_OUTBOUND, at->type, at->name);
}

int run_fetch(Run *run, const char *type, MatchBy by, const char *value, bool links, RunImport *import)
{
        size_t n_all, n = 0;
        const TargetAttribute *all = target_attributes(run->config->schema, type, &n_all);
        const char **names = arena_new_array(run->arena, const char *, n_all + 1);
        Match match = { .type = type, .by = by, .value = value, .attributes = names };

        for (size_t i = 0; i < n_all; i++)
                if (is_read(run, &all[i], links))
                        names[n++] = all[i].name;
        match.n_attributes = n;
        *import = (RunImport){ .sink = { .object = on_object, .links = on_links }, .run = run };
        return target_fetch(run->target, &run->call, &match, &import->sink, &run->diag);
}

/* Did we write this attribute a moment ago, and does the read show what was there before? */
static bool not_replicated(const Run *run, const char *name, Value theirs)
{
        const TargetAttribute *at = target_attribute(run->config->schema, run->cloud.type, name);

        for (size_t i = 0; at && i < run->cloud.n_writes; i++) {
                const CloudWrite *w = &run->cloud.writes[i];

                if (str_is(w->attribute, name) && run_is_settling(run, w->at))
                        return target_value_is(at, theirs, w->before) &&
                               !target_value_is(at, theirs, object_get(run->cloud.object, name));
        }
        return false;
}

/* The object as read, but with our own value where it is not replicated yet. */
static const Object *settle(Run *run, const Object *read, size_t *ret_held)
{
        ObjectBuilder b;

        *ret_held = 0;
        if (!run->cloud.object)
                return read;
        object_build(&b, run->arena);
        for (size_t i = 0; i < read->n_attributes; i++) {
                const Attribute *at = &read->attributes[i];
                bool old = not_replicated(run, at->name, at->value);

                *ret_held += old;
                object_add(&b, at->name, old ? object_get(run->cloud.object, at->name) : at->value);
        }
        for (size_t i = 0; i < run->cloud.object->n_attributes; i++) {
                const Attribute *at = &run->cloud.object->attributes[i];

                if (!object_find(read, at->name) && not_replicated(run, at->name, VALUE_NULL)) {
                        ++*ret_held;
                        object_add(&b, at->name, at->value);
                }
        }
        return object_finish(&b, &read->id, read->type, NULL);
}

/* The object has changed hands since it was last read. Said once: the row remembers. */
static void notice_owner(Run *run, bool mastered_elsewhere)
{
        if (!run->cloud.object || run->cloud.mastered_elsewhere == mastered_elsewhere)
                return;
        step_warn(run, "OwnerChanged",
                  mastered_elsewhere
                          ? "another synchronization has adopted the object (onPremisesSyncEnabled)"
                          : "no synchronization owns the object any more: its source of authority "
                            "is the cloud");
}

static bool is_off(const Object *o)
{
        Value enabled = object_get(o, "accountEnabled");

        return enabled.type == VALUE_BOOL && !enabled.b;
}

void run_adopt(Run *run, const RunImport *import, bool links)
{
        size_t held = 0;

        notice_owner(run, import->mastered_elsewhere);
        run->cloud_id = import->object->id;
        run->cloud_read = import->object;
        run->cloud.object = settle(run, import->object, &held);
        run->cloud.type = run_cloud_type(run);
        run->cloud.mastered_elsewhere = import->mastered_elsewhere;
        run->cloud.role_assignable = import->role_assignable;
        run->cloud.imported = clock_wall(run->clock);
        /* A mark of a run that has come to its end, in whatever way, says nothing any more. */
        if (run_account_was_sent(run, false) && is_off(run->cloud.object) && run_is_unfinished(run))
                run->cloud.disabled_by_us = true;
        if (links) {
                run->links_read = true;
                run->cloud_links = import->links;
                run->n_cloud_links = import->n_links;
                if (run->n_cloud_links)
                        qsort(run->cloud_links, run->n_cloud_links, sizeof(*run->cloud_links),
                              run_compare_ids);
                run->cloud.links_imported = run->cloud.imported;
                run_doubt_read(run);
                step_detail(run, run_link_attribute(run->cloud.type), "%zu, read now", run->n_cloud_links);
        }
        if (held)
                step_detail(run, "not replicated yet", "%zu values that sosync wrote less than %lld s ago",
                            held, (long long)(run->config->settle_ms / 1000));
}

static int trust_links(Run *run)
{
        char when[WALL_TEXT_MAX];
        const char *name = run_link_attribute(run->cloud.type);
        int r = space_read_links(run->space, LINK_CLOUD, &run->cloud_id, sizeof(run->cloud_id), name,
                                 run->arena, &run->cloud_links, &run->n_cloud_links);

        if (r)
                return r;
        step_detail(run, name, "%zu, trusted, read at %s", run->n_cloud_links,
                    wall_format(run->cloud.links_imported, when));
        return 0;
}

/*
 * Look again soon, and then more seldom: replication takes seconds, rarely minutes. Never later than when it
 * must have happened.
 */
int run_wait_for_replication(Run *run, Wall since, const char *why)
{
        Wall now = clock_wall(run->clock), end = wall_add(since, run->config->settle_ms);
        int64_t ms = now.ms - since.ms;

        run->retry_at = wall_add(now, ms < 2000 ? 2000 : ms);
        if (run->retry_at.ms > end.ms)
                run->retry_at = end;
        return step_fail(run, STEP_E_RETRY, "TargetTransient", "%s", why);
}

/* The object whose id we know. *ret_gone: it is not there any more, and must be matched again. */
int run_import_known(Run *run, bool *ret_gone)
{
        char id[GUID_TEXT_MAX];
        bool links;
        RunImport import;
        int r;

        *ret_gone = false;
        run->cloud_id = run->person.cloud;
        r = space_read_cloud(run->space, &run->cloud_id, run->arena, &run->cloud, &run->cloud_serial,
                             &run->diag);
        if (r < 0)
                return r;
        if (r)
                run->cloud = (Cloud){ 0 };
        run->cloud_before = run->cloud.object;
        run->cloud.type = run_cloud_type(run);
        run->trusted = run_may_trust(run);
        if (run->trusted)
                return trust_links(run);
        links = run->cloud.links_imported.ms == 0 || run->read_links || run->change.kind == CHANGE_DRIFT;
        r = run_fetch(run, run_cloud_type(run), MATCH_ID, guid_format(&run->cloud_id, id), links, &import);
        if (r == TARGET_E_NOT_FOUND) {
                if (run_is_settling(run, run->cloud.created))
                        return run_wait_for_replication(run, run->cloud.created,
                                                        "created moments ago, and not replicated yet");
                *ret_gone = true;
                return 0;
        }
        if (r)
                return run_target_failed(run, r);
        run_adopt(run, &import, links);
        step_detail(run, "match", "known id %s", id);
        return links ? 0 : trust_links(run);
}

static void say_trusted(Run *run)
{
        char when[WALL_TEXT_MAX];

        step_detail(run, "match", "known id");
        step_say(run, RESULT_SUCCESS,
                 "The object was not read: it was at %s, and target.trust_space allows %lld s.",
                 wall_format(run->cloud.imported, when), (long long)(run->config->trust_space_ms / 1000));
}

int step_import_target(Run *run)
{
        bool known, found = false, gone = false;
        RunImport soft;
        int r;

        if (run->gone)
                return run_import_gone(run);
        if (run->reverting)
                return run_import_held(run);
        r = run_join(run);
        if (r)
                return r;
        known = !guid_is_zero(&run->person.cloud);
        if (!known && !run->join_rule && !guid_is_zero(&run->head.metaverse)) {
                r = run_match_lost(run, &found);
                if (r)
                        return r;
        }
        if (!found && (!run_cloud_type(run) || (!known && (!run->mv || !run->anchor)))) {
                step_say(run, RESULT_SUCCESS, "There is nothing to look for: the rules gave no anchor.");
                return 0;
        }
        if (run->anchor)
                step_detail(run, "anchor", "%s", run->anchor);
        if (known) {
                r = run_import_known(run, &gone);
                if (r)
                        return r;
                found = !gone;
                if (gone) {
                        step_detail(run, "known id", "is not in Microsoft Entra ID any more; matching again");
                        run->lost = run->person.cloud;
                        run->person.cloud = (ObjectId){ 0 };
                        run->cloud = (Cloud){ 0 };
                        run->cloud_id = (ObjectId){ 0 };
                }
        }
        if (!found && run->mv && run->anchor) {
                r = run_recall_intent(run);
                if (r == 0 && (!run->leaving || run->have_intent))
                        r = run_hard_match(run, &found);
                if (r)
                        return r;
        }
        if (!found) {
                r = run_mind_intent(run);
                if (r == 0 && run->mv && run->anchor)
                        r = run_soft_match(run, &soft, &found);
                if (r == 0 && found)
                        r = run_take(run, &soft);
                if (r)
                        return r;
        }
        if (!found) {
                step_say(run, RESULT_SUCCESS, "No object with this anchor is in Microsoft Entra ID.");
                return 0;
        }
        step_attributes(run, run->cloud.object, run->cloud.object, "Microsoft Entra ID");
        if (run->trusted)
                say_trusted(run);
        else if (run->cloud.mastered_elsewhere && run->config->estate == ESTATE_ALONE)
                step_say(run, RESULT_WARNING, "Read now; the object is mastered by another synchronization.");
        else
                step_say(run, run->record->status, "The object was read from Microsoft Entra ID now.");
        return 0;
}
