/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/rules.h"
#include "app/command/job.h"
#include "app/command/options.h"

#include "base/str.h"
#include "engine/rules/write-yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void rules_print_json(json_t *j)
{
        json_dumpf(j, stdout, isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT);
        putchar('\n');
        json_decref(j);
}

const char *rules_cut(Arena *a, const char *text, size_t columns)
{
        const char *safe = str_safe(a, text, strlen(text));

        if (str_columns(safe) <= columns)
                return safe;
        if (columns < 4)
                return "";
        return arena_printf(a, "%.*s...", (int)(str_at_column(safe, columns - 3) - safe), safe);
}

int rules_open_config(RulesCommand *c)
{
        int status = EXIT_DONE;
        const char *data;

        if (c->config)
                return EXIT_DONE;
        c->config = command_config_load(c->config_path, &status);
        if (!c->config)
                return status;
        data = arena_printf(c->arena, "%s/data.mdb", c->config->state.path);
        c->has_state = access(data, R_OK | W_OK) == 0;
        if (!c->has_state && errno != ENOENT)
                command_fail(
                        EXIT_DONE,
                        "%s: %s: so the rules of the configuration are taken, which need not be the active "
                        "ones",
                        data, strerror(errno));
        return EXIT_DONE;
}

static int load(RulesCommand *c, const char *folder, const char *name)
{
        Diag diag = DIAG_INIT;
        int status = EXIT_DONE;

        c->set_name = name;
        if (rules_load(c->arena, folder, &c->rules, &diag))
                status = command_fail_diag(EXIT_USAGE, &diag);
        diag_deinit(&diag);
        return status;
}

/* Their files come with the answer. */
static int load_active(RulesCommand *c, const json_t *answer)
{
        const json_t *rules = json_object_get(answer, "rules"), *list = json_object_get(rules, "files"),
                     *item;
        const char *origin = json_string_value(json_object_get(rules, "origin"));
        RulesFile *files = arena_new_array(c->arena, RulesFile, json_array_size(list) + 1);
        Diag diag = DIAG_INIT;
        int status = EXIT_DONE;
        uint8_t *data;
        size_t i;

        json_array_foreach(list, i, item)
        {
                const char *name = json_string_value(json_object_get(item, "name"));
                const char *text = json_string_value(json_object_get(item, "text"));

                if (!name || !text || !str_unbase64(c->arena, text, &data, &files[i].n))
                        return command_fail(EXIT_OBJECT, "the state has an answer that cannot be read");
                files[i].name = arena_strdup(c->arena, name);
                files[i].text = arena_strndup(c->arena, (char *)data, files[i].n);
        }
        c->set_name = arena_printf(c->arena, "%s, active", origin ? origin : "?");
        if (rules_load_text(c->arena, files, json_array_size(list), &c->rules, &diag))
                status = command_fail_diag(EXIT_OBJECT, &diag);
        diag_deinit(&diag);
        return status;
}

static int open_active(RulesCommand *c)
{
        json_t *answer = NULL;
        int status = command_job(c->config_path, "rules-known", json_object(), &answer);

        if (answer)
                status = load_active(c, answer);
        json_decref(answer);
        return status;
}

/* Nothing was ever active: what the next start takes. */
static int open_configured(RulesCommand *c)
{
        const char *folder = c->config->rules.directory;
        int status = EXIT_DONE;

        if (c->config->rules_invalid) {
                c->config = config_unref(c->config);
                c->config = command_config_load_rules(c->config_path, &status); /* with the findings */
                if (!c->config)
                        return status;
        }
        c->rules = c->config->run.rules;
        c->set_name = arena_printf(c->arena, "%s, of the configuration", folder ? folder : "the shipped set");
        return EXIT_DONE;
}

int rules_open(RulesCommand *c)
{
        int status;

        if (c->folder)
                return load(c, c->folder, c->folder);
        /* Before there is a configuration, there is the shipped set. */
        if (access(c->config_path, F_OK) && errno == ENOENT && str_is(c->config_path, CONFIG_PATH_DEFAULT))
                return load(c, NULL, "the shipped set");
        status = rules_open_config(c);
        if (status)
                return status;
        return c->has_state ? open_active(c) : open_configured(c);
}

