/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/nats.h"

#include "tests/contract/contract-queue.h"
#include "tests/scratch/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A slow and busy machine. */
#define DEADLINE_S 60

static pid_t server;
static char *folder;
static char url[64];

static const char *program(void)
{
        static const char *const places[] = { "/usr/sbin/nats-server", "/usr/bin/nats-server",
                                              "/usr/local/bin/nats-server" };

        for (size_t i = 0; i < N_ELEMENTS(places); i++) {
                if (access(places[i], X_OK) == 0)
                        return places[i];
        }
        return NULL;
}

static void run_server(const char *path)
{
        char store[4200];
        int null = open("/dev/null", O_RDWR);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        snprintf(store, sizeof(store), "%s/store", folder);
        execl(path, path, "-a", "127.0.0.1", "-p", "-1", "-js", "-sd", store, "--ports_file_dir", folder,
              (char *)NULL);
        _exit(127);
}

/* The server writes a file with its ports when it listens. */
static bool read_port(void)
{
        char path[4200], text[1024];
        const char *at;
        FILE *file;
        size_t n;

        snprintf(path, sizeof(path), "%s/nats-server_%ld.ports", folder, (long)server);
        file = fopen(path, "re");
        if (!file)
                return false;
        n = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        text[n] = '\0';
        at = strstr(text, "nats://");
        if (!at || !strchr(at, '"'))
                return false;
        snprintf(url, sizeof(url), "%.*s", (int)strcspn(at, "\""), at);
        return true;
}

bool nats_start(void)
{
        const char *path = program();
        time_t end = time(NULL) + DEADLINE_S;

        if (!path)
                return false;
        folder = contract_folder();
        server = fork();
        assert_true(server >= 0);
        if (server == 0)
                run_server(path);
        atexit(nats_stop);
        while (!read_port()) {
                assert_int_equal(waitpid(server, NULL, WNOHANG), 0);
                assert_true(time(NULL) < end);
                nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        }
        return true;
}

const char *nats_url(void)
{
        return url;
}

void nats_stop(void)
{
        if (server <= 0)
                return;
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
        server = 0;
        scratch_remove(folder);
        free(folder);
}
