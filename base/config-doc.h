/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Config document: YAML as a tree of nodes, each with its place; inside base/config only
 *
 * Built from libyaml's events rather than by its document loader, for two reasons: the loader looks for each
 * anchor among all others (a file of 4 MiB takes minutes), and limits of depth and number apply while
 * reading, at the place where they are passed. Aliases share the node they name, so the tree is a graph
 * without cycles; whoever walks it keeps a budget.
 */

#include "base/arena.h"
#include "base/config.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Our deepest table has 5 levels. */
#define CONFIG_DEPTH_MAX 64

/* An anchor saves typing; nobody needs more. Names are looked up one by one. */
#define CONFIG_ANCHORS_MAX 64

/* Values that may be read more than once through aliases, on top of what is written. */
#define CONFIG_ALIAS_BUDGET 10000

#define CONFIG_FILE_MAX ((size_t)4 << 20)

typedef struct ConfigNode ConfigNode;
typedef struct ConfigPath ConfigPath;
typedef struct ConfigReader ConfigReader;

typedef enum ConfigNodeType {
        CONFIG_NODE_SCALAR,
        CONFIG_NODE_LIST,
        CONFIG_NODE_MAP,
} ConfigNodeType;

struct ConfigNode {
        ConfigNodeType type;
        bool plain; /* scalar without quotes: may be null, a number, true */
        int line;   /* 1-based, as all places */
        int column;
        const char *text; /* scalar: terminated; n tells whether it has a NUL inside */
        size_t n;         /* scalar: bytes; list: items; map: pairs */
        const uint32_t *children;
};

struct ConfigDoc {
        const char *file;
        const char *folder; /* for relative paths, with its slash; "" if there is none */
        const ConfigNode *nodes;
        size_t n_nodes;
        const ConfigNode *root; /* NULL: the text is empty */
};

/* Where we are, for messages; lives on the stack of the walk. */
struct ConfigPath {
        const ConfigPath *up;
        const char *name; /* NULL: item of a list */
        size_t index;
};

typedef struct ConfigFinding {
        int line;
        int column;
        size_t order; /* two at one place stay as they were found */
        const char *text;
} ConfigFinding;

/* One pass over a document. */
struct ConfigReader {
        const ConfigDoc *doc;
        const ConfigHooks *hooks;
        Arena *a;
        ConfigFinding *findings; /* in the order found; sorted by place when the pass is over */
        size_t n_findings;       /* also those that were not kept */
        size_t budget;           /* values that may still be read */
        bool exhausted;          /* there was a finding about the budget */
        unsigned depth;          /* of the walk; aliases make it deeper than the text */
};

static inline const ConfigNode *config_item(const ConfigDoc *doc, const ConfigNode *list, size_t i)
{
        return &doc->nodes[list->children[i]];
}

static inline const ConfigNode *config_key(const ConfigDoc *doc, const ConfigNode *map, size_t i)
{
        return &doc->nodes[map->children[2 * i]];
}

static inline const ConfigNode *config_value(const ConfigDoc *doc, const ConfigNode *map, size_t i)
{
        return &doc->nodes[map->children[2 * i + 1]];
}

/* true: the node says nothing (nothing written, or ~ or null without quotes) */
bool config_node_is_null(const ConfigNode *n);

/* Fill doc from a text, with findings about the YAML itself. Return: false if there is no tree to walk. */
bool config_doc_parse(ConfigReader *r, ConfigDoc *doc, const char *text, size_t n);

/* Note what is wrong. The path may be NULL; node NULL is the beginning of the file. */
void config_finding(ConfigReader *r, const ConfigNode *at, const ConfigPath *path, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void config_finding_at(ConfigReader *r, int line, int column, const ConfigPath *path, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

/* A text from the file for a message: in quotes, safe, and not longer than a person reads. */
const char *config_quote(ConfigReader *r, const char *text, size_t n);
