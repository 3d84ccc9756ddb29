/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/target-mem-store.h"

#include <string.h>

/* Of one group, to add. */
#define LINKS_OF_A_REQUEST 20

typedef struct MemApply MemApply;

struct MemApply {
        MemTarget *t;
        Call *call;
        const Op *ops;
        size_t n_ops;
        OpResult *results;
        bool *taken;
        ObjectId created;
};

static void refuse(OpResult *result, OpState state, int status, const char *code, const char *reason)
{
        *result = (OpResult){ .state = state, .http_status = status, .code = code, .reason = reason };
}

static void done(OpResult *result, int status)
{
        *result = (OpResult){ .state = OP_DONE, .http_status = status };
}

static bool is_set(const MemApply *p, const Op *op)
{
        const TargetAttribute *at = target_attribute(p->call->schema, op->type, op->attribute);

        return (op->kind == OP_SET || op->kind == OP_UNSET) && !(at && at->kind == TARGET_REFERENCE);
}

/* Each service has requests of its own; a create is the directory's. */
static bool same_service(const MemApply *p, const Op *a, const Op *b)
{
        const TargetAttribute *x = target_attribute(p->call->schema, a->type, a->attribute);
        const TargetAttribute *y = target_attribute(p->call->schema, b->type, b->attribute);

        return str_is(x ? x->service : NULL, y ? y->service : NULL);
}

static void count_write(MemApply *p)
{
        Call *call = p->call;

        ++call->n_writes;
        ++p->t->n_requests;
        if (call->first_write.us == 0)
                call->first_write = call->now;
        call->last_write = call->now;
}

static bool domain_is_verified(const MemTarget *t, const char *upn)
{
        const char *at = strrchr(upn, '@');

        if (t->info.n_verified_domains == 0)
                return true;
        for (size_t i = 0; at && i < t->info.n_verified_domains; ++i) {
                if (str_is_nocase(at + 1, t->info.verified_domains[i]))
                        return true;
        }
        return false;
}

/* The object in the way of giving this value to `o` (NULL: a new one). */
static const MemObject *find_conflict(const MemApply *p, const MemObject *o, const Op *op)
{
        static const char *const unique[] = { "sourceAnchor", "userPrincipalName" };
        const MemObject *other = NULL;

        for (size_t i = 0; i < N_ELEMENTS(unique) && !other; ++i) {
                if (str_is(op->attribute, unique[i]) && op->value.type == VALUE_STRING)
                        other = mem_find_by(p->t, op->type, unique[i], op->value.s);
        }
        return other == o ? NULL : other;
}

static const char *why_not(const Op *op, const TargetAttribute *at, bool create)
{
        if (!at)
                return "Microsoft Graph has no property for it";
        if (!at->writable)
                return at->note;
        if (at->create_only && !create)
                return "it can only be set when the object is created";
        if (at->create_required && op->kind == OP_UNSET)
                return "Microsoft Graph requires it: it cannot be cleared";
        return NULL;
}

/* True: it may be set. Not sent at all: `*ret_sent` is false. */
static bool check_set(MemApply *p, size_t i, const MemObject *o, bool create, bool *ret_sent)
{
        const Op *op = &p->ops[i];
        const TargetAttribute *at = target_attribute(p->call->schema, op->type, op->attribute);
        OpResult *result = &p->results[i];
        const MemObject *other;
        const char *why, *code;
        char buf[GUID_TEXT_MAX];

        *ret_sent = false;
        why = why_not(op, at, create);
        if (why) {
                refuse(result, OP_NOT_WRITABLE, 0, "NotWritableThroughGraph", why);
                return false;
        }
        why = op->kind == OP_SET ? target_value_check(at, op->value, p->call->arena, &code) : NULL;
        if (why) {
                refuse(result, OP_FAILED, 0, code,
                       arena_printf(p->call->arena, "%s: %s", op->attribute, why));
                return false;
        }
        *ret_sent = true;
        other = op->kind == OP_SET ? find_conflict(p, o, op) : NULL;
        if (other) {
                refuse(result, OP_CONFLICT, 400, "AttributeValueMustBeUnique",
                       "Another object with the same value for property already exists.");
                result->conflict_id = arena_strdup(p->call->arena, guid_format(&other->id, buf));
                return false;
        }
        if (op->kind == OP_SET && str_is(op->attribute, "userPrincipalName") &&
            !domain_is_verified(p->t, op->value.s)) {
                refuse(result, OP_FAILED, 400, "DomainNotVerified",
                       "The domain portion of the userPrincipalName property is invalid.");
                return false;
        }
        return true;
}

