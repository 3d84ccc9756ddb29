/* SPDX-License-Identifier: Apache-2.0 */

#include "report/rendered.h"

#include "base/error.h"
#include "base/str.h"
#include "report/frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Day Day;
typedef struct Days Days;

struct Day {
        int32_t day;
        int64_t bytes;
};

/* What the folder holds, the oldest day first. */
struct Days {
        Day *items;
        size_t n, size;
        int64_t bytes;
};

static const char *const heads[] = { "ADSyncSingleObjectSyncResult-", "compare-" };

/* "20261122T..." behind one of the heads. */
static bool day_in(const char *name, int32_t *ret_day)
{
        char text[DAY_NAME_MAX];

        for (size_t i = 0; i < N_ELEMENTS(heads); i++) {
                const char *at = name + strlen(heads[i]);

                if (strncmp(name, heads[i], strlen(heads[i])) || strnlen(at, 9) < 9 || at[8] != 'T')
                        continue;
                snprintf(text, sizeof(text), "%.4s-%.2s-%.2s", at, at + 4, at + 6);
                return day_parse(text, "", ret_day);
        }
        return false;
}

static void count(Days *d, int32_t day, int64_t bytes)
{
        size_t i = d->n;

        d->bytes += bytes;
        while (i > 0 && d->items[i - 1].day > day)
                i--;
        if (i > 0 && d->items[i - 1].day == day) {
                d->items[i - 1].bytes += bytes;
                return;
        }
        if (d->n == d->size) {
                d->size = d->size ? d->size * 2 : 64;
                d->items = reallocarray(d->items, d->size, sizeof(*d->items));
                if (!d->items)
                        error_oom(d->size * sizeof(*d->items));
        }
        memmove(&d->items[i + 1], &d->items[i], (d->n - i) * sizeof(*d->items));
        d->items[i] = (Day){ .day = day, .bytes = bytes };
        d->n++;
}

/* Return: 0 (`*ret_dir` NULL: there is none), -errno. */
static int open_folder(const char *reports, DIR **ret_dir)
{
        _cleanup_(cleanup_close) int parent = open(reports, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int fd = parent < 0 ? -1 : openat(parent, "html", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        *ret_dir = NULL;
        if (fd < 0)
                return errno == ENOENT ? 0 : error_origin(-errno);
        *ret_dir = fdopendir(fd);
        if (*ret_dir)
                return 0;
        close(fd);
        return error_origin(-ENOMEM);
}

/* A file that has gone meanwhile takes nothing. */
static void weigh(DIR *dir, Days *d)
{
        for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
                struct stat st;
                int32_t day;

                if (day_in(e->d_name, &day) &&
                    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
                        count(d, day, (int64_t)st.st_blocks * 512);
        }
        rewinddir(dir);
}

/* Every file of a day before `first`. */
static int remove_before(DIR *dir, int32_t first)
{
        int r = 0;

        for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
                int32_t day;

                if (day_in(e->d_name, &day) && day < first && unlinkat(dirfd(dir), e->d_name, 0) &&
                    errno != ENOENT && errno != EISDIR)
                        r = -errno;
        }
        return r ? error_origin(r) : 0;
}

/* Days before `first` go, then the oldest while all take more than `max`, or less than `wanted` was freed. */
static int clear(const char *reports, int32_t first, int64_t max, int64_t wanted, int64_t *ret_freed)
{
        Days d = { 0 };
        int64_t freed = 0;
        size_t i = 0;
        DIR *dir;
        int r = open_folder(reports, &dir);

        *ret_freed = 0;
        if (r || !dir)
                return r;
        weigh(dir, &d);
        for (; i < d.n && (d.items[i].day < first || d.bytes - freed > max || freed < wanted); i++)
                freed += d.items[i].bytes;
        if (i > 0)
                r = remove_before(dir, d.items[i - 1].day + 1);
        if (r == 0)
                *ret_freed = freed;
        free(d.items);
        closedir(dir);
        return r;
}

int rendered_retain(const char *reports, Wall now, int keep_days, int64_t max_bytes)
{
        int64_t freed;

        return clear(reports, day_of(now) - keep_days, max_bytes < 0 ? INT64_MAX : max_bytes, 0, &freed);
}

int rendered_free_room(const char *reports, int64_t bytes, int64_t *ret_freed)
{
        return clear(reports, INT32_MIN, INT64_MAX, bytes, ret_freed);
}
