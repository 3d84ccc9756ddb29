/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A server configuration: the folder that Get-ADSyncServerConfiguration writes
 *
 *      SynchronizationRules/SynchronizationRule_{GUID}.xml     one rule each
 *      Connectors/Connector_{GUID}.xml                         name, kind, parameters (and a whole schema)
 *      GlobalSettings/MV.xml                                   metaverse schema, parameters, server, date
 */

#include "engine/rules/import-model.h"

#include "base/str.h"
#include "engine/rules/rules-internal.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int failed(Importing *im, const char *path, int r)
{
        diag_add(im->diag, "%s: cannot be read: %s", path, strerror(-r));
        return IMPORT_E_INVALID;
}

static int read_tree(Importing *im, Arena *a, const char *path, const XmlNode **ret_root)
{
        _cleanup_(cleanup_free) char *data = NULL;
        size_t n;
        int r = str_read_file(path, XML_FILE_MAX, &data, &n);

        if (r)
                return failed(im, path, r);
        return xml_parse(a, path, data, n, ret_root, im->diag) ? IMPORT_E_INVALID : 0;
}

static const char *file_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* ---- parameters ---- */

/* Those that a rule can name. The others say how the server connects and runs. */
static bool is_for_rules(const char *name, const char *use)
{
        if (str_is(use, "global") || import_is_runtime(name))
                return true;
        return str_is(use, "SynchronizationGlobal") && !str_starts(name, "Microsoft.");
}

static void add_parameter(Importing *im, const XmlNode *node, const char *where)
{
        const char *name = xml_attribute(node, "name");
        ImportParameter *p = im->parameters.items;

        if (!name || !*name || !is_for_rules(name, xml_attribute(node, "use")) ||
            xml_attribute(node, "encrypted"))
                return;
        for (size_t i = 0; i < im->parameters.n; i++)
                if (strcmp(p[i].name, name) == 0) {
                        if (!p[i].runtime && p[i].value && strcmp(p[i].value, node->text) != 0) {
                                import_note(im, NULL,
                                            "parameter %%%s%% of %s is \"%s\", but \"%s\" was read before; "
                                            "the first value is used",
                                            name, where, node->text, p[i].value);
                        }
                        return;
                }
        p = IMPORT_ADD(im, parameters, ImportParameter);
        *p = (ImportParameter){
                .name = arena_strdup(im->arena, name),
                .value = *node->text ? arena_strdup(im->arena, node->text) : NULL,
                .runtime = import_is_runtime(name),
        };
}

static void add_parameters(Importing *im, const XmlNode *from, const char *where)
{
        for (const XmlNode *n = from->first; n; n = n->next) {
                if (strcmp(n->name, "parameter-values") != 0) {
                        add_parameters(im, n, where);
                        continue;
                }
                for (const XmlNode *p = xml_find(n, "parameter"); p; p = xml_find_next(p, "parameter"))
                        add_parameter(im, p, where);
        }
}

/* ---- the three kinds of files ---- */

static int read_connector(Importing *im, const char *path)
{
        _cleanup_(arena_freep) Arena *scratch = arena_new(0);
        const XmlNode *root;
        ImportConnector *c;
        const char *id, *name, *subtype;
        int r = read_tree(im, scratch, path, &root);

        if (r)
                return r;
        id = import_guid(im->arena, xml_text(root, "id"));
        name = xml_text(root, "name");
        subtype = xml_text(root, "subtype");
        if (strcmp(root->name, "ma-data") != 0 || !id || !name || !*name) {
                diag_add(im->diag, "%s: is not a connector: <ma-data> with <id> and <name> was expected",
                         path);
                return IMPORT_E_INVALID;
        }
        c = import_connector(im, id);
        c->name = arena_strdup(im->arena, name);
        c->tenant |= subtype && strstr(subtype, "Azure Active Directory");
        if (!c->tenant)
                add_parameters(im, root, name);
        return 0;
}

