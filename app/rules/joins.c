/* SPDX-License-Identifier: Apache-2.0 */

#include "app/rules/joins.h"

#include "base/str.h"
#include "engine/steps/join-find.h"

typedef struct Finding {
        JoinAskFn ask;
        void *context;
        Arena *arena;
} Finding;

/* The first group that finds exactly one; where none does, the first that finds several. */
static int try_rule(const Finding *f, const Rule *rule, const Object *o, RuleJoin *ret)
{
        *ret = (RuleJoin){ .rule = rule };
        for (size_t g = 0; g < rule->n_join && ret->n_hits != 1; g++) {
                const JoinHit *hits;
                size_t n;
                int r = f->ask(f->context, rule->target_type, &rule->join[g],
                               join_values(&rule->join[g], o, f->arena), f->arena, &hits, &n);

                if (r)
                        return r;
                if (n == 1 || (n > 1 && !ret->n_hits))
                        *ret = (RuleJoin){ .rule = rule, .group = &rule->join[g], .hits = hits, .n_hits = n };
        }
        return 0;
}

/* Precedence does not settle where an object belongs. */
static void judge(Joins *j, const RuleJoin *x, Arena *a)
{
        const Rule *first = j->rules[0].rule;

        if (!str_is(x->rule->target_type, first->target_type) && !j->clash)
                j->clash = arena_printf(a, "rule \"%s\" makes it a %s, rule \"%s\" a %s", first->name,
                                        first->target_type, x->rule->name, x->rule->target_type);
        if (x->n_hits != 1)
                return;
        if (!j->by)
                j->by = x;
        else if (!guid_is(&j->by->hits[0].id, &x->hits[0].id) && !j->clash)
                j->clash = arena_printf(a, "rule \"%s\" joins it to %s, rule \"%s\" to %s", j->by->rule->name,
                                        j->by->hits[0].dn, x->rule->name, x->hits[0].dn);
}

int joins_find(const RuleSet *rules, const RuleInput *input, JoinAskFn ask, void *context, Arena *a,
               Joins *ret_joins)
{
        Finding f = { .ask = ask, .context = context, .arena = a };
        const char *why;
        size_t n_rules;
        RuleJoin *list;
        Joins j = { 0 };

        rules_all(rules, &n_rules);
        list = arena_new_array(a, RuleJoin, n_rules);
        j.rules = list;
        for (const Rule *rule = rules_find_join(rules, input, a, &why); rule;
             rule = rules_next_join(rules, input, rule)) {
                int r = try_rule(&f, rule, input->object, &list[j.n_rules]);

                if (r)
                        return r;
                judge(&j, &list[j.n_rules++], a);
        }
        *ret_joins = j;
        return 0;
}

/* A metaverse object for people: the first object that is joined to it. */
static const char *name_of(Space *s, const ObjectId *id, Arena *a)
{
        char text[GUID_TEXT_MAX];
        Person p;
        Head head;

        if (space_read_person(s, id, a, &p, NULL, NULL) == 0 && p.n_joined &&
            space_read_head(s, &p.joined[0], a, &head, NULL, NULL) == 0 && head.dn)
                return head.dn;
        return arena_strdup(a, guid_format(id, text));
}

int joins_ask_space(void *context, const char *type, const JoinGroup *group, const Value *values, Arena *a,
                    const JoinHit **ret_hits, size_t *ret_n)
{
        Space *s = context;
        JoinHit *hits;
        ObjectId *ids;
        size_t n;
        int r = join_find(s, type, group, values, a, &ids, &n);

        if (r)
                return r;
        n = n < JOIN_HITS_MAX ? n : JOIN_HITS_MAX;
        hits = arena_new_array(a, JoinHit, n + 1);
        for (size_t i = 0; i < n; i++)
                hits[i] = (JoinHit){ .id = ids[i], .dn = name_of(s, &ids[i], a) };
        *ret_hits = hits;
        *ret_n = n;
        return 0;
}
