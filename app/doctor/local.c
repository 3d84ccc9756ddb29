/* SPDX-License-Identifier: Apache-2.0 */

/* What is on this machine: configuration, files, folders, programs. */

#include "app/control/control.h"
#include "app/doctor/doctor.h"
#include "base/secret.h"
#include "base/str.h"
#include "engine/scheduler/scheduler-command.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

/* A queue that cannot write waits, and the feed with it. */
#define STATE_FREE_FAULT (16 * MIB)
#define STATE_FREE_WARN  (256 * MIB)
/* Of the store's limit: people need days to raise it. */
#define STORE_WARN 0.8

/* -- configuration ------------------------------------------------------------------------------------- */

void doctor_configuration(Doctor *d)
{
        const char *advice = access(d->config_path, F_OK)
                                     ? NULL /* the finding says how to make one */
                                     : "correct it; sosync.yaml(5) and `sosync config help` have every key";
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;

        if (config_load_tolerant(&d->config, d->config_path, &diag) == 0) {
                doctor_ok(d, "%s%s", d->config_path,
                          d->config->staging
                                  ? ", begins in staging: nothing is exported before `sosync promote`"
                                  : "");
                return;
        }
        if (!diag_any(&diag))
                doctor_fault(d, advice, "%s: %s", d->config_path, diag_text(&diag));
        for (size_t i = 0; i < diag.n_items; i++)
                doctor_fault(d, advice, "%s", diag.items[i].text);
}

void doctor_rules(Doctor *d)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(config_unrefp) Config *strict = NULL;
        size_t n;

        if (!d->config->rules_invalid) {
                rules_all(d->config->run.rules, &n);
                doctor_ok(d, "%zu rules, version %s%s", n, rules_version(d->config->run.rules),
                          d->config->rules.directory ? "" : ", the shipped set");
                return;
        }
        config_load(&strict, d->config_path, &diag);
        for (size_t i = 0; i < diag.n_items; i++)
                doctor_fault(d, "correct the rule; `sosync rules check` names every fault", "%s",
                             diag.items[i].text);
}

/* -- secrets ------------------------------------------------------------------------------------------- */

typedef struct Secrets {
        Doctor *doctor;
        uid_t service; /* who will read them */
        size_t n, n_bad;
} Secrets;

static void secret(Secrets *s, const char *file)
{
        _cleanup_(diag_deinit) Diag why = DIAG_INIT;
        struct stat st;

        if (!file)
                return;
        s->n++;
        if (secret_check(file, &why)) {
                s->n_bad++;
                doctor_fault(s->doctor, "chmod 0600, and chown to the user of the service", "%s",
                             diag_text(&why));
        } else if (stat(file, &st) == 0 && st.st_uid != s->service && s->service != 0) {
                s->n_bad++;
                doctor_warn(s->doctor,
                            "chown it to the user of the service, to whom the state folder belongs",
                            "%s belongs to uid %u, but the service has uid %u", file, (unsigned)st.st_uid,
                            (unsigned)s->service);
        }
}

void doctor_secrets(Doctor *d)
{
        const Config *c = d->config;
        const GraphCredential *credentials = c->target.credentials.items;
        struct stat st;
        Secrets s = { .doctor = d, .service = geteuid() };

        if (stat(c->state.path, &st) == 0)
                s.service = st.st_uid;
        for (size_t i = 0; i < c->n_sources; i++) {
                secret(&s, c->sources[i].ldap.bind.password_file);
                secret(&s, c->sources[i].ldap.bind.keytab);
                secret(&s, c->sources[i].ldap.tls.key_file);
        }
        for (size_t i = 0; i < c->target.credentials.n_items; i++) {
                secret(&s, credentials[i].secret_file);
                secret(&s, credentials[i].certificate_file && !credentials[i].key_file
                                   ? credentials[i].certificate_file
                                   : credentials[i].key_file);
                secret(&s, credentials[i].passphrase_file);
        }
        if (!s.n_bad && s.n)
                doctor_ok(d, "%zu file%s that only the owner can read", s.n, s.n == 1 ? "" : "s");
}

/* -- folders ------------------------------------------------------------------------------------------- */

/* The folder, or what is there of the path above it. */
static const char *nearest(Arena *a, const char *path, bool *ret_there)
{
        char *at = arena_strdup(a, path);

        *ret_there = access(at, F_OK) == 0;
        while (access(at, F_OK) && strcmp(at, "/") && strcmp(at, "."))
                at = dirname(at);
        return at;
}

static const char *size_text(Arena *a, uint64_t bytes)
{
        return bytes >= 1024 * MIB ? arena_printf(a, "%.1f GiB", (double)bytes / (1024.0 * (double)MIB))
                                   : arena_printf(a, "%.0f MiB", (double)bytes / (double)MIB);
}

