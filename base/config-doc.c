/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config-doc.h"

#include "base/error.h"

#include <string.h>
#include <unistr.h>
#include <yaml.h>

/* Texts in messages are cut here. */
#define QUOTE_MAX ((size_t)60)

typedef struct Level Level;
typedef struct Anchor Anchor;
typedef struct Builder Builder;

struct Level {
        uint32_t node;
        size_t first; /* of its children in pending */
};

struct Anchor {
        const char *name;
        uint32_t node;
};

struct Builder {
        ConfigReader *r;
        yaml_parser_t parser;
        ConfigNode *nodes;
        size_t n_nodes;
        size_t size_nodes;
        uint32_t *pending; /* children of the levels that are still open */
        size_t n_pending;
        size_t size_pending;
        Level levels[CONFIG_DEPTH_MAX];
        size_t n_levels;
        Anchor anchors[CONFIG_ANCHORS_MAX];
        size_t n_anchors;
        bool failed;
};

bool config_node_is_null(const ConfigNode *n)
{
        return n->type == CONFIG_NODE_SCALAR && n->plain &&
               (n->n == 0 || str_is(n->text, "~") || str_is(n->text, "null") || str_is(n->text, "Null") ||
                str_is(n->text, "NULL"));
}

const char *config_quote(ConfigReader *r, const char *text, size_t n)
{
        size_t len = n;

        if (len > QUOTE_MAX) {
                len = QUOTE_MAX;
                while (len > QUOTE_MAX - 4 && ((unsigned char)text[len] & 0xc0) == 0x80)
                        len--;
        }
        return arena_printf(r->a, "\"%s%s\"", str_safe(r->a, text, len), len < n ? "..." : "");
}

static void add_path(Str *s, const ConfigPath *path)
{
        if (!path)
                return;
        add_path(s, path->up);
        if (s->n)
                str_add_char(s, '.');
        if (path->name)
                str_add(s, path->name);
        else
                str_printf(s, "%zu", path->index);
}

__attribute__((format(printf, 5, 0))) static void finding(ConfigReader *r, int line, int column,
                                                          const ConfigPath *path, const char *format,
                                                          va_list ap)
{
        Str s;

        if (r->n_findings++ >= DIAG_MAX)
                return;
        if (!r->findings)
                r->findings = arena_new_array(r->a, ConfigFinding, DIAG_MAX);
        str_init(&s, 4096);
        add_path(&s, path);
        if (s.n)
                str_add(&s, ": ");
        str_vprintf(&s, format, ap);
        r->findings[r->n_findings - 1] = (ConfigFinding){
                .line = line,
                .column = column,
                .order = r->n_findings,
                .text = arena_strdup(r->a, s.data),
        };
        str_deinit(&s);
}

void config_finding_at(ConfigReader *r, int line, int column, const ConfigPath *path, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        finding(r, line, column, path, format, ap);
        va_end(ap);
}

void config_finding(ConfigReader *r, const ConfigNode *at, const ConfigPath *path, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        finding(r, at ? at->line : 1, at ? at->column : 1, path, format, ap);
        va_end(ap);
}

/* The characters that YAML allows (1.1, section 5.1). libyaml checks them as well, but tells the place only
 * as a number of bytes. */
static bool check_characters(ConfigReader *r, const char *text, size_t n)
{
        int line = 1, column = 1;

        for (size_t at = 0; at < n;) {
                const uint8_t *p = (const uint8_t *)text + at;
                ucs4_t c = *p;
                int len = 1;

                if (c >= 0x80)
                        len = u8_mbtoucr(&c, p, n - at);
                if (len <= 0) {
                        config_finding_at(r, line, column, NULL,
                                          "the byte 0x%02x is not UTF-8; expected a text in UTF-8", *p);
                        return false;
                }
                if (c == 0) {
                        config_finding_at(r, line, column, NULL, "a NUL byte; expected a text in UTF-8");
                        return false;
                }
                if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f ||
                    (c > 0x7f && c < 0xa0 && c != 0x85) || c == 0xfeff || c == 0xfffe || c == 0xffff) {
                        config_finding_at(
                                r, line, column, NULL,
                                c < 0x100 ? "the control character U+%04X cannot stand in YAML; write it "
                                            "as \"\\x%02X\" in double quotes, or remove it"
                                          : "the control character U+%04X cannot stand in YAML; write it "
                                            "as \"\\u%04X\" in double quotes, or remove it",
                                (unsigned)c, (unsigned)c);
                        return false;
                }
                at += (size_t)len;
                column++;
                /* The line breaks that libyaml counts. */
                if (c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029 ||
                    (c == '\r' && (at >= n || text[at] != '\n'))) {
                        line++;
                        column = 1;
                }
        }
        return true;
}

