/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "base/str.h"

/*
 * systemd gives a service its credentials with an access list for the service's user, and shows the mask of
 * that list where the bits of the group are (systemd.exec(5), LoadCredential=). The folder itself is closed.
 */
static bool is_credential(const char *file)
{
        const char *folder = getenv("CREDENTIALS_DIRECTORY");
        size_t n = folder ? strlen(folder) : 0;

        return n && strncmp(file, folder, n) == 0 && file[n] == '/';
}

static int open_secret(const char *file, int *ret_fd, Diag *diag)
{
        _cleanup_(cleanup_close) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        mode_t open_to = is_credential(file) ? S_IWGRP | S_IRWXO : S_IRWXG | S_IRWXO;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0) {
                diag_set(diag, "cannot read %s: %s", file, strerror(errno));
                return SECRET_E_REFUSED;
        }
        if (!S_ISREG(st.st_mode)) {
                diag_set(diag, "%s is not a regular file", file);
                return SECRET_E_REFUSED;
        }
        if (st.st_mode & open_to) {
                diag_set(diag,
                         "%s holds a secret but has mode %04o; others than its owner may use it: chmod 600",
                         file, st.st_mode & 07777);
                return SECRET_E_REFUSED;
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/**
 * secret_check() - may this file be used as a secret?
 *
 * Return: 0, SECRET_E_REFUSED.
 */
int secret_check(const char *file, Diag *diag)
{
        _cleanup_(cleanup_close) int fd = -1;

        return open_secret(file, &fd, diag);
}

/**
 * secret_read() - read the first line
 *
 * An empty one is refused: a simple bind with a name and no password is an anonymous bind that succeeds
 * (RFC 4513 section 5.1.2).
 *
 * Return: 0, SECRET_E_REFUSED.
 */
int secret_read(const char *file, Secret *s, Diag *diag)
{
        _cleanup_(cleanup_close) int fd = -1;
        size_t n = 0;
        char *end;
        int r;

        r = open_secret(file, &fd, diag);
        if (r)
                return r;
        /* Not into swap, as far as the system lets us. */
        mlock(s, sizeof(*s));
        while (n < SECRET_MAX) {
                ssize_t k = read(fd, s->data + n, SECRET_MAX - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0) {
                        diag_set(diag, "cannot read %s: %s", file, strerror(errno));
                        secret_wipe(s);
                        return SECRET_E_REFUSED;
                }
                if (k == 0)
                        break;
                n += (size_t)k;
        }
        end = memchr(s->data, '\n', n);
        if (!end && n == SECRET_MAX) {
                diag_set(diag, "the first line of %s is longer than %d bytes", file, SECRET_MAX);
                secret_wipe(s);
                return SECRET_E_REFUSED;
        }
        if (end)
                n = (size_t)(end - s->data);
        if (n && s->data[n - 1] == '\r')
                n--;
        explicit_bzero(s->data + n, sizeof(s->data) - n);
        s->n = n;
        if (n == 0 || memchr(s->data, '\0', n)) {
                diag_set(diag, n ? "the first line of %s has a NUL byte" : "the first line of %s is empty",
                         file);
                secret_wipe(s);
                return SECRET_E_REFUSED;
        }
        return 0;
}

void secret_wipe(Secret *s)
{
        explicit_bzero(s, sizeof(*s));
        munlock(s, sizeof(*s));
}

SecretStamp secret_stamp(const char *file)
{
        struct stat st;

        if (!file || stat(file, &st) < 0)
                return (SecretStamp){ 0 };
        return (SecretStamp){
                .device = st.st_dev,
                .inode = st.st_ino,
                .sec = (unsigned long long)st.st_mtim.tv_sec,
                .nsec = (unsigned long long)st.st_mtim.tv_nsec,
                .size = (unsigned long long)st.st_size,
        };
}

bool secret_stamp_is(const SecretStamp *a, const SecretStamp *b)
{
        return a->device == b->device && a->inode == b->inode && a->sec == b->sec && a->nsec == b->nsec &&
               a->size == b->size;
}