/* All sets of the object from op `from` on: whole, or not at all. Return: true if they were applied. */
static bool apply_sets(MemApply *p, size_t from, const Op *key, MemObject *o, bool create)
{
        bool *sent = arena_new_array(p->call->arena, bool, p->n_ops), whole = true;
        size_t n = 0;

        for (size_t i = from; i < p->n_ops && p->ops[i].kind != OP_CREATE; ++i) {
                if (!is_set(p, &p->ops[i]) || p->taken[i] || !guid_is(&p->ops[i].id, &key->id) ||
                    !same_service(p, &p->ops[i], key))
                        continue;
                p->taken[i] = true;
                whole &= check_set(p, i, o, create, &sent[i]) || !sent[i];
                n += sent[i];
        }
        if (n > 0 || create)
                count_write(p);
        for (size_t i = from; i < p->n_ops; ++i) {
                if (!sent[i])
                        continue;
                if (whole) {
                        mem_set(o, p->ops[i].attribute,
                                p->ops[i].kind == OP_SET ? p->ops[i].value : VALUE_NULL);
                        mem_note(p->t, p->ops[i].kind, o, &p->ops[i]);
                        done(&p->results[i], create ? 201 : 204);
                } else if (p->results[i].state == OP_NOT_SENT) {
                        p->results[i].http_status = 400;
                        p->results[i].reason = "refused together with another property";
                }
        }
        return whole;
}

/* As target-graph does it: what was only in the company of a value that was refused is sent without it. */
static int apply_update(MemApply *p, size_t i, MemObject *o)
{
        bool first = true;

        if (apply_sets(p, i, &p->ops[i], o, false))
                return 0;
        for (size_t k = i; k < p->n_ops; ++k) {
                const Op *op = &p->ops[k];

                if (p->results[k].state != OP_NOT_SENT || p->results[k].http_status != 400 ||
                    !guid_is(&op->id, &p->ops[i].id))
                        continue;
                if (first)
                        count_write(p);
                first = false;
                mem_set(o, op->attribute, op->kind == OP_SET ? op->value : VALUE_NULL);
                mem_note(p->t, op->kind, o, op);
                done(&p->results[k], 204);
        }
        return 0;
}

static const char *missing_for_create(MemApply *p, size_t i)
{
        const TargetAttribute *rows;
        size_t n;

        if (!p->ops[i].anchor)
                return "an object without source anchor is not created";
        rows = target_attributes(p->call->schema, p->ops[i].type, &n);
        for (size_t k = 0; k < n; ++k) {
                bool given = !rows[k].create_required || str_is(rows[k].name, "sourceAnchor");

                for (size_t j = i + 1; j < p->n_ops && p->ops[j].kind != OP_CREATE && !given; ++j)
                        given = p->ops[j].kind == OP_SET && str_is(p->ops[j].attribute, rows[k].name) &&
                                guid_is_zero(&p->ops[j].id);
                if (!given)
                        return arena_printf(p->call->arena, "%s is needed to create a %s", rows[k].name,
                                            p->ops[i].type);
        }
        return NULL;
}

