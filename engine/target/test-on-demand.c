/* SPDX-License-Identifier: Apache-2.0 */

/* The request and the answer of provisionOnDemand, over a scripted transport. */

#include "engine/target/on-demand.h"

#include "base/str.h"
#include "engine/target/graph-tenant.h"
#include "engine/target/test-script.h"

#include <stdio.h>
#include <string.h>

#define PRINCIPALS "/servicePrincipals?$filter=applicationTemplateId*"
#define SHARED     "/servicePrincipals?$filter=appId*"
#define JOBS       "/servicePrincipals/p1/synchronization/jobs"
#define JOB        JOBS "/AD2AADProvisioning.1"
#define FIND                                                                                            \
        { .method = "GET", .url = PRINCIPALS, .status = 200, .body = "{\"value\":[{\"id\":\"p1\"}]}" }, \
                { .method = "GET", .url = JOBS, .status = 200, .body = one_job },                       \
                { .method = "GET", .url = SHARED, .status = 200, .body = "{\"value\":[]}" },            \
        {                                                                                               \
                .method = "GET", .url = JOB "/schema", .status = 200, .body = schema                    \
        }
#define POST(...)                                                              \
        {                                                                      \
                .method = "POST", .url = JOB "/provisionOnDemand", __VA_ARGS__ \
        }

static const char one_job[] =
        "{\"value\":[{\"id\":\"AD2AADPasswordHash.1\",\"templateId\":\"AD2AADPasswordHash\"},"
        "{\"id\":\"AD2AADProvisioning.1\",\"templateId\":\"AD2AADProvisioning\"}]}";
static const char two_jobs[] =
        "{\"value\":[{\"id\":\"AD2AADProvisioning.1\",\"templateId\":\"AD2AADProvisioning\"},"
        "{\"id\":\"AD2AADProvisioning.2\",\"templateId\":\"AD2AADProvisioning\"}]}";
static const char schema[] =
        "{\"synchronizationRules\":[7,{\"id\":\"no\"},{\"id\":\"r-off\",\"objectMappings\":[{"
        "\"sourceObjectName\":\"user\",\"enabled\":false}]},{\"id\":\"r-user\",\"objectMappings\":[{"
        "\"sourceObjectName\":\"user\",\"enabled\":true}]},{\"id\":\"r-group\",\"objectMappings\":[{"
        "\"sourceObjectName\":\"group\"}]}]}";
static const char fine[] =
        "{\"key\":\"{\\\"result\\\":\\\"Success\\\",\\\"details\\\":{}}\",\"value\":\"{"
        "\\\"provisioningSteps\\\":[{\\\"name\\\":\\\"EntryExportUpdate\\\",\\\"status\\\":"
        "\\\"Success\\\",\\\"description\\\":\\\"Done\\\\u001b\\\"}]}\"}";

static const OnDemandConfig by_itself = { .ask = true, .timeout_us = 60000000 };

static int ask_about(Script *s, Owner *o, const char *dn, const char *type, OwnerAsk *ask,
                     const Op *const *links, size_t n)
{
        Call *call = script_call(s);

        call->dn = dn;
        *ask = (OwnerAsk){ .call = call, .type = type, .links = links, .n_links = n };
        return o->ops->sync(o, ask, &s->diag);
}

static int ask_for(Script *s, Owner *o, const char *type, OwnerAsk *ask, const Op *const *links, size_t n)
{
        return ask_about(s, o, "CN=Ada \"A\" L,OU=People,DC=corp,DC=contoso,DC=test", type, ask, links, n);
}

static void test_request(void **state)
{
        Script *s = *state;
        Op op = { .kind = OP_LINK, .link_dn = "CN=Bob,DC=x", .link_type = "user" };
        const Op *links[] = { &op, &op };
        OwnerAsk ask;
        Owner *o;

        on_demand_new(&o, s->target, &by_itself);
        SCRIPT(s, FIND, POST(.status = 200, .body = fine), POST(.status = 200, .body = fine));
        assert_int_equal(ask_for(s, o, "user", &ask, NULL, 0), 0);
        assert_int_equal(ask.said.n_notes, 2);
        assert_string_equal(ask.said.notes[1].key, "EntryExportUpdate");
        assert_string_equal(ask.said.notes[1].text, "Success: Done\\x1b");
        assert_true(ask.left.us > 0);
        assert_string_equal(
                s->requests[4].body,
                "{\"parameters\":[{\"ruleId\":\"r-user\",\"subjects\":[{\"objectId\":\"CN=Ada \\\"A\\\" "
                "L,OU=People,DC=corp,DC=contoso,DC=test\",\"objectTypeName\":\"user\"}]}]}");
        /* The job is known now. */
        assert_int_equal(ask_for(s, o, "group", &ask, links, 2), 0);
        script_done(s);
        assert_non_null(strstr(s->requests[5].body, "\"ruleId\":\"r-group\""));
        assert_non_null(strstr(
                s->requests[5].body,
                "\"links\":{\"members\":[{\"objectId\":\"CN=Bob,DC=x\",\"objectTypeName\":\"user\"},{"));
        o->ops->free(o);
}

