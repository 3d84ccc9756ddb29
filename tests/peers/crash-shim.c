/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A library to be preloaded: the process dies of SIGKILL at the n-th system call that makes something durable
 * or leaves the machine (SOSYNC_DIE_AFTER=n). At a write of a file, half of it is written first when n is
 * odd. So a death falls between any two calls of a commit, and between a request and its answer, which a
 * signal from outside hardly ever meets.
 *
 * And as long as a file named by SOSYNC_READ_ONLY exists, files cannot be written: EROFS, as of a file system
 * that the kernel has made read-only after an error. A real one cannot be had in a test while files are open.
 */

/* Both names of each call are replaced, so the compiler must not make one of two (meson.build: no LFS). */
#define _LARGEFILE64_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *read_only;
static _Atomic long left = -1;
static long first;

__attribute__((constructor)) static void begin(void)
{
        const char *text = getenv("SOSYNC_DIE_AFTER");

        read_only = getenv("SOSYNC_READ_ONLY");
        /* Not what starts it, nor the programs that it starts. */
        first = text && !strcmp(program_invocation_short_name, "sosync") ? strtol(text, NULL, 10) : 0;
        left = first > 0 ? first : -1;
}

static void die(void)
{
        kill(getpid(), SIGKILL);
        for (;;)
                pause();
}

static int is_read_only(void)
{
        if (!read_only || syscall(SYS_faccessat, -100 /* AT_FDCWD */, read_only, F_OK))
                return 0;
        errno = EROFS;
        return 1;
}

/* Is this the one? */
static int is_last(void)
{
        return left > 0 && --left == 0;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
        if (is_read_only())
                return -1;
        if (is_last()) {
                if (first % 2)
                        syscall(SYS_pwrite64, fd, data, n / 2, at);
                die();
        }
        return syscall(SYS_pwrite64, fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t at)
{
        return pwrite(fd, data, n, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
        if (is_read_only())
                return -1;
        if (is_last()) {
                if (first % 2)
                        syscall(SYS_pwritev, fd, parts, n / 2, at, 0);
                die();
        }
        return syscall(SYS_pwritev, fd, parts, n, at, 0);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int n, off_t at)
{
        return pwritev(fd, parts, n, at);
}

ssize_t write(int fd, const void *data, size_t n)
{
        if (is_last())
                die();
        return syscall(SYS_write, fd, data, n);
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
        if (is_last())
                die();
        return syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
}

int fdatasync(int fd)
{
        if (is_read_only())
                return -1;
        if (is_last())
                die();
        return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
        if (is_last())
                die();
        return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
        if (is_last())
                die();
        return (int)syscall(SYS_renameat, -100 /* AT_FDCWD */, from, -100, to);
}
