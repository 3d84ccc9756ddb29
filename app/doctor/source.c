/* SPDX-License-Identifier: Apache-2.0 */

/* The servers of a directory, and what is in it. */

#include "app/doctor/doctor.h"
#include "base/str.h"

#include <string.h>

static const char *advice(ProbeEnd end, bool simple)
{
        switch (end) {
        case PROBE_UNREACHABLE:
                return "is the name right, the server up, and the port open (ldaps: 636, ldap: 389)?";
        case PROBE_TLS:
                return "give the authority of the server's certificate as tls.ca_file, and the name that is "
                       "in the "
                       "certificate as the URI; an expired one must be replaced on the server";
        case PROBE_REFUSED:
                return simple ? "correct bind.dn and the password in bind.password_file; nothing else was "
                                "tried, so "
                                "that the account is not locked"
                              : "correct the bind: section; nothing else was tried, so that the account is "
                                "not "
                                "locked";
        case PROBE_UNSUITABLE:
                return "name a writable domain controller of this domain, and its naming context as base";
        default:
                return "see what the server's own log says";
        }
}

/* The first good one is kept, for the questions behind. */
static ProbeEnd server(Doctor *d, const char *uri)
{
        DoctorSource *s = d->source;
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(probe_freep) Probe *p = NULL;
        ProbeFacts f;
        char id[GUID_TEXT_MAX], time[64];
        ProbeEnd end = probe_open(&p, &s->config->ldap, uri, d->clock, d->arena, &f, &diag);

        d->check = "servers";
        if (end) {
                bool simple = s->config->ldap.bind.mechanism == BIND_SIMPLE;
                const char *text = diag_any(&diag) ? diag.items[diag.n_items - 1].text : diag_text(&diag);

                doctor_fault(d, advice(end, simple), "%s", text);
                return end;
        }
        duration_format(f.open_us, time, sizeof(time));
        guid_format(&f.server_id, id);
        doctor_ok(d, "%s: %s%s, %s, invocationId %s%s%s; open in %s", uri, f.product,
                  f.is_global_catalogue ? ", global catalogue" : "", f.server, id,
                  f.account ? "; we are " : "", f.account ? f.account : "", time);
        if (f.has_clock) {
                d->check = "clock";
                doctor_skew(d, f.server, f.ahead_ms);
        }
        if (f.certificate_end.ms) {
                d->check = "certificate";
                doctor_certificate(d, arena_printf(d->arena, "the certificate of %s", f.server),
                                   f.certificate_end, "renew it on the server");
        }
        if (!s->probe) {
                s->probe = TAKE(p);
                s->facts = f;
        }
        return PROBE_GOOD;
}

void doctor_servers(Doctor *d)
{
        const LdapConfig *c = &d->source->config->ldap;
        const char *const *uris = c->uris.items;

        for (size_t i = 0; i < c->uris.n_items; i++)
                if (server(d, uris[i]) == PROBE_REFUSED)
                        break;
        if (!d->source->probe)
                d->unreachable = true;
}

/* -- what the configuration names ------------------------------------------------------------------------ */

/* True: it is there. */
static bool object(Doctor *d, const char *key, const char *dn, bool *ret_group)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        ProbeEnd end = probe_object(d->source->probe, dn, ret_group, &diag);

        if (end == PROBE_ABSENT)
                doctor_fault(d, "correct the name, or let the account of the service read it",
                             "%s: %s is not there, or not visible", key, dn);
        else if (end)
                doctor_fault(d, NULL, "%s: %s", key, diag_text(&diag));
        return !end;
}

void doctor_scope(Doctor *d)
{
        const ScopeConfig *c = &d->source->config->scope;
        const struct {
                const char *key;
                const ConfigList *list;
        } lists[] = { { "scope.include", &c->include }, { "scope.exclude", &c->exclude } };
        size_t n_bad = 0;
        bool group;

        for (size_t l = 0; l < N_ELEMENTS(lists); l++)
                for (size_t i = 0; i < lists[l].list->n_items; i++)
                        n_bad += !object(d, lists[l].key, ((const char *const *)lists[l].list->items)[i],
                                         &group);
        if (n_bad)
                return;
        if (!c->include.n_items)
                doctor_ok(d, "everything below %s, but for %zu containers", d->source->facts.base,
                          c->exclude.n_items);
        else
                doctor_ok(d, "%zu included and %zu excluded containers, all there", c->include.n_items,
                          c->exclude.n_items);
}

void doctor_filter_group(Doctor *d)
{
        const char *dn = d->source->config->scope.group_filter;
        bool group;

        if (!dn || !object(d, "scope.group_filter", dn, &group))
                return;
        if (group)
                doctor_ok(d, "%s", dn);
        else
                doctor_fault(d, "name a group; its direct members are in scope",
                             "scope.group_filter: %s is no group", dn);
}

/* Each that a rule asks for with ISMEMBEROF; those of other sources are their affair. */
void doctor_rule_groups(Doctor *d)
{
        size_t n, n_mine = 0, n_bad = 0;
        const RuleGroup *groups = rules_member_groups(d->config->run.rules, NULL, &n);
        const Dn *base;
        bool group;

        if (n == 0 || dn_parse(d->arena, d->source->facts.base, &base, NULL))
                return;
        for (size_t i = 0; i < n; i++) {
                const char *dn = groups[i].dn->text;

                if (!dn_is_below(groups[i].dn, base))
                        continue;
                n_mine++;
                if (!object(d, "rules: ISMEMBEROF", dn, &group))
                        n_bad++;
                else if (!group)
                        doctor_fault(d, "name a group in the rule", "rules: ISMEMBEROF: %s is no group", dn);
        }
        if (n_mine && !n_bad)
                doctor_ok(d, "groups that rules name: %zu, all there", n_mine);
}

static bool is_below(Doctor *d, const char *text)
{
        const Dn *dn, *base;

        return dn_parse(d->arena, text, &dn, NULL) == 0 &&
               dn_parse(d->arena, d->source->facts.base, &base, NULL) == 0 && dn_is_below(dn, base);
}

void doctor_urgent(Doctor *d)
{
        const UrgentConfig *items = d->config->urgent.items;
        size_t n = 0;
        bool group;

        for (size_t i = 0; i < d->config->urgent.n_items; i++) {
                const char *dn = items[i].ou ? items[i].ou : items[i].group;

                if (dn && is_below(d, dn))
                        n += object(d, items[i].ou ? "urgent.ou" : "urgent.group", dn, &group);
        }
        if (n)
                doctor_ok(d, "%zu container%s and groups of the rules are there", n, n == 1 ? "" : "s");
}
