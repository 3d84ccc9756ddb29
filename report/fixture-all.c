/* SPDX-License-Identifier: Apache-2.0 */

/* The fixtures: what runs end in, and what directories hold. */

#include "report/fixture.h"

#include "base/str.h"

#include <string.h>

/* One text that tries to leave each context a value is written into: text, attribute, style, script, URL. */
const char fixture_hostile[] =
        "</script><script>document.title='planted'</script><img src=x onerror=\"document.title='planted'\">"
        "'\"><svg onload=document.title='planted'> javascript:document.title='planted' &lt;b&gt; ${7*7} "
        "*/}</style><style>body{display:none}</style><!-- ]]> \x1b[31mred\x1b]0;planted\a\r\nnext line "
        "\xe2\x80\xaereversed\xe2\x80\xac \xe2\x81\xa9 \xff\xc3( \xf0\x9f\x92\xa3 "
        "\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85";

static void make_create(Arena *a, Outcome *o)
{
        static const struct {
                const char *name, *value;
        } rows[] = {
                { "accountEnabled", "True" },
                { "displayName", "Grace Hopper" },
                { "givenName", "Grace" },
                { "mailNickname", "grace.hopper" },
                { "surname", "Hopper" },
                { "userPrincipalName", "grace.hopper@contoso.test" },
                { "onPremisesImmutableId", "2mFh0pZ3kE6wq1bD7yT4uQ==" },
        };
        AttributeInfo *i;

        fixture_base(a, o);
        memcpy(o->run_id, "2a9b", 4);
        o->action = ACTION_CREATE;
        o->source.display_name = o->target.display_name = "Grace Hopper";
        o->source.dn = o->change.dn = "CN=Grace Hopper,OU=Research,OU=Staff,DC=corp,DC=contoso,DC=test";
        o->source.upn = o->target.upn = "grace.hopper@contoso.test";
        o->n_modified = 0;
        fixture_clear(o, FIXTURE_EXPORT);
        fixture_clear(o, FIXTURE_IMPORT_TARGET);
        fixture_step(a, o, FIXTURE_IMPORT_TARGET, RESULT_SUCCESS,
                     "No object with this anchor is in Microsoft Entra ID.");
        fixture_step(a, o, FIXTURE_SYNC, RESULT_SUCCESS, "The object is new: 8 operations are needed.");
        fixture_detail(a, o, FIXTURE_EXPORT, "client-request-id", "0d1c2b3a-4958-4766-8574-93a2b1c0d9e8");
        for (size_t k = 0; k < N_ELEMENTS(rows); k++) {
                fixture_attribute(a, o, FIXTURE_EXPORT, rows[k].name, rows[k].value, "add",
                                  "Out to AAD - User Identity");
                fixture_modified(a, o, rows[k].name, NULL, rows[k].value);
        }
        i = fixture_attribute(a, o, FIXTURE_EXPORT, "otherMails", "g.hopper@navy.test, grace@yale.test",
                              "add", "Out to AAD - User Identity");
        i->multi_valued = true;
        i->n_values = i->n_added = 2;
        i->value_add = "g.hopper@navy.test\ngrace@yale.test";
        fixture_modified(a, o, "otherMails", NULL, "2");
}

static void make_nothing(Arena *a, Outcome *o)
{
        fixture_base(a, o);
        fixture_cut(o, FIXTURE_IMPORT_TARGET);
        fixture_step(a, o, FIXTURE_IMPORT_SOURCE, RESULT_SUCCESS,
                     "Nothing that a rule reads has changed since the last run.");
        o->disposition = DISPOSITION_NO_CHANGE;
        o->duration_us = 6200;
}

static void make_disable(Arena *a, Outcome *o)
{
        AttributeInfo *i;

        fixture_base(a, o);
        o->action = ACTION_DISABLE;
        o->change.lane = LANE_URGENT;
        o->change.revoke = true;
        o->source.display_name = o->target.display_name = "Mallory Reyes";
        o->source.dn = o->change.dn = "CN=Mallory Reyes,OU=Leavers,DC=corp,DC=contoso,DC=test";
        o->source.upn = o->target.upn = "mallory.reyes@contoso.test";
        o->n_modified = 0;
        fixture_clear(o, FIXTURE_EXPORT);
        fixture_step(a, o, FIXTURE_OU, RESULT_WARNING,
                     "Not in scope any more, but known in the cloud: only a disabled account is exported.");
        fixture_step(a, o, FIXTURE_SYNC, RESULT_WARNING,
                     "Out of scope and disabled in Active Directory: the account is disabled.");
        i = fixture_attribute(a, o, FIXTURE_EXPORT, "accountEnabled", "False", "update",
                              "Out to AAD - User Identity");
        i->type = "boolean";
        fixture_modified(a, o, "accountEnabled", "True", "False");
        o->result = RESULT_WARNING;
}

