/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/pack.h"

typedef struct Frame {
        uint64_t n;
        Hash128 checksum;
} Frame;

#define N_FIELDS       5
#define N_ENTRY_FIELDS 8

/* -- writing --------------------------------------------------------------------------------------------- */

int recording_create(RecordingFile *f, const char *path, Diag *diag)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        *f = (RecordingFile){ 0 };
        if (fd < 0) {
                int r = -errno;

                diag_set(diag, "%s: cannot record into it: %s", path, strerror(-r));
                return r;
        }
        f->file = fdopen(fd, "w");
        if (!f->file)
                error_oom(0);
        pthread_mutex_init(&f->lock, NULL);
        fputs(RECORDING_MAGIC, f->file);
        return 0;
}

void recording_close(RecordingFile *f)
{
        if (!f->file)
                return;
        fclose(f->file);
        f->file = NULL;
        pthread_mutex_destroy(&f->lock);
}

static void pack_batch(PackWriter *w, const char *name, const FeedBatch *b)
{
        pack_array(w, N_FIELDS);
        pack_int(w, RECORDING_VERSION);
        pack_str(w, name);
        pack_int(w, b->seen.ms);
        pack_bool(w, b->catch_up);
        pack_array(w, b->n_entries);
        for (size_t i = 0; i < b->n_entries; i++) {
                const FeedEntry *e = &b->entries[i];

                pack_array(w, N_ENTRY_FIELDS);
                pack_bytes(w, e->id.bytes, sizeof(e->id.bytes));
                pack_str(w, e->dn);
                pack_bool(w, e->gone);
                pack_bool(w, e->whole);
                pack_bytes(w, e->version.server.bytes, sizeof(e->version.server.bytes));
                pack_int(w, (int64_t)e->version.number);
                pack_int(w, e->changed.ms);
                object_pack(w, e->brought);
        }
}

/* Return: 0, -errno. */
static int write_frame(RecordingFile *f, const PackWriter *w)
{
        size_t n;
        const uint8_t *data = pack_data(w, &n);
        Frame frame = { .n = n, .checksum = hash128(data, n, 0) };

        errno = 0;
        if (fwrite(&frame, sizeof(frame), 1, f->file) != 1 || fwrite(data, n, 1, f->file) != 1 ||
            fflush(f->file) != 0)
                return errno ? -errno : -EIO;
        return 0;
}

static void record(RecordingTap *t, const FeedBatch *b)
{
        PackWriter w;
        int r = 0;

        if (b->n_entries == 0)
                return;
        pack_init(&w);
        pack_batch(&w, t->name, b);
        pthread_mutex_lock(&t->file->lock);
        if (!t->file->failed) {
                r = write_frame(t->file, &w);
                t->file->failed = r != 0;
        }
        pthread_mutex_unlock(&t->file->lock);
        pack_deinit(&w);
        if (r)
                log_error(t->log, "the recording ends here; the service goes on",
                          LOG_STR("reason", strerror(-r)));
}

static int tap_batch(FeedSink *sink, const FeedBatch *batch)
{
        RecordingTap *t = (RecordingTap *)sink;
        int r = t->next->batch(t->next, batch);

        if (r == 0)
                record(t, batch);
        return r;
}

static void tap_state(FeedSink *sink, const FeedStatus *status)
{
        RecordingTap *t = (RecordingTap *)sink;

        if (t->next->state)
                t->next->state(t->next, status);
}

void recording_tap_init(RecordingTap *t, RecordingFile *f, FeedSink *next, const char *name, const Log *log)
{
        *t = (RecordingTap){
                .sink = { .batch = tap_batch, .state = tap_state },
                .next = next,
                .file = f,
                .name = name,
                .log = log,
        };
}

/* -- reading --------------------------------------------------------------------------------------------- */

static int corrupt(const char *path, long at, const char *what, Diag *diag)
{
        diag_set(diag, "%s: at byte %ld: %s", path, at, what);
        return RECORDING_E_CORRUPT;
}

int recording_begin(FILE *file, const char *path, Diag *diag)
{
        char magic[sizeof(RECORDING_MAGIC)] = { 0 };

        if (fread(magic, sizeof(magic) - 1, 1, file) != 1 || strcmp(magic, RECORDING_MAGIC) != 0)
                return corrupt(path, 0, "it is no recording of sosync, or of another version", diag);
        return 0;
}

static void unpack_batch(PackReader *r, Arena *a, RecordingBatch *b)
{
        FeedEntry *entries;
        size_t n_fields = unpack_array(r);

        unpack_version(r, RECORDING_VERSION);
        b->name = unpack_str(r, a);
        b->batch.seen.ms = unpack_int(r);
        b->batch.catch_up = unpack_bool(r);
        b->batch.n_entries = unpack_array(r);
        b->batch.entries = entries = arena_new_array(a, FeedEntry, b->batch.n_entries + 1);
        for (size_t i = 0; i < b->batch.n_entries && !unpack_end(r); i++) {
                FeedEntry *e = &entries[i];
                size_t n = unpack_array(r);

                unpack_fixed(r, e->id.bytes, sizeof(e->id.bytes));
                e->dn = unpack_str(r, a);
                e->gone = unpack_bool(r);
                e->whole = unpack_bool(r);
                unpack_fixed(r, e->version.server.bytes, sizeof(e->version.server.bytes));
                e->version.number = (uint64_t)unpack_int(r);
                e->changed.ms = unpack_int(r);
                e->brought = object_unpack(r, a);
                e->dn = e->dn ? e->dn : "";
                unpack_skip(r, n > N_ENTRY_FIELDS ? n - N_ENTRY_FIELDS : 0);
        }
        unpack_skip(r, n_fields > N_FIELDS ? n_fields - N_FIELDS : 0);
}

/**
 * recording_next() - the next batch
 *
 * Return: 0, RECORDING_E_END, RECORDING_E_CORRUPT.
 */
int recording_next(FILE *file, const char *path, Arena *a, RecordingBatch *ret_batch, Diag *diag)
{
        _cleanup_(cleanup_free) uint8_t *data = NULL;
        RecordingBatch b = { 0 };
        long at = ftell(file);
        Hash128 is;
        PackReader r;
        Frame frame;

        if (fread(&frame, sizeof(frame), 1, file) != 1)
                return RECORDING_E_END;
        if (frame.n > RECORDING_MAX)
                return corrupt(path, at, "a batch that is too long", diag);
        data = malloc(frame.n + 1);
        if (!data)
                error_oom(frame.n);
        if (fread(data, 1, frame.n, file) != frame.n)
                return RECORDING_E_END;
        is = hash128(data, frame.n, 0);
        if (is.low != frame.checksum.low || is.high != frame.checksum.high)
                return corrupt(path, at, "a batch whose checksum is wrong", diag);
        unpack_init(&r, arena_memdup(a, data, frame.n), frame.n);
        unpack_batch(&r, a, &b);
        if (unpack_end(&r))
                return corrupt(path, at, "a batch that has not the form of one", diag);
        *ret_batch = b;
        return 0;
}
