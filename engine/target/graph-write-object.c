/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/str.h"
#include "engine/target/graph-write.h"

#include <string.h>

void graph_call_set_body(GraphCall *c, json_t *body)
{
        c->secret_body = json_dumps(body, JSON_COMPACT);
        json_decref(body);
        if (!c->secret_body)
                error_oom(0);
        c->n_secret_body = strlen(c->secret_body);
        c->http.body = c->secret_body;
        c->http.n_body = c->n_secret_body;
}

static bool not_writable(OpResult *result, const char *reason)
{
        result->state = OP_NOT_WRITABLE;
        result->code = "NotWritableThroughGraph";
        result->reason = reason;
        return false;
}

/* May this value be sent? If not, its result says why. */
static bool check_set(const Apply *p, size_t i, bool create)
{
        const Op *op = &p->ops[i];
        const TargetAttribute *at = target_attribute(p->call->schema, op->type, op->attribute);
        OpResult *result = &p->results[i];
        const char *why, *code;

        if (!at)
                return not_writable(result, "Microsoft Graph has no property for it");
        if (!at->writable)
                return not_writable(result, at->note);
        if (at->create_only && !create)
                return not_writable(result, "it can only be set when the object is created");
        if (at->create_required && op->kind == OP_UNSET)
                return not_writable(result, "Microsoft Graph requires it: it cannot be cleared");
        why = op->kind == OP_SET ? target_value_check(at, op->value, p->call->arena, &code) : NULL;
        if (!why)
                return true;
        result->state = OP_FAILED;
        result->code = code;
        result->reason = arena_printf(p->call->arena, "%s: %s", op->attribute, why);
        return false;
}

size_t graph_body(Apply *p, size_t from, bool create, json_t *body, bool *sent)
{
        size_t n = 0;

        for (size_t k = from; k < p->n_unit; ++k) {
                const Op *op = &p->ops[p->unit[k]];

                sent[k] = check_set(p, p->unit[k], create);
                if (!sent[k])
                        continue;
                graph_body_set(body, target_attribute(p->call->schema, op->type, op->attribute),
                               op->kind == OP_SET ? op->value : VALUE_NULL);
                ++n;
        }
        return n;
}

static bool is_blamed(const Apply *p, const Op *op, const char *property)
{
        const TargetAttribute *at = target_attribute(p->call->schema, op->type, op->attribute);

        return at && property && (str_is_nocase(at->property, property) || str_ends(property, at->property));
}

/*
 * A PATCH is whole or nothing. If the service names the property, that operation is the one that failed and
 * the others were only in its company: they are OP_NOT_SENT and say so.
 */
void graph_body_results(Apply *p, const GraphCall *c, int r, size_t from, const bool *sent)
{
        const char *property = NULL;

        for (size_t k = from; r == TARGET_E_REJECTED && k < p->n_unit; ++k) {
                if (sent[k] && is_blamed(p, &p->ops[p->unit[k]], c->error.property))
                        property = c->error.property;
        }
        for (size_t k = from; k < p->n_unit; ++k) {
                OpResult *result = &p->results[p->unit[k]];

                if (!sent[k])
                        continue;
                graph_result(c, r, result);
                if (!property || is_blamed(p, &p->ops[p->unit[k]], property))
                        continue;
                *result = (OpResult){
                        .state = OP_NOT_SENT,
                        .http_status = result->http_status,
                        .reason = arena_printf(p->call->arena, "refused together with %s", property),
                };
        }
}

static int send_update(Apply *p, const ObjectId *id, size_t from, json_t *body, const bool *sent)
{
        bool user = str_is(p->ops[p->unit[from]].type, "user");
        char buf[GUID_TEXT_MAX];
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        int r;

        graph_call_init(
                &c, p->g, p->call, "PATCH",
                arena_printf(p->call->arena, "/%s/%s", user ? "users" : "groups", guid_format(id, buf)));
        graph_call_set_body(&c, body);
        r = graph_call_run(&c, p->diag);
        graph_body_results(p, &c, r, from, sent);
        return graph_apply_judge(p, &c, id, r);
}

/*
 * What is left to try of a request that was refused: if a value was named, all that was only in its company;
 * else the account's being turned off, which must not wait for a telephone number that was wrong.
 */
static size_t leave_untried(const Apply *p, bool *sent)
{
        bool named = false;
        size_t n = 0, n_left = 0;

        for (size_t k = 0; k < p->n_unit; ++k) {
                n += sent[k];
                named |= sent[k] && p->results[p->unit[k]].state == OP_NOT_SENT;
        }
        for (size_t k = 0; k < p->n_unit; ++k) {
                const Op *op = &p->ops[p->unit[k]];
                bool disables = op->kind == OP_SET && str_is(op->attribute, "accountEnabled") &&
                                op->value.type == VALUE_BOOL && !op->value.b;

                sent[k] =
                        sent[k] && (named ? p->results[p->unit[k]].state == OP_NOT_SENT : disables && n > 1);
                n_left += sent[k];
        }
        return n_left;
}

static json_t *body_of(const Apply *p, const bool *sent)
{
        json_t *body = json_object();

        for (size_t k = 0; k < p->n_unit; ++k) {
                const Op *op = &p->ops[p->unit[k]];

                if (sent[k])
                        graph_body_set(body, target_attribute(p->call->schema, op->type, op->attribute),
                                       op->kind == OP_SET ? op->value : VALUE_NULL);
        }
        return body;
}

/* Whoever has more values that are refused waits for a person with the rest. */
#define REQUESTS_MAX 4

/**
 * graph_update() - the differences of one object in one PATCH
 *
 * It is whole or nothing. So that nothing waits for a value that was refused, what was in its company is sent
 * once more without it.
 */
int graph_update(Apply *p)
{
        const ObjectId *id = graph_apply_id(p, &p->ops[p->unit[0]]);
        bool *sent = arena_new_array(p->call->arena, bool, p->n_unit);
        json_t *body = json_object();
        size_t n = graph_body(p, 0, false, body, sent);
        int r;

        if (n == 0) {
                json_decref(body);
                return 0;
        }
        r = send_update(p, id, 0, body, sent);
        for (unsigned i = 1; r == TARGET_E_REJECTED && i < REQUESTS_MAX; ++i) {
                for (size_t k = 0; k < p->n_unit; ++k)
                        if (sent[k] && str_is(p->results[p->unit[k]].code, "ObjectNotFound"))
                                return r;
                if (leave_untried(p, sent) == 0)
                        return r;
                r = send_update(p, id, 0, body_of(p, sent), sent);
        }
        return r;
}
