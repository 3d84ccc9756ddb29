/* SPDX-License-Identifier: Apache-2.0 */

/* What the feed of a directory needs of its server and of our rights there. */

#include "app/doctor/doctor.h"
#include "base/str.h"

#include <string.h>

/* "DS-Replication-Get-Changes" (MS-ADTS 5.1.3.2.1). */
#define RIGHT_GET_CHANGES "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2"

/* The property set "Account Restrictions" (MS-ADTS 6.1.1.2.7): userAccountControl, accountExpires. */
#define RIGHT_ACCOUNT "4c164200-20c0-11d0-a768-00aa006e0529"

/* Samba's tdb store reads the whole domain for each look; its mdb store does not. Looks far below this cost
 * nothing either way. */
#define LOOK_SLOW_US 20000

static const char *duration(Doctor *d, int64_t us)
{
        char text[64];

        return arena_strdup(d->arena, duration_format(us, text, sizeof(text)));
}

static const char *account(const DoctorSource *s)
{
        const char *dn = s->config->ldap.bind.dn;

        return s->facts.account ? s->facts.account : dn ? dn : "the account";
}

/* The shell command that grants a right, with the tool of this kind of server. */
static const char *grant(Doctor *d, const char *dn, const char *sddl, const char *inherit, const char *dsacls)
{
        const DoctorSource *s = d->source;

        if (s->facts.is_samba)
                return arena_printf(d->arena, "samba-tool dsacl set --objectdn='%s' --sddl='(%s;%s)'", dn,
                                    sddl, s->facts.sid ? s->facts.sid : "SID-OF-THE-ACCOUNT");
        return arena_printf(d->arena, "dsacls \"%s\"%s /G \"%s:%s\"", dn, inherit, account(s), dsacls);
}

static void dirsync(Doctor *d)
{
        DoctorSource *s = d->source;
        int mode = s->config->ldap.object_security;
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        int64_t look_us = 0;
        ProbeEnd end = probe_dirsync(s->probe, mode == OBJECT_SECURITY_ON, &look_us, &diag);

        if (end == PROBE_GOOD && s->facts.is_samba && look_us > LOOK_SLOW_US) {
                doctor_warn(
                        d,
                        "Samba's mdb store answers in a millisecond whatever its size: `samba-tool domain "
                        "join --backend-store=mdb` for the controller that sosync asks",
                        "dirsync: a look takes %s, which suggests the tdb store: it reads the whole domain "
                        "each time",
                        duration(d, look_us));
        } else if (end == PROBE_GOOD) {
                doctor_ok(d, "dirsync, %s; a look takes %s",
                          mode == OBJECT_SECURITY_ON
                                  ? "with object_security: it sees what the account may read"
                                  : "with the right to replicate",
                          duration(d, look_us));
        } else if (end == PROBE_REFUSED && mode != OBJECT_SECURITY_ON) {
                const char *advice =
                        "grant Replicating Directory Changes (DS-Replication-Get-Changes, " RIGHT_GET_CHANGES
                        "), not \"... All\"; an administrator runs:";

                diag_clear(&diag);
                if (mode == OBJECT_SECURITY_AUTO &&
                    probe_dirsync(s->probe, true, &look_us, &diag) == PROBE_GOOD)
                        doctor_warn(d, advice,
                                    "dirsync: %s has no right to replicate %s, so changes of what it may not "
                                    "read "
                                    "are not seen",
                                    account(s), s->facts.base);
                else
                        doctor_fault(d, advice, "dirsync: %s has no right to replicate %s", account(s),
                                     s->facts.base);
                doctor_command(d, grant(d, s->facts.base, "OA;;CR;" RIGHT_GET_CHANGES ";", "",
                                        "CA;Replicating Directory Changes"));
        } else {
                doctor_fault(d, "take another feed (source.feed: usn), or ask why the server refuses DirSync",
                             "dirsync: %s", diag_text(&diag));
        }
}

static void usn(Doctor *d)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        int64_t look_us = 0;

        if (probe_usn(d->source->probe, &look_us, &diag))
                doctor_fault(d, NULL, "usn: %s", diag_text(&diag));
        else
                doctor_ok(d, "usn: sees what the account may read; a look takes %s", duration(d, look_us));
}

