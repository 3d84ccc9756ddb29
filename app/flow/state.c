/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/state.h"

#include "app/flow/owner.h"
#include "engine/steps/catalogue.h"

static int open_lmdb(Queue **ret_queue, const Config *c, Wall now, Diag *diag)
{
        return queue_lmdb_new(
                ret_queue, &(QueueLmdbOptions){ .path = c->state.path, .limit = c->state.limit, .now = now },
                diag);
}

static int open_jetstream(Queue **ret_queue, const Config *c, Wall now, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        BusOptions bus = jetstream_config_bus(&c->state.jetstream, a);

        return queue_jetstream_new(ret_queue,
                                   &(QueueJetstreamOptions){
                                           .path = c->state.path,
                                           .limit = c->state.limit,
                                           .now = now,
                                           .log = c->state.jetstream.name,
                                           .node = jetstream_config_node(&c->state.jetstream, a),
                                           .bus = &bus,
                                           .lease_us = c->state.jetstream.lease_us,
                                           .late_us = c->target.timeout_us,
                                   },
                                   diag);
}

int state_open(Queue **ret_queue, const Config *c, Wall now, Diag *diag)
{
        int r = owner_become(c->state.path, diag);

        if (r)
                return r;
        return c->state.backend == STATE_JETSTREAM ? open_jetstream(ret_queue, c, now, diag)
                                                   : open_lmdb(ret_queue, c, now, diag);
}

int state_exit_status(int r)
{
        return r == QUEUE_E_EMPTY ? EXIT_UNREACHABLE : EXIT_OBJECT;
}
