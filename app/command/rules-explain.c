/* SPDX-License-Identifier: Apache-2.0 */

/* sosync rules explain: reading, evaluating, and the result as JSON */

#include "app/command/rules-explain.h"

#include "app/command/job.h"
#include "app/command/options.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

static int parse(ExplainCommand *e, int argc, char **argv)
{
        const Option options[] = {
                { "object", .text = &e->object },
                { "type", .text = &e->type },
                { "rules", .text = &e->rules->folder },
                { "attribute", .text = &e->attribute },
                { "all", .flag = &e->all },
                { "json", .flag = &e->rules->json },
                { NULL },
        };
        int status;

        argc--, argv++; /* the verb */
        status = options_read(e->rules->command, options, &argc, &argv);
        if (status)
                return status;
        e->dn = argc ? argv[0] : NULL;
        if (argc > 1 || !e->dn == !e->object)
                return command_usage(e->rules->command);
        if (e->type && !e->object)
                return command_fail(
                        EXIT_USAGE,
                        "--type is for an object from a file (--object): the directory says its own");
        return EXIT_DONE;
}

/* -- evaluation ------------------------------------------------------------------------------------------ */

static json_t *clause_json(const JoinClause *clause, Value v, Arena *a)
{
        const uint8_t *data;
        json_t *o;
        PackWriter w;
        size_t n;

        pack_init(&w);
        value_pack(&w, v);
        data = pack_data(&w, &n);
        o = json_pack("{s:s, s:s, s:b}", "attribute", clause->metaverse, "value", str_base64(a, data, n),
                      "caseSensitive", clause->case_sensitive);
        pack_deinit(&w);
        return o;
}

/* Whom the index of join values has. */
static int ask_join(void *context, const char *type, const JoinGroup *group, const Value *values, Arena *a,
                    const JoinHit **ret_hits, size_t *ret_n)
{
        ExplainCommand *e = context;
        json_t *answer = NULL, *clauses = json_array(), *list, *item;
        JoinHit *hits;
        size_t i;

        for (size_t c = 0; c < group->n_clauses; c++)
                json_array_append_new(clauses, clause_json(&group->clauses[c], values[c], a));
        e->status =
                command_job(e->rules->config_path, "rules-known",
                            json_pack("{s:{s:s, s:o}}", "join", "type", type, "clauses", clauses), &answer);
        list = json_object_get(answer, "hits");
        hits = arena_new_array(a, JoinHit, json_array_size(list) + 1);
        *ret_n = 0;
        json_array_foreach(list, i, item)
        {
                const char *id = json_string_value(json_object_get(item, "id"));
                const char *dn = json_string_value(json_object_get(item, "dn"));

                if (id && dn && guid_parse(id, &hits[*ret_n].id))
                        hits[(*ret_n)++].dn = arena_strdup(a, dn);
        }
        *ret_hits = hits;
        json_decref(answer);
        return e->status ? -EIO : 0;
}

/* Joined to nothing yet: where would it be? The person whom it would join is asked for. */
static int find_joins(ExplainCommand *e, ObjectId *ret_person)
{
        RuleInput input = explain_own_input(&e->look);

        if (joins_find(e->rules->rules, &input, ask_join, e, e->rules->arena, &e->joins_room))
                return e->status ? e->status : command_fail(EXIT_OBJECT, "the state cannot be read");
        e->joins = &e->joins_room;
        if (e->joins->by && !e->joins->clash)
                *ret_person = e->joins->by->hits[0].id;
        return EXIT_DONE;
}

/* Takes the arguments. Return: the exit status. */
static int ask_known(ExplainCommand *e, json_t *arguments)
{
        json_t *answer = NULL, *known;
        int status = command_job(e->rules->config_path, "rules-known", arguments, &answer);

        known = json_object_get(answer, "known");
        if (json_is_object(known)) {
                if (known_from_json(known, e->rules->arena, &e->known_room))
                        status = command_fail(EXIT_OBJECT, "the state has an answer that cannot be read");
                else
                        e->known = &e->known_room;
        }
        json_decref(answer);
        return status;
}

