/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/owner.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the path, or of what is nearest above it. */
static int find_owner(const char *path, struct stat *ret_st)
{
        _cleanup_(cleanup_free) char *at = strdup(path);
        char *slash;

        if (!at)
                error_oom(strlen(path));
        while (stat(at, ret_st) < 0) {
                if (errno != ENOENT)
                        return -errno;
                slash = strrchr(at, '/');
                if (!slash)
                        return stat(".", ret_st) < 0 ? -errno : 0;
                if (slash == at)
                        return stat("/", ret_st) < 0 ? -errno : 0;
                *slash = '\0';
        }
        return 0;
}

static int become(const struct stat *st)
{
        const struct passwd *user = getpwuid(st->st_uid);
        gid_t group = user ? user->pw_gid : st->st_gid;

        if (user ? initgroups(user->pw_name, group) : setgroups(0, NULL))
                return -errno;
        if (setresgid(group, group, group) || setresuid(st->st_uid, st->st_uid, st->st_uid))
                return -errno;
        return 0;
}

/**
 * owner_become() - go on as the user whom the state folder belongs to
 *
 * Return: 0, -errno.
 */
int owner_become(const char *path, Diag *diag)
{
        struct stat st;
        int r;

        if (geteuid())
                return 0;
        r = find_owner(path, &st);
        if (r == 0 && st.st_uid)
                r = become(&st);
        if (r)
                diag_set(diag, "%s: cannot act as the user it belongs to: %s", path, strerror(-r));
        return r;
}
