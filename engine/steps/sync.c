/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Step 9: what should the cloud object be, and what has to be sent for that?
 *
 * The inbound rules ran in step 8, since their anchor is what the object is matched by; here their result is
 * reported, the outbound rules run, and the plan is made: differences only.
 */

#include "engine/steps/internal.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/steps/catalogue.h"

#include <string.h>

#define UF_ACCOUNTDISABLE 2

/* Attribute Info rows of the metaverse object: which rule supplied each value. */
static void report_metaverse(Run *run)
{
        AttributeInfo *infos = arena_new_array(run->arena, AttributeInfo, run->mv->n_values + 1);
        size_t n = 0;

        for (size_t i = 0; i < run->mv->n_values; i++) {
                const FlowedValue *v = &run->mv->values[i];

                if (value_is_none(v->value))
                        continue;
                infos[n++] = (AttributeInfo){
                        .name = v->name,
                        .multi_valued = v->value.type == VALUE_LIST,
                        .type = value_type_name(v->value),
                        .value = value_text(run->arena, v->value, STEP_TEXT_MAX),
                        .n_values = (uint32_t)value_count(v->value),
                        .operation = "none",
                        .sync_rule = v->rule,
                        .mapping_type = flow_type_name(v->mapping),
                        .data_source = run_connector_of(run, v->source)->name,
                };
        }
        run->record->attributes = infos;
        run->record->n_attributes = n;
}

/* "ada.lovelace" of "ada.lovelace@corp.test"; NULL if there is no text before the @. */
static const char *local_part(Run *run, Value v)
{
        const char *s = v.type == VALUE_STRING ? v.s : NULL;
        size_t n = s ? strcspn(s, "@") : 0;

        return n ? arena_strndup(run->arena, s, n) : NULL;
}

/* Microsoft's order for a mail nickname that nobody set (entra.md 3.12): mailNickname, primary SMTP, mail,
 * UPN. */
static const char *mail_nickname(Run *run, const FlowedObject *planned)
{
        Value alias = flowed_get(planned, "alias"), proxies = flowed_get(planned, "proxyAddresses");
        const char *s;

        if (alias.type == VALUE_STRING && *alias.s)
                return alias.s;
        for (size_t i = 0; i < value_count(proxies); i++) {
                Value p = value_at(proxies, i);

                if (p.type == VALUE_STRING && strncmp(p.s, "SMTP:", 5) == 0) {
                        s = local_part(run, value_string(p.s + 5));
                        if (s)
                                return s;
                }
        }
        s = local_part(run, flowed_get(planned, "mail"));
        return s ? s : local_part(run, flowed_get(planned, "userPrincipalName"));
}

/* At most 64 of the characters that Graph allows in a nickname. */
static const char *clean_text(Run *run, const char *s, bool with_stops)
{
        char *clean = arena_strdup(run->arena, s ? s : "");
        size_t n = 0;

        for (const char *p = clean; *p && n < 64; p++)
                if ((unsigned char)*p > ' ' && (unsigned char)*p < 0x7f && !strchr("@()\\[]\";:<>,", *p) &&
                    (*p != '.' || (with_stops && n && clean[n - 1] != '.')))
                        clean[n++] = *p;
        while (n && clean[n - 1] == '.')
                n--;
        clean[n] = 0;
        return n ? clean : NULL;
}

/* Graph's documentation of it has no full stop: "@ ( ) \ [ ] \" ; : . < > ," and spaces are not allowed. */
static const char *clean_nickname(Run *run, const char *s)
{
        return clean_text(run, s, false);
}

/* A user name has them, inside and not two together. */
static const char *clean_user_name(Run *run, const char *s)
{
        return clean_text(run, s, true);
}

/* A copy of the planned object in which one value is another one. */
static const FlowedObject *with_value(Run *run, const FlowedObject *o, const char *name, Value value,
                                      const char *rule)
{
        FlowedObject *copy = arena_memdup(run->arena, o, sizeof(*o));
        FlowedValue *values = arena_new_array(run->arena, FlowedValue, o->n_values + 1);
        FlowedValue new = { .name = name, .value = value, .rule = rule, .mapping = FLOW_EXPRESSION };
        size_t n = 0;
        bool placed = false;

        for (size_t i = 0; i < o->n_values; i++) {
                int order = strcmp(o->values[i].name, name);

                if (order >= 0 && !placed) {
                        values[n++] = new;
                        placed = true;
                }
                if (order != 0)
                        values[n++] = o->values[i];
        }
        if (!placed)
                values[n++] = new;
        copy->values = values;
        copy->n_values = n;
        return copy;
}