static void syncrepl(Doctor *d)
{
        bool is_389 = strncmp(d->source->facts.product, "389", 3) == 0;
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        int64_t us = 0;

        if (probe_syncrepl(d->source->probe, &us, &diag)) {
                doctor_fault(d,
                             is_389 ? "enable the plugins Retro Changelog and Content Synchronization, and "
                                      "let the "
                                      "account use the control 1.3.6.1.4.1.4203.1.9.1.1"
                                    : "add the overlay syncprov to the database, and let the account read it",
                             "syncrepl: %s", diag_text(&diag));
                return;
        }
        diag_clear(&diag);
        if (probe_unlimited(d->source->probe, &diag) == PROBE_LIMIT)
                doctor_fault(
                        d,
                        is_389 ? "set nsSizeLimit: -1 and nsLookThroughLimit: -1 at the entry of the account"
                               : arena_printf(d->arena,
                                              "add to the database: olcLimits: dn.exact=\"%s\" "
                                              "size=unlimited time=unlimited",
                                              account(d->source)),
                        "syncrepl: the server limits the searches of %s, so that a refresh would end early",
                        account(d->source));
        else
                doctor_ok(d, "syncrepl: content synchronization answers in %s, searches without a limit",
                          duration(d, us));
}

void doctor_feed(Doctor *d)
{
        static const struct {
                const char *name;
                void (*run)(Doctor *d);
        } feeds[] = { { "dirsync", dirsync }, { "usn", usn }, { "syncrepl", syncrepl } };
        const char *feed = d->source->facts.feed;

        if (!feed) {
                doctor_fault(d,
                             "OpenLDAP: add the overlay syncprov; 389 Directory Server: the plugin Content "
                             "Synchronization",
                             "no way to follow the changes of this server");
                return;
        }
        for (size_t i = 0; i < N_ELEMENTS(feeds); i++)
                if (str_is(feed, feeds[i].name)) {
                        feeds[i].run(d);
                        return;
                }
        doctor_ok(d, "%s: nothing is asked of the server", feed);
}

void doctor_deleted(Doctor *d)
{
        const DoctorSource *s = d->source;
        const char *dn = arena_printf(d->arena, "CN=Deleted Objects,%s", s->facts.base);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        ProbeEnd end = probe_deleted(s->probe, &diag);

        if (end == PROBE_GOOD) {
                doctor_ok(d, "can be read");
        } else if (end == PROBE_ABSENT || end == PROBE_REFUSED) {
                doctor_warn(
                        d,
                        s->facts.is_samba
                                ? "let the account list and read the container; an administrator runs:"
                                : "let the account list and read the container; an administrator runs (after "
                                  "dsacls with /takeownership, once):",
                        "%s cannot read %s: on_delete waits for a tombstone that is not seen", account(s),
                        dn);
                doctor_command(d, grant(d, dn, "A;;LCRP;;", "", "LCRP"));
        } else {
                doctor_fault(d, NULL, "%s", diag_text(&diag));
        }
}

void doctor_paging(Doctor *d)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;

        if (probe_paging(d->source->probe, &diag))
                doctor_fault(d, "the server must offer paged results (RFC 2696, 1.2.840.113556.1.4.319)",
                             "%s", diag_text(&diag));
        else
                doctor_ok(d, "a second page follows the first");
}

static const char *limit_text(Arena *a, const char *text, const char *name, int64_t v)
{
        return v < 0 ? text : arena_printf(a, "%s%s%s %lld", text, *text ? ", " : "", name, (long long)v);
}

