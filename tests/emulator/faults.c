/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "faults.h"
#include "mem.h"

typedef struct StatusCode StatusCode;

struct StatusCode {
        int status;
        const char *code;
        const char *message;
};

/* What Graph says with each status when the rule names no text of its own */
static const StatusCode statuses[] = {
        { .status = 400,
          .code = "Request_BadRequest",
          .message = "One or more property values specified are invalid." },
        { .status = 401,
          .code = "InvalidAuthenticationToken",
          .message = "Access token validation failure." },
        { .status = 403,
          .code = "Authorization_RequestDenied",
          .message = "Insufficient privileges to complete the operation." },
        { .status = 404, .code = "Request_ResourceNotFound", .message = "Resource does not exist." },
        { .status = 409,
          .code = "Directory_ConcurrencyViolation",
          .message = "The directory object was changed by another request." },
        { .status = 429, .code = "TooManyRequests", .message = "Too many requests." },
        { .status = 500,
          .code = "Service_InternalServerError",
          .message = "Encountered an internal server error." },
        { .status = 503,
          .code = "ServiceNotAvailable",
          .message = "Service is temporarily unavailable. Please wait and retry again." },
        { .status = 504, .code = "UnknownError", .message = "The upstream service did not answer in time." },
};

static const char html_page[] =
        "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1>"
        "<p>The proxy server received an invalid response.</p></body></html>\n";
static const char garbage_bytes[] = "\x00\xff\xfe{{{[[[\"\x80\x81\n\r\t}garbage";

static void fault_deinit(Fault *f)
{
        json_decref(f->rule);
        free(f->method);
        free(f->path);
        free(f->content_type);
        free(f->body);
        free(f->code);
        free(f->message);
        free(f->retry_after);
        *f = (Fault){ 0 };
}

void faults_reset(Faults *faults)
{
        for (size_t i = 0; i < faults->n; ++i)
                fault_deinit(&faults->rules[i]);
        free(faults->rules);
        *faults = (Faults){ .random = faults->random };
}

static char *take_text(const json_t *o, const char *name)
{
        const char *s = json_string_value(json_object_get(o, name));

        return s ? mem_text(s) : NULL;
}

static int64_t take_number(const json_t *o, const char *name, int64_t otherwise)
{
        const json_t *v = json_object_get(o, name);

        return json_is_number(v) ? (int64_t)json_number_value(v) : otherwise;
}

/* A number, a text that is sent as it stands, or "date:N" */
static void take_retry_after(Fault *f, const json_t *v)
{
        char text[64];

        if (json_is_string(v)) {
                f->retry_after = mem_text(json_string_value(v));
                f->wait_s = strtod(f->retry_after + (strncmp(f->retry_after, "date:", 5) ? 0 : 5), NULL);
        } else if (json_is_number(v)) {
                f->wait_s = json_number_value(v);
                snprintf(text, sizeof(text), "%.10g", f->wait_s);
                f->retry_after = mem_text(text);
        }
        /* a date that is not ours, or nonsense, holds nobody; a century is enough for the rest */
        if (!(f->wait_s >= 0 && f->wait_s < 3e9))
                f->wait_s = 0;
}

/* Names that a rule and an action may have; anything else is a mistake in a test and is said so. */
static bool names_known(const json_t *o, const char *const *names, size_t n)
{
        const char *key;
        json_t *v;

        json_object_foreach((json_t *)(uintptr_t)o, key, v)
        {
                size_t i = 0;

                while (i < n && strcmp(names[i], key))
                        ++i;
                if (i == n)
                        return false;
        }
        return true;
}

static bool fault_load(Fault *f, json_t *rule, const char **ret_error)
{
        static const char *const rule_names[] = { "method", "path",        "nth",   "after",
                                                  "count",  "probability", "action" };
        static const char *const action_names[] = { "status",       "code",       "message", "retry_after",
                                                    "body",         "effect",     "reset",   "delay_ms",
                                                    "truncate",     "drip_ms",    "html",    "garbage",
                                                    "content_type", "date_skew_s" };
        const json_t *action = json_object_get(rule, "action"), *v;
        const char *reset = json_string_value(json_object_get(action, "reset"));

        *f = (Fault){ .rule = json_incref(rule) };
        *ret_error = "a rule has the members method, path, nth, after, count, probability and action";
        if (!json_is_object(rule) || !json_is_object(action) ||
            !names_known(rule, rule_names, ARRAY_LENGTH(rule_names)))
                return false;
        *ret_error = "an action has a member that is not known";
        if (!names_known(action, action_names, ARRAY_LENGTH(action_names)))
                return false;
        *ret_error = "reset is \"before\" or \"after\"";
        if (reset && strcmp(reset, "before") && strcmp(reset, "after"))
                return false;
        f->method = take_text(rule, "method");
        f->path = take_text(rule, "path");
        f->nth = (uint64_t)take_number(rule, "nth", 0);
        f->after = (uint64_t)take_number(rule, "after", 0);
        f->count = (uint64_t)take_number(rule, "count", 0);
        v = json_object_get(rule, "probability");
        f->probability = json_is_number(v) ? json_number_value(v) : 1;
        f->status = (int)take_number(action, "status", 0);
        *ret_error = "status is between 200 and 599";
        if (f->status && (f->status < 200 || f->status > 599))
                return false;
        f->effect = json_is_true(json_object_get(action, "effect"));
        f->reset = !reset ? RESET_NONE : !strcmp(reset, "before") ? RESET_BEFORE : RESET_AFTER;
        f->delay_ms = take_number(action, "delay_ms", 0);
        f->truncate = take_number(action, "truncate", -1);
        f->drip_ms = take_number(action, "drip_ms", 0);
        f->date_skew_s = take_number(action, "date_skew_s", 0);
        *ret_error = "delay_ms and drip_ms are between 0 and 600000";
        if (f->delay_ms < 0 || f->delay_ms > 600000 || f->drip_ms < 0 || f->drip_ms > 600000)
                return false;
        f->html = json_is_true(json_object_get(action, "html"));
        f->garbage = json_is_true(json_object_get(action, "garbage"));
        f->content_type = take_text(action, "content_type");
        f->body = take_text(action, "body");
        f->code = take_text(action, "code");
        f->message = take_text(action, "message");
        take_retry_after(f, json_object_get(action, "retry_after"));
        return true;
}

