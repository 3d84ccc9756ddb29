/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config-value.h"
#include "base/config.h"

#include <assert.h>
#include <string.h>

/*
 * The help is an example file: every key with what it is for, what is expected, and its default. What must be
 * written is written; all else is commented out with a '#' in the first column, so that taking these away
 * switches a key on. As long as the tables give examples for required keys, the text can be read back.
 */

static void begin_line(unsigned indent, bool off, Str *out)
{
        if (off)
                str_add_char(out, '#');
        for (unsigned i = 0; i < indent; i++)
                str_add_char(out, ' ');
}

static const char *example_of(const ConfigField *f)
{
        if (f->example)
                return f->example;
        if (f->fallback)
                return f->fallback;
        switch (f->type) {
        case CONFIG_PATH:
        case CONFIG_SECRET:
                return "/path/to/file";
        case CONFIG_DN:
                return "\"DC=example,DC=test\"";
        case CONFIG_INT:
        case CONFIG_NUMBER:
                return "1";
        case CONFIG_BOOL:
                return "false";
        case CONFIG_DURATION:
                return "1s";
        case CONFIG_SIZE:
                return "1MiB";
        case CONFIG_PERCENT:
                return "10%";
        case CONFIG_CHOICE:
                return f->choices[0];
        case CONFIG_LIST:
                return "[]";
        case CONFIG_TEXT:
        case CONFIG_MAP:
        case CONFIG_MAP_OPTIONAL:
                break;
        }
        return "\"...\"";
}

/* The value that the example gives to a choice, as a bit. */
static uint32_t example_choice(const ConfigField *f)
{
        const char *text = example_of(f);

        for (unsigned i = 0; f->choices[i]; i++) {
                if (str_is(f->choices[i], text))
                        return (uint32_t)1 << i;
        }
        return 1;
}

/* Written in the example, not commented out. */
static bool is_on(const ConfigField *fields, const ConfigField *f)
{
        const ConfigField *tag;

        if (f->tag) {
                tag = config_find_field(fields, f->tag);
                assert(tag);
                if (!(f->only_if & example_choice(tag)))
                        return false;
        }
        if (f->required || f->shown)
                return true;
        if (f->type != CONFIG_MAP)
                return false;
        for (const ConfigField *sub = f->fields; sub->name; sub++) {
                if (is_on(f->fields, sub))
                        return true;
        }
        return false;
}

static void print_comment(const ConfigField *fields, const ConfigField *f, unsigned indent, bool off,
                          Str *out)
{
        begin_line(indent, off, out);
        str_add(out, "# ");
        str_add(out, f->help ? f->help : f->name);
        if (f->type != CONFIG_MAP && f->type != CONFIG_MAP_OPTIONAL) {
                str_add(out, ": ");
                config_expected(f, f->type, out);
                if (f->type == CONFIG_LIST && f->item != CONFIG_MAP) {
                        str_add(out, " of values, each ");
                        config_expected(f, f->item, out);
                }
        }
        if (f->required)
                str_add(out, "; required");
        else if (f->fallback)
                str_printf(out, "; default %s", f->fallback);
        else if (f->type != CONFIG_MAP)
                str_add(out, "; optional");
        if (f->tag) {
                const ConfigField *tag = config_find_field(fields, f->tag);

                assert(tag);
                str_printf(out, "; only with %s ", f->tag);
                config_choices(tag->choices, f->only_if, out);
        }
        str_add_char(out, '\n');
}

static void print_fields(const ConfigField *fields, unsigned indent, bool off, Str *out)
{
        for (const ConfigField *f = fields; f->name; f++) {
                bool on = !off && is_on(fields, f);

                if (f != fields && indent == 0)
                        str_add_char(out, '\n');
                print_comment(fields, f, indent, off, out);
                begin_line(indent, !on, out);
                if (f->brief) {
                        str_printf(out, "%s: {...}\n", f->name);
                } else if (f->type == CONFIG_MAP || f->type == CONFIG_MAP_OPTIONAL) {
                        str_printf(out, "%s:\n", f->name);
                        print_fields(f->fields, indent + 2, !on, out);
                } else if (f->type == CONFIG_LIST && f->item == CONFIG_MAP) {
                        str_printf(out, "%s: %s\n", f->name, example_of(f));
                        begin_line(indent + 2, true, out);
                        str_add(out, "each item has:\n");
                        print_fields(f->fields, indent + 4, true, out);
                } else {
                        str_printf(out, "%s: %s\n", f->name, example_of(f));
                }
        }
}

void config_print_help(const ConfigField *fields, Str *out)
{
        print_fields(fields, 0, false, out);
}
