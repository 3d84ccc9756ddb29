/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From what was read to rules that load
 *
 * Each rule is written in our form and read again by the loader, so that what is kept is what a rule file can
 * say, and the reason why something is not is the loader's own. Then the set is checked as a whole.
 */

#include "engine/rules/import-model.h"

#include "base/str.h"
#include "engine/rules/rules-internal.h"
#include "engine/rules/write-yaml.h"

#include <string.h>

static ImportRule *rule_at(const Importing *im, size_t i)
{
        return ((ImportRule **)im->rules.items)[i];
}

/* ---- connectors ---- */

static const char *chosen_name(const Importing *im, const ImportConnector *c)
{
        for (size_t i = 0; i < im->options->n_names; i++) {
                const ImportName *n = &im->options->names[i];

                if ((c->name && str_is_nocase(n->connector, c->name)) || str_is_nocase(n->connector, c->id))
                        return n->source;
        }
        return NULL;
}

static int check_names(Importing *im)
{
        const ImportConnector *c = im->connectors.items;

        for (size_t i = 0; i < im->options->n_names; i++) {
                const char *name = im->options->names[i].connector;
                size_t k = 0;

                while (k < im->connectors.n &&
                       !((c[k].name && str_is_nocase(name, c[k].name)) || str_is_nocase(name, c[k].id)))
                        k++;
                if (k == im->connectors.n) {
                        diag_add(im->diag, "there is no connector \"%s\"", name);
                        return IMPORT_E_INVALID;
                }
        }
        return 0;
}

/* Who the rules are of. With one directory they are for every source; several must be told apart. */
static int name_connectors(Importing *im)
{
        ImportConnector *c;
        size_t n_directories = 0;
        int r = 0;

        for (size_t i = 0; i < im->rules.n; i++)
                if (!rule_at(im, i)->skipped)
                        import_connector(im, rule_at(im, i)->connector)->n_rules++;
        c = im->connectors.items;
        for (size_t i = 0; i < im->connectors.n; i++)
                n_directories += !c[i].tenant && c[i].n_rules;
        for (size_t i = 0; i < im->connectors.n; i++) {
                if (c[i].tenant)
                        continue;
                c[i].source = chosen_name(im, &c[i]);
                if (c[i].source || n_directories < 2 || !c[i].n_rules)
                        continue;
                c[i].source = c[i].name;
                if (!c[i].name) {
                        diag_add(im->diag,
                                 "rules of several directories, and the name of connector %s is not known: "
                                 "say which "
                                 "source it is (--connector %s=NAME)",
                                 c[i].id, c[i].id);
                        r = IMPORT_E_INVALID;
                }
        }
        return check_names(im) ? IMPORT_E_INVALID : r;
}

/* An outbound rule without a connector is the tenant's, so one to a directory must name it. */
static void place_rule(Importing *im, ImportRule *r)
{
        const ImportConnector *c = import_connector(im, r->connector);

        if (c->tenant)
                r->rule.connector = r->rule.direction == RULE_INBOUND ? RULES_CONNECTOR_ENTRA : NULL;
        else if (r->rule.direction == RULE_INBOUND || c->source)
                r->rule.connector = c->source;
        else
                r->rule.connector = c->name ? c->name : c->id;
}

/* ---- precedence ---- */

static ImportRule *find_id(const Importing *im, const char *id)
{
        for (size_t i = 0; i < im->rules.n; i++)
                if (str_is(rule_at(im, i)->rule.id, id))
                        return rule_at(im, i);
        return NULL;
}

static bool is_before(const ImportRule *r)
{
        return import_guid_is_set(r->before);
}

/* Precedence 0 and "before that rule" is no number. */
static void find_place(Importing *im, ImportRule *r)
{
        const char *id = is_before(r) ? r->before : r->after;

        if (r->skipped || r->rule.precedence || !import_guid_is_set(id))
                return;
        r->is_unplaced = true;
        r->beside = find_id(im, id);
        if (r->beside)
                return;
        import_skip(im, r->rule.name, NULL,
                    "its precedence is given by another rule (%s) that was not read; export both, or give it "
                    "a number of its own",
                    id);
        r->skipped = true;
}

/* "Before that rule" takes its number, and moves it and all behind it, as the server does when it is added.
 */
