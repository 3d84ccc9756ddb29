/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Leave behind: the rows that a run stores with the acknowledgement of its change
 *
 * Two kinds. What the cloud has confirmed is a fact and is stored whatever became of the run: the cloud id of
 * a created object, values that were accepted, links that are there now. What the run concluded (head,
 * import, metaverse) is stored only by a run that is done, so that an unfinished one starts again from where
 * it was.
 */

#include "engine/steps/internal.h"

#include "base/str.h"
#include "engine/target/schema.h"

#include <string.h>

bool run_is_confirmed(const Run *run, size_t i)
{
        return run->results && (run->results[i].state == OP_DONE || run->results[i].state == OP_UNCHANGED);
}

/* The new object's id, and with it everything that an adoption has too. */
static bool take_created(Run *run)
{
        if (!run->n_ops || run->ops[0].kind != OP_CREATE || !run_is_confirmed(run, 0))
                return false;
        run->cloud_id = run->results[0].id;
        run->cloud = (Cloud){
                .type = run->ops[0].type,
                .object = object_finish(&(ObjectBuilder){ .arena = run->arena }, &run->cloud_id,
                                        run->ops[0].type, NULL),
                .created = clock_wall(run->clock),
                .imported = clock_wall(run->clock),
                .links_imported = clock_wall(run->clock),
        };
        run->cloud_serial = SPACE_ANY;
        run->links_read = true;
        return true;
}

/* The value that the plan gave an attribute and the service accepted; false: it was not among them. */
static bool accepted_value(const Run *run, const char *name, Value *ret_value)
{
        bool found = false;

        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];

                if ((op->kind == OP_SET || op->kind == OP_UNSET) && run_is_confirmed(run, i) &&
                    str_is(op->attribute, name)) {
                        *ret_value = op->value;
                        found = true;
                }
        }
        return found;
}

/* The cloud object with the values that were accepted. */
static const Object *with_accepted(Run *run)
{
        const Object *o = run->cloud.object;
        ObjectBuilder b;
        Value v;

        object_build(&b, run->arena);
        for (size_t i = 0; i < o->n_attributes; i++)
                object_add(&b, o->attributes[i].name,
                           accepted_value(run, o->attributes[i].name, &v) ? v : o->attributes[i].value);
        for (size_t i = 0; i < run->n_ops; i++)
                if (run->ops[i].kind == OP_SET && run_is_confirmed(run, i))
                        object_add(&b, run->ops[i].attribute, run->ops[i].value);
        return object_finish(&b, &run->cloud_id, run->cloud.type, NULL);
}

/* Of two writes within settle, what was there before the first is the oldest that a read may show. */
static void remember_writes(Run *run)
{
        Wall now = clock_wall(run->clock);
        CloudWrite *writes = arena_new_array(run->arena, CloudWrite, run->cloud.n_writes + run->n_ops + 2);
        size_t n = 0;

        for (size_t i = 0; i < run->cloud.n_writes; i++)
                if (run_is_settling(run, run->cloud.writes[i].at) && !run_is_mark(&run->cloud.writes[i]))
                        writes[n++] = run->cloud.writes[i];
        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];
                size_t w = 0;

                if (!run_is_confirmed(run, i) || (op->kind != OP_SET && op->kind != OP_UNSET))
                        continue;
                while (w < n && !str_is(writes[w].attribute, op->attribute))
                        w++;
                if (w == n)
                        writes[n++] = (CloudWrite){ .attribute = op->attribute, .before = op->old_value };
                writes[w].at = now;
                if (str_is(op->attribute, "accountEnabled"))
                        run->cloud.disabled_by_us = op->value.type == VALUE_BOOL && !op->value.b;
        }
        n = run_leave_marks(run, writes, n);
        run->cloud.writes = writes;
        run->cloud.n_writes = n;
}

static bool is_joined(const Run *run)
{
        for (size_t i = 0; i < run->person.n_joined; i++)
                if (run->person.joined[i].source == run->key.source &&
                    guid_is(&run->person.joined[i].id, &run->key.id))
                        return true;
        return false;
}

/* From now on references to this object can be resolved. */
static void leave_appeared(Run *run, const ObjectKey *key)
{
        space_write_cloud_of(&run->batch, key, &run->cloud_id);
        space_appeared(&run->batch, key);
}

/* An attribute that no rule names any more is left as it is. As long as it is there it stays ours to clear,
 * when a rule names it again and gives nothing. What lives in another service has not been read. */
