/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The directory audit: who wrote what, made from the journal
 *
 * Of each write that changed something there is an entry, as of an application: appId is null, which is how
 * the real log is, and the name and service principal tell who it was. A test makes the entries older, or
 * those of another application, by `POST audits`.
 */

#include <strings.h>
#include <time.h>

#include "emulator.h"
#include "mem.h"
#include "query.h"
#include "roles.h"
#include "route.h"

typedef struct AuditFilter AuditFilter;

struct AuditFilter {
        int64_t since_ms;
        char *app_id;
        char *app_name;
};

static void audit_filter_deinit(AuditFilter *f)
{
        free(f->app_id);
        free(f->app_name);
}

/* 'a''b' -> a'b; *text moves behind it. NULL: it is not a literal. */
static char *take_literal(const char **text)
{
        _cleanup_(text_deinit) Text t = { 0 };

        if (*(*text)++ != '\'')
                return NULL;
        for (; **text; ++*text) {
                if (**text == '\'' && *++*text != '\'')
                        return mem_text(t.data ? t.data : "");
                text_add(&t, *text, 1);
        }
        return NULL;
}

static bool take_time(const char **text, int64_t *ret_ms)
{
        struct tm tm = { 0 };
        const char *end = strptime(*text, "%Y-%m-%dT%H:%M:%S", &tm);

        if (!end)
                return false;
        if (*end == '.')
                end += 1 + strspn(end + 1, "0123456789");
        if (*end++ != 'Z')
                return false;
        *ret_ms = (int64_t)timegm(&tm) * 1000;
        *text = end;
        return true;
}

static bool take_word(const char **text, const char *word)
{
        size_t n = strlen(word);

        if (strncasecmp(*text, word, n))
                return false;
        *text += n;
        return true;
}

/* term ('and' term)*, of the terms that the documentation of directoryaudit-list names and sosync uses. */
static bool parse_filter(AuditFilter *f, const char *text)
{
        do {
                if (take_word(&text, "activityDateTime ge ")) {
                        if (!take_time(&text, &f->since_ms))
                                return false;
                } else if (take_word(&text, "initiatedBy/app/appId eq ") && !f->app_id) {
                        if (!(f->app_id = take_literal(&text)))
                                return false;
                } else if (take_word(&text, "initiatedBy/app/displayName eq ") && !f->app_name) {
                        if (!(f->app_name = take_literal(&text)))
                                return false;
                } else {
                        return false;
                }
        } while (take_word(&text, " and "));
        return !*text;
}

static const char *activity_of(const Entry *entry)
{
        const char *path = entry->text;

        if (strstr(path, "/members"))
                return entry->method == METHOD_DELETE ? "Remove member from group" : "Add member to group";
        if (strstr(path, "/groups"))
                return entry->method == METHOD_POST ? "Add group" : "Update group";
        return entry->method == METHOD_POST && !strstr(path, "/revoke") ? "Add user" : "Update user";
}

static void write_entry(const Emulator *emulator, const Entry *entry, const AuditFilter *f, Text *t)
{
        const char *name = emulator->audit_app ? emulator->audit_app : EMULATOR_APP_NAME;
        int64_t at = entry->wall_ms - emulator->audit_age_ms;
        char when[32];

        /* the log names no application id, so a filter on it finds nothing */
        if (!entry->changed || entry->method == METHOD_GET || at < f->since_ms || f->app_id ||
            (f->app_name && strcmp(f->app_name, name)))
                return;
        answer_stamp(at, when);
        text_comma(t);
        text_printf(t, "{\"id\":\"Directory_%llu\",\"category\":\"UserManagement\",\"correlationId\":\"%s\"",
                    (unsigned long long)entry->number, entry->request_id);
        text_printf(t, ",\"result\":\"success\",\"activityDisplayName\":\"%s\",\"activityDateTime\":\"%s\"",
                    activity_of(entry), when);
        text_puts(t, ",\"loggedByService\":\"Core Directory\",\"initiatedBy\":{\"user\":null,\"app\":{"
                     "\"appId\":null,\"displayName\":");
        text_json(t, name);
        text_printf(t, ",\"servicePrincipalId\":\"%s\",\"servicePrincipalName\":null}}",
                    emulator->audit_app ? "99999999-0000-0000-0000-000000000000" : EMULATOR_APP_OBJECT);
        text_puts(t, ",\"targetResources\":[{\"id\":null,\"displayName\":");
        text_json(t, entry->text);
        text_puts(t, ",\"type\":\"User\",\"userPrincipalName\":null}]}");
}

/* The page of the reference names both permissions, not either. */
static bool is_allowed(const Call *call, Answer *answer)
{
        if (call->roles & (ROLE_DIRECTORY_READ | ROLE_DIRECTORY_WRITE))
                return true;
        answer_error(answer, 403, "Authorization_RequestDenied",
                     "Insufficient privileges to complete the operation.");
        return false;
}

void audits_list(Emulator *emulator, Call *call, Answer *answer)
{
        const char *filter = call_option(call, "filter"), *top = call_option(call, "top");
        const char *order = call_option(call, "orderby");
        uint64_t n_most = top ? strtoull(top, NULL, 10) : 1000, n = 0;
        _cleanup_(audit_filter_deinit) AuditFilter f = { 0 };
        Text *t = &answer->body;

        if (!is_allowed(call, answer))
                return;
        if ((filter && !parse_filter(&f, filter)) || (order && strcasecmp(order, "activityDateTime desc"))) {
                answer_error(answer, 400, "Request_UnsupportedQuery", "Unsupported Query.");
                return;
        }
        answer->status = 200;
        text_puts(t, "{\"@odata.context\":\"");
        query_base(t, call);
        text_puts(t, "/v1.0/$metadata#auditLogs/directoryAudits\",\"value\":[");
        for (uint64_t i = emulator->journal.last; i && i >= emulator->journal.first && n < n_most; --i) {
                const Entry *entry = journal_find(&emulator->journal, i);
                size_t before = t->n;

                if (entry)
                        write_entry(emulator, entry, &f, t);
                n += t->n > before;
        }
        text_puts(t, "]}");
}
