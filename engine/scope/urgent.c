/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scope/scope.h"

#include "base/str.h"

#include <string.h>

/* Did the entry bring the attribute? Large groups come in pieces, "member;range=0-1499", and differences as
 * "member;range=1-1": the name is what is in front of the options. */
static bool brought(const Object *entry, const char *attribute)
{
        size_t n = strlen(attribute);

        for (size_t i = 0; i < entry->n_attributes; i++) {
                const char *name = entry->attributes[i].name;

                if (strncasecmp(name, attribute, n) == 0 && (!name[n] || name[n] == ';'))
                        return true;
        }
        return false;
}

static bool is_as_before(const Object *entry, const Object *before, const char *attribute)
{
        Value was = before ? object_get(before, attribute) : VALUE_NULL;

        return was.type != VALUE_NONE && value_is_set(was, object_get(entry, attribute));
}

static bool is_true(Value v)
{
        return v.type == VALUE_BOOL ? v.b : v.type == VALUE_INT && v.i != 0;
}

static bool condition_holds(const Expr *when, const Object *entry, Wall now, Arena *a)
{
        ExprEnv env = { .object = entry, .now = now };
        ExprResult result;

        return expr_eval(when, &env, a, &result, NULL) == 0 && is_true(result.value);
}

static bool is_group(const char *group, const Dn *dn, Arena *a)
{
        const Dn *parsed;

        return dn_parse(a, group, &parsed, NULL) == 0 && dn_is(parsed, dn);
}

static bool rule_holds(const UrgentRule *r, const Dn *dn, const Object *entry, const Object *before, Wall now,
                       Arena *a)
{
        if (!r->attribute && !r->ou && !r->group)
                return false;
        if (r->attribute && (!brought(entry, r->attribute) || is_as_before(entry, before, r->attribute)))
                return false;
        if (r->ou && !dn_is_below(dn, r->ou))
                return false;
        if (r->group && !(brought(entry, "member") && is_group(r->group, dn, a)))
                return false;
        return !r->attribute || !r->when || condition_holds(r->when, entry, now, a);
}

/**
 * scope_urgent() - may a change overtake
 * @rules:      of the configuration
 * @n_rules:    their number
 * @dn:         name of the entry
 * @entry:      what the feed has brought of it
 * @before:     what was imported last, if the entry brings everything; else NULL
 * @now:        what Now() answers
 * @a:          scratch
 *
 * Return: whether any rule holds, and whether one that holds asks to revoke sessions.
 */
UrgentAnswer scope_urgent(const UrgentRule *rules, size_t n_rules, const Dn *dn, const Object *entry,
                          const Object *before, Wall now, Arena *a)
{
        UrgentAnswer answer = { 0 };

        for (size_t i = 0; i < n_rules; i++) {
                /* Once urgent, only a rule that would add something is asked. */
                if (answer.urgent && (answer.revoke_sessions || !rules[i].revoke_sessions))
                        continue;
                if (!rule_holds(&rules[i], dn, entry, before, now, a))
                        continue;
                answer.urgent = true;
                answer.revoke_sessions |= rules[i].revoke_sessions;
        }
        return answer;
}
