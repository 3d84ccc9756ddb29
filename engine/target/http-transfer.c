/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/http-transfer.h"

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MAX_MS 10000
/* The longest Retry-After that is obeyed as it is: whoever says more is asked again after an hour. */
#define RETRY_MAX INT64_C(3600000000)

typedef struct WantedHeader WantedHeader;

struct WantedHeader {
        const char *name;
        size_t offset;
        size_t size;
};

#define WANTED(text, field)                                            \
        {                                                              \
                .name = (text), .offset = offsetof(HttpAnswer, field), \
                .size = sizeof(((HttpAnswer *)NULL)->field)            \
        }

static const WantedHeader wanted[] = {
        WANTED("content-type", content_type),
        WANTED("date", date),
        WANTED("request-id", request_id),
        WANTED("retry-after", retry_after),
        WANTED("x-ms-resource-unit", resource_unit),
        WANTED("x-ms-throttle-limit-percentage", throttle_percentage),
        WANTED("x-ms-throttle-scope", throttle_scope),
};

static void keep_header(HttpAnswer *answer, const char *line, size_t n)
{
        const char *colon = memchr(line, ':', n);
        size_t name = colon ? (size_t)(colon - line) : 0;

        for (size_t i = 0; name > 0 && i < N_ELEMENTS(wanted); ++i) {
                char *field = (char *)answer + wanted[i].offset;
                const char *value = colon + 1, *end = line + n;

                if (strlen(wanted[i].name) != name || strncasecmp(line, wanted[i].name, name) != 0)
                        continue;
                while (value < end && (*value == ' ' || *value == '\t'))
                        ++value;
                while (end > value && (unsigned char)end[-1] <= ' ')
                        --end;
                n = (size_t)(end - value) < wanted[i].size ? (size_t)(end - value) : wanted[i].size - 1;
                memcpy(field, value, n);
                field[n] = '\0';
                return;
        }
}

static size_t on_header(char *data, size_t size, size_t n, void *context)
{
        HttpRequest *r = context;

        n *= size;
        /* A new status line: what came before was an interim answer (1xx). */
        if (n > 5 && strncasecmp(data, "HTTP/", 5) == 0) {
                for (size_t i = 0; i < N_ELEMENTS(wanted); ++i)
                        ((char *)&r->answer)[wanted[i].offset] = '\0';
                return n;
        }
        keep_header(&r->answer, data, n);
        return n;
}

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
        HttpRequest *r = context;
        HttpAnswer *answer = &r->answer;

        n *= size;
        if (n > r->answer_max - answer->n_body) {
                r->too_large = true;
                return 0; /* libcurl ends the transfer */
        }
        if (answer->n_body + n + 1 > r->size_body) {
                size_t larger = r->size_body ? r->size_body * 2 : 4096;

                while (larger < answer->n_body + n + 1)
                        larger *= 2;
                answer->body = realloc(answer->body, larger);
                if (!answer->body)
                        error_oom(larger);
                r->size_body = larger;
        }
        memcpy(answer->body + answer->n_body, data, n);
        answer->n_body += n;
        answer->body[answer->n_body] = '\0';
        return n;
}

/* Before libcurl sends it: once, and not again on another connection (see http.h). */
static int on_begin(void *context, char *server, char *own, int server_port, int own_port)
{
        HttpRequest *r = context;

        if (r->begun)
                return CURL_PREREQFUNC_ABORT;
        r->begun = true;
        return CURL_PREREQFUNC_OK;
}

static void set_method(HttpRequest *r)
{
        CURL *c = r->curl;

        if (strcmp(r->method, "GET") == 0) {
                curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
                return;
        }
        if (r->body || strcmp(r->method, "POST") == 0) {
                curl_easy_setopt(c, CURLOPT_POST, 1L);
                /* A body in memory leaves together with its head. */
                curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n_body);
                curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body ? r->body : "");
                curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_begin);
                curl_easy_setopt(c, CURLOPT_PREREQDATA, r);
        }
        if (strcmp(r->method, "POST") != 0)
                curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_tls(HttpRequest *r, const HttpOptions *o)
{
        CURL *c = r->curl;

        /* Plain HTTP is allowed to loopback addresses only (graph_check), where no proxy has any business. */
        if (str_starts(r->url, "http:")) {
                curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
                curl_easy_setopt(c, CURLOPT_PROXY, "");
                curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
                return;
        }
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
        curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
        curl_easy_setopt(c, CURLOPT_PIPEWAIT, 1L); /* share a connection rather than open many at once */
        curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
        if (o->ca_file)
                curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_file);
        if (o->proxy)
                curl_easy_setopt(c, CURLOPT_PROXY, o->proxy);
}

