/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "answer.h"
#include "call.h"

void answer_deinit(Answer *answer)
{
        for (size_t i = 0; i < answer->n_headers; ++i)
                free(answer->headers[i].value);
        text_deinit(&answer->body);
        text_deinit(&answer->message);
        text_deinit(&answer->details);
        *answer = (Answer){ 0 };
}

void answer_header(Answer *answer, const char *name, const char *format, ...)
{
        va_list args;
        char *value;
        int n;

        va_start(args, format);
        n = vasprintf(&value, format, args);
        va_end(args);
        if (n < 0 || answer->n_headers == ANSWER_HEADERS)
                abort();
        answer->headers[answer->n_headers++] = (Header){ .name = name, .value = value };
}

void answer_error(Answer *answer, int status, const char *code, const char *format, ...)
{
        _cleanup_(mem_freep) char *message = NULL;
        va_list args;
        int n;

        if (answer->failed)
                return;
        va_start(args, format);
        n = vasprintf(&message, format, args);
        va_end(args);
        if (n < 0)
                abort();
        answer->failed = true;
        answer->status = status;
        answer->code = code;
        text_puts(&answer->message, message);
}

void answer_detail(Answer *answer, const char *code, const char *target, const char *format, ...)
{
        _cleanup_(mem_freep) char *message = NULL;
        Text *t = &answer->details;
        va_list args;
        int n;

        va_start(args, format);
        n = vasprintf(&message, format, args);
        va_end(args);
        if (n < 0)
                abort();
        if (t->n)
                text_puts(t, ",");
        text_puts(t, "{");
        text_key(t, "code");
        text_json(t, code);
        text_key(t, "message");
        text_json(t, message);
        text_key(t, "target");
        text_json(t, target);
        text_puts(t, "}");
}

void answer_not_found(Answer *answer, const char *id)
{
        answer_error(answer, 404, "Request_ResourceNotFound",
                     "Resource '%s' does not exist or one of its queried reference-property objects are not "
                     "present.",
                     id);
}

void answer_no_content(Answer *answer)
{
        text_reset(&answer->body);
        answer->status = 204;
}

void answer_time(int64_t wall_ms, char *ret)
{
        time_t seconds = (time_t)(wall_ms / 1000);
        struct tm tm;

        gmtime_r(&seconds, &tm);
        strftime(ret, 32, "%Y-%m-%dT%H:%M:%S", &tm);
}

void answer_stamp(int64_t wall_ms, char *ret)
{
        answer_time(wall_ms, ret);
        memcpy(ret + strlen(ret), "Z", 2);
}

void answer_finish(Answer *answer, const Call *call)
{
        Text *t = &answer->body;
        char date[32];

        if (!answer->failed)
                return;
        answer_time(call->wall_ms, date);
        text_reset(t);
        text_puts(t, "{\"error\":{");
        text_key(t, "code");
        text_json(t, answer->code);
        text_key(t, "message");
        text_json_n(t, answer->message.data, answer->message.n);
        if (answer->details.n) {
                text_key(t, "details");
                text_puts(t, "[");
                text_add(t, answer->details.data, answer->details.n);
                text_puts(t, "]");
        }
        text_key(t, "innerError");
        text_puts(t, "{");
        text_key(t, "date");
        text_json(t, date);
        text_key(t, "request-id");
        text_json(t, call->request_id);
        text_key(t, "client-request-id");
        text_json(t, call->client_request_id ? call->client_request_id : call->request_id);
        text_puts(t, "}}}");
}
