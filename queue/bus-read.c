/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/bus-internal.h"

#include "base/error.h"

#include <string.h>

/*
 * The reader is an ordered consumer of libnats: no acks, the server keeps nothing of it. Such a consumer
 * lives in the memory of one server, and libnats notices only after some seconds that it is gone; so a
 * reconnection starts a new one at once, and a silence in which the stream has grown does too.
 */

/* After so long without a message the stream itself is asked. */
#define SILENCE_MS 3000

struct BusReader {
        Bus *bus;
        char *stream;
        char *subject;
        uint64_t next; /* number to be read next */
        uint64_t n_connected;
        int64_t silent_ms;
        natsSubscription *subscription;
};

static void copy_message(natsMsg *msg, uint64_t sequence, Arena *a, BusMessage *ret_message)
{
        size_t n = (size_t)natsMsg_GetDataLength(msg);

        *ret_message = (BusMessage){
                .sequence = sequence,
                .data = arena_memdup(a, natsMsg_GetData(msg), n),
                .n = n,
        };
}

int bus_read_at(Bus *b, const char *stream, uint64_t sequence, Arena *a, BusMessage *ret_message)
{
        natsMsg *msg = NULL;
        jsErrCode code = 0;
        natsStatus s = js_GetMsg(&msg, b->js, stream, sequence, NULL, &code);

        if (s == NATS_OK)
                copy_message(msg, sequence, a, ret_message);
        natsMsg_Destroy(msg);
        return bus_error(s, code);
}

static void close_reader(BusReader *reader)
{
        if (reader->subscription) {
                natsSubscription_Unsubscribe(reader->subscription);
                natsSubscription_Destroy(reader->subscription);
        }
        reader->subscription = NULL;
}

static int open_reader(BusReader *reader)
{
        jsSubOptions options;
        jsErrCode code = 0;
        natsStatus s;

        close_reader(reader);
        reader->n_connected = bus_times_connected(reader->bus);
        reader->silent_ms = 0;
        jsSubOptions_Init(&options);
        options.Stream = reader->stream;
        options.Ordered = true;
        options.Config.DeliverPolicy = js_DeliverByStartSequence;
        options.Config.OptStartSeq = reader->next;
        s = js_SubscribeSync(&reader->subscription, reader->bus->js, reader->subject, NULL, &options, &code);
        if (s == NATS_OK)
                s = natsSubscription_SetPendingLimits(reader->subscription, -1, -1);
        return s == NATS_OK ? 0 : BUS_E_DOWN;
}

int bus_reader_new(BusReader **ret_reader, Bus *b, const char *stream, const char *subject, uint64_t from)
{
        _cleanup_(bus_reader_freep) BusReader *reader = calloc(1, sizeof(*reader));
        int r;

        if (!reader)
                error_oom(sizeof(*reader));
        reader->bus = b;
        reader->stream = strdup(stream);
        reader->subject = strdup(subject);
        if (!reader->stream || !reader->subject)
                error_oom(strlen(stream));
        reader->next = from;
        r = open_reader(reader);
        if (r)
                return r;
        *ret_reader = TAKE(reader);
        return 0;
}

BusReader *bus_reader_free(BusReader *reader)
{
        if (!reader)
                return NULL;
        close_reader(reader);
        free(reader->stream);
        free(reader->subject);
        free(reader);
        return NULL;
}

/* 0: no message of a stream. */
static uint64_t sequence_of(natsMsg *msg)
{
        jsMsgMetaData *meta = NULL;
        uint64_t sequence = 0;

        if (natsMsg_GetMetaData(&meta, msg) == NATS_OK)
                sequence = meta->Sequence.Stream;
        jsMsgMetaData_Destroy(meta);
        return sequence;
}

/* Nothing has come for a while: is there something? Return: 0 (no), BUS_E_DOWN (a new consumer is needed). */
static int look_at_stream(BusReader *reader)
{
        BusStream have;

        reader->silent_ms = 0;
        if (bus_stream_look(reader->bus, reader->stream, &have))
                return BUS_E_DOWN;
        return have.last >= reader->next ? BUS_E_DOWN : 0;
}

/**
 * bus_reader_next() - the next message
 *
 * Return: 0, BUS_E_NONE, BUS_E_DOWN.
 */
int bus_reader_next(BusReader *reader, int64_t timeout_ms, Arena *a, BusMessage *ret_message)
{
        natsMsg *msg = NULL;
        natsStatus s;
        uint64_t sequence;

        if (!reader->subscription || bus_times_connected(reader->bus) != reader->n_connected) {
                if (!bus_is_up(reader->bus) || open_reader(reader)) {
                        if (timeout_ms > 0)
                                nats_Sleep(timeout_ms < 50 ? timeout_ms : 50);
                        return BUS_E_DOWN;
                }
        }
        s = natsSubscription_NextMsg(&msg, reader->subscription, timeout_ms);
        if (s == NATS_TIMEOUT) {
                reader->silent_ms += timeout_ms;
                if (reader->silent_ms < SILENCE_MS)
                        return BUS_E_NONE;
                if (look_at_stream(reader) == 0)
                        return BUS_E_NONE;
                close_reader(reader);
                return BUS_E_DOWN;
        }
        if (s != NATS_OK) {
                close_reader(reader);
                return BUS_E_DOWN;
        }
        sequence = sequence_of(msg);
        reader->silent_ms = 0;
        if (sequence < reader->next) { /* of the consumer before */
                natsMsg_Destroy(msg);
                return BUS_E_NONE;
        }
        reader->next = sequence + 1;
        copy_message(msg, sequence, a, ret_message);
        natsMsg_Destroy(msg);
        return 0;
}
