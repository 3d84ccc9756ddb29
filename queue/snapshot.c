/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/snapshot.h"

#include "base/error.h"
#include "base/pack.h"
#include "base/str.h"
#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VERSION 1

/* Of one message; a server with smaller ones gets smaller ones. */
#define PIECE_MAX ((size_t)512 << 10)

/* Before the bytes of a piece: id of the snapshot, number of the piece. */
#define PIECE_HEAD 16

static const char key_newest[] = "newest", key_arriving[] = "arriving";

static char *name(const char *log, const char *what)
{
        char *s = NULL;

        if (asprintf(&s, "%s-%s", log, what) < 0)
                error_oom(strlen(log) + strlen(what) + 2);
        return s;
}

/**
 * snapshots_init() - the bucket and the stream, made if they are not there
 *
 * Return: 0, BUS_E_DOWN, BUS_E_REFUSED.
 */
int snapshots_init(Snapshots *s, Bus *bus, const char *log, Diag *diag)
{
        _cleanup_(cleanup_free) char *bucket = name(log, "state");
        int r;

        *s = (Snapshots){ .bus = bus, .log = strdup(log), .stream = name(log, "snapshots") };
        if (!s->log)
                error_oom(strlen(log));
        r = bus_stream(bus, s->stream, s->stream, diag);
        return r ? r : bucket_new(&s->bucket, bus, bucket, 0, diag);
}

void snapshots_deinit(Snapshots *s)
{
        s->bucket = bucket_free(s->bucket);
        free(s->log);
        free(s->stream);
        *s = (Snapshots){ 0 };
}

uint64_t snapshot_new_id(void)
{
        uint64_t id = 0;

        while (id == 0) {
                if (getrandom(&id, sizeof(id), 0) != sizeof(id))
                        id = 0;
                id &= INT64_MAX; /* JSON's integers are ours with a sign */
        }
        return id;
}

/* -- what is true ---------------------------------------------------------------------------------------- */

static int parse(const char *text, Snapshot *ret_snapshot)
{
        json_int_t version = 0, id = 0, epoch = 0, base = 0, sequence = 0, bytes = 0, pieces = 0, at = 0,
                   before_at = 0, before_sequence = 0;
        json_t *json = json_loads(text, 0, NULL);
        int moved_in = 0;
        bool good = json &&
                    json_unpack(json, "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "version",
                                &version, "id", &id, "epoch", &epoch, "base", &base, "sequence", &sequence,
                                "bytes", &bytes, "pieces", &pieces, "at", &at, "beforeAt", &before_at,
                                "beforeSequence", &before_sequence, "movedIn", &moved_in) == 0;

        json_decref(json);
        if (!good || version != VERSION || id <= 0 || epoch < 0 || base < 0 || sequence < 0 || bytes <= 0 ||
            pieces <= 0 || at < 0 || before_at < 0 || before_sequence < 0)
                return BUS_E_REFUSED;
        *ret_snapshot = (Snapshot){
                .id = (uint64_t)id,
                .epoch = (uint64_t)epoch,
                .base = (uint64_t)base,
                .sequence = (uint64_t)sequence,
                .n_bytes = (uint64_t)bytes,
                .n_pieces = (uint64_t)pieces,
                .at = (uint64_t)at,
                .before_at = (uint64_t)before_at,
                .before_sequence = (uint64_t)before_sequence,
                .moved_in = moved_in,
        };
        return 0;
}

int snapshot_newest(Snapshots *s, Snapshot *ret_snapshot, uint64_t *ret_revision, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *text;
        uint64_t revision;
        int r = bucket_get(s->bucket, key_newest, a, &text, &revision);

        if (r) {
                if (r != BUS_E_NONE)
                        diag_set(diag, "JetStream does not answer");
                return r;
        }
        r = parse(text, ret_snapshot);
        if (r) {
                diag_set(diag,
                         "the cluster's state \"%s\": what says which snapshot is the newest cannot be read "
                         "(a newer program's?)",
                         s->log);
                return r;
        }
        if (ret_revision)
                *ret_revision = revision;
        return 0;
}

