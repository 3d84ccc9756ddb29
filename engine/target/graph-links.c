/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Members of a group
 *
 * Added twenty at a time by PATCH /groups/{id} with members@odata.bind, which is whole or nothing: one member
 * that is there already, or is not anywhere, and all twenty are refused. Then the refusal is taken apart: ids
 * that the answer names are settled, else the chunk is halved, and again, until the ones to blame are alone.
 *
 *      [20] refused -> [10] done, [10] refused -> [5] refused ..., [5] done
 *
 * Removed one at a time; there is no other way (group-delete-members). A few requests are under way at the
 * same time; when the service complains about that (Directory_ConcurrencyViolation), only one.
 *
 * Between two requests the caller is asked whether something newer of the group waits. Then what is under way
 * comes to its end, and nothing more leaves.
 */

#include "base/str.h"
#include "engine/target/graph-write.h"

#include <string.h>

/* So often a chunk is tried again after a concurrency violation. */
#define TRIES_MAX 6

typedef struct Chunk Chunk;
typedef struct Flight Flight;
typedef struct Links Links;

/* A part of the unit: indexes [first, first + n) of Links.order. */
struct Chunk {
        size_t first, n;
        unsigned tries;
};

/* A request under way. It may not move in memory. */
struct Flight {
        Chunk chunk;
        GraphCall call;
};

struct Links {
        Apply *p;
        const ObjectId *group;
        bool add;
        size_t *order;  /* permutation of the unit: indexes into ops */
        Chunk *waiting; /* a stack; the next one is the last */
        size_t n_waiting;
        Flight flying[GRAPH_WINDOW]; /* a ring: the oldest at `oldest` */
        size_t oldest, n_flying, window;
        bool group_seen; /* the group itself was looked for and is there */
        int end;         /* of the whole unit; not 0: nothing more leaves */
        bool rejected;
};

static void push(Links *l, size_t first, size_t n, unsigned tries)
{
        if (n > 0)
                l->waiting[l->n_waiting++] = (Chunk){ .first = first, .n = n, .tries = tries };
}

static const Op *op_at(const Links *l, size_t k)
{
        return &l->p->ops[l->order[k]];
}

static OpResult *result_at(const Links *l, size_t k)
{
        return &l->p->results[l->order[k]];
}

static const char *bind_body(const Links *l, const Chunk *k)
{
        Arena *a = l->p->call->arena;
        const char *base = l->p->g->base;
        size_t size = 32 + k->n * (strlen(base) + sizeof("/directoryObjects/") + GUID_TEXT_MAX + 4);
        char *text = arena_alloc(a, size), *at = stpcpy(text, "{\"members@odata.bind\":["),
             buf[GUID_TEXT_MAX];

        for (size_t i = 0; i < k->n; ++i)
                at += sprintf(at, "%s\"%s/directoryObjects/%s\"", i ? "," : "", base,
                              guid_format(&op_at(l, k->first + i)->link, buf));
        stpcpy(at, "]}");
        return text;
}

static void send_chunk(Links *l, Flight *f)
{
        const Chunk *k = &f->chunk;
        GraphCall *c = &f->call;
        Arena *a = l->p->call->arena;
        char group[GUID_TEXT_MAX], member[GUID_TEXT_MAX];

        guid_format(l->group, group);
        if (l->add) {
                graph_call_init(c, l->p->g, l->p->call, "PATCH", arena_printf(a, "/groups/%s", group));
                c->http.body = bind_body(l, k);
                c->http.n_body = strlen(c->http.body);
        } else {
                /* Without "/$ref" the request would delete the member itself (group-delete-members). */
                graph_call_init(c, l->p->g, l->p->call, "DELETE",
                                arena_printf(a, "/groups/%s/members/%s/$ref", group,
                                             guid_format(&op_at(l, k->first)->link, member)));
        }
        graph_call_start(c, l->p->diag);
}

static void settle(const Links *l, size_t k, OpState state, const GraphCall *c)
{
        OpResult *result = result_at(l, k);

        *result = (OpResult){ .state = state, .http_status = c->http.answer.status };
        if (state == OP_REFERENCE_MISSING) {
                result->code = "ReferenceNotFound";
                result->reason = c->error.message;
        }
}

static void settle_all(Links *l, const Chunk *k, const GraphCall *c, int r)
{
        for (size_t i = 0; i < k->n; ++i) {
                OpResult *result = result_at(l, k->first + i);

                graph_result(c, r, result);
                l->rejected |= result->state == OP_FAILED || result->state == OP_CONFLICT;
        }
}

static bool is_named(const Links *l, size_t k, const char *message)
{
        char buf[GUID_TEXT_MAX];

        return message && strcasestr(message, guid_format(&op_at(l, k)->link, buf)) != NULL;
}