static void test_refusals(void **state)
{
        static const char refused[] = "{\"error\":{\"code\":\"X\",\"message\":\"no\"}}";
        Script *s = *state;
        OwnerAsk ask;
        Owner *o;

        on_demand_new(&o, s->target, &by_itself);
        SCRIPT(s, FIND, POST(.status = 429, .body = refused, .retry_after = "7"),
               POST(.status = 400, .body = refused), POST(.status = 403, .body = refused),
               POST(.status = 503, .body = refused), POST(.status = 200, .body = "{\"key\":\"Success\"}"),
               POST(.status = 404, .body = refused), FIND, POST(.status = 200, .body = fine));
        assert_int_equal(ask_for(s, o, "user", &ask, NULL, 0), OWNER_E_THROTTLED);
        assert_int_equal(ask.retry_at.us - clock_mono(&s->clock.clock).us, 7000000);
        /* Its limit is its own: nothing else is held. */
        assert_int_equal(target_take(s->target, LANE_NORMAL, clock_mono(&s->clock.clock)), 0);
        assert_int_equal(ask_for(s, o, "user", &ask, NULL, 0), OWNER_E_FAILED);
        assert_int_equal(ask_for(s, o, "user", &ask, NULL, 0), OWNER_E_UNREACHABLE);
        assert_int_equal(ask_for(s, o, "user", &ask, NULL, 0), OWNER_E_UNREACHABLE);
        assert_int_equal(ask_for(s, o, "user", &ask, NULL, 0), OWNER_E_UNREACHABLE);
        assert_int_equal(ask_for(s, o, "user", &ask, NULL, 0), OWNER_E_UNREACHABLE);
        /* The job was gone: it is looked for again. */
        assert_int_equal(ask_for(s, o, "user", &ask, NULL, 0), 0);
        script_done(s);
        o->ops->free(o);
}

static void test_which_job(void **state)
{
        Script *s = *state;
        OnDemandJob job;
#define LIST                                                                                            \
        { .method = "GET", .url = PRINCIPALS, .status = 200, .body = "{\"value\":[{\"id\":\"p1\"}]}" }, \
                { .method = "GET", .url = JOBS, .status = 200, .body = two_jobs },                      \
                { .method = "GET", .url = SHARED, .status = 200, .body = "{\"value\":[]}" }
        SCRIPT(s, LIST, LIST, LIST,
               { .method = "GET", .url = JOBS "/AD2AADProvisioning.2/schema", .status = 200, .body = schema },
               { .method = "GET", .url = PRINCIPALS, .status = 200, .body = "{\"value\":[]}" },
               { .method = "GET", .url = SHARED, .status = 200, .body = "{\"value\":[]}" });
        assert_int_equal(on_demand_find(s->target, script_call(s), NULL, &job, &s->diag), TARGET_E_NOT_FOUND);
        assert_non_null(strstr(diag_text(&s->diag),
                               "2 Cloud Sync jobs: target.cloud_sync.job must name one, or .jobs"));
        assert_non_null(strstr(diag_text(&s->diag), ": AD2AADProvisioning.1, AD2AADProvisioning.2"));
        assert_int_equal(on_demand_find(s->target, script_call(s), "x", &job, &s->diag), TARGET_E_NOT_FOUND);
        assert_int_equal(on_demand_find(s->target, script_call(s), "ad2aadprovisioning.2", &job, &s->diag),
                         0);
        assert_string_equal(job.id, "AD2AADProvisioning.2");
        assert_string_equal(job.user_rule, "r-user");
        assert_int_equal(on_demand_find(s->target, script_call(s), NULL, &job, &s->diag), TARGET_E_NOT_FOUND);
        script_done(s);
}

/* What no single value decides: the shared application's own principal, a template of another name, a job
 * that nobody has heard of; and what is never one of them. */
