/* SPDX-License-Identifier: Apache-2.0 */

#include "report/fixture.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

/* 2026-11-22T08:31:15.123Z */
#define FINISHED_MS 1795336275123LL

#define AD    "corp.contoso.test"
#define CLOUD "Microsoft Entra ID"

void fixture_step(Arena *a, Outcome *o, size_t step, Result status, const char *description)
{
        o->steps[step].ran = true;
        o->steps[step].status = status;
        o->steps[step].description = arena_strdup(a, description);
}

void fixture_detail(Arena *a, Outcome *o, size_t step, const char *key, const char *text)
{
        StepRecord *s = &o->steps[step];
        Detail *details = arena_new_array(a, Detail, s->n_details + 1);

        if (s->n_details)
                memcpy(details, s->details, s->n_details * sizeof(*details));
        details[s->n_details++] = (Detail){ .key = key, .text = text };
        s->details = details;
}

AttributeInfo *fixture_attribute(Arena *a, Outcome *o, size_t step, const char *name, const char *value,
                                 const char *operation, const char *rule)
{
        StepRecord *s = &o->steps[step];
        AttributeInfo *infos = (AttributeInfo *)(uintptr_t)s->attributes;

        /* Room for the next power of two: thousands of rows are added one by one. */
        if ((s->n_attributes & (s->n_attributes - 1)) == 0) {
                infos = arena_new_array(a, AttributeInfo, s->n_attributes ? 2 * s->n_attributes : 1);
                if (s->n_attributes)
                        memcpy(infos, s->attributes, s->n_attributes * sizeof(*infos));
                s->attributes = infos;
        }
        infos[s->n_attributes] = (AttributeInfo){
                .name = name,
                .type = "string",
                .value = value,
                .n_values = value ? 1 : 0,
                .operation = operation,
                .sync_rule = rule,
                .mapping_type = rule ? "Direct" : NULL,
                .data_source = step == FIXTURE_IMPORT_TARGET ? CLOUD : AD,
        };
        return &infos[s->n_attributes++];
}

void fixture_modified(Arena *a, Outcome *o, const char *name, const char *old_value, const char *new_value)
{
        ModifiedProperty *m = arena_new_array(a, ModifiedProperty, o->n_modified + 1);

        if (o->n_modified)
                memcpy(m, o->modified, o->n_modified * sizeof(*m));
        m[o->n_modified++] =
                (ModifiedProperty){ .name = name, .old_value = old_value, .new_value = new_value };
        o->modified = m;
}

void fixture_clear(Outcome *o, size_t step)
{
        o->steps[step].attributes = NULL;
        o->steps[step].n_attributes = 0;
}

void fixture_cut(Outcome *o, size_t from)
{
        for (size_t i = from; i < o->n_steps; i++)
                o->steps[i] = (StepRecord){ .status = RESULT_SKIPPED };
        if (from <= FIXTURE_EXPORT) {
                o->n_modified = 0;
                o->n_request_ids = from > FIXTURE_IMPORT_TARGET ? 1 : 0;
                o->sent.ms = o->accepted.ms = 0;
        }
        if (from <= FIXTURE_IMPORT_TARGET) {
                o->target = (Identity){ .id = "" };
                o->action = ACTION_OTHER;
        }
}

void fixture_error(Arena *a, Outcome *o, size_t step, Disposition d, const char *code, ErrorCategory category,
                   const char *reason, const char *action, const char *details)
{
        fixture_cut(o, step + 1);
        fixture_step(a, o, step, d == DISPOSITION_OUT_OF_SCOPE ? RESULT_SKIPPED : RESULT_FAILURE,
                     details ? details : reason);
        o->result = o->steps[step].status;
        o->disposition = d;
        o->accepted.ms = 0;
        if (step < FIXTURE_EXPORT)
                o->action = ACTION_OTHER;
        o->error = (ErrorInfo){
                .code = code,
                .category = category,
                .reason = reason,
                .recommended_action = action,
                .additional_details = details,
        };
}

