/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/program.h"

#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

/* Of standard error only the last line is shown. */
#define ERROR_MAX ((size_t)4096)

/* After SIGTERM a program may tidy up; then it is killed. */
#define GRACE_MS 500

typedef struct Child {
        pid_t pid;
        int pidfd;
        int out, err;
        Str text;             /* standard output */
        char last[ERROR_MAX]; /* standard error, its end */
        size_t n_last;
} Child;

static void child_deinit(Child *c)
{
        str_deinit(&c->text);
        cleanup_close(&c->pidfd);
        cleanup_close(&c->out);
        cleanup_close(&c->err);
}

static int spawn(Child *c, const char *const *words)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t all, none;
        int out[2], err[2], r;

        if (pipe2(out, O_CLOEXEC))
                return -errno;
        c->out = out[0];
        if (pipe2(err, O_CLOEXEC)) {
                r = -errno;
                close(out[1]);
                return r;
        }
        c->err = err[0];
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
        posix_spawnattr_init(&attributes);
        sigfillset(&all);
        sigemptyset(&none);
        posix_spawnattr_setflags(&attributes,
                                 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setsigmask(&attributes, &none);
        r = -posix_spawn(&c->pid, words[0], &actions, &attributes, (char **)(uintptr_t)words, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        close(out[1]);
        close(err[1]);
        if (r)
                return r;
        c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
        return c->pidfd < 0 ? -errno : 0;
}

/* False: the pipe has no more. */
static bool read_out(Child *c)
{
        char buf[4096];
        ssize_t n = read(c->out, buf, sizeof(buf));

        if (n > 0)
                str_add_n(&c->text, buf, (size_t)n);
        return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static bool read_err(Child *c)
{
        char buf[ERROR_MAX];
        ssize_t got = read(c->err, buf, sizeof(buf));
        size_t n = got > 0 ? (size_t)got : 0, keep = c->n_last + n > ERROR_MAX ? ERROR_MAX - n : c->n_last;

        memmove(c->last, c->last + c->n_last - keep, keep);
        memcpy(c->last + keep, buf, n);
        c->n_last = keep + n;
        return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Until it has ended, the time is over, or it has written too much. Return: 0, PROGRAM_E_TIME,
 * PROGRAM_E_LONG.
 */
static int attend(Child *c, Mono end, const Clock *clock)
{
        struct pollfd fds[] = { { .fd = c->pidfd, .events = POLLIN },
                                { .fd = c->out, .events = POLLIN },
                                { .fd = c->err, .events = POLLIN } };

        for (;;) {
                int64_t left = end.us - clock_mono(clock).us;

                if (left <= 0)
                        return PROGRAM_E_TIME;
                if (poll(fds, 3, (int)(left / 1000) + 1) < 0 && errno != EINTR)
                        return PROGRAM_E_TIME;
                if (fds[1].revents && !read_out(c))
                        fds[1].fd = -1;
                if (fds[2].revents && !read_err(c))
                        fds[2].fd = -1;
                if (c->text.cut)
                        return PROGRAM_E_LONG;
                /* What it wrote before it ended is in the pipes: they are empty when poll says nothing of
                 * them. */
                if (fds[0].revents && !fds[1].revents && !fds[2].revents)
                        return 0;
        }
}

/* The whole group, so that no ssh stays behind. */
static void end_group(Child *c)
{
        struct pollfd fd = { .fd = c->pidfd, .events = POLLIN };

        kill(-c->pid, SIGTERM);
        poll(&fd, 1, GRACE_MS);
        kill(-c->pid, SIGKILL);
}

static const char *last_line(const Child *c, Arena *a)
{
        size_t end = c->n_last, begin;

        while (end && strchr("\r\n ", c->last[end - 1]))
                end--;
        begin = end;
        while (begin && c->last[begin - 1] != '\n')
                begin--;
        return end > begin ? str_safe(a, c->last + begin, end - begin) : NULL;
}

static int judge(const Child *c, int r, int status, const char *name, int64_t timeout_us, Arena *a,
                 Diag *diag)
{
        const char *why = last_line(c, a);
        char buf[32];

        if (r == PROGRAM_E_TIME)
                diag_set(diag, "%s did not end within %s", name,
                         duration_format(timeout_us, buf, sizeof(buf)));
        else if (r == PROGRAM_E_LONG)
                diag_set(diag, "%s wrote more than %zu bytes", name, c->text.max);
        else if (WIFSIGNALED(status))
                diag_set(diag, "%s died of signal %d%s%s", name, WTERMSIG(status), why ? ": " : "",
                         why ? why : "");
        else if (WEXITSTATUS(status))
                diag_set(diag, "%s ended with status %d%s%s", name, WEXITSTATUS(status), why ? ": " : "",
                         why ? why : "");
        else
                return 0;
        return r ? r : PROGRAM_E_FAILED;
}

/**
 * program_run() - start a program, read what it writes, and see it end
 *
 * Return: 0, PROGRAM_E_START, PROGRAM_E_FAILED, PROGRAM_E_TIME, PROGRAM_E_LONG.
 */
int program_run(const char *const *words, int64_t timeout_us, size_t max, const Clock *clock, Arena *a,
                ProgramResult *ret_result, Diag *diag)
{
        Child c = { .pid = -1, .pidfd = -1, .out = -1, .err = -1 };
        int r, status = 0;

        str_init(&c.text, max);
        r = spawn(&c, words);
        if (r && c.pid < 0) {
                diag_set(diag, "%s cannot be started: %s", words[0], strerror(-r));
                child_deinit(&c);
                return PROGRAM_E_START;
        }
        /* Without a pidfd (no file descriptor left) nobody can see it end. */
        r = r ? PROGRAM_E_TIME : attend(&c, mono_add(clock_mono(clock), timeout_us), clock);
        if (r)
                end_group(&c);
        while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
                ;
        r = judge(&c, r, status, words[0], timeout_us, a, diag);
        *ret_result = (ProgramResult){
                .data = arena_strndup(a, c.text.data, c.text.n),
                .n = c.text.n,
                .status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        };
        child_deinit(&c);
        return r;
}
