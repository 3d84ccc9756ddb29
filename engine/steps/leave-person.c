/* SPDX-License-Identifier: Apache-2.0 */

/* The metaverse object that a run leaves behind, and what it is found by. */

#include "engine/steps/internal.h"

#include "base/str.h"

#include <string.h>

bool run_is_joined(const Run *run)
{
        for (size_t i = 0; i < run->person.n_joined; i++)
                if (run->person.joined[i].source == run->key.source &&
                    guid_is(&run->person.joined[i].id, &run->key.id))
                        return true;
        return false;
}

/* An attribute that no rule names any more is left as it is. As long as it is there it stays ours to clear,
 * when a rule names it again and gives nothing. What lives in another service has not been read. */
static bool is_left_there(const Run *run, const char *name)
{
        const TargetAttribute *at = target_attribute(run->config->schema, run_cloud_type(run), name);

        return at && !rules_flows(run->config->rules, RULE_OUTBOUND, at->type, name) && run->cloud.object &&
               (at->service || !value_is_none(object_get(run->cloud.object, name)));
}

/* It was sent, perhaps, by a run that has not come to its end, and a read may hide it yet. A link has a mark
 * of its own (unheard.c). */
static bool is_perhaps_there(const Run *run, const char *name)
{
        if (!run_is_unfinished(run) || str_is(name, run_link_attribute(run->cloud.type)) ||
            !value_is_none(flowed_get(run->ruled, name)))
                return false;
        for (size_t i = 0; i < run->n_ops; i++)
                if (run->ops[i].kind == OP_UNSET && str_is(run->ops[i].attribute, name) &&
                    run_is_confirmed(run, i))
                        return false;
        return true;
}

/* ... so it stays ours until a run that comes when it must have replicated. */
static void look_for_given(Run *run)
{
        for (size_t i = 0; run->ruled && i < run->person.n_given; i++)
                if (is_perhaps_there(run, run->person.given[i])) {
                        run_look_again(run, false);
                        return;
                }
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
                if (is_left_there(run, run->person.given[i]) || is_perhaps_there(run, run->person.given[i]))
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

/* A value that the rules give, and that this unfinished run has brought to the cloud, or perhaps: if AD takes
 * it away before a run is done, it is still ours to clear. What an older program did not note stays unknown.
 */
static bool is_newly_given(const Run *run, size_t i)
{
        const Op *op = &run->ops[i];

        return op->kind == OP_SET && (run_is_confirmed(run, i) || run_is_unheard(run, i)) && run->ruled &&
               op->attribute && (run->person.given || !run->person.n_flowed) &&
               !value_is_none(flowed_get(run->ruled, op->attribute)) && !has_given(run, op->attribute);
}

bool run_gave_something(const Run *run)
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
void run_leave_person(Run *run, const FlowedObject *mv)
{
        ObjectKey *joined = arena_new_array(run->arena, ObjectKey, run->person.n_joined + 1);
        Person p = run->person;

        for (size_t i = 0; i < p.n_joined; i++)
                joined[i] = p.joined[i];
        if (!run_is_joined(run))
                joined[p.n_joined++] = run->key;
        p.joined = joined;
        p.type = run->mv ? run->mv->type : p.type;
        p.anchor = run->anchor ? run->anchor : p.anchor;
        /* Of what is gone, and was not made again by this run, the id stays: the run that makes it tells
         * those who name it. */
        p.cloud = guid_is_zero(&run->cloud_id) ? run->lost : run->cloud_id;
        if (!mv)
                note_accepted(run, &p);
        if (mv)
                look_for_given(run);
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

/* By what it was it is not found any more: whatever attribute that is, for rules that joined by it may be
 * active again one day. */
static void leave_old_joins(Run *run, const FlowedObject *before)
{
        for (size_t i = 0; i < before->n_values; i++) {
                const FlowedValue *old = &before->values[i];

                if (!value_is(old->value, flowed_get(run->mv, old->name)))
                        space_write_join(&run->batch, LINK_REMOVE, before->type, old->name, old->value,
                                         &run->metaverse);
        }
}

/* The index of join attributes: what this metaverse object is found by. The rows of what stays are there,
 * unless other rules wrote them. */
void run_leave_joins(Run *run)
{
        const FlowedObject *before = flowed_read(run->arena, run->person.flowed, run->person.n_flowed);
        bool same_rules = str_is(run->person.rules_version, rules_version(run->config->rules));
        const char *const *names;
        size_t n;

        if (before)
                leave_old_joins(run, before);
        names = rules_join_attributes(run->config->rules, run->mv->type, &n);
        for (size_t i = 0; i < n; i++) {
                Value now = flowed_get(run->mv, names[i]);
                Value old = before ? flowed_get(before, names[i]) : VALUE_NULL;

                if (!same_rules || !value_is(old, now))
                        space_write_join(&run->batch, LINK_ADD, run->mv->type, names[i], now,
                                         &run->metaverse);
        }
}