static bool is_left_there(const Run *run, const char *name)
{
        const TargetAttribute *at = target_attribute(run->config->schema, run_cloud_type(run), name);

        return at && !rules_flows(run->config->rules, RULE_OUTBOUND, at->type, name) && run->cloud.object &&
               (at->service || !value_is_none(object_get(run->cloud.object, name)));
}

/* By the rules alone: a nickname that was made up for a create is not theirs to clear. */
static void note_given(Run *run, Person *p)
{
        size_t n = 0, size = run->ruled->n_values + run->person.n_given;
        const char **given = arena_new_array(run->arena, const char *, size + 1);

        for (size_t i = 0; i < run->ruled->n_values; i++)
                if (!value_is_none(run->ruled->values[i].value))
                        given[n++] = run->ruled->values[i].name;
        for (size_t i = 0; i < run->person.n_given; i++)
                if (is_left_there(run, run->person.given[i]))
                        given[n++] = run->person.given[i];
        p->given = given;
        p->n_given = n;
}

static bool has_given(const Run *run, const char *name)
{
        for (size_t i = 0; i < run->person.n_given; i++)
                if (str_is(run->person.given[i], name))
                        return true;
        return false;
}

/* A value that the rules give, and that this unfinished run has brought to the cloud: if AD takes it away
 * before a run is done, it is still ours to clear. What an older program did not note stays unknown. */
static bool is_newly_given(const Run *run, size_t i)
{
        const Op *op = &run->ops[i];

        return op->kind == OP_SET && run_is_confirmed(run, i) && run->ruled && op->attribute &&
               (run->person.given || !run->person.n_flowed) &&
               !value_is_none(flowed_get(run->ruled, op->attribute)) && !has_given(run, op->attribute);
}

static bool gave_something(const Run *run)
{
        for (size_t i = 0; i < run->n_ops; i++)
                if (is_newly_given(run, i))
                        return true;
        return false;
}

static void note_accepted(const Run *run, Person *p)
{
        const char **given = arena_new_array(run->arena, const char *, p->n_given + run->n_ops + 1);
        size_t n = p->n_given;

        if (n)
                memcpy(given, p->given, n * sizeof(*given));
        for (size_t i = 0; i < run->n_ops; i++)
                if (is_newly_given(run, i))
                        given[n++] = run->ops[i].attribute;
        if (n > p->n_given) {
                p->given = given;
                p->n_given = n;
        }
}

/* The metaverse object as it is to be stored: joined to this object too, and with its cloud id. */
static void leave_person(Run *run, const FlowedObject *mv)
{
        ObjectKey *joined = arena_new_array(run->arena, ObjectKey, run->person.n_joined + 1);
        Person p = run->person;

        for (size_t i = 0; i < p.n_joined; i++)
                joined[i] = p.joined[i];
        if (!is_joined(run))
                joined[p.n_joined++] = run->key;
        p.joined = joined;
        p.type = run->mv ? run->mv->type : p.type;
        p.anchor = run->anchor ? run->anchor : p.anchor;
        /* Of what is gone, and was not made again by this run, the id stays: the run that makes it tells
         * those who name it. */
        p.cloud = guid_is_zero(&run->cloud_id) ? run->lost : run->cloud_id;
        if (!mv)
                note_accepted(run, &p);
        if (mv) {
                FlowedObject dated = *mv;
                PackWriter w;
                const uint8_t *data;

                /* Of the outbound rules' dates too: a later run that finds nothing changed asks no rule. */
                dated.due = run->due;
                pack_init(&w);
                flowed_pack(&w, &dated);
                data = pack_data(&w, &p.n_flowed);
                p.flowed = arena_memdup(run->arena, data, p.n_flowed);
                pack_deinit(&w);
                p.rules_version = rules_version(run->config->rules);
                if (run->ruled)
                        note_given(run, &p);
        }
        if (p.type)
                space_write_person(&run->batch, &run->metaverse, &p, run->person_serial);
}

