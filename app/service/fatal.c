/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/fatal.h"

#include "base/cleanup.h"
#include "engine/steps/catalogue.h"

#include <signal.h>
#include <unistd.h>

static _Atomic unsigned char *crash_flag;

/* systemd ends a service that says nothing (WatchdogSec) with SIGABRT: a disk that hangs is no change's
 * fault.
 */
static bool is_told_to(int number, const siginfo_t *info)
{
        return number == SIGABRT && info->si_code == SI_USER && info->si_pid != getpid();
}

static void on_crash(int number, siginfo_t *info, void *context)
{
        (void)context;
        if (crash_flag && !is_told_to(number, info))
                *crash_flag = 1;
        raise(number); /* the handler is gone (SA_RESETHAND): the core and the status are the signal's */
}

void fatal_watch_crashes(_Atomic unsigned char *flag)
{
        static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
        struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND };

        crash_flag = flag;
        for (size_t i = 0; i < N_ELEMENTS(fatal); i++)
                sigaction(fatal[i], &action, NULL);
}

static void give_up(int number)
{
        static const char text[] =
                "sosync: stop_timeout is over; what was in work runs again at the next start\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

        (void)number;
        (void)ignored;
        _exit(EXIT_DONE);
}

/* Nobody looks at the loop any more. */
static void stop_at_once(int number)
{
        static const char text[] = "sosync: stopped at once; what was in work runs again at the next start\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

        (void)number;
        (void)ignored;
        _exit(EXIT_DONE);
}

void fatal_forget(void)
{
        crash_flag = NULL;
}

void fatal_watch_alarm(void)
{
        signal(SIGALRM, give_up);
}

void fatal_watch_second_stop(void)
{
        signal(SIGTERM, stop_at_once);
        signal(SIGINT, stop_at_once);
}
