/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/steps/say.h"

#include "base/str.h"
#include "engine/steps/catalogue.h"

#include <string.h>

static __attribute__((format(printf, 2, 0))) const char *text(Run *run, const char *format, va_list ap)
{
        return arena_vprintf(run->arena, format, ap);
}

void step_say(Run *run, Result status, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        /* What the step has warned of is not taken back by its end. */
        if (status != RESULT_SUCCESS || run->record->status != RESULT_WARNING)
                run->record->status = status;
        run->record->description = text(run, format, ap);
        va_end(ap);
}

void step_detail(Run *run, const char *key, const char *format, ...)
{
        StepRecord *record = run->record;
        Detail *details = arena_new_array(run->arena, Detail, record->n_details + 1);
        va_list ap;

        for (size_t i = 0; i < record->n_details; i++)
                details[i] = record->details[i];
        va_start(ap, format);
        details[record->n_details++] = (Detail){ .key = key, .text = text(run, format, ap) };
        va_end(ap);
        record->details = details;
}

static void set_error(Run *run, const char *code, const char *what)
{
        const CatalogueRow *row = catalogue_find(code);

        run->outcome.error = (ErrorInfo){
                .code = code,
                .category = row->category,
                .reason = row->reason,
                .recommended_action = row->action,
                .additional_details = what,
        };
}

int step_fail(Run *run, int how, const char *code, const char *format, ...)
{
        const char *what = NULL;
        va_list ap;

        if (format) {
                va_start(ap, format);
                what = text(run, format, ap);
                va_end(ap);
        }
        set_error(run, code, what);
        run->record->status = how == STEP_E_SKIP && catalogue_find(code)->exit_status == EXIT_OUT_OF_SCOPE
                                      ? RESULT_SKIPPED
                                      : RESULT_FAILURE;
        run->record->description = what ? what : run->outcome.error.reason;
        return how;
}

void step_warn(Run *run, const char *code, const char *format, ...)
{
        const char *what;
        va_list ap;

        va_start(ap, format);
        what = text(run, format, ap);
        va_end(ap);
        /* The first warning is the one that the report leads with; all of them are details of their step. */
        if (!run->outcome.error.code)
                set_error(run, code, what);
        run->record->status = RESULT_WARNING;
        step_detail(run, code, "%s", what);
}

/* One value a line; NULL if there are none that `other` has not. */
static const char *values_beyond(Arena *a, Value v, Value other, uint32_t *ret_n)
{
        const char *lines = NULL;
        uint32_t n = 0;

        for (size_t i = 0; i < value_count(v); i++) {
                bool both = false;

                for (size_t j = 0; j < value_count(other) && !both; j++)
                        both = value_is(value_at(v, i), value_at(other, j));
                if (both)
                        continue;
                n++;
                if (n > 100)
                        continue;
                lines = arena_printf(a, "%s%s%s", lines ? lines : "", lines ? "\n" : "",
                                     value_text(a, value_at(v, i), STEP_TEXT_MAX / 16));
        }
        if (n > 100)
                lines = arena_printf(a, "%s\n... (%u)", lines, n);
        *ret_n = n;
        return lines;
}

static AttributeInfo attribute_info(Arena *a, const char *name, Value now, Value before,
                                    const char *data_source)
{
        Value shown = value_is_none(now) ? before : now;
        AttributeInfo info = {
                .name = name,
                .multi_valued = shown.type == VALUE_LIST,
                .type = value_type_name(shown),
                .n_values = (uint32_t)value_count(now),
                .operation = "none",
                .data_source = data_source,
        };

        if (!value_is_none(now))
                info.value = value_text(a, now, STEP_TEXT_MAX);
        if (value_is_none(before) && !value_is_none(now))
                info.operation = "add";
        else if (value_is_none(now))
                info.operation = "delete";
        else if (info.multi_valued ? !value_is_set(now, before) : !value_is(now, before))
                info.operation = "update";
        if (info.multi_valued && !str_is(info.operation, "none")) {
                info.value_add = values_beyond(a, now, before, &info.n_added);
                info.value_delete = values_beyond(a, before, now, &info.n_deleted);
        }
        return info;
}

void step_attributes(Run *run, const Object *now, const Object *before, const char *data_source)
{
        static const Object nothing;
        const Object *b = before ? before : &nothing;
        AttributeInfo *infos =
                arena_new_array(run->arena, AttributeInfo, now->n_attributes + b->n_attributes + 1);
        size_t n = 0, i = 0, j = 0;

        /* Both are sorted by name: one walk sees what was added, kept and removed. */
        while (i < now->n_attributes || j < b->n_attributes) {
                int order = i == now->n_attributes ? 1
                            : j == b->n_attributes ? -1
                                                   : strcmp(now->attributes[i].name, b->attributes[j].name);
                const char *name = order <= 0 ? now->attributes[i].name : b->attributes[j].name;

                infos[n++] =
                        attribute_info(run->arena, name, order <= 0 ? now->attributes[i].value : VALUE_NULL,
                                       order >= 0 ? b->attributes[j].value : VALUE_NULL, data_source);
                i += order <= 0;
                j += order >= 0;
        }
        run->record->attributes = infos;
        run->record->n_attributes = n;
}
