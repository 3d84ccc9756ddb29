/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/tally.h"

#include "app/command/progress.h"

#include <stdio.h>

void tally_print(const json_t *numbers, const TallyLine *lines, size_t n)
{
        char text[PROGRESS_NUMBER_MAX];

        for (size_t i = 0; i < n; i++) {
                json_int_t count = json_integer_value(json_object_get(numbers, lines[i].key));

                if (count || lines[i].always)
                        printf("%12s  %s\n", progress_number((uint64_t)count, text), lines[i].text);
        }
}
