/* SPDX-License-Identifier: Apache-2.0 */

/* What the report says of a plan: rows of the export step, Modified Properties, requests on paper. */

#include "engine/steps/internal.h"

#include "base/str.h"

/* So many links are named; the others are counted. */
#define LINKS_TOLD 100

/* "CN=Ada Lovelace,OU=... (6f1d2c3b-...)": who it is, and what Graph is told. Without a DN where the source
 * did not name it. */
static const char *link_text(const Run *run, const Op *op)
{
        ObjectKey key = { .source = run->key.source, .id = op->named };
        const char *dn = op->link_dn;
        char id[GUID_TEXT_MAX];
        Head head;

        guid_format(&op->link, id);
        if (!dn && !guid_is_zero(&op->named) &&
            space_read_head(run->space, &key, run->arena, &head, NULL, NULL) == 0)
                dn = head.dn;
        return dn && *dn ? arena_printf(run->arena, "%s (%s)", dn, id) : arena_strdup(run->arena, id);
}

static void add_line(const Run *run, const Op *op, uint32_t *n, const char **lines)
{
        if ((*n)++ < LINKS_TOLD)
                *lines = arena_printf(run->arena, "%s%s%s", *lines ? *lines : "", *lines ? "\n" : "",
                                      link_text(run, op));
}

/* Rows of the export step and of Modified Properties, one per attribute of the plan. */
static void report_plan(Run *run)
{
        AttributeInfo *infos = arena_new_array(run->arena, AttributeInfo, run->n_ops + 1);
        ModifiedProperty *modified = arena_new_array(run->arena, ModifiedProperty, run->n_ops + 1);
        AttributeInfo *links = NULL;
        size_t n = 0;

        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];

                switch (op->kind) {
                case OP_CREATE:
                case OP_REVOKE_SESSIONS:
                        break;
                case OP_SET:
                case OP_UNSET:
                        modified[n] = (ModifiedProperty){
                                .name = op->attribute,
                                .old_value = value_is_none(op->old_value)
                                                     ? NULL
                                                     : value_text(run->arena, op->old_value, STEP_TEXT_MAX),
                                .new_value = op->kind == OP_UNSET
                                                     ? NULL
                                                     : value_text(run->arena, op->value, STEP_TEXT_MAX),
                        };
                        infos[n++] = (AttributeInfo){
                                .name = op->attribute,
                                .multi_valued = op->value.type == VALUE_LIST,
                                .type = value_type_name(op->kind == OP_UNSET ? op->old_value : op->value),
                                .value = op->kind == OP_UNSET
                                                 ? NULL
                                                 : value_text(run->arena, op->value, STEP_TEXT_MAX),
                                .n_values = (uint32_t)value_count(op->value),
                                .operation = op->kind == OP_UNSET           ? "delete"
                                             : value_is_none(op->old_value) ? "add"
                                                                            : "update",
                                .sync_rule = op->rule,
                                .mapping_type = op->mapping,
                                .data_source = op->data_source,
                        };
                        break;
                case OP_LINK:
                case OP_UNLINK:
                        if (!links) {
                                modified[n].name = op->attribute;
                                links = &infos[n++];
                                *links = (AttributeInfo){
                                        .name = op->attribute,
                                        .multi_valued = !str_is(op->attribute, "manager"),
                                        .type = "reference",
                                        .operation = "update",
                                        .sync_rule = op->rule,
                                        .mapping_type = op->mapping,
                                        .data_source = op->data_source,
                                        .n_values = (uint32_t)run->n_cloud_links,
                                };
                        }
                        if (op->kind == OP_LINK) {
                                add_line(run, op, &links->n_added, &links->value_add);
                                links->n_values++;
                        } else {
                                add_line(run, op, &links->n_deleted, &links->value_delete);
                                links->n_values -= links->n_values > 0;
                        }
                        break;
                }
        }
        if (links) {
                ModifiedProperty *m = &modified[links - infos];

                links->value = arena_printf(run->arena, "%u", links->n_values);
                m->old_value =
                        run->n_cloud_links ? arena_printf(run->arena, "%zu", run->n_cloud_links) : NULL;
                m->new_value = links->n_values ? links->value : NULL;
        }
        run->record->attributes = infos;
        run->record->n_attributes = n;
        run->outcome.modified = modified;
        run->outcome.n_modified = n;
}

static Action action_of(const Run *run)
{
        Action action = run->n_ops ? ACTION_UPDATE : ACTION_OTHER;

        for (size_t i = 0; i < run->n_ops; i++) {
                if (run->ops[i].kind == OP_CREATE)
                        return ACTION_CREATE;
                if (run->ops[i].kind == OP_SET && str_is(run->ops[i].attribute, "accountEnabled") &&
                    !run->ops[i].value.b)
                        action = ACTION_DISABLE;
        }
        return action;
}

/* "aboutMe, skills": what goes to another service in requests of its own. */
static void say_services(Run *run)
{
        const char *names = NULL, *service = NULL;

        for (size_t i = 0; i < run->n_ops; i++) {
                const TargetAttribute *at =
                        target_attribute(run->config->schema, run->ops[i].type, run->ops[i].attribute);

                if (!at || !at->service)
                        continue;
                service = at->service;
                names = names ? arena_printf(run->arena, "%s, %s", names, at->name) : at->name;
        }
        if (names)
                step_detail(run, "in a request of its own", "%s (%s)", names, service);
}

void run_say_plan(Run *run)
{
        report_plan(run);
        say_services(run);
        run->outcome.action = action_of(run);
}

/* What the object's owner says of its own steps, as details of this one. */
void run_say_owner(Run *run)
{
        const OwnerReport *said = &run->call.owner_said;

        for (size_t i = 0; i < said->n_notes; i++)
                step_detail(run,
                            arena_printf(run->arena, "%s%s%s", run->call.owner_name,
                                         *said->notes[i].key ? ": " : "", said->notes[i].key),
                            "%s", said->notes[i].text);
}

/* More than this of one object is not written down. */
#define PAPER_MAX ((size_t)1 << 20)

/* Somebody asked what would be done: the requests as they would be sent. What is asked of the object's owner
 * is not ours to write. */
void run_put_on_paper(Run *run)
{
        OpResult *results = arena_new_array(run->arena, OpResult, run->n_ops + 1);
        Call call = run->call;
        Str paper;
        size_t n = 0;
        int r;

        while (n < run->n_ops && !run->ops[n].owner)
                n++;
        str_init(&paper, PAPER_MAX);
        call.paper = &paper;
        r = target_apply(run->target, &call, run->ops, n, results, &run->diag);
        if (r)
                step_detail(run, "what cannot be sent", "%s", diag_text(&run->diag));
        diag_clear(&run->diag);
        if (n < run->n_ops)
                str_printf(&paper,
                           "%s# %zu operations are left to the synchronization that owns the object\n",
                           paper.n ? "\n" : "", run->n_ops - n);
        if (paper.cut)
                step_detail(run, "left out of requests", "what goes beyond %zu bytes", PAPER_MAX);
        if (paper.n)
                step_detail(run, STEP_REQUESTS, "%s", paper.data);
        str_deinit(&paper);
}
