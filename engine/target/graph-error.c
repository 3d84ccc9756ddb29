/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <string.h>
#include <strings.h>

static const char *text_of(const json_t *object, const char *key, Arena *a)
{
        const json_t *v = json_object_get(object, key);

        return json_string_length(v) ? arena_strdup(a, json_string_value(v)) : NULL;
}

static bool mentions(const char *text, const char *words)
{
        return text && strcasestr(text, words) != NULL;
}

/* "User_0bd5..." names the object in the way. */
static const char *id_in(const char *target)
{
        const char *text = target ? strchr(target, '_') : NULL;
        ObjectId id;

        return text && guid_parse(text + 1, &id) ? text + 1 : NULL;
}

/* {"code","message","target"}: what exactly is wrong; documented only by its appearance (entra.md 9.7). */
static void parse_details(GraphError *e, json_t *details, bool *ret_conflict, Arena *a)
{
        json_t *detail;
        size_t i;

        *ret_conflict = false;
        json_array_foreach(details, i, detail)
        {
                const char *code = text_of(detail, "code", a), *target = text_of(detail, "target", a);

                if (str_is(code, "ConflictingObjects")) {
                        *ret_conflict = true;
                        if (id_in(target))
                                e->conflict_id = id_in(target);
                } else {
                        *ret_conflict |= str_is(code, "ObjectConflict");
                        if (target && !e->property)
                                e->property = target;
                }
        }
}

static void set(GraphError *e, GraphVerdict verdict, const char *code)
{
        e->verdict = verdict;
        e->code = code;
}

/*
 * 400 says everything that is wrong with a request in one code. Details are looked at first; where Graph
 * has nothing but a sentence, the sentence decides, in its newest published wording.
 */
static void judge_bad_request(GraphError *e, bool conflict)
{
        const char *m = e->message;

        if (conflict || str_is(e->service_code, "Request_MultipleObjectsWithSameKeyValue") ||
            mentions(m, "another object with the same value"))
                set(e, GRAPH_CONFLICT, "AttributeValueMustBeUnique");
        else if (mentions(m, "object references already exist"))
                set(e, GRAPH_EXISTS, "ReferenceExists");
        else if (mentions(m, "on-premises mastered"))
                set(e, GRAPH_REJECTED, "MasteredElsewhere");
        else if (mentions(m, "verified domain"))
                set(e, GRAPH_REJECTED, "DomainNotVerified");
        else if (str_is(e->property, "userPrincipalName"))
                set(e, GRAPH_REJECTED, "IdentityDataValidationFailed");
        else if (str_is(e->service_code, "Request_BadRequest"))
                set(e, GRAPH_REJECTED, "DataValidationFailed");
        else
                set(e, GRAPH_REJECTED, "RequestRefused");
}

static void judge(GraphError *e, bool conflict)
{
        bool concurrency = str_is(e->service_code, "Directory_ConcurrencyViolation");

        switch (e->status) {
        case 400:
                judge_bad_request(e, conflict);
                return;
        case 403:
                if (str_is(e->service_code, "Directory_QuotaExceeded"))
                        set(e, GRAPH_REJECTED, "DirectoryQuotaExceeded");
                else
                        set(e, GRAPH_DENIED, "InsufficientPrivileges");
                return;
        case 404: /* that an object is not there may mean that another one is made: it has codes of its own */
                if (mentions(e->service_code, "NotFound"))
                        set(e, GRAPH_NOT_FOUND, "ObjectNotFound");
                else
                        set(e, GRAPH_REJECTED, "RequestRefused");
                return;
        case 409:
                if (!concurrency &&
                    (conflict || str_is(e->service_code, "Request_MultipleObjectsWithSameKeyValue")))
                        set(e, GRAPH_CONFLICT, "AttributeValueMustBeUnique");
                else
                        set(e, GRAPH_AGAIN, "ConcurrencyViolation");
                return;
        case 412:
        case 423:
        case 424: /* of a $batch: others of it were not done either */
                set(e, GRAPH_AGAIN, "ConcurrencyViolation");
                return;
        default:
                set(e, GRAPH_REJECTED, "RequestRefused");
        }
}

/* Statuses that mean the same whatever the body says; gateways answer them with pages of their own. */
static bool judge_status(GraphError *e)
{
        if (e->status == 429)
                set(e, GRAPH_THROTTLED, "Throttled");
        else if (e->status == 401)
                set(e, GRAPH_UNAUTHORISED, "CredentialsRefused");
        else if (e->status == 503 && str_is(e->service_code, "Directory_ConcurrencyViolation"))
                set(e, GRAPH_AGAIN, "ConcurrencyViolation");
        else if (e->status >= 500 || e->status == 408)
                set(e, GRAPH_UNAVAILABLE, "ServiceUnavailable");
        else
                return false;
        return true;
}

/**
 * graph_error_parse() - what a refusal means
 * @body: of the answer; may be anything
 *
 * A 4xx counts as Graph's word only if it has Graph's shape: a page of some proxy proves nothing about an
 * object. Nor does UnknownError, which Graph's gateway says of an answer that it did not understand itself;
 * only a 403 is one in any words.
 */
void graph_error_parse(GraphError *e, int status, const char *content_type, const char *body, size_t n,
                       Arena *a)
{
        json_t *json = NULL, *error;
        bool conflict = false;

        *e = (GraphError){ .status = status };
        if (body && strncasecmp(content_type, "application/json", strlen("application/json")) == 0)
                json = json_loadb(body, n, 0, NULL);
        error = json_object_get(json, "error");
        e->service_code = text_of(error, "code", a);
        e->message = text_of(error, "message", a);
        parse_details(e, json_object_get(error, "details"), &conflict, a);
        json_decref(json);
        if (judge_status(e))
                return;
        if (status < 400 || !e->service_code || (status != 403 && str_is(e->service_code, "UnknownError")))
                set(e, GRAPH_NONSENSE, "UnexpectedAnswer");
        else
                judge(e, conflict);
}

LimiterScope graph_throttle_scope(const char *value, LimiterScope fallback)
{
        const char *limit = strchr(value, '/');
        size_t n = limit ? strcspn(++limit, "/") : 0;

        if (n == strlen("Read") && strncasecmp(limit, "Read", n) == 0)
                return LIMITER_READ;
        if (n == strlen("Write") && strncasecmp(limit, "Write", n) == 0)
                return LIMITER_WRITE;
        if (n == strlen("ReadWrite") && strncasecmp(limit, "ReadWrite", n) == 0)
                return _LIMITER_SCOPE_N;
        return fallback;
}
