/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/steps/internal.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/steps/catalogue.h"

#include <string.h>

const Step step_table[_STEP_N] = {
#define STEP_ROW(func, text, kind, heading)         \
        [STEP_##func] = { .function = #func,        \
                          .name = #text,            \
                          .type = STEP_TYPE_##kind, \
                          .title = heading,         \
                          .run = step_##func },
        STEPS(STEP_ROW)
#undef STEP_ROW
};

static_assert(_STEP_N <= OUTCOME_STEPS_MAX, "an outcome has room for every step");

void run_init(Run *run, Arena *a, const RunConfig *config, Source *source, Target *target, Space *space,
              const Clock *clock, const Change *change)
{
        *run = (Run){
                .arena = a,
                .config = config,
                .source = source,
                .target = target,
                .space = space,
                .clock = clock,
                .change = *change,
                .key = { .source = change->source, .id = change->id },
                .began = clock_mono(clock),
        };
        run->call = (Call){ .schema = config->schema, .lane = (Lane)change->lane, .arena = a };
        space_batch_init(&run->batch, a);
}

void run_deinit(Run *run)
{
        if (run->claimed)
                space_release(run->space, &run->claim);
        run->claimed = false;
        diag_deinit(&run->diag);
        diag_deinit(&run->rules_diag);
}

const RunConnector *run_connector_of(const Run *run, uint16_t source)
{
        static const RunConnector unknown = { .name = NULL };

        return source < run->config->n_connectors ? &run->config->connectors[source] : &unknown;
}

bool run_is_settling(const Run *run, Wall since)
{
        return since.ms && wall_is_near(clock_wall(run->clock), since, run->config->settle_ms);
}

void run_note_due(Run *run, const FlowedObject *o)
{
        if (!o->due.ms)
                return;
        if (!run->due.ms || o->due.ms < run->due.ms)
                run->due = o->due;
        run->due_is_urgent |= !o->due_of || str_is(o->due_of, "accountEnabled");
}

Wall run_wall(const Run *run, Mono t)
{
        if (!t.us)
                return (Wall){ 0 };
        return wall_add(clock_wall(run->clock), (t.us - clock_mono(run->clock).us) / 1000);
}

/* The names of everything that must be read, once each, over all types. */
static void add_name(const char **names, size_t *n, const char *name)
{
        for (size_t i = 0; i < *n; i++)
                if (str_is(names[i], name))
                        return;
        names[(*n)++] = name;
}

void run_config_attributes(RunConfig *config, Arena *a)
{
        static const char *const types[] = { "user", "inetOrgPerson", "group", "contact", "computer" };
        static const char *const links[] = { "member" };
        const char **names;
        size_t n = 0, size = 2;

        for (size_t t = 0; t < N_ELEMENTS(types); t++) {
                size_t n_type;

                rules_source_attributes(config->rules, types[t], &n_type);
                size += n_type;
        }
        names = arena_new_array(a, const char *, size);
        for (size_t t = 0; t < N_ELEMENTS(types); t++) {
                size_t n_type;
                const char *const *of_type = rules_source_attributes(config->rules, types[t], &n_type);

                for (size_t i = 0; i < n_type; i++)
                        if (!rules_is_link(of_type[i]) && !str_is(of_type[i], "dn") &&
                            !str_is(of_type[i], RULES_COUNT_MEMBER))
                                add_name(names, &n, of_type[i]);
        }
        add_name(names, &n, "userAccountControl");
        add_name(names, &n, "displayName");
        config->attributes = names;
        config->n_attributes = n;
        config->links = links;
        config->n_links = N_ELEMENTS(links);
}

bool run_config_reads(const RunConfig *config, const char *attribute)
{
        for (size_t i = 0; i < config->n_attributes; i++)
                if (str_is(config->attributes[i], attribute))
                        return true;
        return false;
}

/* What the spaces know of the object. */
static int recall(Run *run)
{
        int r = space_read_head(run->space, &run->key, run->arena, &run->head, &run->head_serial, &run->diag);

        if (r < 0)
                return r;
        run->known = r == 0;
        if (r)
                run->head = (Head){ 0 };
        r = run->known ? run_recall_ahead(run) : 0;
        if (r)
                return r;
        if (!run->known || guid_is_zero(&run->head.metaverse))
                return 0;
        r = space_read_person(run->space, &run->head.metaverse, run->arena, &run->person, &run->person_serial,
                              &run->diag);
        if (r < 0)
                return r;
        if (r)
                run->person = (Person){ 0 };
        else
                run->metaverse = run->head.metaverse;
        return 0;
}

/* Read the object, once. How it went is the fourth step's finding. */
static void read_object(Run *run)
{
        SourceQuery query = {
                .id = guid_is_zero(&run->key.id) ? NULL : &run->key.id,
                .dn = run->change.dn,
                .at_least = run->change.version,
                .attributes = run->config->attributes,
                .n_attributes = run->config->n_attributes,
                .links = run->config->links,
                .n_links = run->config->n_links,
        };
        Mono start = clock_mono(run->clock);

        run_ask_ahead(run, &query);
        run->read_result = source_read(run->source, &query, run->arena, &run->entry, &run->diag);
        run->read_us = clock_mono(run->clock).us - start.us;
        if (run->read_result == 0 && run->names_unknown) {
                /* Rules would take %Domain.FQDN% for nothing, and clear what was made of it. */
                run->read_result = SOURCE_E_UNREACHABLE;
                diag_set(&run->diag, "the names of the domain could not be read");
        }
        if (run->read_result == 0)
                run_apply_ahead(run);
        if (run->read_result && diag_any(&run->diag))
                run->read_why = arena_strdup(run->arena, diag_text(&run->diag));
        if (run->read_result == 0 && guid_is_zero(&run->key.id))
                run->key.id = run->entry.object->id;
        if (source_info(run->source, &run->source_info, NULL))
                run->source_info.server = NULL;
}

/* By the DN it has now, else by what the feed saw, else by what we remember. */
static int locate(Run *run)
{
        const char *text = run->entry.object && run->entry.object->dn ? run->entry.object->dn
                           : run->change.dn                           ? run->change.dn
                           : run->head.dn                             ? run->head.dn
                                                                      : "";
        Diag why = DIAG_INIT;
        int r = dn_parse(run->arena, text, &run->dn, &why);

        if (r) {
                /* The directory gave it; what cannot be read as a DN is in nobody's scope. */
                Dn *dn = arena_new_of(run->arena, Dn);

                dn->text = text;
                dn->normalised = "";
                run->dn = dn;
        }
        run->call.dn = run->dn->text;
        diag_deinit(&why);
        return 0;
}

static const char *display_name(const Run *run)
{
        const char *s = NULL;

        if (run->entry.object)
                s = object_text(run->entry.object, "displayName");
        if (!s && run->dn && run->dn->n_rdns)
                s = run->dn->rdns[0].value;
        return s ? s : "";
}

static void open_outcome(Run *run)
{
        const RunConnector *c = run_connector(run);
        Outcome *o = &run->outcome;
        ObjectId id;

        guid_random(&id);
        guid_format(&id, o->run_id);
        run->call.run_id = o->run_id;
        o->change = run->change;
        o->started = clock_wall(run->clock);
        o->n_steps = _STEP_N;
        o->source_name = c->name ? c->name : "";
        o->partition = c->scope ? scope_base(c->scope)->text : "";
        o->initiated_by = run->change.by ? run->change.by : "sosync";
        for (size_t i = 0; i < _STEP_N; i++)
                o->steps[i].status = RESULT_SKIPPED;
}

static void name_identities(Run *run)
{
        Outcome *o = &run->outcome;
        char *id = arena_alloc(run->arena, GUID_TEXT_MAX);
        Value upn;

        o->source_server = arena_strdup(run->arena, run->source_info.server);
        /* A run that could not even read its rows knows no more than the feed said. */
        o->source.dn = run->dn ? run->dn->text : run->change.dn ? run->change.dn : "";
        o->source.display_name = display_name(run);
        o->source.id = guid_is_zero(&run->key.id) ? "" : guid_format(&run->key.id, id);
        o->change.id = run->key.id;
        o->change.dn = o->source.dn;
        if (!run->change.changed.ms && run->read_result == 0)
                o->change.changed = run->entry.changed;
        if (run->object)
                o->source.upn = object_text(run->object, "userPrincipalName");

        o->target.id = "";
        if (!guid_is_zero(&run->cloud_id)) {
                char *cloud = arena_alloc(run->arena, GUID_TEXT_MAX);

                o->target.id = guid_format(&run->cloud_id, cloud);
        }
        o->target.type = run_cloud_type(run);
        o->target.anchor = run->anchor;
        upn = run->planned ? flowed_get(run->planned, "userPrincipalName") : VALUE_NULL;
        o->target.upn = upn.type == VALUE_STRING ? upn.s
                        : run->cloud.object      ? object_text(run->cloud.object, "userPrincipalName")
                                                 : NULL;
        o->target.display_name =
                run->planned && flowed_get(run->planned, "displayName").type == VALUE_STRING
                        ? flowed_get(run->planned, "displayName").s
                        : (run->cloud.object ? object_text(run->cloud.object, "displayName") : NULL);
        if (!guid_is_zero(&run->metaverse)) {
                char *mv = arena_alloc(run->arena, GUID_TEXT_MAX);

                o->metaverse_id = guid_format(&run->metaverse, mv);
        }
        o->request_ids = run->call.request_ids;
        o->n_request_ids = run->call.n_request_ids;
}

static int run_step(Run *run, StepName name, int (*step)(Run *run))
{
        StepRecord *record = &run->outcome.steps[name];
        Mono start = clock_mono(run->clock);
        int r;

        run->record = record;
        diag_clear(&run->diag);
        if (run->entered)
                run->entered(run, &step_table[name]);
        record->ran = true;
        record->status = RESULT_SUCCESS;
        record->start_us = start.us - run->began.us;
        r = step(run);
        record->duration_us = clock_mono(run->clock).us - start.us;
        if (r < 0) {
                record->status = RESULT_FAILURE;
                step_fail(run, STEP_E_RETRY, "InternalError", "%s: %s", step_table[name].function,
                          strerror(-r));
        }
        return r;
}

static void conclude(Run *run, int r)
{
        Outcome *o = &run->outcome;
        bool warned = false;

        for (size_t i = 0; i < _STEP_N; i++)
                warned |= o->steps[i].ran && o->steps[i].status == RESULT_WARNING;
        switch (r) {
        case 0:
        case STEP_E_DONE:
                o->result = warned ? RESULT_WARNING : RESULT_SUCCESS;
                o->disposition = !run->n_ops           ? DISPOSITION_NO_CHANGE
                                 : run_is_staging(run) ? DISPOSITION_STAGED
                                                       : DISPOSITION_DONE;
                break;
        case STEP_E_SKIP:
                o->result = run->record->status;
                o->disposition = DISPOSITION_OUT_OF_SCOPE;
                break;
        case STEP_E_PARK:
                o->result = RESULT_FAILURE;
                o->disposition = DISPOSITION_PARKED;
                break;
        default:
                o->result = run->overtaken ? RESULT_WARNING : RESULT_FAILURE;
                o->disposition = DISPOSITION_RETRY;
                o->retry_at = run->retry_at;
                break;
        }
}

/* Its source is not configured: the first step says so, and there is nobody to ask for the others. */
static int run_first_step(Run *run)
{
        return run_step(run, STEP_source_domain, step_source_domain);
}

/* Where it is nobody knows, and it cannot be read: that it is not in scope would be a guess. */
static bool is_nowhere(const Run *run)
{
        return run->read_result && run->read_result != SOURCE_E_NOT_FOUND && !*run->dn->text;
}

/* What went wrong with the read. */
static int run_access_step(Run *run)
{
        return run_step(run, STEP_access, step_access);
}

/* The edges that have become ready: the tenant must be there, then the plan, then the export. */
static int run_link_steps(Run *run)
{
        int r = run_step(run, STEP_target_domain, step_target_domain);

        if (r == 0)
                r = run_step(run, STEP_sync, run_plan_ready);
        if (r == 0)
                r = run_step(run, STEP_export, step_export);
        return r;
}

static bool is_asked(const Run *run, StepName name)
{
        return run->reverting ? run_is_revert_step(run, name) : !run->gone || run_is_gone_step(name);
}

static int run_all_steps(Run *run)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < _STEP_N; i++)
                if (is_asked(run, (StepName)i))
                        r = run_step(run, (StepName)i, step_table[i].run);
        return r;
}

