/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config-walk.h"

#include "base/config-value.h"

#include <assert.h>
#include <string.h>

/* Most fields that one table has; ours have under 30. */
#define FIELDS_MAX 128

typedef struct Place {
        int line;
        int column;
} Place;

/* What was written for each field of a table. */
typedef struct Written {
        const ConfigNode *key; /* NULL: not written */
        const ConfigNode *value;
        bool bad; /* there is a finding: do not judge others by it */
} Written;

/* One mapping while it is read. */
typedef struct Mapping {
        const ConfigField *fields;
        size_t n_fields;
        Written written[FIELDS_MAX];
        char *base;
        const ConfigPath *path;
        Place at; /* for what is missing */
} Mapping;

typedef enum Allowed {
        ALLOWED_YES,
        ALLOWED_NO,
        ALLOWED_UNKNOWN, /* the choice that decides is itself wrong */
} Allowed;

static bool read_map(ConfigReader *r, const ConfigPath *path, const ConfigField *fields,
                     const ConfigNode *node, Place at, void *base);
static bool read_value(ConfigReader *r, const ConfigPath *path, const ConfigField *f, const ConfigNode *node,
                       void *out);
static void read_defaults(ConfigReader *r, const ConfigPath *path, const ConfigField *fields, void *base);

/* A thousand lists that name one another by aliases are a small file and a long walk ("billion laughs"). */
static bool spend(ConfigReader *r, const ConfigNode *node, const ConfigPath *path, size_t n)
{
        if (r->budget >= n) {
                r->budget -= n;
                return true;
        }
        r->budget = 0;
        if (!r->exhausted) {
                r->exhausted = true;
                config_finding(r, node, path, "aliases make too many values of this; expected at most %d",
                               CONFIG_ALIAS_BUDGET);
        }
        return false;
}

static size_t find_field(const Mapping *m, const char *name)
{
        size_t i = 0;

        while (i < m->n_fields && !str_is(m->fields[i].name, name))
                i++;
        return i;
}

static Allowed is_allowed(const Mapping *m, const ConfigField *f)
{
        size_t i;
        Allowed tag;
        int choice;

        if (!f->tag)
                return ALLOWED_YES;
        i = find_field(m, f->tag);
        assert(i < m->n_fields && m->fields[i].type == CONFIG_CHOICE);
        tag = is_allowed(m, &m->fields[i]);
        if (tag != ALLOWED_YES)
                return tag;
        if (m->written[i].bad)
                return ALLOWED_UNKNOWN;
        choice = *(const int *)(const void *)(m->base + m->fields[i].offset);
        return f->only_if & (uint32_t)1 << choice ? ALLOWED_YES : ALLOWED_NO;
}

/* The default is written in the table as YAML and takes the same way as what the operator writes. A table
 * that is wrong is a bug. */
static void set_fallback(ConfigReader *r, const ConfigPath *path, const ConfigField *f, void *out)
{
        ConfigDoc doc = { .file = "default", .folder = "" };
        ConfigReader sub = { .doc = &doc, .hooks = r->hooks, .a = r->a, .budget = CONFIG_ALIAS_BUDGET };

        if (config_doc_parse(&sub, &doc, f->fallback, strlen(f->fallback)) && doc.root &&
            !config_node_is_null(doc.root))
                read_value(&sub, path, f, doc.root, out);
        if (sub.n_findings) {
                fprintf(stderr, "the default of a configuration key is wrong: %s\n", sub.findings[0].text);
                abort();
        }
}

/* Scalars are told by the path of the list: the place says which of them. */
static bool read_item(ConfigReader *r, const ConfigPath *here, const ConfigField *f, const ConfigNode *item,
                      void *out)
{
        if (f->item == CONFIG_MAP)
                return read_map(r, here, f->fields, item, (Place){ item->line, item->column }, out);
        if (config_node_is_null(item))
                config_finding(r, item, here->up, "an item of the list has no value");
        else if (item->type != CONFIG_NODE_SCALAR)
                config_finding(r, item, here->up, "expected single values in the list, found a %s",
                               item->type == CONFIG_NODE_LIST ? "list" : "mapping");
        else
                return config_set_scalar(r, here->up, f, f->item, item, out);
        return false;
}

