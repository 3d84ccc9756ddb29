/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests at the control socket: lines of JSON of whoever was let in. Each line gets an answer that is JSON.
 */

#include "app/control/control-house.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_answers(int fd, size_t n_lines)
{
        static char answer[4 << 20];
        size_t n = 0;
        ssize_t k;

        while (n < sizeof(answer) && (k = recv(fd, answer + n, sizeof(answer) - n, 0)) > 0)
                n += (size_t)k;
        for (char *line = answer, *end; n_lines && (end = memchr(line, '\n', n - (size_t)(line - answer)));
             line = end + 1) {
                json_t *o = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);

                if (!json_is_object(o) || !json_is_boolean(json_object_get(o, "ok")))
                        abort();
                json_decref(o);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        size_t n_lines = 0;
        int fd;

        /* "watch" waits for a minute if nothing happens, and nothing does. */
        if (n > 60000 || memmem(data, n, "watch", 5) || memmem(data, n, "\\u", 2))
                return 0;
        for (size_t i = 0; i < n; i++)
                n_lines += data[i] == '\n';
        if (n_lines > 64)
                return 0;
        fd = control_house_connect();
        send(fd, data, n, MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        read_answers(fd, n_lines);
        close(fd);
        return 0;
}
