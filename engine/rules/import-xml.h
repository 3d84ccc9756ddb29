/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Import XML: a file of a server configuration as a small tree
 *
 * The files come from another machine, so they are hostile input: a document type (and with it every entity
 * but the five predefined ones) is refused before anything of it is read, nothing is fetched from anywhere,
 * and size, depth and number of elements are limited. Names are without their namespace prefix; text is what
 * stands directly in an element.
 */

#include "base/arena.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct XmlAttribute XmlAttribute;
typedef struct XmlNode XmlNode;

/* The schema of a large forest with Exchange is a file of 5 MiB and 80,000 elements. */
#define XML_FILE_MAX  ((size_t)32 << 20)
#define XML_NODES_MAX 500000
#define XML_DEPTH_MAX 64

struct XmlAttribute {
        const char *name;
        const char *value;
        const XmlAttribute *next;
};

struct XmlNode {
        const char *name;
        const char *text; /* "" if there is none */
        size_t n_text;
        int line;
        const XmlAttribute *attributes;
        XmlNode *first, *last, *next, *parent;
};

/* Return: 0, RULE_E_INVALID (the diag names file and line). The tree lives in the arena. */
int xml_parse(Arena *a, const char *name, const char *data, size_t n, const XmlNode **ret_root, Diag *diag);

const XmlNode *xml_find(const XmlNode *parent, const char *name);       /* the first child of that name */
const XmlNode *xml_find_next(const XmlNode *sibling, const char *name); /* the next one */
const XmlNode *xml_find_below(const XmlNode *from, const char *name);   /* the first one at any depth */
const char *xml_text(const XmlNode *parent, const char *name);    /* of that child; NULL: no such child */
const char *xml_attribute(const XmlNode *node, const char *name); /* NULL: none */
