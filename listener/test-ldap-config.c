/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "listener/ldap-config.h"

typedef struct Outer {
        LdapConfig source;
} Outer;

static const ConfigField outer_fields[] = {
        { .name = "source",
          .type = CONFIG_MAP,
          .offset = offsetof(Outer, source),
          .fields = ldap_config_fields },
        {},
};

#define GOOD                                                 \
        "source:\n"                                          \
        "  name: corp\n"                                     \
        "  base: DC=corp,DC=test\n"                          \
        "  uris: [ldaps://dc1.corp.test, ldap://dc2:1389]\n" \
        "  bind: {mechanism: gssapi, principal: sosync@CORP}\n"

static bool read_text(Arena *a, const char *text, Outer *o, Diag *diag)
{
        const ConfigDoc *doc = NULL;

        memset(o, 0, sizeof(*o));
        return config_read_text("x.yaml", text, strlen(text), outer_fields, NULL, a, o, &doc, diag) == 0 &&
               ldap_config_check(&o->source, doc, "source", diag);
}

static void test_defaults(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Outer o;

        (void)state;
        if (!read_text(a, GOOD, &o, &diag))
                fail_msg("%s", diag_text(&diag));
        assert_int_equal(o.source.uris.n_items, 2);
        assert_int_equal(o.source.bind.mechanism, BIND_GSSAPI);
        assert_string_equal(o.source.tls.ca_file, "/etc/ssl/certs/ca-certificates.crt");
        assert_true(o.source.tls.starttls);
        assert_int_equal(o.source.initial, FEED_INITIAL_NOW);
        assert_int_equal(o.source.object_security, OBJECT_SECURITY_AUTO);
        assert_int_equal(o.source.connect_timeout_us, 5000000);
        assert_int_equal(o.source.request_timeout_us, 60000000);
        assert_int_equal(o.source.keepalive_us, 30000000);
        assert_string_equal(ldap_config_feeds[o.source.feed], "auto");
}

static void test_findings(void **state)
{
        static const struct {
                const char *text, *finding;
        } cases[] = {
                { "source:\n  name: x\n  base: DC=x\n  uris: [ldaps://dc1:3269]\n  bind: {mechanism: "
                  "gssapi}\n",
                  "x.yaml:4:10: source.uris: \"ldaps://dc1:3269\" is the port of the global catalogue, which "
                  "has neither all "
                  "attributes nor DirSync; use 636 (ldaps) or 389 (ldap)" },
                { "source:\n  name: x\n  base: DC=x\n  uris: [ldap://dc1]\n  bind: {mechanism: external}\n  "
                  "tls: {starttls: "
                  "false}\n",
                  "x.yaml:4:10: source.uris: \"ldap://dc1\" without TLS would show everything to everyone; "
                  "use ldaps://, or "
                  "tls.starttls: true, or bind.mechanism: gssapi" },
                { "source:\n  name: x\n  base: DC=x\n  uris: [ldaps://dc1/DC=x]\n  bind: {mechanism: "
                  "gssapi}\n",
                  "x.yaml:4:10: source.uris: \"ldaps://dc1/DC=x\": a URI here has a host and a port, nothing "
                  "else" },
                { "source:\n  name: x\n  base: DC=x\n  uris: [dc1]\n  bind: {mechanism: gssapi}\n",
                  "x.yaml:4:10: source.uris: \"dc1\" is not an LDAP URI; expected ldaps://HOST or "
                  "ldap://HOST" },
                { "source:\n  name: x\n  base: DC=x\n  uris: [\"ldaps://\"]\n  bind: {mechanism: gssapi}\n",
                  "x.yaml:4:10: source.uris: \"ldaps://\" names no host" },
                { "source:\n  name: x\n  base: DC=x\n  uris: []\n  bind: {mechanism: gssapi}\n",
                  "x.yaml:4:3: source.uris: at least one server is needed" },
                { "source:\n  name: x\n  base: DC=x\n  uris: [ldaps://dc1]\n  bind: {mechanism: gssapi}\n  "
                  "tls: {cert_file: /x}\n",
                  "x.yaml:6:3: source.tls: cert_file and key_file go together" },
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Outer o;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(diag_deinit) Diag diag = DIAG_INIT;

                assert_false(read_text(a, cases[i].text, &o, &diag));
                assert_string_equal(diag_text(&diag), cases[i].finding);
        }
}

static void test_verification_has_no_switch(void **state)
{
        _cleanup_(str_deinit) Str help = { 0 };

        (void)state;
        str_init(&help, 100000);
        config_print_help(ldap_config_fields, &help);
        assert_null(strstr(help.data, "insecure"));
        assert_null(strstr(help.data, "verify"));
        assert_non_null(strstr(help.data, "verification cannot be switched off"));
}

static void test_uris(void **state)
{
        static const struct {
                const char *text, *host;
                int port;
                bool tls, local;
        } cases[] = {
                { "ldaps://dc1.test", "dc1.test", 636, true, false },
                { "ldap://dc1.test", "dc1.test", 389, false, false },
                { "ldaps://[2001:db8::1]:1636", "2001:db8::1", 1636, true, false },
                { "ldapi://%2frun%2fldapi", "/run/ldapi", 389, false, true },
        };
        LdapUri uri;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                assert_true(ldap_uri_parse(cases[i].text, &uri, NULL));
                assert_string_equal(uri.host, cases[i].host);
                if (!uri.local)
                        assert_int_equal(uri.port, cases[i].port);
                assert_int_equal(uri.tls, cases[i].tls);
                assert_int_equal(uri.local, cases[i].local);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_findings),
                cmocka_unit_test(test_verification_has_no_switch),
                cmocka_unit_test(test_uris),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
