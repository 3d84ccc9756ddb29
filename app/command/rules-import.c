/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/rules.h"

#include "base/str.h"
#include "engine/rules/import.h"

#include <getopt.h>
#include <string.h>

typedef struct ImportCommand {
        RulesCommand *rules;
        const char *path, *output;
        ImportName names[64];
        ImportOptions options;
        const Import *import;
        size_t n_files;
} ImportCommand;

static int add_name(ImportCommand *c, const char *text)
{
        const char *equals = strchr(text, '=');

        if (!equals || equals == text || !equals[1] || c->options.n_names == N_ELEMENTS(c->names))
                return command_fail(EXIT_USAGE, "--connector: \"%s\" is not CONNECTOR=SOURCE", text);
        c->names[c->options.n_names++] = (ImportName){
                .connector = arena_strndup(c->rules->arena, text, (size_t)(equals - text)),
                .source = equals + 1,
        };
        return EXIT_DONE;
}

static int parse(ImportCommand *c, int argc, char **argv)
{
        static const struct option options[] = {
                { "output", required_argument, NULL, 'o' },
                { "connector", required_argument, NULL, 'c' },
                { "json", no_argument, NULL, 'j' },
                { NULL, 0, NULL, 0 },
        };
        int k;

        argc--, argv++; /* the verb */
        command_getopt(&argc, &argv);
        while ((k = getopt_long(argc, argv, "", options, NULL)) != -1)
                switch (k) {
                case 'o':
                        c->output = optarg;
                        break;
                case 'c':
                        if (add_name(c, optarg))
                                return EXIT_USAGE;
                        break;
                case 'j':
                        c->rules->json = true;
                        break;
                default:
                        return command_usage(c->rules->command);
                }
        if (optind + 1 != argc)
                return command_usage(c->rules->command);
        if (!c->output)
                return command_fail(EXIT_USAGE, "--output DIR is missing: where the rule files go");
        c->path = argv[optind];
        c->options.names = c->names;
        return EXIT_DONE;
}

/* -- as JSON --------------------------------------------------------------------------------------------- */

static void set_text(json_t *j, const char *key, const char *text)
{
        if (text)
                json_object_set_new(j, key, json_string(text));
}

static json_t *notes_json(const ImportNote *notes, size_t n)
{
        json_t *array = json_array();

        for (size_t i = 0; i < n; i++) {
                json_t *j = json_object();

                set_text(j, "rule", notes[i].rule);
                set_text(j, "attribute", notes[i].attribute);
                set_text(j, "reason", notes[i].text);
                json_array_append_new(array, j);
        }
        return array;
}

static json_t *connectors_json(const Import *im)
{
        json_t *array = json_array();

        for (size_t i = 0; i < im->n_connectors; i++) {
                const ImportConnector *c = &im->connectors[i];
                json_t *j = json_pack("{s:s, s:b, s:I}", "id", c->id, "tenant", c->tenant, "rules",
                                      (json_int_t)c->n_rules);

                set_text(j, "name", c->name);
                set_text(j, "source", c->source);
                json_array_append_new(array, j);
        }
        return array;
}

static json_t *parameters_json(const Import *im)
{
        json_t *array = json_array();

        for (size_t i = 0; i < im->n_parameters; i++) {
                const ImportParameter *p = &im->parameters[i];
                json_t *j = json_pack("{s:s, s:b, s:I}", "name", p->name, "runtime", p->runtime, "uses",
                                      (json_int_t)p->n_uses);

                set_text(j, "value", p->value);
                json_array_append_new(array, j);
        }
        return array;
}

static json_t *counts_json(const ImportCount *counts, size_t n)
{
        json_t *j = json_object();

        for (size_t i = 0; i < n; i++)
                json_object_set_new(j, counts[i].name, json_integer((json_int_t)counts[i].n));
        return j;
}

static void print_json(const ImportCommand *c)
{
        const Import *im = c->import;
        json_t *j = json_pack(
                "{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "read", (json_int_t)im->n_read,
                "written", (json_int_t)im->n_rules, "files", (json_int_t)c->n_files, "skipped",
                notes_json(im->skipped, im->n_skipped), "open", notes_json(im->open, im->n_open), "notes",
                notes_json(im->notes, im->n_notes), "connectors", connectors_json(im), "functions",
                counts_json(im->functions, im->n_functions), "parameters", parameters_json(im),
                "metaverseAttributes", counts_json(im->attributes, im->n_attributes));

        set_text(j, "output", c->output);
        set_text(j, "server", im->server);
        set_text(j, "exported", im->date);
        rules_print_json(j);
}

/* -- for people ------------------------------------------------------------------------------------------ */