static void fail(Builder *b, yaml_mark_t mark, const char *problem)
{
        config_finding_at(b->r, (int)mark.line + 1, (int)mark.column + 1, NULL, "%s", problem);
        b->failed = true;
}

static void *grow(void *data, size_t *size, size_t item)
{
        size_t n = *size ? *size * 2 : 64;

        data = reallocarray(data, n, item);
        if (!data)
                error_oom(n * item);
        *size = n;
        return data;
}

static void add_pending(Builder *b, uint32_t node)
{
        if (b->n_pending == b->size_pending)
                b->pending = grow(b->pending, &b->size_pending, sizeof(*b->pending));
        b->pending[b->n_pending++] = node;
}

static uint32_t add_node(Builder *b, ConfigNodeType type, yaml_mark_t mark)
{
        if (b->n_nodes == b->size_nodes)
                b->nodes = grow(b->nodes, &b->size_nodes, sizeof(*b->nodes));
        b->nodes[b->n_nodes] = (ConfigNode){
                .type = type,
                .line = (int)mark.line + 1,
                .column = (int)mark.column + 1,
        };
        add_pending(b, (uint32_t)b->n_nodes);
        return (uint32_t)b->n_nodes++;
}

static void add_anchor(Builder *b, const yaml_event_t *event, const yaml_char_t *anchor, uint32_t node)
{
        const char *name = (const char *)anchor;

        if (!name)
                return;
        for (size_t i = 0; i < b->n_anchors; i++) {
                if (str_is(b->anchors[i].name, name)) {
                        fail(b, event->start_mark,
                             arena_printf(b->r->a, "the anchor %s is already given in line %d",
                                          config_quote(b->r, name, strlen(name)),
                                          b->nodes[b->anchors[i].node].line));
                        return;
                }
        }
        if (b->n_anchors == CONFIG_ANCHORS_MAX) {
                fail(b, event->start_mark, arena_printf(b->r->a, "more than %d anchors", CONFIG_ANCHORS_MAX));
                return;
        }
        b->anchors[b->n_anchors++] = (Anchor){ .name = arena_strdup(b->r->a, name), .node = node };
}

static void add_alias(Builder *b, const yaml_event_t *event)
{
        const char *name = (const char *)event->data.alias.anchor;

        for (size_t i = 0; i < b->n_anchors; i++) {
                if (!str_is(b->anchors[i].name, name))
                        continue;
                for (size_t k = 0; k < b->n_levels; k++) {
                        if (b->levels[k].node == b->anchors[i].node) {
                                fail(b, event->start_mark,
                                     arena_printf(b->r->a, "the alias %s stands within what it names",
                                                  config_quote(b->r, name, strlen(name))));
                                return;
                        }
                }
                add_pending(b, b->anchors[i].node);
                return;
        }
        fail(b, event->start_mark,
             arena_printf(b->r->a, "the alias %s names no anchor above it",
                          config_quote(b->r, name, strlen(name))));
}

static void check_tag(Builder *b, const yaml_event_t *event, const yaml_char_t *tag)
{
        const char *text = (const char *)tag;

        if (!text)
                return;
        /* Not fatal: what it stands at is read as if it were not there. */
        config_finding_at(b->r, (int)event->start_mark.line + 1, (int)event->start_mark.column + 1, NULL,
                          "the tag %s is not supported; every key has its type, leave the tag out",
                          config_quote(b->r, text, strlen(text)));
}

static void open_level(Builder *b, const yaml_event_t *event, ConfigNodeType type)
{
        uint32_t node = add_node(b, type, event->start_mark);

        if (b->n_levels == CONFIG_DEPTH_MAX) {
                fail(b, event->start_mark,
                     arena_printf(b->r->a, "nested deeper than %d levels", CONFIG_DEPTH_MAX));
                return;
        }
        b->levels[b->n_levels++] = (Level){ .node = node, .first = b->n_pending };
}

static void close_level(Builder *b)
{
        const Level *l = &b->levels[--b->n_levels];
        ConfigNode *node = &b->nodes[l->node];
        size_t n = b->n_pending - l->first;

        if (n)
                node->children = arena_memdup(b->r->a, b->pending + l->first, n * sizeof(*b->pending));
        node->n = node->type == CONFIG_NODE_MAP ? n / 2 : n;
        b->n_pending = l->first;
}