static void test_how_known(void **state)
{
        static const char jobs[] = "{\"value\":[{\"id\":\"AAD2ADGroupProvisioning.1\",\"templateId\":"
                                   "\"AAD2ADGroupProvisioning\"},"
                                   "{\"id\":\"aad2adExchangeHybridWriteback.1\"},{\"id\":\"x\","
                                   "\"templateId\":\"AD2AADPasswordHash\"},"
                                   "{\"templateId\":\"AD2AADProvisioning\"},7,"
                                   "{\"id\":\"AD2AADProvisioning.1\",\"templateId\":\"ADDCInPassthrough\"}]}";
        Script *s = *state;
        const char *first;
        OnDemandJob job;
        unsigned n;

        SCRIPT(s, { .method = "GET", .url = PRINCIPALS, .status = 200, .body = "{\"value\":[]}" },
               { .method = "GET",
                 .url = SHARED,
                 .status = 200,
                 .body = "{\"value\":[{\"id\":\"p0\",\"applicationTemplateId\":"
                         "\"1A4721B3-e57f-4451-ae87-ef078703ec94\"},"
                         "{\"id\":\"p1\",\"applicationTemplateId\":null}]}" },
               { .method = "GET", .url = JOBS, .status = 200, .body = jobs },
               { .method = "GET", .url = JOB "/schema", .status = 200, .body = schema },
               { .method = "GET", .url = PRINCIPALS, .status = 200, .body = "{\"value\":[{\"id\":\"p1\"}]}" },
               { .method = "GET",
                 .url = JOBS,
                 .status = 200,
                 .body = "{\"value\":[{\"id\":\"Some\\u001b.1\",\"templateId\":\"Some\"}]}" },
               { .method = "GET", .url = SHARED, .status = 200, .body = "{\"value\":[]}" });
        assert_int_equal(on_demand_find(s->target, script_call(s), NULL, &job, &s->diag), 0);
        assert_string_equal(job.id, "AD2AADProvisioning.1");
        assert_string_equal(job.principal, "p1");
        assert_int_equal(graph_tenant_cloud_sync_jobs(s->target, script_call(s), &n, &first, &s->diag), 0);
        assert_int_equal(n, 1);
        assert_string_equal(first, "Some\\x1b.1");
        script_done(s);
}

/* A job for each domain: the innermost counts, and each is found once. */
static void test_domains(void **state)
{
        static const OnDemandDomain domains[] = { { "DC=test", "AD2AADProvisioning.2" },
                                                  { "dc=corp,dc=contoso,DC=test", "AD2AADProvisioning.1" } };
        static const OnDemandConfig config = { .ask = true,
                                               .timeout_us = 60000000,
                                               .jobs = { .items = (void *)(uintptr_t)domains,
                                                         .n_items = 2 } };
        Script *s = *state;
        const char *id;
        OwnerAsk ask;
        size_t number;
        Owner *o;

        assert_true(on_demand_job_for(&config, "CN=Eve,DC=fabrikam,DC=test", s->arena, &number, &id));
        assert_int_equal(number, 0);
        assert_string_equal(id, "AD2AADProvisioning.2");
        assert_false(on_demand_job_for(&config, "CN=Eve,DC=other", s->arena, &number, &id));
        assert_false(on_demand_job_for(&config, "Eve", s->arena, &number, &id));
        on_demand_new(&o, s->target, &config);
        SCRIPT(s,
               { .method = "GET", .url = PRINCIPALS, .status = 200, .body = "{\"value\":[{\"id\":\"p1\"}]}" },
               { .method = "GET", .url = JOBS, .status = 200, .body = two_jobs },
               { .method = "GET", .url = SHARED, .status = 200, .body = "{\"value\":[]}" },
               { .method = "GET", .url = JOB "/schema", .status = 200, .body = schema },
               POST(.status = 200, .body = fine), POST(.status = 200, .body = fine));
        assert_int_equal(
                ask_about(s, o, "CN=Ada,OU=People,DC=corp,DC=contoso,DC=test", "user", &ask, NULL, 0), 0);
        assert_int_equal(
                ask_about(s, o, "CN=Ada,OU=People,DC=corp,DC=contoso,DC=test", "user", &ask, NULL, 0), 0);
        script_done(s);
        assert_int_equal(ask_about(s, o, "CN=Eve,DC=other", "user", &ask, NULL, 0), OWNER_E_FAILED);
        assert_non_null(
                strstr(diag_text(&s->diag), "no job of target.cloud_sync.jobs is for CN=Eve,DC=other"));
        o->ops->free(o);
}