/* What is refused is not there: who checks on finds whole items, and can tell that more was meant. */
static bool read_list(ConfigReader *r, const ConfigPath *path, const ConfigField *f, const ConfigNode *node,
                      ConfigList *out)
{
        size_t size = f->item == CONFIG_MAP ? f->size : config_type_size(f->item);
        size_t before = r->n_findings, *numbers, n = 0;
        DiagMark *marks;
        char *items;

        assert(size > 0 && f->item != CONFIG_LIST && f->item != CONFIG_MAP_OPTIONAL);
        if (node->type != CONFIG_NODE_LIST) {
                if (node->type == CONFIG_NODE_SCALAR)
                        config_finding(r, node, path, "expected a list, such as [%s], found a single value",
                                       f->item == CONFIG_MAP ? "{...}" : "...");
                else
                        config_finding(r, node, path, "expected a list, found a mapping");
                return false;
        }
        if (!spend(r, node, path, node->n))
                return false;

        items = arena_alloc0(r->a, node->n, size);
        marks = arena_new_array(r->a, DiagMark, node->n);
        numbers = arena_new_array(r->a, size_t, node->n);
        for (size_t i = 0; i < node->n; i++) {
                const ConfigNode *item = config_item(r->doc, node, i);
                char *out_item = items + n * size;

                if (!read_item(r, &(ConfigPath){ .up = path, .index = i }, f, item, out_item)) {
                        memset(out_item, 0, size);
                        continue;
                }
                marks[n] = (DiagMark){ .file = r->doc->file, .line = item->line, .column = item->column };
                numbers[n++] = i;
        }
        *out = (ConfigList){
                .items = items, .n_items = n, .n_refused = node->n - n, .marks = marks, .numbers = numbers
        };
        return r->n_findings == before;
}

static bool read_value(ConfigReader *r, const ConfigPath *path, const ConfigField *f, const ConfigNode *node,
                       void *out)
{
        Place at = { node->line, node->column };
        size_t before = r->n_findings;
        void *data;
        Str expected;

        switch (f->type) {
        case CONFIG_LIST:
                return read_list(r, path, f, node, out);
        case CONFIG_MAP:
                read_map(r, path, f->fields, node, at, out);
                return r->n_findings == before;
        case CONFIG_MAP_OPTIONAL:
                data = arena_alloc0(r->a, 1, f->size);
                read_map(r, path, f->fields, node, at, data);
                *(void **)out = data;
                return r->n_findings == before;
        default:
                break;
        }
        if (node->type == CONFIG_NODE_SCALAR)
                return config_set_scalar(r, path, f, f->type, node, out);

        str_init(&expected, 1024);
        config_expected(f, f->type, &expected);
        config_finding(r, node, path, "expected %s, found a %s", expected.data,
                       node->type == CONFIG_NODE_LIST ? "list" : "mapping");
        str_deinit(&expected);
        return false;
}

/*
 * "key:" with nothing behind it is a slip (the value was forgotten, or the lines below are not indented).
 * "key: null" says on purpose that there is none, where that means something.
 */
static bool read_null(ConfigReader *r, const ConfigPath *path, const ConfigField *f, const ConfigNode *node)
{
        const char *instead = "";
        Str expected;

        if (node->n > 0 && !f->required && f->type != CONFIG_MAP &&
            (!f->fallback || f->type == CONFIG_MAP_OPTIONAL))
                return true;

        if (f->type == CONFIG_LIST)
                instead = "; write [] for an empty list";
        else if (f->type == CONFIG_MAP_OPTIONAL)
                instead = "; write {} for the defaults, null for none";
        else if (f->type == CONFIG_MAP && !f->required)
                instead = "; write {} for the defaults";
        str_init(&expected, 1024);
        config_expected(f, f->type, &expected);
        if (node->n == 0)
                config_finding(r, node, path, "has no value; expected %s%s", expected.data, instead);
        else if (f->fallback)
                config_finding(r, node, path, "cannot be null; expected %s, or leave the key out for %s",
                               expected.data, f->fallback);
        else
                config_finding(r, node, path, "cannot be null; expected %s%s", expected.data, instead);
        str_deinit(&expected);
        return false;
}

