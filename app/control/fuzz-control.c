/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests at the control socket: lines of JSON of whoever was let in. A real service's wiring over a state
 * folder of its own, without feed, workers and jobs: what is asked for is read, judged, and answered. Each
 * line gets an answer that is JSON.
 */

#include "app/control/control.h"
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static json_t *status(void *context)
{
        (void)context;
        return json_pack("{s:s}", "state", "fuzzed");
}

static char folder[] = "/tmp/fuzz-control-XXXXXX";

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
        static Control *control;
        static Wiring w;
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
            wiring_open(&w, config, &diag) || control_new(&control, &w, &ops, NULL, &diag)) {
                fprintf(stderr, "fuzz-control: %s\n", diag_text(&diag));
                abort();
        }
        address->sun_family = AF_UNIX;
        snprintf(address->sun_path, sizeof(address->sun_path), "%s", control_path(a, w.first));
}

static void read_answers(int fd, size_t n_lines)
{
        static char answer[4 << 20];
        size_t n = 0;
        ssize_t k;

        while (n < sizeof(answer) && (k = recv(fd, answer + n, sizeof(answer) - n, 0)) > 0)
                n += (size_t)k;
        for (char *line = answer, *end; n_lines && (end = memchr(line, '\n', n - (size_t)(line - answer)));
             line = end + 1) {
                json_t *o = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);

                if (!json_is_object(o) || !json_is_boolean(json_object_get(o, "ok")))
                        abort();
                json_decref(o);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        static struct sockaddr_un address;
        size_t n_lines = 0;
        int fd;

        /* "watch" waits for a minute if nothing happens, and nothing does. */
        if (n > 60000 || memmem(data, n, "watch", 5) || memmem(data, n, "\\u", 2))
                return 0;
        if (!address.sun_family)
                open_socket(&address);
        for (size_t i = 0; i < n; i++)
                n_lines += data[i] == '\n';
        if (n_lines > 64)
                return 0;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
                abort();
        send(fd, data, n, MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        read_answers(fd, n_lines);
        close(fd);
        return 0;
}