/* Facts: what is in the cloud now. */
static void leave_cloud(Run *run)
{
        bool created = take_created(run);
        bool first = created || !guid_is(&run->person.cloud, &run->cloud_id);
        BrakeType type = str_is(run->cloud.type, "group") ? BRAKE_GROUP : BRAKE_USER;

        if (!run->cloud.object || guid_is_zero(&run->cloud_id))
                return;
        run_leave_journal(run);
        run->cloud.object = with_accepted(run);
        if (first && run->brakes) {
                if (!run->change_brakes)
                        brakes_know(run->brakes, type, 1);
                run->knew = true;
                run->knew_type = type;
                run->brakes_moved = true;
        }
        remember_writes(run);
        run_mind_trust(run);
        run->cloud.metaverse = run->metaverse;
        if (run->anchor)
                run->cloud.anchor = run->anchor;
        space_write_cloud(&run->batch, &run->cloud_id, &run->cloud, run->cloud_serial);
        run_leave_cloud_links(run);
        for (size_t i = 0; first && i < run->person.n_joined; i++)
                leave_appeared(run, &run->person.joined[i]);
        if (!is_joined(run))
                leave_appeared(run, &run->key);
        if (run->have_intent)
                space_delete(&run->batch, SPACE_INTENT, &run->metaverse, sizeof(run->metaverse));
}

/*
 * A create that certainly had no effect leaves no intent behind: the next one need not wait for what cannot
 * come. Nor does one whose object left scope, and that was looked for until it must have replicated. One
 * before it that was without an answer is as open as it was. After a conflict with an open one there may be
 * an object of ours, so that intent stays, until a person is asked.
 */
static void leave_intent(Run *run)
{
        bool create = run->n_ops && run->ops[0].kind == OP_CREATE && run->results;

        if (!run->have_intent)
                return;
        if (run->outcome.disposition == DISPOSITION_PARKED ||
            run->outcome.disposition == DISPOSITION_OUT_OF_SCOPE ||
            (create && run->results[0].state == OP_NOT_SENT && !run->intent_before.tries))
                space_delete(&run->batch, SPACE_INTENT, &run->metaverse, sizeof(run->metaverse));
        else if (create && run->results[0].state == OP_NOT_SENT)
                space_write_intent(&run->batch, &run->metaverse, &run->intent_before, SPACE_ANY);
}

/* The index of join attributes: what this metaverse object is found by. The rows of what stays are there,
 * unless other rules wrote them. */
static void leave_joins(Run *run)
{
        const FlowedObject *before = flowed_read(run->arena, run->person.flowed, run->person.n_flowed);
        bool same_rules = str_is(run->person.rules_version, rules_version(run->config->rules));
        const char *const *names;
        size_t n;

        names = rules_join_attributes(run->config->rules, run->mv->type, &n);
        for (size_t i = 0; i < n; i++) {
                Value now = flowed_get(run->mv, names[i]);
                Value old = before ? flowed_get(before, names[i]) : VALUE_NULL;

                if (same_rules && value_is(old, now))
                        continue;
                for (size_t v = 0; v < value_count(old); v++)
                        space_write_join(&run->batch, LINK_REMOVE, run->mv->type, names[i], value_at(old, v),
                                         &run->metaverse);
                for (size_t v = 0; v < value_count(now); v++)
                        space_write_join(&run->batch, LINK_ADD, run->mv->type, names[i], value_at(now, v),
                                         &run->metaverse);
        }
}

/*
 * What staging holds back must be planned again once it may leave. A plan compares with the last finished run
 * (what AD had then is cleared and unlinked, an account that was off then is turned on), so that one stays.
 * Who has left or was deleted stays too, without a hash: that is what a promotion makes due
 * (app/flow/staging.c).
 */
static bool is_held_back(const Run *run)
{
        return run_is_staging(run) && run->n_ops;
}

/* Conclusions, of a run that is done. */
static int leave_conclusions(Run *run)
{
        bool pending = is_held_back(run);
        Head head = {
                .parent = run->entry.parent,
                .dn = run->dn->text,
                .type = run->type ? run->type : run->head.type,
                .in_scope = !run->leaving || (pending && run->head.in_scope),
                /* Nothing has changed, so no rule was asked, and the bit of userAccountControl is not all
                   they know. */
                .account_enabled =
                        run->known && (pending || !run->mv) ? run->head.account_enabled : run_is_enabled(run),
                .version = run->entry.version,
                /* What is held back, or what a failed rule would have said, is still to be done. */
                .hash = pending || run->rules_result || run->left_to_ask || run->incomplete ? (Hash128){ 0 }
                                                                                            : run->hash,
                .metaverse = run->mv ? run->metaverse : run->head.metaverse,
                .imported = clock_wall(run->clock),
        };

        space_write_head(&run->batch, &run->key, &head, run->head_serial);
        if (!run->object)
                return 0;
        space_write_import(&run->batch, &run->key, run->object, SPACE_ANY);
        if (run->mv && !(pending && run->person.n_flowed))
                leave_joins(run);
        /* A run that ended before the plan has left them as they are. */
        return run->planned ? run_leave_import_links(run) : 0;
}

