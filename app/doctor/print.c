/* SPDX-License-Identifier: Apache-2.0 */

#include "app/doctor/doctor.h"
#include "base/str.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* "  warning  deleted objects  ": two columns, then text. */
#define COLUMN_CHECK 11
#define COLUMN_TEXT  28
#define TEXT_MIN     30

const char *verdict_name(Verdict v)
{
        static const char *const names[] = {
                [VERDICT_OK] = "ok",
                [VERDICT_WARNING] = "warning",
                [VERDICT_FAULT] = "fault",
        };

        return names[v];
}

static void add_spaces(Str *out, size_t n)
{
        while (n--)
                str_add_char(out, ' ');
}

static void add_finding(const Finding *f, size_t columns, bool colour, Str *out)
{
        static const char *const colours[_VERDICT_N] = { "\033[32m", "\033[33m", "\033[31m" };

        str_printf(out, "  %s%-7s%s  %-15s  ", colour ? colours[f->verdict] : "", verdict_name(f->verdict),
                   colour ? "\033[0m" : "", f->check);
        str_add_wrapped(out, f->text, COLUMN_TEXT, COLUMN_TEXT, columns);
        str_add_char(out, '\n');
        if (f->advice) {
                add_spaces(out, COLUMN_TEXT);
                str_add(out, "-> ");
                str_add_wrapped(out, f->advice, COLUMN_TEXT + 3, COLUMN_TEXT + 3, columns);
                str_add_char(out, '\n');
        }
        if (f->command) {
                add_spaces(out, COLUMN_CHECK);
                str_add(out, f->command); /* never broken: it is to be copied */
                str_add_char(out, '\n');
        }
}

static void count(const Doctor *d, size_t ret_n[_VERDICT_N])
{
        memset(ret_n, 0, _VERDICT_N * sizeof(*ret_n));
        for (size_t i = 0; i < d->n_findings; i++)
                ret_n[d->findings[i].verdict]++;
}

void doctor_print_text(const Doctor *d, size_t columns, bool colour, Str *out)
{
        size_t right = (columns > COLUMN_TEXT + TEXT_MIN ? columns : COLUMN_TEXT + TEXT_MIN) - 1;
        size_t n[_VERDICT_N];
        const char *section = NULL;

        for (size_t i = 0; i < d->n_findings; i++) {
                const Finding *f = &d->findings[i];

                if (!str_is(section, f->section))
                        str_printf(out, "%s%s\n", section ? "\n" : "", f->section);
                section = f->section;
                add_finding(f, right, colour, out);
        }
        if (d->n_skipped) {
                Str names;

                str_init(&names, SIZE_MAX);
                str_add(&names, "Not looked at, because of the above:");
                for (size_t i = 0; i < d->n_skipped; i++)
                        str_printf(&names, " %s%s", d->skipped[i], i + 1 < d->n_skipped ? "," : "");
                str_add_char(out, '\n');
                str_add_wrapped(out, names.data, 0, 0, right);
                str_add_char(out, '\n');
                str_deinit(&names);
        }
        count(d, n);
        str_printf(out, "\n%zu ok, %zu warning%s, %zu fault%s\n", n[VERDICT_OK], n[VERDICT_WARNING],
                   n[VERDICT_WARNING] == 1 ? "" : "s", n[VERDICT_FAULT], n[VERDICT_FAULT] == 1 ? "" : "s");
}

void doctor_print_json(const Doctor *d, Str *out)
{
        json_t *findings = json_array(), *skipped = json_array(), *whole;
        size_t n[_VERDICT_N];
        char *text;

        for (size_t i = 0; i < d->n_findings; i++) {
                const Finding *f = &d->findings[i];

                json_array_append_new(findings,
                                      json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?}", "section", f->section,
                                                "check", f->check, "status", verdict_name(f->verdict), "text",
                                                f->text, "do", f->advice, "command", f->command));
        }
        for (size_t i = 0; i < d->n_skipped; i++)
                json_array_append_new(skipped, json_string(d->skipped[i]));
        count(d, n);
        whole = json_pack("{s:{s:I, s:I, s:I}, s:i, s:o, s:o}", "counts", "ok", (json_int_t)n[VERDICT_OK],
                          "warning", (json_int_t)n[VERDICT_WARNING], "fault", (json_int_t)n[VERDICT_FAULT],
                          "exit", doctor_status(d), "findings", findings, "skipped", skipped);
        text = json_dumps(whole, JSON_INDENT(2));
        str_add(out, text ? text : "{}");
        str_add_char(out, '\n');
        free(text);
        json_decref(whole);
}