bool faults_load(Faults *faults, const json_t *document, const char **ret_error)
{
        const json_t *rules = json_is_array(document) ? document : json_object_get(document, "rules");
        const json_t *seed = json_object_get(document, "seed");
        size_t n = json_array_size(rules), n_before = faults->n;

        *ret_error = "the body is {\"rules\":[...],\"seed\":1}";
        if (!json_is_array(rules))
                return false;
        if (json_is_integer(seed))
                faults->random.state = (uint64_t)json_integer_value(seed);
        faults->rules = mem_grow(faults->rules, faults->n + n, sizeof(Fault));
        for (size_t i = 0; i < n; ++i) {
                if (fault_load(&faults->rules[faults->n++], json_array_get(rules, i), ret_error))
                        continue;
                while (faults->n > n_before)
                        fault_deinit(&faults->rules[--faults->n]);
                return false;
        }
        return true;
}

void faults_write(const Faults *faults, Text *t)
{
        text_puts(t, "{\"rules\":[");
        for (size_t i = 0; i < faults->n; ++i) {
                text_comma(t);
                text_puts(t, "{\"rule\":");
                text_value(t, faults->rules[i].rule);
                text_printf(t, ",\"matched\":%llu,\"fired\":%llu}",
                            (unsigned long long)faults->rules[i].n_matched,
                            (unsigned long long)faults->rules[i].n_fired);
        }
        text_puts(t, "]}");
}

static bool fault_fires(Faults *faults, Fault *f)
{
        ++f->n_matched;
        if (f->n_matched <= f->after || (f->nth && f->n_matched != f->nth) ||
            (f->count && f->n_fired >= f->count))
                return false;
        if (f->probability < 1 && random_fraction(&faults->random) >= f->probability)
                return false;
        ++f->n_fired;
        return true;
}

const Fault *faults_match(Faults *faults, const char *method, const char *target)
{
        _cleanup_(mem_freep) char *path = faults->n ? mem_part(target, strcspn(target, "?")) : NULL;

        for (size_t i = 0; i < faults->n; ++i) {
                Fault *f = &faults->rules[i];

                if (f->method && strcmp(f->method, "*") && strcasecmp(f->method, method))
                        continue;
                if (f->path && fnmatch(f->path, path, FNM_NOESCAPE) && strcmp(f->path, path))
                        continue;
                if (fault_fires(faults, f))
                        return f;
        }
        return NULL;
}

bool fault_has_effect(const Fault *f)
{
        if (f->reset == RESET_BEFORE)
                return false;
        return f->effect || f->reset == RESET_AFTER || (!f->status && !f->html && !f->garbage && !f->body);
}

static void fault_retry_after(const Fault *f, const Call *call, Answer *answer)
{
        time_t when;
        char date[64];
        struct tm tm;

        if (!f->retry_after)
                return;
        if (strncmp(f->retry_after, "date:", 5)) {
                answer_header(answer, "Retry-After", "%s", f->retry_after);
                return;
        }
        when = (time_t)(call->wall_ms / 1000 + (int64_t)f->wait_s);
        gmtime_r(&when, &tm);
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        answer_header(answer, "Retry-After", "%s", date);
}

static void fault_status(const Fault *f, const Call *call, Answer *answer)
{
        const StatusCode *known = NULL;
        bool changed = answer->changed;

        for (size_t i = 0; i < ARRAY_LENGTH(statuses); ++i) {
                if (statuses[i].status == f->status)
                        known = &statuses[i];
        }
        answer_deinit(answer);
        answer->changed = changed;
        answer->throttled = f->status == 429;
        fault_retry_after(f, call, answer);
        if (f->status >= 400 && !f->body && !f->html && !f->garbage)
                answer_error(answer, f->status,
                             f->code ? f->code
                             : known ? known->code
                                     : "UnknownError",
                             "%s",
                             f->message ? f->message
                             : known    ? known->message
                                        : "");
        answer_finish(answer, call);
        answer->status = f->status;
}

static void set_body(Answer *answer, const char *data, size_t n, const char *type)
{
        answer->failed = false;
        answer->content_type = type;
        text_reset(&answer->body);
        text_add(&answer->body, data, n);
}

void fault_apply(const Fault *f, const Call *call, Answer *answer)
{
        answer->delay_ms += f->delay_ms;
        if (f->status)
                fault_status(f, call, answer);
        else if (!fault_has_effect(f))
                answer->status = 200;
        if (f->html)
                set_body(answer, html_page, sizeof(html_page) - 1, "text/html");
        if (f->garbage)
                set_body(answer, garbage_bytes, sizeof(garbage_bytes) - 1, NULL);
        if (f->body)
                set_body(answer, f->body, strlen(f->body), NULL);
        if (f->content_type)
                answer->content_type = f->content_type;
        if (f->truncate >= 0 && (size_t)f->truncate < answer->body.n)
                answer->body.n = (size_t)f->truncate;
        if (f->date_skew_s) {
                time_t when = (time_t)(call->wall_ms / 1000 + f->date_skew_s);
                char date[64];
                struct tm tm;

                gmtime_r(&when, &tm);
                strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
                answer_header(answer, "Date", "%s", date);
        }
}