/* -- list ------------------------------------------------------------------------------------------------ */

static json_t *rule_json(const Rule *r)
{
        json_t *j = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:b, s:i, s:i, s:i}", "name", r->name,
                              "id", r->id, "direction", r->direction == RULE_INBOUND ? "Inbound" : "Outbound",
                              "precedence", r->precedence, "sourceType", r->source_type, "targetType",
                              r->target_type, "link", rule_link_name(r->link), "disabled", r->disabled,
                              "scopeGroups", (int)r->n_scope, "joinGroups", (int)r->n_join, "flows",
                              (int)r->n_flows);

        if (r->tag)
                json_object_set_new(j, "tag", json_string(r->tag));
        if (r->connector)
                json_object_set_new(j, "connector", json_string(r->connector));
        if (r->description)
                json_object_set_new(j, "description", json_string(r->description));
        return j;
}

/* "  106  ", "  Provision     66": what stands around the name. A narrow terminal does without the types. */
#define ROW_AROUND 25
#define ROW_WIDE   110

static void print_row(const RulesCommand *c, const Rule *r, size_t width, bool wide)
{
        const char *way = arena_printf(c->arena, "%s -> %s", r->source_type, r->target_type);
        const char *name = dn_shorten(c->arena, rules_cut(c->arena, r->name, SIZE_MAX), width);

        printf("%5d  %s%*s", r->precedence, name, (int)(width - str_columns(name)), "");
        if (wide)
                printf("  %-28s", rules_cut(c->arena, way, 28));
        printf("  %-10s %5zu%s%s%s\n", rule_link_name(r->link), r->n_flows, r->disabled ? "  disabled" : "",
               r->connector ? "  of " : "", r->connector ? rules_cut(c->arena, r->connector, 40) : "");
}

/* As wide as the longest name, or what the line leaves beside "  disabled" or "  of entra". */
static size_t name_width(const Rule *const *rules, size_t n)
{
        size_t width = 4, columns = command_room(),
               most = columns > ROW_AROUND + 45 ? columns - ROW_AROUND - 10 : 35;

        for (size_t i = 0; i < n; i++) {
                size_t w = str_columns(rules[i]->name);

                width = w > width ? w : width;
        }
        most = most > 60 ? 60 : most;
        return width > most ? most : width;
}

static int list(RulesCommand *c)
{
        const Rule *const *rules;
        size_t n, width, n_flows = 0;
        bool wide = command_room() >= ROW_WIDE;
        json_t *array;
        int status = rules_open(c);

        if (status)
                return status;
        rules = rules_all(c->rules, &n);
        if (c->json) {
                array = json_array();
                for (size_t i = 0; i < n; i++)
                        json_array_append_new(array, rule_json(rules[i]));
                rules_print_json(json_pack("{s:s, s:s, s:o}", "set", c->set_name, "version",
                                           rules_version(c->rules), "rules", array));
                return EXIT_DONE;
        }
        width = name_width(rules, n);
        for (size_t i = 0; i < n; i++) {
                n_flows += rules[i]->n_flows;
                if (i == 0 || rules[i]->direction != rules[i - 1]->direction)
                        printf("%s%s\n%5s  %-*s  %s%-10s %5s\n", i ? "\n" : "",
                               rules[i]->direction == RULE_INBOUND ? "Inbound: into the metaverse"
                                                                   : "Outbound: from the metaverse",
                               "prec.", (int)width, "rule", wide ? "types                         " : "",
                               "link", "flows");
                print_row(c, rules[i], width, wide);
        }
        printf("\n%zu rules, %zu flows\nversion %s (%s)\n", n, n_flows, rules_version(c->rules), c->set_name);
        if (!c->folder && c->has_state && !c->config->rules_invalid &&
            !str_is(rules_version(c->config->run.rules), rules_version(c->rules)))
                printf("The configuration names others, version %s: `sosync rules diff` shows the "
                       "difference.\n",
                       rules_version(c->config->run.rules));
        return EXIT_DONE;
}

