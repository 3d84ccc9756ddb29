/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One rule of a server configuration: SynchronizationRules/SynchronizationRule_{GUID}.xml
 *
 * An element of the rule that we do not know is noted: newer servers add some. An unknown one within a clause
 * or a mapping would change what it means, so the rule is skipped, and the summary says so.
 */

#include "engine/rules/import-model.h"

#include "base/str.h"
#include "engine/rules/rules-yaml.h"

#include <stdarg.h>
#include <string.h>

typedef struct Reading {
        Importing *im;
        ImportRule *r;
        const char *name;
        bool skip;
} Reading;

static void skip(Reading *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void skip(Reading *x, const char *format, ...)
{
        va_list ap;

        if (x->skip)
                return; /* one reason is enough */
        va_start(ap, format);
        import_skip(x->im, x->name, NULL, "%s", arena_vprintf(x->im->arena, format, ap));
        va_end(ap);
        x->skip = true;
}

static bool is_blank(const char *s)
{
        return !s || !s[strspn(s, " \t\r\n")];
}

static size_t count_children(const XmlNode *parent, const char *name)
{
        size_t n = 0;

        for (const XmlNode *c = parent ? parent->first : NULL; c; c = c->next)
                n += strcmp(c->name, name) == 0;
        return n;
}

/* Nothing but these elements may be there; `names` ends with NULL. */
static void only(Reading *x, const XmlNode *parent, const char *const *names)
{
        for (const XmlNode *c = parent ? parent->first : NULL; c; c = c->next) {
                size_t i = 0;

                while (names[i] && strcmp(names[i], c->name) != 0)
                        i++;
                if (!names[i])
                        skip(x, "line %d: element <%s> in <%s> is not known", c->line, c->name, parent->name);
        }
}

static int choice(Reading *x, const char *const *names, const XmlNode *parent, const char *element,
                  int fallback)
{
        const char *text = xml_text(parent, element);
        int value = fallback;

        if (fallback >= 0 && is_blank(text))
                return fallback;
        if (!text || !import_parse_choice(names, text, &value)) {
                skip(x, "line %d: <%s> is \"%s\", which is not known", parent->line, element,
                     text ? text : "");
                return 0;
        }
        return value;
}

static void read_clause(Reading *x, const XmlNode *node, ScopeClause *c)
{
        static const char *const names[] = { "csAttribute", "csOperator", "csValue", NULL };
        int op;

        only(x, node, names);
        op = choice(x, rules_operator_names, node, "csOperator", -1);
        *c = (ScopeClause){
                .attribute = xml_text(node, "csAttribute"),
                .op = op == _SCOPE_OPERATOR_N ? SCOPE_ISBITNOTSET : (ScopeOperator)op,
                .value = xml_text(node, "csValue"),
        };
        if (is_blank(c->attribute))
                skip(x, "line %d: a clause without attribute", node->line);
}

static void read_scope(Reading *x, const XmlNode *criteria)
{
        static const char *const in_criteria[] = { "conditions", NULL }, *const in_group[] = { "scope",
                                                                                               NULL };
        Arena *a = x->im->arena;
        size_t n = count_children(criteria, "conditions"), i = 0;
        ScopeGroup *groups = arena_new_array(a, ScopeGroup, n);

        only(x, criteria, in_criteria);
        for (const XmlNode *g = xml_find(criteria, "conditions"); g; g = xml_find_next(g, "conditions")) {
                size_t n_clauses = count_children(g, "scope"), k = 0;
                ScopeClause *clauses = arena_new_array(a, ScopeClause, n_clauses);

                only(x, g, in_group);
                for (const XmlNode *s = xml_find(g, "scope"); s; s = xml_find_next(s, "scope"))
                        read_clause(x, s, &clauses[k++]);
                groups[i++] = (ScopeGroup){ .clauses = clauses, .n_clauses = n_clauses };
        }
        x->r->rule.scope = groups;
        x->r->rule.n_scope = n;
}

static void read_join_clause(Reading *x, const XmlNode *node, JoinClause *c)
{
        static const char *const names[] = { "csAttribute", "ilmAttribute", "caseSensitive", NULL };
        const char *sensitive = xml_text(node, "caseSensitive");

        only(x, node, names);
        *c = (JoinClause){
                .source = xml_text(node, "csAttribute"),
                .metaverse = xml_text(node, "ilmAttribute"),
        };
        if (is_blank(c->source) || is_blank(c->metaverse))
                skip(x, "line %d: a join clause without attribute", node->line);
        if (!is_blank(sensitive) && !import_parse_bool(sensitive, &c->case_sensitive))
                skip(x, "line %d: <caseSensitive> is \"%s\", neither true nor false", node->line, sensitive);
}

static void read_join(Reading *x, const XmlNode *criteria)
{
        static const char *const in_criteria[] = { "conditions", NULL }, *const in_group[] = { "condition",
                                                                                               NULL };
        Arena *a = x->im->arena;
        size_t n = count_children(criteria, "conditions"), i = 0;
        JoinGroup *groups = arena_new_array(a, JoinGroup, n);

        only(x, criteria, in_criteria);
        for (const XmlNode *g = xml_find(criteria, "conditions"); g; g = xml_find_next(g, "conditions")) {
                size_t n_clauses = count_children(g, "condition"), k = 0;
                JoinClause *clauses = arena_new_array(a, JoinClause, n_clauses);

                only(x, g, in_group);
                for (const XmlNode *s = xml_find(g, "condition"); s; s = xml_find_next(s, "condition"))
                        read_join_clause(x, s, &clauses[k++]);
                groups[i++] = (JoinGroup){ .clauses = clauses, .n_clauses = n_clauses };
        }
        x->r->rule.join = groups;
        x->r->rule.n_join = n;
}

static void read_mapping(Reading *x, const XmlNode *node, Flow *f)
{
        static const char *const names[] = { "dest", "src", "expression", "valueMergeType", NULL },
                                 *const in_src[] = { "attr", NULL };
        const XmlNode *src = xml_find(node, "src"), *attribute = xml_find(src, "attr");
        const char *expression = xml_text(node, "expression"), *once = xml_attribute(node, "execute-once");

        only(x, node, names);
        only(x, src, in_src);
        *f = (Flow){
                .target = xml_text(node, "dest"),
                .merge = (FlowMerge)choice(x, rules_merge_names, node, "valueMergeType", FLOW_MERGE_UPDATE),
        };
        if (is_blank(f->target))
                skip(x, "line %d: a mapping without target", node->line);
        if (once && !import_parse_bool(once, &f->apply_once))
                skip(x, "line %d: execute-once is \"%s\", neither true nor false", node->line, once);
        if (!is_blank(expression)) {
                f->type = FLOW_EXPRESSION;
                f->source = expression;
        } else if (attribute) {
                f->type = FLOW_DIRECT;
                f->source = attribute->text;
                if (xml_find_next(attribute, "attr"))
                        skip(x, "line %d: a direct flow to \"%s\" from several attributes", node->line,
                             f->target);
        } else if (src && !is_blank(src->text)) {
                f->type = FLOW_CONSTANT;
                f->source = src->text;
        } else {
                skip(x, "line %d: a flow to \"%s\" from nothing", node->line, f->target ? f->target : "");
        }
}

static void read_mappings(Reading *x, const XmlNode *mappings)
{
        static const char *const names[] = { "mapping", NULL };
        size_t n = count_children(mappings, "mapping"), i = 0;
        Flow *flows = arena_new_array(x->im->arena, Flow, n);

        only(x, mappings, names);
        for (const XmlNode *m = xml_find(mappings, "mapping"); m; m = xml_find_next(m, "mapping"))
                read_mapping(x, m, &flows[i++]);
        x->r->rule.flows = flows;
        x->r->rule.n_flows = n;
}

static void note_rest(Reading *x, const XmlNode *root)
{
        static const char *const known[] = {
                "id",
                "internal-id",
                "version",
                "name",
                "description",
                "immutable-tag",
                "direction",
                "disabled",
                "connector",
                "sourceObjectType",
                "targetObjectType",
                "linkType",
                "precedence",
                "precedence-after",
                "precedence-before",
                "softDeleteExpiryInterval",
                "EnablePasswordSync",
                "attribute-mappings",
                "relationshipCriteria",
                "synchronizationCriteria",
        };
        const char *interval = xml_text(root, "softDeleteExpiryInterval");
        bool password = false;

        for (const XmlNode *c = root->first; c; c = c->next) {
                size_t i = 0;

                while (i < N_ELEMENTS(known) && strcmp(known[i], c->name) != 0)
                        i++;
                if (i == N_ELEMENTS(known))
                        import_note(x->im, x->name, "line %d: <%s> is not known and was left out", c->line,
                                    c->name);
        }
        if (!is_blank(interval) && interval[strspn(interval, "0:. \t\r\n")])
                import_note(x->im, x->name, "softDeleteExpiryInterval %s has no meaning here", interval);
        if (import_parse_bool(xml_text(root, "EnablePasswordSync"), &password) && password)
                import_note(x->im, x->name,
                            "EnablePasswordSync was left out: sosync does not synchronize passwords");
}

/* An optional text: an empty one is none. */
static const char *optional(const XmlNode *root, const char *name)
{
        const char *text = xml_text(root, name);

        return is_blank(text) ? NULL : text;
}

/* Read a rule; it is added, or skipped with its reason. */
void import_xml_rule(Importing *im, const char *file, const XmlNode *root)
{
        ImportRule *r = arena_new_of(im->arena, ImportRule);
        Reading x = { .im = im, .r = r };
        const char *name = optional(root, "name"), *precedence = xml_text(root, "precedence");
        int64_t number = 0;

        x.name = name ? name : arena_printf(im->arena, "(rule without name in %s)", file);
        *IMPORT_ADD(im, rules, ImportRule *) = r;
        r->file = file;
        r->connector = import_guid(im->arena, xml_text(root, "connector"));
        r->rule = (Rule){
                .name = x.name,
                .id = import_guid(im->arena, xml_text(root, "id")),
                .tag = optional(root, "immutable-tag"),
                .description = optional(root, "description"),
                .direction = (RuleDirection)choice(&x, rules_direction_names, root, "direction", -1),
                .source_type = optional(root, "sourceObjectType"),
                .target_type = optional(root, "targetObjectType"),
                .link = (RuleLink)choice(&x, rules_link_names, root, "linkType", -1),
                .at = { .file = file, .line = root->line },
        };
        if (!name)
                skip(&x, "it has no name");
        if (!r->connector)
                skip(&x, "<connector> is not a GUID");
        if (!r->rule.id)
                skip(&x, "<id> is not a GUID");
        if (!r->rule.source_type || !r->rule.target_type)
                skip(&x, "an object type is missing");
        if (!is_blank(xml_text(root, "disabled")) &&
            !import_parse_bool(xml_text(root, "disabled"), &r->rule.disabled))
                skip(&x, "<disabled> is neither true nor false");
        if (!precedence || !str_to_int64(precedence, &number) || number < 0 || number > 1000000)
                skip(&x, "<precedence> is not a number from 0 to 1000000");
        r->rule.precedence = (int)number;
        read_scope(&x, xml_find(root, "synchronizationCriteria"));
        read_join(&x, xml_find(root, "relationshipCriteria"));
        read_mappings(&x, xml_find(root, "attribute-mappings"));
        if (!x.skip)
                note_rest(&x, root);
        r->skipped = x.skip;
}
