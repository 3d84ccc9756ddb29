/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/protect.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

void protect_process(void)
{
#ifndef IS_SANITIZED
        const struct rlimit none = { 0, 0 };

        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        setrlimit(RLIMIT_CORE, &none);
#endif
        umask(0027);
}
