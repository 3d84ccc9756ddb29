/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Recording: what a feed has said, in a file
 *
 *      feed --> RecordingTap --> sink          sosync run --record FILE
 *                    |
 *                    v
 *      "sosync recording 1\n"  [length, checksum, batch]...  --> feed `replay` --> sink
 *
 * A batch is written when the sink has stored it, once, with all its entries and what they brought, as
 * msgpack (base/pack.h). Several sources write into one file; each batch says whose it is. A file that ends
 * in the middle of a batch ends before it. What a directory says of people is in it: it is readable by its
 * owner only.
 *
 * A tap never fails a batch: when the file cannot be written it is said once, and the service goes on.
 * RecordingFile may be used by several threads, a tap belongs to its feed's.
 */

#include "listener/feed.h"

#include <pthread.h>
#include <stdio.h>

typedef struct RecordingBatch RecordingBatch;
typedef struct RecordingFile RecordingFile;
typedef struct RecordingTap RecordingTap;

#define RECORDING_MAGIC   "sosync recording 1\n"
#define RECORDING_VERSION 1
#define RECORDING_MAX     ((size_t)256 << 20) /* of one batch */

enum {
        RECORDING_E_BASE_ = 2290, /* within ERROR_BASE_FEED */

        RECORDING_E_END,     /* no further batch */
        RECORDING_E_CORRUPT, /* the diag says what, and where */
};

struct RecordingFile {
        pthread_mutex_t lock; /* protects what follows */
        FILE *file;
        bool failed;
};

struct RecordingTap {
        FeedSink sink; /* first: the feed calls through it */
        FeedSink *next;
        RecordingFile *file;
        const char *name; /* of the source */
        const Log *log;
};

/* A new file; one that is there is not touched. Return: 0, -errno with a reason in the diag. */
int recording_create(RecordingFile *f, const char *path, Diag *diag);
void recording_close(RecordingFile *f); /* also of one that was never made */

void recording_tap_init(RecordingTap *t, RecordingFile *f, FeedSink *next, const char *name, const Log *log);

/* Reading. Everything lives in the arena. */
struct RecordingBatch {
        const char *name;
        FeedBatch batch; /* without position */
};

/* At the beginning of the file. Return: 0, RECORDING_E_CORRUPT. */
int recording_begin(FILE *file, const char *path, Diag *diag);

/* Return: 0, RECORDING_E_END, RECORDING_E_CORRUPT. */
int recording_next(FILE *file, const char *path, Arena *a, RecordingBatch *ret_batch, Diag *diag);
