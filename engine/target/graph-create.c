/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/str.h"
#include "engine/target/graph-write.h"

#include <string.h>
#include <sys/random.h>

#define PASSWORD_CHARS 40

/* The operation of the unit that sets this attribute; NULL: none does, or it may not be sent. */
static const Op *find_set(const Apply *p, const bool *sent, const char *attribute)
{
        for (size_t k = 1; k < p->n_unit; ++k) {
                const Op *op = &p->ops[p->unit[k]];

                if (sent[k] && op->kind == OP_SET && str_is(op->attribute, attribute))
                        return op;
        }
        return NULL;
}

static int fail(Apply *p, const char *code, const char *reason)
{
        OpResult *result = &p->results[p->unit[0]];

        result->state = OP_FAILED;
        result->code = code;
        result->reason = reason;
        diag_set(p->diag, "%s", reason);
        return TARGET_E_REJECTED;
}

/* What cannot be created is said without asking. */
static int check_required(Apply *p, const json_t *body, const bool *sent)
{
        const Op *op = &p->ops[p->unit[0]];
        const Op *mail = find_set(p, sent, "mailEnabled");
        const TargetAttribute *rows;
        size_t n;

        if (!op->anchor || !op->anchor[0])
                return fail(p, "DataValidationFailed", "an object without source anchor is not created");
        if (str_is(op->type, "group") && mail && mail->value.type == VALUE_BOOL && mail->value.b)
                return fail(
                        p, "NotWritableThroughGraph",
                        "Microsoft Graph cannot create mail-enabled security groups and distribution groups");
        rows = target_attributes(p->call->schema, op->type, &n);
        for (size_t i = 0; i < n; ++i) {
                if (rows[i].create_required && !str_is(rows[i].name, "sourceAnchor") &&
                    json_is_null(json_object_get(body, rows[i].property) ?: json_null()))
                        return fail(p, "DataValidationFailed",
                                    arena_printf(p->call->arena, "%s is needed to create a %s", rows[i].name,
                                                 op->type));
        }
        return 0;
}

static char random_of(const char *characters)
{
        size_t n = strlen(characters);
        unsigned char byte;

        do {
                while (getrandom(&byte, 1, 0) != 1)
                        ;
        } while (byte >= 256 - 256 % n); /* else the first characters would come more often */
        return characters[byte % n];
}

/*
 * A new password for each try, known to nobody: the user signs in with the directory's, or gets one from an
 * administrator. It is spliced into the text of the body, so that no copy stays behind in a JSON tree.
 */
static void add_password(GraphCall *c)
{
        static const char before[] =
                "{\"passwordProfile\":{\"forceChangePasswordNextSignIn\":true,\"password\":\"";
        static const char after[] = "\"},";
        static const char lower[] = "abcdefghijkmnopqrstuvwxyz", upper[] = "ABCDEFGHJKLMNPQRSTUVWXYZ";
        static const char digits[] = "23456789",
                          all[] = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.+";
        size_t n = sizeof(before) + PASSWORD_CHARS + sizeof(after) + c->n_secret_body;
        char *text = malloc(n), *at;

        if (!text)
                error_oom(n);
        at = stpcpy(text, before);
        for (size_t i = 0; i < PASSWORD_CHARS; ++i)
                *at++ = random_of(i == 0 ? lower : i == 1 ? upper : i == 2 ? digits : all);
        at = stpcpy(at, after);
        at = stpcpy(at, c->secret_body + 1); /* behind its brace */
        free(c->secret_body);
        c->secret_body = text;
        c->n_secret_body = (size_t)(at - text);
        c->http.body = text;
        c->http.n_body = c->n_secret_body;
}

/* The upsert found the group: it answers 204 without its id. */
static int find_group(Apply *p, const char *path, ObjectId *ret_id)
{
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        const char *id;
        int r;

        graph_call_init(&c, p->g, p->call, "GET", arena_printf(p->call->arena, "%s?$select=id", path));
        r = graph_call_run(&c, p->diag);
        if (r == TARGET_E_REJECTED)
                return TARGET_E_TRANSIENT; /* it was there a moment ago: not replicated yet */
        if (r)
                return r;
        id = json_string_value(json_object_get(c.json, "id"));
        if (!id || !guid_parse(id, ret_id)) {
                diag_set(p->diag, "Microsoft Graph: a group has no id");
                return TARGET_E_GARBAGE;
        }
        return 0;
}

