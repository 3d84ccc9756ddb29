/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/marks.h"

#include "base/error.h"
#include "engine/model/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* More leases than workers that anybody runs; 96 KiB. */
#define N_SLOTS 4096

/* From this many deaths on a change is tried alone. */
#define ALONE_DEATHS (MARKS_DEATHS - 1)

enum {
        MARK_FREE,
        MARK_IN_WORK,
        MARK_SUSPECT, /* was in work when the process ended, and is not in work now */
};

/*
 * One slot as it is in the file. Slot 0 is the header: its key is the magic, its state is 1 once the process
 * has met a fatal signal of its own making, its clock is the last that was seen (seconds; 0: none). The state
 * is written last when a slot is taken, so a death in between leaves a free slot.
 */
struct Mark {
        uint8_t key[OBJECT_KEY_SIZE];
        uint8_t deaths;
        _Atomic uint8_t state;
        uint32_t clock; /* of the header */
};

_Static_assert(sizeof(Mark) == 24, "the file has this shape");

static const uint8_t magic[OBJECT_KEY_SIZE] = "sosync marks 1\n";

static bool find_suspect(const Marks *m, const ObjectKey *key, size_t *ret_i)
{
        uint8_t buf[OBJECT_KEY_SIZE];

        if (m->n_suspects == 0)
                return false;
        object_key_pack(key, buf);
        for (size_t i = 0; i < m->n_suspects; i++) {
                if (memcmp(m->slots[m->suspects[i]].key, buf, sizeof(buf)) == 0) {
                        *ret_i = i;
                        return true;
                }
        }
        return false;
}

static void remove_suspect(Marks *m, size_t i)
{
        m->suspects[i] = m->suspects[--m->n_suspects];
}

static void free_slot(Marks *m, int slot)
{
        atomic_store_explicit(&m->slots[slot].state, MARK_FREE, memory_order_release);
        m->free_slots[m->n_free++] = slot;
}

static void read_slots(Marks *m)
{
        bool crashed = atomic_exchange(&m->slots[0].state, 0);

        for (int i = N_SLOTS - 1; i > 0; i--) {
                Mark *mark = &m->slots[i];
                uint8_t state = atomic_load(&mark->state);

                if (state != MARK_IN_WORK && state != MARK_SUSPECT) {
                        free_slot(m, i);
                        continue;
                }
                if (state == MARK_IN_WORK && crashed && mark->deaths < UINT8_MAX)
                        mark->deaths++;
                atomic_store(&mark->state, MARK_SUSPECT);
                m->suspects[m->n_suspects++] = i;
        }
}

static int *slots_array(void)
{
        int *slots = calloc(N_SLOTS, sizeof(*slots));

        if (!slots)
                error_oom(N_SLOTS * sizeof(*slots));
        return slots;
}

/**
 * marks_open() - map the file and count the deaths
 *
 * Return: 0, -errno.
 */
int marks_open(Marks *m, const char *path, Diag *diag)
{
        _cleanup_(cleanup_close) int fd = -1;
        const size_t size = N_SLOTS * sizeof(Mark);
        struct stat st;
        void *map;
        int r;

        *m = (Marks){ 0 };
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || fstat(fd, &st) < 0) {
                r = -errno;
                diag_set(diag, "%s: %s", path, strerror(-r));
                return error_origin(r);
        }
        /* Blocks are reserved, so that a full disk is met here and not by a SIGBUS at a lease. */
        if ((size_t)st.st_size != size)
                r = ftruncate(fd, 0) < 0 ? errno : posix_fallocate(fd, 0, (off_t)size);
        else
                r = 0;
        if (r) {
                diag_set(diag, "%s: cannot be made %zu bytes long: %s", path, size, strerror(r));
                return error_origin(-r);
        }
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) {
                r = -errno;
                diag_set(diag, "%s: %s", path, strerror(-r));
                return error_origin(r);
        }
        m->slots = map;
        m->free_slots = slots_array();
        m->suspects = slots_array();
        if (memcmp(m->slots[0].key, magic, sizeof(magic)) != 0) {
                memset(map, 0, size);
                memcpy(m->slots[0].key, magic, sizeof(magic));
        }
        read_slots(m);
        return 0;
}

