/* SPDX-License-Identifier: Apache-2.0 */

/* Users: create, read, update, delete, and the rules that concern users only */

#include <ctype.h>
#include <strings.h>

#include "mem.h"
#include "query.h"
#include "roles.h"
#include "route.h"
#include "write.h"

typedef struct NarrowRole NarrowRole;

struct NarrowRole {
        uint64_t role;
        int properties[4];
};

/* Permissions that open an update of a few properties; -1 ends a list */
static const NarrowRole narrow_roles[] = {
        { .role = ROLE_USER_ENABLE, .properties = { USER_accountEnabled, -1 } },
        { .role = ROLE_USER_PASSWORD, .properties = { USER_passwordProfile, -1 } },
        { .role = ROLE_USER_PHONE, .properties = { USER_businessPhones, USER_mobilePhone, -1 } },
        { .role = ROLE_USER_MAIL, .properties = { USER_otherMails, -1 } },
        { .role = ROLE_USER_IDENTITIES, .properties = { USER_identities, -1 } },
};

void user_list(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(query_deinit) Query query;

        if (query_parse(&query, call, &schema_user, answer) && query_refuse_apart(&query, answer))
                query_answer_list(&query, call, emulator_view(emulator), &emulator_view(emulator)->users,
                                  &schema_user, "users", answer);
}

void user_count(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(query_deinit) Query query;

        if (!call->consistency || strcasecmp(call->consistency, "eventual")) {
                answer_error(answer, 400, "Request_BadRequest", "$count is not currently supported.");
                return;
        }
        if (query_parse(&query, call, &schema_user, answer))
                query_answer_count(&query, &emulator_view(emulator)->users, &schema_user, answer);
}

void user_get(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(query_deinit) Query query;
        Object *user;

        if (!query_parse(&query, call, &schema_user, answer))
                return;
        user = write_target(emulator, call, &schema_user, answer);
        if (user)
                query_answer_one(&query, call, user, answer);
}

/* local@domain with the characters Entra ID allows: letters, digits and ' . - _ ! # ^ ~, and $ in old names
 */
static bool check_upn(const Emulator *emulator, const json_t *body, Answer *answer)
{
        const char *upn = json_string_value(json_object_get(body, "userPrincipalName"));
        const char *at = upn ? strrchr(upn, '@') : NULL;

        if (!upn)
                return true;
        if (!at || at == upn || at - upn > 64)
                return write_refuse_value(&schema_user, "userPrincipalName",
                                          "The form is local@domain, with at most 64 characters "
                                          "before the at sign.",
                                          answer);
        for (const char *s = upn; s < at; ++s) {
                if (!isalnum((unsigned char)*s) && !strchr("'.-_!#^~$", *s))
                        return write_refuse_value(&schema_user, "userPrincipalName",
                                                  "userPrincipalName holds a character that is not allowed.",
                                                  answer);
        }
        if (at[-1] == '.')
                return write_refuse_value(&schema_user, "userPrincipalName",
                                          "A dot stands directly before the at sign.", answer);
        if (emulator_domain_is_verified(emulator, at + 1))
                return true;
        answer_error(answer, 400, "Request_BadRequest",
                     "The domain portion of the userPrincipalName property is invalid. You must use one of "
                     "the verified domain "
                     "names in your organization.");
        answer_detail(answer, "InvalidValue", "userPrincipalName", "The domain '%s' is not verified.",
                      at + 1);
        return false;
}

static bool domain_is_federated(const Emulator *emulator, const char *domain)
{
        for (size_t i = 0; i < json_array_size(emulator->options->federated); ++i) {
                if (!strcasecmp(json_string_value(json_array_get(emulator->options->federated, i)), domain))
                        return true;
        }
        return false;
}

/* At least 8 characters, three of: lower, upper, digit, other. Whose domain is federated signs in elsewhere
 * and needs none. */