/* -- check ----------------------------------------------------------------------------------------------- */

static int check(RulesCommand *c, const char *folder)
{
        _cleanup_(cleanup_close) int fd = -1;
        Diag diag = DIAG_INIT;
        size_t n, n_flows = 0, n_disabled = 0;
        const Rule *const *rules;
        json_t *findings;
        int r;

        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || access(folder, X_OK))
                return command_fail(EXIT_USAGE, "%s: %s", folder, strerror(errno));
        r = rules_load(c->arena, folder, &c->rules, &diag);
        if (c->json) {
                findings = json_array();
                for (size_t i = 0; i < diag.n_items; i++)
                        json_array_append_new(findings, json_string(diag.items[i].text));
                rules_print_json(json_pack("{s:b, s:s?, s:o}", "valid", r == 0, "version",
                                           r ? NULL : rules_version(c->rules), "findings", findings));
        } else if (r) {
                command_fail_diag(EXIT_OBJECT, &diag);
                fprintf(stderr, "sosync: %zu finding%s\n", diag.n_items + diag.n_dropped,
                        diag.n_items + diag.n_dropped == 1 ? "" : "s");
        } else {
                rules = rules_all(c->rules, &n);
                for (size_t i = 0; i < n; i++) {
                        n_flows += rules[i]->n_flows;
                        n_disabled += rules[i]->disabled;
                }
                printf("%s: good: %zu rules (%zu disabled), %zu flows; version %s\n", folder, n, n_disabled,
                       n_flows, rules_version(c->rules));
        }
        diag_deinit(&diag);
        return r ? EXIT_OBJECT : EXIT_DONE;
}

/* -- show ------------------------------------------------------------------------------------------------ */

static bool is_named(const Rule *r, const char *name)
{
        return str_is_nocase(r->name, name) || str_is_nocase(r->id, name) ||
               (r->tag && str_is_nocase(r->tag, name));
}

static int show(RulesCommand *c, const char *name)
{
        const Rule *const *rules;
        size_t n, n_shown = 0;
        Str text;
        int status = rules_open(c);

        if (status)
                return status;
        rules = rules_all(c->rules, &n);
        str_init(&text, SIZE_MAX);
        for (size_t i = 0; i < n; i++)
                if (is_named(rules[i], name)) {
                        str_add(&text, n_shown++ ? "\n" : "rules:\n");
                        if (rules[i]->at.file)
                                str_printf(&text, "  # %s:%d\n", rules[i]->at.file, rules[i]->at.line);
                        write_yaml_rule(&text, rules[i]);
                }
        if (n_shown)
                fputs(text.data, stdout);
        str_deinit(&text);
        if (!n_shown)
                return command_fail(EXIT_OBJECT,
                                    "there is no rule \"%s\" in %s; `sosync rules list` shows all",
                                    rules_cut(c->arena, name, 200), c->set_name);
        return EXIT_DONE;
}

/* -- which ----------------------------------------------------------------------------------------------- */

static int with_options(RulesCommand *c, const char *what, int argc, char **argv)
{
        const Option options[] = { { "json", .flag = &c->json }, { "rules", .text = &c->folder }, { NULL } };
        int status;

        argc--, argv++;
        status = options_read(c->command, options, &argc, &argv);
        if (status)
                return status;
        if (str_is(what, "list") && argc == 0)
                return list(c);
        if (str_is(what, "check") && argc == 1)
                return check(c, argv[0]);
        if (str_is(what, "show") && argc == 1)
                return show(c, argv[0]);
        return command_usage(c->command);
}

int command_rules(const Command *command, const char *config_path, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        RulesCommand c = { .command = command, .config_path = config_path, .arena = a };
        int status;

        if (argc < 1)
                return command_usage(command);
        if (str_is(argv[0], "import"))
                status = rules_import(&c, argc, argv);
        else if (str_is(argv[0], "explain"))
                status = rules_explain(&c, argc, argv);
        else {
                status = rules_life(&c, argc, argv);
                if (status < 0)
                        status = with_options(&c, argv[0], argc, argv);
        }
        config_unref(c.config);
        return status;
}