int snapshot_publish(Snapshots *s, const Snapshot *n, uint64_t revision)
{
        json_t *json = json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "version",
                                 VERSION, "id", (json_int_t)n->id, "epoch", (json_int_t)n->epoch, "base",
                                 (json_int_t)n->base, "sequence", (json_int_t)n->sequence, "bytes",
                                 (json_int_t)n->n_bytes, "pieces", (json_int_t)n->n_pieces, "at",
                                 (json_int_t)n->at, "beforeAt", (json_int_t)n->before_at, "beforeSequence",
                                 (json_int_t)n->before_sequence, "movedIn", n->moved_in);
        char *text = json_dumps(json, JSON_COMPACT);
        uint64_t written;
        int r;

        if (!text)
                error_oom(1);
        r = revision ? bucket_update(s->bucket, key_newest, text, revision, &written)
                     : bucket_create(s->bucket, key_newest, text, &written);
        free(text);
        json_decref(json);
        return r;
}

/* What cannot be dropped now is dropped with the next one. */
void snapshot_drop_older(Snapshots *s, const Snapshot *newest, uint64_t keep_from)
{
        uint64_t first = newest->before_at ? newest->before_at : newest->at;

        if (first > 1)
                bus_stream_trim(s->bus, s->stream, first);
        if (keep_from > 1)
                bus_stream_trim(s->bus, s->log, keep_from);
}

int snapshot_arriving(Snapshots *s, Arena *a, const char **ret_from)
{
        uint64_t revision;

        return bucket_get(s->bucket, key_arriving, a, ret_from, &revision);
}

int snapshot_set_arriving(Snapshots *s, const char *from)
{
        return from ? bucket_put(s->bucket, key_arriving, from) : bucket_remove(s->bucket, key_arriving);
}

/* -- pieces ---------------------------------------------------------------------------------------------- */

typedef struct Sender {
        Snapshots *s;
        Snapshot *snapshot;
        uint8_t *message;
        uint64_t total;
        SnapshotProgressFn progress;
        void *context;
        Diag *diag;
} Sender;

static int64_t mono_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A server that goes is followed by another; the id makes twice once. */
static int send_piece(void *context, const uint8_t *data, size_t n)
{
        Sender *x = context;
        Snapshot *snapshot = x->snapshot;
        int64_t until = mono_ms() + SNAPSHOT_PATIENCE_MS;
        char id[64];
        int r;

        put_be64(snapshot->id, x->message);
        put_be64(snapshot->n_pieces, x->message + 8);
        memcpy(x->message + PIECE_HEAD, data, n);
        snprintf(id, sizeof(id), "%llx-%llu", (unsigned long long)snapshot->id,
                 (unsigned long long)snapshot->n_pieces);
        while ((r = bus_publish(x->s->bus, x->s->stream, id, x->message, n + PIECE_HEAD, x->diag)) ==
               BUS_E_DOWN) {
                if (mono_ms() > until)
                        return r;
                if (x->progress && x->progress(x->context, snapshot->n_bytes, x->total))
                        return QUEUE_E_CLOSED;
                if (!bus_is_up(x->s->bus))
                        nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
        }
        if (r)
                return r;
        snapshot->n_pieces++;
        snapshot->n_bytes += n;
        if (x->total < snapshot->n_bytes)
                x->total = snapshot->n_bytes;
        return x->progress && x->progress(x->context, snapshot->n_bytes, x->total) ? QUEUE_E_CLOSED : 0;
}

/**
 * snapshot_send() - store the pieces of a copy
 *
 * Return: 0, QUEUE_E_CLOSED, BUS_E_DOWN, BUS_E_REFUSED, -errno.
 */
