/* SPDX-License-Identifier: Apache-2.0 */

#include "report/facts.h"

#include "engine/model/object.h"
#include "engine/model/steps-table.h"

#include <string.h>

typedef struct StepFacts {
        const char *name;
        const char *title;
        StepType type;
        bool has_attributes;
} StepFacts;

#define HAS_ATTRIBUTES_SCOPING    false
#define HAS_ATTRIBUTES_IMPORT     true
#define HAS_ATTRIBUTES_PROCESSING true
#define HAS_ATTRIBUTES_EXPORT     true

static const StepFacts steps[] = {
#define STEP_FACTS(function, step, kind, heading) \
        { .name = #step,                          \
          .title = heading,                       \
          .type = STEP_TYPE_##kind,               \
          .has_attributes = HAS_ATTRIBUTES_##kind },
        STEPS(STEP_FACTS)
#undef STEP_FACTS
};

static const StepFacts unknown_step = {
        .name = "Unknown",
        .title = "A step of a newer version of sosync",
        .type = STEP_TYPE_PROCESSING,
};

static const StepFacts *step_facts(size_t i)
{
        return i < N_ELEMENTS(steps) ? &steps[i] : &unknown_step;
}

const char *facts_step_name(size_t i)
{
        return step_facts(i)->name;
}

const char *facts_step_title(size_t i)
{
        return step_facts(i)->title;
}

StepType facts_step_type(size_t i)
{
        return step_facts(i)->type;
}

bool facts_step_has_attributes(size_t i)
{
        return step_facts(i)->has_attributes;
}

const char *facts_step_state(const StepRecord *s)
{
        if (!s->ran)
                return "Not run";
        switch (s->status) {
        case RESULT_SUCCESS:
                return "Success";
        case RESULT_FAILURE:
                return "Failed";
        case RESULT_WARNING:
                return "Warning";
        default:
                return "Skipped";
        }
}

const char *facts_state(const Outcome *o)
{
        switch (o->disposition) {
        case DISPOSITION_DONE:
                return "Exported";
        case DISPOSITION_NO_CHANGE:
                return "No change";
        case DISPOSITION_STAGED:
                return "Staged";
        case DISPOSITION_OUT_OF_SCOPE:
                return "Not synchronized";
        case DISPOSITION_RETRY:
                return "Will be retried";
        case DISPOSITION_PARKED:
                return "Parked";
        default:
                return "Unknown";
        }
}

const char *facts_action(const Outcome *o)
{
        return o->action == ACTION_OTHER ? "none" : action_name(o->action);
}

const char *facts_category(ErrorCategory c)
{
        switch (c) {
        case ERROR_CATEGORY_FAILURE:
                return "The object, or what it holds";
        case ERROR_CATEGORY_NON_SERVICE_FAILURE:
                return "Circumstances outside the object";
        default:
                return "No failure";
        }
}

const char *facts_dn(const Outcome *o)
{
        return o->source.dn ? o->source.dn : o->change.dn ? o->change.dn : "";
}

const char *facts_display_name(const Outcome *o)
{
        if (o->source.display_name && *o->source.display_name)
                return o->source.display_name;
        if (o->target.display_name && *o->target.display_name)
                return o->target.display_name;
        if (*facts_dn(o))
                return facts_dn(o);
        return o->source.id && *o->source.id ? o->source.id : "Unknown object";
}

int facts_failed_step(const Outcome *o)
{
        for (size_t i = 0; i < o->n_steps; i++)
                if (o->steps[i].ran && o->steps[i].status == RESULT_FAILURE)
                        return (int)i;
        if (!o->error.code)
                return -1;
        for (size_t i = o->n_steps; i-- > 0;)
                if (o->steps[i].ran && o->steps[i].status != RESULT_SUCCESS)
                        return (int)i;
        return -1;
}

size_t facts_times(const Outcome *o, FactsTime times[FACTS_TIMES_MAX])
{
        const FactsTime all[FACTS_TIMES_MAX] = {
                { "changed", "Changed in the directory", o->change.changed },
                { "seen", "Seen by sosync", o->change.seen },
                { "queued", "Stored in the queue", o->queued },
                { "started", "Taken by a worker", o->started },
                { "sent", "First write sent to Graph", o->sent },
                { "accepted", "Last write accepted", o->accepted },
        };
        size_t n = 0;

        for (size_t i = 0; i < FACTS_TIMES_MAX; i++)
                if (all[i].at.ms)
                        times[n++] = all[i];
        return n;
}

int64_t facts_latency_ms(const Outcome *o, const char **ret_since)
{
        if (!o->accepted.ms)
                return -1;
        /* whenChanged is cut to the second: beyond a few seconds that does not matter, below it is noise. */
        if (o->change.changed.ms && o->accepted.ms - o->change.changed.ms >= 10000) {
                *ret_since = "changed";
                return o->accepted.ms - o->change.changed.ms;
        }
        if (o->change.seen.ms && o->accepted.ms >= o->change.seen.ms) {
                *ret_since = "seen";
                return o->accepted.ms - o->change.seen.ms;
        }
        *ret_since = "started";
        return o->started.ms && o->accepted.ms >= o->started.ms ? o->accepted.ms - o->started.ms : -1;
}

/* Ids that are names of what they are made of: custom ones, version 8 of RFC 9562. */
static const char *named_guid(Arena *a, const void *data, size_t n, uint64_t kind)
{
        Hash128 h = hash128(data, n, kind);
        ObjectId id;
        char *text = arena_alloc(a, GUID_TEXT_MAX);

        memcpy(id.bytes, &h.low, 8);
        memcpy(id.bytes + 8, &h.high, 8);
        id.bytes[7] = (uint8_t)((id.bytes[7] & 0x0f) | 0x80);
        id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
        guid_format(&id, text);
        return text;
}

const char *facts_change_id(Arena *a, const Outcome *o)
{
        char guid[GUID_TEXT_MAX];
        const char *name = arena_printf(a, "%u/%s/%lld", o->change.source, guid_format(&o->change.id, guid),
                                        (long long)o->change.seen.ms);

        return named_guid(a, name, strlen(name), 1);
}

const char *facts_source_id(Arena *a, const Outcome *o)
{
        const char *name = arena_printf(a, "%s\n%s", o->source_name ? o->source_name : "",
                                        o->partition ? o->partition : "");

        return named_guid(a, name, strlen(name), 2);
}

const char *facts_job_id(Arena *a, const Outcome *o)
{
        const char *tenant = o->tenant_id ? o->tenant_id : "";
        char *bare = arena_strdup(a, tenant), *to = bare;
        const char *name = arena_printf(a, "%s\n%s", facts_source_id(a, o), tenant);

        for (const char *p = tenant; *p; p++)
                if (*p != '-')
                        *to++ = *p;
        *to = '\0';
        /* "<template>.<tenant without dashes>.<guid>", as Graph's own job ids. */
        return arena_printf(a, "sosync.%s.%s", bare, named_guid(a, name, strlen(name), 3));
}

size_t facts_next_char(const char *s, uint32_t *ret_code)
{
        const unsigned char *p = (const unsigned char *)s;
        size_t n = p[0] < 0x80                   ? 1
                   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                 : 0;
        uint32_t code;

        if (n == 1) {
                *ret_code = p[0];
                return 1;
        }
        *ret_code = 0xfffd;
        if (n == 0)
                return 1;
        code = p[0] & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 1;
                code = code << 6 | (p[i] & 0x3fu);
        }
        /* Overlong forms, halves of surrogate pairs, beyond Unicode. */
        if ((n == 3 && code < 0x800) || (n == 4 && code < 0x10000) || (code >= 0xd800 && code < 0xe000) ||
            code > 0x10ffff)
                return 1;
        *ret_code = code;
        return n;
}