/* False: a finding says why it cannot be used. */
static bool folder(Doctor *d, const char *path, struct statvfs *ret_disk, bool *ret_there)
{
        const char *at = nearest(d->arena, path, ret_there);
        struct stat st;

        if (stat(at, &st) || !S_ISDIR(st.st_mode))
                doctor_fault(d, "name another folder, or remove what is in the way", "%s: %s is no folder",
                             path, at);
        else if (faccessat(AT_FDCWD, at, W_OK | X_OK, AT_EACCESS))
                doctor_fault(d, "make it the folder of the service's user, or run this command as that user",
                             "%s cannot be written: %s", at, strerror(errno));
        else if (statvfs(at, ret_disk))
                doctor_fault(d, NULL, "%s: %s", at, strerror(errno));
        else
                return true;
        return false;
}

static uint64_t free_bytes(const struct statvfs *disk)
{
        return (uint64_t)disk->f_bavail * disk->f_frsize;
}

/* Who has the lock of the state folder: /proc/locks says so without touching it. 0: nobody. */
static long holder_of(Arena *a, const char *folder)
{
        _cleanup_(cleanup_fclose) FILE *f = fopen("/proc/locks", "re");
        char line[256];
        struct stat st;

        if (!f || stat(arena_printf(a, "%s/lock", folder), &st))
                return 0;
        while (fgets(line, sizeof(line), f)) {
                unsigned major_n, minor_n;
                unsigned long inode;
                long pid;

                if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%lu", &pid, &major_n, &minor_n, &inode) == 4 &&
                    inode == st.st_ino && major_n == major(st.st_dev) && minor_n == minor(st.st_dev))
                        return pid;
        }
        return 0;
}

/* "; a service works with it", "; process 12 has it", "". */
static const char *in_use(Doctor *d, const char *path)
{
        char *answer = NULL;
        long pid = holder_of(d->arena, path);
        int r = control_ask(d->config, "{\"do\":\"status\"}", &answer);

        free(answer);
        if (r == 0)
                return pid > 0 ? arena_printf(d->arena, "; a service (process %ld) works with it", pid)
                               : "; a service works with it";
        return pid > 0 ? arena_printf(d->arena, "; process %ld has it at this moment", pid) : "";
}

bool doctor_store(Doctor *d, uint64_t size, uint64_t limit)
{
        if ((double)size < STORE_WARN * (double)limit)
                return true;
        doctor_warn(d, "raise state.limit: who is known takes 9 kB",
                    "the store has %s; at %s (state.limit) feeds pause", size_text(d->arena, size),
                    size_text(d->arena, limit));
        return false;
}

/* 0: there is none yet. */
static uint64_t store_size(Arena *a, const char *folder)
{
        struct stat st;

        return stat(arena_printf(a, "%s/data.mdb", folder), &st) ? 0 : (uint64_t)st.st_size;
}

void doctor_state(Doctor *d)
{
        const char *path = d->config->state.path;
        const char *advice = "make room, or move state.path to a larger disk";
        uint64_t size = store_size(d->arena, path), limit = (uint64_t)d->config->state.limit;
        struct statvfs disk;
        struct stat st;
        uint64_t room;
        bool there;

        if (!folder(d, path, &disk, &there))
                return;
        room = free_bytes(&disk);
        if (room < STATE_FREE_FAULT)
                doctor_fault(d, advice, "%s has %s free: too little to take changes", path,
                             size_text(d->arena, room));
        else if (room < STATE_FREE_WARN)
                doctor_warn(d, advice, "%s has only %s free", path, size_text(d->arena, room));
        else if (there && stat(path, &st) == 0 && (st.st_mode & 07))
                doctor_warn(d, arena_printf(d->arena, "chmod 0700 %s", path),
                            "%s is open to everybody on this machine", path);
        else if (!doctor_store(d, size, limit))
                return;
        else if (there)
                doctor_ok(d, "%s, %s of %s used, %s free%s", path, size_text(d->arena, size),
                          size_text(d->arena, limit), size_text(d->arena, room), in_use(d, path));
        else
                doctor_ok(d, "%s is made at the first start, %s free", path, size_text(d->arena, room));
}

void doctor_reports(Doctor *d)
{
        const ReportsConfig *c = &d->config->reports;
        struct statvfs disk;
        double share;
        bool there;

        if (!folder(d, c->path, &disk, &there))
                return;
        share = disk.f_blocks ? (double)disk.f_bavail / (double)disk.f_blocks : 1;
        if (share < c->min_free)
                doctor_warn(
                        d, "make room, or lower reports.min_free",
                        "%s has %.0f%% free, less than reports.min_free (%.0f%%): reports are removed early",
                        c->path, 100 * share, 100 * c->min_free);
        else
                doctor_ok(d, "%s%s, %s free", c->path, there ? "" : " is made at the first start",
                          size_text(d->arena, free_bytes(&disk)));
}