static long ms_until(Mono deadline, Mono now)
{
        int64_t us = deadline.us > now.us ? deadline.us - now.us : 0;

        return us / 1000 > 86400000 ? 86400000 : (long)(us / 1000) + 1;
}

void http_transfer_prepare(HttpRequest *r, const HttpOptions *o, Mono now)
{
        CURL *c = r->curl;
        long ms = ms_until(r->deadline, now);

        for (size_t i = 0; i < r->n_headers; ++i) {
                const union {
                        const char *ours;
                        char *theirs; /* libcurl only reads it */
                } line = { .ours = r->headers[i] };

                r->header_nodes[i].data = line.theirs;
                r->header_nodes[i].next = i + 1 < r->n_headers ? &r->header_nodes[i + 1] : NULL;
        }
        r->answer_max = o->answer_max;
        curl_easy_setopt(c, CURLOPT_URL, r->url);
        curl_easy_setopt(c, CURLOPT_PRIVATE, r);
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->error);
        curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ms);
        curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, ms < CONNECT_MAX_MS ? ms : CONNECT_MAX_MS);
        curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, r->fresh ? 1L : 0L);
        if (r->n_headers > 0)
                curl_easy_setopt(c, CURLOPT_HTTPHEADER, &r->header_nodes[0]);
        set_tls(r, o);
        set_method(r);
}

static HttpEnd end_of(const HttpRequest *r, CURLcode code)
{
        switch (code) {
        case CURLE_OK:
                return HTTP_ANSWERED;
        case CURLE_WRITE_ERROR:          /* on_body: larger than allowed */
        case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: bytes without a status line */
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
                return r->sent ? HTTP_GARBAGE : HTTP_UNREACHABLE;
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
        case CURLE_PARTIAL_FILE:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_OPERATION_TIMEDOUT:
                if (r->answer.status < 200)
                        break;
                /*
                 * A server may answer before it has read the whole body and reset the stream: over HTTP/2
                 * libcurl 7.88 then reports an error although a 204 has arrived, which has no body to wait
                 * for.
                 */
                return r->answer.status == 204 ? HTTP_ANSWERED : HTTP_CUT;
        default:
                break;
        }
        return r->sent ? HTTP_LOST : HTTP_UNREACHABLE;
}

void http_transfer_translate(HttpRequest *r, CURLcode code)
{
        long status = 0, connect_status = 0, request_size = 0;
        curl_off_t began = 0;

        curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(r->curl, CURLINFO_HTTP_CONNECTCODE, &connect_status);
        curl_easy_getinfo(r->curl, CURLINFO_REQUEST_SIZE, &request_size);
        curl_easy_getinfo(r->curl, CURLINFO_PRETRANSFER_TIME_T, &began);
        r->answer.status = (int)status;
        /* The size counts the CONNECT to a proxy too; the time is set when the request itself begins. */
        r->sent = request_size > 0 && began > 0;
        r->end = end_of(r, code);
        if (r->too_large)
                snprintf(r->error, sizeof(r->error), "the answer is larger than %zu bytes", r->answer_max);
        else if (!r->sent && connect_status / 100 > 2)
                snprintf(r->error, sizeof(r->error), "the proxy answers %ld", connect_status);
        else if (code != CURLE_OK && r->error[0] == '\0')
                snprintf(r->error, sizeof(r->error), "%s", curl_easy_strerror(code));
}

/* Digits, and perhaps a fraction: a sample of the documentation shows 2.128. */
static int64_t seconds_of(const char *s)
{
        int64_t us = 0, scale = 1000000;

        if (*s < '0' || *s > '9')
                return -1;
        for (; *s >= '0' && *s <= '9'; ++s) {
                us = us * 10 + (*s - '0') * INT64_C(1000000);
                if (us > RETRY_MAX)
                        us = RETRY_MAX;
        }
        if (*s == '.') {
                for (++s; *s >= '0' && *s <= '9'; ++s) {
                        scale /= 10;
                        us += (*s - '0') * scale;
                }
        }
        return *s ? -1 : us;
}

int64_t http_retry_after(const char *value, const char *date, Wall now)
{
        int64_t us = seconds_of(value);
        time_t at, from;

        if (us >= 0)
                return us < RETRY_MAX ? us : RETRY_MAX;
        at = value[0] ? curl_getdate(value, NULL) : -1;
        if (at < 0)
                return -1;
        from = date && date[0] ? curl_getdate(date, NULL) : -1;
        if (from < 0)
                from = (time_t)(now.ms / 1000);
        if (at <= from)
                return 0;
        return at - from > RETRY_MAX / 1000000 ? RETRY_MAX : (at - from) * INT64_C(1000000);
}
