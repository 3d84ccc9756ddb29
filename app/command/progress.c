/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/progress.h"

#include <stdio.h>
#include <unistd.h>

#define DRAW_EVERY_US 100000
#define WIDTH         30

void progress_init(Progress *p)
{
        *p = (Progress){ .on = isatty(STDERR_FILENO) };
}

const char *progress_number(uint64_t n, char buf[PROGRESS_NUMBER_MAX])
{
        char digits[24];
        int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), out = 0;

        for (int i = 0; i < length; i++) {
                if (i && (length - i) % 3 == 0)
                        buf[out++] = ',';
                buf[out++] = digits[i];
        }
        buf[out] = 0;
        return buf;
}

void progress_show(Progress *p, const char *phase, uint64_t done, uint64_t total)
{
        static const char full[] = "==============================";
        char a[PROGRESS_NUMBER_MAX], b[PROGRESS_NUMBER_MAX];
        Mono now;
        int n;

        if (!p->on)
                return;
        now = clock_mono(&clock_system);
        if (p->shown.us && now.us - p->shown.us < DRAW_EVERY_US && done != total)
                return;
        p->shown = now;
        if (!total) {
                fprintf(stderr, "\r%s %s\033[K", phase, progress_number(done, a));
                return;
        }
        n = (int)((done < total ? done : total) * WIDTH / total);
        fprintf(stderr, "\r%s [%.*s%*s] %s of %s\033[K", phase, n, full, WIDTH - n, "",
                progress_number(done, a), progress_number(total, b));
}

void progress_end(Progress *p)
{
        if (p->on && p->shown.us)
                fputs("\r\033[K", stderr);
        p->shown = (Mono){ 0 };
}
