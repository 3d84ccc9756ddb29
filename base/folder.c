/* SPDX-License-Identifier: Apache-2.0 */

#include "base/folder.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder in which a path is, opened, and the name in it (to be freed). Return: the descriptor, -errno. */
static int open_above(const char *path, char **ret_name)
{
        _cleanup_(cleanup_free) char *above = NULL;
        size_t n = strlen(path), end;
        int fd;

        while (n > 1 && path[n - 1] == '/')
                n--;
        end = n;
        while (n > 0 && path[n - 1] != '/')
                n--;
        /* With the slash, so that "/folder" gives "/". It need not be one that we may list. */
        if (asprintf(&above, "%.*s.", (int)n, path) < 0 ||
            asprintf(ret_name, "%.*s", n < end ? (int)(end - n) : 1, n < end ? path + n : ".") < 0)
                error_oom(strlen(path));
        fd = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int folder_give(int dir, int fd)
{
        struct stat st, own;

        if (geteuid())
                return 0;
        if (fstat(dir, &st) < 0 || fstat(fd, &own) < 0)
                return -errno;
        /* Who is root in a service of his own is under the unit's filter all the same: it allows no chown. */
        if (own.st_uid == st.st_uid && own.st_gid == st.st_gid)
                return 0;
        return fchown(fd, st.st_uid, st.st_gid) < 0 ? -errno : 0;
}

int folder_make(const char *path, unsigned mode)
{
        _cleanup_(cleanup_free) char *name = NULL;
        /* The way there is looked up once: on it there are folders of the service's own user, who could lead
         * it elsewhere between two looks. */
        _cleanup_(cleanup_close) int above = open_above(path, &name), fd = -1;

        if (above < 0)
                return above;
        if (mkdirat(above, name, (mode_t)mode) < 0)
                return errno == EEXIST ? 0 : -errno;
        if (geteuid())
                return 0;
        fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : folder_give(above, fd);
}

int folder_make_file(const char *folder, const char *name)
{
        _cleanup_(cleanup_close) int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;

        if (dir < 0)
                return -errno;
        fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return errno == EEXIST ? 0 : -errno;
        return folder_give(dir, fd);
}

int folder_give_file(const char *folder, const char *name)
{
        _cleanup_(cleanup_close) int dir = -1, fd = -1;
        struct stat st;

        if (geteuid())
                return 0;
        dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return -errno;
        fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        /* The folder's owner can put another name of somebody else's file there. */
        if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
                return -EPERM;
        return folder_give(dir, fd);
}
