/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Config: YAML into C structs, by tables
 *
 * A table of ConfigFields describes a mapping: name, type, range or choices, default, help, and the offset of
 * the C field. The reader walks the YAML (every node knows its line and column) beside the table and reports
 * everything that is wrong in one pass, in the order of the file, each finding with its exact place:
 *
 *      sosync.yaml:4:3: scheduler: unknown key "lingr"; did you mean "linger"?
 *
 * Unknown keys, duplicate keys, wrong types, missing required keys and bad values are findings; aliases are
 * allowed within bounds. "key:" with nothing behind it is a finding; "key: null" says on purpose that there
 * is no value, for keys that are neither required nor have a default. Numbers and booleans stand without
 * quotes. A value that is refused leaves what stands there without the key, for whoever checks on. Help
 * texts, `config show` and the man page are printed from the same tables.
 *
 * Everything read comes from the caller's arena and is immutable from then on.
 *
 * Types and the C field they fill:
 *      TEXT PATH SECRET   const char *        SECRET is the path of a file that holds the secret; it is never
 *                                             read here and never printed with its content
 *      DN                 const char *        syntax checked by the check_dn hook that app/ gives
 *      INT                int64_t             min..max
 *      NUMBER             double              min..max
 *      BOOL               bool
 *      DURATION           int64_t us          "500ms" "2s" "5m" "1h" "30d"; "2 parsecs" is an error
 *      SIZE               int64_t bytes       "64MiB" "2GiB" "100kB"
 *      PERCENT            double 0..1         "10%"
 *      CHOICE             int                 index into choices
 *      LIST               ConfigList          of one scalar type (item) or of mappings (fields, struct size)
 *      MAP                struct in place     fields
 *      MAP_OPTIONAL       pointer to struct   fields; NULL if the key is absent or null
 *
 * A union (bind.mechanism decides which other keys make sense) is a MAP whose dependent fields name the
 * CHOICE field in `tag` and the values that allow them in `only_if`.
 */

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ConfigDoc ConfigDoc;
typedef struct ConfigField ConfigField;
typedef struct ConfigList ConfigList;

enum {
        CONFIG_E_BASE_ = 1000, /* ERROR_BASE_CONFIG */

        CONFIG_E_INVALID, /* findings are in the diag */
        CONFIG_E_READ,    /* the file cannot be read; the diag says why */
};

typedef enum ConfigType {
        CONFIG_TEXT,
        CONFIG_PATH,
        CONFIG_SECRET,
        CONFIG_DN,
        CONFIG_INT,
        CONFIG_NUMBER,
        CONFIG_BOOL,
        CONFIG_DURATION,
        CONFIG_SIZE,
        CONFIG_PERCENT,
        CONFIG_CHOICE,
        CONFIG_LIST,
        CONFIG_MAP,
        CONFIG_MAP_OPTIONAL,
} ConfigType;

/*
 * A value that was refused is left out, and so is a mapping that lacks a key it must have: later checks find
 * no item that is nothing.
 */
struct ConfigList {
        const void *items; /* array of the item's C type, or of the struct */
        size_t n_items;
        size_t n_refused;      /* what is left out; 1 for a value that is no list at all */
        const DiagMark *marks; /* place of each item, for later checks */
        const size_t *numbers; /* of each item as it was written; see config_number() */
};

struct ConfigField {
        const char *name;
        ConfigType type;
        size_t offset;
        const char *help;     /* one line, no full stop */
        const char *fallback; /* default as text in YAML; NULL: absent gives zero */
        const char *example;  /* for the example configuration; NULL: fallback */
        bool required;
        bool shown;      /* MAP_OPTIONAL: the example has it, although it can be left out */
        bool brief;      /* MAP: the example does not repeat its keys; the help says where they are */
        double min, max; /* INT, NUMBER, DURATION (seconds), SIZE; both 0: no range; may be infinite */
        const char *const *choices; /* CHOICE: at most 32 names, NULL-terminated */
        ConfigType item;            /* LIST: type of an item; CONFIG_MAP uses fields */
        const ConfigField *fields;  /* MAP, LIST of MAP: table, ended by a field without name */
        size_t size;                /* MAP_OPTIONAL, LIST of MAP: sizeof the struct */
        const char *tag;            /* allowed only if the sibling CHOICE of this name ... */
        uint32_t only_if;           /* ... has a value whose bit is set */
};

/* Rules that the reader asks of the layer above; either may be NULL. */
typedef struct ConfigHooks {
        bool (*check_dn)(const char *dn, Diag *why); /* why: set to what is wrong with it, without place */
} ConfigHooks;

/*
 * Read a file (at most 4 MiB) or a text into `ret_struct` (zeroed by the caller) by the table `fields`.
 * All findings go into the diag. Relative paths are taken from the file's folder. `ret_doc` (may be NULL)
 * remembers the places; it lives in the arena, and is given also with CONFIG_E_INVALID when the YAML itself
 * could be parsed, so that further checks can add their findings to the same pass.
 * Return: 0, CONFIG_E_INVALID, CONFIG_E_READ, -errno.
 */
int config_read_file(const char *path, const ConfigField *fields, const ConfigHooks *hooks, Arena *a,
                     void *ret_struct, const ConfigDoc **ret_doc, Diag *diag);
int config_read_text(const char *name, const char *text, size_t n, const ConfigField *fields,
                     const ConfigHooks *hooks, Arena *a, void *ret_struct, const ConfigDoc **ret_doc,
                     Diag *diag);

/*
 * Where a key was written, for rules between fields: "source.bind.mechanism", "urgent.2.when" (items count
 * from 0). A key that is not there gives the place of the nearest mapping above it.
 */
DiagMark config_mark(const ConfigDoc *doc, const char *key_path);

/* Which item of the file this one is, counted from 0; a list that was made otherwise has all of its items. */
static inline size_t config_number(const ConfigList *list, size_t i)
{
        return list->numbers ? list->numbers[i] : i;
}

/* The effective values as YAML, with defaults, secrets as their paths. */
void config_print(const ConfigField *fields, const void *config, Str *out);

/* Do two sections print the same? The simplest equality that cannot forget a field. */
bool config_is_same(const ConfigField *fields, const void *a, const void *b);

/* The table as help: for --help, the man page and the example file. */
void config_print_help(const ConfigField *fields, Str *out);