static void base_steps(Arena *a, Outcome *o)
{
        static const int64_t took_us[FIXTURE_STEPS] = {
                180, 420, 95, 3100, 60, 40, 2150, 84600, 1900, 121400
        };
        int64_t at = 350;

        fixture_step(a, o, 0, RESULT_SUCCESS, "The object is in the domain of connector " AD ".");
        fixture_detail(a, o, 0, "connector", AD);
        fixture_detail(a, o, 0, "partition", "DC=corp,DC=contoso,DC=test");
        fixture_detail(a, o, 0, "server", "dc1.corp.contoso.test");
        fixture_step(a, o, 1, RESULT_SUCCESS, "The tenant is reachable and enabled for export.");
        fixture_detail(a, o, 1, "connector", "contoso.onmicrosoft.com");
        fixture_detail(a, o, 1, "tenantId", o->tenant_id);
        fixture_detail(a, o, 1, "staging", "False");
        fixture_step(a, o, 2, RESULT_SUCCESS, "The organizational unit is in scope.");
        fixture_detail(a, o, 2, "included by", "OU=Staff,DC=corp,DC=contoso,DC=test");
        fixture_step(a, o, 3, RESULT_SUCCESS, "The object was read with 23 attributes.");
        fixture_detail(a, o, 3, "read in", "2.913 ms");
        fixture_detail(a, o, 3, "objectGUID", o->source.id);
        fixture_detail(a, o, 3, "uSNChanged", "48211");
        fixture_step(a, o, 4, RESULT_SUCCESS, "The object is of type user.");
        fixture_detail(a, o, 4, "objectClass", "top, person, organizationalPerson, user");
        fixture_step(a, o, 5, RESULT_SUCCESS, "Group filtering is not enabled.");
        fixture_step(a, o, 6, RESULT_SUCCESS, "The object was imported as an update.");
        fixture_step(a, o, 7, RESULT_SUCCESS, "The object was read from Microsoft Entra ID now.");
        fixture_detail(a, o, 7, "match", arena_printf(a, "known id %s", o->target.id));
        fixture_step(a, o, 8, RESULT_SUCCESS, "2 operations are needed.");
        fixture_detail(a, o, 8, "join rule", "In from AD - User Join");
        fixture_step(a, o, 9, RESULT_SUCCESS, "2 operations were accepted in 1 requests.");
        for (size_t i = 0; i < FIXTURE_STEPS; i++) {
                o->steps[i].start_us = at;
                o->steps[i].duration_us = took_us[i];
                at += took_us[i] + 30;
        }
        o->duration_us = at;
}

static void base_attributes(Arena *a, Outcome *o)
{
        static const struct {
                const char *source, *target, *value, *rule;
        } rows[] = {
                { "c", "usageLocation", "GB", "In from AD - User Common" },
                { "company", "companyName", "Analytical Engines", "In from AD - User Common" },
                { "department", "department", "Research", "In from AD - User Common" },
                { "displayName", "displayName", "Ada Lovelace", "In from AD - User Common" },
                { "givenName", "givenName", "Ada", "In from AD - User Common" },
                { "l", "city", "London", "In from AD - User Common" },
                { "mail", "mail", "ada.lovelace@contoso.test", "In from AD - User Exchange" },
                { "physicalDeliveryOfficeName", "officeLocation", "St James's Square 12",
                  "In from AD - User Common" },
                { "sn", "surname", "Lovelace", "In from AD - User Common" },
                { "telephoneNumber", "businessPhones", "+44 20 7946 0018", "In from AD - User Common" },
                { "title", "jobTitle", "Principal Analyst", "In from AD - User Common" },
                { "userPrincipalName", "userPrincipalName", "ada.lovelace@contoso.test",
                  "In from AD - User AccountEnabled" },
        };
        AttributeInfo *i;

        for (size_t k = 0; k < N_ELEMENTS(rows); k++) {
                bool changed = str_is(rows[k].source, "title") || str_is(rows[k].source, "department");

                fixture_attribute(a, o, FIXTURE_IMPORT_SOURCE, rows[k].source, rows[k].value,
                                  changed ? "update" : "none", NULL);
                fixture_attribute(a, o, FIXTURE_IMPORT_TARGET, rows[k].target,
                                  str_is(rows[k].source, "title") ? "Analyst"
                                  : changed                       ? "Mathematics"
                                                                  : rows[k].value,
                                  "none", NULL);
                fixture_attribute(a, o, FIXTURE_SYNC, rows[k].source, rows[k].value, "none", rows[k].rule);
        }
        i = fixture_attribute(a, o, FIXTURE_IMPORT_SOURCE, "proxyAddresses",
                              "SMTP:ada.lovelace@contoso.test, smtp:ada@contoso.test", "none", NULL);
        i->multi_valued = true;
        i->n_values = 2;
        i = fixture_attribute(a, o, FIXTURE_SYNC, "sourceAnchor", "nMvfH8ZfPkKc3Y1fJt2x9A==", "none",
                              "In from AD - User AccountEnabled");
        i->mapping_type = "Expression";
        i = fixture_attribute(a, o, FIXTURE_SYNC, "cloudMastered", "False", "none", "In from AD - User Join");
        i->mapping_type = "Constant";
        i->type = "boolean";
        fixture_attribute(a, o, FIXTURE_EXPORT, "jobTitle", "Principal Analyst", "update",
                          "Out to AAD - User Identity");
        fixture_attribute(a, o, FIXTURE_EXPORT, "department", "Research", "update",
                          "Out to AAD - User Identity");
}

