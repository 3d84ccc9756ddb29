/* SPDX-License-Identifier: Apache-2.0 */

#include "report/facts.h"
#include "report/html.h"

#include <string.h>

/*
 * Characters that nobody sees, or that reorder those that are seen, are shown by their number: a value that
 * looks right and is not is what a person reads a report for, and a closing isolate would let a value's
 * direction run into the page around it. Joiners and marks that scripts need to be written stay.
 */
static bool is_hidden(uint32_t c)
{
        return (c >= 0x80 && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x200b ||
               (c >= 0x2028 && c <= 0x202e) || c == 0x2060 || (c >= 0x2066 && c <= 0x206f) || c == 0xfeff ||
               (c >= 0xfff9 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef) ||
               (c >= 0xe0000 && c <= 0xe007f);
}

static const char *entity(char c)
{
        switch (c) {
        case '&':
                return "&amp;";
        case '<':
                return "&lt;";
        case '>':
                return "&gt;";
        case '"':
                return "&quot;";
        case '\'':
                return "&#39;";
        default:
                return NULL;
        }
}

static void add_visible(Str *out, uint32_t code)
{
        if (code < 0x20 || code == 0x7f) {
                /* Control pictures: U+241B is the letters ESC, small. */
                uint32_t picture = code == 0x7f ? 0x2421 : 0x2400 + code;

                str_printf(out, "&#x%x;", (unsigned)picture);
        } else {
                str_printf(out, "<span class=\"u\">U+%04X</span>", (unsigned)code);
        }
}

/**
 * html_text() - data between tags
 *
 * A line break and a tab stay; what follows decides whether they are shown (white-space: pre-wrap).
 */
void html_text(Str *out, const char *s)
{
        const char *from = s;

        if (!s)
                return;
        while (*s) {
                const char *e = entity(*s);
                uint32_t code;
                size_t n = facts_next_char(s, &code);
                bool is_control = (code < 0x20 && code != '\n' && code != '\t') || code == 0x7f;

                if (!e && !is_control && code != 0xfffd && !is_hidden(code)) {
                        s += n;
                        continue;
                }
                str_add_n(out, from, (size_t)(s - from));
                if (e)
                        str_add(out, e);
                else if (code == 0xfffd)
                        html_raw(out, "&#xfffd;");
                else
                        add_visible(out, code);
                s += n;
                from = s;
        }
        str_add_n(out, from, (size_t)(s - from));
}

/**
 * html_attr() - data inside a quoted attribute
 *
 * What a copy button reads is the value itself, so nothing is made visible here; what HTML cannot carry
 * becomes U+FFFD.
 */
void html_attr(Str *out, const char *s)
{
        if (!s)
                return;
        while (*s) {
                const char *e = entity(*s);
                uint32_t code;
                size_t n = facts_next_char(s, &code);

                if (e)
                        str_add(out, e);
                else if (code == '\n' || code == '\r' || code == '\t')
                        str_printf(out, "&#%u;", (unsigned)code);
                else if (code < 0x20 || code == 0x7f || code == 0xfffd)
                        html_raw(out, "&#xfffd;");
                else
                        str_add_n(out, s, n);
                s += n;
        }
}

/**
 * html_url() - data as a path segment or the value of a query, RFC 3986
 */
void html_url(Str *out, const char *s)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

        for (; s && *s; s++) {
                if (strchr(plain, *s))
                        str_add_char(out, *s);
                else
                        str_printf(out, "%%%02X", (unsigned)(unsigned char)*s);
        }
}