static bool check_password(const Emulator *emulator, const json_t *body, bool create, Answer *answer)
{
        const char *upn = json_string_value(json_object_get(body, "userPrincipalName"));
        const char *at = upn ? strrchr(upn, '@') : NULL;
        const json_t *profile = json_object_get(body, "passwordProfile");
        const char *password = json_string_value(json_object_get(profile, "password"));
        unsigned int kinds = 0;

        if (!password && create && !profile && at && domain_is_federated(emulator, at + 1))
                return true;
        if (!password && create) {
                answer_error(answer, 400, "Request_BadRequest",
                             "A value is required for property '%s' of resource 'User'.",
                             profile ? "password" : "passwordProfile");
                answer_detail(answer, "MissingValue", "passwordProfile",
                              "A value is required for property '%s' of resource 'User'.",
                              profile ? "password" : "passwordProfile");
                return false;
        }
        for (const char *s = password; s && *s; ++s)
                kinds |= islower((unsigned char)*s)   ? 1
                         : isupper((unsigned char)*s) ? 2
                         : isdigit((unsigned char)*s) ? 4
                                                      : 8;
        if (!password || (strlen(password) >= 8 && __builtin_popcount(kinds) >= 3))
                return true;
        answer_error(answer, 400, "Request_BadRequest",
                     "The specified password does not comply with password complexity requirements. Please "
                     "provide a different "
                     "password.");
        answer_detail(answer, "InvalidValue", "passwordProfile", "The password is too short or too simple.");
        return false;
}

static bool check_values(const json_t *body, Answer *answer)
{
        const char *location = json_string_value(json_object_get(body, "usageLocation"));
        const char *mail = json_string_value(json_object_get(body, "mail"));
        const char *anchor = json_string_value(json_object_get(body, "onPremisesImmutableId"));

        if (json_array_size(json_object_get(body, "businessPhones")) > 1)
                return write_refuse_value(&schema_user, "businessPhones", "businessPhones takes one value.",
                                          answer);
        if (location && (strlen(location) != 2 || !isalpha((unsigned char)location[0]) ||
                         !isalpha((unsigned char)location[1])))
                return write_refuse_value(&schema_user, "usageLocation",
                                          "usageLocation is a two-letter country code.", answer);
        if (mail && (!strchr(mail, '@') || strpbrk(mail, " ,;<>\"")))
                return write_refuse_value(&schema_user, "mail", "mail is not an address.", answer);
        if (anchor && strpbrk(anchor, "$_"))
                return write_refuse_value(&schema_user, "onPremisesImmutableId",
                                          "The characters $ and _ cannot be used in onPremisesImmutableId.",
                                          answer);
        return write_check_nickname(&schema_user, body, answer);
}

/* A user of a federated domain is known to its identity provider by the immutable id. */
static bool check_federated(const Emulator *emulator, const Object *user, const json_t *body, Answer *answer)
{
        const char *upn = json_string_value(json_object_get(body, "userPrincipalName"));
        const char *at = upn ? strrchr(upn, '@') : NULL;
        const json_t *anchor = json_object_get(body, "onPremisesImmutableId");

        if (!at || !domain_is_federated(emulator, at + 1) || json_is_string(anchor))
                return true;
        if (!anchor && user && object_text(user, USER_onPremisesImmutableId))
                return true;
        answer_error(answer, 400, "Request_BadRequest",
                     "A value is required for property 'onPremisesImmutableId' of resource 'User'.");
        answer_detail(answer, "MissingValue", "onPremisesImmutableId", "The domain '%s' is federated.",
                      at + 1);
        return false;
}

static bool check_user(const Emulator *emulator, const Object *user, const json_t *body, Answer *answer)
{
        return check_values(body, answer) && check_upn(emulator, body, answer) &&
               check_password(emulator, body, !user, answer) &&
               check_federated(emulator, user, body, answer) &&
               write_check_unique(emulator, &schema_user, user, body, answer);
}

/*
 * A change of mail is carried into proxyAddresses, as Graph does it: the new address becomes the primary one,
 * the old primary stays as a secondary address.
 */
static bool proxies_after(const Emulator *emulator, const Object *user, const json_t *body, json_t **ret,
                          Answer *answer)
{
        const char *mail = json_string_value(json_object_get(body, "mail"));
        const json_t *old = user ? user->values[USER_proxyAddresses] : NULL;
        _cleanup_(mem_json_freep) json_t *proxies = NULL;
        const Object *other;

        if (!mail)
                return true;
        proxies = json_array();
        json_array_append_new(proxies, json_sprintf("SMTP:%s", mail));
        for (size_t i = 0; i < json_array_size(old); ++i) {
                const char *address = json_string_value(json_array_get(old, i));

                if (strncasecmp(address, "smtp:", 5))
                        json_array_append_new(proxies, json_string(address));
                else if (strcasecmp(address + 5, mail))
                        json_array_append_new(proxies, json_sprintf("smtp:%s", address + 5));
        }
        other = store_conflict(&emulator->store, &schema_user, user, USER_proxyAddresses, proxies);
        if (other)
                return write_refuse_conflict("proxyAddresses", other, answer);
        *ret = proxies;
        proxies = NULL;
        return true;
}

