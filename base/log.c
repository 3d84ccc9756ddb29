/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

/*
 * A line with its newline is at most PIPE_BUF (4096 on Linux): up to there a write() to a pipe is never mixed
 * with that of another thread or process. Values that are longer than VALUE_MAX are cut, so that one DN does
 * not push out everything behind it; fields that no longer fit are left out, and the line says so.
 */
#define LINE_MAX_BYTES ((size_t)4096)
#define LINE_RESERVE   ((size_t)32) /* for cut=1, the closing brace, the newline */
#define VALUE_MAX      ((size_t)1024)
#define MESSAGE_MAX    ((size_t)256) /* a short constant; six times this still leaves room for fields */

/* A chain of contexts has run, step, feed and the like: a handful. Beyond this the outermost are left out. */
#define FIELDS_MAX ((size_t)48)

static struct {
        atomic_int level;
        atomic_int format;
        atomic_int fd;
        atomic_bool journal;
} log_state = { .level = LOG_LEVEL_INFO, .format = LOG_FORMAT_TEXT, .fd = STDERR_FILENO };

static const struct {
        const char *name;
        const char *padded;
        int priority; /* syslog's, for journald */
} levels[] = {
        [LOG_LEVEL_ERROR] = { .name = "error", .padded = "error", .priority = 3 },
        [LOG_LEVEL_WARNING] = { .name = "warning", .padded = "warn ", .priority = 4 },
        [LOG_LEVEL_INFO] = { .name = "info", .padded = "info ", .priority = 6 },
        [LOG_LEVEL_DEBUG] = { .name = "debug", .padded = "debug", .priority = 7 },
};

/* JOURNAL_STREAM is "device:inode" of the stream that journald gave to the service; it may have been replaced
 * since, or inherited by somebody whose output goes elsewhere (systemd.exec(5)). */