void doctor_audit(Doctor *d)
{
        const char *path = d->config->audit.path;
        struct statvfs disk;
        bool there;

        if (!folder(d, path, &disk, &there))
                return;
        if (free_bytes(&disk) < STATE_FREE_FAULT)
                doctor_warn(d, "make room, or move audit.path", "%s has %s free", path,
                            size_text(d->arena, free_bytes(&disk)));
        else
                doctor_ok(d, "%s%s", path, there ? "" : " is made at the first start");
}

/* -- programs ------------------------------------------------------------------------------------------ */

static bool is_runnable(Arena *a, const char *program)
{
        const char *at = getenv("PATH");

        if (strchr(program, '/'))
                return access(program, X_OK) == 0;
        for (at = at ? at : "/usr/bin:/bin"; *at; at += strcspn(at, ":"), at += *at == ':') {
                const char *path = arena_printf(a, "%.*s/%s", (int)strcspn(at, ":"), at, program);

                if (access(path, X_OK) == 0)
                        return true;
        }
        return false;
}

void doctor_program(Doctor *d, const char *key, const ConfigList *command)
{
        const char *const *argv = command->items;

        if (is_runnable(d->arena, argv[0]))
                doctor_ok(d, "%s: %s", key, argv[0]);
        else
                doctor_fault(d, "install it, name its whole path, or make it executable",
                             "%s: %s cannot be run: %s", key, argv[0], strerror(errno));
}

void doctor_notify(Doctor *d)
{
        if (d->config->notify.command.n_items)
                doctor_program(d, "notify.command", &d->config->notify.command);
        else
                doctor_ok(d, "no command: alarms are in the log, in `sosync top` and in the console");
}

void doctor_owner(Doctor *d)
{
        if (d->config->target.connect.command.n_items)
                doctor_program(d, "target.connect.command", &d->config->target.connect.command);
}

#define SETPRIV "setpriv" /* util-linux */

/*
 * As whom the service will run it: keys and host keys of ssh are those of a user. Root can become that user
 * and does; who is neither asks as itself.
 *
 * Return: "as sosync: ", or "" when it is run as who asks.
 */
static const char *as_service(Doctor *d, ConfigList *command)
{
        Arena *a = d->arena;
        struct stat st;
        const struct passwd *user;
        const char **all;
        size_t n = 0;

        if (geteuid() != 0 || stat(d->config->state.path, &st) || st.st_uid == 0)
                return "";
        user = getpwuid(st.st_uid);
        all = arena_new_array(a, const char *, command->n_items + 8);
        all[n++] = SETPRIV;
        all[n++] = arena_printf(a, "--reuid=%u", (unsigned)st.st_uid);
        all[n++] = arena_printf(a, "--regid=%u", (unsigned)(user ? user->pw_gid : st.st_gid));
        all[n++] = user ? "--init-groups" : "--clear-groups";
        if (user)
                all[n++] = "--reset-env"; /* its HOME, and no folders of root in PATH */
        all[n++] = "--";
        memcpy(all + n, command->items, command->n_items * sizeof(*all));
        *command = (ConfigList){ .items = all, .n_items = n + command->n_items };
        return user ? arena_printf(a, "as %s: ", user->pw_name)
                    : arena_printf(a, "as uid %u: ", (unsigned)st.st_uid);
}

/* Status only: pause and resume would change something. */
void doctor_scheduler(Doctor *d)
{
        SchedulerConfig c = d->config->scheduler;
        _cleanup_(scheduler_freep) Scheduler *s = NULL;
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const char *as, *why;
        SchedulerState state;

        if (c.driver == SCHEDULER_INTERNAL) {
                doctor_ok(d, "internal: the regular cycle is sosync's own");
                return;
        }
        as = as_service(d, &c.status);
        if (scheduler_command_new(&s, &c) || scheduler_status(s, d->arena, &state, &diag)) {
                why = diag_text(&diag);
                why += str_starts(why, SETPRIV ": ") ? strlen(SETPRIV ": ") : 0;
                doctor_fault(
                        d,
                        "run scheduler.status by hand, as the user of the service, whose ssh key it is; it "
                        "must print Get-ADSyncScheduler as JSON",
                        "%s%s", as, why);
                return;
        }
        if (state.scheduler_suspended)
                doctor_warn(d, "close the wizard of Entra Connect, or let its upgrade end",
                            "Entra Connect has suspended its scheduler");
        else if (state.staging_mode_enabled)
                doctor_warn(d, "name the Entra Connect server that is not in staging mode",
                            "this Entra Connect server is in staging mode: it exports nothing");
        else if (!state.sync_cycle_enabled && !state.n_holders)
                doctor_warn(d, "`sosync scheduler set --sync-cycle-enabled true`, if it should run",
                            "SyncCycleEnabled is false, by somebody's hand: sosync leaves it so");
        else
                doctor_ok(d, "%sGet-ADSyncScheduler answers%s", as,
                          state.sync_cycle_in_progress ? "; a cycle is in progress" : "");
}