static void check_config(const OnDemandConfig *c, const char *wanted)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        int r = on_demand_check(c, NULL, "target.cloud_sync", &diag);

        assert_int_equal(r, wanted ? CONFIG_E_INVALID : 0);
        if (wanted && !strstr(diag_text(&diag), wanted))
                fail_msg("%s", diag_text(&diag));
}

static void test_config(void **state)
{
        static OnDemandDomain twice[] = { { "DC=a", "x" }, { "dc=A", "y" } }, wrong[] = { { "DC=a", "x y" } };
        static OnDemandDomain many[ON_DEMAND_JOBS_MAX + 1];

        check_config(&(OnDemandConfig){ .job = "AD2AADProvisioning.1" }, NULL);
        check_config(&(OnDemandConfig){ .job = "a b" }, "target.cloud_sync.job: \"a b\" is not the id");
        check_config(&(OnDemandConfig){ .jobs = { twice, 2 } },
                     "target.cloud_sync.jobs.1.base: dc=A has a job already");
        check_config(&(OnDemandConfig){ .jobs = { wrong, 1 } },
                     "target.cloud_sync.jobs.0.job: \"x y\" is not the id");
        check_config(&(OnDemandConfig){ .job = "x", .jobs = { twice, 1 } }, "either job or jobs, not both");
        check_config(&(OnDemandConfig){ .jobs = { many, N_ELEMENTS(many) } }, "at most 16 jobs, not 17");
}

/* A source without a job could never be asked for anything. */
static void test_has_job(void **state)
{
        static OnDemandDomain domains[] = { { "DC=a,DC=test", "x" }, { "OU=People,DC=b,DC=test", "y" } };
        static const OnDemandConfig config = { .jobs = { domains, N_ELEMENTS(domains) } };

        assert_true(on_demand_has_job(&config, "dc=a,dc=test"));
        assert_true(on_demand_has_job(&config, "OU=Staff,DC=a,DC=test"));
        assert_true(on_demand_has_job(&config, "DC=b,DC=test"));
        assert_false(on_demand_has_job(&config, "OU=Staff,DC=b,DC=test"));
        assert_false(on_demand_has_job(&config, "DC=c,DC=test"));
        assert_true(on_demand_has_job(&(OnDemandConfig){ .job = "x" }, "DC=c,DC=test"));
}

static void test_answers(void **state)
{
        static const struct {
                const char *key, *value;
                int end;
        } rows[] = {
                { "{\"result\":\"Skipped\",\"details\":{\"errorCode\":\"RedundantExport\"}}", "{}", 0 },
                { "{\"result\":\"Failure\",\"details\":{\"errorCode\":"
                  "\"HybridIdentityServiceNoActiveAgents\"}}",
                  "{}", OWNER_E_UNREACHABLE },
                { "{\"result\":\"Failure\",\"details\":{\"errorCode\":\"AttributeValueMustBeUnique\"}}", "{}",
                  OWNER_E_FAILED },
                { "{\"result\":\"Failure\"}", "{\"statusInfo\":{\"errorCode\":\"RequestThrottled\"}}",
                  OWNER_E_THROTTLED },
                { "{\"result\":\"SomethingNew\"}", "[1]", OWNER_E_FAILED },
                { "{\"result\":7}", "{}", OWNER_E_UNREACHABLE },
                { "[", "{", OWNER_E_UNREACHABLE },
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                json_t *answer = json_pack("{s:s,s:s}", "key", rows[i].key, "value", rows[i].value);
                OwnerReport said = { 0 };

                assert_int_equal(on_demand_parse(answer, a, &said, NULL), rows[i].end);
                json_decref(answer);
        }
        assert_int_equal(on_demand_parse(NULL, a, &(OwnerReport){ 0 }, NULL), OWNER_E_UNREACHABLE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_request, script_setup, script_teardown),
                cmocka_unit_test_setup_teardown(test_refusals, script_setup, script_teardown),
                cmocka_unit_test_setup_teardown(test_which_job, script_setup, script_teardown),
                cmocka_unit_test_setup_teardown(test_how_known, script_setup, script_teardown),
                cmocka_unit_test_setup_teardown(test_domains, script_setup, script_teardown),
                cmocka_unit_test(test_config),
                cmocka_unit_test(test_has_job),
                cmocka_unit_test(test_answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