static void place_beside(Importing *im, ImportRule *r)
{
        int number = r->beside->rule.precedence + !is_before(r);

        for (size_t i = 0; i < im->rules.n; i++) {
                ImportRule *moved = rule_at(im, i);

                if (!moved->is_unplaced && moved->rule.precedence >= number)
                        moved->rule.precedence++;
        }
        r->rule.precedence = number;
        r->is_unplaced = false;
}

/* One rule may be placed by another that is placed by a third: from those that have a number on. */
static void place_all(Importing *im)
{
        bool any = true;

        for (size_t i = 0; i < im->rules.n; i++)
                find_place(im, rule_at(im, i));
        while (any) {
                any = false;
                for (size_t i = 0; i < im->rules.n; i++) {
                        ImportRule *r = rule_at(im, i);

                        if (!r->is_unplaced || !r->beside || r->beside->is_unplaced)
                                continue;
                        place_beside(im, r);
                        any = true;
                }
        }
        for (size_t i = 0; i < im->rules.n; i++) {
                ImportRule *r = rule_at(im, i);

                if (!r->beside)
                        continue;
                if (!r->is_unplaced) {
                        import_note(
                                im, r->rule.name,
                                "it was placed %s rule \"%s\": precedence %d, those behind it moved by one",
                                is_before(r) ? "before" : "behind", r->beside->rule.name, r->rule.precedence);
                        continue;
                }
                import_skip(im, r->rule.name, NULL,
                            "its precedence is given by rule \"%s\", which has none itself; give one of them "
                            "a number of its own",
                            r->beside->rule.name);
                r->skipped = true;
        }
}

/* ---- what the loader says ---- */

/* The finding without the place, which is one of a file that nobody has seen. */
static const char *without_place(Arena *a, const ImportRule *r, const char *finding)
{
        const char *text = strstr(finding, arena_printf(a, "rule \"%s\": ", r->rule.name));

        return text ? text + strlen(r->rule.name) + strlen("rule \"\": ") : finding;
}

static void load_again(Importing *im, ImportRule *r)
{
        const Rule *one = &r->rule;
        Diag diag = DIAG_INIT;
        RulesFile file;
        Rule **loaded;
        size_t n;
        Str text;

        str_init(&text, IMPORT_SCRIPT_MAX);
        write_yaml_rules(&text, &one, 1);
        file = (RulesFile){ .name = r->file, .text = text.data, .n = text.n };
        if (text.cut) {
                import_skip(im, r->rule.name, NULL, "it is larger than 8 MiB");
                r->skipped = true;
        } else if (load_rules(im->arena, &file, 1, &loaded, &n, &diag) || n != 1) {
                for (size_t i = 0; i < diag.n_items; i++)
                        import_skip(im, r->rule.name, NULL, "%s",
                                    without_place(im->arena, r, diag.items[i].text));
                r->skipped = true;
        } else {
                DiagMark at = r->rule.at;

                r->rule = *loaded[0];
                r->rule.at = at;
        }
        str_deinit(&text);
        diag_deinit(&diag);
}

/* ---- attributes that the metaverse does not have ---- */

static bool is_filled(const Importing *im, const char *name)
{
        if (metaverse_schema_find(name))
                return true;
        for (size_t i = 0; i < im->rules.n; i++) {
                const ImportRule *r = rule_at(im, i);

                for (size_t k = 0; !r->skipped && r->rule.direction == RULE_INBOUND && k < r->rule.n_flows;
                     k++)
                        if (strcmp(r->rule.flows[k].target, name) == 0)
                                return true;
        }
        return false;
}

/* What the flow reads and nobody fills, or NULL. ImportedValue() reads the connector space. */
static const char *find_unfilled(const Importing *im, const Flow *f)
{
        const char *const *names;
        size_t n;

        if (f->type == FLOW_DIRECT)
                return is_filled(im, f->source) ? NULL : f->source;
        if (f->type == FLOW_CONSTANT || strstr(f->source, "ImportedValue"))
                return NULL;
        expr_names(f->expr, im->arena, &names, &n);
        for (size_t i = 0; i < n; i++)
                if (*names[i] != '%' && !is_filled(im, names[i]))
                        return names[i];
        return NULL;
}

