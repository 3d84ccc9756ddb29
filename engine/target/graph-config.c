/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/graph-credential.h"
#include "engine/target/graph-internal.h"

#include <arpa/inet.h>
#include <string.h>

/* learn.microsoft.com/graph/deployments; tokens of one cloud are not valid in another. */
const GraphCloud graph_clouds[] = {
        { "global", "https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0",
          "https://graph.microsoft.com" },
        { "us-gov", "https://login.microsoftonline.us", "https://graph.microsoft.us/v1.0",
          "https://graph.microsoft.us" },
        { "us-dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us/v1.0",
          "https://dod-graph.microsoft.us" },
        { "china", "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn/v1.0",
          "https://microsoftgraph.chinacloudapi.cn" },
};

static const char *const cloud_names[] = { "global", "us-gov", "us-dod", "china", NULL };
static const char *const size_names[] = { "small", "medium", "large", NULL };

static const ConfigField endpoint_fields[] = {
        { .name = "login",
          .type = CONFIG_TEXT,
          .offset = offsetof(GraphOptions, endpoints.login) - offsetof(GraphOptions, endpoints),
          .help = "where tokens come from, instead of the cloud's own address" },
        { .name = "graph",
          .type = CONFIG_TEXT,
          .offset = offsetof(GraphOptions, endpoints.graph) - offsetof(GraphOptions, endpoints),
          .help = "Microsoft Graph with its version, instead of the cloud's own address" },
        { .name = "managed_identity",
          .type = CONFIG_TEXT,
          .offset = offsetof(GraphOptions, endpoints.managed_identity) - offsetof(GraphOptions, endpoints),
          .help = "for tests: a loopback address instead of Azure's metadata service" },
        { 0 },
};

#define LIMIT(field) (offsetof(GraphOptions, limits.field) - offsetof(GraphOptions, limits))

static const ConfigField limit_fields[] = {
        { .name = "tenant_size",
          .type = CONFIG_CHOICE,
          .offset = LIMIT(tenant_size),
          .help = "small is below 50 users, large above 500: how much the service lets an application read",
          .fallback = "small",
          .choices = size_names },
        { .name = "share",
          .type = CONFIG_NUMBER,
          .offset = LIMIT(share),
          .help = "part of the published limits to use, if other applications need the rest",
          .fallback = "0.8",
          .min = 0.01,
          .max = 1 },
        { .name = "urgent_reserve",
          .type = CONFIG_NUMBER,
          .offset = LIMIT(urgent_reserve),
          .help = "part of the share that only urgent changes may use",
          .fallback = "0.1",
          .min = 0,
          .max = 0.9 },
        { .name = "time_scale",
          .type = CONFIG_NUMBER,
          .offset = LIMIT(time_scale),
          .help = "for tests: how much faster than published the limits run",
          .fallback = "1",
          .min = 0.001,
          .max = 10000 },
        { .name = "published",
          .type = CONFIG_BOOL,
          .offset = LIMIT(published),
          .help = "keep within the published limits; false waits only when the service says so",
          .fallback = "true" },
        { 0 },
};

static const char *const extension_objects[] = { "user", "group", NULL };

static const ConfigField extension_fields[] = {
        { .name = "attribute",
          .type = CONFIG_TEXT,
          .offset = offsetof(TargetExtension, attribute),
          .help = "attribute of Active Directory from which it takes its value",
          .example = "employeeType",
          .required = true },
        { .name = "property",
          .type = CONFIG_TEXT,
          .offset = offsetof(TargetExtension, property),
          .help = "the directory extension, as Microsoft Graph calls it",
          .example = "extension_0123456789abcdef0123456789abcdef_employeeType",
          .required = true },
        { .name = "object",
          .type = CONFIG_CHOICE,
          .choices = extension_objects,
          .offset = offsetof(TargetExtension, of),
          .fallback = "user",
          .help = "what has it" },
        { .name = "type",
          .type = CONFIG_CHOICE,
          .choices = target_extension_kinds,
          .offset = offsetof(TargetExtension, kind),
          .fallback = "text",
          .help = "as it was registered: a text, several texts, a truth value, a number or a time" },
        { 0 },
};

