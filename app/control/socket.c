/* SPDX-License-Identifier: Apache-2.0 */

/* Where the control socket is, and who may use it. */

#include "app/control/private.h"
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* What systemd makes for the unit (RuntimeDirectory=). The state folder is closed to everybody but the
 * service, so a socket for a group cannot be in it. */
#define RUN_FOLDER "/run/sosync"

const char *control_path(Arena *a, const Config *c)
{
        if (c->control.socket)
                return arena_strdup(a, c->control.socket);
        /* Of one service on a machine: others have another state folder. */
        if (str_is(c->state.path, STATE_PATH_DEFAULT) && access(RUN_FOLDER, F_OK) == 0)
                return RUN_FOLDER "/control";
        return arena_printf(a, "%s/control", c->state.path);
}

int control_address(const char *path, struct sockaddr_un *ret_address)
{
        *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(ret_address->sun_path))
                return -ENAMETOOLONG;
        snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s", path);
        return 0;
}

/* A name that nobody has is nobody's group. */
static bool find_group(const char *name, gid_t *ret_gid)
{
        struct group entry, *found = NULL;
        char buf[16384];

        if (!*name || getgrnam_r(name, &entry, buf, sizeof(buf), &found) || !found)
                return false;
        *ret_gid = entry.gr_gid;
        return true;
}

/* A member of the group by its primary group, or by one of the others. */
static bool is_member(int fd, const struct ucred *peer, gid_t group)
{
        _cleanup_(cleanup_free) gid_t *groups = NULL;
        socklen_t n = 0;

        if (peer->gid == group)
                return true;
        /* Says how many bytes it needs. */
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &n) == 0 || errno != ERANGE)
                return false;
        groups = malloc(n);
        if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n))
                return false;
        for (size_t i = 0; i < n / sizeof(*groups); i++)
                if (groups[i] == group)
                        return true;
        return false;
}

bool control_is_welcome(const Control *control, int fd, uid_t *ret_uid)
{
        struct ucred peer;
        socklen_t n = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n))
                return false;
        *ret_uid = peer.uid;
        return peer.uid == 0 || peer.uid == geteuid() ||
               (control->has_group && is_member(fd, &peer, control->group));
}

/* What is there from a process that has died is removed; what lives, or is no socket, is not. */
static int make_way(const char *path, const struct sockaddr_un *address, Diag *diag)
{
        _cleanup_(cleanup_close) int fd = -1;
        struct stat st;

        if (lstat(path, &st))
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode)) {
                diag_set(diag, "%s is there and is no socket; control.socket names a place for one", path);
                return -EEXIST;
        }
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 &&
            (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)) {
                diag_set(diag, "another service listens at %s; control.socket names another place", path);
                return -EADDRINUSE;
        }
        return unlink(path) ? -errno : 0;
}

/* Open to the group. Without the right to give it away it stays ours. */
static void open_to_group(Control *control, const char *name)
{
        const Log *log = &control->wiring->log;

        control->has_group = find_group(name, &control->group);
        if (!control->has_group && *name && !str_is(name, CONTROL_GROUP_DEFAULT))
                log_warning(log,
                            "there is no such group; the control socket is open to root and this user only",
                            LOG_STR("group", name));
        if (!control->has_group)
                return;
        if (chown(control->path, (uid_t)-1, control->group) || chmod(control->path, 0660))
                log_warning(log,
                            "the control socket cannot be given to the group; root and this user may use it",
                            LOG_STR("group", name), LOG_STR("why", strerror(errno)));
}

int control_listen(Control *control, Diag *diag)
{
        const Config *c = control->wiring->first;
        struct sockaddr_un address;
        mode_t mask;
        int r = control_address(control->path, &address);

        if (r) {
                diag_set(diag,
                         "%s: the path is too long for a socket (at most %zu bytes); control.socket names "
                         "another",
                         control->path, sizeof(address.sun_path) - 1);
                return r;
        }
        r = make_way(control->path, &address, diag);
        if (r == 0) {
                control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                mask = umask(0177);
                r = control->fd < 0 || bind(control->fd, (struct sockaddr *)&address, sizeof(address))
                            ? -errno
                            : 0;
                umask(mask);
        }
        if (r) {
                if (!diag_any(diag))
                        diag_set(diag, "%s: %s", control->path, strerror(-r));
                return r;
        }
        control->bound = true;
        open_to_group(control, c->control.group);
        return listen(control->fd, 16) ? error_origin(-errno) : 0;
}