/* The head of an object whose run is not done, or that left scope: as it was, but for what is certain. */
static void leave_head(Run *run, bool in_scope)
{
        Head head = run->head;

        head.dn = run->dn->text;
        head.in_scope = in_scope;
        head.deleted = run->entry.deleted || run->change.kind == CHANGE_GONE;
        head.hash = (Hash128){ 0 };
        /* Judged, and nothing is left to do for this version of it. */
        if (!in_scope && run->read_result == 0)
                head.version = run->entry.version;
        if (run->mv)
                head.metaverse = run->metaverse;
        if (run->type)
                head.type = run->type;
        if (!run->known)
                head.account_enabled = true;
        space_write_head(&run->batch, &run->key, &head, run->head_serial);
}

/* What was sent may have left the cloud between two states: even if the object becomes again what it was at
 * its last finished run, it is worked on whole. */
static void leave_unfinished(Run *run)
{
        Head head = run->head;

        if (!head.hash.low && !head.hash.high)
                return;
        head.hash = (Hash128){ 0 };
        space_write_head(&run->batch, &run->key, &head, run->head_serial);
}

int run_leave_behind(Run *run)
{
        Disposition d = run->outcome.disposition;
        bool done = d == DISPOSITION_DONE || d == DISPOSITION_NO_CHANGE || d == DISPOSITION_STAGED;
        bool newly_known, keep;
        int r;

        if (guid_is_zero(&run->key.id))
                return 0; /* asked for by DN, and nobody knows the object: there is nothing to remember */
        run_leave_ahead(run);
        if (run->change.kind == CHANGE_LINK && !run->reverting)
                return run_leave_ready(run, done);
        if (run->reverting) {
                leave_cloud(run);
                if (done && !run_is_staging(run))
                        run_leave_hold(run);
                leave_unfinished(run);
                return 0;
        }
        /* It was found in another way, or there is nothing to be found for: only what waits has a candidate.
         */
        if ((done || d == DISPOSITION_OUT_OF_SCOPE) && (!run->known || guid_is_zero(&run->person.cloud)))
                run_leave_candidate(run);
        if (run->gone) {
                leave_cloud(run);
                leave_intent(run);
                if (guid_is_zero(&run->person.cloud) && !guid_is_zero(&run->cloud_id))
                        leave_person(run, NULL);
                if (done && is_held_back(run))
                        leave_unfinished(run);
                else if (done)
                        leave_head(run, false);
                return 0;
        }
        /* The whole of an unfinished run is planned again. A wait of it that AD has taken back by then would
         * be known to nobody, and be set when its target appears. */
        if (!done) {
                run->batch.n_edges = 0;
                run_leave_named(run);
        }

        /* An object that is created or adopted is found by its id even if the rest of its run failed. */
        leave_cloud(run);
        newly_known = !guid_is_zero(&run->cloud_id) && !guid_is(&run->person.cloud, &run->cloud_id);
        keep = !done || (is_held_back(run) && run->person.n_flowed);
        if (run->mv && run->object && (done || newly_known || gave_something(run)))
                leave_person(run, keep ? NULL : run->mv);
        leave_intent(run);
        r = run_leave_referrers(run);
        if (r)
                return r;
        if (done)
                return leave_conclusions(run);
        if (d == DISPOSITION_OUT_OF_SCOPE ? run->known : newly_known)
                leave_head(run, d != DISPOSITION_OUT_OF_SCOPE);
        else if (run->known)
                leave_unfinished(run);
        return 0;
}

int run_leave_ready(Run *run, bool done)
{
        /* What must not be written is not asked for again: a whole run finds it, if one may. */
        bool refused = run->outcome.disposition == DISPOSITION_OUT_OF_SCOPE;
        uint8_t owner[OBJECT_KEY_SIZE];

        leave_cloud(run);
        object_key_pack(&run->key, owner);
        for (size_t i = 0; i < run->n_ready; i++)
                if (refused || run_is_confirmed(run, i))
                        space_write_link(&run->batch, LINK_READY, LINK_REMOVE, owner, sizeof(owner),
                                         run_link_attribute(run->cloud.type), &run->ready[i]);
        /* What staging holds back is planned again by the object's next whole run. */
        if (done && run_is_staging(run) && run->known)
                leave_head(run, run->head.in_scope);
        return 0;
}
