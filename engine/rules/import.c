/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/import.h"

#include "base/str.h"
#include "engine/rules/import-model.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what the readers share ---- */

void *import_list_add(Arena *a, ImportList *list, size_t size)
{
        void *item;

        if (list->n == list->size) {
                size_t room = list->size ? list->size * 2 : 16;
                void *grown = arena_alloc0(a, room, size);

                if (list->n)
                        memcpy(grown, list->items, list->n * size);
                list->items = grown;
                list->size = room;
        }
        item = (char *)list->items + list->n++ * size;
        memset(item, 0, size);
        return item;
}

void import_skip(Importing *im, const char *rule, const char *attribute, const char *format, ...)
{
        ImportNote *note = IMPORT_ADD(im, skipped, ImportNote);
        va_list ap;

        va_start(ap, format);
        *note = (ImportNote){
                .rule = rule,
                .attribute = attribute,
                .text = arena_vprintf(im->arena, format, ap),
        };
        va_end(ap);
}

void import_note(Importing *im, const char *rule, const char *format, ...)
{
        ImportNote *note = IMPORT_ADD(im, notes, ImportNote);
        va_list ap;

        va_start(ap, format);
        *note = (ImportNote){ .rule = rule, .text = arena_vprintf(im->arena, format, ap) };
        va_end(ap);
}

const char *import_guid(Arena *a, const char *text)
{
        ObjectId id;

        if (!text || !guid_parse(text, &id))
                return NULL;
        return guid_format(&id, arena_alloc(a, GUID_TEXT_MAX));
}

bool import_guid_is_set(const char *guid)
{
        return guid && strspn(guid, "0-") != strlen(guid);
}

bool import_parse_bool(const char *text, bool *ret)
{
        if (!text || !(str_is_nocase(text, "true") || str_is_nocase(text, "false")))
                return false;
        *ret = str_is_nocase(text, "true");
        return true;
}

bool import_parse_choice(const char *const *names, const char *text, int *ret)
{
        for (int i = 0; names[i]; i++)
                if (str_is_nocase(names[i], text)) {
                        *ret = i;
                        return true;
                }
        return false;
}

ImportConnector *import_connector(Importing *im, const char *id)
{
        ImportConnector *c = im->connectors.items;

        for (size_t i = 0; i < im->connectors.n; i++)
                if (strcmp(c[i].id, id) == 0)
                        return &c[i];
        c = IMPORT_ADD(im, connectors, ImportConnector);
        *c = (ImportConnector){ .id = id, .tenant = strcmp(id, IMPORT_CONNECTOR_TENANT) == 0 };
        return c;
}

/* ---- what is there ---- */

static int read_script(Importing *im, const char *path)
{
        _cleanup_(cleanup_free) char *data = NULL;
        const char *slash = strrchr(path, '/');
        size_t n;
        int r = str_read_file(path, IMPORT_SCRIPT_MAX, &data, &n);

        if (r) {
                diag_add(im->diag, "%s: cannot be read: %s", path, strerror(-r));
                return IMPORT_E_INVALID;
        }
        return import_script(im, arena_strdup(im->arena, slash ? slash + 1 : path), data, n);
}

static bool is_xml(const char *path)
{
        return str_ends(path, ".xml") || str_ends(path, ".XML");
}

static bool is_script(const char *path)
{
        return str_ends(path, ".ps1") || str_ends(path, ".PS1") || str_ends(path, ".txt");
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *e)
{
        return e->d_name[0] != '.';
}

/* A folder with exports of single rules. */
static int read_exports(Importing *im, const char *folder)
{
        struct dirent **names = NULL;
        int n = scandir(folder, &names, is_visible, by_bytes), result = 0, n_read = 0;

        if (n < 0) {
                diag_add(im->diag, "%s: cannot be read: %s", folder, strerror(errno));
                return IMPORT_E_INVALID;
        }
        for (int i = 0; i < n; i++) {
                const char *path = arena_printf(im->arena, "%s/%s", folder, names[i]->d_name);

                if (!is_xml(path) && !is_script(path))
                        import_note(im, NULL, "%s was not read", arena_strdup(im->arena, names[i]->d_name));
                else if (n_read++ < IMPORT_FILES_MAX &&
                         (is_xml(path) ? import_xml_file : read_script)(im, path))
                        result = IMPORT_E_INVALID;
                free(names[i]);
        }
        free(names);
        if (n_read == 0 || n_read > IMPORT_FILES_MAX) {
                diag_add(im->diag, "%s: %d exported rules (*.xml, *.ps1), and no folder SynchronizationRules",
                         folder, n_read);
                result = IMPORT_E_INVALID;
        }
        return result;
}

static int read_path(Importing *im, const char *path)
{
        struct stat st;

        if (stat(path, &st)) {
                diag_add(im->diag, "%s: %s", path, strerror(errno));
                return IMPORT_E_INVALID;
        }
        if (!S_ISDIR(st.st_mode))
                return is_xml(path) ? import_xml_file(im, path) : read_script(im, path);
        if (stat(arena_printf(im->arena, "%s/SynchronizationRules", path), &st) == 0)
                return import_folder(im, path);
        return read_exports(im, path);
}

/**
 * import_read() - read the rules of another server
 * @a:          the result lives here
 * @path:       a server configuration, an exported rule, or a folder of exported rules
 * @options:    names of sources; may be NULL
 * @ret_import: what was read
 * @diag:       all findings of all files in one pass
 *
 * Return: 0, or IMPORT_E_INVALID.
 */
int import_read(Arena *a, const char *path, const ImportOptions *options, const Import **ret_import,
                Diag *diag)
{
        static const ImportOptions none = { 0 };
        Importing im = { .arena = a, .diag = diag, .options = options ? options : &none };
        Import *import = arena_new_of(a, Import);

        if (read_path(&im, path) || import_finish(&im, import))
                return IMPORT_E_INVALID;
        *ret_import = import;
        return 0;
}
