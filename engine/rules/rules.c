/* SPDX-License-Identifier: Apache-2.0 */

#include "base/error.h"
#include "engine/rules/rules-internal.h"
#include "engine/rules/rules-yaml.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)RULE_E_BASE_ == (int)ERROR_BASE_RULE, "the ranges of conditions are in error.h");

/**
 * rules_load_text() - check and compile a rule set whose texts are in memory
 *
 * Return: 0, or RULE_E_INVALID.
 */
int rules_load_text(Arena *a, const RulesFile *files, size_t n_files, const RuleSet **ret_rules, Diag *diag)
{
        Diag own = DIAG_INIT;
        Rule **rules;
        size_t n;
        int r;

        /* A finding of check_rules() is known by its being in a diag: there must be one. */
        if (!diag)
                diag = &own;
        r = load_rules(a, files, n_files, &rules, &n, diag);
        if (r == 0) {
                size_t before = diag->n_items + diag->n_dropped;

                check_rules(rules, n, diag);
                if (diag->n_items + diag->n_dropped != before)
                        r = RULE_E_INVALID;
        }
        if (r == 0)
                *ret_rules = set_new(a, rules, n);
        diag_deinit(&own);
        return r;
}

/**
 * rules_load() - read, check and compile a rule set
 * @a:          arena of the configuration; everything lives there
 * @folder:     folder with *.yaml, or NULL for the shipped set
 * @ret_rules:  the set
 * @diag:       all findings of all files in one pass
 *
 * Return: 0, or RULE_E_INVALID.
 */
int rules_load(Arena *a, const char *folder, const RuleSet **ret_rules, Diag *diag)
{
        const RulesFile *files;
        size_t n;
        int r = rules_read(a, folder, false, &files, &n, diag);

        return r ? r : rules_load_text(a, files, n, ret_rules, diag);
}

const char *rules_version(const RuleSet *set)
{
        return set->version;
}

const Rule *const *rules_all(const RuleSet *set, size_t *ret_n)
{
        *ret_n = set->n_rules;
        return set->rules;
}

static const char *const *find_list(const NameList *lists, size_t n, const char *type, size_t *ret_n)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(lists[i].type, type) == 0) {
                        *ret_n = lists[i].n_names;
                        return lists[i].names;
                }
        *ret_n = 0;
        return NULL;
}

const char *const *rules_source_attributes(const RuleSet *set, const char *type, size_t *ret_n)
{
        return find_list(set->sources, set->n_sources, type, ret_n);
}

const RuleGroup *rules_member_groups(const RuleSet *set, const char *type, size_t *ret_n)
{
        for (size_t i = 0; set && i < set->n_groups; i++)
                if (str_is(set->groups[i].type, type)) {
                        *ret_n = set->groups[i].n_groups;
                        return set->groups[i].groups;
                }
        *ret_n = 0;
        return NULL;
}

bool rules_knows_type(const RuleSet *set, const char *type)
{
        for (size_t i = 0; i < set->n_sources; i++)
                if (strcmp(set->sources[i].type, type) == 0)
                        return true;
        return false;
}

const char *const *rules_join_attributes(const RuleSet *set, const char *mv_type, size_t *ret_n)
{
        return find_list(set->joins, set->n_joins, mv_type, ret_n);
}

const char *const *rules_target_attributes(const RuleSet *set, RuleDirection direction, const char *type,
                                           size_t *ret_n)
{
        return find_list(set->targets[direction], set->n_targets[direction], type, ret_n);
}

static int name_compare(const void *key, const void *name)
{
        return strcmp(key, *(const char *const *)name);
}

bool rules_flows(const RuleSet *set, RuleDirection direction, const char *type, const char *attribute)
{
        size_t n;
        const char *const *names = rules_target_attributes(set, direction, type, &n);

        return n && bsearch(attribute, names, n, sizeof(*names), name_compare);
}

bool rules_flows_links(const RuleSet *set, RuleDirection direction, const char *type, const char *attribute)
{
        return rules_is_link(attribute) && rules_flows(set, direction, type, attribute);
}

/* Only what may be too large for a record. Other references (manager, managedBy) are few and stay values. */
bool rules_is_link(const char *attribute)
{
        return strcmp(attribute, "member") == 0;
}

/**
 * rules_find_join() - the rule that gives an object its metaverse object
 * @set:        rules
 * @input:      the object, its source and its parameters
 * @a:          for @ret_why
 * @ret_why:    why there is none, for people
 *
 * Return: the rule of best precedence that is in scope and has join rules or link type Provision, or NULL.
 */
const Rule *rules_find_join(const RuleSet *set, const RuleInput *input, Arena *a, const char **ret_why)
{
        const Rule *nearest = NULL;

        for (size_t i = 0; i < set->n_rules && set->rules[i]->direction == RULE_INBOUND; i++) {
                const Rule *r = set->rules[i];

                if (r->disabled || !rule_decides(r) || !rule_takes(r, input->object, input->connector))
                        continue;
                if (rule_in_scope(r, input->object, input->parameters, input->n_parameters))
                        return r;
                if (!nearest)
                        nearest = r;
        }
        if (nearest)
                *ret_why = rule_why_not(nearest, input->object, input->parameters, input->n_parameters, a);
        else
                *ret_why = arena_printf(a, "no inbound rule joins or provisions objects of type \"%s\"",
                                        input->object->type);
        return NULL;
}

/**
 * rules_next_join() - the other rules that join or provision an object
 * @set:        rules
 * @input:      as of rules_find_join()
 * @after:      what that has returned, or this
 *
 * Return: the next one in scope, or NULL.
 */
const Rule *rules_next_join(const RuleSet *set, const RuleInput *input, const Rule *after)
{
        size_t i = 0;

        while (i < set->n_rules && set->rules[i] != after)
                i++;
        for (i++; i < set->n_rules && set->rules[i]->direction == RULE_INBOUND; i++) {
                const Rule *r = set->rules[i];

                if (!r->disabled && rule_decides(r) && rule_takes(r, input->object, input->connector) &&
                    rule_in_scope(r, input->object, input->parameters, input->n_parameters))
                        return r;
        }
        return NULL;
}

const char *rule_link_name(RuleLink l)
{
        return l <= RULE_LINK_STICKY_JOIN ? rules_link_names[l] : "?";
}

const char *flow_type_name(FlowType t)
{
        static const char *const names[] = { "Direct", "Constant", "Expression" };

        return (size_t)t < N_ELEMENTS(names) ? names[t] : "?";
}