static void drop_unfilled(Importing *im, ImportRule *r)
{
        Flow *kept = arena_new_array(im->arena, Flow, r->rule.n_flows);
        size_t n = 0;

        for (size_t i = 0; i < r->rule.n_flows; i++) {
                const Flow *f = &r->rule.flows[i];
                const char *name = find_unfilled(im, f);

                if (name)
                        import_skip(im, r->rule.name, f->target,
                                    "it reads \"%s\", an attribute that Entra Connect's metaverse does not "
                                    "have and no "
                                    "inbound rule fills",
                                    name);
                else
                        kept[n++] = *f;
        }
        if (n == r->rule.n_flows)
                return;
        r->rule.flows = kept;
        r->rule.n_flows = n;
        load_again(im, r);
}

/* ---- the set ---- */

static int by_precedence(const void *a, const void *b)
{
        const Rule *x = *(const Rule *const *)a, *y = *(const Rule *const *)b;

        if (x->direction != y->direction)
                return x->direction < y->direction ? -1 : 1;
        if (x->precedence != y->precedence)
                return x->precedence < y->precedence ? -1 : 1;
        return strcmp(x->id, y->id);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const ImportCount *)a)->name, ((const ImportCount *)b)->name);
}

static int parameter_by_name(const void *a, const void *b)
{
        return strcmp(((const ImportParameter *)a)->name, ((const ImportParameter *)b)->name);
}

static void check_set(Importing *im, Rule *const *rules, size_t n)
{
        Diag diag = DIAG_INIT;

        check_rules(rules, n, &diag);
        for (size_t i = 0; i < diag.n_items; i++)
                IMPORT_ADD(im, open, ImportNote)->text = arena_strdup(im->arena, diag.items[i].text);
        diag_deinit(&diag);
}

/**
 * import_finish() - make a set of what was read
 * @im:         what the readers have put together
 * @ret:        the result
 *
 * Return: 0, or IMPORT_E_INVALID.
 */
int import_finish(Importing *im, Import *ret)
{
        Rule **rules;
        size_t n = 0;

        if (im->rules.n > IMPORT_RULES_MAX) {
                diag_add(im->diag, "more than %d rules", IMPORT_RULES_MAX);
                return IMPORT_E_INVALID;
        }
        if (name_connectors(im))
                return IMPORT_E_INVALID;
        place_all(im);
        for (size_t i = 0; i < im->rules.n; i++) {
                ImportRule *r = rule_at(im, i);

                if (r->skipped)
                        continue;
                place_rule(im, r);
                import_scan(im, r);
                load_again(im, r);
        }
        for (size_t i = 0; i < im->rules.n; i++)
                if (!rule_at(im, i)->skipped && rule_at(im, i)->rule.direction == RULE_OUTBOUND)
                        drop_unfilled(im, rule_at(im, i));
        rules = arena_new_array(im->arena, Rule *, im->rules.n);
        for (size_t i = 0; i < im->rules.n; i++)
                if (!rule_at(im, i)->skipped)
                        rules[n++] = &rule_at(im, i)->rule;
        if (n)
                qsort(rules, n, sizeof(*rules), by_precedence);
        check_set(im, rules, n);
        if (im->functions.n)
                qsort(im->functions.items, im->functions.n, sizeof(ImportCount), by_name);
        if (im->parameters.n)
                qsort(im->parameters.items, im->parameters.n, sizeof(ImportParameter), parameter_by_name);
        *ret = (Import){
                .arena = im->arena,
                .server = im->server,
                .date = im->date,
                .n_read = im->rules.n,
                .rules = (const Rule *const *)rules,
                .n_rules = n,
                .skipped = im->skipped.items,
                .n_skipped = im->skipped.n,
                .notes = im->notes.items,
                .n_notes = im->notes.n,
                .open = im->open.items,
                .n_open = im->open.n,
                .connectors = im->connectors.items,
                .n_connectors = im->connectors.n,
                .functions = im->functions.items,
                .n_functions = im->functions.n,
                .parameters = im->parameters.items,
                .n_parameters = im->parameters.n,
                .attributes = im->attributes.items,
                .n_attributes = im->attributes.n,
        };
        return 0;
}
