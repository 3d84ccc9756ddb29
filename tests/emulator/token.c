/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "assertion.h"
#include "mem.h"
#include "roles.h"
#include "token.h"

typedef struct Audience Audience;

struct Audience {
        const char *scope;
        const char *aud;
};

static const Audience audiences[] = {
        { .scope = "https://graph.microsoft.com/.default", .aud = "https://graph.microsoft.com" },
        { .scope = "https://graph.microsoft.us/.default", .aud = "https://graph.microsoft.us" },
        { .scope = "https://dod-graph.microsoft.us/.default", .aud = "https://dod-graph.microsoft.us" },
        { .scope = "https://microsoftgraph.chinacloudapi.cn/.default",
          .aud = "https://microsoftgraph.chinacloudapi.cn" },
};

void authority_init(Authority *authority)
{
        if (RAND_bytes(authority->key, sizeof(authority->key)) != 1)
                abort();
}

void authority_deinit(Authority *authority)
{
        for (size_t i = 0; i < TOKEN_CACHE; ++i)
                free(authority->cache[i].text);
        free(authority->secret);
        X509_free(authority->certificate);
        json_decref(authority->roles);
        *authority = (Authority){ 0 };
}

static void base64url(Text *t, const void *data, size_t n)
{
        _cleanup_(mem_freep) unsigned char *out = mem_zero(n / 3 * 4 + 8, 1);
        int n_out = EVP_EncodeBlock(out, data, (int)n);

        for (int i = 0; i < n_out && out[i] != '='; ++i)
                text_add(t, out[i] == '+' ? "-" : out[i] == '/' ? "_" : (const char *)out + i, 1);
}

static void token_sign(const Authority *authority, const char *s, size_t n, Text *t)
{
        unsigned char mac[EVP_MAX_MD_SIZE];
        unsigned int n_mac = 0;

        if (!HMAC(EVP_sha256(), authority->key, sizeof(authority->key), (const unsigned char *)s, n, mac,
                  &n_mac))
                abort();
        base64url(t, mac, n_mac);
}

static void token_write(const Authority *authority, Random *random, const char *aud, int64_t now_s, Text *t)
{
        static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"emulator\"}";
        _cleanup_(text_deinit) Text claims = { 0 };
        char id[ID_SIZE];

        random_guid(random, id);
        text_puts(&claims, "{\"aud\":");
        text_json(&claims, aud);
        text_printf(
                &claims,
                ",\"iss\":\"https://sts.windows.net/%s/\",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld,\"appid\":",
                authority->tenant, (long long)now_s, (long long)now_s,
                (long long)(now_s + authority->lifetime_s));
        text_json(&claims, authority->client_id);
        text_puts(&claims, ",\"app_displayname\":\"" EMULATOR_APP_NAME "\",\"oid\":\"" EMULATOR_APP_OBJECT
                           "\",\"idtyp\":\"app\",\"roles\":");
        text_value(&claims, authority->roles);
        text_printf(&claims, ",\"tid\":\"%s\",\"uti\":\"%s\",\"ver\":\"1.0\"}", authority->tenant, id);
        base64url(t, header, sizeof(header) - 1);
        text_puts(t, ".");
        base64url(t, claims.data, claims.n);
        text_reset(&claims);
        token_sign(authority, t->data, t->n, &claims);
        text_puts(t, ".");
        text_add(t, claims.data, claims.n);
}

static void refuse(const Call *call, Random *random, Answer *answer, int status, const char *error, int code,
                   const char *message)
{
        _cleanup_(text_deinit) Text description = { 0 };
        time_t seconds = (time_t)(call->wall_ms / 1000);
        char trace[ID_SIZE], stamp[32];
        Text *t = &answer->body;
        struct tm tm;

        random_guid(random, trace);
        gmtime_r(&seconds, &tm);
        strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%SZ", &tm);
        text_printf(&description, "AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", code, message,
                    trace, call->request_id, stamp);
        answer->status = status;
        text_puts(t, "{");
        text_key(t, "error");
        text_json(t, error);
        text_key(t, "error_description");
        text_json(t, description.data);
        text_printf(
                t,
                ",\"error_codes\":[%d],\"timestamp\":\"%s\",\"trace_id\":\"%s\",\"correlation_id\":\"%s\","
                "\"error_uri\":\"https://login.microsoftonline.com/error?code=%d\"}",
                code, stamp, trace, call->request_id, code);
}