Wall marks_clock(const Marks *m)
{
        return (Wall){ (int64_t)m->slots[0].clock * 1000 };
}

/* The page is touched once a second at most. */
void marks_set_clock(Marks *m, Wall now)
{
        int64_t s = now.ms / 1000;
        uint32_t clock = s > 0 && s <= UINT32_MAX ? (uint32_t)s : 0;

        if (m->slots[0].clock != clock)
                m->slots[0].clock = clock;
}

_Atomic unsigned char *marks_crash_flag(Marks *m)
{
        return &m->slots[0].state;
}

void marks_close(Marks *m, bool clean)
{
        if (m->slots) {
                if (clean)
                        marks_acquit(m);
                munmap(m->slots, N_SLOTS * sizeof(Mark));
        }
        free(m->free_slots);
        free(m->suspects);
        *m = (Marks){ 0 };
}

int marks_set(Marks *m, const ObjectKey *key)
{
        Mark *mark;
        size_t i;
        int slot;

        if (find_suspect(m, key, &i)) {
                slot = m->suspects[i];
                mark = &m->slots[slot];
                if (mark->deaths >= ALONE_DEATHS)
                        m->n_alone++;
        } else if (m->n_free > 0) {
                slot = m->free_slots[--m->n_free];
                mark = &m->slots[slot];
                object_key_pack(key, mark->key);
                mark->deaths = 0;
        } else {
                return -1;
        }
        atomic_store_explicit(&mark->state, MARK_IN_WORK, memory_order_release);
        return slot;
}

/* It is not in work any more. True: it is a suspect. */
static bool leave_work(Marks *m, int slot, size_t *ret_i)
{
        bool found = false;

        if (m->slots[slot].deaths >= ALONE_DEATHS)
                m->n_alone--;
        for (size_t i = 0; i < m->n_suspects && !found; i++) {
                found = m->suspects[i] == slot;
                *ret_i = i;
        }
        return found;
}

void marks_clear(Marks *m, int slot)
{
        size_t i;

        if (slot < 0)
                return;
        if (leave_work(m, slot, &i))
                remove_suspect(m, i);
        free_slot(m, slot);
}

void marks_give_back(Marks *m, int slot, bool in_doubt)
{
        bool known;
        size_t i;

        if (slot < 0)
                return;
        known = leave_work(m, slot, &i);
        if (!known && !in_doubt) {
                free_slot(m, slot);
                return;
        }
        if (!known)
                m->suspects[m->n_suspects++] = slot;
        m->slots[slot].deaths = 0;
        atomic_store_explicit(&m->slots[slot].state, MARK_SUSPECT, memory_order_release);
}

bool marks_is_in_doubt(const Marks *m, const ObjectKey *key)
{
        size_t i;

        return find_suspect(m, key, &i);
}

void marks_doubt(Marks *m, const ObjectKey *key)
{
        size_t i;

        if (!find_suspect(m, key, &i))
                marks_give_back(m, marks_set(m, key), true);
}

bool marks_must_wait(const Marks *m, const ObjectKey *key)
{
        size_t i;

        return m->n_alone > 0 && find_suspect(m, key, &i) && m->slots[m->suspects[i]].deaths >= ALONE_DEATHS;
}

bool marks_suspect(const Marks *m, size_t i, ObjectKey *ret_key, unsigned *ret_deaths)
{
        const Mark *mark;

        if (i >= m->n_suspects)
                return false;
        mark = &m->slots[m->suspects[i]];
        object_key_unpack(mark->key, sizeof(mark->key), ret_key);
        *ret_deaths = mark->deaths;
        return true;
}

void marks_forget(Marks *m, const ObjectKey *key)
{
        size_t i;

        if (find_suspect(m, key, &i)) {
                int slot = m->suspects[i];

                remove_suspect(m, i);
                free_slot(m, slot);
        }
}

void marks_acquit(Marks *m)
{
        for (int i = 1; m->slots && i < N_SLOTS; i++) {
                uint8_t state = MARK_IN_WORK;

                atomic_compare_exchange_strong(&m->slots[i].state, &state, MARK_SUSPECT);
        }
}
