/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void trace(int r, const char *what, const char *file, int line, const char *function)
{
        const char *name = r < 0 ? strerrorname_np(-r) : NULL;

        if (!log_wants(LOG_LEVEL_DEBUG))
                return;
        /* __FILE__ is as the build names it, from the build folder: "../base/x.c". */
        while (strncmp(file, "../", 3) == 0)
                file += 3;
        log_debug(NULL, "error", LOG_STR("was", what), LOG_INT("code", r), LOG_STR("name", name ? name : "?"),
                  LOG_STR("file", file), LOG_INT("line", line), LOG_STR("function", function));
}

/**
 * error_note_fold() - behind error_fold()
 *
 * Return: 0 and negative codes unchanged, -ENOTRECOVERABLE for a condition.
 */
int error_note_fold(int r, const char *file, int line, const char *function)
{
        if (r == 0)
                return 0;
        trace(r, r > 0 ? "folded" : "passed", file, line, function);
        return r > 0 ? -ENOTRECOVERABLE : r;
}

/**
 * error_note() - write a trace line for @r; behind error_origin() and error_trace()
 *
 * Return: @r.
 */
int error_note(int r, const char *what, const char *file, int line, const char *function)
{
        assert(r <= 0); /* a condition must be handled or folded where it comes up */
        if (r > 0)
                return error_note_fold(r, file, line, function); /* without assertions: at least no further */

        if (r < 0)
                trace(r, what, file, line, function);
        return r;
}

/**
 * error_oom() - the end: memory has run out
 *
 * The text is made without malloc. What was in work is delivered again after the restart.
 */
_Noreturn void error_oom(size_t size)
{
        char text[80];
        int n = snprintf(text, sizeof(text), "out of memory: %zu bytes were asked for\n", size);

        if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0)
                abort(); /* nobody hears us; the same end */
        abort();
}