static void read_absent(ConfigReader *r, const Mapping *m, const ConfigField *f, const ConfigPath *path,
                        void *out)
{
        if (f->required) {
                config_finding_at(r, m->at.line, m->at.column, m->path, "the key \"%s\" is missing%s%s",
                                  f->name, f->help ? ": " : "", f->help ? f->help : "");
        } else if (f->fallback) {
                set_fallback(r, path, f, out);
        } else if (f->type == CONFIG_MAP) {
                /* Its keys have their defaults, and what they require is missing here. */
                read_map(r, path, f->fields, NULL, m->at, out);
        }
}

static void refuse_dependent(ConfigReader *r, const Mapping *m, const ConfigField *f, const ConfigNode *key,
                             const ConfigPath *path)
{
        const ConfigField *tag = &m->fields[find_field(m, f->tag)];
        int choice = *(const int *)(const void *)(m->base + tag->offset);
        Str names;

        if (is_allowed(m, tag) == ALLOWED_NO) {
                config_finding(r, key, path, "has no meaning without \"%s\"", f->tag);
                return;
        }
        str_init(&names, 1024);
        config_choices(tag->choices, f->only_if, &names);
        config_finding(r, key, path, "has no meaning when %s is %s; expected only with %s", f->tag,
                       tag->choices[choice], names.data);
        str_deinit(&names);
}

/*
 * What stands where a value was refused: what stands there without the key, for whoever looks on for more
 * findings. (A mapping that is one has read its keys, and a list has kept what is good.)
 */
static void stand_in(ConfigReader *r, const ConfigPath *path, const ConfigField *f, const ConfigNode *value,
                     void *out)
{
        switch (f->type) {
        case CONFIG_LIST:
                if (value->type != CONFIG_NODE_LIST)
                        *(ConfigList *)out = (ConfigList){ .n_refused = 1 };
                break;
        case CONFIG_MAP_OPTIONAL:
                if (!config_node_is_null(value))
                        break;
                *(void **)out = arena_alloc0(r->a, 1, f->size);
                read_defaults(r, path, f->fields, *(void **)out);
                break;
        case CONFIG_MAP:
                if (config_node_is_null(value))
                        read_defaults(r, path, f->fields, out);
                break;
        default:
                if (f->fallback)
                        set_fallback(r, path, f, out);
                break;
        }
}

static void read_field(ConfigReader *r, Mapping *m, size_t i)
{
        const ConfigField *f = &m->fields[i];
        ConfigPath path = { .up = m->path, .name = f->name };
        Written *w = &m->written[i];
        Allowed allowed = is_allowed(m, f);
        size_t before = r->n_findings;
        void *out = m->base + f->offset;

        if (!w->key) {
                if (allowed == ALLOWED_YES)
                        read_absent(r, m, f, &path, out);
        } else if (allowed == ALLOWED_NO) {
                refuse_dependent(r, m, f, w->key, &path);
        } else if (config_node_is_null(w->value)) {
                read_null(r, &path, f, w->value);
        } else {
                read_value(r, &path, f, w->value, out);
        }
        w->bad = r->n_findings != before;
        if (w->bad && w->key && allowed == ALLOWED_YES)
                stand_in(r, &path, f, w->value, out);
}

static void match_key(ConfigReader *r, Mapping *m, const ConfigNode *key, const ConfigNode *value)
{
        const char *meant = NULL;
        size_t i;

        if (key->type != CONFIG_NODE_SCALAR) {
                config_finding(r, key, m->path, "a %s cannot be a key; expected a name",
                               key->type == CONFIG_NODE_LIST ? "list" : "mapping");
                return;
        }
        i = strlen(key->text) == key->n ? find_field(m, key->text) : m->n_fields;
        if (i < m->n_fields) {
                if (m->written[i].key)
                        config_finding(r, key, m->path,
                                       "the key \"%s\" is given twice; it is already in line %d", key->text,
                                       m->written[i].key->line);
                else
                        m->written[i] = (Written){ .key = key, .value = value };
                return;
        }
        if (str_is(key->text, "<<") && key->plain) {
                config_finding(r, key, m->path, "merging mappings with << is not supported; write the keys");
                return;
        }
        /* Looking for a similar key costs more than anything else here; nobody reads beyond DIAG_MAX. */
        if (r->n_findings < DIAG_MAX)
                meant = config_suggest(m->fields, key->text);
        if (meant)
                config_finding(r, key, m->path, "unknown key %s; did you mean \"%s\"?",
                               config_quote(r, key->text, key->n), meant);
        else if (r->n_findings < DIAG_MAX)
                config_finding(r, key, m->path, "unknown key %s", config_quote(r, key->text, key->n));
        else
                r->n_findings++;
}

