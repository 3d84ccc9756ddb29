/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/rules-internal.h"
#include "engine/rules/rules-yaml.h"

#include <inttypes.h>
#include <string.h>

static void hash_text(Str *s, const char *text)
{
        /* With its length in front no two sequences of texts run together to the same bytes. */
        if (text)
                str_printf(s, "%zu:%s", strlen(text), text);
        else
                str_add(s, "-");
}

static void hash_rule(Str *s, const Rule *r, Arena *scratch)
{
        str_printf(s, "rule %s %d %s %d ", rules_direction_names[r->direction], r->disabled,
                   rule_link_name(r->link), r->precedence);
        hash_text(s, r->name);
        hash_text(s, r->connector);
        hash_text(s, r->source_type);
        hash_text(s, r->target_type);
        for (size_t i = 0; i < r->n_scope; i++) {
                str_add(s, "scope ");
                for (size_t k = 0; k < r->scope[i].n_clauses; k++) {
                        const ScopeClause *c = &r->scope[i].clauses[k];

                        hash_text(s, c->attribute);
                        hash_text(s, scope_operator_name(c->op));
                        hash_text(s, c->value && *c->value ? c->value : NULL);
                }
        }
        for (size_t i = 0; i < r->n_join; i++) {
                str_add(s, "join ");
                for (size_t k = 0; k < r->join[i].n_clauses; k++) {
                        const JoinClause *c = &r->join[i].clauses[k];

                        hash_text(s, c->source);
                        hash_text(s, c->metaverse);
                        str_add_char(s, c->case_sensitive ? '1' : '0');
                }
        }
        for (size_t i = 0; i < r->n_flows; i++) {
                const Flow *f = &r->flows[i];

                str_printf(s, "flow %s %s %d ", flow_type_name(f->type), rules_merge_names[f->merge],
                           f->apply_once);
                hash_text(s, f->target);
                hash_text(s, f->expr ? expr_print(scratch, f->expr) : f->source);
        }
}

/**
 * set_version() - name a rule set by what it means
 * @a:          arena of the configuration
 * @set:        its rules, sorted
 *
 * Names count, since reports show them; descriptions, tags, the order of rules in files, blanks and the way
 * an expression is written do not. Words go in rather than the numbers of enums, so that a newer program
 * gives the same rules the same version.
 *
 * Return: 16 hex digits.
 */
const char *set_version(Arena *a, const RuleSet *set)
{
        _cleanup_(arena_freep) Arena *scratch = arena_new(0);
        Hash128 h;
        Str s;

        /* All files of a set together are smaller than this: 200 of 4 MiB. */
        str_init(&s, (size_t)1 << 30);
        for (size_t i = 0; i < set->n_rules; i++)
                hash_rule(&s, set->rules[i], scratch);
        h = hash128(s.data, s.n, 0);
        str_deinit(&s);
        return arena_printf(a, "%016" PRIx64, h.low);
}
