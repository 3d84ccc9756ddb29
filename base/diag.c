/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include "base/error.h"
#include "base/str.h"

#include <string.h>

/* One finding is a line that a person reads; a longer one quotes something that nobody reads to its end. */
#define DIAG_TEXT_MAX ((size_t)4096)

__attribute__((format(printf, 2, 0))) static char *format_text(DiagMark at, const char *format, va_list ap)
{
        Str raw, safe;
        char *text;

        str_init(&raw, DIAG_TEXT_MAX);
        str_init(&safe, 4 * DIAG_TEXT_MAX + 3); /* every byte escaped, and the dots */
        if (at.file) {
                str_add(&raw, at.file);
                if (at.line > 0)
                        str_printf(&raw, ":%d", at.line);
                if (at.line > 0 && at.column > 0)
                        str_printf(&raw, ":%d", at.column);
                str_add(&raw, ": ");
        }
        str_vprintf(&raw, format, ap);
        str_add_safe(&safe, raw.data, raw.n);
        if (raw.cut)
                str_add(&safe, "...");
        str_deinit(&raw);
        text = str_take(&safe);
        str_deinit(&safe);
        return text;
}

static void append(Diag *d, char *text)
{
        DiagItem *items;

        /* Grows by doubling; DIAG_MAX bounds it. */
        if ((d->n_items & (d->n_items - 1)) == 0) {
                size_t n = d->n_items ? d->n_items * 2 : 1;

                items = reallocarray(d->items, n, sizeof(*items));
                if (!items)
                        error_oom(n * sizeof(*items));
                d->items = items;
        }
        d->items[d->n_items++].text = text;
}

void diag_clear(Diag *d)
{
        if (!d)
                return;
        for (size_t i = 0; i < d->n_items; i++)
                free(d->items[i].text);
        free(d->items);
        *d = DIAG_INIT;
}

void diag_deinit(Diag *d)
{
        diag_clear(d);
}

/**
 * diag_set() - make this the only item
 *
 * The arguments may come from the diag itself: the text is made before the old items go.
 */
void diag_set(Diag *d, const char *format, ...)
{
        va_list ap;
        char *text;

        if (!d)
                return;
        va_start(ap, format);
        text = format_text((DiagMark){ 0 }, format, ap);
        va_end(ap);
        diag_clear(d);
        append(d, text);
}

__attribute__((format(printf, 3, 0))) static void add_v(Diag *d, DiagMark at, const char *format, va_list ap)
{
        if (!d)
                return;
        if (d->n_items >= DIAG_MAX)
                d->n_dropped++;
        else
                append(d, format_text(at, format, ap));
}

void diag_add(Diag *d, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        add_v(d, (DiagMark){ 0 }, format, ap);
        va_end(ap);
}

void diag_add_at(Diag *d, DiagMark at, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        add_v(d, at, format, ap);
        va_end(ap);
}

/**
 * diag_prefix() - put a text in front of every item, as it is: the caller writes the ": "
 */
void diag_prefix(Diag *d, const char *format, ...)
{
        va_list ap;
        char *prefix;

        if (!diag_any(d))
                return;
        va_start(ap, format);
        prefix = format_text((DiagMark){ 0 }, format, ap);
        va_end(ap);
        for (size_t i = 0; i < d->n_items; i++) {
                char *text;

                if (asprintf(&text, "%s%s", prefix, d->items[i].text) < 0)
                        error_oom(strlen(prefix));
                free(d->items[i].text);
                d->items[i].text = text;
        }
        free(prefix);
}

/**
 * diag_text() - the first item, until the diag changes
 */
const char *diag_text(const Diag *d)
{
        return diag_any(d) ? d->items[0].text : "unknown error";
}