static void apply_create(MemApply *p, size_t i)
{
        const Op *op = &p->ops[i];
        MemObject *o = mem_find_by(p->t, op->type, "sourceAnchor", op->anchor);
        const char *why = missing_for_create(p, i);
        bool group = str_is(op->type, "group"), adopted = group && o;
        char buf[GUID_TEXT_MAX];

        if (why) {
                refuse(&p->results[i], OP_FAILED, 0, "DataValidationFailed", why);
                return;
        }
        if (o && !group) {
                refuse(&p->results[i], OP_CONFLICT, 400, "AttributeValueMustBeUnique",
                       "Another object with the same value for property onPremisesImmutableId already "
                       "exists.");
                p->results[i].conflict_id = arena_strdup(p->call->arena, guid_format(&o->id, buf));
                return;
        }
        if (!o)
                o = mem_new_object(p->t, op->type);
        if (!apply_sets(p, i + 1, op, o, true)) {
                for (size_t k = i + 1; k < p->n_ops; ++k) {
                        if (p->results[k].state == OP_CONFLICT || p->results[k].state == OP_FAILED) {
                                p->results[i] = p->results[k];
                                break;
                        }
                }
                if (!adopted)
                        mem_remove(p->t, o, true);
                return;
        }
        mem_set(o, "sourceAnchor", value_string(op->anchor));
        if (!adopted)
                mem_note(p->t, OP_CREATE, o, op);
        done(&p->results[i], adopted ? 204 : 201);
        p->results[i].id = p->created = o->id;
}

static void apply_link(MemApply *p, size_t i, MemObject *o)
{
        const Op *op = &p->ops[i];
        const TargetAttribute *at = target_attribute(p->call->schema, op->type, op->attribute);
        bool add = op->kind == OP_LINK || op->kind == OP_SET, manager = at && at->kind == TARGET_REFERENCE,
             changed;

        if (!at || !at->writable || (at->kind != TARGET_LINKS && !manager)) {
                refuse(&p->results[i], OP_NOT_WRITABLE, 0, "NotWritableThroughGraph",
                       at ? at->note : "no such link");
                return;
        }
        count_write(p);
        if (add && !mem_find(p->t, &op->link)) {
                refuse(&p->results[i], OP_REFERENCE_MISSING, 404, "ReferenceNotFound",
                       "the linked object does not exist");
                return;
        }
        if (manager) {
                changed = add || !guid_is_zero(&o->manager);
                mem_set_manager(o, add ? &op->link : NULL);
        } else {
                changed = add ? mem_add_member(o, &op->link) : mem_remove_member(o, &op->link);
        }
        done(&p->results[i], 204);
        if (changed)
                mem_note(p->t, add ? OP_LINK : OP_UNLINK, o, op);
        else
                p->results[i].state = OP_UNCHANGED;
}

/* As target-graph does it: the old manager goes and the new one comes at once. True: so it was done. */
static bool replaced_instead(MemApply *p, size_t i, MemObject *o)
{
        const Op *op = &p->ops[i];

        if (!str_is(op->attribute, "manager") || op->kind == OP_LINK || op->kind == OP_SET)
                return false;
        for (size_t k = 0; k < p->n_ops; ++k) {
                const Op *put = &p->ops[k];

                if ((put->kind != OP_LINK && put->kind != OP_SET) || !str_is(put->attribute, "manager") ||
                    !guid_is(&put->id, &op->id))
                        continue;
                if (!p->taken[k]) {
                        p->taken[k] = true;
                        apply_link(p, k, o);
                }
                p->results[i] = p->results[k];
                return p->results[k].state != OP_REFERENCE_MISSING;
        }
        return false;
}

/* What Graph takes for an object that a synchronization masters: the account may be turned off, sessions end.
 */
static bool is_taken_of_mastered(const Op *op)
{
        return op->kind == OP_REVOKE_SESSIONS ||
               (op->kind == OP_SET && str_is(op->attribute, "accountEnabled"));
}

