/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/import-xml.h"

#include "base/str.h"
#include "engine/rules/rules.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <string.h>

#define CHUNK_MAX ((size_t)1 << 20) /* the parser counts in int */

typedef struct Reader {
        Arena *arena;
        const char *name;
        xmlParserCtxt *parser;
        XmlNode *root, *at;
        size_t *room; /* of the text of each open element, by depth */
        size_t depth, n_nodes;
        bool refused;
        Diag *diag;
} Reader;

static int line_of(const Reader *r)
{
        return r->parser && r->parser->input ? r->parser->input->line : 0;
}

static void refuse(Reader *r, const char *why)
{
        if (!r->refused)
                diag_add_at(r->diag, (DiagMark){ .file = r->name, .line = line_of(r) }, "%s", why);
        r->refused = true;
        if (r->parser)
                xmlStopParser(r->parser);
}

static void on_doctype(void *data, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
        refuse(data,
               "a document type (<!DOCTYPE ...>) is not part of an export; the file is refused unread, since "
               "entities could make it endless or read other files");
}

static char *copy(Reader *r, const xmlChar *s, size_t n)
{
        return arena_strndup(r->arena, (const char *)s, n);
}

static void on_start(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
                     const xmlChar **attributes)
{
        Reader *r = data;
        XmlNode *node;

        if (r->refused)
                return;
        if (r->depth == XML_DEPTH_MAX || r->n_nodes == XML_NODES_MAX) {
                refuse(r, r->depth == XML_DEPTH_MAX
                                  ? "elements are nested too deep (more than 64); no export is"
                                  : "more than 500,000 elements; no export has so many");
                return;
        }
        node = arena_new_of(r->arena, XmlNode);
        *node = (XmlNode){ .name = copy(r, name, strlen((const char *)name)),
                           .text = "",
                           .line = line_of(r) };
        for (int i = n_attributes - 1; i >= 0; i--) {
                /* Five pointers each: name, prefix, URI, begin and end of the value. */
                const xmlChar **a = &attributes[5 * i];
                XmlAttribute *attribute = arena_new_of(r->arena, XmlAttribute);

                *attribute = (XmlAttribute){
                        .name = copy(r, a[0], strlen((const char *)a[0])),
                        .value = copy(r, a[3], (size_t)(a[4] - a[3])),
                        .next = node->attributes,
                };
                node->attributes = attribute;
        }
        node->parent = r->at;
        if (!r->at)
                r->root = node;
        else if (r->at->last)
                r->at->last = r->at->last->next = node;
        else
                r->at->first = r->at->last = node;
        r->at = node;
        r->room[r->depth++] = 0;
        r->n_nodes++;
}

static void on_end(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
        Reader *r = data;

        if (r->refused || !r->at)
                return;
        r->at = r->at->parent;
        r->depth--;
}

static void on_text(void *data, const xmlChar *text, int n)
{
        Reader *r = data;
        XmlNode *node = r->at;
        size_t need, *room;
        char *grown;

        if (r->refused || !node || n <= 0)
                return;
        room = &r->room[r->depth - 1];
        need = node->n_text + (size_t)n + 1;
        if (need > *room) {
                *room = need > 2 * *room ? need : 2 * *room;
                grown = arena_alloc(r->arena, *room);
                memcpy(grown, node->text, node->n_text);
                node->text = grown;
        } else {
                /* The text was made above, in the arena: it is ours to write. */
                grown = (char *)(uintptr_t)node->text;
        }
        memcpy(grown + node->n_text, text, (size_t)n);
        node->n_text += (size_t)n;
        grown[node->n_text] = '\0';
}

/* libxml2 prints some errors itself, whatever the options say. What is wrong is taken from the parser. */
static void be_quiet(void *data, xmlError *e)
{
}

