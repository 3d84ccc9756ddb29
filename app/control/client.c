/* SPDX-License-Identifier: Apache-2.0 */

/* The commands' side of the control socket. */

#include "app/control/person.h"
#include "app/control/private.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Hand over the whole lines that have come. True: `line` has had its last. */
static bool take_lines(Str *text, bool (*line)(void *, const char *), void *context)
{
        char *end;

        while ((end = memchr(text->data, '\n', text->n))) {
                size_t n = (size_t)(end - text->data) + 1;

                *end = 0;
                if (!line(context, text->data))
                        return true;
                memmove(text->data, text->data + n, text->n - n + 1);
                text->n -= n;
        }
        return false;
}

/* The request, signed. free() it. */
static char *with_person(const char *request)
{
        json_t *o = json_loads(request, 0, NULL);
        char *text;

        if (!json_is_object(o)) {
                json_decref(o);
                return strdup(request);
        }
        person_sign(o);
        text = json_dumps(o, JSON_COMPACT);
        json_decref(o);
        return text;
}

int control_follow(const Config *c, const char *request, bool (*line)(void *context, const char *text),
                   void *context)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(cleanup_close) int fd = -1;
        _cleanup_(cleanup_free) char *said = NULL;
        struct sockaddr_un address;
        char buf[65536];
        bool done = false;
        Str text;
        int r = control_address(control_path(a, c), &address);

        if (r)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
                return -errno;
        said = with_person(request);
        if (!said)
                return -ENOMEM;
        /* Who has no place for us says so and closes: what cannot be written may have its answer already. */
        if (control_write(fd, said, strlen(said)))
                control_write(fd, "\n", 1);
        str_init(&text, CONTROL_ANSWER_MAX);
        while (!done && !text.cut) {
                ssize_t n = recv(fd, buf, sizeof(buf), 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                str_add_n(&text, buf, (size_t)n);
                /* Only what is new can end a line; a long answer comes in many pieces. */
                if (memchr(buf, '\n', (size_t)n))
                        done = take_lines(&text, line, context);
        }
        str_deinit(&text);
        return done ? 0 : -ECONNRESET;
}

bool control_is_absent(int r)
{
        return r == -ENOENT || r == -ECONNREFUSED ||
               r == -ENAMETOOLONG; /* nobody can listen at such a path */
}

const char *control_why(Arena *a, const Config *c, int r)
{
        if (r == -EACCES || r == -ECONNRESET || r == -EPIPE)
                return arena_printf(a,
                                    "the service does not answer (%s: %s): it lets in root, its own "
                                    "user%s%s%s, and it may be stopping",
                                    control_path(a, c),
                                    r == -EACCES ? "permission denied" : "connection closed",
                                    *c->control.group ? ", members of the group " : "", c->control.group,
                                    *c->control.group ? " (control.group)" : "");
        return arena_printf(a, "the service does not answer: %s", strerror(-r));
}

static bool take_only(void *context, const char *text)
{
        char **answer = context;

        *answer = strdup(text);
        return false;
}

int control_ask(const Config *c, const char *request, char **ret_answer)
{
        char *answer = NULL;
        int r = control_follow(c, request, take_only, &answer);

        if (r)
                return r;
        if (!answer)
                return -ENOMEM;
        *ret_answer = answer;
        return 0;
}