void pipeline_run(Run *run)
{
        bool configured = run_connector(run)->scope != NULL;
        int r, left;

        open_outcome(run);
        run->record = &run->outcome.steps[0];
        r = guid_is_zero(&run->key.id) ? 0 : recall(run);
        if (r == 0 && run->known)
                r = run_recall_hold(run);
        if (r == 0 && configured && (run->change.kind != CHANGE_LINK || run->reverting))
                read_object(run);
        run->reverting &= !run->entry.deleted;
        if (r == 0)
                r = locate(run);
        if (r == 0)
                r = !configured                                          ? run_first_step(run)
                    : run->change.kind == CHANGE_LINK && !run->reverting ? run_link_steps(run)
                    : is_nowhere(run)                                    ? run_access_step(run)
                                                                         : run_all_steps(run);
        else
                step_fail(run, STEP_E_RETRY, "InternalError", "the spaces could not be read: %s",
                          strerror(-r));
        run_settle_brakes(run);
        conclude(run, r);
        left = run_leave_behind(run);
        if (left) {
                step_fail(run, STEP_E_RETRY, "InternalError", "the spaces could not be read: %s",
                          left < 0 ? strerror(-left) : "damaged rows");
                conclude(run, STEP_E_RETRY);
                /* What the cloud has confirmed is a fact all the same, and is stored with the retry. */
                space_batch_init(&run->batch, run->arena);
                if (run_leave_behind(run))
                        space_batch_init(&run->batch, run->arena);
        }
        name_identities(run);
        run->outcome.finished = clock_wall(run->clock);
        run->outcome.duration_us = clock_mono(run->clock).us - run->began.us;
}
