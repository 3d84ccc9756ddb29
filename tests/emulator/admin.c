/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "admin.h"
#include "mem.h"

typedef struct AdminRow AdminRow;

struct AdminRow {
        Method method;
        const char *name;
        bool body; /* a JSON body is needed */
        void (*handle)(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait);
};

static void refuse(Answer *answer, const char *message)
{
        answer_error(answer, 400, "BadRequest", "%s", message);
}

static void done(Answer *answer)
{
        answer->status = 200;
        if (!answer->body.n)
                text_puts(&answer->body, "{}");
}

static int64_t number_option(const Call *call, const char *name, int64_t otherwise)
{
        const char *value = call_option(call, name);

        return value ? strtoll(value, NULL, 10) : otherwise;
}

static bool flag_option(const Call *call, const char *name)
{
        const char *value = call_option(call, name);

        return value && (!strcmp(value, "true") || !strcmp(value, "1"));
}

static void get_state(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        state_write(&emulator->store, &answer->body);
        done(answer);
}

static void get_journal(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        int64_t limit = number_option(call, "limit", 10000), min = number_option(call, "min", 1);

        *wait = (AdminWait){
                .wanted = true,
                .filter.after = (uint64_t)number_option(call, "after", 0),
                .filter.method = call_option(call, "method"),
                .filter.path = call_option(call, "path"),
                .filter.changed = flag_option(call, "changed"),
                .min = min > 0 ? (size_t)min : 0,
                .limit = limit > 0 ? (size_t)limit : 0,
                .wait_ms = number_option(call, "wait_ms", 0),
        };
}

static void delete_journal(Emulator *emulator, Call *call, const json_t *body, Answer *answer,
                           AdminWait *wait)
{
        journal_clear(&emulator->journal);
        done(answer);
}

static void get_faults(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        faults_write(&emulator->faults, &answer->body);
        done(answer);
}

static void post_faults(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        const char *error;

        if (!faults_load(&emulator->faults, body, &error))
                refuse(answer, error);
        else
                get_faults(emulator, call, body, answer, wait);
}

static void delete_faults(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        faults_reset(&emulator->faults);
        done(answer);
}

static const char *const retry_forms[] = {
        [RETRY_AUTO] = "auto", [RETRY_SECONDS] = "seconds", [RETRY_FRACTION] = "fraction",
        [RETRY_DATE] = "date", [RETRY_NONE] = "none",
};

static void get_limits(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        const Limits *l = &emulator->limits;
        Text *t = &answer->body;

        text_printf(t,
                    "{\"enabled\":%s,\"tenant_size\":\"%c\",\"time_scale\":%.10g,\"other_share\":%.10g,"
                    "\"retry_after\":\"%s\","
                    "\"grace_ms\":%lld,\"buckets\":[",
                    l->on ? "true" : "false", l->tenant_size, l->scale, l->other_share,
                    retry_forms[l->retry_form], (long long)(l->grace_us / 1000));
        for (size_t i = 0; i < LIMITS_BUCKETS; ++i) {
                text_comma(t);
                text_printf(t,
                            "{\"scope\":\"%s\",\"limit\":\"%s\",\"capacity\":%.10g,\"window_s\":%.10g,"
                            "\"level\":%.3f}",
                            l->buckets[i].scope, l->buckets[i].limit, l->buckets[i].capacity,
                            l->buckets[i].window_s, l->buckets[i].level);
        }
        text_puts(t, "]}");
        done(answer);
}

