/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/private.h"
#include "base/error.h"
#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* -- connections --------------------------------------------------------------------------------------- */

/* timeout_ms -1: for ever. False: the service stops, or nothing has come. */
static bool may_read(const Control *control, int fd, int timeout_ms)
{
        struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
                                { .fd = control->wake[0], .events = POLLIN } };

        while (poll(fds, 2, timeout_ms) < 0)
                if (errno != EINTR)
                        return false;
        return !(fds[1].revents) && fds[0].revents;
}

static int left_ms(Mono until, Mono now)
{
        return until.us > now.us ? (int)((until.us - now.us) / 1000) : 0;
}

/* One line in, one line out, until the peer closes or has nothing to say. */
static void serve(Connection *c, char *line)
{
        const Clock *clock = c->control->wiring->clock;
        Mono until = mono_add(clock_mono(clock), CONTROL_SILENCE_US);
        size_t n = 0;

        while (may_read(c->control, c->fd, left_ms(until, clock_mono(clock)))) {
                ssize_t got = recv(c->fd, line + n, CONTROL_LINE_MAX - n, 0);
                char *end;

                if (got <= 0)
                        return;
                n += (size_t)got;
                while ((end = memchr(line, '\n', n))) {
                        size_t length = (size_t)(end - line);
                        json_t *result = answer_line(c, line, length);

                        if (!connection_say(c, result))
                                return;
                        memmove(line, end + 1, n - length - 1);
                        n -= length + 1;
                        until = mono_add(clock_mono(clock), CONTROL_SILENCE_US);
                }
                if (n == CONTROL_LINE_MAX)
                        return;
        }
}

static void *connection_thread(void *context)
{
        Connection *c = context;
        char *line = malloc(CONTROL_LINE_MAX);

        if (!line)
                error_oom(CONTROL_LINE_MAX);
        serve(c, line);
        free(line);
        close(c->fd);
        pthread_mutex_lock(&c->control->lock);
        c->done = true;
        pthread_mutex_unlock(&c->control->lock);
        return NULL;
}

/* Join the threads that have ended; `all`: wait for every one. */
static void reap(Control *control, bool all)
{
        List ended;

        list_init(&ended);
        pthread_mutex_lock(&control->lock);
        list_for_each_safe (i, &control->connections) {
                Connection *c = list_entry(i, Connection, link);

                if (!all && !c->done)
                        continue;
                list_remove(&c->link);
                list_push(&ended, &c->link);
                control->n_connections--;
        }
        pthread_mutex_unlock(&control->lock);
        list_for_each_safe (i, &ended) {
                Connection *c = list_entry(i, Connection, link);

                pthread_join(c->thread, NULL);
                free(c);
        }
}

bool control_enter(Control *control, size_t *ret_n)
{
        bool may;

        pthread_mutex_lock(&control->lock);
        *ret_n = control->n_long;
        may = control->n_long < CONTROL_LONG_MAX;
        control->n_long += may;
        pthread_mutex_unlock(&control->lock);
        return may;
}

void control_leave(Control *control)
{
        pthread_mutex_lock(&control->lock);
        control->n_long--;
        pthread_mutex_unlock(&control->lock);
}

/*
 * No file descriptor is left. One is kept for this: who asks sees the connection end, and does not wait for
 * an answer that cannot come. Where not even that helps, the thread does not spin.
 */
static void turn_away(Control *control)
{
        struct pollfd over = { .fd = control->wake[0], .events = POLLIN };
        int fd;

        close(control->spare);
        fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
                close(fd);
        control->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
        poll(&over, 1, 100);
}

static void accept_one(Control *control)
{
        int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
        Connection *c;
        uid_t uid;

        if (fd < 0 && (errno == EMFILE || errno == ENFILE))
                turn_away(control);
        if (fd < 0)
                return;
        reap(control, false);
        if (!control_is_welcome(control, fd, &uid)) {
                close(fd);
                return;
        }
        if (control->n_connections >= CONTROL_CONNECTIONS) {
                Connection guest = { .control = control, .fd = fd };

                connection_say(&guest, answer_busy(control->n_connections)); /* there is room for a line */
                close(fd);
                return;
        }
        /* A peer that does not read its answer must not hold a thread, nor our end. */
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_sec = 10 }, sizeof(struct timeval));
        c = calloc(1, sizeof(*c));
        if (!c)
                error_oom(sizeof(*c));
        c->control = control;
        c->fd = fd;
        c->uid = uid;
        pthread_mutex_lock(&control->lock);
        list_push(&control->connections, &c->link);
        control->n_connections++;
        pthread_mutex_unlock(&control->lock);
        if (thread_start(&c->thread, connection_thread, c, "command")) {
                pthread_mutex_lock(&control->lock);
                list_remove(&c->link);
                control->n_connections--;
                pthread_mutex_unlock(&control->lock);
                close(fd);
                free(c);
        }
}

static void *accept_thread(void *context)
{
        Control *control = context;

        while (may_read(control, control->fd, -1))
                accept_one(control);
        return NULL;
}

/* -- life ---------------------------------------------------------------------------------------------- */

int control_new(Control **ret_control, Wiring *w, const ControlOps *ops, void *context, Diag *diag)
{
        _cleanup_(control_freep) Control *control = calloc(1, sizeof(*control));
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        int r;

        if (!control)
                error_oom(sizeof(*control));
        control->wiring = w;
        control->ops = ops;
        control->context = context;
        control->fd = control->wake[0] = control->wake[1] = -1;
        control->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
        pthread_mutex_init(&control->lock, NULL);
        list_init(&control->connections);
        control->path = strdup(control_path(a, w->first));
        if (!control->path)
                error_oom(1);
        if (pipe2(control->wake, O_CLOEXEC))
                return error_origin(-errno);
        r = control_listen(control, diag);
        if (r)
                return r;
        r = thread_start(&control->thread, accept_thread, control, "control");
        if (r)
                return r;
        control->started = true;
        *ret_control = TAKE(control);
        return 0;
}

Control *control_free(Control *c)
{
        if (!c)
                return NULL;
        if (c->wake[1] >= 0)
                close(c->wake[1]);
        if (c->started)
                pthread_join(c->thread, NULL);
        reap(c, true);
        if (c->wake[0] >= 0)
                close(c->wake[0]);
        if (c->fd >= 0)
                close(c->fd);
        if (c->spare >= 0)
                close(c->spare);
        if (c->bound)
                unlink(c->path);
        pthread_mutex_destroy(&c->lock);
        free(c->path);
        free(c);
        return NULL;
}