int snapshot_send(Snapshots *s, Store *store, Snapshot *snapshot, SnapshotProgressFn progress, void *context,
                  Diag *diag)
{
        _cleanup_(cleanup_free) uint8_t *message = malloc(PIECE_MAX + PIECE_HEAD);
        size_t max = bus_payload_max(s->bus);
        Sender x = { .s = s,
                     .snapshot = snapshot,
                     .message = message,
                     .progress = progress,
                     .context = context,
                     .diag = diag };
        BusStream have;
        int r;

        if (!message)
                error_oom(PIECE_MAX);
        r = bus_stream_look(s->bus, s->stream, &have);
        if (r || max <= PIECE_HEAD) {
                diag_set(diag, "JetStream does not answer");
                return BUS_E_DOWN;
        }
        max -= PIECE_HEAD;
        snapshot->id = snapshot_new_id();
        snapshot->at = have.last + 1;
        snapshot->n_bytes = snapshot->n_pieces = 0;
        r = store_used(store, &x.total);
        if (r)
                return error_trace(r);
        return store_copy_out(store, max < PIECE_MAX ? max : PIECE_MAX, send_piece, &x);
}

/* Others' pieces, and those that came twice, are passed by. Return: 0, BUS_E_NONE (one is missing), -errno.
 */
static int take_piece(const Snapshot *snapshot, const BusMessage *m, int fd, uint64_t *n_pieces,
                      uint64_t *n_bytes)
{
        uint64_t number;
        size_t n;
        int r;

        if (m->n < PIECE_HEAD || get_be64(m->data) != snapshot->id)
                return 0;
        number = get_be64(m->data + 8);
        n = m->n - PIECE_HEAD;
        if (number < *n_pieces)
                return 0;
        if (number > *n_pieces || n > snapshot->n_bytes - *n_bytes)
                return BUS_E_NONE;
        r = str_write(fd, m->data + PIECE_HEAD, n);
        *n_pieces += 1;
        *n_bytes += n;
        return r;
}

/* All pieces into the file. The stream's end before the last piece: it is gone. */
static int take_pieces(Snapshots *s, const Snapshot *snapshot, BusReader *reader, int fd,
                       SnapshotProgressFn progress, void *context)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        int64_t until = mono_ms() + SNAPSHOT_PATIENCE_MS;
        uint64_t n_pieces = 0, n_bytes = 0, seen = 0;

        while (n_pieces < snapshot->n_pieces) {
                BusMessage m;
                BusStream have;
                int r;

                arena_reset(a);
                r = bus_reader_next(reader, 1000, a, &m);
                if (r == 0) {
                        seen = m.sequence;
                        until = mono_ms() + SNAPSHOT_PATIENCE_MS;
                        r = take_piece(snapshot, &m, fd, &n_pieces, &n_bytes);
                        if (r)
                                return r;
                } else if (bus_stream_look(s->bus, s->stream, &have) == 0 &&
                           (have.last <= seen || have.first > have.last)) {
                        return BUS_E_NONE;
                } else if (mono_ms() > until) {
                        return BUS_E_DOWN;
                }
                if (progress && progress(context, n_bytes, snapshot->n_bytes))
                        return QUEUE_E_CLOSED;
        }
        return n_bytes == snapshot->n_bytes ? 0 : BUS_E_NONE;
}

static int refuse(int r, const char *path, Diag *diag)
{
        diag_set(diag, "%s: %s", path, strerror(-r));
        return r;
}

/**
 * snapshot_fetch() - the pieces as a file
 *
 * Return: 0, QUEUE_E_CLOSED, BUS_E_NONE, BUS_E_DOWN, -errno.
 */
int snapshot_fetch(Snapshots *s, const Snapshot *snapshot, const char *folder, SnapshotProgressFn progress,
                   void *context, Diag *diag)
{
        _cleanup_(bus_reader_freep) BusReader *reader = NULL;
        _cleanup_(cleanup_free) char *path = NULL;
        _cleanup_(cleanup_close) int fd = -1;
        int r;

        if (asprintf(&path, "%s/data.mdb", folder) < 0)
                error_oom(strlen(folder));
        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
                return refuse(-errno, folder, diag);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return refuse(-errno, path, diag);
        r = bus_reader_new(&reader, s->bus, s->stream, s->stream, snapshot->at);
        if (r == 0)
                r = take_pieces(s, snapshot, reader, fd, progress, context);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r == BUS_E_NONE)
                diag_set(diag, "the newest snapshot of the cluster's state \"%s\" is not whole", s->log);
        else if (r == BUS_E_DOWN)
                diag_set(diag, "JetStream does not answer");
        return r < 0 ? refuse(r, path, diag) : r;
}
