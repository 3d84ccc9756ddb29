/* SPDX-License-Identifier: Apache-2.0 */

#include "app/config/config.h"

#include "app/config/extensions.h"
#include "app/config/fields.h"
#include "app/config/sources.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/model/dn.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static bool check_dn(const char *text, Diag *why)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Dn *dn;

        return dn_parse(a, text, &dn, why) == 0;
}

static void compile_urgent(Config *c, const ConfigDoc *doc, Diag *diag)
{
        const UrgentConfig *in = c->urgent.items;
        UrgentRule *rules = arena_new_array(c->arena, UrgentRule, c->urgent.n_items + 1);

        for (size_t i = 0; i < c->urgent.n_items; i++) {
                const char *key = arena_printf(c->arena, "urgent.%zu.when", config_number(&c->urgent, i));

                if (!!in[i].attribute + !!in[i].ou + !!in[i].group != 1) {
                        diag_add_at(diag, c->urgent.marks[i],
                                    "urgent: an entry has one of \"attribute\" (with \"when\"), \"ou\" and "
                                    "\"group\"");
                        continue;
                }
                rules[i].attribute = in[i].attribute;
                rules[i].group = in[i].group;
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
        int r = config_read_rules(c, NULL, c->arena, &files, &n, diag);

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

void config_compile_run(Config *c)
{
        c->run.staging = c->staging;
        c->run.schema = c->target.extensions.n_items ? target_schema_new(c->arena, c->target.extensions.items,
                                                                         c->target.extensions.n_items)
                                                     : NULL;
        c->run.estate = (Estate)c->target.estate;
        c->run.ask_owner = c->run.estate == ESTATE_CONNECT      ? c->target.connect.command.n_items > 0
                           : c->run.estate == ESTATE_CLOUD_SYNC ? c->target.cloud_sync.ask
                                                                : false;
        c->run.soft_match = (SoftMatch)c->target.soft_match;
        c->run.adopt_strict = c->target.adopt == GRAPH_ADOPT_STRICT;
        c->run.settle_ms = c->settle_us / 1000;
        c->run.trust_space_ms = c->target.trust_space_us / 1000;
        c->run.brakes = &c->brakes;
        c->run.guarded = c->guarded.accounts;
        c->run.allowed = c->guarded.allow;
        c->run.write_role_holders = c->guarded.role_holders == ROLE_HOLDERS_WRITE;
        config_use_rules(c, c->run.rules);
}

void config_use_rules(Config *c, const RuleSet *rules)
{
        c->run.rules = rules;
        run_config_attributes(&c->run, c->arena);
        add_urgent_attributes(c);
}

/* But for who holds it: others come and go meanwhile. */
static Config *copy_of(Arena *a, const Config *base)
{
        const size_t from = offsetof(Config, base);
        Config *c = arena_new_of(a, Config);

        static_assert(offsetof(Config, refs) < offsetof(Config, base), "it is before what is copied");
        memcpy((char *)c + from, (const char *)base + from, sizeof(*c) - from);
        c->arena = a;
        c->refs = 1;
        return c;
}

int config_with_rules(Config **ret_config, Config *base, const RulesFile *texts, size_t n_texts, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Config *c = copy_of(a, base);
        RulesFile *named = arena_new_array(a, RulesFile, n_texts + 1);
        const RuleSet *rules;
        int r;

        /* Findings and `rules show` name the file for as long as the rules live. */
        for (size_t i = 0; i < n_texts; i++) {
                named[i] = texts[i];
                named[i].name = arena_strdup(a, texts[i].name);
        }
        r = rules_load_text(a, named, n_texts, &rules, diag);
        if (r)
                return r;
        config_use_rules(c, rules);
        /* One that was made like this borrows nothing of its own but rules, and those are others now. */
        c->base = config_ref(base->base ? base->base : base);
        c->first = NULL; /* which the base has */
        TAKE(a);
        *ret_config = c;
        return 0;
}

/* The findings about rules are put aside, so that they can be told from all others. */
static int load_rules_apart(Config *c, bool tolerant, Diag *diag)
{
        Diag own = DIAG_INIT;
        int r = compile_rules(c, &own);

        for (size_t i = 0; i < own.n_items; i++)
                diag_add(diag, "%s", own.items[i].text);
        diag_deinit(&own);
        if (!r || !tolerant)
                return r;
        c->rules_invalid = true;
        return rules_load(c->arena, NULL, &c->run.rules, NULL);
}

/* Beside the state: /var/lib/sosync/state, with a slash behind it or not, has its audit log in
 * /var/lib/sosync/audit. */
static void place_audit(Config *c)
{
        const char *path = c->state.path, *slash;
        size_t n = strlen(path);

        while (n > 1 && path[n - 1] == '/')
                n--;
        slash = memrchr(path, '/', n);
        if (!c->audit.path)
                c->audit.path = arena_printf(c->arena, "%.*s/audit", slash ? (int)(slash - path) : 1,
                                             slash ? path : ".");
}

typedef enum Care {
        CARE_ALL,
        CARE_TOLERANT, /* rules may have faults */
        CARE_PARTLY,   /* and nothing is connected to */
} Care;

/* A node that dies between a write and its acknowledgement leaves a row that another one would believe. */
static void check_trust(const Config *c, const ConfigDoc *doc, Diag *diag)
{
        if (c->target.trust_space_us && c->state.backend == STATE_JETSTREAM)
                diag_add_at(diag, config_mark(doc, "target.trust_space"),
                            "target.trust_space: cannot be used with state.backend: jetstream, where another "
                            "node may "
                            "have written what this one has read");
}

/* The kernel's limit; the service would refuse to start, and every command take it for one that is silent. */
static void check_socket(const Config *c, const ConfigDoc *doc, Diag *diag)
{
        const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
        const char *key = c->control.socket ? "control.socket" : "state.path";
        const char *path = c->control.socket ? c->control.socket : c->state.path;
        size_t n = strlen(path) + (c->control.socket ? 0 : strlen("/control"));

        if (n > most)
                diag_add_at(
                        diag, config_mark(doc, key),
                        "%s: the control socket%s would have a path of %zu bytes; at most %zu are possible"
                        "%s",
                        key, c->control.socket ? "" : " in it", n, most,
                        c->control.socket ? "" : "; control.socket names another place for it");
}

static int load(Config **ret_config, const char *path, Care care, Diag *diag)
{
        static const ConfigHooks hooks = { .check_dn = check_dn };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Config *c = arena_new_of(a, Config);
        const ConfigDoc *doc = NULL;
        _cleanup_(diag_deinit) Diag unused = DIAG_INIT;
        Diag *reach = care == CARE_PARTLY ? &unused : diag;
        bool sound;
        int r;

        c->arena = a;
        c->refs = 1;
        c->path = arena_strdup(a, path);
        if (access(path, F_OK) && errno == ENOENT) {
                diag_add_at(diag, (DiagMark){ .file = path },
                            "is not there; `sosync init` writes a first configuration");
                return CONFIG_E_READ;
        }
        r = config_read_file(path, config_fields, &hooks, a, c, &doc, diag);
        if (r == CONFIG_E_READ || r < 0 || !doc)
                return r;
        /* Go on after findings: all of a file's faults come in one pass. */
        sources_check(c, doc, reach, diag);
        graph_check(&c->target, doc, "target", reach);
        console_check(&c->console, doc, "console", reach);
        brake_limits_check(&c->brakes, diag);
        jetstream_config_check(&c->state.jetstream, c->state.backend == STATE_JETSTREAM, doc, diag);
        check_trust(c, doc, diag);
        check_socket(c, doc, diag);
        scheduler_check(&c->scheduler, c->target.estate == ESTATE_CONNECT, doc, diag);
        compile_urgent(c, doc, diag);
        sound = r == 0 && !diag_any(diag);
        if (sound)
                sources_compile(c, diag);
        sound = sound && !diag_any(diag);
        if (load_rules_apart(c, care != CARE_ALL, diag) || !sound)
                return CONFIG_E_INVALID;
        config_compile_run(c);
        place_audit(c);
        TAKE(a);
        *ret_config = c;
        return 0;
}

int config_load(Config **ret_config, const char *path, Diag *diag)
{
        return load(ret_config, path, CARE_ALL, diag);
}

int config_load_tolerant(Config **ret_config, const char *path, Diag *diag)
{
        return load(ret_config, path, CARE_TOLERANT, diag);
}

int config_load_partly(Config **ret_config, const char *path, Diag *diag)
{
        return load(ret_config, path, CARE_PARTLY, diag);
}

Config *config_ref(Config *c)
{
        __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
        return c;
}

Config *config_unref(Config *c)
{
        while (c && __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0) {
                Config *base = c->base;

                config_unref(c->first);
                arena_free(c->arena);
                c = base;
        }
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