void fixture_base(Arena *a, Outcome *o)
{
        static const char *ids[] = { "7c1e5f62-8f2b-4d1a-9c7e-2a6b3d9e1f04",
                                     "b0a4d2c8-1f3e-4a57-8d66-0c9e7b5a3f12" };

        *o = (Outcome){
                .run_id = "1f0c2d3e-58a4-4c1b-9b7d-6e2f8a10c4d7",
                .tries = 1,
                .result = RESULT_SUCCESS,
                .disposition = DISPOSITION_DONE,
                .action = ACTION_UPDATE,
                .source_name = AD,
                .partition = "DC=corp,DC=contoso,DC=test",
                .source_server = "dc1.corp.contoso.test",
                .tenant_id = "3f2b7f60-54a1-4a0e-9f0e-0d8c6a1b2c3d",
                .target_name = "contoso.onmicrosoft.com",
                .rules_version = "8d1f0a6b",
                .initiated_by = "sosync",
                .metaverse_id = "5c7a9e10-3b2d-4f8e-a1c6-9d0b7e4f2a31",
                .source = {
                        .id = "1fdfcb9c-5fc6-423e-9cdd-8d5f26ddb1f4",
                        .display_name = "Ada Lovelace",
                        .type = "user",
                        .dn = "CN=Ada Lovelace,OU=Research,OU=Staff,DC=corp,DC=contoso,DC=test",
                        .upn = "ada.lovelace@contoso.test",
                },
                .target = {
                        .id = "9a6d3f52-0b1c-4e7d-8f29-6c5a4b3e2d10",
                        .display_name = "Ada Lovelace",
                        .type = "user",
                        .anchor = "nMvfH8ZfPkKc3Y1fJt2x9A==",
                        .upn = "ada.lovelace@contoso.test",
                },
                .n_steps = FIXTURE_STEPS,
                .request_ids = ids,
                .n_request_ids = N_ELEMENTS(ids),
                .queued = { FINISHED_MS - 224 },
                .started = { FINISHED_MS - 221 },
                .sent = { FINISHED_MS - 122 },
                .accepted = { FINISHED_MS - 2 },
                .finished = { FINISHED_MS },
        };
        o->change = (Change){
                .kind = CHANGE_UPSERT,
                .lane = LANE_NORMAL,
                .changed = { FINISHED_MS / 1000 * 1000 - 1000 },
                .seen = { FINISHED_MS - 238 },
                .dn = o->source.dn,
        };
        guid_parse(o->source.id, &o->change.id);
        base_steps(a, o);
        base_attributes(a, o);
        fixture_modified(a, o, "jobTitle", "Analyst", "Principal Analyst");
        fixture_modified(a, o, "department", "Mathematics", "Research");
}

const Outcome *fixture_make(Arena *a, const char *name)
{
        Outcome *o = arena_new_of(a, Outcome);

        for (size_t i = 0; i < n_fixtures; i++)
                if (str_is(fixtures[i].name, name)) {
                        fixtures[i].make(a, o);
                        return o;
                }
        assert(!"there is such a fixture");
        return NULL;
}