/* What is cut by them comes in pages and parts; these are for those that would keep the feed from working. */
void doctor_limits(Doctor *d)
{
        const LdapConfig *c = &d->source->config->ldap;
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const char *text = "";
        ServerLimits l;

        if (!d->source->facts.is_ad)
                return;
        if (probe_limits(d->source->probe, &l, &diag)) {
                doctor_ok(d, "the server's limits are not to be seen by this account (lDAPAdminLimits)");
                return;
        }
        text = limit_text(d->arena, text, "MaxPageSize", l.page);
        text = limit_text(d->arena, text, "MaxValRange", l.range);
        text = limit_text(d->arena, text, "MaxQueryDuration", l.query_s);
        text = limit_text(d->arena, text, "MaxConnIdleTime", l.idle_s);
        text = limit_text(d->arena, text, "MaxNotificationPerConn", l.notifications);
        if (l.notifications == 0)
                doctor_warn(d, "ntdsutil, LDAP policies: MaxNotificationPerConn 5, as Windows has it",
                            "the server rings for nobody (%s): changes are seen by reading its USN", text);
        else if (l.query_s >= 0 && l.query_s < 30)
                doctor_warn(d, "ntdsutil, LDAP policies: MaxQueryDuration 120, as Windows has it",
                            "a search may last %lld s (%s): reading everything may be cut short",
                            (long long)l.query_s, text);
        else if (l.idle_s >= 0 && l.idle_s * 1000000 <= c->keepalive_us / 3)
                doctor_warn(d, "a source.keepalive below three times MaxConnIdleTime",
                            "connections are closed after %lld s without a request (%s)", (long long)l.idle_s,
                            text);
        else
                doctor_ok(d, "%s", *text ? text : "no limits are named (lDAPAdminLimits)");
}

void doctor_ranges(Doctor *d)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        ProbeEnd end = probe_ranges(d->source->probe, &diag);

        if (end == PROBE_GOOD)
                doctor_ok(d, "members of large groups come in parts");
        else if (end == PROBE_ABSENT)
                doctor_warn(d, "let the account of the service read groups and their members",
                            "%s sees no group with members", account(d->source));
        else
                doctor_fault(d, "groups of more than 1,500 members cannot be read whole from this server",
                             "%s", diag_text(&diag));
}

/* An account whose userAccountControl cannot be read may be disabled: nothing of it is written. So may one
 * whose accountExpires cannot be read, where rules ask for it. */
static void control(Doctor *d)
{
        DoctorSource *s = d->source;
        const ProbeSuffixes *u = &s->suffixes;
        bool dated = !u->n_unread && run_config_reads(&d->config->run, "accountExpires");
        const char *first = dated ? u->undated : u->unread;
        unsigned n = dated ? u->n_undated : u->n_unread;

        if (!n)
                return;
        doctor_fault(
                d,
                "let the account read the property set Account Restrictions of all users; an "
                "administrator runs (and again for CN=AdminSDHolder,CN=System, if administrators are in "
                "scope):",
                "%s cannot read %s of %u of %u users (%s%s): nobody knows whether they %s, and nothing of "
                "them is written",
                account(s), dated ? "accountExpires" : "userAccountControl", n, u->n_read, first,
                n > 1 ? ", ..." : "", dated ? "have expired" : "are disabled");
        doctor_command(d, grant(d, s->facts.base, "OA;CI;RP;" RIGHT_ACCOUNT ";", " /I:T",
                                "RP;Account Restrictions"));
}

/* What is behind the @, for the tenant's check of its domains. */
void doctor_names(Doctor *d)
{
        DoctorSource *s = d->source;
        const ConfigList *include = &s->config->scope.include;
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const char *text = "";
        unsigned n_users = 0;
        ProbeEnd end = PROBE_GOOD;

        if (!s->facts.is_ad)
                return;
        if (!include->n_items)
                end = probe_suffixes(s->probe, s->facts.base, &s->suffixes, &diag);
        for (size_t i = 0; i < include->n_items && !end; i++)
                end = probe_suffixes(s->probe, ((const char *const *)include->items)[i], &s->suffixes, &diag);
        if (end == PROBE_ABSENT)
                return; /* "scope" says so */
        if (end) {
                doctor_fault(d, NULL, "%s", diag_text(&diag));
                return;
        }
        s->has_suffixes = true;
        for (size_t i = 0; i < s->suffixes.n; i++) {
                n_users += s->suffixes.n_users[i];
                if (i < 5)
                        text = arena_printf(d->arena, "%s%s%s", text, i ? ", " : "", s->suffixes.names[i]);
        }
        if (n_users)
                doctor_ok(d, "%u%s user%s looked at, in %s%s", n_users, n_users >= PROBE_USERS_MAX ? "+" : "",
                          n_users == 1 ? "" : "s", text, s->suffixes.n > 5 ? ", ..." : "");
        else
                doctor_ok(d, "no user with a userPrincipalName in scope yet");
        control(d);
}
