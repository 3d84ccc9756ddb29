/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A real server's 62 rules, which are not part of the source: the environment variable SOSYNC_SHARED names
 * the folder that has them. Imported, written, loaded, and evaluated beside the shipped set on objects of
 * every kind: what goes to Entra ID must be the same, but for the differences that are listed here with their
 * reason.
 */

#include "engine/rules/explain.h"
#include "engine/rules/fixture.h"
#include "engine/rules/import.h"
#include "engine/rules/rules-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define GUID_A          "objectGUID:x=00112233445566778899aabbccddeeff"
#define SID_A           "objectSid:x=010500000000000515000000a065cf7e784b9b5fe77c8770e8030000"
#define PERSON          GUID_A, SID_A, "cn=Ada Lovelace", "sAMAccountName=ada", "userPrincipalName=ada@contoso.test"
#define UAC             "userAccountControl:i=512"
#define GROUP           GUID_A, SID_A, "cn=Engines", "sAMAccountName=engines"
#define GLOBAL_SECURITY "groupType:i=-2147483646"
#define GLOBAL_MAIL     "groupType:i=2"

typedef struct Sample {
        const char *name, *type;
        const char *attributes[24];
        const char *dn;
} Sample;

/* clang-format off */
static const Sample samples[] = {
        { "plain", "user", { PERSON, UAC } },
        { "nothing but a GUID", "user", { GUID_A } },
        { "disabled", "user", { PERSON, "userAccountControl:i=514" } },
        { "disabled, password never expires", "user", { PERSON, "userAccountControl:i=66050" } },
        { "no account control", "user", { PERSON } },
        { "no UPN", "user", { GUID_A, SID_A, "cn=x", "sAMAccountName=ada", UAC } },
        { "no account name", "user", { GUID_A, "cn=x", "userPrincipalName=a@contoso.test", UAC } },
        { "names", "user", { PERSON, UAC, "givenName= Ada ", "sn=Lovelace", "displayName=Countess", "initials=A", "middleName=K" } },
        { "empty names", "user", { PERSON, UAC, "givenName=   ", "sn=", "displayName=" } },
        { "address", "user", { PERSON, UAC, "l=London", "st=LND", "c=GB", "co=United Kingdom", "postalCode=W1", "streetAddress=1 St", "countryCode:i=826" } },
        { "work", "user", { PERSON, UAC, "title=Analyst", "department=Engines", "company=Contoso", "physicalDeliveryOfficeName=4", "manager:r=CN=Charles,DC=x" } },
        { "phones", "user", { PERSON, UAC, "telephoneNumber= 1 ", "mobile=2", "facsimileTelephoneNumber=3", "pager=4", "otherMobile:l=5|6", "homePhone=7" } },
        { "mail", "user", { PERSON, UAC, "mail=ada@contoso.test" } },
        { "mail-enabled", "user", { PERSON, UAC, "mail=ada@contoso.test", "mailNickname=ada", "proxyAddresses:l=SMTP:ada@contoso.test|smtp:al@contoso.test" } },
        { "addresses with blanks, twice", "user", { PERSON, UAC, "mailNickname=ada", "proxyAddresses:l= SMTP:a@b |SMTP:a@b|smtp:A@B" } },
        { "one address", "user", { PERSON, UAC, "proxyAddresses:l=SMTP:a@b" } },
        { "remote mailbox", "user", { PERSON, UAC, "mailNickname=ada", "targetAddress=SMTP:ada@x", "msExchRecipientTypeDetails:i=2147483648" } },
        { "linked mailbox", "user", { PERSON, "userAccountControl:i=514", "mailNickname=ada", "msExchRecipientTypeDetails:i=2" } },
        { "linked mailbox, enabled", "user", { PERSON, UAC, "mailNickname=ada", "msExchRecipientTypeDetails:i=2" } },
        { "shared mailbox", "user", { PERSON, "userAccountControl:i=514", "mailNickname=ada", "msExchRecipientTypeDetails:i=4" } },
        { "system attendant", "user", { PERSON, UAC, "mailNickname=sa", "msExchRecipientTypeDetails:i=8192" } },
        { "discovery mailbox", "user", { PERSON, UAC, "mailNickname=d", "msExchRecipientTypeDetails:i=536870912" } },
        { "sync account", "user", { GUID_A, SID_A, "cn=x", "sAMAccountName=MSOL_0123", UAC } },
        { "old sync account", "user", { GUID_A, SID_A, "cn=x", "sAMAccountName=AAD_0123", UAC } },
        { "support", "user", { GUID_A, SID_A, "cn=x", "sAMAccountName=SUPPORT_388945a0", UAC } },
        { "support, other letters", "user", { GUID_A, SID_A, "cn=x", "sAMAccountName=support_388945a0", UAC } },
        { "client access server", "user", { GUID_A, SID_A, "cn=x", "sAMAccountName=CAS_{1}", UAC } },
        { "client access server, by nickname", "user", { PERSON, UAC, "mailNickname=CAS_{1}" } },
        { "only begins like it", "user", { GUID_A, SID_A, "cn=x", "sAMAccountName=CAS_desk", UAC } },
        { "system mailbox", "user", { PERSON, UAC, "mailNickname=SystemMailbox{1}" } },
        { "critical", "user", { PERSON, UAC, "isCriticalSystemObject:b=True" } },
        { "critical: false", "user", { PERSON, UAC, "isCriticalSystemObject:b=False" } },
        { "written back", "user", { PERSON, UAC, "adminDescription=User_1234" } },
        { "described", "user", { PERSON, UAC, "adminDescription=Group_1", "description:l= first |second" } },
        { "conflict", "user", { PERSON, UAC }, "CN=Ada\\0ACNF:0b5,OU=corp,DC=x" },
        { "extension attributes", "user", { PERSON, UAC, "extensionAttribute1=one", "extensionAttribute15= fifteen " } },
        { "web pages and boxes", "user", { PERSON, UAC, "url:l=http://a|http://b", "postOfficeBox:l=1|2", "wWWHomePage=http://c", "info= long " } },
        { "password set", "user", { PERSON, UAC, "pwdLastSet:i=130543784930000000", "preferredLanguage=en-GB" } },
        { "Lync", "user", { PERSON, UAC, "msRTCSIP-UserEnabled:b=True", "msRTCSIP-PrimaryUserAddress=sip:a@b" } },
        { "inetOrgPerson", "inetOrgPerson", { PERSON, UAC, "mail=ada@contoso.test", "title=Analyst" } },
        { "inetOrgPerson, disabled", "inetOrgPerson", { PERSON, "userAccountControl:i=514" } },
        { "inetOrgPerson with mailbox", "inetOrgPerson", { PERSON, UAC, "mailNickname=ada", "mail=a@b", "department=Engines" } },
        { "security group", "group", { GROUP, GLOBAL_SECURITY, RULES_COUNT_MEMBER ":i=3" } },
        { "empty group", "group", { GROUP, GLOBAL_SECURITY, RULES_COUNT_MEMBER ":i=0" } },
        { "domain local", "group", { GROUP, "groupType:i=-2147483644", RULES_COUNT_MEMBER ":i=3" } },
        { "universal", "group", { GROUP, "groupType:i=-2147483640", RULES_COUNT_MEMBER ":i=3", "displayName=E", "description:l=d" } },
        { "built in", "group", { GROUP, "groupType:i=-2147483643", "isCriticalSystemObject:b=True" } },
        { "distribution without mail", "group", { GROUP, GLOBAL_MAIL, RULES_COUNT_MEMBER ":i=3" } },
        { "distribution with mail", "group", { GROUP, GLOBAL_MAIL, "mail=e@contoso.test", RULES_COUNT_MEMBER ":i=3" } },
        { "distribution with addresses", "group", { GROUP, GLOBAL_MAIL, "mailNickname=e", "proxyAddresses:l=smtp:x@y|SMTP:e@contoso.test", RULES_COUNT_MEMBER ":i=1" } },
        { "addresses without a primary", "group", { GROUP, GLOBAL_MAIL, "proxyAddresses:l=smtp:x@y", RULES_COUNT_MEMBER ":i=1" } },
        { "mail-enabled security", "group", { GROUP, GLOBAL_SECURITY, "mail=e@contoso.test", "managedBy:r=CN=Ada,DC=x", RULES_COUNT_MEMBER ":i=9" } },
        { "too large", "group", { GROUP, GLOBAL_SECURITY, RULES_COUNT_MEMBER ":i=50000" } },
        { "just not too large", "group", { GROUP, GLOBAL_SECURITY, RULES_COUNT_MEMBER ":i=49999" } },
        { "written back group", "group", { GROUP, GLOBAL_SECURITY, "adminDescription=Group_12" } },
        { "coexistence group", "group", { GUID_A, "cn=x", "sAMAccountName=MSOL_AD_Sync_RichCoexistence", GLOBAL_SECURITY, RULES_COUNT_MEMBER ":i=1" } },
        { "role group", "group", { GROUP, GLOBAL_SECURITY, "msExchRecipientTypeDetails:i=1073741824", RULES_COUNT_MEMBER ":i=1" } },
        { "conflict group", "group", { GROUP, GLOBAL_SECURITY, RULES_COUNT_MEMBER ":i=1" }, "CN=Engines\\0ACNF:0b5,OU=corp,DC=x" },
        { "contact", "contact", { GUID_A, "cn=Bob", "mail=bob@elsewhere.test", "displayName=Bob", "targetAddress=SMTP:bob@elsewhere.test" } },
        { "contact without mail", "contact", { GUID_A, "cn=Bob" } },
        { "contact of the migration", "contact", { GUID_A, "cn=Bob", "mail=b@c", "displayName=Bob (MSOL)", "msExchHideFromAddressLists:b=True" } },
        { "conflict contact", "contact", { GUID_A, "cn=Bob", "mail=b@c" }, "CN=Bob\\0ACNF:0b5,DC=x" },
        { "stand-in", "foreignSecurityPrincipal", { GUID_A, "cn=S-1-5-21-1-2-3-1000" } },
        /* A newer anchor than these rules know. */
        { "consistency GUID", "user", { PERSON, UAC, "mS-DS-ConsistencyGuid:x=ffeeddccbbaa99887766554433221100" } },
};
/* clang-format on */

