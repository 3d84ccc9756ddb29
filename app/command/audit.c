/* SPDX-License-Identifier: Apache-2.0 */

#include "report/audit.h"
#include "app/command/options.h"
#include "base/str.h"
#include "engine/model/dn.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

typedef struct Search {
        Wall since;
        const char *by, *dn, *kind, *text;
        const Dn *name;     /* what --dn means */
        const char *folded; /* --text */
        Arena *kept;
        bool json;
        Arena *arena; /* for one line */
        size_t columns;
} Search;

static const char *member(const json_t *entry, const char *name)
{
        const char *text = json_string_value(json_object_get(entry, name));

        return text ? text : "";
}

static bool is_name(const Search *s, const char *text)
{
        const Dn *dn;

        return text && *text && dn_parse(s->arena, text, &dn, NULL) == 0 && dn_is(dn, s->name);
}

static bool is_asked(const Search *s, const json_t *request)
{
        static const char *const keys[] = { "dn", "which", "ou" };

        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                if (is_name(s, member(request, keys[i])))
                        return true;
        return false;
}

/* Of a write it is the object; of an act what was asked for: by its name, or all below it. */
static bool is_about(const Search *s, const json_t *entry)
{
        const json_t *request = json_object_get(entry, "request");

        return is_name(s, member(entry, "dn")) || is_asked(s, request) ||
               is_asked(s, json_object_get(request, "arguments"));
}

static bool has_text(const Search *s, const AuditLine *line)
{
        return strstr(str_fold(s->arena, arena_strndup(s->arena, line->text, line->n)), s->folded);
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
        if (s->name && !is_about(s, line->entry))
                return false;
        if (s->kind && strcmp(member(line->entry, "kind"), s->kind) != 0)
                return false;
        return !s->text || has_text(s, line);
}

/* A terminal has "2026-11-22T08:00:00  write  ", and then the text. */
#define TEXT_LEFT 29
#define ROOM_MIN  20

static const char *safe(const Search *s, const char *text)
{
        return text ? str_safe(s->arena, text, strlen(text)) : "";
}

/* What came from outside, in as much room as a line of a terminal has behind `taken` characters. */
static const char *fit(const Search *s, size_t taken, const char *text)
{
        taken += TEXT_LEFT;
        return dn_shorten(s->arena, safe(s, text),
                          s->columns > taken + ROOM_MIN ? s->columns - taken : ROOM_MIN);
}

/* The parts of an entry are lines here; print_parts() puts them beside one another where there is room. */

static const char *write_text(const Search *s, const json_t *entry)
{
        const json_t *properties = json_object_get(entry, "properties"), *property;
        const char *action = safe(s, member(entry, "action")), *names = "";
        size_t i;

        json_array_foreach(properties, i, property) names =
                arena_printf(s->arena, "%s%s%s", names, i ? ", " : "", safe(s, json_string_value(property)));
        return arena_printf(s->arena, "%s %s%s%s\nrun %.8s", action,
                            fit(s, str_columns(action) + 1, member(entry, "dn")), *names ? "\n" : "", names,
                            safe(s, member(entry, "run")));
}

/* "which parked": a line for what was given; what was not says nothing. */
static const char *request_text(const Search *s, json_t *request)
{
        const char *text = "", *key, *name;
        json_t *value;

        json_object_foreach(request, key, value)
        {
                const char *plain = json_string_value(value);
                char *dump = plain ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

                name = safe(s, key);
                if (!json_is_null(value) && !json_is_false(value))
                        text = arena_printf(s->arena, "%s\n%s %s", text, name,
                                            fit(s, str_columns(name) + 1, plain ? plain : dump));
                free(dump);
        }
        return text;
}

static const char *act_text(const Search *s, const json_t *entry)
{
        const char *login = member(entry, "login"), *reason = member(entry, "reason");
        const char *error = member(entry, "error");

        return arena_printf(s->arena, "%s by %s%s%s%s%s%s%s%s%s", safe(s, member(entry, "verb")),
                            safe(s, member(entry, "by")), *login ? " (login " : "", safe(s, login),
                            *login ? ")" : "", request_text(s, json_object_get(entry, "request")),
                            *reason ? "\nreason: " : "", safe(s, reason), *error ? "\nrefused: " : "",
                            safe(s, error));
}

/* As many parts to a line as it takes; all of them where there is no terminal. */
static void print_parts(const Search *s, const char *text)
{
        size_t at = 0;
        Str out;

        str_init(&out, SIZE_MAX);
        while (*text) {
                size_t n = strcspn(text, "\n");
                const char *part = arena_strndup(s->arena, text, n);
                size_t width = str_columns(part);

                if (at && TEXT_LEFT + at + 2 + width <= s->columns) {
                        str_printf(&out, "  %s", part);
                        at += 2 + width;
                } else {
                        str_printf(&out, "%s%*s", at ? "\n" : "", at ? TEXT_LEFT : 0, "");
                        str_add_wrapped(&out, part, TEXT_LEFT, TEXT_LEFT, s->columns);
                        at = width; /* beyond the line if it was wrapped: the next one is below */
                }
                text += n + (text[n] == '\n');
        }
        puts(out.data);
        str_deinit(&out);
}

static bool print_line(void *context, const AuditLine *line)
{
        Search *s = context;
        bool is_act;

        arena_reset(s->arena);
        if (!is_wanted(s, line))
                return false;
        if (s->json) {
                printf("%.*s\n", (int)line->n, line->text);
                return false;
        }
        is_act = str_is(member(line->entry, "kind"), "act");
        printf("%.19sZ  %-5s  ", safe(s, member(line->entry, "time")), is_act ? "act" : "write");
        print_parts(s, is_act ? act_text(s, line->entry) : write_text(s, line->entry));
        return false;
}

static int parse_search(const Command *c, int argc, char **argv, Search *s)
{
        const Option options[] = {
                { "since", .since = &s->since },
                { "by", .text = &s->by },
                { "dn", .dn = &s->dn },
                { "kind", .text = &s->kind },
                { "text", .text = &s->text },
                { "json", .flag = &s->json },
                { NULL },
        };
        int status = options_read_all(c, options, argc - 1, argv + 1);

        if (status)
                return status;
        if (s->dn)
                dn_parse(s->kept, s->dn, &s->name, NULL);
        if (s->text)
                s->folded = str_fold(s->kept, s->text);
        if (s->kind && !str_is(s->kind, "act") && !str_is(s->kind, "write"))
                return command_fail(EXIT_USAGE, "--kind: \"%s\" is neither act nor write", s->kind);
        return EXIT_DONE;
}

static int search(const Command *c, const char *folder, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0), *kept = arena_new(0);
        Search s = { .arena = a, .kept = kept, .columns = command_room() };
        Diag diag = DIAG_INIT;
        int r, status = parse_search(c, argc, argv, &s);

        if (status)
                return status;
        r = audit_walk(folder, s.since, print_line, &s, &diag);
        if (r)
                status = command_fail_diag(command_status(r), &diag);
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
        int r, status;

        if (argc > 1 && !as_json)
                return command_usage(c);
        r = audit_verify(folder, &v, &diag);
        if (r) {
                status = command_fail_diag(command_status(r), &diag);
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