static bool is_verified(const Run *run, const char *domain)
{
        for (size_t i = 0; i < run->target_info.n_verified_domains; i++)
                if (str_is_nocase(run->target_info.verified_domains[i], domain))
                        return true;
        return run->target_info.n_verified_domains == 0; /* not told: Graph will say */
}

/* An unverified UPN suffix becomes <mailNickname>@<initial domain>, as Entra Connect's service does. */
static void mend_upn(Run *run)
{
        Value upn = flowed_get(run->planned, "userPrincipalName");
        const char *at = upn.type == VALUE_STRING ? strrchr(upn.s, '@') : NULL;
        const char *nickname, *mended;

        if (!at || is_verified(run, at + 1) || !run->target_info.initial_domain)
                return;
        nickname = clean_user_name(run, mail_nickname(run, run->planned));
        if (!nickname)
                return;
        mended = arena_printf(run->arena, "%s@%s", nickname, run->target_info.initial_domain);
        step_warn(run, "DomainNotVerified", "%s is not a verified domain: %s is exported as %s", at + 1,
                  upn.s, mended);
        run->planned = with_value(run, run->planned, "userPrincipalName", value_string(mended),
                                  "unverified UPN suffix");
}

/* What a new object must have and no rule gave. */
static void complete_create(Run *run)
{
        Value mail_enabled = flowed_get(run->mv, "mailEnabled");
        const char *nickname;

        /* Entra Connect's own rules flow it to the metaverse only, and leave the rest to its service. */
        if (str_is(run_cloud_type(run), "group") && value_is_none(flowed_get(run->planned, "mailEnabled")))
                run->planned = with_value(run, run->planned, "mailEnabled",
                                          value_bool(mail_enabled.type == VALUE_BOOL && mail_enabled.b),
                                          "mail-enabled as in the metaverse");

        if (!value_is_none(flowed_get(run->planned, "alias")))
                return;
        nickname = clean_nickname(run, mail_nickname(run, run->planned));
        if (!nickname)
                nickname = clean_nickname(run, object_text(run->object, "sAMAccountName"));
        if (!nickname)
                nickname = str_hex(run->arena, run->key.id.bytes, sizeof(run->key.id.bytes));
        run->planned = with_value(run, run->planned, "alias", value_string(nickname),
                                  "mail nickname of a new object");
}

/* By the rules, else by the bit (MS-ADTS 2.2.16): an object that no rule takes may be turned off too. */
bool run_is_enabled(const Run *run)
{
        Value enabled = run->mv ? flowed_get(run->mv, "accountEnabled") : VALUE_NULL;
        Value control = run->object ? object_get(run->object, "userAccountControl") : VALUE_NULL;

        if (enabled.type == VALUE_BOOL)
                return enabled.b;
        return control.type != VALUE_INT || !(control.i & UF_ACCOUNTDISABLE);
}

/*
 * A controller leaves out what the account may not read, without a word. Every user of Active Directory has
 * userAccountControl and accountExpires from the day it is made, and where other directories have no such
 * thing their dialect makes it: one without may be disabled, or have expired. The latter is asked of whom
 * rules ask it (rules.account_expires): "never" would turn on again who was turned off when the day had come.
 */
static const char *unread_attribute(const Run *run)
{
        static const char *const needed[] = { "userAccountControl", "accountExpires" };

        if (!run->object || (!str_is(run->type, "user") && !str_is(run->type, "inetOrgPerson")))
                return NULL;
        for (size_t i = 0; i < N_ELEMENTS(needed); i++)
                if (run_config_reads(run->config, needed[i]) &&
                    value_is_none(object_get(run->object, needed[i])))
                        return needed[i];
        return NULL;
}

bool run_is_unread(const Run *run)
{
        return unread_attribute(run) != NULL;
}

int run_unread(Run *run)
{
        return step_fail(run, STEP_E_PARK, "AccountControlUnread",
                         "%s of this object cannot be read: nobody knows whether it is disabled or has "
                         "expired, and nothing is written",
                         unread_attribute(run));
}

/* What fails waits, mostly for a person; that the account is off in AD waits for nobody. `how`: STEP_E_PARK,
 * STEP_E_SKIP. */
static int fail_but_disable(Run *run, int how, const char *code, const char *why)
{
        Value theirs = run->cloud.object ? object_get(run->cloud.object, "accountEnabled") : VALUE_NULL;
        bool on, off = theirs.type == VALUE_BOOL && !theirs.b;
        int r = run_ask_whether_on(run, &on);

        if (r)
                return r;
        if (off && !on)
                run_owe_revoke(run, NULL);
        if (!run->cloud.object || on || (off && !run->n_ops))
                return step_fail(run, how, code, "%s", why);
        run->failed = true;
        step_warn(run, code, "%s", why);
        return off ? 0 : run_last_word(run, code, NULL, false);
}

