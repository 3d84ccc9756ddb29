/* SPDX-License-Identifier: Apache-2.0 */

#include "report/frame.h"

#include "base/error.h"
#include "base/pack.h"
#include "base/str.h"
#include "engine/model/object.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FRAME_MAGIC 0x31465253u /* "SRF1": the last character is the version of the frame */
#define DAY_MS      ((int64_t)86400000)
#define DAY_LAST    2932896 /* 9999-12-31: a clock gone mad makes no file name of another length */

int32_t day_of(Wall at)
{
        int64_t day = at.ms / DAY_MS;

        return at.ms < 0 ? 0 : day > DAY_LAST ? DAY_LAST : (int32_t)day;
}

const char *day_name(int32_t day, const char *suffix, char *buf)
{
        char when[WALL_TEXT_MAX];

        wall_format((Wall){ day * DAY_MS }, when);
        snprintf(buf, DAY_NAME_MAX, "%.10s%s", when, suffix);
        return buf;
}

bool day_parse(const char *name, const char *suffix, int32_t *ret_day)
{
        char text[WALL_TEXT_MAX], again[DAY_NAME_MAX];
        Wall at;

        if (strlen(name) != 10 + strlen(suffix) || !str_ends(name, suffix))
                return false;
        snprintf(text, sizeof(text), "%.10sT00:00:00Z", name);
        if (!wall_parse(text, &at) || at.ms < 0)
                return false;
        *ret_day = day_of(at);
        return str_is(day_name(*ret_day, suffix, again), name);
}

static void put_le(uint8_t *to, uint64_t v, size_t n)
{
        for (size_t i = 0; i < n; i++)
                to[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *from, size_t n)
{
        uint64_t v = 0;

        for (size_t i = 0; i < n; i++)
                v |= (uint64_t)from[i] << (8 * i);
        return v;
}

static uint64_t head_hash(const uint8_t *head, int32_t day, uint64_t offset)
{
        return hash128(head, 16, ((uint64_t)(uint32_t)day << 40) ^ offset).low;
}

uint64_t frame_size(size_t n)
{
        return (FRAME_HEAD + n + FRAME_ALIGN - 1) / FRAME_ALIGN * FRAME_ALIGN;
}

void frame_head(uint8_t *head, int32_t day, uint64_t offset, const void *data, size_t n)
{
        put_le(head, FRAME_MAGIC, 4);
        put_le(head + 4, n, 4);
        put_le(head + 8, hash128(data, n, 0).low, 8);
        put_le(head + 16, head_hash(head, day, offset), 8);
}

int frame_reader_init(FrameReader *f, int fd, int32_t day)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return error_origin(-errno);
        *f = (FrameReader){ .fd = fd, .day = day, .end = (uint64_t)st.st_size };
        return 0;
}

void frame_reader_deinit(FrameReader *f)
{
        free(f->data);
        *f = (FrameReader){ .fd = -1 };
}

/* Return: 0, REPORT_E_NONE: the file is shorter, -errno. */
static int read_at(int fd, uint64_t offset, uint8_t *data, size_t n)
{
        size_t got;
        int r = file_read(fd, offset, data, n, &got);

        return r ? r : got < n ? REPORT_E_NONE : 0;
}

static bool head_is_whole(const uint8_t *head, int32_t day, uint64_t offset)
{
        return get_le(head, 4) == FRAME_MAGIC && get_le(head + 4, 4) <= PACK_RECORD_MAX &&
               get_le(head + 16, 8) == head_hash(head, day, offset);
}

int frame_read(FrameReader *f, uint64_t offset, size_t *ret_n)
{
        uint8_t head[FRAME_HEAD];
        size_t n;
        int r;

        if (offset >= f->end)
                return REPORT_E_NONE;
        if (offset % FRAME_ALIGN || f->end - offset < FRAME_HEAD)
                return REPORT_E_CORRUPT;
        r = read_at(f->fd, offset, head, sizeof(head));
        if (r)
                return r == REPORT_E_NONE ? REPORT_E_CORRUPT : r;
        if (!head_is_whole(head, f->day, offset))
                return REPORT_E_CORRUPT;
        n = (size_t)get_le(head + 4, 4);
        if (f->end - offset < frame_size(n))
                return REPORT_E_CORRUPT;
        if (n > f->size) {
                uint8_t *data = realloc(f->data, n);

                if (!data)
                        error_oom(n);
                f->data = data;
                f->size = n;
        }
        r = read_at(f->fd, offset + FRAME_HEAD, f->data, n);
        if (r)
                return r == REPORT_E_NONE ? REPORT_E_CORRUPT : r;
        if (hash128(f->data, n, 0).low != get_le(head + 8, 8))
                return REPORT_E_CORRUPT;
        *ret_n = n;
        return 0;
}

int frame_find(FrameReader *f, uint64_t offset, uint64_t *ret_offset)
{
        uint8_t chunk[4096];
        uint64_t at = (offset / FRAME_ALIGN + 1) * FRAME_ALIGN;

        while (at < f->end && f->end - at >= FRAME_HEAD) {
                size_t n = f->end - at < sizeof(chunk) ? (size_t)(f->end - at) : sizeof(chunk);
                int r = read_at(f->fd, at, chunk, n);
                size_t i, length;

                if (r)
                        return r;
                for (i = 0; i + FRAME_HEAD <= n; i += FRAME_ALIGN) {
                        if (!head_is_whole(chunk + i, f->day, at + i))
                                continue;
                        r = frame_read(f, at + i, &length);
                        if (r == 0)
                                *ret_offset = at + i;
                        if (r <= 0)
                                return r;
                }
                at += i;
        }
        return REPORT_E_NONE;
}

int file_read(int fd, uint64_t offset, void *data, size_t n, size_t *ret_n)
{
        size_t got = 0;

        while (got < n) {
                ssize_t len = pread(fd, (uint8_t *)data + got, n - got, (off_t)(offset + got));

                if (len < 0 && errno == EINTR)
                        continue;
                if (len < 0)
                        return error_origin(-errno);
                if (len == 0)
                        break;
                got += (size_t)len;
        }
        *ret_n = got;
        return 0;
}

/* EFBIG: the limit of the process or of the file system. To whoever waits, it is one and the same. */
static bool is_full(int e)
{
        return e == ENOSPC || e == EDQUOT || e == EFBIG;
}

int file_append(int fd, uint64_t offset, struct iovec *iov, int n)
{
        uint64_t at = offset;
        int e = 0;

        while (n > 0 && !e) {
                ssize_t len = pwritev(fd, iov, n, (off_t)at);

                if (len < 0)
                        e = errno == EINTR ? 0 : errno;
                if (len <= 0)
                        continue;
                at += (uint64_t)len;
                for (; n > 0 && (size_t)len >= iov->iov_len; iov++, n--)
                        len -= (ssize_t)iov->iov_len;
                if (n > 0) {
                        iov->iov_base = (uint8_t *)iov->iov_base + len;
                        iov->iov_len -= (size_t)len;
                }
        }
        if (!e)
                return 0;
        /* Room that a half-written record takes is room that the queue needs. */
        if (ftruncate(fd, (off_t)offset) < 0)
                return error_origin(-errno);
        return is_full(e) ? REPORT_E_FULL : error_origin(-e);
}
