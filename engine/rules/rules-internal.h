/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules, inside: what the files of this folder share
 *
 *      *.yaml --load.c, load-rule.c--> Rule[] --check.c--> findings, or --set.c--> RuleSet with its tables
 *      clause.c  is a rule in scope, and which clause says no
 *      flow.c    one target attribute: ask the rules in the order of their precedence
 *      inbound.c outbound.c  whole objects;  flowed.c  their result, packed and unpacked
 *
 * Everything is made when the set is loaded, so that a run only walks: a FlowTable has, for one kind of
 * target object, each target attribute with all flows that can supply it, best precedence first.
 */

#include "base/config.h"
#include "engine/rules/rules.h"

typedef struct FlowEval FlowEval;
typedef struct FlowSource FlowSource;
typedef struct FlowTable FlowTable;
typedef struct FlowTarget FlowTarget;
typedef struct GroupList GroupList;
typedef struct NameList NameList;
typedef struct SchemaRow SchemaRow;

/* Far above what any estate has (the editor's own set has 62 rules, 106 flows in the longest). They bound
 * what a hostile file can cost. */
#define RULES_MAX        2000
#define RULE_FLOWS_MAX   1000
#define RULES_FLOWS_MAX  20000 /* of all rules together */
#define RULE_GROUPS_MAX  64
#define RULE_CLAUSES_MAX 256
#define RULE_NAME_MAX    256
#define RULES_GROUPS_MAX 32 /* groups that member clauses name: each is a question for every object */

struct SchemaRow {
        const char *name;
        ValueType type;
        bool multi_valued;
};

struct FlowSource {
        const Rule *rule;
        size_t index; /* of the rule in its table */
        const Flow *flow;
        Value constant;           /* CONSTANT without parameters: ready */
        bool parameters;          /* CONSTANT with %Name%: put together for each object */
        const char *const *reads; /* attributes, DIRECT and EXPRESSION */
        size_t n_reads;
};

struct FlowTarget {
        const char *name;
        const SchemaRow *schema; /* inbound; NULL: not known */
        bool is_truth;           /* a boolean in the metaverse, and so on the way out of it */
        FlowMerge merge;
        const FlowSource *sources; /* best precedence first */
        size_t n_sources;
};

/* Inbound: all rules to a metaverse type, whatever they come from. Outbound: from one metaverse type to one
 * target type. */
struct FlowTable {
        RuleDirection direction;
        const char *source_type; /* outbound */
        const char *target_type;
        bool provisions; /* some rule has link type Provision */
        const Rule *const *rules;
        size_t n_rules;
        const FlowTarget *targets; /* by name */
        size_t n_targets;
};

struct NameList {
        const char *type;
        const char *const *names;
        size_t n_names;
};

struct GroupList {
        const char *type;
        const RuleGroup *groups;
        size_t n_groups;
};

struct RuleSet {
        const char *version;
        const Rule *const *rules; /* by direction, then precedence; disabled ones too */
        size_t n_rules;
        const FlowTable *tables;
        size_t n_tables;
        const NameList *sources; /* attributes read, by connector-space type */
        size_t n_sources;
        const NameList *targets[2]; /* attributes that are flowed to, by direction and target type */
        size_t n_targets[2];
        const GroupList
                *groups; /* of member clauses, by connector-space type; the first, without a type: all */
        size_t n_groups;
        const NameList *joins; /* metaverse attributes compared, by metaverse type */
        size_t n_joins;
};

/* schema.c */
const SchemaRow *metaverse_schema_find(const char *name);

/* load.c: the raw rules of all files, in the order read; findings go into the diag. */
int load_rules(Arena *a, const RulesFile *files, size_t n_files, Rule ***ret_rules, size_t *ret_n,
               Diag *diag);
Value load_constant(Arena *a, const char *target, const char *text, bool *ret_ok); /* load-rule.c */

/* rules-default.c, made by embed.py */
extern const RulesFile rules_default[];
extern const size_t n_rules_default;
extern const RulesFile rules_optional[];
extern const size_t n_rules_optional;

/* check.c: what no single rule can see. Adds findings. */
void check_rules(Rule *const *rules, size_t n_rules, Diag *diag);
bool rule_decides(const Rule *r); /* has join groups or link type Provision */

/* set.c */
const RuleSet *set_new(Arena *a, Rule *const *rules, size_t n_rules);
const FlowTable *set_find_table(const RuleSet *set, RuleDirection direction, const char *source_type,
                                const char *target_type);

/* version.c */
const char *set_version(Arena *a, const RuleSet *set);

/* clause.c */
Value attribute_value(const Object *o, const char *name);
bool clause_asks_member(const ScopeClause *c);
bool rule_takes(const Rule *r, const Object *o, const char *connector); /* type and connector, not scope */
const char *rule_why_not(const Rule *r, const Object *o, const ExprParameter *parameters, size_t n_parameters,
                         Arena *a);
bool rule_is_to_tenant(const Rule *r); /* outbound: to Entra ID, not to a directory */
bool text_is_nocase(const char *a, const char *b);
bool text_to_mask(const char *text, int64_t *ret_mask); /* "2" "&H2" "0x2" */
const char *text_expand(const char *text, const ExprParameter *parameters, size_t n_parameters, char *buf,
                        size_t size);

/* flow.c: the state of one evaluation of one table, over one or several inputs */
struct FlowEval {
        const FlowTable *table;
        const RuleInput *inputs;
        size_t n_inputs;
        const bool *in_scope;          /* [input * n_rules + rule] */
        const ExprEnv *envs;           /* one per input */
        bool exists;                   /* the target object is there: apply-once flows step aside */
        const FlowedObject *metaverse; /* outbound: whose links flow; NULL: inbound */
        Arena *arena;
        Diag *diag;
        Wall due;
        const char *due_of;

        FlowedValue *values;
        size_t n_values;
        FlowedLink *links;
        size_t n_links;
        const char **kept;
        size_t n_kept;
};

void flow_init(FlowEval *e);
int flow_target(FlowEval *e, const FlowTarget *t);
const FlowedObject *flow_finish(FlowEval *e);
