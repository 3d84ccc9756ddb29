/* SPDX-License-Identifier: Apache-2.0 */

/* Small pieces of the page that hold one value each. */

#include "report/html-internal.h"

#include <string.h>

const char *html_state_of_step(const StepRecord *s)
{
        if (!s->ran)
                return "notrun";
        return s->status == RESULT_SUCCESS   ? "success"
               : s->status == RESULT_FAILURE ? "failure"
               : s->status == RESULT_WARNING ? "warning"
                                             : "skipped";
}

const char *html_state_of_run(const Outcome *o)
{
        switch (o->disposition) {
        case DISPOSITION_OUT_OF_SCOPE:
                return o->result == RESULT_FAILURE ? "failure" : "skipped";
        case DISPOSITION_RETRY:
                return "waiting";
        case DISPOSITION_PARKED:
                return "failure";
        default:
                return o->result == RESULT_FAILURE   ? "failure"
                       : o->result == RESULT_WARNING ? "warning"
                                                     : "success";
        }
}

/* `state` is one of our own words. The word beside it says the same: the picture is not read aloud. */
void html_icon(Str *out, const char *state)
{
        str_printf(out, "<svg class=\"i\" aria-hidden=\"true\"><use href=\"#i-%s\"/></svg>", state);
}

static size_t lines_of(const char *s)
{
        size_t n = 1;

        for (; *s; s++)
                n += *s == '\n';
        return n;
}

/* The beginning of a long value, cut at a character. */
static void add_beginning(Str *out, const char *s, size_t max)
{
        char head[192];
        size_t n = strnlen(s, max < sizeof(head) ? max : sizeof(head) - 1);
        const char *line = memchr(s, '\n', n);

        if (line)
                n = (size_t)(line - s);
        while (n > 0 && s[n] && ((unsigned char)s[n] & 0xc0) == 0x80)
                n--;
        memcpy(head, s, n);
        head[n] = '\0';
        html_text(out, head);
}

/* A folded value scrolls in a window of its own, which the keyboard must reach. */
static void open_value(Str *out, const char *s, bool id, bool folded)
{
        if (id)
                html_raw(out, "<bdi class=\"v id\"");
        else
                html_raw(out, "<bdi class=\"v\"");
        if (folded)
                html_raw(out, " tabindex=\"0\" role=\"group\" aria-label=\"The whole value\"");
        if (id) {
                /* What is copied is the value, not what is shown for characters that nobody sees. */
                html_raw(out, " data-copy=\"");
                html_attr(out, s);
                html_raw(out, "\"");
        }
        html_raw(out, ">");
}

static void add_value(Str *out, const char *s, bool id)
{
        char size[32];
        size_t n, lines;

        if (!s)
                return;
        n = strlen(s);
        lines = n <= HTML_FOLD_BYTES ? lines_of(s) : 1;
        if (n <= HTML_FOLD_BYTES && lines <= HTML_FOLD_LINES) {
                open_value(out, s, id, false);
                html_text(out, s);
                html_raw(out, "</bdi>");
                return;
        }
        html_raw(out, "<details class=\"fold\"><summary><bdi>");
        add_beginning(out, s, 96);
        html_raw(out, "</bdi>… <span class=\"size\">");
        str_add(out, facts_size(n, size, sizeof(size)));
        html_raw(out, "</span></summary>");
        open_value(out, s, id, true);
        html_text(out, s);
        html_raw(out, "</bdi></details>");
}

void html_value(Str *out, const char *s)
{
        add_value(out, s, false);
}

void html_lines(Str *out, const char *s, char sign)
{
        str_printf(out, "<ul class=\"lines %s\">", sign == '+' ? "plus" : "minus");
        while (s && *s) {
                size_t n = strcspn(s, "\n");
                _cleanup_(cleanup_free) char *line = strndup(s, n);

                html_raw(out, "<li>");
                html_value(out, line);
                s += n + (s[n] == '\n');
        }
        html_raw(out, "</ul>");
}

void html_copyable(Str *out, const char *s)
{
        add_value(out, s, true);
}

void html_time(Str *out, Wall at)
{
        char when[WALL_TEXT_MAX];

        wall_format(at, when);
        str_printf(out, "<time datetime=\"%s\">%.10s %.12s UTC</time>", when, when, when + 11);
}

void html_duration(Str *out, int64_t us)
{
        char text[48];

        /* Below a millisecond the fraction is worth more than another unit. */
        if (us >= 0 && us < 1000)
                str_printf(out, "0.%02lld ms", (long long)(us / 10));
        else if (us >= 0 && us < 10000)
                str_printf(out, "%lld.%lld ms", (long long)(us / 1000), (long long)(us % 1000 / 100));
        else
                str_add(out, duration_format(us, text, sizeof(text)));
}

void html_number(Str *out, size_t n, const char *one)
{
        str_printf(out, "%zu ", n);
        html_text(out, one);
        if (n != 1)
                str_add_char(out, 's');
}

void html_pair(Str *out, const char *title, const char *value)
{
        if (!value || !*value)
                return;
        html_raw(out, "<div><dt>");
        html_text(out, title);
        html_raw(out, "</dt><dd>");
        html_value(out, value);
        html_raw(out, "</dd></div>");
}

void html_pair_id(Str *out, const char *title, const char *value)
{
        if (!value || !*value)
                return;
        html_raw(out, "<div><dt>");
        html_text(out, title);
        html_raw(out, "</dt><dd>");
        html_copyable(out, value);
        html_raw(out, "</dd></div>");
}