/* Return: true when the stream has ended. */
static bool take_event(Builder *b, const yaml_event_t *event, unsigned *n_documents)
{
        uint32_t node;

        switch (event->type) {
        case YAML_STREAM_END_EVENT:
                return true;
        case YAML_DOCUMENT_START_EVENT:
                if ((*n_documents)++)
                        fail(b, event->start_mark,
                             "a second document begins here; expected only one in a file");
                break;
        case YAML_ALIAS_EVENT:
                add_alias(b, event);
                break;
        case YAML_SCALAR_EVENT:
                node = add_node(b, CONFIG_NODE_SCALAR, event->start_mark);
                b->nodes[node].plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
                b->nodes[node].n = event->data.scalar.length;
                b->nodes[node].text =
                        arena_memdup(b->r->a, event->data.scalar.value, event->data.scalar.length + 1);
                check_tag(b, event, event->data.scalar.tag);
                add_anchor(b, event, event->data.scalar.anchor, node);
                break;
        case YAML_SEQUENCE_START_EVENT:
                check_tag(b, event, event->data.sequence_start.tag);
                open_level(b, event, CONFIG_NODE_LIST);
                if (!b->failed)
                        add_anchor(b, event, event->data.sequence_start.anchor, (uint32_t)b->n_nodes - 1);
                break;
        case YAML_MAPPING_START_EVENT:
                check_tag(b, event, event->data.mapping_start.tag);
                open_level(b, event, CONFIG_NODE_MAP);
                if (!b->failed)
                        add_anchor(b, event, event->data.mapping_start.anchor, (uint32_t)b->n_nodes - 1);
                break;
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
                close_level(b);
                break;
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
                break;
        }
        return false;
}

/* The byte at a place that libyaml tells; 0 if it is not in the text. */
static unsigned char byte_at(const char *text, size_t n, yaml_mark_t mark)
{
        size_t at = 0;

        for (size_t i = 0; i < mark.index && at < n; i++) {
                int len = u8_mblen((const uint8_t *)text + at, n - at);

                at += len > 0 ? (size_t)len : 1;
        }
        return at < n ? (unsigned char)text[at] : 0;
}

static void parse_error(Builder *b, const char *text, size_t n)
{
        const yaml_parser_t *p = &b->parser;
        const char *problem = p->problem ? p->problem : "it cannot be parsed";
        Str s;

        if (p->error == YAML_MEMORY_ERROR)
                error_oom(n);
        if (p->error == YAML_SCANNER_ERROR && byte_at(text, n, p->problem_mark) == '\t') {
                fail(b, p->problem_mark, "a tab cannot indent or separate in YAML; use spaces");
                return;
        }
        str_init(&s, 1024);
        str_printf(&s, "not valid YAML: %s", problem);
        if (p->context && p->context_mark.line != p->problem_mark.line)
                str_printf(&s, ", %s that begins in line %zu", p->context, p->context_mark.line + 1);
        else if (p->context)
                str_printf(&s, ", %s", p->context);
        fail(b, p->problem_mark, s.data);
        str_deinit(&s);
}

bool config_doc_parse(ConfigReader *r, ConfigDoc *doc, const char *text, size_t n)
{
        Builder b = { .r = r };
        unsigned n_documents = 0;
        bool end = false;

        /* A byte order mark is allowed and says nothing; it is not a column. */
        if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
                text += 3;
                n -= 3;
        }
        if (!check_characters(r, text, n))
                return false;
        if (!yaml_parser_initialize(&b.parser))
                error_oom(sizeof(b.parser));
        yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, n);

        while (!end && !b.failed) {
                yaml_event_t event;

                if (!yaml_parser_parse(&b.parser, &event)) {
                        parse_error(&b, text, n);
                        break;
                }
                end = take_event(&b, &event, &n_documents);
                yaml_event_delete(&event);
        }
        yaml_parser_delete(&b.parser);

        if (!b.failed) {
                /* What was built at level 0 is the root; the comments-only file has none. */
                doc->nodes = arena_memdup(r->a, b.nodes, b.n_nodes * sizeof(*b.nodes));
                doc->n_nodes = b.n_nodes;
                doc->root = b.n_pending ? &doc->nodes[b.pending[0]] : NULL;
        }
        free(b.nodes);
        free(b.pending);
        return !b.failed;
}
