/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define READ_FIRST ((size_t)16 << 10)

/**
 * str_read_file() - a whole file, terminated
 * @max: most bytes; a file that has more is not read
 * @ret_data: the caller's (free)
 * @ret_n: may be NULL for a text
 *
 * Pipes and /proc files have no size to ask for: what counts is what was read.
 *
 * Return: 0, -EFBIG, -errno.
 */
int str_read_file(const char *path, size_t max, char **ret_data, size_t *ret_n)
{
        _cleanup_(cleanup_close) int fd = -1;
        _cleanup_(cleanup_free) char *data = NULL;
        size_t n = 0, size = 0;
        struct stat st;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (S_ISREG(st.st_mode) && st.st_size > 0) {
                if ((uintmax_t)st.st_size > max)
                        return -EFBIG;
                size = (size_t)st.st_size + 2; /* one to see the end, one for the terminator */
        } else {
                size = READ_FIRST;
        }
        data = malloc(size);
        if (!data)
                error_oom(size);
        for (;;) {
                ssize_t len;

                if (n + 1 == size) {
                        char *bigger;

                        if (size > SIZE_MAX / 2)
                                error_oom(size);
                        size *= 2;
                        bigger = realloc(data, size);
                        if (!bigger)
                                error_oom(size);
                        data = bigger;
                }
                len = read(fd, data + n, size - n - 1);
                if (len < 0 && errno == EINTR)
                        continue;
                if (len < 0)
                        return -errno;
                if (len == 0)
                        break;
                n += (size_t)len;
                if (n > max)
                        return -EFBIG;
        }
        data[n] = '\0';
        *ret_data = TAKE(data);
        if (ret_n)
                *ret_n = n;
        return 0;
}

int str_write(int fd, const void *data, size_t n)
{
        const char *from = data;

        while (n > 0) {
                ssize_t len = write(fd, from, n);

                if (len < 0 && errno == EINTR)
                        continue;
                if (len <= 0)
                        return len ? -errno : -ENOSPC;
                from += len;
                n -= (size_t)len;
        }
        return 0;
}

static int sync_folder(const char *path)
{
        _cleanup_(cleanup_close) int fd = -1;
        _cleanup_(cleanup_free) char *folder = NULL;
        const char *slash = strrchr(path, '/');

        /* With the slash, so that "/file" gives "/". */
        if (asprintf(&folder, "%.*s.", slash ? (int)(slash - path) + 1 : 0, path) < 0)
                error_oom(strlen(path));
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

static int write_temporary(int fd, const char *data, size_t n, unsigned mode)
{
        int r;

        if (fchmod(fd, (mode_t)mode) < 0)
                return -errno;
        r = str_write(fd, data, n);
        if (r)
                return r;
        /* Without this the rename could reach the disk before the content: an empty file after a power cut.
         */
        return fsync(fd) < 0 ? -errno : 0;
}

/**
 * str_write_file() - replace a file as a whole: readers see the old or the new content, also after a crash
 * @mode: permissions of the new file, as they are (no umask)
 *
 * Return: 0, -errno; then the old file is untouched, unless only the last flush of the folder failed.
 */
int str_write_file(const char *path, const char *data, size_t n, unsigned mode)
{
        _cleanup_(cleanup_free) char *temporary = NULL;
        int fd, r;

        if (asprintf(&temporary, "%s.tmp-XXXXXX", path) < 0)
                error_oom(strlen(path));
        fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = write_temporary(fd, data, n, mode);
        if (close(fd) < 0 && !r)
                r = -errno;
        if (!r && rename(temporary, path) < 0)
                r = -errno;
        if (r) {
                unlink(temporary);
                return r;
        }
        return sync_folder(path);
}
