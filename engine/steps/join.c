/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Join: find the metaverse object, or make one, and let the inbound rules fill it
 *
 * Two source objects of one person must never work at once: the run claims the metaverse object in memory. A
 * claimed one ends this run; it comes back in a moment. A run claims at most one, after its lease, so there
 * is no order to get wrong.
 */

#include "engine/steps/internal.h"
#include "engine/steps/join-find.h"

#include "base/str.h"
#include "engine/space/memo.h"

#include <string.h>

/* The index is made in seconds (app/job/rules-catch-up.h). */
#define INDEX_WAIT_MS 1000

static RuleInput own_input(const Run *run)
{
        const RunConnector *c = run_connector(run);

        return (RuleInput){
                .object = run->object,
                .connector = c->name,
                .source = run->key.source,
                .parameters = c->parameters,
                .n_parameters = c->n_parameters,
        };
}

int run_claim(Run *run, const ObjectId *id)
{
        int r = space_claim(run->space, id);

        if (r == SPACE_E_BUSY) {
                run->retry_at = wall_add(clock_wall(run->clock), 200);
                return step_fail(run, STEP_E_RETRY, "ConcurrentUpdate", NULL);
        }
        if (r)
                return r;
        run->claimed = true;
        run->claim = *id;
        return 0;
}

/* What the rules in scope say about an object that is not joined yet. */
typedef struct Joining {
        const Rule *rule; /* by which it joins; NULL: none found exactly one */
        ObjectId id;
        const Rule *other; /* joins it to another one */
        ObjectId other_id;
        const Rule *provision; /* the best that may make one */
        const Rule *several;   /* found more than one */
        ObjectId two[2];
} Joining;

/* Groups are tried top to bottom; exactly one hit joins, none or several: the next group (entra.md 1.4). */
static int try_rule(Run *run, const Rule *rule, Joining *j)
{
        for (size_t g = 0; g < rule->n_join; g++) {
                ObjectId *ids;
                size_t n;
                int r = join_find(run->space, rule->target_type, &rule->join[g],
                                  join_values(&rule->join[g], run->object, run->arena), run->arena, &ids, &n);

                if (r)
                        return r;
                if (n > 1 && !j->several) {
                        j->several = rule;
                        memcpy(j->two, ids, sizeof(j->two));
                }
                if (n != 1)
                        continue;
                if (!j->rule) {
                        j->rule = rule;
                        j->id = ids[0];
                } else if (!guid_is(&j->id, &ids[0]) && !j->other) {
                        j->other = rule;
                        j->other_id = ids[0];
                }
                return 0;
        }
        return 0;
}

const char *run_name_of(Run *run, const ObjectId *id)
{
        char text[GUID_TEXT_MAX];
        Person p;
        Head head;

        if (space_read_person(run->space, id, run->arena, &p, NULL, NULL) == 0 && p.n_joined &&
            space_read_head(run->space, &p.joined[0], run->arena, &head, NULL, NULL) == 0 && head.dn)
                return head.dn;
        return arena_strdup(run->arena, guid_format(id, text));
}

/*
 * Precedence does not settle where an object belongs: rules that lead to different objects are an error. With
 * several candidates and nothing better, a rule that provisions makes a new one, as Connect does, with a
 * warning; one that only joins waits for a person.
 */
static int judge_joining(Run *run, const Joining *j)
{
        if (j->other)
                return step_fail(run, STEP_E_PARK, "AmbiguousJoin",
                                 "rule \"%s\" joins it to %s, rule \"%s\" to %s", j->rule->name,
                                 run_name_of(run, &j->id), j->other->name, run_name_of(run, &j->other_id));
        if (j->rule || !j->several)
                return 0;
        if (!j->provision)
                return step_fail(run, STEP_E_PARK, "AmbiguousJoin",
                                 "rule \"%s\" finds more than one metaverse object: %s, and %s",
                                 j->several->name, run_name_of(run, &j->two[0]),
                                 run_name_of(run, &j->two[1]));
        step_warn(run, "AmbiguousJoin",
                  "rule \"%s\" finds more than one metaverse object: %s, and %s; a new one is made by rule "
                  "\"%s\"",
                  j->several->name, run_name_of(run, &j->two[0]), run_name_of(run, &j->two[1]),
                  j->provision->name);
        return 0;
}

/* While rules are new, whom they would join it to may not be in the index: it would become a second one. */
static int mind_index(Run *run)
{
        const uint8_t *data;
        size_t n;
        int r = memo_read(run->space, MEMO_JOINS, run->arena, &data, &n, NULL);

        if (r)
                return r == SPACE_E_NONE ? 0 : r;
        run->retry_at = wall_add(clock_wall(run->clock), INDEX_WAIT_MS);
        return step_fail(run, STEP_E_RETRY, "RulesCatchingUp", NULL);
}

/* Not joined yet: all rules in scope have a say, the best first. */
static int find_joined(Run *run, const RuleInput *input, bool *ret_found)
{
        const Rule *first = run->join_rule;
        Joining j = { 0 };
        int r;

        for (const Rule *rule = first; rule; rule = rules_next_join(run->config->rules, input, rule)) {
                if (!str_is(rule->target_type, first->target_type))
                        return step_fail(run, STEP_E_PARK, "AmbiguousJoin",
                                         "rule \"%s\" makes it a %s, rule \"%s\" a %s", first->name,
                                         first->target_type, rule->name, rule->target_type);
                if (rule->link == RULE_LINK_PROVISION && !j.provision)
                        j.provision = rule;
                r = try_rule(run, rule, &j);
                if (r)
                        return r;
        }
        *ret_found = j.rule != NULL;
        if (j.rule) {
                run->join_rule = j.rule;
                run->metaverse = j.id;
        } else if (j.provision) {
                run->join_rule = j.provision;
        }
        return judge_joining(run, &j);
}

