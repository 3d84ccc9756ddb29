/* SPDX-License-Identifier: Apache-2.0 */

/* The active rules, or what the state knows of one object: for commands that explain (app/rules/known.h). */

#include "app/job/kinds.h"

#include "app/flow/connector.h"
#include "app/rules/joins.h"
#include "app/rules/known.h"
#include "app/rules/store.h"
#include "base/str.h"

static const char *argument(const Job *job, const char *name)
{
        return json_string_value(json_object_get(job->arguments, name));
}

/* Their texts, since a set cannot be sent. */
static int active_rules(Job *job, Arena *a, json_t **ret_rules)
{
        Space *space = queue_space(job->wiring->queue);
        const RulesFile *files;
        RulesHistory h;
        json_t *list;
        size_t n;
        int r = rules_store_history(space, a, &h);

        if (r == 0 && h.n == 0)
                return RULES_STORE_E_NONE;
        if (r == 0)
                r = rules_store_read(space, a, h.items[0].version, &files, &n);
        if (r)
                return r;
        list = json_array();
        for (size_t i = 0; i < n; i++)
                json_array_append_new(list,
                                      json_pack("{s:s, s:s}", "name", files[i].name, "text",
                                                str_base64(a, (const uint8_t *)files[i].text, files[i].n)));
        *ret_rules = json_pack("{s:s, s:s, s:o}", "version", h.items[0].version, "origin", h.items[0].origin,
                               "files", list);
        return 0;
}

static int known_object(Job *job, Arena *a, json_t **ret_known)
{
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        const char *connector = argument(job, "connector"), *id = argument(job, "id");
        const char *metaverse = argument(job, "metaverse");
        RulesWorld w = { .space = queue_space(job->wiring->queue),
                         .schema = config->run.schema,
                         .now = clock_wall(job->wiring->clock) };
        ObjectId guid;
        RulesKnown k;
        int r;

        *ret_known = NULL;
        if (!guid_parse(metaverse ? metaverse : id ? id : "", &guid) || (!metaverse && !connector))
                return 0;
        w.connectors = connectors_for_run(&job->wiring->connectors, config, a, &w.n_connectors);
        r = metaverse ? known_person(&w, &guid, a, &k) : known_find(&w, connector, &guid, a, &k);
        if (r == 0)
                *ret_known = known_json(&k, a);
        /* A damaged row is imported again at the next change. */
        return r > 0 ? 0 : r;
}

/* A clause as the command has sent it. False: it is none, or has no value. */
static bool read_clause(const json_t *asked, Arena *a, JoinClause *ret_clause, Value *ret_value)
{
        const char *value = json_string_value(json_object_get(asked, "value"));
        PackReader reader;
        uint8_t *data;
        size_t n;

        *ret_clause = (JoinClause){
                .metaverse = json_string_value(json_object_get(asked, "attribute")),
                .case_sensitive = json_is_true(json_object_get(asked, "caseSensitive")),
        };
        if (!ret_clause->metaverse || !value || !str_unbase64(a, value, &data, &n))
                return false;
        unpack_init(&reader, data, n);
        *ret_value = value_unpack(&reader, a);
        return unpack_end(&reader) == 0 && !value_is_none(*ret_value);
}

/* {"type", "clauses": [{"attribute", "value": packed, in base64, "caseSensitive"}]} -> [{"id", "dn"}] */
static int find_joins(Job *job, Arena *a, const json_t *asked, json_t **ret_hits)
{
        const char *type = json_string_value(json_object_get(asked, "type"));
        const json_t *list = json_object_get(asked, "clauses");
        JoinClause *clauses = arena_new_array(a, JoinClause, json_array_size(list) + 1);
        Value *values = arena_new_array(a, Value, json_array_size(list) + 1);
        JoinGroup group = { .clauses = clauses, .n_clauses = json_array_size(list) };
        const JoinHit *hits;
        size_t n;
        int r;

        *ret_hits = json_array();
        for (size_t i = 0; i < group.n_clauses; i++)
                if (!read_clause(json_array_get(list, i), a, &clauses[i], &values[i]))
                        return 0;
        if (!type)
                return 0;
        r = joins_ask_space(queue_space(job->wiring->queue), type, &group, values, a, &hits, &n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                char id[GUID_TEXT_MAX];

                json_array_append_new(*ret_hits, json_pack("{s:s, s:s}", "id", guid_format(&hits[i].id, id),
                                                           "dn", hits[i].dn));
        }
        return r;
}

static int work_known(Job *job, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const json_t *join = json_object_get(job->arguments, "join");
        json_t *rules = NULL, *known = NULL, *hits = NULL;
        int r = join                                                ? find_joins(job, a, join, &hits)
                : argument(job, "id") || argument(job, "metaverse") ? known_object(job, a, &known)
                                                                    : active_rules(job, a, &rules);

        if (r > 0) {
                diag_set(diag,
                         "the text of the active rules is not in the state any more; `sosync rules activate` "
                         "stores it again");
                return JOB_E_FAILED;
        }
        if (r == 0)
                job->result = json_pack("{s:O?, s:O?, s:O?}", "rules", rules, "known", known, "hits", hits);
        json_decref(rules);
        json_decref(known);
        json_decref(hits);
        return r;
}

const JobKind job_rules_known = { .name = "rules-known", .looks = true, .work = work_known };