/* Sections and lists are there in any case. */
static bool has_required(const Mapping *m)
{
        for (size_t i = 0; i < m->n_fields; i++) {
                const ConfigField *f = &m->fields[i];

                if (f->required && f->type != CONFIG_MAP && f->type != CONFIG_LIST &&
                    is_allowed(m, f) == ALLOWED_YES && (!m->written[i].key || m->written[i].bad))
                        return false;
        }
        return true;
}

static bool read_fields(ConfigReader *r, const ConfigPath *path, const ConfigField *fields,
                        const ConfigNode *node, Place at, void *base)
{
        Mapping m = { .fields = fields, .base = base, .path = path, .at = at };

        if (node && node->type != CONFIG_NODE_MAP) {
                config_finding(r, node, path, "expected a mapping (key: value), found a %s",
                               node->type == CONFIG_NODE_LIST ? "list" : "single value");
                read_defaults(r, path, fields, base);
                return false;
        }
        while (fields[m.n_fields].name)
                m.n_fields++;
        assert(m.n_fields <= FIELDS_MAX);

        if (node && !spend(r, node, path, 1 + node->n)) {
                read_defaults(r, path, fields, base);
                return false;
        }
        for (size_t i = 0; node && i < node->n; i++)
                match_key(r, &m, config_key(r->doc, node, i), config_value(r->doc, node, i));

        /* Choices first: others depend on them. */
        for (size_t i = 0; i < m.n_fields; i++) {
                if (fields[i].type == CONFIG_CHOICE)
                        read_field(r, &m, i);
        }
        for (size_t i = 0; i < m.n_fields; i++) {
                if (fields[i].type != CONFIG_CHOICE)
                        read_field(r, &m, i);
        }
        return has_required(&m);
}

/*
 * node NULL: the mapping is not written; defaults only.
 * Return: false if there is nothing to go on with: it is no mapping, or it lacks what it must have.
 */
static bool read_map(ConfigReader *r, const ConfigPath *path, const ConfigField *fields,
                     const ConfigNode *node, Place at, void *base)
{
        bool whole;

        if (r->depth == CONFIG_DEPTH_MAX) {
                config_finding_at(r, at.line, at.column, path, "aliases nest this deeper than %d levels",
                                  CONFIG_DEPTH_MAX);
                return false;
        }
        r->depth++;
        whole = read_fields(r, path, fields, node, at, base);
        r->depth--;
        return whole;
}

/* Nobody wants to hear what is missing in a mapping that was refused as a whole. */
static void read_defaults(ConfigReader *r, const ConfigPath *path, const ConfigField *fields, void *base)
{
        ConfigReader quiet = *r;

        quiet.n_findings = DIAG_MAX; /* no more are kept */
        read_map(&quiet, path, fields, NULL, (Place){ 1, 1 }, base);
}

/**
 * config_walk() - read the document of @r by a table
 *
 * Missing keys are placed at the mapping that lacks them; an empty file has only its beginning.
 */
void config_walk(ConfigReader *r, const ConfigField *fields, void *ret_struct)
{
        const ConfigNode *root = r->doc->root;

        if (root && config_node_is_null(root))
                root = NULL;
        /* A map counts itself and its keys, a list its items: twice what is written is enough. */
        r->budget = 2 * r->doc->n_nodes + CONFIG_ALIAS_BUDGET;
        read_map(r, NULL, fields, root, root ? (Place){ root->line, root->column } : (Place){ 1, 1 },
                 ret_struct);
}
