/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/bundle.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/rules/write-yaml.h"
#include "report/summary.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than any report is allowed to be. */
#define PART_MAX ((size_t)64 << 20)

static int refuse(struct archive *zip, const char *path, Diag *diag)
{
        int e = archive_errno(zip);

        diag_set(diag, "%s: %s", path,
                 archive_error_string(zip) ? archive_error_string(zip) : "cannot be written");
        return e > 0 ? -e : -EIO;
}

static int add(struct archive *zip, const char *path, const char *name, Wall at, const char *data, size_t n,
               Diag *diag)
{
        struct archive_entry *entry = archive_entry_new();
        int r = 0;

        if (!entry)
                error_oom(1);
        archive_entry_set_pathname(entry, name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0640);
        archive_entry_set_size(entry, (la_int64_t)n);
        archive_entry_set_mtime(entry, (time_t)(at.ms / 1000), 0);
        if (archive_write_header(zip, entry) != ARCHIVE_OK ||
            archive_write_data(zip, data, n) != (la_ssize_t)n)
                r = refuse(zip, path, diag);
        archive_entry_free(entry);
        return r;
}

static int add_parts(struct archive *zip, const char *path, const Config *config, const Outcome *o,
                     const HtmlPrevious *previous, Diag *diag)
{
        static const char *const names[] = { "report.htm", "report.json", "rules.yaml", "sosync.yaml",
                                             "README.txt" };
        Str parts[N_ELEMENTS(names)];
        char *json = summary_text(o, false);
        size_t n_rules;
        const Rule *const *rules = rules_all(config->run.rules, &n_rules);
        int r = 0;

        for (size_t i = 0; i < N_ELEMENTS(parts); i++)
                str_init(&parts[i], PART_MAX);
        html_report_after(o, previous, &parts[0]);
        str_add(&parts[1], json);
        write_yaml_rules(&parts[2], rules, n_rules);
        config_show(config, &parts[3]);
        str_printf(&parts[4],
                   "One report of sosync %s, for support.\n\n"
                   "report.htm   open it in a browser; it needs no network\n"
                   "report.json  the same for programs\n"
                   "rules.yaml   the rules in force when this was exported: version %s\n"
                   "             the run was made with version %s\n"
                   "sosync.yaml  the configuration; secrets are in files of their own, which are not here\n",
                   SOSYNC_VERSION, rules_version(config->run.rules),
                   o->rules_version ? o->rules_version : "unknown");
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(parts); i++)
                r = add(zip, path, names[i], o->finished, parts[i].data, parts[i].n, diag);
        for (size_t i = 0; i < N_ELEMENTS(parts); i++)
                str_deinit(&parts[i]);
        free(json);
        return r;
}

/* What stands there is replaced, and only a file may be: root would put one in the place of /dev/stdout. */
static int check_place(const char *path, Diag *diag)
{
        struct stat st;

        if (lstat(path, &st) || S_ISREG(st.st_mode))
                return 0;
        if (S_ISDIR(st.st_mode))
                diag_set(diag, "%s: %s", path, strerror(EISDIR));
        else
                diag_set(diag, "%s: is there, and is not a file that can be replaced", path);
        return -EEXIST;
}

int bundle_write(const char *path, const Config *config, const Outcome *o, const HtmlPrevious *previous,
                 Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *temporary = arena_printf(a, "%s.%d.tmp", path, (int)getpid());
        _cleanup_(cleanup_close) int fd = -1;
        struct archive *zip;
        int r = check_place(path, diag);

        if (r)
                return r;
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (fd < 0) {
                r = -errno;
                diag_set(diag, "%s: %s", path, strerror(errno));
                return r;
        }
        zip = archive_write_new();
        if (!zip)
                error_oom(1);
        if (archive_write_set_format_zip(zip) != ARCHIVE_OK || archive_write_open_fd(zip, fd) != ARCHIVE_OK)
                r = refuse(zip, path, diag);
        else
                r = add_parts(zip, path, config, o, previous, diag);
        if (r == 0 && archive_write_close(zip) != ARCHIVE_OK)
                r = refuse(zip, path, diag);
        archive_write_free(zip);
        if (r == 0 && (fsync(fd) || rename(temporary, path))) {
                r = -errno;
                diag_set(diag, "%s: %s", path, strerror(errno));
        }
        if (r)
                unlink(temporary);
        return r;
}