/* In the order of Estate. */
static const char *const soft_match_names[] = { "off", "report", "on", NULL };
static const char *const adopt_names[] = { "gentle", "strict", NULL };
static const char *const estate_names[] = { "alone", "connect", "cloud-sync", NULL };

const ConfigField graph_fields[] = {
        { .name = "tenant_id",
          .type = CONFIG_TEXT,
          .offset = offsetof(GraphOptions, tenant_id),
          .help = "the directory's (tenant's) id, or one of its domains",
          .example = "11111111-2222-3333-4444-555555555555",
          .required = true },
        { .name = "client_id",
          .type = CONFIG_TEXT,
          .offset = offsetof(GraphOptions, client_id),
          .help = "the application's (client's) id of the app registration",
          .example = "66666666-7777-8888-9999-000000000000",
          .required = true },
        { .name = "credentials",
          .type = CONFIG_LIST,
          .offset = offsetof(GraphOptions, credentials),
          .help = "ways to sign in, tried in order when one is refused",
          .required = true,
          .item = CONFIG_MAP,
          .fields = graph_credential_fields,
          .size = sizeof(GraphCredential) },
        { .name = "estate",
          .type = CONFIG_CHOICE,
          .offset = offsetof(GraphOptions, estate),
          .help = "who owns the objects: sosync alone writes everything; beside Entra Connect or Cloud Sync "
                  "it writes "
                  "what Graph takes for their objects (disable, end sessions) and leaves the rest to them",
          .fallback = "alone",
          .choices = estate_names },
        { .name = "connect",
          .type = CONFIG_MAP,
          .offset = offsetof(GraphOptions, connect),
          .help = "beside Entra Connect: how it is asked for what only it may write",
          .fields = owner_fields },
        { .name = "cloud_sync",
          .type = CONFIG_MAP,
          .offset = offsetof(GraphOptions, cloud_sync),
          .help = "beside Cloud Sync: how it is asked for what only it may write",
          .fields = on_demand_fields },
        { .name = "extensions",
          .type = CONFIG_LIST,
          .offset = offsetof(GraphOptions, extensions),
          .help = "directory extensions that take the values of attributes, by rules that are made of this "
                  "list",
          .item = CONFIG_MAP,
          .fields = extension_fields,
          .size = sizeof(TargetExtension) },
        { .name = "group_anchor",
          .type = CONFIG_TEXT,
          .offset = offsetof(GraphOptions, group_anchor),
          .help = "a directory extension of groups by whose value, the anchor, groups are found that have no "
                  "uniqueName; new ones get their uniqueName all the same, since only that is unique",
          .example = "extension_0123456789abcdef0123456789abcdef_anchor" },
        { .name = "soft_match",
          .type = CONFIG_CHOICE,
          .offset = offsetof(GraphOptions, soft_match),
          .help = "what becomes of a new user that Entra ID has already, without an anchor, under the same "
                  "userPrincipalName or primary SMTP address: it is not looked for, waits for `sosync match "
                  "approve`, or is joined. Estate alone",
          .fallback = "report",
          .choices = soft_match_names },
        { .name = "adopt",
          .type = CONFIG_CHOICE,
          .offset = offsetof(GraphOptions, adopt),
          .help = "gentle: values are cleared and members removed only if Active Directory had them before; "
                  "strict: Active Directory is right from the first contact on, as with Entra Connect",
          .fallback = "gentle",
          .choices = adopt_names },
        { .name = "cloud",
          .type = CONFIG_CHOICE,
          .offset = offsetof(GraphOptions, cloud),
          .help = "the national cloud the tenant is in",
          .fallback = "global",
          .choices = cloud_names },
        { .name = "endpoints",
          .type = CONFIG_MAP,
          .offset = offsetof(GraphOptions, endpoints),
          .help = "other addresses than the cloud's own",
          .fields = endpoint_fields },
        { .name = "ca_file",
          .type = CONFIG_PATH,
          .offset = offsetof(GraphOptions, ca_file),
          .help = "certificate authorities to trust instead of the system's, for a proxy that opens TLS" },
        { .name = "proxy",
          .type = CONFIG_TEXT,
          .offset = offsetof(GraphOptions, proxy),
          .help = "HTTP proxy; without it https_proxy and no_proxy of the environment count" },
        { .name = "limits",
          .type = CONFIG_MAP,
          .offset = offsetof(GraphOptions, limits),
          .help = "how much of the service to use",
          .fields = limit_fields },
        { .name = "timeout",
          .type = CONFIG_DURATION,
          .offset = offsetof(GraphOptions, timeout_us),
          .help = "longest time to wait for an answer",
          .fallback = "30s",
          .min = 1,
          .max = 600 },
        { .name = "trust_space",
          .type = CONFIG_DURATION,
          .offset = offsetof(GraphOptions, trust_space_us),
          .help = "a user that was read so short a time ago is written without being read again: one request "
                  "instead of two, and what somebody changes in the cloud meanwhile is seen that much later. "
                  "0s reads always. Not with several nodes",
          .fallback = "0s",
          .min = 0,
          .max = 3600 },
        { 0 },
};

