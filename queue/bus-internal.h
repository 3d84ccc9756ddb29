/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What bus.c, bus-read.c and bus-bucket.c share. */

#include "queue/bus.h"

#include <nats/nats.h>
#include <stdatomic.h>

struct Bus {
        natsConnection *connection;
        jsCtx *js;
        int replicas;
        int64_t timeout_ms;
        _Atomic uint64_t n_connected;
};

/* libnats' codes in ours: BUS_E_NONE, BUS_E_TAKEN, BUS_E_REFUSED, BUS_E_DOWN. */
int bus_error(natsStatus s, jsErrCode code);