/* Those that the answer names go to the end of the chunk and are settled. Returns how many are left. */
static size_t settle_named(Links *l, const Chunk *k, const GraphCall *c, OpState state)
{
        size_t left = k->n;

        for (size_t i = 0; i < left;) {
                size_t at = k->first + i, last = k->first + left - 1, swap = l->order[at];

                if (!is_named(l, at, c->error.message)) {
                        ++i;
                        continue;
                }
                settle(l, at, state, c);
                l->order[at] = l->order[last];
                l->order[last] = swap;
                --left;
        }
        return left;
}

static void take_apart(Links *l, const Chunk *k, const GraphCall *c)
{
        OpState state = c->error.verdict == GRAPH_EXISTS ? OP_UNCHANGED : OP_REFERENCE_MISSING;
        size_t left;

        if (k->n == 1) {
                settle(l, k->first, state, c);
                return;
        }
        left = settle_named(l, k, c, state);
        if (left < k->n) {
                push(l, k->first, left, k->tries);
                return;
        }
        push(l, k->first + k->n / 2, k->n - k->n / 2, k->tries);
        push(l, k->first, k->n / 2, k->tries);
}

/* 404: is it the group that is not there? Return: 0 (it is there), or the end of the unit. */
static int look_for_group(Links *l)
{
        Apply *p = l->p;
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        char buf[GUID_TEXT_MAX];
        int r;

        graph_call_init(&c, p->g, p->call, "GET",
                        arena_printf(p->call->arena, "/groups/%s?$select=id", guid_format(l->group, buf)));
        r = graph_call_run(&c, p->diag);
        l->group_seen = r == 0;
        if (r != TARGET_E_REJECTED)
                return r;
        return guid_is(l->group, &p->created) ? TARGET_E_TRANSIENT : TARGET_E_REJECTED;
}

static void judge_missing(Links *l, const Chunk *k, const GraphCall *c)
{
        int r;

        if (!l->add) {
                settle(l, k->first, OP_UNCHANGED, c); /* either way, it is not a member */
                return;
        }
        r = l->group_seen ? 0 : look_for_group(l);
        if (r == 0) {
                take_apart(l, k, c);
                return;
        }
        if (r == TARGET_E_REJECTED)
                settle_all(l, k, c, r);
        l->end = r;
}

static void judge(Links *l, const Chunk *k, const GraphCall *c, int r)
{
        switch (c->error.verdict) {
        case GRAPH_EXISTS:
                take_apart(l, k, c);
                return;
        case GRAPH_NOT_FOUND:
                judge_missing(l, k, c);
                return;
        case GRAPH_AGAIN:
                if (k->tries + 1 < TRIES_MAX) {
                        l->window = 1;
                        push(l, k->first, k->n, k->tries + 1);
                        return;
                }
                break;
        default:
                break;
        }
        settle_all(l, k, c, r);
        r = graph_apply_judge(l->p, c, l->group, r);
        if (r)
                l->end = r;
}

static void take_off(Links *l)
{
        Flight *f = &l->flying[(l->oldest + l->n_flying++) % GRAPH_WINDOW];

        f->chunk = l->waiting[--l->n_waiting];
        send_chunk(l, f);
}

static void land(Links *l)
{
        Flight *f = &l->flying[l->oldest];
        int r = graph_call_finish(&f->call, l->p->diag);

        l->oldest = (l->oldest + 1) % GRAPH_WINDOW;
        --l->n_flying;
        judge(l, &f->chunk, &f->call, r);
        graph_call_deinit(&f->call);
}

static void prepare(Links *l)
{
        Apply *p = l->p;
        size_t most = l->add ? GRAPH_BIND_MAX : 1;

        l->order = arena_memdup(p->call->arena, p->unit, p->n_unit * sizeof(*p->unit));
        /* At most one waiting chunk per operation: halving makes two of one that is gone. */
        l->waiting = arena_new_array(p->call->arena, Chunk, p->n_unit);
        for (size_t n = (p->n_unit + most - 1) / most; n > 0; --n) {
                size_t first = (n - 1) * most;

                push(l, first, p->n_unit - first < most ? p->n_unit - first : most, 0);
        }
}

static bool gives_way(const Links *l)
{
        const Call *call = l->p->call;

        return call->gives_way && call->gives_way(call->context);
}

/**
 * graph_members() - the links of the unit, all to one group and all to be added or all to be removed
 *
 * Return: 0, TARGET_E_REJECTED (a result is bad), or what ended it: the rest is OP_NOT_SENT.
 */
int graph_members(Apply *p, const ObjectId *group, bool add)
{
        Links l = { .p = p, .group = group, .add = add, .window = GRAPH_WINDOW };

        prepare(&l);
        while (l.n_flying > 0 || (l.n_waiting > 0 && l.end == 0)) {
                while (l.end == 0 && l.n_waiting > 0 && l.n_flying < l.window)
                        take_off(&l);
                land(&l);
                if (l.end == 0 && l.n_waiting > 0 && gives_way(&l))
                        l.end = TARGET_E_OVERTAKEN;
        }
        return l.end ? l.end : l.rejected ? TARGET_E_REJECTED : 0;
}
