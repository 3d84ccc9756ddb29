/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/tally.h"

#include "app/command/command.h"
#include "app/command/progress.h"

#include <stdio.h>

void tally_add(Str *out, const char *text)
{
        size_t lead = strspn(text, " "); /* what is part of the line above */

        str_printf(out, "%*s", (int)lead, "");
        str_add_wrapped(out, text + lead, TALLY_TEXT + lead, TALLY_TEXT + lead, command_room());
        str_add_char(out, '\n');
}

void tally_print(const json_t *numbers, const TallyLine *lines, size_t n)
{
        char text[PROGRESS_NUMBER_MAX];
        Str out;

        str_init(&out, SIZE_MAX);
        for (size_t i = 0; i < n; i++) {
                json_int_t count = json_integer_value(json_object_get(numbers, lines[i].key));

                if (count || lines[i].always) {
                        str_printf(&out, "%12s  ", progress_number((uint64_t)count, text));
                        tally_add(&out, lines[i].text);
                }
        }
        fputs(out.data, stdout);
        str_deinit(&out);
}
