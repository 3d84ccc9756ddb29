/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Log: a short constant message, and what it is about
 *
 *      log_info(&run->log, "exported", LOG_INT("ops", n_ops));
 *
 *      2026-11-22T08:31:15.123Z info  exported  run=1f0c... dn="CN=Ada,OU=corp,..." step=export ops=2
 *
 * A Log carries fields and a parent; what a run, a feed or a step is about is said once and inherited, never
 * repeated by hand. A Log is a value: LOG_CHILD(parent, fields...) makes one on the stack; the parent and all
 * texts must outlive it. Levels: error = someone must act; warning = went on regardless, and says so;
 * info = life cycle and one line a run; debug = anything. Never a secret; attribute values only at debug.
 *
 * Lines go to standard error as one write each (any thread), with journald's <N> prefix when it listens, as
 * text or JSON. Values are escaped (str_add_safe). Libraries do not log; they fill a Diag. Logging is for
 * app/, listener/, the graph thread and error traces.
 */

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Log Log;
typedef struct LogField LogField;

typedef enum LogLevel {
        LOG_LEVEL_ERROR,
        LOG_LEVEL_WARNING,
        LOG_LEVEL_INFO,
        LOG_LEVEL_DEBUG,
} LogLevel;

typedef enum LogFormat {
        LOG_FORMAT_TEXT,
        LOG_FORMAT_JSON,
} LogFormat;

struct LogField {
        const char *key;
        const char *text; /* NULL: number */
        int64_t number;
};

struct Log {
        const Log *parent;
        const LogField *fields;
        size_t n_fields;
};

/* A function, because compilers warn when an array is asked whether it is NULL. */
static inline const char *log_text_(const char *v)
{
        return v ? v : "";
}

#define LOG_STR(k, v) ((LogField){ .key = (k), .text = log_text_(v) })
#define LOG_INT(k, v) ((LogField){ .key = (k), .number = (int64_t)(v) })

#define LOG_FIELDS_(...)    \
        (const LogField[])  \
        {                   \
                __VA_ARGS__ \
        }
#define LOG_CHILD(p, ...)                           \
        ((Log){ .parent = (p),                      \
                .fields = LOG_FIELDS_(__VA_ARGS__), \
                .n_fields = sizeof(LOG_FIELDS_(__VA_ARGS__)) / sizeof(LogField) })

#define log_at_(level, log, message, ...)                                           \
        log_write((level), (log), (message), LOG_FIELDS_({ 0 }, ##__VA_ARGS__) + 1, \
                  sizeof(LOG_FIELDS_({ 0 }, ##__VA_ARGS__)) / sizeof(LogField) - 1)

#define log_error(log, message, ...)   log_at_(LOG_LEVEL_ERROR, log, message, ##__VA_ARGS__)
#define log_warning(log, message, ...) log_at_(LOG_LEVEL_WARNING, log, message, ##__VA_ARGS__)
#define log_info(log, message, ...)    log_at_(LOG_LEVEL_INFO, log, message, ##__VA_ARGS__)
#define log_debug(log, message, ...)   log_at_(LOG_LEVEL_DEBUG, log, message, ##__VA_ARGS__)

/* The one global of the house. Set before threads start; the level may change at a reload (atomic). */
void log_setup(LogLevel level, LogFormat format, int fd);
void log_set_level(LogLevel level);
bool log_wants(LogLevel level);

void log_write(LogLevel level, const Log *log, const char *message, const LogField *fields, size_t n_fields);
