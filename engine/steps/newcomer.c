/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Newcomer: an object that comes to a metaverse object to which others are joined
 *
 * Two directories may have one person; in one directory two objects are two persons. Otherwise whoever may
 * write the anchor of one user, a delegate of one OU, would give it the cloud account of any other: its name,
 * and when the other is disabled, its sign-in. Entra Connect refuses it too (concept-azure-ad-connect-sync-
 * architecture: two objects of one connector space may not join one metaverse object). Who was there first
 * stays; the other is parked with both names.
 *
 * An account that was deleted and made again with the anchor of the old one comes after its tombstone, or
 * before it: feeds and catch-ups have their own order. So who is parked is noted in the metaverse object, and
 * run again when the one before it is deleted or leaves scope. Both runs write the row at the serial that
 * they have read, so neither can pass the other by.
 *
 * What an older program has joined stays joined.
 */

#include "engine/steps/internal.h"

#include <string.h>

/* Of more than these the oldest are forgotten: one of them gets the place, and the others are parked again.
 */
#define WAITING_MAX 32

static bool is_key(const ObjectKey *a, const ObjectKey *b)
{
        return a->source == b->source && guid_is(&a->id, &b->id);
}

/* It has had a say in it up to now. */
static bool is_at_home(const Run *run)
{
        return run->known && guid_is(&run->head.metaverse, &run->metaverse) && !run->head.deleted &&
               (run->head.in_scope || run->previous);
}

/* Another object of its source that has a say. One whose head cannot be read may have one. */
static int find_holder(Run *run, const ObjectKey **ret_holder, const char **ret_dn)
{
        *ret_holder = NULL;
        for (size_t i = 0; i < run->person.n_joined && !*ret_holder; i++) {
                const ObjectKey *key = &run->person.joined[i];
                char text[GUID_TEXT_MAX];
                Head head = { .in_scope = true };
                bool has_say;
                int r;

                if (key->source != run->key.source || is_key(key, &run->key))
                        continue;
                r = space_read_head(run->space, key, run->arena, &head, NULL, NULL);
                if (r < 0)
                        return r;
                if (r == SPACE_E_NONE || head.deleted)
                        continue;
                r = run_has_say(run, key, &has_say);
                if (r)
                        return r;
                if (!has_say && !head.in_scope)
                        continue;
                *ret_holder = key;
                *ret_dn = head.dn ? head.dn : arena_strdup(run->arena, guid_format(&key->id, text));
        }
        return 0;
}

int run_judge_newcomer(Run *run)
{
        const ObjectKey *holder;
        const char *dn;
        int r;

        if (run->leaving || is_at_home(run))
                return 0;
        r = find_holder(run, &holder, &dn);
        if (r || !holder)
                return r;
        run->no_room = true;
        return step_fail(
                run, STEP_E_PARK, "AmbiguousJoin",
                "by rule \"%s\" %s is the same %s as %s, and both are in scope of %s: in one directory "
                "they are two",
                run->join_rule->name, run->dn->text, run->join_rule->target_type, dn,
                run_connector(run)->name);
}

/* The row as it was read, with others who wait. Also without any it is written: nobody else has written it
 * meanwhile. */
static void write_waiting(Run *run, const ObjectKey *waiting, size_t n)
{
        run->person.waiting = waiting;
        run->person.n_waiting = n;
        space_write_person(&run->batch, &run->metaverse, &run->person, run->person_serial);
}

void run_leave_newcomer(Run *run)
{
        ObjectKey *waiting = arena_new_array(run->arena, ObjectKey, WAITING_MAX);
        size_t n = run->person.n_waiting, skip = n >= WAITING_MAX ? n - WAITING_MAX + 1 : 0;

        for (size_t i = 0; i < n; i++)
                if (is_key(&run->person.waiting[i], &run->key))
                        return;
        n -= skip;
        if (n)
                memcpy(waiting, run->person.waiting + skip, n * sizeof(*waiting));
        waiting[n++] = run->key;
        write_waiting(run, waiting, n);
}

int run_leave_room(Run *run)
{
        bool has_say = false;
        int r;

        if (guid_is_zero(&run->head.metaverse) || !run->person_serial || run->head.deleted)
                return 0;
        r = run_has_say(run, &run->key, &has_say);
        if (r || (!has_say && !run->head.in_scope))
                return r;
        for (size_t i = 0; i < run->person.n_waiting; i++)
                space_again(&run->batch, &run->person.waiting[i]);
        write_waiting(run, NULL, 0);
        return 0;
}