const char *facts_utf8(Arena *a, const char *s)
{
        size_t n = strlen(s);
        char *text, *to;

        if (str_is_utf8(s, n))
                return s;
        text = to = arena_alloc(a, 3 * n + 1);
        while (*s) {
                uint32_t code;
                size_t len = facts_next_char(s, &code);

                if (code == 0xfffd) {
                        memcpy(to, "\xef\xbf\xbd", 3);
                        to += 3;
                } else {
                        memcpy(to, s, len);
                        to += len;
                }
                s += len;
        }
        *to = '\0';
        return text;
}

const AttributeInfo *facts_exported(const Outcome *o, const char *name, size_t *ret_step, size_t *ret_row)
{
        for (size_t i = o->n_steps; name && i-- > 0;) {
                if (facts_step_type(i) != STEP_TYPE_EXPORT)
                        continue;
                for (size_t j = 0; j < o->steps[i].n_attributes; j++)
                        if (str_is(o->steps[i].attributes[j].name, name)) {
                                *ret_step = i;
                                *ret_row = j;
                                return &o->steps[i].attributes[j];
                        }
        }
        return NULL;
}

const char *facts_size(size_t n, char *buf, size_t size)
{
        if (n < 1000)
                snprintf(buf, size, "%zu bytes", n);
        else if (n < 1000000)
                snprintf(buf, size, "%.1f kB", (double)n / 1000);
        else
                snprintf(buf, size, "%.1f MB", (double)n / 1000000);
        return buf;
}
