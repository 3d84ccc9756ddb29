/* SPDX-License-Identifier: Apache-2.0 */

/* A brake that is on: what it holds, and how a person lets that go. */

#include "report/console/page.h"

static void add_command(Str *out, const char *verb, const char *brake)
{
        html_raw(out, "<code class=\"v\">");
        str_printf(out, "sosync queue %s --brake %s", verb, brake);
        html_raw(out, "</code>");
}

static void add_act(Ask *q, Str *out, const VitalsBrake *b, const char *verb, const char *button,
                    const char *class)
{
        page_form(q, out, "/parked/brake", "inline");
        page_hidden(out, "verb", verb);
        page_hidden(out, "brake", b->name);
        page_form_end(out, button, class);
}

void page_brake(Ask *q, const VitalsBrake *b)
{
        Str *out = &q->answer.body;
        char window[32];

        str_printf(out, "<h2>The brake “%s” is on</h2><div class=\"card brake failure\"><p class=\"lead\">",
                   b->name);
        html_icon(out, "failure");
        html_raw(out, "<span>It ");
        html_text(out, vitals_held(q->arena, b));
        html_raw(out, ", since ");
        page_time(out, b->since, q->now);
        str_printf(out, ": more than %lld ", (long long)b->limit);
        html_text(out, b->effect);
        html_raw(out, " in ");
        html_text(out, duration_format(b->window_us, window, sizeof(window)));
        html_raw(out, ".</span></p><p>Look at what is about to happen. If it is meant, ");
        add_command(out, "release", b->name);
        html_raw(out, " lets it go on; if it is not, mend the cause, and ");
        add_command(out, "drop", b->name);
        html_raw(out, " forgets it. Either takes the brake off. Trying again does not.</p>");
        if (q->role == CONSOLE_OPERATE && q->csrf) {
                html_raw(out, "<div class=\"acts\">");
                add_act(q, out, b, "release", "Let it go on", "");
                add_act(q, out, b, "drop-held", "Forget it", "quiet");
                html_raw(out, "</div>");
        }
        html_raw(out, "</div>\n");
}

void page_brake_set(Ask *q)
{
        const char *verb = ask_field(q, "verb"), *brake = ask_field(q, "brake");
        bool drop = str_is(verb, "drop-held");
        Diag diag = DIAG_INIT;
        int r;

        log_info(q->console->log, "console", LOG_STR("user", q->user), LOG_STR("act", verb),
                 LOG_STR("brake", brake));
        if (!drop && !str_is(verb, "release")) {
                page_say(q, 400, "Not understood", "This form is not one of ours.");
                return;
        }
        r = q->console->ops->release(q->console->context, brake, drop, q->user, &diag);
        q->console->ops->acted(q->console->context, q->user, drop ? "drop" : "release", brake,
                               r ? diag_text(&diag) : NULL);
        if (r)
                page_refuse(q, r, "The brake was not released", &diag);
        else
                page_go(q, "/parked");
        diag_deinit(&diag);
}
