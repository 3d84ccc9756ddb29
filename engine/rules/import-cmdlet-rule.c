/* SPDX-License-Identifier: Apache-2.0 */

/* New-ADSyncRule, Add-ADSyncAttributeFlowMapping */

#include "engine/rules/import-cmdlet.h"

#include "base/str.h"
#include "engine/rules/rules-yaml.h"

static const char *or_null(const char *text)
{
        return text && *text ? text : NULL;
}

int cmdlet_new_rule(Script *s)
{
        static const char *const known[] = { "Name",
                                             "Identifier",
                                             "Description",
                                             "Direction",
                                             "Precedence",
                                             "PrecedenceAfter",
                                             "PrecedenceBefore",
                                             "SourceObjectType",
                                             "TargetObjectType",
                                             "Connector",
                                             "LinkType",
                                             "SoftDeleteExpiryInterval",
                                             "ImmutableTag",
                                             "Disabled",
                                             "EnablePasswordSync",
                                             "OutVariable",
                                             NULL };
        Arena *a = s->im->arena;
        const char *name, *id, *description, *precedence, *after, *before, *from, *to, *connector, *tag,
                *interval;
        int direction, link;
        bool disabled, password;
        int64_t number = 0;

        if (s->rule)
                return cmdlet_fail(s, "the rule before it was not added (Add-ADSyncRule)");
        if (cmdlet_check_arguments(s, known) || cmdlet_take_needed(s, "Name", &name) ||
            cmdlet_take_one(s, "Identifier", &id) || cmdlet_take_one(s, "Description", &description) ||
            cmdlet_take_one(s, "Precedence", &precedence) || cmdlet_take_one(s, "PrecedenceAfter", &after) ||
            cmdlet_take_one(s, "PrecedenceBefore", &before) ||
            cmdlet_take_needed(s, "SourceObjectType", &from) ||
            cmdlet_take_needed(s, "TargetObjectType", &to) ||
            cmdlet_take_needed(s, "Connector", &connector) || cmdlet_take_one(s, "ImmutableTag", &tag) ||
            cmdlet_take_one(s, "SoftDeleteExpiryInterval", &interval) ||
            cmdlet_take_switch(s, "Disabled", &disabled) ||
            cmdlet_take_switch(s, "EnablePasswordSync", &password) ||
            cmdlet_take_needed(s, "OutVariable", &s->variable) ||
            cmdlet_take_choice(s, "Direction", rules_direction_names, -1, &direction) ||
            cmdlet_take_choice(s, "LinkType", rules_link_names, RULE_LINK_JOIN, &link))
                return IMPORT_E_INVALID;
        if (precedence && (!str_to_int64(precedence, &number) || number < 0 || number > 1000000))
                return cmdlet_fail(s, "-Precedence is not a number from 0 to 1000000");
        if (!import_guid(a, connector) || (id && !import_guid(a, id)))
                return cmdlet_fail(s, "-Connector or -Identifier is not a GUID");

        s->rule = arena_new_of(a, ImportRule);
        *s->rule = (ImportRule){
                .rule = { .name = name,
                          .id = id ? import_guid(a, id) : NULL,
                          .tag = or_null(tag),
                          .description = or_null(description),
                          .direction = (RuleDirection)direction,
                          .disabled = disabled,
                          .source_type = from,
                          .target_type = to,
                          .link = (RuleLink)link,
                          .precedence = (int)number,
                          .at = { .file = s->file, .line = s->now->line } },
                .file = s->file,
                .connector = import_guid(a, connector),
                .before = import_guid(a, before),
                .after = import_guid(a, after),
        };
        s->flows = s->scope = s->join = s->conditions = (ImportList){ 0 };
        if (interval && !str_is(interval, "0"))
                import_note(s->im, name, "softDeleteExpiryInterval %s has no meaning here", interval);
        if (password)
                import_note(s->im, name,
                            "EnablePasswordSync was left out: sosync does not synchronize passwords");
        return 0;
}

int cmdlet_add_flow(Script *s)
{
        static const char *const known[] = {
                "SynchronizationRule", "Source",      "Destination", "FlowType", "ValueMergeType",
                "Expression",          "ExecuteOnce", "OutVariable", NULL
        };
        static const char *const types[] = { "Direct", "Constant", "Expression", NULL };
        const ShellArgument *source = shell_find(s->now, "Source");
        const char *target, *expression;
        int type, merge;
        bool once;
        Flow *f;

        if (cmdlet_check_rule(s) || cmdlet_check_arguments(s, known) ||
            cmdlet_take_needed(s, "Destination", &target) || cmdlet_take_one(s, "Expression", &expression) ||
            cmdlet_take_choice(s, "FlowType", types, FLOW_DIRECT, &type) ||
            cmdlet_take_choice(s, "ValueMergeType", rules_merge_names, FLOW_MERGE_UPDATE, &merge) ||
            cmdlet_take_switch(s, "ExecuteOnce", &once))
                return IMPORT_E_INVALID;
        if (type == FLOW_EXPRESSION && !expression)
                return cmdlet_fail(s, "-Expression is missing");
        if (type != FLOW_EXPRESSION && expression)
                return cmdlet_fail(s, "-Expression needs -FlowType 'Expression'");
        if (type != FLOW_EXPRESSION &&
            (!source || source->n_values != 1 || source->values->kind != SHELL_TEXT))
                return cmdlet_fail(s, "-Source takes one text, unless the flow is an expression");
        f = import_list_add(s->im->arena, &s->flows, sizeof(Flow));
        *f = (Flow){
                .target = target,
                .type = (FlowType)type,
                .merge = (FlowMerge)merge,
                .apply_once = once,
                .source = type == FLOW_EXPRESSION ? expression : source->values->text,
        };
        return 0;
}
