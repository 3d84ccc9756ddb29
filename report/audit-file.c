/* SPDX-License-Identifier: Apache-2.0 */

#include "report/audit-file.h"

#include "base/error.h"
#include "base/str.h"
#include "report/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)64 << 10)
/* What may be written at once (report/audit.c), and a line before it: a crash may have made zeros of it. */
#define MOST ((size_t)128 << 20)

int audit_file_open(AuditFile *f, const char *folder, const char *name)
{
        Str path;
        int fd;

        *f = (AuditFile){ .fd = -1 };
        str_init(&path, 8192);
        str_printf(&path, "%s/%s", folder, name);
        fd = open(path.data, O_RDONLY | O_CLOEXEC);
        str_deinit(&path);
        if (fd < 0)
                return error_origin(-errno);
        f->fd = fd;
        return 0;
}

void audit_file_close(AuditFile *f)
{
        if (f->fd >= 0)
                close(f->fd);
        free(f->data);
        *f = (AuditFile){ .fd = -1 };
}

static int length_of(const AuditFile *f, uint64_t *ret_length)
{
        struct stat st;

        if (fstat(f->fd, &st))
                return error_origin(-errno);
        *ret_length = (uint64_t)st.st_size;
        return 0;
}

/* Room for so much. Return: 0, -EFBIG. */
static int make_room(AuditFile *f, size_t size)
{
        char *data;

        if (size <= f->size)
                return 0;
        if (size > MOST)
                return error_origin(-EFBIG);
        data = realloc(f->data, size);
        if (!data)
                error_oom(size);
        f->data = data;
        f->size = size;
        return 0;
}

/* What has not been given out goes to the front, and more comes behind it. Return: 0, AUDIT_FILE_E_END,
 * -EFBIG, -errno. */
static int read_more(AuditFile *f)
{
        size_t got;
        int r;

        f->n -= f->at;
        if (f->at)
                memmove(f->data, f->data + f->at, f->n);
        f->at = 0;
        r = f->n == f->size ? make_room(f, f->size ? 2 * f->size : PIECE) : 0;
        if (r == 0)
                r = file_read(f->fd, f->next, f->data + f->n, f->size - f->n, &got);
        if (r)
                return r;
        f->next += got;
        f->n += got;
        return got ? 0 : AUDIT_FILE_E_END;
}

int audit_file_next(AuditFile *f, const char **ret_line, size_t *ret_n)
{
        size_t seen = 0;

        for (;;) {
                char *from = f->n ? f->data + f->at : NULL, /* before the first piece there is no data */
                        *end = f->n - f->at > seen ? memchr(from + seen, '\n', f->n - f->at - seen) : NULL;
                int r;

                if (end) {
                        *ret_line = from;
                        *ret_n = (size_t)(end - from);
                        f->at += *ret_n + 1;
                        return 0;
                }
                seen = f->n - f->at;
                r = read_more(f);
                if (r)
                        return r;
        }
}

/* The line that ends at the last newline. False: it begins before what was read; `first`: it cannot. */
static bool find_last(const AuditFile *f, bool first, const char **ret_line, size_t *ret_n,
                      const char **ret_end)
{
        const char *end = f->n ? memrchr(f->data, '\n', f->n) : NULL;
        const char *before = end && end > f->data ? memrchr(f->data, '\n', (size_t)(end - f->data)) : NULL;

        if (!before && !first)
                return false;
        *ret_line = before ? before + 1 : f->data;
        *ret_n = end ? (size_t)(end - *ret_line) : 0;
        *ret_end = end ? end + 1 : NULL;
        return true;
}

int audit_file_last(AuditFile *f, const char **ret_line, size_t *ret_n, uint64_t *ret_end)
{
        const char *end = NULL;
        uint64_t length, from;
        int r = length_of(f, &length);

        if (r)
                return r;
        for (size_t piece = PIECE;; piece *= 2) {
                from = length > piece ? length - piece : 0;
                r = make_room(f, (size_t)(length - from));
                if (r == 0)
                        r = file_read(f->fd, from, f->data, (size_t)(length - from), &f->n);
                if (r)
                        return r;
                if (find_last(f, from == 0, ret_line, ret_n, &end))
                        break;
        }
        *ret_end = end ? from + (uint64_t)(end - f->data) : 0;
        return end ? 0 : AUDIT_FILE_E_END;
}

int audit_file_ends_with(AuditFile *f, AuditFile *tail, bool *ret_does)
{
        uint64_t length, n;
        int r = length_of(f, &length);

        *ret_does = false;
        if (r == 0)
                r = length_of(tail, &n);
        if (r || n == 0 || n > length)
                return r;
        for (uint64_t at = 0; at < n;) {
                char ours[PIECE], theirs[PIECE];
                size_t n_ours, n_theirs;

                r = file_read(f->fd, length - n + at, ours, sizeof(ours), &n_ours);
                if (r == 0)
                        r = file_read(tail->fd, at, theirs, sizeof(theirs), &n_theirs);
                if (r || n_ours != n_theirs || memcmp(ours, theirs, n_ours) != 0)
                        return r;
                at += n_ours;
        }
        *ret_does = true;
        return 0;
}

int audit_file_copy(AuditFile *f, int to)
{
        char data[PIECE];
        uint64_t at = 0;
        size_t n;
        int r;

        do {
                r = file_read(f->fd, at, data, sizeof(data), &n);
                if (r == 0)
                        r = str_write(to, data, n);
                at += n;
        } while (r == 0 && n);
        return error_trace(r);
}