static int run_inbound(Run *run, const char *mv_type)
{
        const FlowedObject *before;
        RuleInput own = own_input(run), *inputs;
        size_t n;
        int r;

        r = run_inputs(&(RunJoined){ .space = run->space,
                                     .connectors = run->config->connectors,
                                     .n_connectors = run->config->n_connectors,
                                     .person = &run->person,
                                     .own = &own },
                       run->arena, &inputs, &n, &run->diag);
        if (r)
                return r;
        /* Damaged, it is rebuilt from the rules' values alone. */
        before = flowed_read(run->arena, run->person.flowed, run->person.n_flowed);
        run->rules_result = rules_inbound(run->config->rules, mv_type, inputs, n, before,
                                          clock_wall(run->clock), run->arena, &run->mv, &run->rules_diag);
        if (run->rules_result < 0)
                return run->rules_result;
        if (run->rules_result) {
                /* The date that was known still comes, whatever fails now. */
                if (before && before->due.ms > clock_wall(run->clock).ms)
                        run_note_due(run, before);
                return 0;
        }
        run->mv = flowed_keep(run->arena, run->mv, before);
        run_note_due(run, run->mv);
        run->anchor = value_is_none(flowed_get(run->mv, "sourceAnchor"))
                              ? NULL
                              : value_text(run->arena, flowed_get(run->mv, "sourceAnchor"), 1024);
        return 0;
}

/* What an older program has left under the anchor alone, whatever its type was: a row or a create without an
 * answer, of this type. */
static int is_older(Run *run, const ObjectId *id, bool *ret_is)
{
        Intent intent;
        Person p;
        int r = space_read_person(run->space, id, run->arena, &p, NULL, NULL);

        if (r < 0)
                return r;
        *ret_is = r == 0 && str_is(p.type, run->mv->type);
        if (r != SPACE_E_NONE)
                return 0;
        r = space_read_intent(run->space, id, run->arena, &intent, NULL, NULL);
        *ret_is = r == 0 && str_is(intent.type, run_cloud_type(run));
        return r < 0 ? r : 0;
}

static void make_id(const void *data, size_t n, uint64_t kind, ObjectId *ret_id)
{
        Hash128 h = hash128(data, n, kind);

        memcpy(ret_id->bytes, &h, sizeof(ret_id->bytes));
}

/*
 * The id of a new metaverse object is made from its type and its anchor (or, without one, from the object's
 * own key), so two runs that project the same person cannot make two of it, and an intent is found again
 * after a crash. Without the type a user whose anchor is set to a group's GUID would be that group.
 */
static int projected_id(Run *run)
{
        uint8_t key[OBJECT_KEY_SIZE];
        const char *text;
        bool older;
        int r;

        if (!run->anchor) {
                object_key_pack(&run->key, key);
                make_id(key, sizeof(key), 2, &run->metaverse);
                return 0;
        }
        make_id(run->anchor, strlen(run->anchor), 1, &run->metaverse);
        r = is_older(run, &run->metaverse, &older);
        if (r || older)
                return r;
        text = arena_printf(run->arena, "%s %s", run->mv->type, run->anchor);
        make_id(text, strlen(text), 3, &run->metaverse);
        return 0;
}

/* What a metaverse object is, it stays: the values and the cloud account of one are not another's. */
static int judge_type(Run *run)
{
        const char *now = run->join_rule->target_type, *is = run->person.type;

        if (!is || str_is(is, now))
                return 0;
        return step_fail(run, STEP_E_PARK, "AmbiguousJoin",
                         "rule \"%s\" makes it a %s, and it has become a %s before, as which it is known",
                         run->join_rule->name, now, is);
}

int run_join(Run *run)
{
        RuleInput input = own_input(run);
        bool found = !guid_is_zero(&run->head.metaverse);
        int r;

        run->join_rule = rules_find_join(run->config->rules, &input, run->arena, &run->rules_why);
        /* No rule takes it any more: what remains is the last word on what it became before. */
        if (!run->join_rule)
                return found ? run_claim(run, &run->head.metaverse) : 0;
        if (found) {
                run->metaverse = run->head.metaverse;
        } else {
                r = mind_index(run);
                if (r == 0)
                        r = find_joined(run, &input, &found);
                if (r)
                        return r;
        }
        if (found) {
                r = run_claim(run, &run->metaverse);
                if (r)
                        return r;
                r = space_read_person(run->space, &run->metaverse, run->arena, &run->person,
                                      &run->person_serial, &run->diag);
                if (r < 0)
                        return r;
                if (r)
                        run->person = (Person){ 0 };
                r = judge_type(run);
                if (r == 0)
                        r = run_judge_newcomer(run);
                return r ? r : run_inbound(run, run->join_rule->target_type);
        }

        r = run_inbound(run, run->join_rule->target_type);
        if (r || run->rules_result)
                return r;
        if (run->join_rule->link != RULE_LINK_PROVISION) {
                run->rules_why = "the join rule found no metaverse object, and does not provision one";
                run->mv = NULL;
                return 0;
        }
        r = projected_id(run);
        if (r == 0)
                r = run_claim(run, &run->metaverse);
        if (r)
                return r;
        /* Another source of this person may have projected it between our look and our claim. */
        r = space_read_person(run->space, &run->metaverse, run->arena, &run->person, &run->person_serial,
                              &run->diag);
        if (r < 0)
                return r;
        if (r == SPACE_E_NONE) {
                run->person = (Person){ 0 };
                return 0;
        }
        r = run_judge_newcomer(run);
        return r ? r : run_inbound(run, run->join_rule->target_type);
}