/* The other objects of the person, what the metaverse holds, and what is in Entra ID. */
static int know(ExplainCommand *e)
{
        RulesCommand *c = e->rules;
        ObjectId person = { 0 };
        char id[GUID_TEXT_MAX];
        int status;

        if (!c->has_state) {
                e->assumed = "there is no state to look into: as for an object that nobody knows yet";
                return EXIT_DONE;
        }
        status = ask_known(e, json_pack("{s:s, s:s}", "connector", e->look.connector, "id",
                                        guid_format(&e->look.object->id, id)));
        if (status == EXIT_DONE && !e->known) {
                e->assumed = "sosync has not worked on this object yet: as for a new one";
                status = find_joins(e, &person);
                if (status == EXIT_DONE && !guid_is_zero(&person))
                        status = ask_known(e, json_pack("{s:s}", "metaverse", guid_format(&person, id)));
                if (e->known)
                        e->assumed = "sosync has not worked on this object yet: as when it joins";
        }
        if (e->known && !e->known->cloud.object)
                e->assumed = "it is not in Entra ID as far as sosync knows";
        return status;
}

static int look(ExplainCommand *e)
{
        RulesCommand *c = e->rules;
        Diag diag = DIAG_INIT;
        RunConfig *run;
        int status;

        if (e->object) {
                e->assumed = "an object from a file: as for one that nobody knows yet";
                return command_looked(look_file(&e->look, c->arena, e->object, e->type, &diag), &diag);
        }
        status = rules_open_config(c);
        if (status)
                return status;
        /* What these rules read, which need not be the rules of the configuration. */
        run = arena_memdup(c->arena, &c->config->run, sizeof(*run));
        run->rules = c->rules;
        run_config_attributes(run, c->arena);
        status = command_looked(look_directory(&e->look, c->arena, c->config, c->rules, e->dn,
                                               run->attributes, run->n_attributes, true, &diag),
                                &diag);
        return status ? status : know(e);
}

static bool reads(const ExplainCommand *e, const Flow *f, const char *name)
{
        const char *const *names;
        size_t n;

        if (f->type == FLOW_DIRECT)
                return str_is(f->source, name);
        if (f->type == FLOW_CONSTANT)
                return false;
        expr_names(f->expr, e->rules->arena, &names, &n);
        for (size_t i = 0; i < n; i++)
                if (str_is(names[i], name))
                        return true;
        return false;
}

bool explain_is_asked(const ExplainCommand *e, const ExplainStage *s, const char *name)
{
        if (!e->attribute || str_is_nocase(e->attribute, name))
                return true;
        for (size_t i = 0; s->direction == RULE_INBOUND && i < e->it.out.n_attributes; i++) {
                const ExplainAttribute *x = &e->it.out.attributes[i];

                for (size_t k = 0; str_is_nocase(e->attribute, x->name) && k < x->n_offers; k++)
                        if (reads(e, x->offers[k].flow, name))
                                return true;
        }
        return false;
}

/* -- as JSON --------------------------------------------------------------------------------------------- */

static json_t *offer_json(const ExplainCommand *e, const ExplainStage *s, const ExplainOffer *o)
{
        json_t *j = json_pack("{s:s, s:i, s:s, s:s, s:s}", "rule", o->rule->name, "precedence",
                              o->rule->precedence, "mappingType", flow_type_name(o->flow->type), "flow",
                              o->flow->source, "verdict", offer_verdict_name(o->verdict));

        if (s->direction == RULE_INBOUND && e->it.inputs[o->input].connector)
                json_object_set_new(j, "connector", json_string(e->it.inputs[o->input].connector));
        if (!value_is_none(o->value))
                json_object_set_new(j, "value", object_json_value(o->value));
        if (o->link)
                json_object_set_new(j, "links", json_true());
        if (o->text)
                json_object_set_new(j, "why", json_string(o->text));
        return j;
}

static json_t *attribute_json(const ExplainCommand *e, const ExplainStage *s, const ExplainAttribute *x)
{
        json_t *offers = json_array();
        json_t *j = json_pack("{s:s, s:o, s:b, s:b}", "name", x->name, "value", object_json_value(x->value),
                              "links", x->link, "kept", x->kept);

        if (s->direction == RULE_OUTBOUND && e->it.cloud)
                json_object_set_new(j, "current", object_json_value(object_get(e->it.cloud, x->name)));
        if (x->winner)
                json_object_set_new(j, "rule", json_string(x->winner->rule->name));
        for (size_t i = 0; i < x->n_offers; i++)
                json_array_append_new(offers, offer_json(e, s, &x->offers[i]));
        json_object_set_new(j, "offers", offers);
        return j;
}

