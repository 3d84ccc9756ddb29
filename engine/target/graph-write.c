/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/graph-write.h"
#include "base/str.h"
#include "engine/target/graph-tenant.h"

#include <string.h>

static bool same_object(const Op *a, const Op *b)
{
        return guid_is(&a->id, &b->id) && str_is(a->type, b->type);
}

static bool is_set(const Op *op)
{
        return op->kind == OP_SET || op->kind == OP_UNSET;
}

static bool is_reference(const Apply *p, const Op *op)
{
        const TargetAttribute *at = target_attribute(p->call->schema, op->type, op->attribute);

        return at && at->kind == TARGET_REFERENCE;
}

/* Adds the operation to the unit's list. */
static void gather(Apply *p, size_t i)
{
        p->unit[p->n_unit++] = i;
        p->taken[i] = true;
}

/* Ids that are zero mean the object this call has created. */
const ObjectId *graph_apply_id(const Apply *p, const Op *op)
{
        return guid_is_zero(&op->id) ? &p->created : &op->id;
}

static bool blames(const GraphError *e, const ObjectId *id)
{
        char buf[GUID_TEXT_MAX];

        return e->message && strcasestr(e->message, guid_format(id, buf)) != NULL;
}

/**
 * graph_result() - what the end of a write means for one of its operations
 *
 * OP_NOT_SENT says: certainly without effect, it may be sent again. What was lost on the way, or answered by
 * 5xx, may have had its effect: OP_FAILED.
 */
void graph_result(const GraphCall *c, int r, OpResult *result)
{
        const GraphError *e = &c->error;

        result->http_status = c->http.answer.status;
        result->code = e->code;
        result->reason = e->message;
        if (r == 0) {
                result->state = OP_DONE;
                return;
        }
        switch (e->verdict) {
        case GRAPH_CONFLICT:
                result->state = OP_CONFLICT;
                result->conflict_id = e->conflict_id;
                return;
        case GRAPH_EXISTS:
                result->state = OP_UNCHANGED;
                result->code = result->reason = NULL;
                return;
        case GRAPH_NOT_FOUND:
        case GRAPH_REJECTED:
        case GRAPH_DENIED:
                result->state = OP_FAILED;
                return;
        default:
                break;
        }
        result->state = graph_call_is_untouched(c) ? OP_NOT_SENT : OP_FAILED;
        if (!result->code)
                result->code = r == TARGET_E_THROTTLED      ? "Throttled"
                               : r == TARGET_E_REFUSED      ? "CredentialsRefused"
                               : r == TARGET_E_UNREACHABLE  ? "TargetUnreachable"
                               : r == TARGET_E_GARBAGE      ? "UnexpectedAnswer"
                               : result->state == OP_FAILED ? "AnswerLost"
                                                            : "ServiceUnavailable";
}

/*
 * Does the token say that objects of this type may be written? Then who may not be is an object of its own: a
 * holder of a role, a member of a restricted management administrative unit; there may be hundreds, one
 * behind the other. A token that was older than seconds has been renewed before it came to this
 * (token_doubt).
 */
static bool is_granted(const Apply *p)
{
        static const char *const names[][2] = { { "User.ReadWrite.All", "Directory.ReadWrite.All" },
                                                { "Group.ReadWrite.All", "Directory.ReadWrite.All" } };
        const char *const *enough = names[str_is(p->ops->type, "group")];
        _cleanup_(diag_deinit) Diag ignored = DIAG_INIT;
        TokenClaims claims;

        if (graph_tenant_claims((Target *)p->g, p->call, &claims, &ignored))
                return false;
        for (size_t i = 0; i < claims.n_roles; ++i) {
                if (str_is(claims.roles[i], enough[0]) || str_is(claims.roles[i], enough[1]))
                        return true;
        }
        return false;
}