/* All members are optional; every post fills the buckets and ends the holds. */
static void post_limits(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        const char *size = json_string_value(json_object_get(body, "tenant_size"));
        const char *form = json_string_value(json_object_get(body, "retry_after"));
        const json_t *scale = json_object_get(body, "time_scale"),
                     *share = json_object_get(body, "other_share");
        const json_t *on = json_object_get(body, "enabled"), *grace = json_object_get(body, "grace_ms");
        Limits limits = emulator->limits;
        size_t i = 0;

        while (form && i < ARRAY_LENGTH(retry_forms) && strcmp(form, retry_forms[i]))
                ++i;
        if ((size && (strlen(size) != 1 || !strchr("SML", *size))) ||
            (form && i == ARRAY_LENGTH(retry_forms)) || (scale && !(json_number_value(scale) > 0)) ||
            (share && !(json_number_value(share) >= 0 && json_number_value(share) < 1))) {
                refuse(answer, "tenant_size is S, M or L; time_scale > 0; 0 <= other_share < 1; retry_after "
                               "is auto, seconds, "
                               "fraction, date or none");
                return;
        }
        limits.on = on ? json_is_true(on) : limits.on;
        limits.tenant_size = size ? *size : limits.tenant_size;
        limits.scale = scale ? json_number_value(scale) : limits.scale;
        limits.other_share = share ? json_number_value(share) : limits.other_share;
        limits.retry_form = form ? (RetryForm)i : limits.retry_form;
        limits.grace_us = grace ? (int64_t)(json_number_value(grace) * 1000) : limits.grace_us;
        limits_start(&limits, call->now_us);
        emulator->limits = limits;
        get_limits(emulator, call, body, answer, wait);
}

static void post_objects(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        objects_post(emulator, body, call->wall_ms, answer);
}

static void post_latency(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        json_int_t min = json_integer_value(json_object_get(body, "min_ms"));
        const json_t *v = json_object_get(body, "max_ms");
        json_int_t max = v ? json_integer_value(v) : min;

        if (min < 0 || max < min || max > 600000) {
                refuse(answer,
                       "the body is {\"min_ms\":N,\"max_ms\":N}, with 0 <= min_ms <= max_ms <= 600000");
                return;
        }
        emulator->latency_min_ms = min;
        emulator->latency_max_ms = max;
        done(answer);
}

/* The registered application: {"secret":"...","secret_expired":bool,"roles":["..."],"token_lifetime_s":N} */
static void post_app(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        const char *secret = json_string_value(json_object_get(body, "secret"));
        const json_t *expired = json_object_get(body, "secret_expired"),
                     *lifetime = json_object_get(body, "token_lifetime_s");
        json_t *roles = json_object_get(body, "roles");
        Authority *a = &emulator->authority;

        if (roles && !json_is_array(roles)) {
                refuse(answer, "roles is a list of permission names");
                return;
        }
        if (secret) {
                free(a->secret);
                a->secret = mem_text(secret);
                a->secret_expired = false;
        }
        if (expired)
                a->secret_expired = json_is_true(expired);
        if (lifetime)
                a->lifetime_s = json_integer_value(lifetime);
        if (roles) {
                json_decref(a->roles);
                a->roles = json_incref(roles);
        }
        done(answer);
}

/* {"age_ms":N,"app":NAME|null}: how the audit log shows what was written */
static void post_audits(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        const json_t *age = json_object_get(body, "age_ms"), *app = json_object_get(body, "app");

        if ((age && !json_is_integer(age)) || (app && !json_is_string(app) && !json_is_null(app))) {
                refuse(answer, "age_ms is a number of milliseconds, app a name or null");
                return;
        }
        if (age)
                emulator->audit_age_ms = json_integer_value(age);
        if (app) {
                free(emulator->audit_app);
                emulator->audit_app = json_is_string(app) ? mem_text(json_string_value(app)) : NULL;
        }
        done(answer);
}

/* {"delay_ms":N}: reads show what was there so long ago; 0: what is */
static void post_replication(Emulator *emulator, Call *call, const json_t *body, Answer *answer,
                             AdminWait *wait)
{
        const json_t *v = json_object_get(body, "delay_ms");

        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 600000) {
                refuse(answer, "the body is {\"delay_ms\":N}, with 0 <= delay_ms <= 600000");
                return;
        }
        replica_set(&emulator->replica, &emulator->store, json_integer_value(v) * 1000);
        replica_advance(&emulator->replica, call->now_us);
        done(answer);
}

/* {"skew_s":N}: our clock is so much ahead of the real one (behind: below 0), in dates, tokens and stamps */
static void post_clock(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        const json_t *v = json_object_get(body, "skew_s");

        if (!json_is_integer(v) || llabs(json_integer_value(v)) > 10 * 365 * INT64_C(86400)) {
                refuse(answer, "the body is {\"skew_s\":N}, of at most ten years");
                return;
        }
        emulator->skew_ms = json_integer_value(v) * 1000;
        done(answer);
}

