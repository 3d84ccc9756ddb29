/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Trace: one line per call
 *
 *      fetch user by anchor: 0, 1 read, 12.3 ms
 *      apply 4 operations (create 1, set 2, link 1): TARGET_E_TRANSIENT, 3 done, 2 writes: Microsoft ...
 *
 * Names of attributes, never values: the line goes into a log.
 */

#include "engine/target/graph.h"

#include "base/error.h"
#include "base/str.h"

#include <string.h>

typedef struct Trace Trace;

struct Trace {
        Target target;
        Target *next;
        void (*line)(void *context, const char *text);
        void *context;
};

static const char *const by_names[] = {
        [MATCH_ID] = "id",   [MATCH_ANCHOR] = "anchor", [MATCH_SID] = "SID",
        [MATCH_UPN] = "UPN", [MATCH_MAIL] = "mail",     [MATCH_DELETED] = "anchor among the deleted",
};

static const char *const kind_names[] = {
        [OP_CREATE] = "create", [OP_SET] = "set",       [OP_UNSET] = "unset",
        [OP_LINK] = "link",     [OP_UNLINK] = "unlink", [OP_REVOKE_SESSIONS] = "revoke",
};

static const char *end_name(int r)
{
        static const char *const names[] = {
                [TARGET_E_NOT_FOUND - TARGET_E_BASE_] = "not found",
                [TARGET_E_AMBIGUOUS - TARGET_E_BASE_] = "ambiguous",
                [TARGET_E_THROTTLED - TARGET_E_BASE_] = "throttled",
                [TARGET_E_TRANSIENT - TARGET_E_BASE_] = "transient",
                [TARGET_E_REFUSED - TARGET_E_BASE_] = "refused",
                [TARGET_E_UNREACHABLE - TARGET_E_BASE_] = "unreachable",
                [TARGET_E_REJECTED - TARGET_E_BASE_] = "rejected",
                [TARGET_E_OVERTAKEN - TARGET_E_BASE_] = "overtaken",
                [TARGET_E_GARBAGE - TARGET_E_BASE_] = "garbage",
                [TARGET_E_OWNER_BUSY - TARGET_E_BASE_] = "the owner is busy",
                [TARGET_E_OWNER_AWAY - TARGET_E_BASE_] = "the owner is away",
        };

        if (r == 0)
                return "ok";
        if (r < 0)
                return strerror(-r);
        return r > TARGET_E_BASE_ && r - TARGET_E_BASE_ < (int)N_ELEMENTS(names) ? names[r - TARGET_E_BASE_]
                                                                                 : "?";
}

static void finish_line(const Trace *t, Str *s, const Call *call, unsigned reads, unsigned writes, int r,
                        const Diag *diag)
{
        str_printf(s, ": %s, %u reads, %u writes", end_name(r), call->n_reads - reads,
                   call->n_writes - writes);
        if (r && diag_any(diag))
                str_printf(s, ": %s", diag_text(diag));
        t->line(t->context, s->data);
        str_deinit(s);
}

static int trace_fetch(Target *target, Call *call, const Match *match, ObjectSink *sink, Diag *diag)
{
        Trace *t = (Trace *)target;
        unsigned reads = call->n_reads, writes = call->n_writes;
        int r = t->next->ops->fetch(t->next, call, match, sink, diag);
        Str s;

        str_init(&s, 4096);
        str_printf(&s, "fetch %s by %s", match->type, by_names[match->by]);
        finish_line(t, &s, call, reads, writes, r, diag);
        return r;
}

static void describe_ops(Str *s, const Op *ops, size_t n_ops)
{
        size_t n[N_ELEMENTS(kind_names)] = { 0 };
        bool first = true;

        str_printf(s, "apply %zu operations (", n_ops);
        for (size_t i = 0; i < n_ops; ++i)
                ++n[ops[i].kind];
        for (size_t k = 0; k < N_ELEMENTS(n); ++k) {
                if (n[k] == 0)
                        continue;
                str_printf(s, "%s%s %zu", first ? "" : ", ", kind_names[k], n[k]);
                first = false;
        }
        str_add(s, ")");
}

static void describe_results(Str *s, const Op *ops, const OpResult *results, size_t n_ops)
{
        size_t done = 0;

        for (size_t i = 0; i < n_ops; ++i) {
                if (results[i].state == OP_DONE || results[i].state == OP_UNCHANGED)
                        ++done;
                else if (results[i].code)
                        str_printf(s, " %s:%s", ops[i].attribute ? ops[i].attribute : kind_names[ops[i].kind],
                                   results[i].code);
        }
        str_printf(s, " %zu done", done);
}

static int trace_apply(Target *target, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results,
                       Diag *diag)
{
        Trace *t = (Trace *)target;
        unsigned reads = call->n_reads, writes = call->n_writes;
        int r = t->next->ops->apply(t->next, call, ops, n_ops, ret_results, diag);
        Str s;

        str_init(&s, 4096);
        describe_ops(&s, ops, n_ops);
        describe_results(&s, ops, ret_results, n_ops);
        finish_line(t, &s, call, reads, writes, r, diag);
        return r;
}

static int trace_info(Target *target, Call *call, TargetInfo *ret_info, Diag *diag)
{
        Trace *t = (Trace *)target;
        unsigned reads = call->n_reads, writes = call->n_writes;
        int r = t->next->ops->info(t->next, call, ret_info, diag);
        Str s;

        str_init(&s, 4096);
        str_add(&s, "info");
        finish_line(t, &s, call, reads, writes, r, diag);
        return r;
}

static int trace_role(Target *target, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                      Diag *diag)
{
        Trace *t = (Trace *)target;
        unsigned reads = call->n_reads, writes = call->n_writes;
        int r = t->next->ops->role(t->next, call, user, age_us, ret_role, diag);
        Str s;

        str_init(&s, 4096);
        str_add(&s, "role");
        finish_line(t, &s, call, reads, writes, r, diag);
        return r;
}

static int64_t trace_take(Target *target, Lane lane, Mono now)
{
        Trace *t = (Trace *)target;

        return t->next->ops->take(t->next, lane, now);
}

static void trace_give_back(Target *target, Lane lane, Mono now)
{
        Trace *t = (Trace *)target;

        t->next->ops->give_back(t->next, lane, now);
}

static void trace_stop(Target *target, TargetStop how)
{
        Trace *t = (Trace *)target;

        t->next->ops->stop(t->next, how);
}

static Target *trace_free(Target *target)
{
        Trace *t = (Trace *)target;

        target_free(t->next);
        free(t);
        return NULL;
}

static const TargetOps target_trace_ops = {
        .name = "trace",
        .fetch = trace_fetch,
        .apply = trace_apply,
        .info = trace_info,
        .role = trace_role,
        .take = trace_take,
        .give_back = trace_give_back,
        .stop = trace_stop,
        .free = trace_free,
};

/**
 * target_trace_new() - a line per call
 * @next: taken
 * @line: may be called from any thread
 *
 * Return: 0.
 */
int target_trace_new(Target **ret_target, Target *next, void (*line)(void *context, const char *text),
                     void *context)
{
        Trace *t = calloc(1, sizeof(*t));

        if (!t)
                error_oom(sizeof(*t));
        t->target.ops = &target_trace_ops;
        t->next = next;
        t->line = line;
        t->context = context;
        *ret_target = &t->target;
        return 0;
}
