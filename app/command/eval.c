/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/options.h"
#include "app/rules/look.h"
#include "base/str.h"

#include <string.h>

typedef struct EvalCommand {
        const char *text;
        const char *dn, *object, *type;
        bool json, strict, functions;
        Arena *arena;
} EvalCommand;

static int parse(const Command *c, EvalCommand *e, int argc, char **argv)
{
        const Option options[] = {
                { "dn", .text = &e->dn },
                { "object", .text = &e->object },
                { "type", .text = &e->type },
                { "json", .flag = &e->json },
                { "strict", .flag = &e->strict },
                { "functions", .flag = &e->functions },
                { NULL },
        };
        int status = options_read(c, options, &argc, &argv);

        if (status)
                return status;
        e->text = argc ? argv[0] : NULL;
        if (argc > 1 || !e->text == !e->functions)
                return command_usage(c);
        if (e->dn && e->object)
                return command_fail(EXIT_USAGE, "give --dn or --object, not both");
        return EXIT_DONE;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const ExprFunction *)a)->name, ((const ExprFunction *)b)->name);
}

static int print_functions(const EvalCommand *e)
{
        const ExprFunction *all;
        ExprFunction *sorted;
        size_t n;

        all = expr_functions(&n);
        sorted = arena_memdup(e->arena, all, n * sizeof(*all));
        qsort(sorted, n, sizeof(*sorted), by_name);
        for (size_t i = 0; i < n; i++)
                printf("%s\n        %s\n", sorted[i].signature, sorted[i].help);
        return EXIT_DONE;
}

/* A line for people and scripts alike points at the place; --json has it as a number. */
static int report_error(const EvalCommand *e, const char *message, size_t offset)
{
        if (e->json) {
                json_t *j = json_pack("{s:{s:s, s:I}}", "error", "message", message, "offset",
                                      (json_int_t)offset);

                json_dumpf(j, stdout, JSON_COMPACT);
                putchar('\n');
                json_decref(j);
        } else {
                command_fail(0, "at character %zu: %s", offset + 1, message);
                if (strlen(e->text) < command_columns() && !strpbrk(e->text, "\r\n\t") &&
                    offset <= strlen(e->text))
                        fprintf(stderr, "  %s\n  %*s^\n", str_safe(e->arena, e->text, strlen(e->text)),
                                (int)str_columns(arena_strndup(e->arena, e->text, offset)), "");
        }
        return EXIT_OBJECT;
}

static void print_value(const EvalCommand *e, const ExprResult *result)
{
        Value v = result->value;

        if (e->json) {
                json_t *j =
                        json_pack("{s:s, s:o}", "type", object_json_type(v), "value", object_json_value(v));

                if (result->due.ms)
                        json_object_set_new(
                                j, "due",
                                json_string(value_text(
                                        e->arena, value_time(filetime_from_unix_ms(result->due.ms)), 64)));
                json_dumpf(j, stdout, JSON_COMPACT);
                putchar('\n');
                json_decref(j);
                return;
        }
        if (value_is_none(v))
                puts("NULL");
        else if (v.type == VALUE_TOKEN)
                puts(v.token == VALUE_IGNORE_THIS_FLOW ? "IgnoreThisFlow" : "AuthoritativeNull");
        for (size_t i = 0; v.type != VALUE_TOKEN && i < value_count(v); i++) {
                const char *text = value_text(e->arena, value_at(v, i), VALUE_MAX);

                puts(str_safe(e->arena, text, strlen(text)));
        }
}

/* The object, with the attributes that the expression reads. */
static int look(EvalCommand *e, const char *config_path, const Expr *expr, Look *ret)
{
        _cleanup_(config_unrefp) Config *config = NULL;
        const char *const *names;
        const char **attributes;
        size_t n_names, n = 0;
        ObjectBuilder empty;
        Diag diag = DIAG_INIT;
        int status = EXIT_DONE;

        if (e->object)
                return command_looked(look_file(ret, e->arena, e->object, e->type, &diag), &diag);
        if (!e->dn) {
                object_build(&empty, e->arena);
                *ret = (Look){ .arena = e->arena, .object = object_finish(&empty, NULL, "user", NULL) };
                return EXIT_DONE;
        }
        config = command_config_load(config_path, &status);
        if (!config)
                return status;
        expr_names(expr, e->arena, &names, &n_names);
        attributes = arena_new_array(e->arena, const char *, n_names + 1);
        for (size_t i = 0; i < n_names; i++)
                if (*names[i] != '%' && !str_is(names[i], "dn"))
                        attributes[n++] = names[i];
        return command_looked(look_directory(ret, e->arena, config, NULL, e->dn, attributes, n, false, &diag),
                              &diag);
}

static int evaluate(EvalCommand *e, const char *config_path, Diag *diag)
{
        ExprOptions options = { .strict_operators = e->strict };
        ExprResult result = { 0 };
        const Expr *expr;
        size_t offset = 0;
        Look at;
        int status;

        if (expr_parse(e->arena, e->text, &options, &expr, &offset, diag))
                return report_error(e, diag_text(diag), offset);
        status = look(e, config_path, expr, &at);
        if (status)
                return status;
        if (expr_eval(expr,
                      &(ExprEnv){
                              .object = at.object,
                              .imported = at.imported ? at.imported : at.object,
                              .parameters = at.parameters,
                              .n_parameters = at.n_parameters,
                              .now = clock_wall(&clock_system),
                      },
                      e->arena, &result, diag))
                return report_error(e, diag_text(diag), result.offset);
        print_value(e, &result);
        return EXIT_DONE;
}

int command_eval(const Command *c, const char *config_path, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        EvalCommand e = { .arena = a };
        Diag diag = DIAG_INIT;
        int status = parse(c, &e, argc, argv);

        if (status == EXIT_DONE)
                status = e.functions ? print_functions(&e) : evaluate(&e, config_path, &diag);
        diag_deinit(&diag);
        return status;
}