static void make_staged(Arena *a, Outcome *o)
{
        fixture_base(a, o);
        o->disposition = DISPOSITION_STAGED;
        o->initiated_by = "alice (uid 1000)";
        o->change.kind = CHANGE_REQUEST;
        o->change.staging = true;
        o->sent.ms = o->accepted.ms = 0;
        fixture_step(a, o, FIXTURE_EXPORT, RESULT_SKIPPED,
                     "Staging: 2 operations are planned and none is sent.");
}

static void make_out_of_scope(Arena *a, Outcome *o)
{
        fixture_base(a, o);
        fixture_error(a, o, FIXTURE_OU, DISPOSITION_OUT_OF_SCOPE, "OrganizationalUnitNotInScope",
                      ERROR_CATEGORY_NON_SERVICE_FAILURE,
                      "The object's organizational unit is not in sync scope.",
                      "Move the object, or add its OU to scope.include (or remove it from scope.exclude).",
                      "OU=Service Accounts,DC=corp,DC=contoso,DC=test is not in sync scope");
        o->source.display_name = "svc-backup";
        o->source.dn = o->change.dn = "CN=svc-backup,OU=Service Accounts,DC=corp,DC=contoso,DC=test";
}

static void make_parked(Arena *a, Outcome *o)
{
        fixture_base(a, o);
        fixture_error(
                a, o, FIXTURE_EXPORT, DISPOSITION_PARKED, "AttributeValueMustBeUnique",
                ERROR_CATEGORY_FAILURE,
                "Another object in Microsoft Entra ID has this value (userPrincipalName, mail, "
                "proxyAddresses or immutable id).",
                "Find both objects, and change or remove the value on one of them.",
                "Another object with the same value for property userPrincipalName already exists.; the "
                "other object is 4d3c2b1a-0f9e-4d8c-8b7a-6f5e4d3c2b1a");
        o->tries = 3;
}

static void make_retry(Arena *a, Outcome *o)
{
        fixture_base(a, o);
        fixture_error(a, o, FIXTURE_IMPORT_TARGET, DISPOSITION_RETRY, "Throttled",
                      ERROR_CATEGORY_NON_SERVICE_FAILURE,
                      "Microsoft Graph limits the number of requests, and the limit is reached.",
                      "Try again after 5 minutes, or at the time given. The service waits by itself.",
                      "429 Too Many Requests, Retry-After: 300");
        o->tries = 2;
        o->retry_at = wall_add(o->finished, 300000);
}

static void make_group(Arena *a, Outcome *o)
{
        AttributeInfo *i;

        fixture_base(a, o);
        o->source.display_name = o->target.display_name = "Analytical Engine Operators";
        o->source.type = o->target.type = "group";
        o->source.upn = o->target.upn = NULL;
        o->source.dn = o->change.dn =
                "CN=Analytical Engine Operators,OU=Groups,OU=Staff,DC=corp,DC=contoso,DC=test";
        o->n_modified = 0;
        fixture_clear(o, FIXTURE_EXPORT);
        fixture_detail(a, o, FIXTURE_IMPORT_TARGET, "member", "46, read now");
        i = fixture_attribute(a, o, FIXTURE_EXPORT, "members", "47", "update", "Out to AAD - Group Identity");
        i->multi_valued = true;
        i->type = "reference";
        i->n_values = 47;
        i->n_added = 3;
        i->n_deleted = 2;
        i->value_add = "6f1d2c3b-4a59-4687-9584-a3b2c1d0e9f8\n0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d\n"
                       "c4b3a291-8f7e-4d6c-b5a4-938271605f4e";
        i->value_delete = "5e4d3c2b-1a09-4f8e-9d7c-6b5a4f3e2d1c\nd0c1b2a3-9485-4766-a758-493a2b1c0d0e";
        fixture_modified(a, o, "members", "46", "47");
        i = fixture_attribute(a, o, FIXTURE_EXPORT, "proxyAddresses",
                              "SMTP:operators@contoso.test, smtp:engine@contoso.test, smtp:ops@contoso.test",
                              "update", "Out to AAD - Group Identity");
        i->multi_valued = true;
        i->n_values = 3;
        fixture_modified(a, o, "proxyAddresses", "SMTP:operators@contoso.test, smtp:engine@contoso.test",
                         "SMTP:operators@contoso.test, smtp:engine@contoso.test, smtp:ops@contoso.test");
        fixture_attribute(a, o, FIXTURE_EXPORT, "description", NULL, "delete", "Out to AAD - Group Identity");
        fixture_modified(a, o, "description", "Those who turn the crank", NULL);
}

static void make_link(Arena *a, Outcome *o)
{
        make_group(a, o);
        o->change.kind = CHANGE_LINK;
        for (size_t i = 0; i < FIXTURE_EXPORT; i++)
                if (i != FIXTURE_TARGET_DOMAIN && i != FIXTURE_SYNC)
                        o->steps[i] = (StepRecord){ .status = RESULT_SKIPPED };
}