static int apply_one(MemApply *p, size_t i)
{
        const Op *op = &p->ops[i];
        const ObjectId *id = guid_is_zero(&op->id) ? &p->created : &op->id;
        MemObject *o;

        if (op->kind == OP_CREATE) {
                apply_create(p, i);
                return 0;
        }
        if (guid_is_zero(id)) {
                p->results[i].reason = "there is no object to apply it to";
                return 0;
        }
        o = mem_find(p->t, id);
        if (!o || (o->mastered_elsewhere && !is_taken_of_mastered(op))) {
                count_write(p);
                refuse(&p->results[i], OP_FAILED, o ? 400 : 404, o ? "MasteredElsewhere" : "ObjectNotFound",
                       o ? "Unable to update the specified properties for on-premises mastered Directory "
                           "Sync objects."
                         : "Resource does not exist.");
                return 0;
        }
        if (is_set(p, op)) {
                p->taken[i] = false;
                return apply_update(p, i, o);
        }
        if (op->kind == OP_REVOKE_SESSIONS) {
                count_write(p);
                ++o->n_revoked;
                mem_note(p->t, OP_REVOKE_SESSIONS, o, op);
                done(&p->results[i], 200);
                return 0;
        }
        if (!replaced_instead(p, i, o))
                apply_link(p, i, o);
        return 0;
}

static bool is_bad(const OpResult *result)
{
        return result->state == OP_CONFLICT || result->state == OP_FAILED;
}

/* The first request had its effect, but nobody heard of it. */
static int lose(MemApply *p, const MemFault *fault)
{
        int r = apply_one(p, 0);

        for (size_t i = 0; i < p->n_ops; ++i) {
                if (p->results[i].state == OP_DONE)
                        refuse(&p->results[i], OP_FAILED, 0, "AnswerLost", "the connection was lost");
        }
        return r ? r : fault->end;
}

/* As target-graph does it: asked behind each request for links, if there are more of the same kind. */
static bool is_overtaken(const MemApply *p, size_t i, size_t *n_added)
{
        OpKind kind = p->ops[i].kind;
        bool is_full;

        *n_added = kind == OP_LINK ? *n_added + 1 : 0;
        is_full = kind == OP_UNLINK || (kind == OP_LINK && *n_added % LINKS_OF_A_REQUEST == 0);
        return is_full && i + 1 < p->n_ops && p->ops[i + 1].kind == kind && p->call->gives_way &&
               p->call->gives_way(p->call->context);
}

int target_mem_apply(MemTarget *t, Call *call, const Op *ops, size_t n_ops, OpResult *results, Diag *diag)
{
        MemApply p = { .t = t,
                       .call = call,
                       .ops = ops,
                       .n_ops = n_ops,
                       .results = results,
                       .taken = arena_new_array(call->arena, bool, n_ops) };
        MemFault fault;
        size_t n_added = 0;
        bool bad = false;

        memset(results, 0, n_ops * sizeof(*results));
        if (mem_take_fault(t, MEM_APPLY, &fault)) {
                diag_set(diag, "%s", fault.reason ? fault.reason : "a fault of the test");
                if (fault.end == TARGET_E_THROTTLED)
                        call->retry_at = mono_add(call->now, fault.retry_us);
                p.taken[0] = true;
                return fault.after ? lose(&p, &fault) : fault.end;
        }
        for (size_t i = 0; i < n_ops; ++i) {
                if (p.taken[i])
                        continue;
                p.taken[i] = true;
                apply_one(&p, i);
                if (is_overtaken(&p, i, &n_added))
                        return TARGET_E_OVERTAKEN;
                if (ops[i].kind == OP_CREATE && is_bad(&results[i]))
                        break;
        }
        for (size_t i = 0; i < n_ops; ++i) {
                if (!is_bad(&results[i]))
                        continue;
                if (!bad)
                        diag_set(diag, "%s: %s", results[i].code, results[i].reason);
                bad = true;
        }
        return bad ? TARGET_E_REJECTED : 0;
}