static void print_notes(const ImportCommand *c, const char *title, const ImportNote *notes, size_t n)
{
        Arena *a = c->rules->arena;

        if (n)
                printf("\n%s\n", title);
        for (size_t i = 0; i < n; i++) {
                fputs("  ", stdout);
                if (notes[i].rule)
                        printf("%s%s%s: ", rules_cut(a, notes[i].rule, 200), notes[i].attribute ? ", " : "",
                               notes[i].attribute ? rules_cut(a, notes[i].attribute, 100) : "");
                puts(rules_cut(a, notes[i].text, 1000));
        }
}

static void print_connectors(const ImportCommand *c)
{
        const Import *im = c->import;
        Arena *a = c->rules->arena;

        if (im->n_connectors)
                puts("\nConnectors");
        for (size_t i = 0; i < im->n_connectors; i++) {
                const ImportConnector *x = &im->connectors[i];

                printf("  %s: %zu rules, %s%s\n", rules_cut(a, x->name ? x->name : x->id, 100), x->n_rules,
                       x->tenant   ? "Entra ID"
                       : x->source ? "for the source "
                                   : "for every source (--connector gives them a name)",
                       x->source ? rules_cut(a, x->source, 100) : "");
        }
}

/* Names with counts, as many a line as fit. */
static void print_counts(const ImportCommand *c, const char *title, const ImportCount *counts, size_t n,
                         bool values)
{
        size_t columns = command_columns(), at = 0;

        if (n)
                printf("\n%s\n", title);
        for (size_t i = 0; i < n; i++) {
                const char *name = rules_cut(c->rules->arena, counts[i].name, 60);
                const char *text = values ? arena_printf(c->rules->arena, "%s (%s)", name,
                                                         counts[i].n > 1 ? "many values" : "one value")
                                          : arena_printf(c->rules->arena, "%s %zu", name, counts[i].n);
                size_t width = str_columns(text) + 2;

                if (at && at + width > columns) {
                        putchar('\n');
                        at = 0;
                }
                at += (size_t)printf("%s%s%s", at ? "" : "  ", text, i + 1 < n ? ", " : "\n");
        }
}

static void print_parameters(const ImportCommand *c)
{
        const Import *im = c->import;
        Arena *a = c->rules->arena;
        bool any = false;

        for (size_t i = 0; i < im->n_parameters; i++) {
                const ImportParameter *p = &im->parameters[i];

                if (!p->n_uses)
                        continue; /* the server has some that no rule names */
                if (!any)
                        puts("\nParameters in rules");
                any = true;
                printf("  %%%s%% %zu: %s%s%s\n", rules_cut(a, p->name, 60), p->n_uses,
                       p->runtime ? "sosync finds it out for each object"
                       : p->value ? "put into the rules as \""
                                  : "NO VALUE is known",
                       !p->runtime && p->value ? rules_cut(a, p->value, 100) : "",
                       !p->runtime && p->value ? "\"" : "");
        }
}

static void print_summary(const ImportCommand *c)
{
        const Import *im = c->import;
        Arena *a = c->rules->arena;

        if (im->server)
                printf("Server %s%s%s\n", rules_cut(a, im->server, 100), im->date ? ", exported " : "",
                       im->date ? rules_cut(a, im->date, 40) : "");
        printf("%zu rules read, %zu written to %s (%zu files)\n", im->n_read, im->n_rules, c->output,
               c->n_files);
        print_notes(c, "SKIPPED: these are not in the result", im->skipped, im->n_skipped);
        print_notes(c, "OPEN: to be settled before the set can be used", im->open, im->n_open);
        print_notes(c, "Notes", im->notes, im->n_notes);
        print_connectors(c);
        print_counts(c, "Functions", im->functions, im->n_functions, false);
        print_parameters(c);
        print_counts(c, "Attributes that only this metaverse has", im->attributes, im->n_attributes, true);
        if (!im->n_skipped && !im->n_open)
                printf("\nNothing was skipped. To use the rules: rules: {directory: %s}\n", c->output);
}

int rules_import(RulesCommand *rules, int argc, char **argv)
{
        ImportCommand c = { .rules = rules };
        Diag diag = DIAG_INIT;
        int status = parse(&c, argc, argv);

        if (status)
                return status;
        if (import_read(rules->arena, c.path, &c.options, &c.import, &diag) ||
            import_write(c.import, c.output, &c.n_files, &diag)) {
                status = command_fail_diag(EXIT_USAGE, &diag);
        } else {
                if (rules->json)
                        print_json(&c);
                else
                        print_summary(&c);
                status = c.import->n_skipped || c.import->n_open ? EXIT_OBJECT : EXIT_DONE;
        }
        diag_deinit(&diag);
        return status;
}
