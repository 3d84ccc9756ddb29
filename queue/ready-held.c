/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/held.h"

#include "base/error.h"
#include "queue/front.h"

Held *held_find(Ready *r, const uint8_t key[OBJECT_KEY_SIZE])
{
        KeyNode *node = keymap_find(&r->held, key, OBJECT_KEY_SIZE);

        return node ? keymap_entry(node, Held, node) : NULL;
}

Held *held_find_object(Ready *r, const ObjectKey *key)
{
        uint8_t packed[OBJECT_KEY_SIZE];

        object_key_pack(key, packed);
        return held_find(r, packed);
}

Held *held_new(Ready *r, const ObjectKey *key, HeldState state)
{
        Held *h = calloc(1, sizeof(*h));

        if (!h)
                error_oom(sizeof(*h));
        object_key_pack(key, h->key);
        h->token = ++r->next_token;
        h->state = state;
        h->slot = -1;
        keymap_add(&r->held, &h->node, h->key, sizeof(h->key));
        return h;
}

void held_let_go(Ready *r, Held *h)
{
        marks_clear(&r->marks, h->slot);
        keymap_remove(&r->held, &h->node);
        free(h);
}

/* It may be given out again, and perhaps stands before what was looked at. */
static void give_back(Ready *r, Held *h, bool in_doubt)
{
        if (h) {
                marks_give_back(&r->marks, h->slot, in_doubt);
                h->slot = -1;
                held_let_go(r, h);
        }
        fronts_rewind(r);
        waiters_wake(r, LANES_ALL, 1);
}

/* The lease as long as it is in this state. */
static Held *find_lease(Ready *r, const Lease *lease, HeldState state)
{
        Held *h = held_find_object(r, &(ObjectKey){ lease->change.source, lease->change.id });

        return h && h->token == lease->token && h->state == state ? h : NULL;
}

/* -- a worker's ------------------------------------------------------------------------------------------ */

/* From OPEN to another state, with what the log or the row needs to know of it. */
static int move_on(Ready *r, const Lease *lease, HeldState state, Op *op)
{
        Held *h;

        pthread_mutex_lock(&r->lock);
        h = find_lease(r, lease, HELD_OPEN);
        if (h) {
                h->state = state;
                op->key = (ObjectKey){ lease->change.source, lease->change.id };
                op->token = h->token;
                op->generation = h->generation;
                op->lease_number = h->number;
                op->place = h->place;
                op->lane = lease->change.lane;
                op->tries = lease->tries;
        }
        pthread_mutex_unlock(&r->lock);
        return h ? 0 : QUEUE_E_GONE;
}

int ready_close(Ready *r, const Lease *lease, bool closing, Op *op)
{
        return move_on(r, lease, closing ? HELD_CLOSING : HELD_OPEN, op);
}

void ready_reopen(Ready *r, const Op *op)
{
        Held *h;

        pthread_mutex_lock(&r->lock);
        h = held_find_object(r, &op->key);
        if (h && h->token == op->token)
                h->state = HELD_OPEN;
        pthread_mutex_unlock(&r->lock);
}

/**
 * ready_release() - a lease that is given back untouched
 *
 * Return: 0, QUEUE_E_GONE.
 */
int ready_release(Ready *r, const Lease *lease)
{
        Held *h;

        pthread_mutex_lock(&r->lock);
        h = find_lease(r, lease, HELD_OPEN);
        if (h)
                give_back(r, h, lease->in_doubt);
        pthread_mutex_unlock(&r->lock);
        return h ? 0 : QUEUE_E_GONE;
}

/* ready_is_overtaken() - see queue_is_overtaken() */
bool ready_is_overtaken(Ready *r, const Lease *lease)
{
        Front front = { .object = { lease->change.source, lease->change.id } };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        FrontLook look = { .store = r->store };
        bool is_ours, is_overtaken = false;
        uint64_t generation = 0;
        const Held *h;
        Row row;

        pthread_mutex_lock(&r->lock);
        h = find_lease(r, lease, HELD_OPEN);
        is_ours = h != NULL;
        if (h)
                generation = h->generation;
        pthread_mutex_unlock(&r->lock);
        if (is_ours && front_row_any(&look, &front, a, &row) == 0)
                is_overtaken = row_is_overtaken(&row, generation);
        front_look_end(&look);
        return is_overtaken;
}

