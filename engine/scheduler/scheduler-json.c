/* SPDX-License-Identifier: Apache-2.0 */

/* The fields of Get-ADSyncScheduler, read from JSON and printed. One table for both. */

#include "engine/scheduler/scheduler.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define TICKS_PER_US 10 /* a .NET tick is 100 ns */
#define DAY_US       ((int64_t)86400 * 1000000)
#define HOLDERS_MAX  64

typedef enum Kind {
        KIND_SPAN,
        KIND_TIME,
        KIND_BOOL,
        KIND_POLICY,
} Kind;

typedef struct Field {
        const char *name;
        Kind kind;
        size_t offset;
        bool decides; /* an answer without it is garbage */
} Field;

/* In the order in which the cmdlet prints them. */
static const Field fields[] = {
        { "AllowedSyncCycleInterval", KIND_SPAN, offsetof(SchedulerState, allowed_interval_us), false },
        { "CurrentlyEffectiveSyncCycleInterval", KIND_SPAN, offsetof(SchedulerState, effective_interval_us),
          false },
        { "CustomizedSyncCycleInterval", KIND_SPAN, offsetof(SchedulerState, customized_interval_us), false },
        { "NextSyncCyclePolicyType", KIND_POLICY, offsetof(SchedulerState, next_policy_type), false },
        { "NextSyncCycleStartTimeInUTC", KIND_TIME, offsetof(SchedulerState, next_start), false },
        { "PurgeRunHistoryInterval", KIND_SPAN, offsetof(SchedulerState, purge_interval_us), false },
        { "SyncCycleEnabled", KIND_BOOL, offsetof(SchedulerState, sync_cycle_enabled), true },
        { "MaintenanceEnabled", KIND_BOOL, offsetof(SchedulerState, maintenance_enabled), false },
        { "StagingModeEnabled", KIND_BOOL, offsetof(SchedulerState, staging_mode_enabled), false },
        { "SchedulerSuspended", KIND_BOOL, offsetof(SchedulerState, scheduler_suspended), false },
        { "SyncCycleInProgress", KIND_BOOL, offsetof(SchedulerState, sync_cycle_in_progress), true },
};

/* Microsoft.IdentityManagement.PowerShell.ObjectModel.SynchronizationPolicyType, by number. */
static const char *const policies[] = { "Unspecified", "Delta", "Initial" };

/* -- reading ------------------------------------------------------------------------------------------- */

/* Up to nine digits, so that no sum of them can overflow. */
static bool digits(const char **s, int64_t *ret_n)
{
        const char *p = *s;
        int64_t n = 0;

        while (*p >= '0' && *p <= '9' && p - *s < 9)
                n = n * 10 + (*p++ - '0');
        if (p == *s)
                return false;
        *s = p;
        *ret_n = n;
        return true;
}

/* [d.]hh:mm:ss[.fffffff] */
static bool parse_span(const char *s, int64_t *ret_us)
{
        int64_t d = 0, h, m, sec;

        if (!digits(&s, &h))
                return false;
        if (*s == '.') {
                d = h;
                s++;
                if (!digits(&s, &h))
                        return false;
        }
        if (*s++ != ':' || !digits(&s, &m) || *s++ != ':' || !digits(&s, &sec))
                return false;
        if (*s == '.') {
                int64_t ignored;

                s++;
                if (!digits(&s, &ignored))
                        return false;
        }
        if (*s || d > 3650 || h > 23 || m > 59 || sec > 59)
                return false;
        *ret_us = d * DAY_US + ((h * 60 + m) * 60 + sec) * 1000000;
        return true;
}

static bool read_span(const json_t *v, int64_t *ret_us)
{
        const json_t *ticks = json_object_get(v, "Ticks");

        if (json_is_string(v))
                return parse_span(json_string_value(v), ret_us);
        if (!json_is_integer(ticks) || json_integer_value(ticks) < 0 ||
            json_integer_value(ticks) / TICKS_PER_US > 3650 * DAY_US)
                return false;
        *ret_us = json_integer_value(ticks) / TICKS_PER_US;
        return true;
}

/* "/Date(1763805600000)/" of Windows PowerShell, ISO 8601 of PowerShell 7, with or without a fraction. The
 * field says UTC by its name; a "Z" is not always there. */
static bool read_time(const json_t *v, Wall *ret_time)
{
        const char *s = json_string_value(v);
        char text[32];
        size_t n;
        int64_t ms;
        char end;

        if (json_is_object(v)) /* a DateTime with added members: {"value": "...", "DateTime": "..."} */
                return read_time(json_object_get(v, "value"), ret_time);
        if (!s)
                return false;
        if (sscanf(s, "/Date(%15" SCNd64 ")%c", &ms, &end) == 2 && end == '/') {
                ret_time->ms = ms;
                return true;
        }
        n = strspn(s, "0123456789-T:");
        if (n != strlen("2026-11-22T12:00:00") || (s[n] && s[n] != '.' && s[n] != 'Z'))
                return false;
        snprintf(text, sizeof(text), "%.*sZ", (int)n, s);
        return wall_parse(text, ret_time);
}

static bool read_policy(const json_t *v, const char **ret_name)
{
        for (size_t i = 0; i < N_ELEMENTS(policies); i++)
                if ((json_is_integer(v) && json_integer_value(v) == (json_int_t)i) ||
                    str_is(json_string_value(v), policies[i])) {
                        *ret_name = policies[i];
                        return true;
                }
        return false;
}

