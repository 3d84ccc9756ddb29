/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The files of an import: one for each direction, connector and type of its objects, as the shipped set has
 * them
 *
 *      in-from-ad-user.yaml  out-to-aad-group.yaml  in-from-fabrikam.test-user.yaml
 */

#include "engine/rules/import.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/rules/write-yaml.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_PART ((size_t)1 << 20) /* beyond this the next file begins; a rule file has at most 4 MiB */
#define NAME_PART 60                /* of a connector or type, in the name of a file */

/* Letters, digits, dots and hyphens of a name that comes from outside. */
static void add_part(Str *out, const char *s)
{
        for (size_t n = 0; *s && n < NAME_PART; s++, n++) {
                char c = *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s;
                bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '.' && n);

                str_add_char(out, ok ? c : '-');
        }
}

static const char *file_of(Arena *a, const Rule *r)
{
        bool in = r->direction == RULE_INBOUND;
        bool tenant = in ? str_is(r->connector, RULES_CONNECTOR_ENTRA) : !r->connector;
        const char *name;
        Str s;

        str_init(&s, 4096);
        str_add(&s, in ? "in-from-" : "out-to-");
        add_part(&s, tenant ? "aad" : r->connector ? r->connector : "ad");
        str_add_char(&s, '-');
        add_part(&s, in ? r->source_type : r->target_type);
        name = arena_strdup(a, s.data);
        str_deinit(&s);
        return name;
}

static void add_head(Str *out, const Import *im, Arena *a)
{
        str_add(out, "# Imported from Entra Connect");
        if (im->server) {
                str_add(out, ", server ");
                str_add(out, str_safe(a, im->server, strlen(im->server)));
        }
        if (im->date) {
                str_add(out, ", exported ");
                str_add(out, str_safe(a, im->date, strlen(im->date)));
        }
        str_add(out, ".\n");
}

static int write_file(const Import *im, const char *path, const Rule *const *rules, size_t n, Arena *a)
{
        Str text;
        int r;

        str_init(&text, (size_t)64 << 20);
        add_head(&text, im, a);
        write_yaml_rules(&text, rules, n);
        r = text.cut ? error_origin(-EFBIG) : str_write_file(path, text.data, text.n, 0644);
        str_deinit(&text);
        return r;
}

static size_t size_of(const Rule *r)
{
        Str text;
        size_t n;

        str_init(&text, (size_t)64 << 20);
        write_yaml_rule(&text, r);
        n = text.n;
        str_deinit(&text);
        return n;
}

/* All files of one name: usually one. */
static int write_group(const Import *im, const char *folder, const char *name, const Rule *const *rules,
                       size_t n, Arena *a, size_t *n_files)
{
        size_t from = 0, part = 1;

        while (from < n) {
                size_t to = from, size = 0;
                const char *suffix = part > 1 ? arena_printf(a, "-%zu", part) : "";
                int r;

                while (to < n && (to == from || size < FILE_PART))
                        size += size_of(rules[to++]);
                r = write_file(im, arena_printf(a, "%s/%s%s.yaml", folder, name, suffix), &rules[from],
                               to - from, a);
                if (r)
                        return r;
                from = to;
                part++;
                ++*n_files;
        }
        return 0;
}

static int write_all(const Import *im, const char *folder, Arena *a, size_t *n_files)
{
        const char **names = arena_new_array(a, const char *, im->n_rules);
        const Rule **group = arena_new_array(a, const Rule *, im->n_rules);

        for (size_t i = 0; i < im->n_rules; i++)
                names[i] = file_of(a, im->rules[i]);
        for (size_t i = 0; i < im->n_rules; i++) {
                const char *name = names[i];
                size_t n = 0;
                int r;

                if (!name)
                        continue;
                for (size_t k = i; k < im->n_rules; k++)
                        if (names[k] && strcmp(names[k], name) == 0) {
                                group[n++] = im->rules[k];
                                names[k] = NULL;
                        }
                r = write_group(im, folder, name, group, n, a, n_files);
                if (r)
                        return r;
        }
        return 0;
}

static int is_entry(const struct dirent *e)
{
        return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* Number of entries, or -errno. With `remove`, they go. */
static int clear_folder(const char *folder, bool remove, Arena *a)
{
        struct dirent **names = NULL;
        int n = scandir(folder, &names, is_entry, NULL), r = n < 0 ? -errno : n;

        for (int i = 0; i < n; i++) {
                if (remove)
                        unlink(arena_printf(a, "%s/%s", folder, names[i]->d_name));
                free(names[i]);
        }
        free(names);
        return r;
}

static int check_target(const char *folder, Arena *a, Diag *diag)
{
        int n = clear_folder(folder, false, a);

        if (n == -ENOENT || n == 0)
                return 0;
        if (n < 0) {
                diag_set(diag, "%s: %s", folder, strerror(-n));
                return error_origin(n);
        }
        diag_set(diag, "%s: the folder is not empty; nothing was written", folder);
        return IMPORT_E_TAKEN;
}

static void sync_folder(const char *folder)
{
        _cleanup_(cleanup_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                fsync(fd);
}

/**
 * import_write() - write the rule files
 * @import:     what was read
 * @folder:     is made; an empty one is replaced
 * @ret_files:  how many files
 * @diag:       what went wrong
 *
 * Return: 0, IMPORT_E_TAKEN, -errno.
 */
int import_write(const Import *import, const char *folder, size_t *ret_files, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char *target = arena_strdup(a, folder), *temporary;
        size_t n = strlen(target), n_files = 0;
        int r;

        while (n > 1 && target[n - 1] == '/')
                target[--n] = '\0';
        r = check_target(target, a, diag);
        if (r)
                return r;
        temporary = arena_printf(a, "%s.import-%ld", target, (long)getpid());
        if (mkdir(temporary, 0777)) {
                r = -errno;
                diag_set(diag, "%s: cannot be made: %s", temporary, strerror(-r));
                return error_origin(r);
        }
        r = write_all(import, temporary, a, &n_files);
        if (r == 0) {
                sync_folder(temporary);
                r = rename(temporary, target) ? -errno : 0;
        }
        if (r) {
                clear_folder(temporary, true, a);
                rmdir(temporary);
                diag_set(diag, "%s: cannot be written: %s", target, strerror(-r));
                return error_trace(r);
        }
        *ret_files = n_files;
        return 0;
}