/* The value of a form field; NULL: absent or not decodable */
static char *form_field(const Call *call, const char *name)
{
        const char *s = call->body, *end = s + call->n_body;
        char *value = NULL;

        while (s && s < end) {
                const char *stop = memchr(s, '&', (size_t)(end - s));
                size_t n = (size_t)((stop ? stop : end) - s), n_name = strlen(name);

                if (n > n_name && s[n_name] == '=' && !memcmp(s, name, n_name))
                        return call_decode(s + n_name + 1, n - n_name - 1, true, &value) ? NULL : value;
                s += n + 1;
        }
        return NULL;
}

static bool tenant_is_ours(const Authority *authority, const char *name)
{
        if (!strcasecmp(name, authority->tenant))
                return true;
        for (size_t i = 0; i < json_array_size(authority->domains); ++i) {
                if (!strcasecmp(name, json_string_value(json_array_get(authority->domains, i))))
                        return true;
        }
        return false;
}

static const char *find_audience(const char *scope)
{
        for (size_t i = 0; scope && i < ARRAY_LENGTH(audiences); ++i) {
                if (!strcmp(scope, audiences[i].scope))
                        return audiences[i].aud;
        }
        return NULL;
}

/* Return: whether the assertion is one of ours; otherwise refused */
static bool check_assertion(const Authority *authority, Random *random, const Call *call, const char *text,
                            Answer *answer)
{
        const Assertion expected = { .certificate = authority->certificate,
                                     .federated = authority->federated,
                                     .client_id = authority->client_id,
                                     .tenant = call->segments[0].text,
                                     .now_s = call->wall_ms / 1000 };
        _cleanup_(mem_freep) char *type = form_field(call, "client_assertion_type");
        _cleanup_(text_deinit) Text message = { 0 };
        int code;

        if (!type || strcmp(type, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")) {
                refuse(call, random, answer, 400, "invalid_request", 900144,
                       "The request body must contain the following parameter: 'client_assertion_type'.");
                return false;
        }
        code = assertion_check(&expected, text, &message);
        if (code)
                refuse(call, random, answer, 401, "invalid_client", code, message.data);
        return code == 0;
}

/* One refusal after the other, in the order Entra checks. Return: the audience, or NULL when refused. */
static const char *check_form(Authority *authority, Random *random, const Call *call, Answer *answer)
{
        _cleanup_(mem_freep) char *grant = form_field(call, "grant_type"),
                                  *client = form_field(call, "client_id"), *scope = form_field(call, "scope"),
                                  *secret = form_field(call, "client_secret"),
                                  *assertion = form_field(call, "client_assertion");
        const char *tenant = call->segments[0].text, *aud = find_audience(scope);
        _cleanup_(text_deinit) Text t = { 0 };

        if (!tenant_is_ours(authority, tenant)) {
                text_printf(&t,
                            "Tenant '%s' not found. Check to make sure you have the correct tenant ID and "
                            "are signing into the "
                            "correct cloud. Check with your subscription administrator, this may happen if "
                            "there are no active "
                            "subscriptions for the tenant.",
                            tenant);
                refuse(call, random, answer, 400, "invalid_request", 90002, t.data);
        } else if (!grant || !client) {
                text_printf(&t, "The request body must contain the following parameter: '%s'.",
                            grant ? "client_id" : "grant_type");
                refuse(call, random, answer, 400, "invalid_request", 900144, t.data);
        } else if (strcmp(grant, "client_credentials")) {
                text_printf(&t, "The app requested an unsupported grant type '%s'.", grant);
                refuse(call, random, answer, 400, "unsupported_grant_type", 70003, t.data);
        } else if (strcasecmp(client, authority->client_id)) {
                text_printf(
                        &t,
                        "Application with identifier '%s' was not found in the directory '%s'. This can "
                        "happen if the "
                        "application has not been installed by the administrator of the tenant or consented "
                        "to by any user "
                        "in the tenant. You may have sent your authentication request to the wrong tenant.",
                        client, authority->tenant);
                refuse(call, random, answer, 400, "unauthorized_client", 700016, t.data);
        } else if (!aud) {
                text_printf(&t,
                            "The provided value for scope %s is not valid. Client credential flows must have "
                            "a scope value with "
                            "/.default suffixed to the resource identifier (application ID URI).",
                            scope ? scope : "");
                refuse(call, random, answer, 400, "invalid_scope", 1002012, t.data);
        } else if (assertion) {
                return check_assertion(authority, random, call, assertion, answer) ? aud : NULL;
        } else if (!secret) {
                refuse(call, random, answer, 401, "invalid_client", 7000218,
                       "The request body must contain the following parameter: 'client_assertion' or "
                       "'client_secret'.");
        } else if (strlen(secret) != strlen(authority->secret) ||
                   CRYPTO_memcmp(secret, authority->secret, strlen(secret)) != 0) {
                text_printf(&t,
                            "Invalid client secret provided. Ensure the secret being sent in the request is "
                            "the client secret "
                            "value, not the client secret ID, for a secret added to app '%s'.",
                            authority->client_id);
                refuse(call, random, answer, 401, "invalid_client", 7000215, t.data);
        } else if (authority->secret_expired) {
                text_printf(&t,
                            "The provided client secret keys for app '%s' are expired. Visit the Azure "
                            "portal to create new keys "
                            "for your app: https://aka.ms/NewClientSecret, or consider using certificate "
                            "credentials for added "
                            "security: https://aka.ms/certCreds.",
                            authority->client_id);
                refuse(call, random, answer, 401, "invalid_client", 7000222, t.data);
        } else {
                return aud;
        }
        return NULL;
}

void authority_issue(Authority *authority, Random *random, const Call *call, Answer *answer)
{
        _cleanup_(text_deinit) Text token = { 0 };
        const char *aud;

        answer->content_type = "application/json; charset=utf-8";
        if (call->method != METHOD_POST) {
                refuse(call, random, answer, 400, "invalid_request", 900561,
                       "The endpoint only accepts POST requests.");
                return;
        }
        aud = check_form(authority, random, call, answer);
        if (!aud)
                return;
        token_write(authority, random, aud, call->wall_ms / 1000, &token);
        answer->status = 200;
        text_printf(
                &answer->body,
                "{\"token_type\":\"Bearer\",\"expires_in\":%lld,\"ext_expires_in\":%lld,\"access_token\":\"",
                (long long)authority->lifetime_s, (long long)authority->lifetime_s);
        text_add(&answer->body, token.data, token.n);
        text_puts(&answer->body, "\"}");
}

/* Checks signature and form; times are checked at each use. */
static int token_parse(const Authority *authority, const char *token, VerifiedToken *ret)
{
        const char *dot = strchr(token, '.'), *dot2 = dot ? strchr(dot + 1, '.') : NULL;
        _cleanup_(mem_json_freep) json_t *claims = NULL;
        _cleanup_(text_deinit) Text mac = { 0 };
        const char *aud;

        if (!dot2)
                return TOKEN_E_INVALID;
        token_sign(authority, token, (size_t)(dot2 - token), &mac);
        if (strlen(dot2 + 1) != mac.n || CRYPTO_memcmp(dot2 + 1, mac.data, mac.n) != 0)
                return TOKEN_E_INVALID;
        claims = assertion_decode(dot + 1, (size_t)(dot2 - dot - 1));
        aud = json_string_value(json_object_get(claims, "aud"));
        if (!aud || strcmp(aud, audiences[0].aud))
                return TOKEN_E_INVALID;
        *ret = (VerifiedToken){
                .text = mem_text(token),
                .roles = roles_parse(json_object_get(claims, "roles")),
                .nbf_s = json_integer_value(json_object_get(claims, "nbf")),
                .exp_s = json_integer_value(json_object_get(claims, "exp")),
        };
        return 0;
}

int authority_verify(Authority *authority, const char *authorization, int64_t wall_ms, uint64_t *ret_roles)
{
        VerifiedToken *v = NULL, fresh;
        const char *token;
        int r;

        if (!authorization || !*authorization)
                return TOKEN_E_MISSING;
        if (strncasecmp(authorization, "Bearer ", 7))
                return TOKEN_E_INVALID;
        token = authorization + 7;
        for (size_t i = 0; !v && i < TOKEN_CACHE; ++i) {
                if (authority->cache[i].text && !strcmp(authority->cache[i].text, token))
                        v = &authority->cache[i];
        }
        if (!v) {
                r = token_parse(authority, token, &fresh);
                if (r)
                        return r;
                v = &authority->cache[authority->next++ % TOKEN_CACHE];
                free(v->text);
                *v = fresh;
        }
        if (wall_ms / 1000 >= v->exp_s)
                return TOKEN_E_EXPIRED;
        /* Entra allows five minutes of clock difference; here both clocks are the same one. */
        if (wall_ms / 1000 < v->nbf_s - 300)
                return TOKEN_E_NOT_YET;
        *ret_roles = v->roles;
        return 0;
}
