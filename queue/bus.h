/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bus: a connection to NATS JetStream
 *
 *      bus_publish() ---> stream (ordered, numbered, replicated) ---> BusReader, from any number on
 *      bucket_create(), bucket_update() ---> a key with an age, changed by compare-and-set
 *
 * libnats keeps the connection: it goes from one server of the list to the next, for ever. What was asked
 * while there was none is BUS_E_DOWN, and so is an answer that did not come in time: the message may have
 * been stored or not. Publishing it again with the same id is safe for two minutes (the server's memory of
 * ids), and after that two of the same are harmless to who reads them (queue/log-apply.c).
 *
 * nats-server 2.9 says "stored" when a majority of the replicas has the message in its memory or page cache;
 * it does not fsync. One server that loses its power loses nothing; a majority that loses it in the same
 * moment may lose the last messages. A reader that has applied a message which the stream does not have any
 * more finds out: bus_read_at() shows another message under its number, or none.
 *
 * Any thread may call; a BusReader belongs to one thread. Nothing is called back.
 *
 * In this file `s` is libnats' natsStatus, and `r` is ours.
 */

#include "base/arena.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Bucket Bucket;
typedef struct Bus Bus;
typedef struct BusMessage BusMessage;
typedef struct BusOptions BusOptions;
typedef struct BusReader BusReader;
typedef struct BusStream BusStream;

enum {
        BUS_E_BASE_ = 2150, /* within ERROR_BASE_QUEUE */

        BUS_E_DOWN,    /* no server, or no answer in time */
        BUS_E_NONE,    /* no such message or key */
        BUS_E_TAKEN,   /* the key is there, or has another revision by now */
        BUS_E_REFUSED, /* the server says no: credentials, limits, no JetStream */
};

struct BusOptions {
        const char *const *urls; /* nats://HOST:PORT, tls://HOST:PORT */
        size_t n_urls;
        const char *name;             /* of this client, as the server's lists show it */
        const char *credentials;      /* file with a JWT and its seed; NULL: none */
        const char *nkey, *nkey_file; /* public key, and the file with its seed */
        const char *user, *password_file;
        const char *ca, *certificate, *key; /* files; NULL: none */
        int replicas;                       /* of streams and buckets that are made: 1, 3, 5 */
        int64_t timeout_ms;                 /* of one question; 0: 5 seconds */
};

struct BusStream {
        uint64_t first, last; /* numbers; first > last: it is empty */
        uint64_t n_bytes;
        int replicas;
};

struct BusMessage {
        uint64_t sequence;
        const uint8_t *data; /* in the arena of the call */
        size_t n;
};

/*
 * Return: 0, BUS_E_DOWN (no server of the list answers), BUS_E_REFUSED, -errno; the diag says which and why.
 */
int bus_new(Bus **ret_bus, const BusOptions *options, Diag *diag);
Bus *bus_free(Bus *b);

bool bus_is_up(Bus *b);
uint64_t bus_times_connected(Bus *b);                /* grows with each reconnection */
size_t bus_payload_max(Bus *b);                      /* bytes of one message */
const char *bus_server(Bus *b, char *buf, size_t n); /* its URL; "" while there is none */

/* Make the stream if it is not there. Return: 0, BUS_E_DOWN, BUS_E_REFUSED; the diag says why. */
int bus_stream(Bus *b, const char *stream, const char *subject, Diag *diag);
int bus_stream_look(Bus *b, const char *stream, BusStream *ret_stream); /* 0, BUS_E_DOWN, BUS_E_NONE */
int bus_stream_trim(Bus *b, const char *stream, uint64_t first);        /* drop what is before. As above */
int bus_stream_delete(Bus *b, const char *stream);                      /* as above */

/* `id`: two of the same are stored once. Return: 0, BUS_E_DOWN, BUS_E_REFUSED (the diag says why). */
int bus_publish(Bus *b, const char *subject, const char *id, const void *data, size_t n, Diag *diag);

/* One message by its number. Return: 0, BUS_E_DOWN, BUS_E_NONE. */
int bus_read_at(Bus *b, const char *stream, uint64_t sequence, Arena *a, BusMessage *ret_message);

/*
 * All messages from a number on, in order. The reader starts anew by itself after a reconnection; a number
 * that is passed over (the stream was trimmed) is for the caller to see.
 * Return: 0, BUS_E_DOWN.
 */
int bus_reader_new(BusReader **ret_reader, Bus *b, const char *stream, const char *subject, uint64_t from);
BusReader *bus_reader_free(BusReader *reader);

/* Return: 0, BUS_E_NONE (nothing came in time), BUS_E_DOWN. */
int bus_reader_next(BusReader *reader, int64_t timeout_ms, Arena *a, BusMessage *ret_message);

/*
 * A bucket of keys; `age_ms`: a key that is not written for so long is gone (0: never).
 * Return: 0, BUS_E_DOWN, BUS_E_REFUSED; the diag says why.
 */
int bucket_new(Bucket **ret_bucket, Bus *b, const char *name, int64_t age_ms, Diag *diag);
int bucket_open(Bucket **ret_bucket, Bus *b,
                const char *name); /* one that is there. 0, BUS_E_NONE, BUS_E_DOWN */
Bucket *bucket_free(Bucket *bk);

/* The revision is what update and remove compare. Return: 0, BUS_E_NONE, BUS_E_DOWN. */
int bucket_get(Bucket *bk, const char *key, Arena *a, const char **ret_value, uint64_t *ret_revision);
/* Return: 0, BUS_E_TAKEN, BUS_E_DOWN. */
int bucket_create(Bucket *bk, const char *key, const char *value, uint64_t *ret_revision);
int bucket_update(Bucket *bk, const char *key, const char *value, uint64_t revision, uint64_t *ret_revision);
int bucket_put(Bucket *bk, const char *key, const char *value); /* whatever is there. 0, BUS_E_DOWN */
int bucket_remove(Bucket *bk, const char *key);                 /* 0, BUS_E_DOWN */
/* Every key, each with its value. Return: 0, BUS_E_DOWN. */
int bucket_walk(Bucket *bk, Arena *a, void (*fn)(void *context, const char *key, const char *value),
                void *context);

DEFINE_CLEANUP(Bus, bus_free)
DEFINE_CLEANUP(BusReader, bus_reader_free)
DEFINE_CLEANUP(Bucket, bucket_free)
