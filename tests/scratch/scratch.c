/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/scratch/scratch.h"

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static char base[4096];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

void scratch_remove(const char *folder)
{
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

_Noreturn static void keep(int parent)
{
        struct pollfd end = { .fd = STDIN_FILENO, .events = POLLIN };

        setsid();
        if (fork() != 0)
                _exit(0);
        dup2(parent, STDIN_FILENO);
        close_range(STDOUT_FILENO, ~0U, 0);
        while (poll(&end, 1, -1) < 0)
                ;
        scratch_remove(base);
        _exit(0);
}

/* A kernel without pidfd_open keeps what scratch_remove() is not asked to remove. */
static void start_keeper(void)
{
        int self = pidfd_open(getpid(), 0);
        pid_t pid;

        if (self < 0)
                return;
        pid = fork();
        if (pid == 0)
                keep(self);
        close(self);
        if (pid > 0)
                waitpid(pid, NULL, 0);
}

static int make_base(void)
{
        const char *parent = getenv("TMPDIR");

        if (base[0])
                return 0;
        if (!parent || !parent[0])
                parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(base, sizeof(base), "%s/sosync-scratch-XXXXXX", parent);
        if (!mkdtemp(base)) {
                base[0] = '\0';
                return -1;
        }
        start_keeper();
        return 0;
}

char *scratch_folder(const char *kind)
{
        char *path;

        if (make_base() < 0 || asprintf(&path, "%s/%s-XXXXXX", base, kind) < 0)
                return NULL;
        if (!mkdtemp(path)) {
                free(path);
                return NULL;
        }
        return path;
}
