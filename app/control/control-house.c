/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/control-house.h"

#include "app/control/control.h"
#include "base/error.h"
#include "base/str.h"

#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static Control *control;
static Wiring w;

static json_t *status(void *context)
{
        (void)context;
        return w.jobs ? json_pack("{s:s, s:o}", "state", "fuzzed", "jobs", jobs_list(w.jobs))
                      : json_pack("{s:s}", "state", "fuzzed");
}

static const JobKind *const *job_kinds_here;

void control_house_jobs(const JobKind *const *kinds)
{
        job_kinds_here = kinds;
}

static char folder[] = "/tmp/control-house-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

static void leave_nothing(void)
{
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void open_socket(struct sockaddr_un *address)
{
        static const ControlOps ops = { .status = status };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *config, *text;
        Diag diag = DIAG_INIT;

        signal(SIGPIPE, SIG_IGN);
        log_set_level(LOG_LEVEL_ERROR);
        if (!mkdtemp(folder) || atexit(leave_nothing))
                abort();
        config = arena_printf(a, "%s/sosync.yaml", folder);
        text = arena_printf(a,
                            "source: {name: f, uris: [\"ldapi://%%2Fnowhere\"], base: \"DC=f\", bind: "
                            "{mechanism: external}}\n"
                            "scope: {include: [\"DC=f\"]}\n"
                            "target: {tenant_id: 11111111-2222-3333-4444-555555555555, client_id: "
                            "11111111-2222-3333-4444-555555555555, credentials: [{secret_file: %s/secret}], "
                            "endpoints: {login: \"http://127.0.0.1:1\", graph: \"http://127.0.0.1:1\"}}\n"
                            "state: {path: %s/state}\nreports: {path: %s/reports}\naudit: {path: %s/audit}\n",
                            folder, folder, folder, folder);
        if (str_write_file(config, text, strlen(text), 0600) ||
            str_write_file(arena_printf(a, "%s/secret", folder), "secret", 6, 0600) ||
            wiring_open(&w, config, &diag) || (job_kinds_here && jobs_new(&w.jobs, &w, job_kinds_here)) ||
            control_new(&control, &w, &ops, NULL, &diag)) {
                fprintf(stderr, "control-house: %s\n", diag_text(&diag));
                abort();
        }
        address->sun_family = AF_UNIX;
        snprintf(address->sun_path, sizeof(address->sun_path), "%s", control_path(a, w.first));
}

int control_house_connect(void)
{
        static struct sockaddr_un address;
        int fd;

        if (!address.sun_family)
                open_socket(&address);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
                abort();
        return fd;
}

void control_house_end(void)
{
        control = control_free(control);
        w.jobs = jobs_free(w.jobs);
        wiring_close(&w);
}
