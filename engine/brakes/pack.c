/* SPDX-License-Identifier: Apache-2.0 */

/* The counters as a record: version, on, since, known, windows. */

#include "engine/brakes/brakes.h"

#define BRAKES_VERSION 1
#define BRAKES_FIELDS  5

void brakes_pack(Brakes *b, PackWriter *w)
{
        pthread_mutex_lock(&b->lock);
        pack_array(w, BRAKES_FIELDS);
        pack_int(w, BRAKES_VERSION);
        pack_int(w, b->on);
        pack_array(w, _BRAKE_N);
        for (int i = 0; i < _BRAKE_N; i++)
                pack_int(w, b->since[i].ms);
        pack_array(w, _BRAKE_TYPE_N);
        for (int t = 0; t < _BRAKE_TYPE_N; t++)
                pack_int(w, b->known[t]);
        pack_array(w, _BRAKE_N * _BRAKE_TYPE_N);
        for (int i = 0; i < _BRAKE_N * _BRAKE_TYPE_N; i++) {
                const BrakeWindow *window = &b->windows[i / _BRAKE_TYPE_N][i % _BRAKE_TYPE_N];

                pack_array(w, 2 + BRAKE_SLOTS);
                pack_int(w, window->slot_ms);
                pack_int(w, window->first);
                for (int k = 0; k < BRAKE_SLOTS; k++)
                        pack_int(w, window->slots[k]);
        }
        pthread_mutex_unlock(&b->lock);
}

static void unpack_window(PackReader *r, BrakeWindow *window)
{
        if (unpack_array(r) != 2 + BRAKE_SLOTS && !r->error)
                r->error = PACK_E_CORRUPT;
        window->slot_ms = unpack_int(r);
        window->first = unpack_int(r);
        for (int k = 0; k < BRAKE_SLOTS; k++) {
                int64_t n = unpack_int(r);

                window->slots[k] = n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
        }
        if (window->slot_ms < 0 || window->first < 0)
                *window = (BrakeWindow){ 0 };
}

int brakes_unpack(Brakes *b, const void *data, size_t n)
{
        Brakes in = { 0 };
        PackReader r;
        int result;

        unpack_init(&r, data, n);
        if (unpack_array(&r) < BRAKES_FIELDS && !r.error)
                r.error = PACK_E_CORRUPT;
        unpack_version(&r, BRAKES_VERSION);
        in.on = (BrakeSet)unpack_int(&r) & (BRAKE_SET(_BRAKE_N) - 1);
        if (unpack_array(&r) != _BRAKE_N && !r.error)
                r.error = PACK_E_CORRUPT;
        for (int i = 0; i < _BRAKE_N; i++)
                in.since[i].ms = unpack_int(&r);
        if (unpack_array(&r) != _BRAKE_TYPE_N && !r.error)
                r.error = PACK_E_CORRUPT;
        for (int t = 0; t < _BRAKE_TYPE_N; t++)
                in.known[t] = unpack_int(&r);
        if (unpack_array(&r) != _BRAKE_N * _BRAKE_TYPE_N && !r.error)
                r.error = PACK_E_CORRUPT;
        for (int i = 0; i < _BRAKE_N * _BRAKE_TYPE_N; i++)
                unpack_window(&r, &in.windows[i / _BRAKE_TYPE_N][i % _BRAKE_TYPE_N]);
        result = r.error;
        if (result)
                return result;
        pthread_mutex_lock(&b->lock);
        for (int i = 0; i < _BRAKE_N; i++) {
                b->since[i] = in.since[i];
                for (int t = 0; t < _BRAKE_TYPE_N; t++)
                        b->windows[i][t] = in.windows[i][t];
        }
        for (int t = 0; t < _BRAKE_TYPE_N; t++)
                b->known[t] = in.known[t] < 0 ? 0 : in.known[t];
        b->on = in.on;
        b->stored = true;
        pthread_mutex_unlock(&b->lock);
        return 0;
}
