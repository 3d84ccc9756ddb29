/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What an owner's JSON says about its steps: provisioningSteps and modifiedProperties, as Graph's
 * provisioningObjectSummary names them. The `details` of a step are an open type: nobody has published what
 * Entra Connect puts there, so whatever is there is shown, a line for each, within limits.
 */

#include "engine/target/owner.h"

#include "base/str.h"

#include <jansson.h>
#include <string.h>

#define NOTES_MAX   64
#define NOTE_MAX    4096
#define DETAILS_MAX 100

const char *owner_text(const json_t *o, const char *key, Arena *a)
{
        const json_t *v = json_object_get(o, key);

        return json_is_string(v) ? str_safe(a, json_string_value(v), json_string_length(v)) : "";
}

bool owner_is_throttled(const char *code, const char *reason)
{
        return strcasestr(code, "throttl") || strcasestr(reason, "throttl");
}

static void add_scalar(const json_t *v, Arena *a, Str *out)
{
        if (json_is_string(v))
                str_add(out, str_safe(a, json_string_value(v), json_string_length(v)));
        else if (json_is_integer(v))
                str_printf(out, "%lld", (long long)json_integer_value(v));
        else if (json_is_real(v))
                str_printf(out, "%g", json_real_value(v));
        else if (json_is_boolean(v))
                str_add(out, json_is_true(v) ? "True" : "False");
        else
                str_add(out, json_is_null(v) ? "" : "...");
}

/* "name: title; value: Chief; operation: update" */
static void add_flat(const json_t *v, Arena *a, Str *out)
{
        const char *key, *separator = "";
        json_t *member;

        if (!json_is_object(v)) {
                add_scalar(v, a, out);
                return;
        }
        json_object_foreach((json_t *)(uintptr_t)v, key, member)
        {
                str_printf(out, "%s%s: ", separator, str_safe(a, key, strlen(key)));
                add_scalar(member, a, out);
                separator = "; ";
        }
}

/* A line for each detail; for each element, where it is a table. */
static void add_details(const json_t *details, Arena *a, Str *out)
{
        const char *key;
        json_t *member;
        size_t n = 0;

        json_object_foreach((json_t *)(uintptr_t)details, key, member)
        {
                size_t size = json_is_array(member) ? json_array_size(member) : 1;

                for (size_t i = 0; i < size && n < DETAILS_MAX; i++, n++) {
                        str_printf(out, "\n%s: ", str_safe(a, key, strlen(key)));
                        add_flat(json_is_array(member) ? json_array_get(member, i) : member, a, out);
                }
        }
}

static void add_note(OwnerNote *notes, size_t *n, const char *key, Str *text, Arena *a)
{
        size_t size = text->n < NOTE_MAX ? text->n : NOTE_MAX;

        /* Not in the middle of a character. */
        while (size && size < text->n && ((unsigned char)text->data[size] & 0xc0) == 0x80)
                size--;
        notes[(*n)++] = (OwnerNote){ .key = key, .text = arena_strndup(a, text->data, size) };
        str_reset(text);
}

static void add_step(const json_t *step, Arena *a, OwnerNote *notes, size_t *n, Str *text)
{
        const char *name = owner_text(step, "name", a), *description = owner_text(step, "description", a);

        if (!*name)
                return;
        str_printf(text, "%s%s%s", owner_text(step, "status", a), *description ? ": " : "", description);
        add_details(json_object_get(step, "details"), a, text);
        add_note(notes, n, name, text, a);
}

static void add_modified(const json_t *property, Arena *a, OwnerNote *notes, size_t *n, Str *text)
{
        const char *name = owner_text(property, "displayName", a), *old = owner_text(property, "oldValue", a);
        const char *new = owner_text(property, "newValue", a);

        if (!*name)
                return;
        str_printf(text, "%s%s%s", *new ? new : "(no value)", *old ? ", was " : "", old);
        add_note(notes, n, arena_printf(a, "wrote %s", name), text, a);
}

OwnerReport owner_report(const json_t *o, const char *status, Arena *a)
{
        const json_t *steps = json_object_get(o, "provisioningSteps");
        const json_t *modified = json_object_get(o, "modifiedProperties");
        OwnerNote *notes = arena_new_array(a, OwnerNote, NOTES_MAX);
        size_t n = 0;
        Str text;

        str_init(&text, (size_t)1 << 20);
        str_add(&text, status);
        add_note(notes, &n, "", &text, a);
        for (size_t i = 0; i < json_array_size(steps) && n < NOTES_MAX; i++)
                add_step(json_array_get(steps, i), a, notes, &n, &text);
        for (size_t i = 0; i < json_array_size(modified) && n < NOTES_MAX; i++)
                add_modified(json_array_get(modified, i), a, notes, &n, &text);
        str_deinit(&text);
        return (OwnerReport){ .notes = notes, .n_notes = n };
}