/* -- nobody's -------------------------------------------------------------------------------------------- */

int ready_hold(Ready *r, const ObjectKey *key)
{
        bool is_held;

        pthread_mutex_lock(&r->lock);
        is_held = held_find_object(r, key) != NULL;
        if (!is_held)
                held_new(r, key, HELD_CLOSING);
        pthread_mutex_unlock(&r->lock);
        return is_held ? QUEUE_E_GONE : 0;
}

void ready_let_go(Ready *r, const ObjectKey *key)
{
        Held *h;

        pthread_mutex_lock(&r->lock);
        h = held_find_object(r, key);
        if (h && h->state == HELD_CLOSING) {
                held_let_go(r, h);
                fronts_rewind(r);
        }
        pthread_mutex_unlock(&r->lock);
}

/* -- of a cluster ---------------------------------------------------------------------------------------- */

int ready_ask(Ready *r, const Lease *lease, Op *op)
{
        return move_on(r, lease, HELD_ASKED, op);
}

void ready_granted(Ready *r, const ObjectKey *key, uint64_t number)
{
        Held *h;

        pthread_mutex_lock(&r->lock);
        h = held_find_object(r, key);
        if (h && h->state == HELD_ASKED) {
                h->state = HELD_OPEN;
                h->is_lent = false;
                h->number = number;
        }
        pthread_mutex_unlock(&r->lock);
}

void ready_refused(Ready *r, const Lease *lease)
{
        Held *h;

        pthread_mutex_lock(&r->lock);
        h = find_lease(r, lease, HELD_ASKED);
        if (h && h->is_lent) {
                marks_clear(&r->marks, h->slot);
                h->slot = -1;
                h->state = HELD_LENT;
        } else if (h) {
                give_back(r, h, false);
        }
        pthread_mutex_unlock(&r->lock);
}

void ready_lend(Ready *r, const ObjectKey *key)
{
        Held *h;

        pthread_mutex_lock(&r->lock);
        h = held_find_object(r, key);
        if (h && h->state == HELD_ASKED) {
                h->is_lent = true;
        } else {
                if (h)
                        held_let_go(r, h);
                held_new(r, key, HELD_LENT);
        }
        pthread_mutex_unlock(&r->lock);
}

void ready_ended(Ready *r, const ObjectKey *key)
{
        bool had_suspects;
        Held *h;

        pthread_mutex_lock(&r->lock);
        had_suspects = r->marks.n_suspects > 0;
        h = held_find_object(r, key);
        if (h && h->state == HELD_ASKED) {
                h->is_lent = false;
        } else if (!h || h->state != HELD_OPEN) {
                if (h)
                        held_let_go(r, h);
                marks_forget(&r->marks, key);
        }
        /* Another that had to wait for a suspect may go on. */
        if (had_suspects) {
                fronts_rewind(r);
                waiters_wake(r, LANES_ALL, 1);
        }
        pthread_mutex_unlock(&r->lock);
}

void ready_lost(Ready *r, const ObjectKey *key, bool in_doubt)
{
        Held *h;

        pthread_mutex_lock(&r->lock);
        h = held_find_object(r, key);
        if (h && h->state == HELD_ASKED)
                h->is_lent = false;
        else
                give_back(r, h, false);
        if (in_doubt)
                marks_doubt(&r->marks, key);
        pthread_mutex_unlock(&r->lock);
}

/* -- who looks ------------------------------------------------------------------------------------------- */

bool ready_is_leased(Ready *r, const uint8_t key[OBJECT_KEY_SIZE])
{
        bool leased;

        pthread_mutex_lock(&r->lock);
        leased = held_find(r, key) != NULL;
        pthread_mutex_unlock(&r->lock);
        return leased;
}

size_t ready_held(Ready *r, Arena *a, ObjectKey **ret_keys)
{
        size_t n = 0;

        pthread_mutex_lock(&r->lock);
        *ret_keys = arena_new_array(a, ObjectKey, r->held.n);
        for (KeyNode *i = keymap_next(&r->held, NULL); i; i = keymap_next(&r->held, i))
                object_key_unpack(i->key, i->n, &(*ret_keys)[n++]);
        pthread_mutex_unlock(&r->lock);
        return n;
}