static bool is_journal(int fd)
{
        const char *stream = getenv("JOURNAL_STREAM");
        char text[64];
        struct stat st;

        if (!stream || fstat(fd, &st) < 0)
                return false;
        snprintf(text, sizeof(text), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
        return str_is(stream, text);
}

/**
 * log_setup() - where lines go, and how; before threads start
 */
void log_setup(LogLevel level, LogFormat format, int fd)
{
        log_state.level = (int)level;
        log_state.format = (int)format;
        log_state.fd = fd;
        log_state.journal = is_journal(fd);
}

void log_set_level(LogLevel level)
{
        atomic_store_explicit(&log_state.level, (int)level, memory_order_relaxed);
}

bool log_wants(LogLevel level)
{
        return (int)level <= atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

/* At most max bytes, and not the half of a character. */
static size_t cut_length(const char *text, size_t max)
{
        size_t n = strnlen(text, max + 1);

        if (n <= max)
                return n;
        for (n = max; n > max - 4 && ((unsigned char)text[n] & 0xc0) == 0x80;)
                n--;
        return n;
}

/* Safe first, then quotes: in a quoted value a backslash is doubled, so that \xNN is never ambiguous. */
static void add_text_value(Str *line, const char *text)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                    "-_.:/@+,%*()[]{}<>~!?#&;|^$";
        size_t n = cut_length(text, VALUE_MAX);

        if (n > 0 && !text[n] && strspn(text, plain) == n) {
                str_add_n(line, text, n);
                return;
        }
        str_add_char(line, '"');
        for (size_t at = 0; at < n;) {
                size_t len = strcspn(text + at, "\"\\");

                if (len > n - at)
                        len = n - at;
                str_add_safe(line, text + at, len);
                at += len;
                if (at < n) {
                        str_add_char(line, '\\');
                        str_add_char(line, text[at++]);
                }
        }
        if (text[n])
                str_add(line, "...");
        str_add_char(line, '"');
}

/* JSON has no \xNN: a byte that is not UTF-8 is written as the text \xNN, that is \\xNN; what is hidden or
 * harmful takes the same way, control characters become \u00NN. */
static void add_json_value(Str *line, const char *text, size_t max)
{
        size_t n = cut_length(text, max);
        Str safe;

        str_init(&safe, 4 * VALUE_MAX);
        str_add_char(line, '"');
        for (size_t at = 0; at < n;) {
                unsigned char c = (unsigned char)text[at];
                size_t len = 0;

                while (at + len < n && (unsigned char)text[at + len] >= 0x20 && text[at + len] != '"' &&
                       text[at + len] != '\\')
                        len++;
                if (len == 0) {
                        if (c == '"' || c == '\\')
                                str_printf(line, "\\%c", c);
                        else
                                str_printf(line, "\\u%04x", c);
                        at++;
                        continue;
                }
                str_reset(&safe);
                str_add_safe(&safe, text + at, len);
                /* The only backslashes in it are those that were just made. */
                for (const char *s = safe.data; *s; s++) {
                        if (*s == '\\')
                                str_add_char(line, '\\');
                        str_add_char(line, *s);
                }
                at += len;
        }
        if (text[n])
                str_add(line, "...");
        str_add_char(line, '"');
        str_deinit(&safe);
}

static void add_field(Str *line, LogFormat format, const LogField *f)
{
        if (format == LOG_FORMAT_JSON) {
                str_add_char(line, ',');
                add_json_value(line, f->key, MESSAGE_MAX);
                str_add_char(line, ':');
                if (f->text)
                        add_json_value(line, f->text, VALUE_MAX);
                else
                        str_printf(line, "%" PRId64, f->number);
                return;
        }
        str_add_char(line, ' ');
        str_add_safe(line, f->key, cut_length(f->key, MESSAGE_MAX));
        str_add_char(line, '=');
        if (f->text)
                add_text_value(line, f->text);
        else
                str_printf(line, "%" PRId64, f->number);
}

/* A key that is said again further inside wins: a JSON object has each key once. */
static size_t collect(const LogField **all, size_t n, const LogField *fields, size_t n_fields)
{
        for (size_t i = n_fields; i > 0; i--) {
                const LogField *f = &fields[i - 1];
                bool known = !f->key;

                for (size_t k = 0; k < n && !known; k++)
                        known = str_is(all[k]->key, f->key);
                if (!known && n < FIELDS_MAX)
                        all[n++] = f;
        }
        return n;
}

static void write_line(int fd, const char *data, size_t n)
{
        while (n > 0) {
                ssize_t len = write(fd, data, n);

                if (len < 0 && errno == EINTR)
                        continue;
                if (len <= 0)
                        return; /* a log that cannot be written must not stop the work */
                data += len;
                n -= (size_t)len;
        }
}

/**
 * log_write() - one line; from any thread, errno stays as it is
 * @log: context whose fields come first, outermost in front; may be NULL
 */
void log_write(LogLevel level, const Log *log, const char *message, const LogField *fields, size_t n_fields)
{
        const LogField *all[FIELDS_MAX];
        LogFormat format = (LogFormat)atomic_load(&log_state.format);
        bool journal = log_state.journal;
        int error = errno;
        char time[WALL_TEXT_MAX];
        size_t n;
        Str line;

        if (!log_wants(level))
                return;

        /* Innermost first: those are the ones to keep. */
        n = collect(all, 0, fields, n_fields);
        for (const Log *l = log; l; l = l->parent)
                n = collect(all, n, l->fields, l->n_fields);

        str_init(&line, 2 * LINE_MAX_BYTES + 4 * VALUE_MAX * 2);
        wall_format(clock_wall(&clock_system), time);
        if (journal)
                str_printf(&line, "<%d>", levels[level].priority);
        if (format == LOG_FORMAT_JSON) {
                str_add_char(&line, '{');
                if (!journal)
                        str_printf(&line, "\"time\":\"%s\",", time);
                str_printf(&line, "\"level\":\"%s\",\"message\":", levels[level].name);
                add_json_value(&line, message, MESSAGE_MAX);
        } else {
                if (!journal)
                        str_printf(&line, "%s ", time);
                str_printf(&line, "%s ", levels[level].padded);
                str_add_safe(&line, message, cut_length(message, MESSAGE_MAX));
                if (n)
                        str_add_char(&line, ' ');
        }

        for (bool cut = false; n > 0 && !cut; n--) {
                size_t before = line.n;

                add_field(&line, format, all[n - 1]);
                if (line.n > LINE_MAX_BYTES - LINE_RESERVE) {
                        line.n = before;
                        line.data[before] = '\0';
                        str_add(&line, format == LOG_FORMAT_JSON ? ",\"cut\":true" : " cut=1");
                        cut = true;
                }
        }
        str_add(&line, format == LOG_FORMAT_JSON ? "}\n" : "\n");
        write_line(log_state.fd, line.data, line.n);
        str_deinit(&line);
        errno = error;
}
