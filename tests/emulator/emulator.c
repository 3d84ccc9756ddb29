/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <strings.h>
#include <time.h>

#include "assertion.h"
#include "emulator.h"
#include "mem.h"
#include "roles.h"
#include "route.h"

static void emulator_start(Emulator *emulator, int64_t now_us)
{
        const Options *o = emulator->options;

        store_init(&emulator->store);
        emulator->domains = json_array();
        json_array_append_new(emulator->domains, json_string(o->initial_domain));
        json_array_extend(emulator->domains, o->domains);
        emulator->organization = json_object();
        emulator->assignments = json_array();
        emulator->jobs = json_array();
        emulator->planted = json_array();
        emulator->n_provisioned = 0;
        emulator->authority.tenant = o->tenant;
        emulator->authority.client_id = o->client_id;
        emulator->authority.domains = emulator->domains;
        emulator->authority.secret = mem_text(o->secret);
        emulator->authority.secret_expired = false;
        emulator->authority.roles = json_copy(o->roles);
        emulator->authority.lifetime_s = o->token_lifetime_s;
        emulator->audit_age_ms = 0;
        emulator->skew_ms = 0;
        emulator->latency_min_ms = o->latency_min_ms;
        emulator->latency_max_ms = o->latency_max_ms;
        emulator->limits = (Limits){ .tenant_size = 'L', .scale = 1, .grace_us = 100000 };
        limits_start(&emulator->limits, now_us);
        emulator->faults.random.state = 1;
}

static void emulator_stop(Emulator *emulator)
{
        replica_set(&emulator->replica, &emulator->store, 0);
        store_deinit(&emulator->store);
        faults_reset(&emulator->faults);
        json_decref(emulator->domains);
        json_decref(emulator->organization);
        json_decref(emulator->assignments);
        json_decref(emulator->jobs);
        json_decref(emulator->planted);
        free(emulator->audit_app);
        emulator->audit_app = NULL;
        free(emulator->authority.secret);
        json_decref(emulator->authority.roles);
        emulator->authority.secret = NULL;
        emulator->authority.roles = NULL;
}

void emulator_init(Emulator *emulator, const Options *options, int64_t now_us)
{
        *emulator = (Emulator){ .options = options, .random.state = (uint64_t)options->seed };
        authority_init(&emulator->authority);
        if (options->certificate)
                emulator->authority.certificate = assertion_certificate(options->certificate);
        emulator->authority.federated = options->federated_token;
        emulator_start(emulator, now_us);
}

void emulator_deinit(Emulator *emulator)
{
        emulator_stop(emulator);
        authority_deinit(&emulator->authority);
        journal_deinit(&emulator->journal);
}

void emulator_reset(Emulator *emulator, int64_t now_us)
{
        uint64_t generation = emulator->store.generation + 1;

        emulator_stop(emulator);
        ++emulator->delta_epoch;
        emulator->delta_bad_request = false;
        emulator_start(emulator, now_us);
        emulator->store.generation = generation;
}

bool emulator_domain_is_verified(const Emulator *emulator, const char *domain)
{
        for (size_t i = 0; i < json_array_size(emulator->domains); ++i) {
                if (!strcasecmp(json_string_value(json_array_get(emulator->domains, i)), domain))
                        return true;
        }
        return false;
}

static bool check_target(Call *call, Answer *answer)
{
        static const char *const messages[] = {
                [CALL_E_ENCODING] =
                        "The request URL is not valid: a percent encoding is broken or is not UTF-8.",
                [CALL_E_BRACKETS] =
                        "The request URL is not valid: a key in brackets does not follow the OData form.",
                [CALL_E_LONG] = "The request URL is not valid: it has too many segments or options.",
        };
        int r = call_parse_target(call, call->target);

        if (r)
                answer_error(answer, 400, "BadRequest", "%s", messages[r]);
        return !r;
}

static bool check_token(Emulator *emulator, Call *call, Answer *answer)
{
        static const struct {
                const char *code, *message;
        } refusals[] = {
                [TOKEN_E_MISSING] = { "InvalidAuthenticationToken", "Access token is empty." },
                [TOKEN_E_INVALID] = { "InvalidAuthenticationToken",
                                      "Access token validation failure. Invalid token." },
                [TOKEN_E_EXPIRED] = { "Authentication_ExpiredToken",
                                      "Your access token has expired. Please renew it before submitting the "
                                      "request." },
                [TOKEN_E_NOT_YET] = { "InvalidAuthenticationToken",
                                      "Lifetime validation failed, the token is not yet valid." },
        };
        int r = authority_verify(&emulator->authority, call->authorization, call->wall_ms, &call->roles);

        if (!r)
                return true;
        answer_error(answer, 401, refusals[r].code, "%s", refusals[r].message);
        answer_header(answer, "WWW-Authenticate",
                      "Bearer realm=\"\", "
                      "authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", "
                      "client_id=\"00000003-0000-0000-c000-000000000000\"");
        return false;
}