static void make_deleted(Arena *a, Outcome *o)
{
        fixture_base(a, o);
        fixture_error(a, o, FIXTURE_OU, DISPOSITION_OUT_OF_SCOPE, "DeleteNotSupported",
                      ERROR_CATEGORY_NON_SERVICE_FAILURE,
                      "The object was deleted in Active Directory. Deletes are recorded and reported, never "
                      "exported.",
                      "Let the regular sync cycle delete it in Microsoft Entra ID, or delete it there.",
                      NULL);
        o->change.kind = CHANGE_GONE;
        o->source.dn = o->change.dn =
                "CN=Charles Babbage\\0ADEL:1fdfcb9c-5fc6-423e-9cdd-8d5f26ddb1f4,CN=Deleted "
                "Objects,DC=corp,DC=contoso,DC=test";
}

static void make_many(Arena *a, Outcome *o)
{
        static const char *const operations[] = { "add", "update", "delete", "none" };

        fixture_base(a, o);
        for (size_t i = 0; i < 3000; i++) {
                const char *name = arena_printf(a, "extensionAttribute%zu", i + 1);
                const char *op = operations[i % 4];
                const char *value = str_is(op, "delete") ? NULL : arena_printf(a, "value of number %zu", i);

                fixture_attribute(a, o, FIXTURE_IMPORT_SOURCE, name, value, op, NULL);
                fixture_attribute(a, o, FIXTURE_SYNC, name, value, "none", "In from AD - User Extensions");
                if (i < 400 && !str_is(op, "none")) {
                        fixture_attribute(a, o, FIXTURE_EXPORT, name, value, op,
                                          "Out to AAD - User Extensions");
                        fixture_modified(a, o, name, str_is(op, "add") ? NULL : "before", value);
                }
        }
}

/* Every text that a run takes from somewhere else. */
static void make_hostile(Arena *a, Outcome *o)
{
        const char *bad = fixture_hostile;
        AttributeInfo *i;

        fixture_base(a, o);
        fixture_error(a, o, FIXTURE_EXPORT, DISPOSITION_PARKED, bad, ERROR_CATEGORY_FAILURE, bad, bad, bad);
        o->source_name = o->partition = o->source_server = o->tenant_id = o->target_name = bad;
        o->rules_version = o->initiated_by = o->metaverse_id = o->cycle_id = bad;
        o->source = (Identity){ bad, bad, bad, bad, bad, bad };
        o->target = o->source;
        o->change.dn = bad;
        o->request_ids = arena_new_array(a, const char *, 1);
        o->request_ids[0] = bad;
        o->n_request_ids = 1;
        for (size_t s = 0; s < FIXTURE_STEPS; s++) {
                o->steps[s].description = bad;
                fixture_detail(a, o, s, bad, bad);
                i = fixture_attribute(a, o, s, bad, bad, bad, bad);
                *i = (AttributeInfo){ bad, true, bad, bad, bad, bad, 9, 9, 9, bad, bad, bad, bad };
        }
        fixture_modified(a, o, bad, bad, bad);
        fixture_modified(a, o, "jobTitle", bad, bad);
}

static void make_long(Arena *a, Outcome *o)
{
        char *megabyte = arena_alloc(a, (1 << 20) + 1);
        char *dn, *to;

        fixture_base(a, o);
        memset(megabyte, 'x', 1 << 20);
        for (size_t i = 80; i < 1 << 20; i += 81)
                megabyte[i] = i / 81 % 40 == 0 ? '\n' : ' ';
        megabyte[1 << 20] = '\0';
        dn = to = arena_alloc(a, 2600);
        for (size_t i = 0; i < 60; i++)
                to += snprintf(to, 40, "OU=AVeryLongOrganizationalUnitName%02zu,", i);
        snprintf(to, 30, "DC=contoso,DC=test");
        o->source.dn = o->change.dn = dn;
        o->source.display_name =
                "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft "
                "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz 👩‍💻 شركة "
                "الهندسة";
        fixture_attribute(a, o, FIXTURE_IMPORT_SOURCE, "thumbnailPhoto", megabyte, "update", NULL);
        fixture_attribute(a, o, FIXTURE_EXPORT, "aboutMe", megabyte, "update", "Out to AAD - User Identity");
        fixture_modified(a, o, "aboutMe", arena_strndup(a, megabyte, 100000), megabyte);
}

/* As little as a run can leave: a worker that died, and a record of it. */
static void make_empty(Arena *a, Outcome *o)
{
        (void)a;
        *o = (Outcome){ .run_id = "00000000-0000-4000-8000-000000000000", .n_steps = FIXTURE_STEPS };
        for (size_t i = 0; i < FIXTURE_STEPS; i++)
                o->steps[i].status = RESULT_SKIPPED;
        o->result = RESULT_FAILURE;
        o->disposition = DISPOSITION_PARKED;
}

const Fixture fixtures[] = {
        { "update-user", fixture_base }, { "create-user", make_create },
        { "no-change", make_nothing },   { "disable", make_disable },
        { "staged", make_staged },       { "out-of-scope", make_out_of_scope },
        { "parked", make_parked },       { "retry", make_retry },
        { "group-members", make_group }, { "link", make_link },
        { "deleted", make_deleted },     { "many-attributes", make_many },
        { "hostile", make_hostile },     { "long-values", make_long },
        { "empty", make_empty },
};

const size_t n_fixtures = N_ELEMENTS(fixtures);
