/* SPDX-License-Identifier: Apache-2.0 */

/* Scheduler: the flag of the regular sync cycle, who has it and why. */

#include "report/console/page.h"

#include <jansson.h>

/* What sosync says of itself is told in words above the fields of Get-ADSyncScheduler. */
static bool is_ours(const char *key)
{
        return str_starts(key, "Sosync");
}

static void add_value(Str *out, const json_t *value)
{
        char text[64];

        if (json_is_string(value))
                html_text(out, json_string_value(value));
        else if (json_is_boolean(value))
                html_text(out, json_is_true(value) ? "True" : "False");
        else if (json_is_integer(value)) {
                snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
                html_text(out, text);
        } else {
                html_text(out, "–");
        }
}

static void add_fields(Str *out, json_t *fields)
{
        const char *key;
        json_t *value;

        html_raw(out, "<h2>As Get-ADSyncScheduler has it</h2><dl class=\"pairs cmdlet card\">");
        json_object_foreach(fields, key, value)
        {
                if (is_ours(key))
                        continue;
                html_raw(out, "<div><dt>");
                html_text(out, key);
                html_raw(out, "</dt><dd>");
                add_value(out, value);
                html_raw(out, "</dd></div>");
        }
        html_raw(out, "</dl>");
}

static void add_acts(Ask *q, Str *out, bool enabled)
{
        if (q->role != CONSOLE_OPERATE || !q->csrf)
                return;
        page_form(q, out, "/scheduler/set", "inline");
        page_hidden(out, "enabled", enabled ? "false" : "true");
        page_form_end(out, enabled ? "Pause the regular cycle" : "Let the regular cycle run", "");
}

void page_scheduler(Ask *q)
{
        Str *out = &q->answer.body, text;
        Diag diag = DIAG_INIT;
        json_t *fields = NULL;
        Vitals v;

        q->console->ops->vitals(q->console->context, q->arena, &v);
        str_init(&text, CONSOLE_PAGE_MAX);
        if (q->console->ops->scheduler(q->console->context, &text, &diag) == 0)
                fields = json_loadb(text.data, text.n, 0, NULL);
        str_deinit(&text);
        page_begin(q, "Scheduler", "/scheduler");
        html_raw(out,
                 "<main id=\"content\"><h1>Scheduler</h1><p class=\"muted\">Before sosync works on normal "
                 "changes it "
                 "pauses the regular sync cycle (of Entra Connect where there is one, else its own), and "
                 "gives "
                 "it back when nothing is left to do. Urgent changes never wait for it.</p><div "
                 "class=\"card\"><p class=\"lead\">The flag is ");
        html_text(out, v.flag_state ? v.flag_state : "not known");
        html_raw(out, ".</p><p class=\"v\">");
        html_text(out, v.flag_text);
        html_raw(out, "</p>");
        if (v.flag_alarm) {
                html_raw(out, "<p class=\"wrong\">A person must look: <b class=\"errcode\">");
                html_text(out, v.flag_alarm);
                html_raw(out, "</b></p>");
        }
        html_raw(out, "</div>");
        if (fields) {
                add_acts(q, out, json_is_true(json_object_get(fields, "SyncCycleEnabled")));
                add_fields(out, fields);
        } else {
                html_raw(out, "<p class=\"wrong v\" role=\"alert\">");
                html_text(out, diag_any(&diag) ? diag_text(&diag) : "The flag cannot be read.");
                html_raw(out, "</p>");
        }
        html_raw(out, "</main>\n");
        page_end(q);
        json_decref(fields);
        diag_deinit(&diag);
}

void page_scheduler_set(Ask *q)
{
        const char *wanted = ask_field(q, "enabled");
        Diag diag = DIAG_INIT;
        int r;

        log_info(q->console->log, "console", LOG_STR("user", q->user), LOG_STR("act", "scheduler"),
                 LOG_STR("enabled", wanted));
        if (!str_is(wanted, "true") && !str_is(wanted, "false")) {
                page_say(q, 400, "Not understood", "This form is not one of ours.");
                return;
        }
        r = q->console->ops->scheduler_set(q->console->context, str_is(wanted, "true"), &diag);
        q->console->ops->acted(q->console->context, q->user, "scheduler", wanted,
                               r ? diag_text(&diag) : NULL);
        if (r)
                page_say(q, 502, "The flag was not set",
                         diag_any(&diag) ? diag_text(&diag) : "It cannot be reached.");
        else
                page_go(q, "/scheduler");
        diag_deinit(&diag);
}