/* Rounded up, so that a client that obeys never comes too early */
static void write_retry_after(const Limits *limits, const Call *call, double wait_s, Answer *answer)
{
        bool fraction = limits->retry_form == RETRY_FRACTION ||
                        (limits->retry_form == RETRY_AUTO && limits->scale > 1);
        time_t when = (time_t)(call->wall_ms / 1000 + (int64_t)ceil(wait_s) + 1);
        char date[64];
        struct tm tm;

        if (limits->retry_form == RETRY_NONE)
                return;
        if (limits->retry_form == RETRY_DATE) {
                gmtime_r(&when, &tm);
                strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
                answer_header(answer, "Retry-After", "%s", date);
        } else if (fraction) {
                answer_header(answer, "Retry-After", "%.3f", ceil(wait_s * 1000) / 1000);
        } else {
                answer_header(answer, "Retry-After", "%lld", (long long)ceil(wait_s));
        }
}

static void throttle(Emulator *emulator, const Call *call, bool write, const Verdict *v, Answer *answer)
{
        Limits *limits = &emulator->limits;

        answer_error(answer, 429, "TooManyRequests", "Request is throttled by a limit of scope %s.",
                     v->bucket->scope);
        answer->throttled = true;
        write_retry_after(limits, call, v->wait_s, answer);
        answer_header(answer, "x-ms-throttle-scope", "%s/%s/%s/%s", v->bucket->scope, v->bucket->limit,
                      emulator->options->client_id, emulator->options->tenant);
        answer_header(answer, "x-ms-throttle-information", "%s", v->bucket->information);
        if (limits->retry_form == RETRY_NONE)
                return;
        limits_hold(limits, call->now_us, true, v->wait_s);
        if (!v->bucket->writes || !write)
                limits_hold(limits, call->now_us, false, v->wait_s);
}

static bool check_limits(Emulator *emulator, const Call *call, const Route *route, Answer *answer)
{
        /* getByIds is a read that needs a body */
        bool write = call->method != METHOD_GET && !(route && route->handle == objects_by_ids);
        unsigned int units = route ? route_units(route, call) : 1;
        Verdict v;

        if (!units)
                return true;
        limits_charge(&emulator->limits, call->now_us, units, write, &v);
        answer->hold_violation = v.hold_violation;
        answer_header(answer, "x-ms-resource-unit", "%u", units);
        if (v.percentage >= 0.8)
                answer_header(answer, "x-ms-throttle-limit-percentage", "%.2f", v.percentage);
        if (v.throttled) {
                throttle(emulator, call, write, &v, answer);
                return false;
        }
        return true;
}

static void handle_graph(Emulator *emulator, Call *call, Answer *answer)
{
        const Route *route;
        Answer no_route = { 0 };

        if (!check_token(emulator, call, answer))
                return;
        route = route_find(call, &no_route);
        if (route && route->handle == batch_run && call->batched) {
                answer_error(answer, 400, "BadRequest",
                             "A batch request cannot contain another batch request.");
        } else if (!check_limits(emulator, call, route, answer)) {
                ;
        } else if (!route) {
                answer_error(answer, no_route.status, no_route.code, "%s", no_route.message.data);
        } else if (!(call->roles & route->roles) && route->roles != UINT64_MAX) {
                answer_error(answer, 403, "Authorization_RequestDenied",
                             "Insufficient privileges to complete the operation.");
        } else {
                route->handle(emulator, call, answer);
        }
        answer_deinit(&no_route);
}

static bool is_token_endpoint(const Call *call)
{
        return call->n_segments == 4 && call_is(call, 1, "oauth2") && call_is(call, 2, "v2.0") &&
               call_is(call, 3, "token");
}

void emulator_handle(Emulator *emulator, Call *call, Answer *answer)
{
        replica_advance(&emulator->replica, call->now_us);
        if (!check_target(call, answer))
                ;
        else if (!call->batched && is_token_endpoint(call))
                authority_issue(&emulator->authority, &emulator->random, call, answer);
        else
                handle_graph(emulator, call, answer);
        answer_finish(answer, call);
}

const Fault *emulator_serve(Emulator *emulator, Call *call, uint64_t batch, Answer *answer)
{
        const Fault *fault = faults_match(&emulator->faults, call_method_name(call->method), call->target);

        call->number = journal_number(&emulator->journal);
        if (!fault || fault_has_effect(fault)) {
                emulator_handle(emulator, call, answer);
        } else {
                answer->status = 500;
                answer->hold_violation =
                        limits_is_held(&emulator->limits, call->now_us, call->method != METHOD_GET);
        }
        if (fault) {
                bool violation = answer->hold_violation;

                fault_apply(fault, call, answer);
                answer->hold_violation = violation;
                if (fault->status == 429 && fault->wait_s > 0)
                        limits_hold(&emulator->limits, call->now_us, call->method != METHOD_GET,
                                    fault->wait_s);
                if (fault->reset)
                        answer->status = 0;
        }
        journal_add(&emulator->journal, call->number, batch, call, answer, fault != NULL);
        return fault;
}
