/* SPDX-License-Identifier: Apache-2.0 */

#include "app/config.h"

#include "app/config-fields.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/model/dn.h"

#include <string.h>

static bool check_dn(const char *text, Diag *why)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Dn *dn;

        return dn_parse(a, text, &dn, why) == 0;
}

static const char *const *texts(const ConfigList *list)
{
        return list->items;
}

/* Scope: every DN below the base, every type one that sosync knows. */
static void check_scope(Config *c, const ConfigDoc *doc, Diag *diag)
{
        static const char *const known[] = { "user", "inetOrgPerson", "group", "contact" };
        const struct {
                const char *key;
                const ConfigList *list;
        } lists[] = { { "scope.include", &c->scope.include }, { "scope.exclude", &c->scope.exclude } };
        const Dn *base;

        if (dn_parse(c->arena, c->source.base, &base, NULL))
                return; /* found by the reader already */
        for (size_t l = 0; l < N_ELEMENTS(lists); l++)
                for (size_t i = 0; i < lists[l].list->n_items; i++) {
                        const char *text = texts(lists[l].list)[i];
                        const Dn *dn;

                        if (dn_parse(c->arena, text, &dn, NULL) == 0 && !dn_is_below(dn, base))
                                diag_add_at(diag, lists[l].list->marks[i],
                                            "%s: %s is not below source.base (%s)", lists[l].key, text,
                                            c->source.base);
                }
        for (size_t i = 0; i < c->scope.object_types.n_items; i++) {
                const char *type = texts(&c->scope.object_types)[i];
                bool found = false;

                for (size_t k = 0; k < N_ELEMENTS(known); k++)
                        found |= str_is(known[k], type);
                if (!found)
                        diag_add_at(diag, c->scope.object_types.marks[i],
                                    "scope.object_types: \"%s\" is not one of user, inetOrgPerson, group, "
                                    "contact",
                                    type);
        }
        (void)doc;
}

static void compile_scope(Config *c, Diag *diag)
{
        scope_new(c->arena, c->source.base, c->scope.include.items, c->scope.include.n_items,
                  c->scope.exclude.items, c->scope.exclude.n_items, c->scope.object_types.items,
                  c->scope.object_types.n_items, &c->compiled_scope, diag);
}

static void compile_urgent(Config *c, const ConfigDoc *doc, Diag *diag)
{
        const UrgentConfig *in = c->urgent.items;
        UrgentRule *rules = arena_new_array(c->arena, UrgentRule, c->urgent.n_items + 1);

        for (size_t i = 0; i < c->urgent.n_items; i++) {
                const char *key = arena_printf(c->arena, "urgent.%zu.when", i);

                if (!in[i].attribute == !in[i].ou) {
                        diag_add_at(diag, c->urgent.marks[i],
                                    "urgent: an entry has either \"attribute\" (with \"when\") or \"ou\"");
                        continue;
                }
                rules[i].attribute = in[i].attribute;
                rules[i].revoke_sessions = in[i].revoke_sessions;
                if (in[i].ou)
                        dn_parse(c->arena, in[i].ou, &rules[i].ou, NULL);
                if (in[i].when) {
                        Diag why = DIAG_INIT;
                        size_t offset = 0;

                        if (!in[i].attribute)
                                diag_add_at(diag, config_mark(doc, key),
                                            "urgent: \"when\" needs \"attribute\"");
                        else if (expr_parse(c->arena, in[i].when, NULL, &rules[i].when, &offset, &why))
                                diag_add_at(diag, config_mark(doc, key), "urgent.when: at character %zu: %s",
                                            offset + 1, diag_text(&why));
                        diag_deinit(&why);
                }
        }
        c->urgent_rules = rules;
        c->n_urgent_rules = c->urgent.n_items;
}

static int compile_rules(Config *c, Diag *diag)
{
        const RulesFile *files;
        size_t n;
        int r = rules_read(c->arena, c->rules.directory, c->rules.account_expires, &files, &n, diag);

        if (r == 0)
                r = rules_load_text(c->arena, files, n, &c->run.rules, diag);
        if (r == RULE_E_INVALID)
                return CONFIG_E_INVALID;
        if (r < 0) {
                diag_add(diag, "%s: %s", c->rules.directory ? c->rules.directory : "shipped rules",
                         strerror(-r));
                return CONFIG_E_INVALID;
        }
        return 0;
}

/* What an urgency rule looks at is read too, whether or not a sync rule does: the feed asks for it, and an
 * import keeps it, to be compared with the next. */
