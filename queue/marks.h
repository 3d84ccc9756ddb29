/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Marks: what was in work when the process died
 *
 * A small mapped file with one slot per lease. Stores into a shared mapping survive the death of the process
 * (the kernel has the page), and that is the case that matters: a change that kills the process would be
 * given out first again after each restart, for ever. They need no fsync; what a power cut takes away is one
 * count.
 *
 * Only a process that died of itself counts against what was in work: a handler of fatal signals (SIGSEGV,
 * SIGBUS, SIGABRT, ...) sets the crash flag. kill -9, a power cut, the system's memory killer and systemd's
 * watchdog blame no change: without that, a service that somebody kills three times would park what it
 * happened to hold.
 *
 * A change found in work after a crash has one death more. After MARKS_DEATHS deaths the caller parks it.
 * From the second death on such changes are tried one at a time, so that the third death names the one that
 * did it and not all that were in work beside it.
 *
 * A lease that ends in any other way clears its mark, and so does a clean stop. Not thread-safe: the caller
 * has the lock.
 *
 * Whatever the process died of, what was in work then is in doubt: its run may have sent something, and
 * nothing says so. It stays so until a lease of it has come to an end that was stored (Lease.in_doubt).
 *
 * The file has the clock too, as it was last looked at, so that the next process notices when it was set back
 * meanwhile (queue/setback.h).
 */

#include "base/clock.h"
#include "base/diag.h"
#include "engine/space/space.h"

typedef struct Mark Mark;
typedef struct Marks Marks;

#define MARKS_DEATHS 3

struct Marks {
        Mark *slots; /* the mapped file */
        int *free_slots;
        size_t n_free;
        int *suspects; /* slots with deaths, or in doubt, in work or not */
        size_t n_suspects;
        size_t n_alone; /* in work, and to be tried alone */
};

/* Return: 0, -errno. A file of another shape is begun anew. */
int marks_open(Marks *m, const char *path, Diag *diag);

/* clean: nothing is in work any more; else all marks stay, as a death would leave them. */
void marks_close(Marks *m, bool clean);

/* The slot, or -1 if there are more leases than slots: then this one is not marked. */
int marks_set(Marks *m, const ObjectKey *key);
void marks_clear(Marks *m, int slot);
/* The lease was given back; in_doubt: something of it may have been sent. What was in doubt stays so. */
void marks_give_back(Marks *m, int slot, bool in_doubt);

bool marks_is_in_doubt(const Marks *m, const ObjectKey *key);
void marks_doubt(Marks *m, const ObjectKey *key); /* it is not in work here; another node has died on it */

/* This one must wait until the other suspect that is in work has ended. */
bool marks_must_wait(const Marks *m, const ObjectKey *key);

/* The i-th suspect, for the start: false behind the last. forget drops it. */
bool marks_suspect(const Marks *m, size_t i, ObjectKey *ret_key, unsigned *ret_deaths);
void marks_forget(Marks *m, const ObjectKey *key);

/* The clock as it was last looked at, in whole seconds; 0: it is not known. */
Wall marks_clock(const Marks *m);
void marks_set_clock(Marks *m, Wall now);

/* Set to 1 by a handler of fatal signals; a plain store, safe there. Lives until marks_close(). */
_Atomic unsigned char *marks_crash_flag(Marks *m);

/* The process ends for a reason that no change has caused. */
void marks_acquit(Marks *m);