/* Differences that are meant. An object, or NULL for all; an attribute of the Entra connector space. */
static const struct {
        const char *sample, *type, *attribute, *why;
} differences[] = {
        { NULL, "group", "mailEnabled", "the shipped set says it, since Graph must be told" },
        { "consistency GUID", "user", "sourceAnchor", "these rules are older than mS-DS-ConsistencyGuid" },
        { "consistency GUID", "user", "dn", "the same: it is made of the anchor" },
};

static const char *find_difference(const Sample *s, const char *type, const char *attribute)
{
        for (size_t i = 0; i < N_ELEMENTS(differences); i++)
                if ((!differences[i].sample || str_is(differences[i].sample, s->name)) &&
                    str_is(differences[i].type, type) && str_is(differences[i].attribute, attribute))
                        return differences[i].why;
        return NULL;
}

static bool flows(const RuleSet *set, const char *type, const char *attribute)
{
        size_t n;
        const char *const *names = rules_target_attributes(set, RULE_OUTBOUND, type, &n);

        for (size_t i = 0; i < n; i++)
                if (strcmp(names[i], attribute) == 0)
                        return true;
        return false;
}

typedef struct Counts {
        size_t n_same, n_meant, n_only_imported;
} Counts;

static void compare_value(const Sample *s, const RuleSet *shipped, const FlowedObject *a,
                          const FlowedObject *b, const char *name, Arena *arena, Counts *counts)
{
        Value x = flowed_get(a, name), y = flowed_get(b, name);

        if (value_is(x, y)) {
                counts->n_same++;
        } else if (find_difference(s, a->type, name)) {
                counts->n_meant++;
        } else if (value_is_none(x) && !flows(shipped, a->type, name)) {
                /* Of the workloads' rules the shipped set has only what Graph can take. */
                counts->n_only_imported++;
        } else {
                fail_msg("%s: %s is \"%s\" by the shipped rules and \"%s\" by the imported ones", s->name,
                         name, value_text(arena, x, 200), value_text(arena, y, 200));
        }
}