/* A group that is too large for the rules: which limit it is. NULL: that is not it. */
static const char *too_many_members(const Run *run)
{
        Value count = flowed_get(run->mv, "memberCount");
        size_t n;
        const Rule *const *rules = rules_all(run->config->rules, &n);

        for (size_t i = 0; count.type == VALUE_INT && i < n; i++)
                for (size_t g = 0; rules[i]->direction == RULE_OUTBOUND && g < rules[i]->n_scope; g++)
                        for (size_t k = 0; k < rules[i]->scope[g].n_clauses; k++) {
                                const ScopeClause *c = &rules[i]->scope[g].clauses[k];
                                int64_t limit;

                                if (str_is(c->attribute, "memberCount") && c->op == SCOPE_LESSTHAN &&
                                    str_to_int64(c->value, &limit) && count.i >= limit)
                                        return arena_printf(
                                                run->arena,
                                                "it has %lld members, and \"%s\" takes groups with "
                                                "fewer than %lld",
                                                (long long)count.i, rules[i]->name, (long long)limit);
                        }
        return NULL;
}

/* Which step has found that it is out of scope? */
static const char *left_by(const Run *run)
{
        return run->outcome.steps[STEP_ou].status == RESULT_WARNING ? "OrganizationalUnitNotInScope"
               : run->outcome.steps[STEP_object_type].status == RESULT_WARNING ? "ObjectTypeNotInScope"
                                                                               : "GroupFilterNotMember";
}

int step_sync(Run *run)
{
        const RunConnector *c = run_connector(run);
        const char *why = NULL;
        char when[WALL_TEXT_MAX];
        int r;

        run->outcome.rules_version = rules_version(run->config->rules);
        if (run->gone)
                return run_plan_gone(run);
        if (run->reverting)
                return run_plan_revert(run);
        if (run->rules_result)
                return fail_but_disable(run, STEP_E_PARK, "SyncRuleError", diag_text(&run->rules_diag));
        if (!run->mv)
                return run_last_word(run, "NotInScopeOfRules", run->rules_why, true);
        report_metaverse(run);
        /* Another anchor means another person: Connect refuses it too. */
        if (run->cloud.object && run->person.anchor && run->anchor &&
            !str_is(run->person.anchor, run->anchor))
                return fail_but_disable(
                        run, STEP_E_PARK, "SyncRuleError",
                        arena_printf(run->arena, "SourceAnchor attribute has changed: it was %s and is %s",
                                     run->person.anchor, run->anchor));
        step_detail(run, "join rule", "%s", run->join_rule->name);
        if (run->leaving)
                return run_last_word(run, left_by(run), NULL, true);
        if (!run_cloud_type(run))
                return step_fail(run, STEP_E_SKIP, "NotWritableThroughGraph", "metaverse objects of type %s",
                                 run->mv->type);

        r = rules_outbound(run->config->rules, run->mv, run->cloud.object, c->parameters, c->n_parameters,
                           clock_wall(run->clock), run->arena, &run->planned, &why, &run->diag);
        if (r == RULE_E_FAILED || r == RULE_E_AMBIGUOUS)
                return fail_but_disable(run, STEP_E_PARK,
                                        r == RULE_E_FAILED ? "SyncRuleError" : "AmbiguousJoin",
                                        arena_strdup(run->arena, diag_text(&run->diag)));
        if (r)
                return error_fold(r);
        if (!run->planned && str_is(run_cloud_type(run), "group") && too_many_members(run))
                return run_last_word(run, "GroupTooLarge", too_many_members(run), true);
        if (!run->planned)
                return run_last_word(run, "NotInScopeOfRules", why, true);
        run_note_due(run, run->planned);
        run->ruled = run->planned;
        /* A person may go out as a contact, which Graph cannot write: it must not become a user. */
        if (!str_is(run->planned->type, run_cloud_type(run)))
                return fail_but_disable(run, STEP_E_SKIP, "NotWritableThroughGraph",
                                        arena_printf(run->arena, "objects of type %s", run->planned->type));

        if (run_is_unread(run))
                return run_unread(run);

        run->record->status = RESULT_SUCCESS;
        mend_upn(run);
        if (!run->cloud.object)
                complete_create(run);
        r = run_plan(run);
        if (r)
                return r;
        if (run->due.ms)
                step_detail(run, "until", "%s: then a rule may give another value",
                            wall_format(run->due, when));
        step_say(run, run->record->status, "%s%zu operation%s needed.",
                 run->cloud.object ? "" : "The object is new: ", run->n_ops,
                 run->n_ops == 1 ? " is" : "s are");
        return 0;
}
