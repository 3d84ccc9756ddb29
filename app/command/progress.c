/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
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

/* Of a bar that leaves room for so many other columns: a line that goes on in the next is not drawn over. */
static int bar_width(size_t others)
{
        struct winsize size;

        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0 || size.ws_col > others + WIDTH)
                return WIDTH;
        return size.ws_col > others ? (int)(size.ws_col - others) : 0;
}

void progress_show(Progress *p, const char *phase, uint64_t done, uint64_t total)
{
        static const char full[] = "==============================";
        char a[PROGRESS_NUMBER_MAX], b[PROGRESS_NUMBER_MAX];
        int n, width;
        Mono now;

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
        progress_number(done, a);
        progress_number(total, b);
        width = bar_width(strlen(phase) + strlen(" [] ") + strlen(a) + strlen(" of ") + strlen(b) + 1);
        n = (int)((done < total ? done : total) * (uint64_t)width / total);
        fprintf(stderr, "\r%s [%.*s%*s] %s of %s\033[K", phase, n, full, width - n, "", a, b);
}

void progress_end(Progress *p)
{
        if (p->on && p->shown.us)
                fputs("\r\033[K", stderr);
        p->shown = (Mono){ 0 };
}
