/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules: declarative provisioning, the sync rule model of Entra Connect
 *
 *      AD connector space --inbound rules--> metaverse --outbound rules--> Entra connector space
 *
 * A rule has a scoping filter (groups of clauses: AND inside, OR between), join groups, a link type, and
 * flows. For each target attribute the rule of the lowest precedence number that offers a value wins; what it
 * offers may be NULL (the next rule is asked), AuthoritativeNull (nobody is asked further) or IgnoreThisFlow
 * (as if the flow were not there).
 *
 * A RuleSet is loaded from the YAML files of one folder, checked as a whole, immutable and shared by all
 * workers. Its version is a hash of what it means, named in every report. Facts: Microsoft's "Understanding
 * declarative provisioning"; names of fields and operators are those of the Synchronization Rules Editor.
 * The file format is described in this folder's README and in sosync-rules(5).
 *
 * Links. The values of `member` are never in an Object: a group may have 250,000 of them, and they are rows
 * elsewhere. The rules decide only whether they flow, and by which rule: a direct flow of a link attribute
 * gives a FlowedLink in the FlowedObject, never a FlowedValue. Nothing in the set can see or change single
 * members; a rule that reads [member] is refused when the set is loaded. Only their number is seen: the step
 * that builds a RuleInput adds the attribute RULES_COUNT_MEMBER to a group, as VALUE_INT, also when it is 0,
 * and ValueCount("member") answers it.
 *
 * Three things may become of an attribute that the set knows (rules_target_attributes): it has a value or a
 * link; it has none and must be cleared; or all that was said is IgnoreThisFlow (or apply once, for an object
 * that is there already), and what is there stays: flowed_is_kept().
 */

#include "base/arena.h"
#include "base/diag.h"
#include "engine/expr/expr.h"
#include "engine/model/dn.h"
#include "engine/model/object.h"

typedef struct Flow Flow;
typedef struct FlowedLink FlowedLink;
typedef struct FlowedValue FlowedValue;
typedef struct FlowedObject FlowedObject;
typedef struct JoinClause JoinClause;
typedef struct JoinGroup JoinGroup;
typedef struct Rule Rule;
typedef struct RuleGroup RuleGroup;
typedef struct RuleInput RuleInput;
typedef struct RuleSet RuleSet;
typedef struct RulesFile RulesFile;
typedef struct ScopeClause ScopeClause;
typedef struct ScopeGroup ScopeGroup;

/* The number of a group's members, for ValueCount("member"); see above. */
#define RULES_COUNT_MEMBER "ValueCount:member"

/* The name by which a rule says that its connector is the tenant: In from AAD - User Join. */
#define RULES_CONNECTOR_ENTRA "entra"

enum {
        RULE_E_BASE_ = 1400, /* ERROR_BASE_RULE */

        RULE_E_INVALID,   /* rules_load: findings are in the diag */
        RULE_E_FAILED,    /* a flow failed (Error(), wrong type): the diag names rule, attribute and offset */
        RULE_E_AMBIGUOUS, /* outbound rules in scope make objects of different types of it: the diag names two
                           */
};

typedef enum RuleDirection {
        RULE_INBOUND,
        RULE_OUTBOUND,
} RuleDirection;

typedef enum RuleLink {
        RULE_LINK_JOIN,
        RULE_LINK_PROVISION,
        RULE_LINK_STICKY_JOIN,
} RuleLink;

typedef enum FlowType {
        FLOW_DIRECT,
        FLOW_CONSTANT,
        FLOW_EXPRESSION,
} FlowType;

typedef enum FlowMerge {
        FLOW_MERGE_UPDATE,
        FLOW_MERGE_REPLACE,
        FLOW_MERGE_MERGE,
        FLOW_MERGE_MERGE_CASE_INSENSITIVE,
} FlowMerge;

typedef enum ScopeOperator {
        SCOPE_EQUAL,
        SCOPE_NOTEQUAL,
        SCOPE_LESSTHAN,
        SCOPE_LESSTHAN_OR_EQUAL,
        SCOPE_GREATERTHAN,
        SCOPE_GREATERTHAN_OR_EQUAL,
        SCOPE_CONTAINS,
        SCOPE_NOTCONTAINS,
        SCOPE_STARTSWITH,
        SCOPE_NOTSTARTSWITH,
        SCOPE_ENDSWITH,
        SCOPE_NOTENDSWITH,
        SCOPE_ISNULL,
        SCOPE_ISNOTNULL,
        SCOPE_ISIN,
        SCOPE_ISNOTIN,
        SCOPE_ISBITSET,
        SCOPE_ISBITNOTSET,
        SCOPE_ISMEMBEROF,
        SCOPE_ISNOTMEMBEROF,
        _SCOPE_OPERATOR_N,
} ScopeOperator;

