/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/test-script.h"

#include "base/str.h"

#include <string.h>
#include <unistd.h>

void script_reply(HttpRequest *r, int status, const char *body)
{
        r->sent = true;
        r->answer.status = status;
        snprintf(r->answer.request_id, sizeof(r->answer.request_id), "request-id");
        if (body) {
                snprintf(r->answer.content_type, sizeof(r->answer.content_type),
                         "application/json;odata=minimal");
                r->answer.body = strdup(body);
                r->answer.n_body = strlen(body);
        }
}

static void reply_step(HttpRequest *r, const ScriptStep *step)
{
        if (step->status == 0) {
                r->sent = !step->unsent;
                snprintf(r->error, sizeof(r->error), "a step of the script");
                return;
        }
        script_reply(r, step->status, step->body);
        if (step->content_type)
                snprintf(r->answer.content_type, sizeof(r->answer.content_type), "%s", step->content_type);
        snprintf(r->answer.retry_after, sizeof(r->answer.retry_after), "%s", step->retry_after ?: "");
        snprintf(r->answer.throttle_scope, sizeof(r->answer.throttle_scope), "%s", step->scope ?: "");
        snprintf(r->answer.throttle_percentage, sizeof(r->answer.throttle_percentage), "%s",
                 step->percentage ?: "");
        snprintf(r->answer.resource_unit, sizeof(r->answer.resource_unit), "%s", step->unit ?: "");
}

static const ScriptRequest *keep(Script *s, const HttpRequest *r)
{
        ScriptRequest *kept = &s->requests[s->n_requests++];

        assert_true(s->n_requests < SCRIPT_REQUESTS_MAX);
        assert_true(str_starts(r->url, SCRIPT_BASE));
        kept->method = arena_strdup(s->arena, r->method);
        kept->url = arena_strdup(s->arena, r->url + strlen(SCRIPT_BASE));
        kept->body = r->body ? arena_strndup(s->arena, r->body, r->n_body) : NULL;
        kept->n_headers = r->n_headers;
        for (size_t i = 0; i < r->n_headers; ++i)
                kept->headers[i] = arena_strdup(s->arena, r->headers[i]);
        return kept;
}

static bool url_is(const char *url, const char *expected)
{
        size_t n = strlen(expected);

        return n > 0 && expected[n - 1] == '*' ? strncmp(url, expected, n - 1) == 0
                                               : strcmp(url, expected) == 0;
}

static void submit(Http *http, HttpRequest *r)
{
        Script *s = (Script *)http;
        const ScriptRequest *kept;
        const ScriptStep *step;
        HttpEnd end = HTTP_ANSWERED;

        r->left = r->answered = s->clock.mono;
        if (strstr(r->url, "/oauth2/v2.0/token")) {
                ++s->n_tokens;
                script_reply(
                        r, 200,
                        arena_printf(
                                s->arena,
                                "{\"token_type\":\"Bearer\",\"expires_in\":%d,\"access_token\":\"t%zu\"}",
                                (int)s->token_life_s, s->n_tokens));
                http_finish(r, HTTP_ANSWERED);
                return;
        }
        kept = keep(s, r);
        if (s->answer) {
                s->answer(s, r, kept);
        } else {
                if (s->at == s->n_steps)
                        fail_msg("not in the script: %s %s", kept->method, kept->url);
                step = &s->steps[s->at++];
                if (strcmp(kept->method, step->method) != 0 || !url_is(kept->url, step->url))
                        fail_msg("%s %s instead of %s %s", kept->method, kept->url, step->method, step->url);
                reply_step(r, step);
                end = step->end;
        }
        http_finish(r, end);
}

static void stop(Http *http, bool all)
{
}

static Http *free_nothing(Http *http)
{
        return NULL;
}

static const HttpOps script_ops = { .submit = submit, .stop = stop, .free = free_nothing };

int script_setup(void **state)
{
        Script *s = calloc(1, sizeof(*s));
        int fd;

        s->http.ops = &script_ops;
        s->arena = arena_new(0);
        clock_fake_init(&s->clock, (Mono){ 1000000000 }, (Wall){ 1795338130000 });
        s->token_life_s = 3599;
        snprintf(s->secret_file, sizeof(s->secret_file), "/tmp/sosync-test-secret-XXXXXX");
        fd = mkstemp(s->secret_file);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "hush\n", 5), 5);
        close(fd);
        s->credential.secret_file = s->secret_file;
        s->options = (GraphOptions){
                .tenant_id = "11111111-2222-3333-4444-555555555555",
                .client_id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
                .credentials = { .items = &s->credential, .n_items = 1 },
                .endpoints = { .login = "https://login.test", .graph = SCRIPT_BASE },
                .limits = { .share = 1, .urgent_reserve = 0.1, .time_scale = 1, .published = true },
                .timeout_us = 30000000,
        };
        s->target = target_graph_with(&s->http, &s->options, &s->clock.clock, NULL);
        *state = s;
        return 0;
}

int script_teardown(void **state)
{
        Script *s = *state;

        target_free(s->target);
        unlink(s->secret_file);
        arena_free(s->arena);
        diag_deinit(&s->diag);
        free(s);
        return 0;
}

void script_steps(Script *s, const ScriptStep *steps, size_t n)
{
        script_done(s);
        s->steps = arena_memdup(s->arena, steps, n * sizeof(*steps));
        s->n_steps = n;
        s->at = 0;
        s->n_requests = 0;
}

void script_done(Script *s)
{
        if (s->at != s->n_steps)
                fail_msg("was not asked: %s %s", s->steps[s->at].method, s->steps[s->at].url);
}

Call *script_call(Script *s)
{
        s->call = (Call){
                .lane = LANE_NORMAL,
                .now = s->clock.mono,
                .deadline = mono_add(s->clock.mono, 10000000),
                .run_id = "run",
                .arena = s->arena,
        };
        return &s->call;
}

json_t *script_body(const ScriptRequest *r)
{
        json_error_t error;
        json_t *json = json_loads(r->body ? r->body : "", 0, &error);

        if (!json)
                fail_msg("%s: %s", error.text, r->body);
        return json;
}

const char *script_header(const ScriptRequest *r, const char *name)
{
        size_t n = strlen(name);

        for (size_t i = 0; i < r->n_headers; ++i) {
                if (strncasecmp(r->headers[i], name, n) == 0 && r->headers[i][n] == ':')
                        return r->headers[i] + n + (r->headers[i][n + 1] == ' ' ? 2 : 1);
        }
        return NULL;
}
