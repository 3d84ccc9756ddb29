/* SPDX-License-Identifier: Apache-2.0 */

#include "app/doctor/doctor.h"

#include "base/str.h"
#include "engine/steps/catalogue.h"

#include <stdlib.h>
#include <unistd.h>

#define DAY_MS ((int64_t)86400 * 1000)

/* Who renews by program does so 30 days ahead: later than this, nobody has. */
#define CERTIFICATE_DAYS 21

typedef enum Needs {
        NEEDS_CONFIG = 1 << 0,
        NEEDS_SERVER = 1 << 1, /* a server of this source answers */
        NEEDS_AD = 1 << 2,     /* ... and is an Active Directory; else there is nothing to check */
        NEEDS_TENANT = 1 << 3, /* signed in */
        NEEDS_INFO = 1 << 4,   /* the tenant has said who it is */
        NEEDS_FEEDS = 1 << 5,  /* somebody wants to see feeds at work; else there is nothing to check */
} Needs;

typedef enum Place {
        ON_MACHINE,
        IN_SOURCE, /* once for each */
        IN_TENANT,
} Place;

typedef struct DoctorCheck {
        Place place;
        const char *name;
        void (*run)(Doctor *d);
        unsigned needs;
} DoctorCheck;

static const DoctorCheck checks[] = {
        { ON_MACHINE, "configuration", doctor_configuration, 0 },
        { ON_MACHINE, "rules", doctor_rules, NEEDS_CONFIG },
        { ON_MACHINE, "secrets", doctor_secrets, NEEDS_CONFIG },
        { ON_MACHINE, "state", doctor_state, NEEDS_CONFIG },
        { ON_MACHINE, "cluster", doctor_cluster, NEEDS_CONFIG },
        { ON_MACHINE, "reports", doctor_reports, NEEDS_CONFIG },
        { ON_MACHINE, "audit log", doctor_audit, NEEDS_CONFIG },
        { ON_MACHINE, "notify", doctor_notify, NEEDS_CONFIG },
        { ON_MACHINE, "scheduler", doctor_scheduler, NEEDS_CONFIG },
        { ON_MACHINE, "connect", doctor_owner, NEEDS_CONFIG },
        { IN_SOURCE, "servers", doctor_servers, NEEDS_CONFIG },
        { IN_SOURCE, "feed", doctor_feed, NEEDS_SERVER },
        { IN_SOURCE, "deleted objects", doctor_deleted, NEEDS_SERVER | NEEDS_AD },
        { IN_SOURCE, "limits", doctor_limits, NEEDS_SERVER },
        { IN_SOURCE, "paging", doctor_paging, NEEDS_SERVER },
        { IN_SOURCE, "ranges", doctor_ranges, NEEDS_SERVER | NEEDS_AD },
        { IN_SOURCE, "scope", doctor_scope, NEEDS_SERVER },
        { IN_SOURCE, "group filter", doctor_filter_group, NEEDS_SERVER },
        { IN_SOURCE, "rules' groups", doctor_rule_groups, NEEDS_SERVER },
        { IN_SOURCE, "urgent", doctor_urgent, NEEDS_SERVER },
        { IN_SOURCE, "user names", doctor_names, NEEDS_SERVER },
        { IN_SOURCE, "feed at work", doctor_feeds, NEEDS_SERVER | NEEDS_FEEDS },
        { IN_TENANT, "certificate", doctor_credentials, NEEDS_CONFIG },
        { IN_TENANT, "sign-in", doctor_sign_in, NEEDS_CONFIG },
        { IN_TENANT, "permissions", doctor_permissions, NEEDS_TENANT },
        { IN_TENANT, "clock", doctor_tenant_clock, NEEDS_TENANT },
        { IN_TENANT, "tenant", doctor_tenant, NEEDS_TENANT },
        { IN_TENANT, "estate", doctor_estate, NEEDS_INFO },
        { IN_TENANT, "domains", doctor_domains, NEEDS_INFO },
};

/* -- findings ------------------------------------------------------------------------------------------ */

static void __attribute__((format(printf, 4, 0)))
add(Doctor *d, Verdict verdict, const char *advice, const char *format, va_list ap)
{
        if (d->n_findings == DOCTOR_FINDINGS_MAX)
                return;
        d->findings[d->n_findings++] = (Finding){
                .section = d->section,
                .check = d->check,
                .verdict = verdict,
                .text = arena_vprintf(d->arena, format, ap),
                .advice = advice,
        };
}

void doctor_ok(Doctor *d, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        add(d, VERDICT_OK, NULL, format, ap);
        va_end(ap);
}