/* What is stored of a password: that there is one, and its flags */
static void apply_user(Emulator *emulator, Object *user, const json_t *body, json_t *proxies, Answer *answer)
{
        json_t *profile = json_object_get(body, "passwordProfile");

        if (json_is_string(json_object_get(profile, "password"))) {
                json_object_set_new(profile, "password", json_string("***"));
                ++user->n_passwords;
                store_touch_unseen(&emulator->store);
                answer->changed = true;
        }
        write_apply(emulator, user, body, answer);
        if (proxies)
                answer->changed |= store_set(&emulator->store, user, USER_proxyAddresses, proxies);
}

static void set_text(Emulator *emulator, Object *user, int property, const char *text)
{
        _cleanup_(mem_json_freep) json_t *v = json_string(text);

        store_set(&emulator->store, user, property, v);
}

static void stamp_user(Emulator *emulator, const Call *call, Object *user)
{
        unsigned int parts[4];
        char text[96];

        answer_stamp(call->wall_ms, text);
        set_text(emulator, user, USER_createdDateTime, text);
        if (!user->values[USER_userType])
                set_text(emulator, user, USER_userType, "Member");
        for (size_t i = 0; i < ARRAY_LENGTH(parts); ++i)
                parts[i] = (unsigned int)random_next(&emulator->random);
        snprintf(text, sizeof(text), "S-1-12-1-%u-%u-%u-%u", parts[0], parts[1], parts[2], parts[3]);
        set_text(emulator, user, USER_securityIdentifier, text);
}

void user_create(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *body = write_body(call, answer), *proxies = NULL;
        const json_t *bind = json_object_get(body, "manager@odata.bind");
        Object *user, *manager = NULL;
        char id[ID_SIZE];

        if (!body || !schema_check(&schema_user, body, NULL, answer) ||
            !check_user(emulator, NULL, body, answer) ||
            !proxies_after(emulator, NULL, body, &proxies, answer))
                return;
        if (bind) {
                manager = write_reference(emulator, json_string_value(bind), answer);
                if (!manager)
                        return;
        }
        random_guid(&emulator->random, id);
        user = store_create(&emulator->store, &schema_user, id);
        apply_user(emulator, user, body, proxies, answer);
        stamp_user(emulator, call, user);
        store_set_manager(&emulator->store, user, manager);
        write_answer_created(call, user, answer);
}

/* Does the token allow to write these properties? */
static bool roles_open(uint64_t roles, const json_t *body)
{
        const char *key;
        json_t *v;

        if (roles & (ROLE_USER_WRITE | ROLE_DIRECTORY_WRITE | ROLE_USER_UPDATE))
                return true;
        json_object_foreach((json_t *)(uintptr_t)body, key, v)
        {
                int property = schema_find(&schema_user, key);
                bool open = false;

                for (size_t i = 0; i < ARRAY_LENGTH(narrow_roles); ++i) {
                        for (const int *p = narrow_roles[i].properties;
                             (roles & narrow_roles[i].role) && *p >= 0; ++p)
                                open |= *p == property;
                }
                if (!open)
                        return false;
        }
        return true;
}

void user_update(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *body = write_body(call, answer), *proxies = NULL;
        Object *user;

        if (!body)
                return;
        if (!roles_open(call->roles, body)) {
                answer_error(answer, 403, "Authorization_RequestDenied",
                             "Insufficient privileges to complete the operation.");
                return;
        }
        user = write_target(emulator, call, &schema_user, answer);
        if (!user || !schema_check(&schema_user, body, user, answer) ||
            !write_check_master(user, body, answer) || !check_user(emulator, user, body, answer) ||
            !proxies_after(emulator, user, body, &proxies, answer))
                return;
        apply_user(emulator, user, body, proxies, answer);
        answer_no_content(answer);
}

void user_delete(Emulator *emulator, Call *call, Answer *answer)
{
        Object *user = write_target(emulator, call, &schema_user, answer);

        if (!user)
                return;
        store_delete(&emulator->store, user, call->wall_ms);
        answer->changed = true;
        answer_no_content(answer);
}

void user_revoke(Emulator *emulator, Call *call, Answer *answer)
{
        Object *user = write_target(emulator, call, &schema_user, answer);
        char text[40];

        if (!user)
                return;
        answer_stamp(call->wall_ms, text);
        set_text(emulator, user, USER_signInSessionsValidFromDateTime, text);
        ++user->n_revoked;
        store_touch_unseen(&emulator->store);
        answer->changed = true;
        answer->status = 200;
        text_puts(&answer->body, "{\"@odata.context\":\"");
        query_base(&answer->body, call);
        text_puts(&answer->body, "/v1.0/$metadata#Edm.Boolean\",\"value\":true}");
}
