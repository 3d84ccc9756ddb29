/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/command.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* `sosync report list | head`: a reader that has seen enough. */
static bool is_left(int error)
{
        struct pollfd out = { .fd = STDOUT_FILENO };

        return error == EPIPE || (poll(&out, 1, 0) == 1 && (out.revents & POLLERR));
}

int command_output_end(int status)
{
        bool bad = ferror(stdout);
        int error = 0;

        if (fflush(stdout)) {
                bad = true;
                error = errno;
        }
        if (!bad || is_left(error))
                return status;
        command_fail(0, "standard output: %s", error ? strerror(error) : "it could not be written whole");
        return status == EXIT_DONE ? EXIT_OBJECT : status;
}