static void add_urgent_attributes(Config *c)
{
        const char **names =
                arena_new_array(c->arena, const char *, c->run.n_attributes + c->n_urgent_rules + 1);
        size_t n = c->run.n_attributes;

        memcpy(names, c->run.attributes, n * sizeof(*names));
        for (size_t i = 0; i < c->n_urgent_rules; i++) {
                const char *name = c->urgent_rules[i].attribute;
                bool known = !name || rules_is_link(name);

                for (size_t k = 0; k < n && !known; k++)
                        known = str_is_nocase(names[k], name);
                if (!known)
                        names[n++] = name;
        }
        c->run.attributes = names;
        c->run.n_attributes = n;
}

/* %Domain.FQDN% and its kin, as far as the configuration knows them: a source that has been reached says the
 * NetBIOS name and the forest too (app/worker.c). */
static void compile_connector(Config *c)
{
        c->connector.name = c->source.name;
        c->run.scope = c->compiled_scope;
        c->run.connectors = &c->connector;
        c->run.n_connectors = 1;
        c->run.group_filter = c->scope.group_filter;
        c->run.staging = c->staging;
        c->run.estate = (Estate)c->target.estate;
        c->run.settle_ms = c->settle_us / 1000;
        c->run.brakes = &c->brakes;
        run_config_attributes(&c->run, c->arena);
        add_urgent_attributes(c);
}

int config_load(Config **ret_config, const char *path, Diag *diag)
{
        static const ConfigHooks hooks = { .check_dn = check_dn };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Config *c = arena_new_of(a, Config);
        const ConfigDoc *doc = NULL;
        int r;

        c->arena = a;
        c->refs = 1;
        c->path = arena_strdup(a, path);
        r = config_read_file(path, config_fields, &hooks, a, c, &doc, diag);
        if (r == CONFIG_E_READ || r < 0 || !doc)
                return r;
        /* Go on after findings: all of a file's faults come in one pass. */
        if (c->source.base)
                check_scope(c, doc, diag);
        ldap_config_check(&c->source, doc, "source", diag);
        graph_check(&c->target, doc, "target", diag);
        brake_limits_check(&c->brakes, diag);
        scheduler_check(&c->scheduler, c->target.estate == ESTATE_CONNECT, doc, diag);
        compile_urgent(c, doc, diag);
        if (compile_rules(c, diag) || r || diag_any(diag))
                return CONFIG_E_INVALID;
        compile_scope(c, diag);
        if (diag_any(diag))
                return CONFIG_E_INVALID;
        compile_connector(c);
        TAKE(a);
        *ret_config = c;
        return 0;
}

Config *config_ref(Config *c)
{
        __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
        return c;
}

Config *config_unref(Config *c)
{
        if (c && __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0)
                arena_free(c->arena);
        return NULL;
}

void config_show(const Config *c, Str *out)
{
        config_print(config_fields, c, out);
}

void config_help(Str *out)
{
        config_print_help(config_fields, out);
}

/* Whether a section prints the same: the simplest equality that cannot forget a field. */
static bool section_is(const ConfigField *fields, const void *a, const void *b)
{
        Str x, y;
        bool same;

        str_init(&x, SIZE_MAX);
        str_init(&y, SIZE_MAX);
        config_print(fields, a, &x);
        config_print(fields, b, &y);
        same = str_is(x.data, y.data);
        str_deinit(&x);
        str_deinit(&y);
        return same;
}

/* A feed asks for the attributes that the rules read, and is started with their list. */
static bool reads_the_same(const RunConfig *a, const RunConfig *b)
{
        if (a->n_attributes != b->n_attributes)
                return false;
        for (size_t i = 0; i < a->n_attributes; i++)
                if (!str_is(a->attributes[i], b->attributes[i]))
                        return false;
        return true;
}

const char *config_needs_restart(const Config *now, const Config *next)
{
        if (!section_is(ldap_config_fields, &now->source, &next->source))
                return "source";
        if (!section_is(graph_fields, &now->target, &next->target))
                return "target";
        if (!section_is(scheduler_fields, &now->scheduler, &next->scheduler))
                return "scheduler";
        if (!section_is(state_fields, &now->state, &next->state))
                return "state";
        if (!section_is(reports_fields, &now->reports, &next->reports))
                return "reports";
        if (now->workers != next->workers)
                return "workers";
        if (!reads_the_same(&now->run, &next->run))
                return "rules: another set of attributes is read, which the feed asks for";
        return NULL;
}