static int read_id(Apply *p, const GraphCall *c, bool upsert)
{
        const char *id = json_string_value(json_object_get(c->json, "id"));

        if (id && guid_parse(id, &p->created))
                return 0;
        if (upsert && c->http.answer.status == 204)
                return find_group(p, c->path, &p->created);
        diag_set(p->diag, "Microsoft Graph: the answer to a create has no id");
        return TARGET_E_GARBAGE;
}

/* Refused because there is no password. */
static bool lacks_password(const GraphCall *c, int r)
{
        return r == TARGET_E_REJECTED && c->error.status == 400 && c->error.property &&
               str_starts(c->error.property, "password");
}

static int post(Apply *p, json_t *body, bool password, const bool *sent, bool *ret_again)
{
        const Op *op = &p->ops[p->unit[0]];
        bool user = str_is(op->type, "user");
        OpResult *result = &p->results[p->unit[0]];
        Arena *a = p->call->arena;
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        int r;

        graph_call_init(&c, p->g, p->call, user ? "POST" : "PATCH",
                        user ? "/users"
                             : arena_printf(a, "/groups(uniqueName='%s')", graph_quote(a, op->anchor)));
        c.upsert = !user;
        c.alone = true;
        c.request_id = op->request_id;
        graph_call_set_body(&c, json_incref(body));
        if (password)
                add_password(&c);
        r = graph_call_run(&c, p->diag);
        graph_body_results(p, &c, r, 1, sent);
        graph_result(&c, r, result);
        *ret_again = user && !password && lacks_password(&c, r);
        if (r == TARGET_E_REJECTED && c.error.verdict == GRAPH_DENIED) {
                /* No object is there that could be protected: the consent is missing, and nothing was made.
                 */
                result->state = OP_NOT_SENT;
                return TARGET_E_REFUSED;
        }
        if (r)
                return r;
        graph_denied(p->g, NULL);
        r = read_id(p, &c, !user);
        if (r) {
                /* It is there, but under what id? The next run finds it by its anchor. */
                result->state = OP_FAILED;
                result->code = r == TARGET_E_GARBAGE ? "UnexpectedAnswer" : "AnswerLost";
                return r;
        }
        result->id = p->created;
        return 0;
}

/*
 * Users of a federated domain sign in elsewhere, by their anchor, and get no password here. The documentation
 * calls passwordProfile required without saying whether for them too; a service that insists gets a random
 * one.
 */
static int send_create(Apply *p, json_t *body, const bool *sent)
{
        const Op *upn = find_set(p, sent, "userPrincipalName");
        bool user = str_is(p->ops[p->unit[0]].type, "user");
        bool password =
                user && !(upn && upn->value.type == VALUE_STRING && graph_is_federated(p->g, upn->value.s));
        bool again;
        int r = post(p, body, password, sent, &again);

        if (r && again) {
                diag_clear(p->diag);
                r = post(p, body, true, sent, &again);
        }
        json_decref(body);
        return r;
}

/**
 * graph_create() - POST /users, or PATCH /groups(uniqueName='...') with Prefer: create-if-missing
 *
 * Groups have no other key that Graph keeps unique (group-upsert): a repeated create finds the first. A
 * user's anchor and user name are unique by themselves. A lost answer is never repeated here: the caller's
 * intent makes the next run look first.
 */
int graph_create(Apply *p)
{
        const Op *op = &p->ops[p->unit[0]];
        bool user = str_is(op->type, "user");
        bool *sent = arena_new_array(p->call->arena, bool, p->n_unit);
        json_t *body = json_object();
        int r;

        p->created = (ObjectId){ 0 };
        sent[0] = true;
        graph_body(p, 1, true, body, sent);
        if (user && op->anchor)
                json_object_set_new(body, "onPremisesImmutableId", json_string(op->anchor));
        else
                json_object_del(body, "uniqueName"); /* it is the key in the address */
        r = check_required(p, body, sent);
        if (r) {
                json_decref(body);
                return r;
        }
        return send_create(p, body, sent);
}
