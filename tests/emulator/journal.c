/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <strings.h>

#include "journal.h"
#include "mem.h"

static const char *const secret_names[] = { "password", "client_secret", "client_assertion", "access_token" };

void journal_init(Journal *journal, size_t size, size_t max_bytes, FILE *file)
{
        *journal = (Journal){ .size = size ? size : 1, .max_bytes = max_bytes, .first = 1, .file = file };
        journal->ring = mem_zero(journal->size, sizeof(Entry *));
}

static void journal_drop(Journal *journal)
{
        Entry **slot = &journal->ring[journal->first % journal->size];

        ++journal->first;
        if (!*slot)
                return;
        journal->n_bytes -= (*slot)->size;
        free(*slot);
        *slot = NULL;
}

void journal_clear(Journal *journal)
{
        while (journal->first <= journal->last)
                journal_drop(journal);
        journal->dropped = 0;
        journal->n_writes = journal->n_changed = journal->n_throttled = journal->n_violations = 0;
}

void journal_deinit(Journal *journal)
{
        journal_clear(journal);
        free(journal->ring);
        if (journal->file)
                fclose(journal->file);
        *journal = (Journal){ 0 };
}

uint64_t journal_number(Journal *journal)
{
        if (journal->last + 1 - journal->first == journal->size) {
                journal_drop(journal);
                ++journal->dropped;
        }
        return ++journal->last;
}

static void redact_value(json_t *v)
{
        const char *key;
        json_t *child;
        size_t i;

        json_object_foreach(v, key, child)
        {
                bool secret = false;

                for (size_t k = 0; k < ARRAY_LENGTH(secret_names); ++k)
                        secret |= !strcasecmp(key, secret_names[k]);
                if (secret && json_is_string(child))
                        json_object_set_new(v, key, json_string("***"));
                else
                        redact_value(child);
        }
        json_array_foreach(v, i, child) redact_value(child);
}

/* name=value pairs of a form; the name decides */
static void redact_form(const char *s, size_t n, Text *t)
{
        const char *end = s + n;

        while (s < end) {
                const char *stop = memchr(s, '&', (size_t)(end - s));
                const char *equal;
                bool secret = false;

                stop = stop ? stop : end;
                equal = memchr(s, '=', (size_t)(stop - s));
                for (size_t k = 0; equal && k < ARRAY_LENGTH(secret_names); ++k)
                        secret |= (size_t)(equal - s) == strlen(secret_names[k]) &&
                                  !strncasecmp(s, secret_names[k], (size_t)(equal - s));
                text_add(t, s, secret ? (size_t)(equal + 1 - s) : (size_t)(stop - s));
                if (secret)
                        text_puts(t, "***");
                if (stop < end)
                        text_puts(t, "&");
                s = stop + 1;
        }
}

static bool mentions_secret(const Call *call)
{
        for (size_t k = 0; k < ARRAY_LENGTH(secret_names); ++k) {
                size_t n = strlen(secret_names[k]);

                for (size_t i = 0; i + n <= call->n_body; ++i) {
                        if ((call->body[i] | 0x20) == secret_names[k][0] &&
                            !strncasecmp(call->body + i, secret_names[k], n))
                                return true;
                }
        }
        return false;
}

/* The body as it may be kept. A body that cannot be read and may hold a secret is not kept at all. */
static void redact(const Call *call, Text *t)
{
        _cleanup_(mem_json_freep) json_t *body = NULL;

        if (call->content_type && !strncasecmp(call->content_type, "application/x-www-form-urlencoded", 33)) {
                redact_form(call->body, call->n_body, t);
        } else if (!mentions_secret(call) && !memmem(call->body, call->n_body, "\\u", 2)) {
                text_add(t, call->body, call->n_body);
        } else {
                body = json_loadb(call->body, call->n_body, 0, NULL);
                redact_value(body);
                if (body)
                        text_value(t, body);
                else
                        text_puts(t, "(not JSON, and withheld because it may hold a secret)");
        }
        if (t->n > JOURNAL_BODY) {
                t->n = JOURNAL_BODY;
                text_puts(t, "...");
        }
}

static uint32_t entry_put(Text *t, const char *s)
{
        uint32_t at = (uint32_t)t->n;

        text_puts(t, s);
        text_add(t, "", 1);
        return at;
}