static void feed(Reader *r, const char *data, size_t n)
{
        for (size_t done = 0; done < n && !r->refused;) {
                size_t part = n - done < CHUNK_MAX ? n - done : CHUNK_MAX;

                if (xmlParseChunk(r->parser, data + done, (int)part, 0))
                        return;
                done += part;
        }
        if (!r->refused)
                xmlParseChunk(r->parser, NULL, 0, 1);
}

/* libxml2's own words, without their line feed. */
static void say_broken(Reader *r)
{
        const xmlError *e = xmlCtxtGetLastError(r->parser);
        const char *why = e && e->message ? e->message : "it has no element";
        int n = (int)strcspn(why, "\n");

        diag_add_at(r->diag, (DiagMark){ .file = r->name, .line = e ? e->line : 0 }, "this is not XML: %.*s",
                    n, why);
}

/**
 * xml_parse() - make a tree of a text
 * @a:          the tree lives here
 * @name:       of the file, for messages
 * @data:       the text
 * @n:          its length
 * @ret_root:   the outermost element
 * @diag:       what is wrong and where
 *
 * Return: 0, or RULE_E_INVALID.
 */
int xml_parse(Arena *a, const char *name, const char *data, size_t n, const XmlNode **ret_root, Diag *diag)
{
        xmlSAXHandler handler = {
                .initialized = XML_SAX2_MAGIC,
                .internalSubset = on_doctype,
                .startElementNs = on_start,
                .endElementNs = on_end,
                .characters = on_text,
                .ignorableWhitespace = on_text,
                .cdataBlock = on_text,
        };
        Reader r = {
                .arena = a,
                .name = name,
                .room = arena_new_array(a, size_t, XML_DEPTH_MAX),
                .diag = diag,
        };
        size_t head = n < 4 ? n : 4; /* to tell the encoding by */
        bool broken;

        if (n == 0 || n > XML_FILE_MAX) {
                refuse(&r, n ? "larger than 32 MiB; no export is" : "the file is empty");
                return RULE_E_INVALID;
        }
        xmlSetStructuredErrorFunc(NULL, be_quiet);
        r.parser = xmlCreatePushParserCtxt(&handler, &r, data, (int)head, NULL);
        if (!r.parser) {
                xmlSetStructuredErrorFunc(NULL, NULL);
                refuse(&r, "the XML reader cannot start");
                return RULE_E_INVALID;
        }
        xmlCtxtUseOptions(r.parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
        feed(&r, data + head, n - head);
        broken = !r.refused && (!r.parser->wellFormed || !r.root);
        if (broken)
                say_broken(&r);
        xmlFreeParserCtxt(r.parser);
        xmlSetStructuredErrorFunc(NULL, NULL);
        if (broken || r.refused)
                return RULE_E_INVALID;
        *ret_root = r.root;
        return 0;
}

static const XmlNode *find_from(const XmlNode *node, const char *name)
{
        while (node && strcmp(node->name, name) != 0)
                node = node->next;
        return node;
}

const XmlNode *xml_find(const XmlNode *parent, const char *name)
{
        return parent ? find_from(parent->first, name) : NULL;
}

const XmlNode *xml_find_next(const XmlNode *sibling, const char *name)
{
        return find_from(sibling->next, name);
}

/* Depth is limited by the reader. */
const XmlNode *xml_find_below(const XmlNode *from, const char *name)
{
        for (const XmlNode *n = from->first; n; n = n->next) {
                const XmlNode *found = strcmp(n->name, name) == 0 ? n : xml_find_below(n, name);

                if (found)
                        return found;
        }
        return NULL;
}

const char *xml_text(const XmlNode *parent, const char *name)
{
        const XmlNode *n = xml_find(parent, name);

        return n ? n->text : NULL;
}

const char *xml_attribute(const XmlNode *node, const char *name)
{
        for (const XmlAttribute *a = node->attributes; a; a = a->next)
                if (strcmp(a->name, name) == 0)
                        return a->value;
        return NULL;
}
