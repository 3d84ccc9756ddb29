/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scope: is an object ours, judged by its DN and class alone. Pure.
 *
 * Base, then include and exclude OUs: of all that hold the object, the one with the longest name decides, as
 * in Entra Connect's OU filtering; where both name the same OU, exclude does. No include list means the whole
 * base. Type and OU are separate questions, since they are separate steps; no type list means every type.
 */

#include "base/arena.h"
#include "base/diag.h"
#include "engine/expr/expr.h"
#include "engine/model/dn.h"
#include "engine/model/object.h"

typedef struct Scope Scope;
typedef struct ScopeAnswer ScopeAnswer;

struct ScopeAnswer {
        bool in;
        const char
                *rule; /* text of the DN that decided: include, exclude or base; lives as long as the scope */
        bool excluded; /* decided by an exclude entry, or by being below no include */
};

/* Everything is copied into the arena. A DN that cannot be parsed is an error of the configuration.
 * Return: 0, DN_E_MALFORMED. */
int scope_new(Arena *a, const char *base, const char *const *include, size_t n_include,
              const char *const *exclude, size_t n_exclude, const char *const *types, size_t n_types,
              const Scope **ret_scope, Diag *diag);

const Dn *scope_base(const Scope *s);
bool scope_has_base(const Scope *s, const Dn *dn);     /* at or below the base */
ScopeAnswer scope_judge(const Scope *s, const Dn *dn); /* base and OUs */

/* Values of objectClass → the type sosync knows it by: the most specific of user, inetOrgPerson, group,
 * contact, computer, foreignSecurityPrincipal, container, organizationalUnit, domainDNS, ...; "" if none. */
const char *scope_type_of(Value object_class);
bool scope_has_type(const Scope *s, const char *type);

/*
 * Urgency: rules that put a change into the urgent lane, decided from the entry at hand. An attribute rule
 * asks only when the entry brought that attribute. A group rule means the group's own entry that brings
 * `member`. A rule with several of attribute, ou and group asks that all hold; one with none never does. A
 * condition that cannot be evaluated is not met: the change goes the normal way.
 */
typedef struct UrgentRule {
        const char *attribute; /* or NULL */
        const Expr *when;      /* with attribute; NULL: any change of it */
        const Dn *ou;          /* or NULL */
        const char *group;     /* DN of a group whose membership is urgent, or NULL */
        bool revoke_sessions;
} UrgentRule;

typedef struct UrgentAnswer {
        bool urgent;
        bool revoke_sessions;
} UrgentAnswer;

/* `before`: the object as last imported, for an entry that brings everything, changed or not: an attribute
 * that is as it was does not count as brought. NULL: the entry brings only what has changed, or nothing is
 * known. */
UrgentAnswer scope_urgent(const UrgentRule *rules, size_t n_rules, const Dn *dn, const Object *entry,
                          const Object *before, Wall now, Arena *a);