static void compare(const Sample *s, const RuleSet *shipped, const RuleSet *imported, Counts *counts)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag one = DIAG_INIT, two = DIAG_INIT;
        const Object *o =
                fixture_object(a, s->type, s->dn ? s->dn : "CN=Ada Lovelace,OU=corp,DC=x", s->attributes);
        FixtureResult x = fixture_run(shipped, o, NULL, a, &one), y = fixture_run(imported, o, NULL, a, &two);

        if (x.r || y.r) {
                assert_int_equal(x.r, y.r);
                return;
        }
        if (!x.target != !y.target)
                fail_msg("%s: %s by the shipped rules (%s), %s by the imported ones (%s)", s->name,
                         x.target ? "goes out" : "stays", x.why ? x.why : "", y.target ? "goes out" : "stays",
                         y.why ? y.why : "");
        if (!x.target)
                return;
        assert_string_equal(x.target->type, y.target->type);
        for (size_t i = 0; i < x.target->n_values; i++)
                compare_value(s, shipped, x.target, y.target, x.target->values[i].name, a, counts);
        for (size_t i = 0; i < y.target->n_values; i++)
                if (!flowed_find(x.target, y.target->values[i].name))
                        compare_value(s, shipped, x.target, y.target, y.target->values[i].name, a, counts);
        assert_int_equal(x.target->n_links, y.target->n_links);
        for (size_t i = 0; i < x.target->n_links; i++)
                assert_string_equal(x.target->links[i].rule, y.target->links[i].rule);
}