static void mark(const ConfigDoc *doc, const char *prefix, const char *key, char *path, size_t size,
                 DiagMark *ret)
{
        snprintf(path, size, "%s%s%s", prefix ? prefix : "", prefix && prefix[0] ? "." : "", key);
        *ret = doc ? config_mark(doc, path) : (DiagMark){ 0 };
}

/* 127.0.0.0/8, ::1 and localhost: the only places where a token may travel in the clear. */
static bool is_loopback(const char *host, size_t n)
{
        char text[64];
        struct in_addr v4;

        if (n == 0 || n >= sizeof(text))
                return false;
        memcpy(text, host, n);
        text[n] = '\0';
        if (str_is(text, "localhost") || str_is(text, "[::1]"))
                return true;
        return inet_pton(AF_INET, text, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

static const char *wrong_url(const char *url)
{
        const char *host = strstr(url, "://"), *end;

        if (!host || (!str_starts(url, "https://") && !str_starts(url, "http://")))
                return "is not an address that begins with https://";
        host += 3;
        end = host + strcspn(host, "/?#");
        if (memchr(host, '@', (size_t)(end - host)))
                return "must not contain a user name";
        if (strpbrk(host, "?# "))
                return "must be an address without query";
        if (end == host)
                return "has no host";
        if (url[strlen(url) - 1] == '/')
                return "must not end with a slash";
        if (str_starts(url, "https://"))
                return NULL;
        if (*host == '[')
                end = host + strcspn(host, "]") + (strchr(host, ']') != NULL);
        else
                end = host + strcspn(host, ":/");
        if (*end && *end != ':' && *end != '/')
                return "has no host";
        return is_loopback(host, (size_t)(end - host))
                       ? NULL
                       : "would send the token in the clear: http:// is allowed for loopback addresses only";
}

static int check_url(const char *url, const char *key, const ConfigDoc *doc, const char *prefix, Diag *diag)
{
        const char *why = url ? wrong_url(url) : NULL;
        char path[256];
        DiagMark at;

        if (!why)
                return 0;
        mark(doc, prefix, key, path, sizeof(path), &at);
        diag_add_at(diag, at, "%s: \"%s\" %s", path, url, why);
        return CONFIG_E_INVALID;
}

/* The managed identity has one address; whoever answers elsewhere hands out what we then trust. */
static int check_imds(const char *url, const ConfigDoc *doc, const char *prefix, Diag *diag)
{
        char path[256];
        DiagMark at;

        if (!url)
                return 0;
        if (str_starts(url, "http://") && !wrong_url(url))
                return 0;
        mark(doc, prefix, "endpoints.managed_identity", path, sizeof(path), &at);
        diag_add_at(diag, at, "%s: \"%s\" is not http:// and a loopback address", path, url);
        return CONFIG_E_INVALID;
}

static int check_file(const char *file, const char *key, const ConfigDoc *doc, const char *prefix, Diag *diag)
{
        char path[256], *data = NULL;
        DiagMark at;
        size_t n = 0;
        int r;

        if (!file)
                return 0;
        r = str_read_file(file, (size_t)16 << 20, &data, &n);
        free(data);
        if (r) {
                mark(doc, prefix, key, path, sizeof(path), &at);
                diag_add_at(diag, at, "%s: %s: %s", path, file, strerror(-r));
        }
        return r ? CONFIG_E_INVALID : 0;
}

static int check_id(const char *id, bool domain, const char *key, const ConfigDoc *doc, const char *prefix,
                    Diag *diag)
{
        char path[256];
        ObjectId guid;
        DiagMark at;

        if (!id || guid_parse(id, &guid) || (domain && strchr(id, '.') && !strpbrk(id, "/?#@ ")))
                return 0;
        mark(doc, prefix, key, path, sizeof(path), &at);
        diag_add_at(diag, at, "%s: \"%s\" is not an id (01234567-89ab-cdef-0123-456789abcdef)%s", path, id,
                    domain ? ", nor a domain" : "");
        return CONFIG_E_INVALID;
}

static int check_extension(const TargetExtension *e, const char *key, const ConfigDoc *doc, Diag *diag)
{
        const char *why = target_extension_check(e->property);
        char path[256];
        DiagMark at;

        if (why) {
                mark(doc, key, "property", path, sizeof(path), &at);
                diag_add_at(diag, at, "%s: \"%s\" is not the name of a directory extension: %s", path,
                            e->property, why);
                return CONFIG_E_INVALID;
        }
        if (strspn(e->attribute, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") !=
                    strlen(e->attribute) ||
            !e->attribute[0]) {
                mark(doc, key, "attribute", path, sizeof(path), &at);
                diag_add_at(diag, at, "%s: \"%s\" is not the name of an attribute", path, e->attribute);
                return CONFIG_E_INVALID;
        }
        return 0;
}

static int check_extensions(const GraphOptions *o, const ConfigDoc *doc, const char *prefix, Diag *diag)
{
        const TargetExtension *list = o->extensions.items;
        char key[64], path[256];
        DiagMark at;
        int bad = 0;

        for (size_t i = 0; i < o->extensions.n_items; ++i) {
                snprintf(key, sizeof(key), "%s.extensions.%zu", prefix, config_number(&o->extensions, i));
                bad |= check_extension(&list[i], key, doc, diag);
                for (size_t k = 0; k < i; ++k) {
                        if (list[k].of != list[i].of || !str_is(list[k].property, list[i].property))
                                continue;
                        mark(doc, key, "property", path, sizeof(path), &at);
                        diag_add_at(diag, at, "%s: %s takes its value from %s already", path,
                                    list[i].property, list[k].attribute);
                        bad = CONFIG_E_INVALID;
                }
        }
        if (o->group_anchor && target_extension_check(o->group_anchor)) {
                mark(doc, prefix, "group_anchor", path, sizeof(path), &at);
                diag_add_at(diag, at, "%s: \"%s\" is not the name of a directory extension: %s", path,
                            o->group_anchor, target_extension_check(o->group_anchor));
                bad = CONFIG_E_INVALID;
        }
        return bad;
}

/**
 * graph_check() - what the table cannot check
 * @prefix: where the section is, "target"
 *
 * Return: 0, CONFIG_E_INVALID (all findings are in the diag).
 */
int graph_check(const GraphOptions *o, const ConfigDoc *doc, const char *prefix, Diag *diag)
{
        char key[256];
        int bad = 0;

        bad |= check_id(o->tenant_id, true, "tenant_id", doc, prefix, diag);
        bad |= check_id(o->client_id, false, "client_id", doc, prefix, diag);
        bad |= check_url(o->endpoints.login, "endpoints.login", doc, prefix, diag);
        bad |= check_url(o->endpoints.graph, "endpoints.graph", doc, prefix, diag);
        bad |= check_imds(o->endpoints.managed_identity, doc, prefix, diag);
        bad |= check_extensions(o, doc, prefix, diag);
        bad |= owner_check(&o->connect, doc, "target.connect", diag);
        bad |= on_demand_check(&o->cloud_sync, doc, "target.cloud_sync", diag);
        bad |= check_file(o->ca_file, "ca_file", doc, prefix, diag);
        snprintf(key, sizeof(key), "%s%scredentials", prefix ? prefix : "", prefix && prefix[0] ? "." : "");
        bad |= graph_credentials_check(&o->credentials, doc, key, clock_wall(&clock_system), diag);
        if (o->credentials.n_items + o->credentials.n_refused == 0) {
                char path[256];
                DiagMark at;

                mark(doc, prefix, "credentials", path, sizeof(path), &at);
                diag_add_at(diag, at, "%s: at least one is needed", path);
                bad = CONFIG_E_INVALID;
        }
        return bad ? CONFIG_E_INVALID : 0;
}