void doctor_warn(Doctor *d, const char *advice, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        add(d, VERDICT_WARNING, advice, format, ap);
        va_end(ap);
}

void doctor_fault(Doctor *d, const char *advice, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        add(d, VERDICT_FAULT, advice, format, ap);
        va_end(ap);
}

void doctor_command(Doctor *d, const char *command)
{
        if (d->n_findings)
                d->findings[d->n_findings - 1].command = command;
}

void doctor_certificate(Doctor *d, const char *what, Wall end, const char *advice)
{
        char text[WALL_TEXT_MAX];
        int64_t days = (end.ms - clock_wall(d->clock).ms) / DAY_MS;

        wall_format(end, text);
        if (end.ms <= clock_wall(d->clock).ms)
                doctor_fault(d, advice, "%s ended on %.10s", what, text);
        else if (days < CERTIFICATE_DAYS)
                doctor_warn(d, advice, "%s ends on %.10s, in %lld days", what, text, (long long)days);
        else
                doctor_ok(d, "%s is valid until %.10s", what, text);
}

void doctor_skew(Doctor *d, const char *whose, int64_t ahead_ms)
{
        const char *advice = "synchronize this machine's clock, and that of the server, with the same source "
                             "(chrony, systemd-timesyncd)";
        int64_t off = llabs(ahead_ms);
        char text[64];

        duration_format(off * 1000, text, sizeof(text));
        if (off < 30000)
                doctor_ok(d,
                          off < 1000 ? "the clock of %s and ours agree"
                                     : "the clock of %s and ours are %s apart",
                          whose, text);
        else if (off < 300000)
                doctor_warn(d, advice, "the clock of %s is %s %s ours", whose, text,
                            ahead_ms > 0 ? "ahead of" : "behind");
        else
                doctor_fault(d, advice,
                             "the clock of %s is %s %s ours; more than 5 minutes are refused by "
                             "Kerberos and at sign-in",
                             whose, text, ahead_ms > 0 ? "ahead of" : "behind");
}

/* -- all of it ----------------------------------------------------------------------------------------- */

void doctor_init(Doctor *d, const char *config_path, const Clock *clock, unsigned feeds_s)
{
        *d = (Doctor){
                .arena = arena_new(0), .config_path = config_path, .clock = clock, .feeds_s = feeds_s
        };
        d->findings = arena_new_array(d->arena, Finding, DOCTOR_FINDINGS_MAX);
}

void doctor_deinit(Doctor *d)
{
        for (size_t i = 0; i < CONFIG_SOURCES_MAX; i++)
                d->sources[i].probe = probe_free(d->sources[i].probe);
        d->target = target_free(d->target);
        d->config = config_unref(d->config);
        d->arena = arena_free(d->arena);
}

static void skip(Doctor *d)
{
        if (d->n_skipped < N_ELEMENTS(d->skipped))
                d->skipped[d->n_skipped++] =
                        d->source ? arena_printf(d->arena, "%s (%s)", d->check, d->section) : d->check;
}

static void one(Doctor *d, const DoctorCheck *c)
{
        bool server = d->source && d->source->probe;

        d->check = c->name;
        if ((c->needs & NEEDS_FEEDS) && !d->feeds_s)
                return;
        if (((c->needs & NEEDS_CONFIG) && !d->config) || ((c->needs & NEEDS_SERVER) && !server) ||
            ((c->needs & NEEDS_TENANT) && !d->target) || ((c->needs & NEEDS_INFO) && !d->info))
                skip(d);
        else if (!(c->needs & NEEDS_AD) || d->source->facts.is_ad)
                c->run(d);
}

static void all_of(Doctor *d, Place place, const char *section, DoctorSource *source)
{
        d->section = section;
        d->source = source;
        for (size_t i = 0; i < N_ELEMENTS(checks); i++)
                if (checks[i].place == place)
                        one(d, &checks[i]);
        d->source = NULL;
}

void doctor_run(Doctor *d)
{
        size_t n;

        all_of(d, ON_MACHINE, "this machine", NULL);
        n = d->config ? d->config->n_sources : 0;
        for (size_t i = 0; i < n; i++) {
                d->sources[i].config = &d->config->sources[i];
                all_of(d, IN_SOURCE, d->config->sources[i].ldap.name, &d->sources[i]);
        }
        all_of(d, IN_TENANT, "tenant", NULL);
}

int doctor_status(const Doctor *d)
{
        bool any = false;

        for (size_t i = 0; i < d->n_findings; i++)
                any |= d->findings[i].verdict != VERDICT_OK;
        if (!d->config)
                return EXIT_USAGE;
        return d->unreachable ? EXIT_UNREACHABLE : any ? EXIT_OBJECT : EXIT_DONE;
}
