/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/ask.h"

#include <string.h>

const char *ask_field(const Ask *q, const char *name)
{
        const char *value = "";

        for (size_t i = 0; i < q->n_fields; i++)
                if (str_is(q->fields[i].name, name))
                        value = q->fields[i].value;
        return value;
}

static int digit(char c)
{
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

/* application/x-www-form-urlencoded; NUL and what is no UTF-8 is refused: nothing we have holds either. */
static const char *decode(Arena *a, const char *s, size_t n)
{
        char *text = arena_alloc(a, n + 1);
        size_t k = 0;

        for (size_t i = 0; i < n; i++) {
                int high, low;

                if (s[i] == '+') {
                        text[k++] = ' ';
                        continue;
                }
                if (s[i] != '%') {
                        text[k++] = s[i];
                        continue;
                }
                high = i + 2 < n ? digit(s[i + 1]) : -1;
                low = i + 2 < n ? digit(s[i + 2]) : -1;
                if (high < 0 || low < 0 || (high == 0 && low == 0))
                        return NULL;
                text[k++] = (char)(high * 16 + low);
                i += 2;
        }
        text[k] = '\0';
        return str_is_utf8(text, k) ? text : NULL;
}

bool ask_parse(Arena *a, const char *text, const AskField **ret_fields, size_t *ret_n)
{
        AskField *fields = arena_new_array(a, AskField, ASK_FIELDS_MAX);
        size_t n = 0;

        while (text && *text) {
                size_t length = strcspn(text, "&"), name = strcspn(text, "=&");
                AskField field;

                if (length) {
                        field.name = decode(a, text, name);
                        field.value = name < length ? decode(a, text + name + 1, length - name - 1) : "";
                        if (!field.name || !field.value || n == ASK_FIELDS_MAX)
                                return false;
                        fields[n++] = field;
                }
                text += length;
                text += *text == '&';
        }
        *ret_fields = fields;
        *ret_n = n;
        return true;
}