/* A refused write of one object: is it the object, or has the consent gone? */
int graph_apply_judge(Apply *p, const GraphCall *c, const ObjectId *id, int r)
{
        if (r == 0)
                graph_denied(p->g, NULL);
        if (r != TARGET_E_REJECTED)
                return r;
        /* The object was made a moment ago: it is not everywhere yet. */
        if (c->error.verdict == GRAPH_NOT_FOUND && guid_is(id, &p->created))
                return TARGET_E_TRANSIENT;
        if (c->error.verdict == GRAPH_DENIED && graph_denied(p->g, id) && !is_granted(p))
                return TARGET_E_REFUSED;
        return c->error.verdict == GRAPH_EXISTS ? 0 : r;
}

static bool is_put(const Op *op)
{
        return op->kind == OP_LINK || op->kind == OP_SET;
}

/* PUT or DELETE of the manager; the result is that of operation i. */
static int send_manager(Apply *p, size_t i)
{
        const Op *op = &p->ops[i];
        Arena *a = p->call->arena;
        bool put = is_put(op);
        const ObjectId *id = graph_apply_id(p, op);
        char buf[GUID_TEXT_MAX];
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        int r;

        graph_call_init(&c, p->g, p->call, put ? "PUT" : "DELETE",
                        arena_printf(a, "/users/%s/manager/$ref", guid_format(id, buf)));
        if (put) {
                c.http.body = arena_printf(a, "{\"@odata.id\":\"%s/users/%s\"}", p->g->base,
                                           guid_format(&op->link, buf));
                c.http.n_body = strlen(c.http.body);
        }
        r = graph_call_run(&c, p->diag);
        graph_result(&c, r, &p->results[i]);
        if (r == TARGET_E_REJECTED && c.error.verdict == GRAPH_NOT_FOUND && !blames(&c.error, id)) {
                p->results[i].state = put ? OP_REFERENCE_MISSING : OP_UNCHANGED;
                p->results[i].code = put ? "ReferenceNotFound" : NULL;
                return 0;
        }
        return graph_apply_judge(p, &c, id, r);
}

static void gather_references(Apply *p, size_t first)
{
        const Op *key = &p->ops[first];

        p->taken[first] = false;
        for (size_t i = first; i < p->n_ops && p->ops[i].kind != OP_CREATE; ++i) {
                if (!p->taken[i] && p->ops[i].kind != OP_REVOKE_SESSIONS && same_object(&p->ops[i], key) &&
                    str_is(p->ops[i].attribute, key->attribute))
                        gather(p, i);
        }
}

/* Gives the result of operation `from` to all of the unit that are puts, or that are not. */
static void spread(Apply *p, size_t from, bool puts)
{
        for (size_t k = 0; k < p->n_unit; ++k) {
                if (is_put(&p->ops[p->unit[k]]) == puts)
                        p->results[p->unit[k]] = p->results[from];
        }
}

/*
 * A reference has one value: the old one goes and the new one comes by one PUT, in whatever order the plan
 * names them; a DELETE behind it would take the new one away. Only when the new one is not there (yet) does
 * the old one go by itself.
 */
static int apply_reference(Apply *p, size_t first)
{
        size_t put = p->n_ops, removal = p->n_ops;
        int r;

        gather_references(p, first);
        for (size_t k = 0; k < p->n_unit; ++k)
                *(is_put(&p->ops[p->unit[k]]) ? &put : &removal) = p->unit[k];
        if (put < p->n_ops) {
                r = send_manager(p, put);
                spread(p, put, true);
                if (removal < p->n_ops && p->results[put].state != OP_REFERENCE_MISSING)
                        spread(p, put, false);
                if (r || removal == p->n_ops || p->results[put].state != OP_REFERENCE_MISSING)
                        return r;
        }
        r = send_manager(p, removal);
        spread(p, removal, false);
        return r;
}

static int apply_revoke(Apply *p, size_t i)
{
        const ObjectId *id = graph_apply_id(p, &p->ops[i]);
        char buf[GUID_TEXT_MAX];
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        int r;

        graph_call_init(&c, p->g, p->call, "POST",
                        arena_printf(p->call->arena, "/users/%s/revokeSignInSessions", guid_format(id, buf)));
        r = graph_call_run(&c, p->diag);
        graph_result(&c, r, &p->results[i]);
        return graph_apply_judge(p, &c, id, r);
}

