/* SPDX-License-Identifier: Apache-2.0 */

#include "base/program.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Our ends of the three pipes, and the time limit. -1: closed. */
typedef struct Talk {
        int in, out, err, timer;
        size_t n_sent;
        Str texts[2]; /* of out and err */
} Talk;

static void shut(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static void send_more(const Program *p, Talk *t)
{
        ssize_t n = send(t->in, (const char *)p->input + t->n_sent, p->n_input - t->n_sent, MSG_NOSIGNAL);

        if (n > 0)
                t->n_sent += (size_t)n;
        /* It need not read what it is told. */
        if ((n < 0 && errno != EAGAIN && errno != EINTR) || t->n_sent == p->n_input)
                shut(&t->in);
}

static void read_more(int *fd, Str *text)
{
        char buf[4096];
        ssize_t n = read(*fd, buf, sizeof(buf));

        if (n > 0)
                str_add_n(text, buf, (size_t)n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                shut(fd);
}

/* Until both outputs are closed, or time is up. Returns true if it was. */
static bool talk(const Program *p, Talk *t)
{
        while (t->out >= 0 || t->err >= 0) {
                struct pollfd fds[] = {
                        { .fd = t->timer, .events = POLLIN },
                        { .fd = t->in, .events = POLLOUT },
                        { .fd = t->out, .events = POLLIN },
                        { .fd = t->err, .events = POLLIN },
                };

                if (poll(fds, N_ELEMENTS(fds), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return true;
                }
                if (fds[0].revents)
                        return true;
                if (fds[1].revents)
                        send_more(p, t);
                if (fds[2].revents)
                        read_more(&t->out, &t->texts[0]);
                if (fds[3].revents)
                        read_more(&t->err, &t->texts[1]);
        }
        return false;
}

/* It has closed its outputs: it ends soon, or its time is up. */
static bool wait_for_end(const Talk *t, pid_t pid)
{
        struct pollfd fds[2] = { { .fd = t->timer, .events = POLLIN } };
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        bool late;

        fds[1] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
        while (poll(fds, N_ELEMENTS(fds), -1) < 0 && errno == EINTR)
                ;
        late = !fds[1].revents;
        if (pidfd >= 0)
                close(pidfd);
        return late;
}

static int start(const Program *p, const int ends[3], pid_t *ret_pid)
{
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t none, normal;
        int r;

        posix_spawn_file_actions_init(&files);
        posix_spawnattr_init(&attr);
        for (int i = 0; i < 3; i++)
                posix_spawn_file_actions_adddup2(&files, ends[i], i);
        /* A library's socket may not close itself: a program has no business with our connections. */
        posix_spawn_file_actions_addclosefrom_np(&files, 3);
        sigemptyset(&none);
        sigemptyset(&normal);
        sigaddset(&normal, SIGPIPE);
        sigaddset(&normal, SIGXFSZ);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &normal);
        posix_spawnattr_setpgroup(&attr, 0);
        posix_spawnattr_setflags(&attr,
                                 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        r = posix_spawnp(ret_pid, p->argv[0], &files, &attr, (char *const *)(uintptr_t)p->argv, environ);
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attr);
        return r;
}

static int open_ends(Talk *t, int theirs[3])
{
        int pair[2];

        /* A socket, since writing to a pipe whose reader has gone would raise a signal. */
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
                return -errno;
        t->in = pair[0];
        theirs[0] = pair[1];
        if (pipe2(pair, O_CLOEXEC))
                return -errno;
        t->out = pair[0];
        theirs[1] = pair[1];
        if (pipe2(pair, O_CLOEXEC))
                return -errno;
        t->err = pair[0];
        theirs[2] = pair[1];
        fcntl(t->in, F_SETFL, O_NONBLOCK);
        t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        return t->timer < 0 ? -errno : 0;
}

static int run(const Program *p, Talk *t, int theirs[3], ProgramEnd *ret_end, Diag *diag)
{
        struct itimerspec limit = {
                .it_value = { .tv_sec = p->timeout_us / 1000000, .tv_nsec = p->timeout_us % 1000000 * 1000 },
        };
        pid_t pid;
        int status = 0, r = open_ends(t, theirs);

        if (r == 0)
                r = -start(p, theirs, &pid);
        for (int i = 0; i < 3; i++)
                shut(&theirs[i]);
        if (r) {
                diag_set(diag, "%s: %s", p->argv[0], strerror(-r));
                return r;
        }
        if (p->n_input == 0)
                shut(&t->in);
        timerfd_settime(t->timer, 0, &limit, NULL);
        ret_end->late = talk(p, t) || wait_for_end(t, pid);
        if (ret_end->late)
                kill(-pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        ret_end->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        ret_end->number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        return 0;
}

/**
 * program_run() - run a program to its end, or to the end of its time
 *
 * Return: 0, -errno.
 */
int program_run(const Program *p, Arena *a, ProgramEnd *ret_end, Diag *diag)
{
        Talk t = { .in = -1, .out = -1, .err = -1, .timer = -1 };
        int theirs[3] = { -1, -1, -1 };
        ProgramEnd end = { 0 };
        int r;

        for (size_t i = 0; i < N_ELEMENTS(t.texts); i++)
                str_init(&t.texts[i], p->output_max + 1);
        r = run(p, &t, theirs, &end, diag);
        end.output = arena_strndup(a, t.texts[0].data, t.texts[0].n);
        end.n_output = t.texts[0].n;
        while (t.texts[1].n && t.texts[1].data[t.texts[1].n - 1] == '\n')
                t.texts[1].n--;
        end.errors = str_safe(a, t.texts[1].data, t.texts[1].n);
        for (size_t i = 0; i < N_ELEMENTS(t.texts); i++)
                str_deinit(&t.texts[i]);
        shut(&t.in);
        shut(&t.out);
        shut(&t.err);
        shut(&t.timer);
        if (r == 0)
                *ret_end = end;
        return r;
}

const char *program_failure(const Program *p, const ProgramEnd *end, Arena *a)
{
        const char *errors = end->errors && *end->errors ? end->errors : NULL;
        char limit[64];

        if (end->late)
                return arena_printf(a, "killed: it took longer than %s",
                                    duration_format(p->timeout_us, limit, sizeof(limit)));
        if (end->status < 0)
                return arena_printf(a, "it died of signal %d (%s)", end->number, strsignal(end->number));
        if (end->status == 0)
                return NULL;
        return arena_printf(a, "exit status %d%s%s", end->status, errors ? ": " : "", errors ? errors : "");
}
