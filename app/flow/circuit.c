/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/circuit.h"

#include <stdio.h>

void circuit_init(Circuit *c)
{
        *c = (Circuit){ .open = false };
        pthread_mutex_init(&c->lock, NULL);
}

void circuit_deinit(Circuit *c)
{
        pthread_mutex_destroy(&c->lock);
}

/* Runs that began before it opened end while somebody probes: what they say does not end the probe. */
static bool is_probe(const Circuit *c)
{
        return c->probing && pthread_equal(c->prober, pthread_self());
}

static bool is_tried(const Circuit *c, Mono now)
{
        return c->probing && now.us - c->probe_began.us < CIRCUIT_PROBE_LIMIT_US;
}

int64_t circuit_ask(Circuit *c, Mono now)
{
        int64_t wait = 0;

        pthread_mutex_lock(&c->lock);
        if (c->open && (is_tried(c, now) || now.us < c->probe_at.us)) {
                wait = c->probe_at.us > now.us ? c->probe_at.us - now.us : CIRCUIT_PROBE_FIRST_US;
        } else if (c->open) {
                c->probing = true;
                c->prober = pthread_self();
                c->probe_began = now;
        }
        pthread_mutex_unlock(&c->lock);
        return wait;
}

bool circuit_works(Circuit *c, Mono began)
{
        bool was_open;

        pthread_mutex_lock(&c->lock);
        if (c->open && began.us < c->opened.us && !is_probe(c)) {
                pthread_mutex_unlock(&c->lock);
                return false;
        }
        was_open = c->open;
        c->open = false;
        c->probing = false;
        c->n_strains = 0;
        c->n_probes = 0;
        pthread_mutex_unlock(&c->lock);
        return was_open;
}

bool circuit_strained(Circuit *c, Mono now, const char *why)
{
        bool outage;

        pthread_mutex_lock(&c->lock);
        outage = c->open || ++c->n_strains >= CIRCUIT_STRAINS;
        pthread_mutex_unlock(&c->lock);
        return outage && circuit_failed(c, now, why);
}

/* The lock is held. */
static void next_probe(Circuit *c, Mono now)
{
        int64_t wait = CIRCUIT_PROBE_FIRST_US << (c->n_probes < 6 ? c->n_probes : 6);

        c->probing = false;
        c->probe_at = mono_add(now, wait > CIRCUIT_PROBE_MAX_US ? CIRCUIT_PROBE_MAX_US : wait);
}

bool circuit_failed(Circuit *c, Mono now, const char *why)
{
        bool opened;

        pthread_mutex_lock(&c->lock);
        opened = !c->open;
        if (opened)
                c->opened = now;
        if (opened || !c->probing || is_probe(c)) {
                if (opened)
                        c->n_probes = 0;
                else if (c->probing)
                        c->n_probes++;
                next_probe(c, now);
        }
        c->open = true;
        snprintf(c->why, sizeof(c->why), "%s", why ? why : "");
        pthread_mutex_unlock(&c->lock);
        return opened;
}

void circuit_unknown(Circuit *c)
{
        pthread_mutex_lock(&c->lock);
        if (is_probe(c))
                c->probing = false;
        pthread_mutex_unlock(&c->lock);
}

void circuit_postpone(Circuit *c, Mono now)
{
        pthread_mutex_lock(&c->lock);
        if (is_probe(c)) {
                c->n_probes++;
                next_probe(c, now);
        }
        pthread_mutex_unlock(&c->lock);
}

bool circuit_is_open(Circuit *c, char *why, size_t size)
{
        bool open;

        pthread_mutex_lock(&c->lock);
        open = c->open;
        if (why && size)
                snprintf(why, size, "%s", open ? c->why : "");
        pthread_mutex_unlock(&c->lock);
        return open;
}