static int apply_links(Apply *p, size_t first)
{
        const Op *op = &p->ops[first];
        const TargetAttribute *at = target_attribute(p->call->schema, op->type, op->attribute);

        if (!at || !at->writable || at->kind != TARGET_LINKS) {
                p->results[first].state = OP_NOT_WRITABLE;
                p->results[first].code = "NotWritableThroughGraph";
                p->results[first].reason = at && at->note ? at->note : "Microsoft Graph has no such link";
                return 0;
        }
        for (size_t i = first; i < p->n_ops && p->ops[i].kind == op->kind && same_object(&p->ops[i], op) &&
                               str_is(p->ops[i].attribute, op->attribute);
             ++i)
                gather(p, i);
        return graph_members(p, graph_apply_id(p, op), op->kind == OP_LINK);
}

static bool same_service(const Apply *p, const Op *a, const Op *b)
{
        const TargetAttribute *x = target_attribute(p->call->schema, a->type, a->attribute);
        const TargetAttribute *y = target_attribute(p->call->schema, b->type, b->attribute);

        return str_is(x ? x->service : NULL, y ? y->service : NULL);
}

/* All sets of the key's object from here on, of the same service: each has requests of its own. A create is
 * the directory's. */
static void gather_sets(Apply *p, size_t from, const Op *key)
{
        for (size_t i = from; i < p->n_ops; ++i) {
                if (p->ops[i].kind == OP_CREATE)
                        return; /* a zero id means another object from here on */
                if (is_set(&p->ops[i]) && !p->taken[i] && same_object(&p->ops[i], key) &&
                    !is_reference(p, &p->ops[i]) && same_service(p, &p->ops[i], key))
                        gather(p, i);
        }
}

/* One operation and those that go with it. */
static int apply_unit(Apply *p, size_t i)
{
        const Op *op = &p->ops[i];

        p->n_unit = 0;
        if (op->kind == OP_CREATE) {
                gather(p, i);
                gather_sets(p, i + 1, op);
                return graph_create(p);
        }
        if (guid_is_zero(graph_apply_id(p, op))) {
                p->results[i].reason = "there is no object to apply it to";
                return 0;
        }
        if ((op->kind == OP_LINK || op->kind == OP_UNLINK || is_set(op)) && is_reference(p, op))
                return apply_reference(p, i);
        if (is_set(op)) {
                p->taken[i] = false;
                gather_sets(p, i, op);
                return graph_update(p);
        }
        if (op->kind == OP_REVOKE_SESSIONS)
                return apply_revoke(p, i);
        return apply_links(p, i);
}

static bool is_bad(const OpResult *result)
{
        return result->state == OP_CONFLICT || result->state == OP_FAILED;
}

/**
 * graph_apply() - the operations of a plan, in order
 *
 * Return: see target_apply().
 */
int graph_apply(Target *t, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results, Diag *diag)
{
        Apply p = {
                .g = (TargetGraph *)t,
                .call = call,
                .ops = ops,
                .n_ops = n_ops,
                .results = ret_results,
                .taken = arena_new_array(call->arena, bool, n_ops),
                .unit = arena_new_array(call->arena, size_t, n_ops + 1),
                .diag = diag,
        };
        bool bad = false;

        memset(ret_results, 0, n_ops * sizeof(*ret_results));
        for (size_t i = 0; i < n_ops; ++i) {
                int r;

                if (p.taken[i])
                        continue;
                p.taken[i] = true;
                r = apply_unit(&p, i);
                if (r && r != TARGET_E_REJECTED)
                        return r;
                if (ops[i].kind == OP_CREATE && is_bad(&ret_results[i]))
                        break; /* nothing follows a create that failed */
        }
        for (size_t i = 0; i < n_ops; ++i)
                bad |= is_bad(&ret_results[i]);
        return bad ? TARGET_E_REJECTED : 0;
}