static void read_schema(Importing *im, const XmlNode *root)
{
        const XmlNode *schema = xml_find_below(root, "directory-schema");

        for (const XmlNode *n = schema ? xml_find(schema, "attribute-type") : NULL; n;
             n = xml_find_next(n, "attribute-type")) {
                const char *name = xml_text(n, "name"), *single = xml_attribute(n, "single-value");

                if (!name || metaverse_schema_find(name))
                        continue;
                *IMPORT_ADD(im, attributes, ImportCount) = (ImportCount){
                        .name = arena_strdup(im->arena, name),
                        .n = single && str_is_nocase(single, "true") ? 1 : 2,
                };
        }
}

static int read_metaverse(Importing *im, const char *path)
{
        _cleanup_(arena_freep) Arena *scratch = arena_new(0);
        const XmlNode *root;
        int r = read_tree(im, scratch, path, &root);

        if (r)
                return r;
        if (strcmp(root->name, "saved-mv-configuration") != 0) {
                diag_add(im->diag, "%s: is not a metaverse: <saved-mv-configuration> was expected", path);
                return IMPORT_E_INVALID;
        }
        im->server = arena_strdup(im->arena, xml_attribute(root, "server"));
        im->date = arena_strdup(im->arena, xml_attribute(root, "export-date"));
        read_schema(im, root);
        add_parameters(im, root, "the metaverse");
        return 0;
}

/* One rule. Return: 0, IMPORT_E_INVALID. */
int import_xml_file(Importing *im, const char *path)
{
        const XmlNode *root;
        int r = read_tree(im, im->arena, path, &root);

        if (r)
                return r;
        if (strcmp(root->name, "synchronizationRule") != 0) {
                diag_add(im->diag, "%s: is not a rule: <synchronizationRule> was expected, not <%s>", path,
                         root->name);
                return IMPORT_E_INVALID;
        }
        import_xml_rule(im, arena_strdup(im->arena, file_name(path)), root);
        return 0;
}

/* ---- folders ---- */

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *e)
{
        return e->d_name[0] != '.';
}

/* Call it for each file of a folder; what ends otherwise is noted. Findings of all files come in one pass. */
static int each_file(Importing *im, const char *folder, const char *ending, bool needed,
                     int (*read)(Importing *im, const char *path))
{
        struct dirent **names = NULL;
        int n = scandir(folder, &names, is_visible, by_bytes), result = 0;
        size_t n_read = 0;

        if (n < 0 && errno == ENOENT && !needed) {
                import_note(im, NULL, "there is no folder %s", file_name(folder));
                return 0;
        }
        if (n < 0)
                return failed(im, folder, -errno);
        for (int i = 0; i < n; i++) {
                const char *path = arena_printf(im->arena, "%s/%s", folder, names[i]->d_name);

                if (!str_ends(names[i]->d_name, ending) && !str_ends(names[i]->d_name, ".XML")) {
                        import_note(im, NULL, "%s/%s was not read", file_name(folder), names[i]->d_name);
                } else if (n_read++ == IMPORT_FILES_MAX) {
                        diag_add(im->diag, "%s: more than %d files", folder, IMPORT_FILES_MAX);
                        result = IMPORT_E_INVALID;
                } else if (n_read <= IMPORT_FILES_MAX && read(im, path)) {
                        result = IMPORT_E_INVALID;
                }
                free(names[i]);
        }
        free(names);
        if (needed && n_read == 0) {
                diag_add(im->diag, "%s: no rules (*%s)", folder, ending);
                result = IMPORT_E_INVALID;
        }
        return result;
}

/* A server configuration. Return: 0, IMPORT_E_INVALID. */
int import_folder(Importing *im, const char *path)
{
        const char *metaverse = arena_printf(im->arena, "%s/GlobalSettings/MV.xml", path);
        struct stat st;
        int r = 0;

        if (each_file(im, arena_printf(im->arena, "%s/Connectors", path), ".xml", false, read_connector))
                r = IMPORT_E_INVALID;
        if (stat(metaverse, &st) == 0)
                r = read_metaverse(im, metaverse) ? IMPORT_E_INVALID : r;
        else
                import_note(im, NULL,
                            "there is no GlobalSettings/MV.xml: own attributes and parameters are not known");
        if (each_file(im, arena_printf(im->arena, "%s/SynchronizationRules", path), ".xml", true,
                      import_xml_file))
                r = IMPORT_E_INVALID;
        return r;
}
