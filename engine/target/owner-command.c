/* SPDX-License-Identifier: Apache-2.0 */

/* The owner behind a program: deploy/connect/sosync-connect, and what its answer means. */

#include "engine/target/owner.h"

#include "base/error.h"
#include "base/program.h"
#include "base/str.h"

#include <jansson.h>
#include <string.h>

#define ANSWER_MAX ((size_t)4 << 20)

typedef struct CommandOwner {
        Owner owner; /* first */
        const OwnerConfig *config;
} CommandOwner;

/* -- the answer ---------------------------------------------------------------------------------------- */

int owner_parse(const char *data, size_t n, Arena *a, OwnerReport *ret_said, Diag *diag)
{
        const json_t *info, *error;
        const char *status, *code, *reason;
        json_error_t why;
        json_t *o;
        int r = 0;

        if (n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
                data += 3;
                n -= 3;
        }
        o = json_loadb(data, n, JSON_REJECT_DUPLICATES, &why);
        info = json_object_get(o, "provisioningStatusInfo");
        status = owner_text(info, "status", a);
        if (!*status) {
                json_decref(o);
                diag_set(diag, "the answer is no report of a single object sync: \"%s\"",
                         str_safe(a, data, n > 120 ? 120 : n));
                return OWNER_E_UNREACHABLE;
        }
        error = json_object_get(info, "errorInformation");
        code = owner_text(error, "errorCode", a);
        reason = owner_text(error, "reason", a);
        *ret_said = owner_report(o, status, a);
        if (owner_is_throttled(code, reason))
                r = OWNER_E_THROTTLED;
        else if (!str_is(status, "success") && !str_is(status, "skipped") && !str_is(status, "warning"))
                r = OWNER_E_FAILED;
        if (r)
                diag_set(diag, "%s%s%s", *code ? code : status, *reason ? ": " : "", reason);
        json_decref(o);
        return r;
}

/* -- the program --------------------------------------------------------------------------------------- */

static int call(CommandOwner *o, const char *const *more, size_t n_more, Arena *a, ProgramEnd *ret_end,
                Diag *diag)
{
        const ConfigList *program = &o->config->command;
        const char **words = arena_new_array(a, const char *, program->n_items + n_more + 1);
        Program p = { .argv = words, .timeout_us = o->config->timeout_us, .output_max = ANSWER_MAX };
        const char *failure;

        memcpy(words, program->items, program->n_items * sizeof(*words));
        memcpy(words + program->n_items, more, n_more * sizeof(*words));
        if (program_run(&p, a, ret_end, diag))
                return OWNER_E_UNREACHABLE;
        failure = program_failure(&p, ret_end, a);
        if (!failure)
                return 0;
        diag_set(diag, "%s: %s", words[0], failure);
        return OWNER_E_UNREACHABLE;
}

static int command_sync(Owner *owner, OwnerAsk *ask, Diag *diag)
{
        const char *more[] = { "sync", "--dn", ask->call->dn };
        Arena *a = ask->call->arena;
        ProgramEnd end;
        int r = call((CommandOwner *)owner, more, 3, a, &end, diag);

        return r ? r : owner_parse(end.output, end.n_output, a, &ask->said, diag);
}

static int command_cycle(Owner *owner, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *more[] = { "cycle" };
        ProgramEnd end;

        return call((CommandOwner *)owner, more, 1, a, &end, diag);
}

static Owner *command_free(Owner *o)
{
        free(o);
        return NULL;
}

const OwnerWays owner_connect = {
        .name = "Entra Connect",
        .failed = "ConnectSyncFailed",
        .disagrees = "ConnectDisagrees",
        .busy = "Entra Connect is asked for one object at a time",
        .throttled = "Entra Connect limits how often it is asked, and the limit is reached",
        .at_once = 1,
        /* "Please retry after 5 minutes, if you reach the throttling limit" (Single Object Sync). */
        .throttled_us = (int64_t)300 * 1000000,
        /* Entra ID may replicate late; afterwards its rules simply give another value. */
        .shows_within_us = (int64_t)120 * 1000000,
};

static const OwnerOps command_ops = {
        .name = "command",
        .ways = &owner_connect,
        .sync = command_sync,
        .cycle = command_cycle,
        .free = command_free,
};

int owner_command_new(Owner **ret_owner, const OwnerConfig *config)
{
        CommandOwner *o = calloc(1, sizeof(*o));

        if (!o)
                error_oom(sizeof(*o));
        o->owner.ops = &command_ops;
        o->config = config;
        *ret_owner = &o->owner;
        return 0;
}
