/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rule files: what a file says, before it is a Rule
 *
 *      file --config_read_text(), by the tables--> FileYaml --load_rule()--> Rule --> RuleSet
 *
 * The tables are the only description of the form: the reader, `sosync rules check`, the man page and the
 * example in the README follow them. Each struct is what its table fills: texts as they were written, NULL
 * where a key is not there, choices as indices into the lists of names below.
 *
 * All of it dies with the loading; what a Rule keeps is in the set's arena. One thread.
 */

#include "engine/rules/rules-internal.h"

typedef struct ClauseYaml ClauseYaml;
typedef struct FileYaml FileYaml;
typedef struct FlowYaml FlowYaml;
typedef struct GroupYaml GroupYaml;
typedef struct JoinYaml JoinYaml;
typedef struct Loading Loading;
typedef struct RuleYaml RuleYaml;

struct ClauseYaml {
        const char *attribute;
        int op;
        const char *value;
};

struct JoinYaml {
        const char *source;
        const char *target;
        bool case_sensitive;
};

/* A group of clauses, of a scoping filter or of join rules. */
struct GroupYaml {
        ConfigList clauses;
};

struct FlowYaml {
        const char *target;
        const char *source;
        const char *constant;
        const char *expression;
        int merge;
        bool once;
};

struct RuleYaml {
        const char *name;
        const char *id;
        const char *tag;
        const char *description;
        int direction;
        bool disabled;
        const char *connector;
        const char *source_type;
        const char *target_type;
        int link;
        int64_t precedence;
        ConfigList scope;
        ConfigList join;
        ConfigList flows;
};

struct FileYaml {
        bool strict_operators;
        ConfigList rules;
};

/* One file on its way in. Texts for places are only put together when something is wrong. */
struct Loading {
        Arena *arena;
        const ConfigDoc *doc;
        const char *rule; /* name, for messages */
        size_t index;     /* of the rule in its file */
        ExprOptions options;
        Diag *diag;
        bool failed;
};

/* Never NULL: after a finding (l->failed) it is there for those that follow, and is not used. `at`: where it
 * begins. */
Rule *load_rule(Loading *l, const RuleYaml *y, DiagMark at);

extern const ConfigField rules_file_fields[];

extern const char *const rules_operator_names[]; /* with ISNOTBITSET at the end, a second name */
extern const char *const rules_direction_names[];
extern const char *const rules_link_names[];
extern const char *const rules_merge_names[];