static const RuleSet *import_shared(Arena *a, const char *path, Diag *diag)
{
        char folder[] = "/tmp/test-import-shared-XXXXXX";
        const Import *im = NULL;
        const RuleSet *set = NULL;
        size_t n = 0, n_all = 0;
        const char *out;

        if (import_read(a, path, NULL, &im, diag))
                fail_msg("%s", diag_text(diag));
        for (size_t i = 0; i < im->n_skipped; i++)
                print_error("%s: %s\n", im->skipped[i].rule, im->skipped[i].text);
        assert_int_equal(im->n_read, 62);
        assert_int_equal(im->n_rules, 62);
        assert_int_equal(im->n_skipped, 0);
        assert_int_equal(im->n_open, 0);

        assert_non_null(mkdtemp(folder));
        out = arena_printf(a, "%s/rules", folder);
        assert_int_equal(import_write(im, out, &n, diag), 0);
        if (rules_load(a, out, &set, diag))
                fail_msg("%s", diag_text(diag));
        rules_all(set, &n_all);
        assert_int_equal(n_all, 62);
        if (system(arena_printf(a, "rm -r '%s'", folder)))
                fail();
        return set;
}

static void test_shared(void **state)
{
        const char *shared = getenv("SOSYNC_SHARED");
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const RuleSet *imported, *shipped = NULL;
        Counts counts = { 0 };
        const char *path;
        struct stat st;

        path = arena_printf(a, "%s/data/entra-connect-export-contoso-pilot", shared ? shared : "");
        if (!shared || stat(path, &st)) {
                print_message("skipped: no shared export\n");
                skip();
        }
        imported = import_shared(a, path, &diag);
        assert_int_equal(rules_load(a, NULL, &shipped, &diag), 0);
        for (size_t i = 0; i < N_ELEMENTS(samples); i++)
                compare(&samples[i], shipped, imported, &counts);
        print_message(
                "%zu objects: %zu values the same, %zu meant to differ, %zu only in the imported set, of "
                "attributes that Graph cannot take\n",
                N_ELEMENTS(samples), counts.n_same, counts.n_meant, counts.n_only_imported);
        for (size_t i = 0; i < N_ELEMENTS(differences); i++)
                print_message("  %s, %s: %s\n", differences[i].sample ? differences[i].sample : "every one",
                              differences[i].attribute, differences[i].why);
}

/* ---- explain says what happens ---- */

static void check_stage(const char *name, const ExplainStage *stage)
{
        for (size_t i = 0; i < stage->n_attributes; i++) {
                const ExplainAttribute *x = &stage->attributes[i];
                const FlowedValue *v = flowed_find(stage->result, x->name);
                const FlowedLink *l = flowed_find_link(stage->result, x->name);
                const char *rule = v ? v->rule : l ? l->rule : NULL;

                if (!str_is(x->winner ? x->winner->rule->name : NULL, rule) && !(l && x->winner))
                        fail_msg("%s: %s: explained by \"%s\", supplied by \"%s\"", name, x->name,
                                 x->winner ? x->winner->rule->name : "nobody", rule ? rule : "nobody");
                assert_true(x->kept == flowed_is_kept(stage->result, x->name));
                for (size_t k = 1; k < x->n_offers; k++)
                        assert_true(x->offers[k - 1].rule->precedence <= x->offers[k].rule->precedence);
                for (size_t k = 0; k < x->n_offers; k++)
                        assert_true((x->offers[k].verdict == OFFER_OUT_OF_SCOPE) ==
                                    (x->offers[k].text != NULL));
        }
}

static void test_explain(void **state)
{
        _cleanup_(arena_freep) Arena *config = arena_new(0);
        const RuleSet *set = NULL;

        assert_int_equal(rules_load(config, NULL, &set, NULL), 0);
        for (size_t i = 0; i < N_ELEMENTS(samples); i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const Sample *s = &samples[i];
                ExplainStage in, out;
                RuleInput input = {
                        .object = fixture_object(a, s->type, s->dn ? s->dn : "CN=x,DC=x", s->attributes),
                        .connector = "corp.contoso.test",
                        .parameters = fixture_parameters,
                        .n_parameters = n_fixture_parameters,
                };

                rules_explain_inbound(set, &input, 1, 0, NULL, fixture_now, a, &in);
                if (!in.result) {
                        assert_true(in.why || in.error);
                        continue;
                }
                check_stage(s->name, &in);
                rules_explain_outbound(set, in.result, NULL, fixture_parameters, n_fixture_parameters,
                                       fixture_now, a, &out);
                if (out.result)
                        check_stage(s->name, &out);
                else
                        assert_true(out.why || out.error);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shared),
                cmocka_unit_test(test_explain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
