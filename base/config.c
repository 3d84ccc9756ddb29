/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include "base/config-doc.h"
#include "base/config-walk.h"
#include "base/error.h"

#include <errno.h>
#include <string.h>

_Static_assert((int)CONFIG_E_BASE_ == (int)ERROR_BASE_CONFIG, "the ranges of conditions are in error.h");

static int compare_findings(const void *pa, const void *pb)
{
        const ConfigFinding *a = pa, *b = pb;

        if (a->line != b->line)
                return a->line < b->line ? -1 : 1;
        if (a->column != b->column)
                return a->column < b->column ? -1 : 1;
        return a->order < b->order ? -1 : a->order > b->order;
}

/* In the order of the file: the operator walks through it once. */
static void report(const ConfigReader *r, Diag *diag)
{
        size_t n = r->n_findings < DIAG_MAX ? r->n_findings : DIAG_MAX;

        if (n)
                qsort(r->findings, n, sizeof(*r->findings), compare_findings);
        for (size_t i = 0; i < n; i++) {
                const ConfigFinding *f = &r->findings[i];

                diag_add_at(diag, (DiagMark){ .file = r->doc->file, .line = f->line, .column = f->column },
                            "%s", f->text);
        }
        if (diag)
                diag->n_dropped += r->n_findings - n;
}

static const char *folder_of(Arena *a, const char *name)
{
        const char *slash = strrchr(name, '/');

        return slash ? arena_strndup(a, name, (size_t)(slash - name) + 1) : "";
}

/**
 * config_read_text() - read a text by a table
 * @name: stands in front of the findings; its folder is where relative paths begin
 *
 * Return: 0, CONFIG_E_INVALID, CONFIG_E_READ (larger than 4 MiB).
 */
int config_read_text(const char *name, const char *text, size_t n, const ConfigField *fields,
                     const ConfigHooks *hooks, Arena *a, void *ret_struct, const ConfigDoc **ret_doc,
                     Diag *diag)
{
        ConfigDoc *doc = arena_new_of(a, ConfigDoc);
        ConfigReader r = { .doc = doc, .hooks = hooks, .a = a };

        doc->file = arena_strdup(a, name);
        doc->folder = folder_of(a, name);
        if (n > CONFIG_FILE_MAX) {
                diag_add_at(diag, (DiagMark){ .file = doc->file }, "larger than %zu MiB",
                            CONFIG_FILE_MAX >> 20);
                return CONFIG_E_READ;
        }
        if (config_doc_parse(&r, doc, text, n)) {
                config_walk(&r, fields, ret_struct);
                if (ret_doc)
                        *ret_doc = doc;
        }
        report(&r, diag);
        return r.n_findings ? CONFIG_E_INVALID : 0;
}

/**
 * config_read_file() - read a file by a table
 *
 * Return: 0, CONFIG_E_INVALID, CONFIG_E_READ.
 */
int config_read_file(const char *path, const ConfigField *fields, const ConfigHooks *hooks, Arena *a,
                     void *ret_struct, const ConfigDoc **ret_doc, Diag *diag)
{
        _cleanup_(cleanup_free) char *text = NULL;
        size_t n;
        int r;

        r = str_read_file(path, CONFIG_FILE_MAX, &text, &n);
        if (r == -EFBIG) {
                diag_add_at(diag, (DiagMark){ .file = path }, "larger than %zu MiB", CONFIG_FILE_MAX >> 20);
                return CONFIG_E_READ;
        }
        if (r < 0) {
                diag_add_at(diag, (DiagMark){ .file = path }, "cannot be read: %s", strerrordesc_np(-r));
                return CONFIG_E_READ;
        }
        return config_read_text(path, text, n, fields, hooks, a, ret_struct, ret_doc, diag);
}

static DiagMark mark_of(const ConfigDoc *doc, const ConfigNode *node)
{
        return (DiagMark){
                .file = doc->file,
                .line = node ? node->line : 1,
                .column = node ? node->column : 1,
        };
}

DiagMark config_mark(const ConfigDoc *doc, const char *key_path)
{
        const ConfigNode *node = doc->root, *place = doc->root;

        while (node && *key_path) {
                size_t len = strcspn(key_path, "."), i;
                const ConfigNode *next = NULL;
                int64_t index;
                char digits[24];

                if (node->type == CONFIG_NODE_MAP) {
                        for (i = 0; i < node->n; i++) {
                                const ConfigNode *key = config_key(doc, node, i);

                                if (key->type != CONFIG_NODE_SCALAR || key->n != len ||
                                    memcmp(key->text, key_path, len) != 0)
                                        continue;
                                place = key;
                                next = config_value(doc, node, i);
                                break;
                        }
                } else if (node->type == CONFIG_NODE_LIST && len < sizeof(digits)) {
                        memcpy(digits, key_path, len);
                        digits[len] = '\0';
                        if (str_to_int64(digits, &index) && index >= 0 && (uint64_t)index < node->n)
                                place = next = config_item(doc, node, (size_t)index);
                }
                if (!next)
                        return mark_of(doc, node);
                node = next;
                key_path += len;
                key_path += *key_path == '.';
        }
        return mark_of(doc, place);
}
