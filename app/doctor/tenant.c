/* SPDX-License-Identifier: Apache-2.0 */

/* Sign-in, and what the tenant says. */

#include "app/config/permissions.h"
#include "app/doctor/doctor.h"
#include "app/flow/estate.h"
#include "base/str.h"
#include "engine/target/token-key.h"

#include <string.h>

/* A tenant that does not answer is no reason to wait for minutes. */
#define PATIENCE_US ((int64_t)15 * 1000000)

static Call call_of(Doctor *d)
{
        Call call = {
                .lane = LANE_URGENT, .arena = d->arena, .run_id = "doctor", .now = clock_mono(d->clock)
        };

        call.deadline = mono_add(call.now, PATIENCE_US);
        return call;
}

static const char *credential_name(Doctor *d, const GraphCredential *c)
{
        if (c->managed_identity)
                return "the managed identity";
        return arena_printf(d->arena, "%s",
                            c->secret_file        ? c->secret_file
                            : c->certificate_file ? c->certificate_file
                                                  : c->federated_token_file);
}

void doctor_credentials(Doctor *d)
{
        const GraphCredential *items = d->config->target.credentials.items;

        for (size_t i = 0; i < d->config->target.credentials.n_items; i++) {
                Wall end;

                if (items[i].certificate_file && token_key_end(&items[i], &end) == 0)
                        doctor_certificate(
                                d, items[i].certificate_file, end,
                                "make a new one, upload it to the app registration, and let the file "
                                "hold it; no restart is needed");
        }
}

/* Each by itself: one that is refused hides behind the next until that ends too. */
static int sign_in(Doctor *d, size_t i, Diag *diag)
{
        const GraphCredential *item = (const GraphCredential *)d->config->target.credentials.items + i;
        GraphOptions *options = arena_memdup(d->arena, &d->config->target, sizeof(*options));
        _cleanup_(target_freep) Target *target = NULL;
        Call call = call_of(d);
        TokenClaims claims;
        int r;

        options->credentials.items = item;
        options->credentials.n_items = 1;
        r = target_graph_new(&target, options, d->clock, &d->log, diag);
        if (r == 0)
                r = graph_tenant_claims(target, &call, &claims, diag);
        if (r && r != TARGET_E_GARBAGE)
                return r;
        if (!d->target) {
                d->claims = r ? (TokenClaims){ 0 } : claims;
                d->options = options;
                d->target = TAKE(target);
        }
        return 0;
}

void doctor_sign_in(Doctor *d)
{
        const GraphCredential *items = d->config->target.credentials.items;
        size_t n = d->config->target.credentials.n_items;

        for (size_t i = 0; i < n; i++) {
                _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
                int r = sign_in(d, i, &diag);
                const char *advice =
                        r == TARGET_E_REFUSED
                                ? "make a new secret or certificate in the app registration, and put it "
                                  "into the file; check tenant_id and client_id"
                                : "can this machine reach the endpoint (proxy, firewall, DNS)?";

                if (r == 0)
                        doctor_ok(d, "with %s%s%s", credential_name(d, &items[i]),
                                  d->claims.app_name ? ", as " : "",
                                  d->claims.app_name
                                          ? str_safe(d->arena, d->claims.app_name, strlen(d->claims.app_name))
                                          : "");
                else if (n > 1)
                        doctor_warn(d, advice, "%s: %s", credential_name(d, &items[i]), diag_text(&diag));
                else
                        doctor_fault(d, advice, "%s: %s", credential_name(d, &items[i]), diag_text(&diag));
        }
        if (!d->target)
                d->unreachable = true;
}

void doctor_tenant_clock(Doctor *d)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Call call = call_of(d);
        int64_t ahead_ms;

        /* What else may be wrong with this request is said by "tenant". */
        if (graph_tenant_clock(d->target, &call, d->clock, &ahead_ms, &diag) == 0)
                doctor_skew(d, "Microsoft Graph", ahead_ms);
}

