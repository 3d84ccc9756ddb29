/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/target/on-demand.h"

#include "engine/model/dn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const ConfigField domain_fields[] = {
        { .name = "base",
          .type = CONFIG_DN,
          .offset = offsetof(OnDemandDomain, base),
          .required = true,
          .help = "the domain: for objects at and below this DN" },
        { .name = "job",
          .type = CONFIG_TEXT,
          .offset = offsetof(OnDemandDomain, job),
          .required = true,
          .help = "the id of its synchronization job" },
        { 0 },
};

const ConfigField on_demand_fields[] = {
        { .name = "ask",
          .type = CONFIG_BOOL,
          .offset = offsetof(OnDemandConfig, ask),
          .fallback = "true",
          .help = "ask its provisioning on demand for what only it may write (5 requests in 10 seconds); "
                  "false: "
                  "that is left to its regular cycle" },
        { .name = "job",
          .type = CONFIG_TEXT,
          .offset = offsetof(OnDemandConfig, job),
          .help = "the id of its synchronization job; without it the tenant's only one" },
        { .name = "jobs",
          .type = CONFIG_LIST,
          .item = CONFIG_MAP,
          .fields = domain_fields,
          .size = sizeof(OnDemandDomain),
          .offset = offsetof(OnDemandConfig, jobs),
          .fallback = "[]",
          .help = "instead of job, where each domain has one of its own" },
        { .name = "timeout",
          .type = CONFIG_DURATION,
          .offset = offsetof(OnDemandConfig, timeout_us),
          .fallback = "60s",
          .min = 1,
          .max = 600,
          .help = "how long it may take for one object" },
        { 0 },
};

static bool finding(const ConfigDoc *doc, const char *path, Diag *diag, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

static bool finding(const ConfigDoc *doc, const char *path, Diag *diag, const char *format, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        diag_add_at(diag, doc ? config_mark(doc, path) : (DiagMark){ 0 }, "%s: %s", path, text);
        return false;
}

static bool check_id(const char *id, const ConfigDoc *doc, const char *path, Diag *diag)
{
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_#";
        size_t n = id ? strlen(id) : 0;

        if (!id || (n && n <= 200 && strspn(id, allowed) == n))
                return true;
        return finding(
                doc, path, diag,
                "\"%.200s\" is not the id of a synchronization job, such as AD2AADProvisioning.<tenant>.<id>",
                id);
}

/* Two for one domain: nobody knows which is meant. */
static bool check_base(const OnDemandConfig *c, size_t i, const ConfigDoc *doc, const char *path, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const OnDemandDomain *domains = c->jobs.items;
        const Dn *mine, *other;

        if (!domains[i].base || dn_parse(a, domains[i].base, &mine, NULL))
                return true; /* the reader has said so */
        for (size_t k = 0; k < i; k++)
                if (domains[k].base && dn_parse(a, domains[k].base, &other, NULL) == 0 && dn_is(mine, other))
                        return finding(doc, path, diag, "%s has a job already", mine->text);
        return true;
}

int on_demand_check(const OnDemandConfig *c, const ConfigDoc *doc, const char *prefix, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const OnDemandDomain *domains = c->jobs.items;
        const char *jobs = arena_printf(a, "%s.jobs", prefix);
        bool ok = check_id(c->job, doc, arena_printf(a, "%s.job", prefix), diag);

        if (c->job && c->jobs.n_items)
                ok = finding(doc, jobs, diag, "either job or jobs, not both");
        if (c->jobs.n_items > ON_DEMAND_JOBS_MAX)
                ok = finding(doc, jobs, diag, "at most %d jobs, not %zu", ON_DEMAND_JOBS_MAX,
                             c->jobs.n_items);
        for (size_t i = 0; i < c->jobs.n_items; i++) {
                ok &= check_id(domains[i].job, doc,
                               arena_printf(a, "%s.%zu.job", jobs, config_number(&c->jobs, i)), diag);
                ok &= check_base(c, i, doc, arena_printf(a, "%s.%zu.base", jobs, config_number(&c->jobs, i)),
                                 diag);
        }
        return ok ? 0 : CONFIG_E_INVALID;
}

bool on_demand_job_for(const OnDemandConfig *c, const char *dn, Arena *a, size_t *ret_number,
                       const char **ret_id)
{
        const OnDemandDomain *domains = c->jobs.items;
        const Dn *object, *base;
        size_t depth = 0;

        *ret_number = 0;
        *ret_id = c->job;
        if (c->jobs.n_items == 0)
                return true;
        *ret_id = NULL;
        if (!dn || dn_parse(a, dn, &object, NULL))
                return false;
        for (size_t i = 0; i < c->jobs.n_items; i++)
                if (dn_parse(a, domains[i].base, &base, NULL) == 0 && dn_is_below(object, base) &&
                    base->n_rdns > depth) {
                        depth = base->n_rdns;
                        *ret_number = i;
                        *ret_id = domains[i].job;
                }
        return *ret_id != NULL;
}

bool on_demand_has_job(const OnDemandConfig *c, const char *base)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const OnDemandDomain *domains = c->jobs.items;
        const Dn *asked, *mine;

        if (c->jobs.n_items == 0 || dn_parse(a, base, &asked, NULL))
                return true;
        for (size_t i = 0; i < c->jobs.n_items; i++)
                if (domains[i].base && dn_parse(a, domains[i].base, &mine, NULL) == 0 &&
                    (dn_is_below(asked, mine) || dn_is_below(mine, asked)))
                        return true;
        return false;
}