struct ScopeClause {
        const char *attribute;
        ScopeOperator op;
        const char *value; /* may hold %Parameter%s */
        const char *group; /* ISMEMBEROF, ISNOTMEMBEROF: the attribute that answers, see RuleGroup */
};

/*
 * A group that a clause with ISMEMBEROF names. A set looks nothing up: the step that builds a RuleInput asks
 * the directory whether the object is a direct member, and puts the answer into the object as VALUE_BOOL,
 * under the name `attribute`. An object without it counts as none.
 */
struct RuleGroup {
        const char *attribute; /* "ISMEMBEROF:CN=pilot,DC=test": the same for every way to write the DN */
        const Dn *dn;
};

struct ScopeGroup {
        const ScopeClause *clauses;
        size_t n_clauses;
};

struct JoinClause {
        const char *source; /* attribute of the connector-space object: inbound, of the one that comes in */
        const char *metaverse;
        bool case_sensitive;
};

struct JoinGroup {
        const JoinClause *clauses;
        size_t n_clauses;
};

struct Flow {
        const char *target; /* attribute */
        FlowType type;
        FlowMerge merge;
        bool apply_once;
        const char *source; /* DIRECT: attribute; CONSTANT: text; EXPRESSION: source text */
        const Expr *expr;   /* EXPRESSION */
};

struct Rule {
        const char *name;
        const char *id;  /* GUID as text; NULL: made of the name */
        const char *tag; /* "Microsoft.InfromADUserJoin.003", or NULL */
        const char *description;
        RuleDirection direction;
        bool disabled;
        const char *connector;   /* NULL: any source (inbound), the tenant (outbound); or a source's name */
        const char *source_type; /* inbound: connector space; outbound: metaverse */
        const char *target_type;
        RuleLink link;
        int precedence; /* lower wins */
        const ScopeGroup *scope;
        size_t n_scope;
        const JoinGroup *join;
        size_t n_join;
        const Flow *flows;
        size_t n_flows;
        DiagMark at;
};

/* The text of a rule file. */
struct RulesFile {
        const char *name; /* for findings: a path, or "default/..." of the shipped set */
        const char *text;
        size_t n;
};

/* A value that a rule has supplied, and why. */
struct FlowedValue {
        const char *name;
        Value value;
        const char *rule; /* name; lives as long as the rule set, or the record it was read from */
        int precedence;
        FlowType mapping;
        uint16_t source;         /* which input (source connector) */
        bool authoritative_null; /* value is NONE on purpose */
        bool once;               /* by an apply-once flow, when the object was new */
};

/* A link attribute (member) flows, whole, from one input; its values are the step's business. */
struct FlowedLink {
        const char *name; /* of the target attribute */
        const char *from; /* of the attribute it is taken from */
        const char *rule; /* as in FlowedValue */
        int precedence;
        uint16_t source;         /* which input; outbound: as the inbound link said */
        bool authoritative_null; /* there are to be none */
};

/* A metaverse object, or what should be in the Entra connector space: all sorted by name. */
struct FlowedObject {
        const char *type;
        const FlowedValue *values;
        size_t n_values;
        const FlowedLink *links; /* with merge type Merge, one name may come from several inputs */
        size_t n_links;
        const char *const *kept; /* IgnoreThisFlow: these stay as they are */
        size_t n_kept;
        Wall due;           /* earliest instant at which an expression may give another value; 0: none */
        const char *due_of; /* the attribute whose expression that is; NULL when read from a record */
};

/* One connector-space object that contributes to a metaverse object. */
struct RuleInput {
        const Object *object;
        const Object *imported; /* what the last confirmed import had. NULL: `object`, which is so for every
                                   directory that we never write to */
        const char *connector;  /* name of the source */
        uint16_t source;
        const ExprParameter *parameters;
        size_t n_parameters;
};

/*
 * Load all *.yaml of a folder in the order of their names; `folder` NULL: the shipped default set, which is
 * compiled into the program. Everything lives in the arena.
 * Return: 0, RULE_E_INVALID (all findings in the diag), -errno.
 */
int rules_load(Arena *a, const char *folder, const RuleSet **ret_rules, Diag *diag);

/*
 * The two halves of it: the texts, as they are kept of every version that was active, and the set they make.
 * `account_expires` adds the shipped rules of that name (default/optional-account-expires.yaml).
 */
int rules_read(Arena *a, const char *folder, bool account_expires, const RulesFile **ret_files, size_t *ret_n,
               Diag *diag);
int rules_load_text(Arena *a, const RulesFile *files, size_t n_files, const RuleSet **ret_rules, Diag *diag);

const char *rules_version(const RuleSet *set);                   /* 16 hex digits */
const Rule *const *rules_all(const RuleSet *set, size_t *ret_n); /* by direction, then precedence */

/* Attributes that any rule reads of a connector-space type; for the import and for the feed's filter. */
const char *const *rules_source_attributes(const RuleSet *set, const char *type, size_t *ret_n);