void doctor_tenant(Doctor *d)
{
        TargetInfo *info = arena_new_of(d->arena, TargetInfo);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Call call = call_of(d);
        int r = target_info(d->target, &call, info, &diag);

        if (r == 0) {
                d->info = info;
                doctor_ok(d, "%s (%s), %zu verified domains", info->tenant_name ? info->tenant_name : "",
                          info->tenant_id, info->n_verified_domains);
                return;
        }
        if (r == TARGET_E_UNREACHABLE || r == TARGET_E_TRANSIENT || r == TARGET_E_THROTTLED)
                d->unreachable = true;
        if (r != TARGET_E_REFUSED) {
                doctor_fault(d, "try again in some minutes; status.cloud.microsoft has known outages", "%s",
                             diag_text(&diag));
                return;
        }
        /* With the permission missing, "permissions" has said so. */
        for (size_t i = 0; i < d->claims.n_roles; i++)
                if (str_is(d->claims.roles[i], "Organization.Read.All") ||
                    str_starts(d->claims.roles[i], "Directory.Read"))
                        doctor_fault(d, "let an administrator look at the app registration and its consent",
                                     "%s", diag_text(&diag));
}

void doctor_estate(Doctor *d)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Estate configured = (Estate)d->config->target.estate;
        EstateFound found;
        const char *wrong;

        if (estate_find(d->target, d->target, d->clock, d->arena, &found, &diag)) {
                doctor_warn(d, "try again; each run asks too", "who owns the objects cannot be asked: %s",
                            diag_text(&diag));
                return;
        }
        wrong = estate_contradiction(&found, configured, d->arena);
        if (wrong)
                doctor_fault(d,
                             arena_printf(d->arena, "target.estate: %s; see target.estate in sosync.yaml(5)",
                                          estate_name(found.estate)),
                             "%s", wrong);
        else
                doctor_ok(d, "%s: %s", estate_name(configured), found.why);
}

void doctor_permissions(Doctor *d)
{
        PermissionsFound found;

        if (!d->claims.n_roles) {
                doctor_warn(d,
                            "look at the permissions of the app registration yourself: `sosync config "
                            "permissions` lists those that are needed",
                            "the token does not say what was granted");
                return;
        }
        permissions_probe(d->config, &d->claims, d->arena, &found);
        for (size_t i = 0; i < found.n_missing; i++) {
                const Permission *p = found.missing[i];
                bool later = p->writes && d->config->staging;
                const char *advice =
                        arena_printf(d->arena,
                                     "%sadd the application permission %s of Microsoft Graph to the app "
                                     "registration, and grant admin consent",
                                     later ? "before `sosync promote`, not now: " : "", p->name);

                if (p->optional || later)
                        doctor_warn(d, advice, "%s is missing (%s): %s", p->name, p->when, p->what);
                else
                        doctor_fault(d, advice, "%s is missing (%s): %s", p->name, p->when, p->what);
        }
        for (size_t i = 0; i < found.n_beyond; i++)
                doctor_warn(d, "withdraw it: a right without a use is a risk",
                            "%s was granted, and this configuration does not use it",
                            str_safe(d->arena, found.beyond[i], strlen(found.beyond[i])));
        if (!found.n_missing && !found.n_beyond)
                doctor_ok(d, "the %zu that are needed, and no other", d->claims.n_roles);
}

static bool is_verified(const TargetInfo *info, const char *suffix)
{
        for (size_t i = 0; i < info->n_verified_domains; i++)
                if (str_is_nocase(info->verified_domains[i], suffix))
                        return true;
        return false;
}

void doctor_domains(Doctor *d)
{
        size_t n_bad = 0, n = 0;

        for (size_t i = 0; i < d->config->n_sources; i++) {
                const DoctorSource *s = &d->sources[i];

                for (size_t k = 0; k < s->suffixes.n; k++) {
                        n++;
                        if (is_verified(d->info, s->suffixes.names[k]))
                                continue;
                        n_bad++;
                        doctor_warn(
                                d,
                                "verify the domain in Microsoft Entra ID, or give these users a suffix that "
                                "is verified",
                                "%u user%s of %s named ...@%s, which is no verified domain of the tenant",
                                s->suffixes.n_users[k], s->suffixes.n_users[k] == 1 ? "" : "s",
                                arena_printf(d->arena, "%s %s", s->config->ldap.name,
                                             s->suffixes.n_users[k] == 1 ? "is" : "are"),
                                s->suffixes.names[k]);
                }
        }
        if (!n_bad && n)
                doctor_ok(d,
                          n == 1 ? "the suffix of users is verified"
                                 : "all %zu suffixes of users are verified",
                          n);
}
