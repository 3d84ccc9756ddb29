/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/protect.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

/* To read only, so that a command still hears that its output went nowhere. */
static void take_closed(void)
{
        int fd;

        do {
                fd = open("/dev/null", O_RDONLY);
                if (fd < 0)
                        fd = open("/", O_RDONLY | O_DIRECTORY);
        } while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd > STDERR_FILENO)
                close(fd);
}

void protect_process(void)
{
        take_closed();
#ifndef IS_SANITIZED
        const struct rlimit none = { 0, 0 };

        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        setrlimit(RLIMIT_CORE, &none);
#endif
        umask(0027);
}