static bool read_field(const Field *f, const json_t *v, SchedulerState *state)
{
        void *at = (char *)state + f->offset;

        switch (f->kind) {
        case KIND_SPAN:
                return read_span(v, at);
        case KIND_TIME:
                return read_time(v, at);
        case KIND_POLICY:
                return read_policy(v, at);
        case KIND_BOOL:
                *(bool *)at = json_is_true(v);
                return json_is_boolean(v);
        }
        return false;
}

/* Names of services; PowerShell writes a list of one as the one. */
static bool read_holders(const json_t *v, Arena *a, SchedulerState *state)
{
        size_t n = json_is_array(v) ? json_array_size(v) : v && !json_is_null(v);
        const char **names = arena_new_array(a, const char *, n + 1);

        if (n > HOLDERS_MAX)
                return false;
        for (size_t i = 0; i < n; i++) {
                const json_t *one = json_is_array(v) ? json_array_get(v, i) : v;

                if (!json_is_string(one))
                        return false;
                names[i] = str_safe(a, json_string_value(one), json_string_length(one));
        }
        state->holders = names;
        state->n_holders = n;
        return true;
}

static int garbage(Arena *a, Diag *diag, const char *what, const char *data, size_t n)
{
        diag_set(diag, "%s: \"%s\"%s", what, str_safe(a, data, n > 120 ? 120 : n), n > 120 ? "..." : "");
        return SCHEDULER_E_GARBAGE;
}

/**
 * scheduler_parse() - what `Get-ADSyncScheduler | ConvertTo-Json` has written
 *
 * Return: 0, SCHEDULER_E_GARBAGE (the diag shows the beginning of it).
 */
int scheduler_parse(const char *data, size_t n, Arena *a, SchedulerState *ret_state, Diag *diag)
{
        SchedulerState state = { 0 };
        json_error_t error;
        json_t *o;
        int r = 0;

        if (n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
                data += 3;
                n -= 3;
        }
        if (n == 0)
                return garbage(a, diag, "the answer is empty", "", 0);
        o = n > SCHEDULER_JSON_MAX ? NULL : json_loadb(data, n, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(o)) {
                json_decref(o);
                return garbage(a, diag, "the answer is not a JSON object", data, n);
        }
        for (size_t i = 0; i < N_ELEMENTS(fields) && r == 0; i++) {
                const json_t *v = json_object_get(o, fields[i].name);

                if ((!v || json_is_null(v)) && fields[i].decides)
                        r = garbage(a, diag, arena_printf(a, "the answer has no %s", fields[i].name), data,
                                    n);
                else if (v && !json_is_null(v) && !read_field(&fields[i], v, &state) && fields[i].decides)
                        r = garbage(a, diag, arena_printf(a, "%s is neither true nor false", fields[i].name),
                                    data, n);
        }
        if (r == 0 && !read_holders(json_object_get(o, "SosyncHolders"), a, &state))
                r = garbage(a, diag, "SosyncHolders is not a list of names", data, n);
        json_decref(o);
        if (r == 0)
                *ret_state = state;
        return r;
}

/* -- printing ------------------------------------------------------------------------------------------ */

/* "d.hh:mm:ss", as .NET writes it; empty: there is none. */
static const char *span_text(int64_t us, char *buf, size_t size)
{
        int64_t s = us / 1000000, d = s / 86400;

        buf[0] = 0;
        if (us && d)
                snprintf(buf, size, "%" PRId64 ".%02d:%02d:%02d", d, (int)(s / 3600 % 24), (int)(s / 60 % 60),
                         (int)(s % 60));
        else if (us)
                snprintf(buf, size, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
        return buf;
}

static const char *field_text(const Field *f, const SchedulerState *state, char *buf, size_t size)
{
        const void *at = (const char *)state + f->offset;
        const char *policy;

        switch (f->kind) {
        case KIND_SPAN:
                return span_text(*(const int64_t *)at, buf, size);
        case KIND_TIME:
                return ((const Wall *)at)->ms ? wall_format(*(const Wall *)at, buf) : "";
        case KIND_BOOL:
                return *(const bool *)at ? "True" : "False";
        case KIND_POLICY:
                policy = *(const char *const *)at;
                return policy ? policy : "";
        }
        return "";
}

void scheduler_print_text(const SchedulerState *state, Str *out)
{
        char buf[64];

        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
                str_printf(out, "%-35s : %s\n", fields[i].name,
                           field_text(&fields[i], state, buf, sizeof(buf)));
        for (size_t i = 0; i < state->n_holders; i++)
                str_printf(out, "%-35s : %s\n", i ? "" : "SosyncHolders", state->holders[i]);
}

void scheduler_print_json(const SchedulerState *state, Str *out)
{
        json_t *o = json_object(), *holders = json_array();
        char buf[64], *text;

        for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
                const char *s = field_text(&fields[i], state, buf, sizeof(buf));

                json_object_set_new(o, fields[i].name,
                                    fields[i].kind == KIND_BOOL ? json_boolean(str_is(s, "True"))
                                    : *s                        ? json_string(s)
                                                                : json_null());
        }
        for (size_t i = 0; i < state->n_holders; i++)
                json_array_append_new(holders, json_string(state->holders[i]));
        json_object_set_new(o, "SosyncHolders", holders);
        text = json_dumps(o, JSON_COMPACT);
        str_add(out, text ? text : "{}");
        free(text);
        json_decref(o);
}
