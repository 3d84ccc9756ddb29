/* SPDX-License-Identifier: Apache-2.0 */

#include "report/audit.h"
#include "app/command/options.h"
#include "base/str.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

typedef struct Search {
        Wall since;
        const char *by, *dn, *kind, *text;
        bool json;
        Arena *arena; /* for one line */
        size_t columns;
        bool began;
} Search;

static const char *member(const json_t *entry, const char *name)
{
        const char *text = json_string_value(json_object_get(entry, name));

        return text ? text : "";
}

static bool is_wanted(const Search *s, const AuditLine *line)
{
        char since[WALL_TEXT_MAX];

        if (!line->entry)
                return false; /* `verify` says where the log is damaged */
        if (s->since.ms && strcmp(member(line->entry, "time"), wall_format(s->since, since)) < 0)
                return false;
        if (s->by && strcasecmp(member(line->entry, "by"), s->by) != 0 &&
            strcasecmp(member(line->entry, "login"), s->by) != 0)
                return false;
        if (s->dn && strcasecmp(member(line->entry, "dn"), s->dn) != 0)
                return false;
        if (s->kind && strcmp(member(line->entry, "kind"), s->kind) != 0)
                return false;
        return !s->text || memmem(line->text, line->n, s->text, strlen(s->text));
}

/* "jobTitle, department" */
static const char *list_text(Arena *a, const json_t *list)
{
        const char *text = "";

        for (size_t i = 0; i < json_array_size(list); i++)
                text = arena_printf(a, "%s%s%s", text, i ? ", " : "",
                                    json_string_value(json_array_get(list, i)));
        return text;
}

static const char *write_text(Arena *a, const json_t *entry, size_t columns)
{
        const char *properties = list_text(a, json_object_get(entry, "properties"));

        return arena_printf(a, "%-8s %s%s%s  run %.8s", member(entry, "action"),
                            dn_shorten(a, member(entry, "dn"), columns > 120 ? columns - 80 : 40),
                            *properties ? ": " : "", properties, member(entry, "run"));
}

static const char *act_text(Arena *a, const json_t *entry)
{
        const char *reason = member(entry, "reason"), *error = member(entry, "error");
        const char *login = member(entry, "login");
        char *request = json_dumps(json_object_get(entry, "request"), JSON_COMPACT | JSON_ENSURE_ASCII);
        const char *text =
                arena_printf(a, "%-8s by %s%s%s%s  %s%s%s%s%s", member(entry, "verb"), member(entry, "by"),
                             *login ? " (login " : "", login, *login ? ")" : "", request ? request : "",
                             *reason ? "  reason: " : "", reason, *error ? "  refused: " : "", error);

        free(request);
        return text;
}

static bool print_line(void *context, const AuditLine *line)
{
        Search *s = context;
        const char *text;

        if (!is_wanted(s, line))
                return false;
        if (s->json) {
                printf("%.*s\n", (int)line->n, line->text);
                return false;
        }
        text = str_is(member(line->entry, "kind"), "act") ? act_text(s->arena, line->entry)
                                                          : write_text(s->arena, line->entry, s->columns);
        printf("%.19s  %-5s  %s\n", member(line->entry, "time"), member(line->entry, "kind"),
               str_safe(s->arena, text, strlen(text)));
        arena_reset(s->arena);
        return false;
}

static int parse_search(const Command *c, int argc, char **argv, Search *s)
{
        const Option options[] = {
                { "since", .since = &s->since },
                { "by", .text = &s->by },
                { "dn", .text = &s->dn },
                { "kind", .text = &s->kind },
                { "text", .text = &s->text },
                { "json", .flag = &s->json },
                { NULL },
        };
        int status = options_read_all(c, options, argc - 1, argv + 1);

        if (status)
                return status;
        if (s->kind && !str_is(s->kind, "act") && !str_is(s->kind, "write"))
                return command_fail(EXIT_USAGE, "--kind: \"%s\" is neither act nor write", s->kind);
        return EXIT_DONE;
}

static int search(const Command *c, const char *folder, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Search s = { .arena = a, .columns = command_columns() };
        Diag diag = DIAG_INIT;
        int status = parse_search(c, argc, argv, &s);

        if (status)
                return status;
        if (audit_walk(folder, s.since, print_line, &s, &diag))
                status = command_fail_diag(EXIT_OBJECT, &diag);
        diag_deinit(&diag);
        return status;
}

static void print_verdict(const AuditVerdict *v)
{
        if (v->is_broken)
                printf("%s, line %zu does not follow from the line before it: something was changed, removed "
                       "or "
                       "added there.\n"
                       "%zu lines before it are whole.\n",
                       v->file, v->number, v->n_lines);
        else if (v->n_lines == 0)
                puts("The audit log is empty.");
        else
                printf("%zu line%s in %zu file%s, %.10s to %.10s: each follows from the one before.\n"
                       "chain: %s\n",
                       v->n_lines, v->n_lines == 1 ? "" : "s", v->n_files, v->n_files == 1 ? "" : "s",
                       v->first, v->last, v->chain);
}

static int verify(const Command *c, const char *folder, int argc, char **argv)
{
        bool as_json = argc == 2 && str_is(argv[1], "--json");
        Diag diag = DIAG_INIT;
        AuditVerdict v;
        int status = EXIT_DONE;

        if (argc > 1 && !as_json)
                return command_usage(c);
        if (audit_verify(folder, &v, &diag)) {
                status = command_fail_diag(EXIT_OBJECT, &diag);
                diag_deinit(&diag);
                return status;
        }
        if (as_json) {
                json_t *o =
                        json_pack("{s:b, s:I, s:I, s:s}", "whole", !v.is_broken, "lines",
                                  (json_int_t)v.n_lines, "files", (json_int_t)v.n_files, "chain", v.chain);

                if (v.is_broken)
                        json_object_set_new(
                                o, "broken",
                                json_pack("{s:s, s:I}", "file", v.file, "line", (json_int_t)v.number));
                command_print_json(o);
                json_decref(o);
        } else {
                print_verdict(&v);
        }
        return v.is_broken ? EXIT_OBJECT : EXIT_DONE;
}

int command_audit(const Command *c, const char *config_path, int argc, char **argv)
{
        _cleanup_(config_unrefp) Config *config = NULL;
        int status = EXIT_DONE;

        if (argc < 1 || (!str_is(argv[0], "search") && !str_is(argv[0], "verify")))
                return command_usage(c);
        config = command_config_load(config_path, &status);
        if (!config)
                return status;
        return str_is(argv[0], "search") ? search(c, config->audit.path, argc, argv)
                                         : verify(c, config->audit.path, argc, argv);
}
