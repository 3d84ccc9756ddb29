/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/acts.h"

#include "base/error.h"
#include "base/str.h"
#include "report/facts.h"

#include <errno.h>
#include <string.h>

int acts_open(Acts *a, const Config *c, const Clock *clock, const Log *log, Diag *diag)
{
        int r;

        *a = (Acts){
                .folder = c->audit.path, .keep_us = c->audit.keep_us, .clock = clock, .log = log, .open = true
        };
        pthread_mutex_init(&a->lock, NULL);
        r = audit_new(&a->audit, a->folder, diag);
        if (r != -ENOSPC)
                return r;
        log_error(log, "the audit log cannot be written for now", LOG_STR("why", diag_text(diag)));
        diag_clear(diag);
        return 0;
}

void acts_close(Acts *a)
{
        if (!a->open)
                return;
        a->audit = audit_free(a->audit);
        pthread_mutex_destroy(&a->lock);
        a->open = false;
}

/* NULL: there is still no room. */
static Audit *audit_of(Acts *a)
{
        Audit *audit;

        pthread_mutex_lock(&a->lock);
        if (!a->audit && audit_new(&a->audit, a->folder, NULL))
                a->audit = NULL;
        audit = a->audit;
        pthread_mutex_unlock(&a->lock);
        return audit;
}

static json_t *texts(const char *const *items, size_t n)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_string(items[i]));
        return list;
}

static void add_text(json_t *entry, const char *name, const char *text)
{
        _cleanup_(arena_freep) Arena *a = text && *text ? arena_new(0) : NULL;

        /* A name of the directory may be no UTF-8: that is no reason to leave it out. */
        if (a)
                json_object_set_new(entry, name, json_string(facts_utf8(a, text)));
}

static void add_time(json_t *entry, const char *name, Wall at)
{
        char text[WALL_TEXT_MAX];

        if (at.ms)
                json_object_set_new(entry, name, json_string(wall_format(at, text)));
}

static json_t *write_entry(const Outcome *o)
{
        char guid[GUID_TEXT_MAX];
        json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", "write", "run", o->run_id, "object",
                                  guid_format(&o->change.id, guid), "action", action_name(o->action),
                                  "result", result_name(o->result));
        json_t *names = json_array();

        for (size_t i = 0; i < o->n_modified; i++)
                json_array_append_new(names, json_string(o->modified[i].name));
        add_text(entry, "dn", o->source.dn ? o->source.dn : o->change.dn);
        add_text(entry, "cloud", o->target.id);
        add_text(entry, "error", o->error.code);
        add_text(entry, "by", o->initiated_by);
        add_text(entry, "rules", o->rules_version);
        add_text(entry, "source", o->source_name);
        add_text(entry, "server", o->source_server);
        add_time(entry, "changed", o->change.changed);
        add_time(entry, "sent", o->sent);
        if (o->change.version.number)
                json_object_set_new(entry, "usn", json_integer((json_int_t)o->change.version.number));
        json_object_set_new(entry, "properties", names);
        json_object_set_new(entry, "requests", texts(o->request_ids, o->n_request_ids));
        return entry;
}

void acts_write(Acts *a, uint64_t sequence, const Outcome *o)
{
        Audit *audit = o->sent.ms && sequence > a->added ? audit_of(a) : NULL;
        Wall now = clock_wall(a->clock);
        json_t *entry;

        if (!audit)
                return;
        a->added = sequence;
        entry = write_entry(o);
        audit_add(audit, now, o->finished.ms ? o->finished : now, entry);
        json_decref(entry);
}

int acts_flush(Acts *a)
{
        Audit *audit = audit_of(a);

        return audit ? audit_flush(audit) : AUDIT_E_FULL;
}

static json_t *act_entry(const char *by, const char *verb, const json_t *request, bool ok, const char *error)
{
        json_t *entry = json_pack("{s:s, s:s, s:s, s:b}", "kind", "act", "by", by, "verb", verb, "ok", ok);
        json_t *rest = json_deep_copy(request);

        add_text(entry, "login", json_string_value(json_object_get(request, "login")));
        add_text(entry, "reason", json_string_value(json_object_get(request, "reason")));
        add_text(entry, "error", error);
        json_object_del(rest, "do");
        json_object_del(rest, "login");
        json_object_del(rest, "reason");
        json_object_set_new(entry, "request", rest ? rest : json_null());
        return entry;
}

void acts_person(Acts *a, const char *by, const char *verb, const json_t *request, const json_t *answer)
{
        const char *error = json_string_value(json_object_get(answer, "error"));
        const char *reason = json_string_value(json_object_get(request, "reason"));
        const char *login = json_string_value(json_object_get(request, "login"));
        bool ok = json_is_true(json_object_get(answer, "ok"));
        json_t *entry = act_entry(by, verb, request, ok, error);
        Wall now = clock_wall(a->clock);
        Audit *audit = audit_of(a);

        log_info(a->log, "act", LOG_STR("verb", verb), LOG_STR("by", by), LOG_STR("login", login),
                 LOG_STR("reason", reason), LOG_STR("error", error));
        if (audit) {
                audit_add(audit, now, now, entry);
                if (audit_flush(audit))
                        log_error(a->log, "the audit log cannot be written for now; the line waits");
        }
        json_decref(entry);
}

void acts_care(Acts *a, Wall age)
{
        char chain[AUDIT_CHAIN_HEX + 1];
        Audit *audit = audit_of(a);

        if (!audit)
                return;
        audit_retain(audit, age, a->keep_us / ((int64_t)86400 * 1000000));
        log_info(a->log, "audit", LOG_STR("chain", audit_last(audit, chain)));
}

int acts_alone(const Config *c, const char *by, const char *verb, const json_t *request, bool ok, Diag *diag)
{
        _cleanup_(audit_freep) Audit *audit = NULL;
        Wall now = clock_wall(&clock_system);
        json_t *entry;
        int r = audit_new(&audit, c->audit.path, diag);

        if (r)
                return r;
        entry = act_entry(by, verb, request, ok, NULL);
        audit_add(audit, now, now, entry);
        json_decref(entry);
        return audit_flush(audit);
}