const char *explain_join(Arena *a, const Rule *r)
{
        Str s;
        const char *text;

        str_init(&s, 4096);
        for (size_t i = 0; i < r->n_join; i++) {
                str_add(&s, i ? ", else " : "");
                for (size_t k = 0; k < r->join[i].n_clauses; k++)
                        str_printf(&s, "%s%s = %s", k ? " and " : "", r->join[i].clauses[k].source,
                                   r->join[i].clauses[k].metaverse);
        }
        text = arena_strdup(a, s.data);
        str_deinit(&s);
        return text;
}

static json_t *stage_json(const ExplainCommand *e, const ExplainStage *s)
{
        json_t *rules = json_array(), *attributes = json_array();
        json_t *j = json_pack("{s:s?, s:o, s:o}", "type", s->type, "rules", rules, "attributes", attributes);

        if (s->why || s->error)
                json_object_set_new(j, s->error ? "error" : "why", json_string(s->error ? s->error : s->why));
        for (size_t i = 0; i < s->n_rules; i++) {
                const ExplainRule *r = &s->rules[i];
                json_t *x = json_pack("{s:s, s:i, s:s, s:b, s:b}", "rule", r->rule->name, "precedence",
                                      r->rule->precedence, "link", rule_link_name(r->rule->link), "inScope",
                                      r->in_scope, "decides", r->decides);

                if (s->direction == RULE_INBOUND && e->it.inputs[r->input].connector)
                        json_object_set_new(x, "connector", json_string(e->it.inputs[r->input].connector));
                if (s->direction == RULE_INBOUND && e->it.n_inputs > 1)
                        json_object_set_new(x, "object", json_string(e->it.inputs[r->input].object->dn));
                if (r->rule->n_join)
                        json_object_set_new(x, "join", json_string(explain_join(e->rules->arena, r->rule)));
                if (r->why_not)
                        json_object_set_new(x, "why", json_string(r->why_not));
                if (s->direction == RULE_INBOUND && r->input == e->it.own &&
                    explain_candidate(&e->it, r->rule, e->rules->arena))
                        json_object_set_new(x, "joinResult",
                                            json_string(explain_candidate(&e->it, r->rule, e->rules->arena)));
                json_array_append_new(rules, x);
        }
        for (size_t i = 0; i < s->n_attributes; i++)
                if (explain_is_asked(e, s, s->attributes[i].name))
                        json_array_append_new(attributes, attribute_json(e, s, &s->attributes[i]));
        return j;
}

static void print_json(const ExplainCommand *e)
{
        const Object *o = e->look.object;
        json_t *j = json_pack("{s:s?, s:s, s:s?, s:s, s:s, s:o}", "dn", o->dn, "type", o->type, "connector",
                              e->look.connector, "rulesVersion", rules_version(e->rules->rules), "result",
                              e->it.verdict, "inbound", stage_json(e, &e->it.in));

        json_object_set_new(j, "rulesOrigin", json_string(e->rules->set_name));
        if (e->assumed)
                json_object_set_new(j, "assumed", json_string(e->assumed));
        if (e->it.has_out)
                json_object_set_new(j, "outbound", stage_json(e, &e->it.out));
        rules_print_json(j);
}

/* A name that no rule writes would be answered with nothing, as one whose rules do not apply is. */
static int check_attribute(const ExplainCommand *e)
{
        const Rule *const *rules;
        size_t n;

        if (!e->attribute)
                return EXIT_DONE;
        rules = rules_all(e->rules->rules, &n);
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < rules[i]->n_flows; k++)
                        if (str_is_nocase(rules[i]->flows[k].target, e->attribute))
                                return EXIT_DONE;
        return command_fail(EXIT_USAGE, "--attribute: no rule in %s gives \"%s\" a value", e->rules->set_name,
                            rules_cut(e->rules->arena, e->attribute, 200));
}

int rules_explain(RulesCommand *c, int argc, char **argv)
{
        ExplainCommand e = { .rules = c };
        int status = parse(&e, argc, argv);

        if (status == EXIT_DONE)
                status = rules_open(c);
        if (status == EXIT_DONE)
                status = check_attribute(&e);
        if (status == EXIT_DONE)
                status = look(&e);
        if (status)
                return status;
        explain_object(&e.it, c->rules, &e.look, e.known, e.joins, clock_wall(&clock_system), c->arena);
        if (c->json)
                print_json(&e);
        else
                explain_print(&e);
        return e.it.in.error || (e.it.has_out && e.it.out.error) ? EXIT_OBJECT : EXIT_DONE;
}