/* Groups of which rules for this connector-space type ask whether the object is a member. `type` NULL: all.
 * `set` NULL, as in a configuration whose rules are faulty: none. */
const RuleGroup *rules_member_groups(const RuleSet *set, const char *type, size_t *ret_n);

/* Does the inbound set know this connector-space type at all? */
bool rules_knows_type(const RuleSet *set, const char *type);

/* Metaverse attributes that any inbound join clause compares: the space keeps an index of their values. */
const char *const *rules_join_attributes(const RuleSet *set, const char *mv_type, size_t *ret_n);

/* Attributes that any rule of this direction flows to in an object of this type, sorted. Whoever compares
 * what should be with what is there clears no attribute that is not among them. */
const char *const *rules_target_attributes(const RuleSet *set, RuleDirection direction, const char *type,
                                           size_t *ret_n);

/* Is it among them? */
bool rules_flows(const RuleSet *set, RuleDirection direction, const char *type, const char *attribute);

/* Does any rule flow links (see above) to this attribute of this target type? For the import: must members be
 * read at all? What flows for one object is FlowedObject.links. */
bool rules_flows_links(const RuleSet *set, RuleDirection direction, const char *type, const char *attribute);

/* Is this an attribute whose values are links? */
bool rules_is_link(const char *attribute);

/* Is the rule in scope for the object? */
bool rule_in_scope(const Rule *rule, const Object *o, const ExprParameter *parameters, size_t n_parameters);

/*
 * The inbound rule in scope with join groups or link type Provision that decides how the object gets its
 * metaverse object: the one of lowest precedence number. Its join groups are tried by the step, which can
 * look into the metaverse. NULL: no rule takes it; *ret_why says the first clause that was not met, for
 * people.
 */
const Rule *rules_find_join(const RuleSet *set, const RuleInput *input, Arena *a, const char **ret_why);

/* The others that are in scope too: the next one after this, by precedence; NULL: there is none. */
const Rule *rules_next_join(const RuleSet *set, const RuleInput *input, const Rule *after);

/*
 * Compute a metaverse object from all connector-space objects joined to it. `now` is Now(). An input for
 * which no inbound rule with join groups or link type Provision is in scope contributes nothing. `before` is
 * what the metaverse object was (NULL: it is new): then apply-once flows step aside, as if they had said
 * IgnoreThisFlow, and flowed_keep() is the next step. The values of the result are borrowed from the inputs
 * and the set. Return: 0, RULE_E_FAILED.
 */
int rules_inbound(const RuleSet *set, const char *mv_type, const RuleInput *inputs, size_t n_inputs,
                  const FlowedObject *before, Wall now, Arena *a, const FlowedObject **ret_mv, Diag *diag);

/*
 * Compute what the Entra connector space should hold. `imported` is what Entra ID has now (for ImportedValue
 * and apply-once flows), NULL for a new object. *ret_target NULL: no outbound join/provision rule is in
 * scope, *ret_why says why: the first clause that was not met, for people. Where the set has a rule that
 * provisions the target type, one such rule must be in scope; a rule that only joins decides where there is
 * none, and only for an object that Entra ID has. Return: 0, RULE_E_FAILED, RULE_E_AMBIGUOUS.
 */
int rules_outbound(const RuleSet *set, const FlowedObject *mv, const Object *imported,
                   const ExprParameter *parameters, size_t n_parameters, Wall now, Arena *a,
                   const FlowedObject **ret_target, const char **ret_why, Diag *diag);

const FlowedValue *flowed_find(const FlowedObject *o, const char *name);
Value flowed_get(const FlowedObject *o, const char *name);
const FlowedLink *flowed_find_link(const FlowedObject *o, const char *name); /* the first of that name */
bool flowed_is_kept(const FlowedObject *o, const char *name);

/* What a metaverse object becomes that was `before` (NULL: it is new): where all that was said is
 * IgnoreThisFlow or apply once, the old values and links stay, with their provenance. Nothing is in `kept`
 * any more. */
const FlowedObject *flowed_keep(Arena *a, const FlowedObject *now, const FlowedObject *before);
const Object *flowed_object(Arena *a, const FlowedObject *o); /* the same values without provenance */

/* One element of a record; NULL is nil. What is read is in the arena; after an error of the reader it is
 * empty or cut, never wild. */
void flowed_pack(PackWriter *w, const FlowedObject *o);
const FlowedObject *flowed_unpack(PackReader *r, Arena *a);

/* As it is stored with a metaverse object. NULL: there is none, or it is damaged. */
const FlowedObject *flowed_read(Arena *a, const void *data, size_t n);

const char *rule_link_name(RuleLink l);
const char *flow_type_name(FlowType t); /* "Direct" "Constant" "Expression" */
const char *scope_operator_name(ScopeOperator o);