/* As if seven days had passed: every token of a delta query has expired. {"status":400|410} */
static void post_delta(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        json_int_t status = json_integer_value(json_object_get(body, "status"));

        if (status && status != 400 && status != 410) {
                refuse(answer, "the body is {\"status\":400} or {\"status\":410}");
                return;
        }
        ++emulator->delta_epoch;
        emulator->delta_bad_request = status == 400;
        done(answer);
}

static void post_reset(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        emulator_reset(emulator, call->now_us);
        journal_clear(&emulator->journal);
        done(answer);
}

static void get_health(Emulator *emulator, Call *call, const json_t *body, Answer *answer, AdminWait *wait)
{
        const Journal *j = &emulator->journal;
        const Store *s = &emulator->store;

        text_printf(&answer->body,
                    "{\"ok\":true,\"generation\":%llu,\"users\":%u,\"groups\":%u,\"deleted\":%u,\"requests\":"
                    "%llu,\"writes\":%llu,"
                    "\"changed\":%llu,\"throttled\":%llu,\"hold_violations\":%llu,\"time_us\":%lld}",
                    (unsigned long long)s->generation, s->users.n, s->groups.n, s->deleted.n,
                    (unsigned long long)j->last, (unsigned long long)j->n_writes,
                    (unsigned long long)j->n_changed, (unsigned long long)j->n_throttled,
                    (unsigned long long)j->n_violations, (long long)call->now_us);
        done(answer);
}

#define ROW(m, n, b, h)                                                 \
        {                                                               \
                .method = METHOD_##m, .name = n, .body = b, .handle = h \
        }

static const AdminRow rows[] = {
        ROW(GET, "health", false, get_health),       ROW(GET, "state", false, get_state),
        ROW(GET, "journal", false, get_journal),     ROW(DELETE, "journal", false, delete_journal),
        ROW(GET, "faults", false, get_faults),       ROW(POST, "faults", true, post_faults),
        ROW(DELETE, "faults", false, delete_faults), ROW(GET, "limits", false, get_limits),
        ROW(POST, "limits", true, post_limits),      ROW(POST, "objects", true, post_objects),
        ROW(POST, "latency", true, post_latency),    ROW(POST, "app", true, post_app),
        ROW(POST, "delta", true, post_delta),        ROW(POST, "audits", true, post_audits),
        ROW(POST, "reset", false, post_reset),       ROW(POST, "replication", true, post_replication),
        ROW(POST, "clock", true, post_clock),
};

static void handle_row(const AdminRow *row, Emulator *emulator, Call *call, Answer *answer, AdminWait *wait)
{
        _cleanup_(mem_json_freep) json_t *body =
                row->body ? json_loadb(call->body, call->n_body, 0, NULL) : NULL;

        if (row->body && !json_is_object(body) && !json_is_array(body))
                refuse(answer, "the body is not JSON");
        else
                row->handle(emulator, call, body, answer, wait);
}

/* {"error":"..."}: an admin error is for a person who writes a test */
static void finish(Answer *answer)
{
        if (!answer->failed)
                return;
        text_reset(&answer->body);
        text_puts(&answer->body, "{\"error\":");
        text_json(&answer->body, answer->message.data);
        text_puts(&answer->body, "}");
}

void admin_handle(Emulator *emulator, Call *call, Answer *answer, AdminWait *ret_wait)
{
        int r = call_parse_target(call, call->target);
        const AdminRow *row = NULL;

        *ret_wait = (AdminWait){ 0 };
        replica_advance(&emulator->replica, call->now_us);
        for (size_t i = 0; !r && i < ARRAY_LENGTH(rows); ++i) {
                if (call->n_segments == 2 && call_is(call, 1, rows[i].name) && rows[i].method == call->method)
                        row = &rows[i];
        }
        if (row)
                handle_row(row, emulator, call, answer, ret_wait);
        else
                refuse(answer, "no such admin endpoint; README.md has the list");
        finish(answer);
}
