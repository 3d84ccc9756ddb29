/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parts that touch nothing but memory, each so many times: for callgrind
 *
 *      pure        prints how it was made, and a line for each part: name, rounds
 *
 * Each part has its rounds inside one call of measured(), after one round that nobody counts (tables that are
 * made at the first use, memory that an arena keeps). instructions.py has callgrind count in there only, and
 * write a part file after each call: the n-th file is the n-th line's. All inputs are fixed.
 */

#include "engine/expr/expr.h"
#include "engine/rules/fixture.h"
#include "engine/target/limiter.h"
#include "report/fixture.h"
#include "report/html.h"

#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Part Part;
typedef struct Things Things;

/* What the parts work on, made beforehand. */
struct Things {
        Arena *config; /* of what is made once */
        Arena *run;    /* of a round: emptied after it */
        Diag diag;
        const RuleSet *rules;
        const Object *ada;
        const Expr *expr;
        const Outcome *outcome;
        PackWriter packed;
        Limiter *limiter;
        Mono now;
        Str page;
};

struct Part {
        const char *name;
        unsigned rounds;
        void (*once)(Things *t);
};

/* Of the shipped rules: what is never synchronized, and an address taken to pieces. */
static const char expression[] =
        "IIF(IsPresent([isCriticalSystemObject]) || IsPresent([sAMAccountName]) = False || "
        "Left([sAMAccountName], 4) = \"AAD_\" || (Left([mailNickname], 4) = \"CAS_\" && "
        "InStr([mailNickname], \"}\") > 0) || BitAnd([userAccountControl], 2) <> 0, \"Nobody\", "
        "Trim([givenName]) & \" \" & UCase(Trim([sn])) & \" <\" & LCase(Item(Split([mail], \"@\"), 1)) & "
        "\"@\" & "
        "%Domain.FQDN% & \">\")";

static _Noreturn void give_up(const char *what, const Diag *diag)
{
        fprintf(stderr, "pure: %s: %s\n", what, diag_text(diag));
        exit(1);
}

static void parse(Things *t)
{
        const Expr *e;
        size_t at;

        if (expr_parse(t->run, expression, NULL, &e, &at, &t->diag))
                give_up("parse", &t->diag);
}

static void eval(Things *t)
{
        ExprEnv env = { .object = t->ada,
                        .parameters = fixture_parameters,
                        .n_parameters = n_fixture_parameters,
                        .now = fixture_now };
        ExprResult result;

        if (expr_eval(t->expr, &env, t->run, &result, &t->diag) || result.value.type != VALUE_STRING)
                give_up("eval", &t->diag);
}

static void rules(Things *t)
{
        FixtureResult f = fixture_run(t->rules, t->ada, NULL, t->run, &t->diag);

        if (f.r || !f.target || f.target->n_values < 30)
                give_up("rules", &t->diag);
}

static void pack(Things *t)
{
        pack_reset(&t->packed);
        outcome_pack(&t->packed, t->outcome);
}

static void unpack(Things *t)
{
        const uint8_t *data;
        Outcome o;
        size_t n;

        data = pack_data(&t->packed, &n);
        if (outcome_unpack(t->run, data, n, &o))
                give_up("unpack", &t->diag);
}

static void limiter(Things *t)
{
        t->now = mono_add(t->now, 50000);
        limiter_take(t->limiter, LIMITER_READ, 1, LANE_NORMAL, t->now);
        limiter_take(t->limiter, LIMITER_WRITE, 1, LANE_NORMAL, t->now);
}

static void html(Things *t)
{
        str_reset(&t->page);
        html_report(t->outcome, &t->page);
}

static const Part parts[] = {
        { "expression, parsed", 200, parse },
        { "expression, evaluated", 1000, eval },
        { "rules, one user through the default set", 50, rules },
        { "msgpack, a report packed", 500, pack },
        { "msgpack, a report unpacked", 500, unpack },
        { "limiter, a read and a write granted", 5000, limiter },
        { "HTML report of an update", 50, html },
};

/* Found by its name. */
__attribute__((noinline)) static void measured(const Part *p, Things *t)
{
        for (unsigned i = 0; i < p->rounds; i++) {
                p->once(t);
                arena_reset(t->run);
        }
}

static void make(Things *t)
{
        size_t at;

        if (rules_load(t->config, NULL, &t->rules, &t->diag))
                give_up("rules", &t->diag);
        if (expr_parse(t->config, expression, NULL, &t->expr, &at, &t->diag))
                give_up("expression", &t->diag);
        t->ada = fixture_object(t->config, "user", "CN=Ada Lovelace,OU=corp,DC=corp,DC=contoso,DC=test",
                                fixture_ada);
        t->outcome = fixture_make(t->config, "update-user");
        t->limiter = limiter_new(&(LimiterOptions){
                .size = TENANT_LARGE, .share = 0.8, .urgent_reserve = 0.1, .time_scale = 1 });
        t->now = (Mono){ 1000000 };
        pack_init(&t->packed);
        str_init(&t->page, (size_t)1 << 20);
}

int main(void)
{
        Things t = { .config = arena_new(0), .run = arena_new(ARENA_LIMIT_RUN), .diag = DIAG_INIT };

        make(&t);
        printf("%s, glibc %s\n", MADE_WITH, gnu_get_libc_version());
        for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
                printf("%s: %u\n", parts[i].name, parts[i].rounds);
                parts[i].once(&t);
                arena_reset(t.run);
                measured(&parts[i], &t);
        }
        str_deinit(&t.page);
        pack_deinit(&t.packed);
        limiter_free(t.limiter);
        diag_deinit(&t.diag);
        arena_free(t.run);
        arena_free(t.config);
        return 0;
}
