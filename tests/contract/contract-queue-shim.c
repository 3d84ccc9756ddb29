/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue-shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Room for the writes between two flushes of a small test. */
#define LOG_MAX 4096

typedef struct Write {
        int fd;
        off_t at;
        size_t n;
        char *before;
} Write;

static struct {
        pthread_mutex_t lock;
        ShimVerb verb;
        unsigned at, n_calls, value;
        Write log[LOG_MAX];
        size_t n_log;
} shim = { .lock = PTHREAD_MUTEX_INITIALIZER };

void shim_arm(ShimVerb verb, unsigned at, unsigned value)
{
        pthread_mutex_lock(&shim.lock);
        shim.verb = verb;
        shim.at = at;
        shim.value = value;
        shim.n_calls = 0;
        pthread_mutex_unlock(&shim.lock);
}

unsigned shim_calls(void)
{
        unsigned n;

        pthread_mutex_lock(&shim.lock);
        n = shim.n_calls;
        pthread_mutex_unlock(&shim.lock);
        return n;
}

static _Noreturn void die(void)
{
        kill(getpid(), SIGKILL);
        for (;;)
                pause();
}

static void log_clear(void)
{
        while (shim.n_log > 0)
                free(shim.log[--shim.n_log].before);
}

/* What is there now, so that the write can be undone. What is flushed with the write itself needs no undoing.
 */
static void log_write(int fd, off_t at, size_t n)
{
        char *before;
        ssize_t r;

        if (shim.verb != SHIM_CUT || shim.n_log == LOG_MAX || fcntl(fd, F_GETFL) & O_DSYNC)
                return;
        before = calloc(1, n);
        if (!before)
                abort();
        r = syscall(SYS_pread64, fd, before, n, at);
        (void)r; /* behind the end there are zeros */
        shim.log[shim.n_log++] = (Write){ fd, at, n, before };
}

static _Noreturn void cut(void)
{
        unsigned random = shim.value;

        while (shim.n_log > 0) {
                Write *w = &shim.log[--shim.n_log];

                random = random * 1664525 + 1013904223;
                if (random >> 16 & 1 && syscall(SYS_pwrite64, w->fd, w->before, w->n, w->at) < 0)
                        abort();
        }
        die();
}

/* True: the call fails, errno is set. */
static bool comes(bool *ret_tear)
{
        bool now;

        *ret_tear = false;
        shim.n_calls++;
        now = shim.verb != SHIM_NONE && shim.n_calls >= shim.at;
        if (!now)
                return false;
        switch (shim.verb) {
        case SHIM_KILL:
                die();
        case SHIM_CUT:
                cut();
        case SHIM_TEAR:
                *ret_tear = true;
                return false;
        case SHIM_ERROR:
                errno = (int)shim.value;
                return true;
        default:
                return false;
        }
}

/* The declarations of libc have attributes that a replacement need not repeat. */
ssize_t pwrite(int fd, const void *data, size_t n, off_t at);
ssize_t writev(int fd, const struct iovec *v, int n);
int fdatasync(int fd);

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
        ssize_t r = -1;
        bool tear;

        pthread_mutex_lock(&shim.lock);
        if (!comes(&tear)) {
                log_write(fd, at, n);
                r = syscall(SYS_pwrite64, fd, data, tear ? n / 2 : n, at);
                if (tear)
                        die();
        }
        pthread_mutex_unlock(&shim.lock);
        return r;
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
        ssize_t r = -1;
        bool tear;

        pthread_mutex_lock(&shim.lock);
        if (!comes(&tear)) {
                off_t at = lseek(fd, 0, SEEK_CUR);

                for (int i = 0; at >= 0 && i < n; i++) {
                        log_write(fd, at, v[i].iov_len);
                        at += (off_t)v[i].iov_len;
                }
                r = syscall(SYS_writev, fd, v, tear ? n / 2 : n);
                if (tear)
                        die();
        }
        pthread_mutex_unlock(&shim.lock);
        return r;
}

int fdatasync(int fd)
{
        int r = -1;
        bool tear;

        pthread_mutex_lock(&shim.lock);
        if (!comes(&tear)) {
                if (tear)
                        die();
                r = (int)syscall(SYS_fdatasync, fd);
                log_clear();
        }
        pthread_mutex_unlock(&shim.lock);
        return r;
}