void journal_add(Journal *journal, uint64_t number, uint64_t batch, const Call *call, const Answer *answer,
                 bool fault)
{
        _cleanup_(text_deinit) Text t = { 0 }, body = { 0 };
        size_t n_path = strcspn(call->target, "?");
        Entry *e, fields = {
                .number = number,
                .batch = batch,
                .time_us = call->now_us,
                .wall_ms = call->wall_ms,
                .method = call->method,
                .status = answer->status,
                .changed = answer->changed,
                .throttled = answer->throttled,
                .hold_violation = answer->hold_violation,
                .fault = fault,
                .flag = answer->flag,
        };

        text_add(&t, call->target, n_path);
        text_add(&t, "", 1);
        if (call->target[n_path])
                fields.query = entry_put(&t, call->target + n_path + 1);
        if (call->client_request_id)
                fields.client_id = entry_put(&t, call->client_request_id);
        if (call->n_body) {
                redact(call, &body);
                fields.body = (uint32_t)t.n;
                text_add(&t, body.data, body.n);
        }
        memcpy(fields.request_id, call->request_id, ID_SIZE);
        fields.size = (uint32_t)(sizeof(Entry) + t.n + 1);
        e = mem_need(malloc(fields.size));
        *e = fields;
        memcpy(e->text, t.data, t.n + 1);
        if (number < journal->first) { /* dropped while its batch was at work */
                free(e);
                return;
        }
        journal->ring[number % journal->size] = e;
        journal->n_bytes += e->size;
        journal->n_writes += call->method != METHOD_GET;
        journal->n_changed += answer->changed;
        journal->n_throttled += answer->throttled;
        journal->n_violations += answer->hold_violation;
        while (journal->n_bytes > journal->max_bytes && journal->first < number) {
                journal_drop(journal);
                ++journal->dropped;
        }
        if (journal->file) {
                text_reset(&t);
                journal_write_entry(e, &t);
                fprintf(journal->file, "%s\n", t.data);
        }
}

const Entry *journal_find(const Journal *journal, uint64_t number)
{
        const Entry *e;

        if (number < journal->first || number > journal->last)
                return NULL;
        e = journal->ring[number % journal->size];
        return e && e->number == number ? e : NULL;
}

bool journal_match(const JournalFilter *filter, const Entry *e)
{
        return e->number > filter->after && (!filter->changed || e->changed) &&
               (!filter->method || !strcasecmp(filter->method, call_method_name(e->method))) &&
               (!filter->path || !fnmatch(filter->path, e->text, FNM_NOESCAPE));
}

void journal_write_entry(const Entry *e, Text *t)
{
        char date[32];

        answer_time(e->wall_ms, date);
        text_printf(t,
                    "{\"number\":%llu,\"time_us\":%lld,\"wall\":\"%s.%03lldZ\",\"method\":\"%s\",\"path\":",
                    (unsigned long long)e->number, (long long)e->time_us, date,
                    (long long)(e->wall_ms % 1000), call_method_name(e->method));
        text_json(t, e->text);
        text_puts(t, ",\"query\":");
        text_json(t, e->query ? e->text + e->query : NULL);
        text_printf(t, ",\"status\":%d,\"client_request_id\":", e->status);
        text_json(t, e->client_id ? e->text + e->client_id : NULL);
        text_printf(t, ",\"request_id\":\"%s\",\"batch\":", e->request_id);
        if (e->batch)
                text_printf(t, "%llu", (unsigned long long)e->batch);
        else
                text_puts(t, "null");
        text_puts(t, ",\"body\":");
        if (e->body)
                text_json_n(t, e->text + e->body, e->size - sizeof(Entry) - 1 - e->body);
        else
                text_puts(t, "null");
        text_printf(t, ",\"changed\":%s,\"throttled\":%s,\"hold_violation\":%s,\"fault\":%s,\"flag\":",
                    e->changed ? "true" : "false", e->throttled ? "true" : "false",
                    e->hold_violation ? "true" : "false", e->fault ? "true" : "false");
        text_json(t, e->flag);
        text_puts(t, "}");
}

void journal_write(const Journal *journal, const JournalFilter *filter, size_t limit, Text *t)
{
        uint64_t number = filter->after + 1 > journal->first ? filter->after + 1 : journal->first;

        text_printf(t, "{\"first\":%llu,\"last\":%llu,\"dropped\":%llu,\"records\":[",
                    (unsigned long long)journal->first, (unsigned long long)journal->last,
                    (unsigned long long)journal->dropped);
        for (; number <= journal->last && limit; ++number) {
                const Entry *e = journal_find(journal, number);

                if (!e || !journal_match(filter, e))
                        continue;
                text_comma(t);
                journal_write_entry(e, t);
                --limit;
        }
        text_puts(t, "]}");
}
