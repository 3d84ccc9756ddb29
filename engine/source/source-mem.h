/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SourceMem: a directory in memory, for tests
 *
 *      SourceMem *dir = source_mem_new(&info);
 *      source_mem_put(dir, &(SourceEntry){ .object = ada, .version = { server, 7 } });
 *      Source *s = source_mem_open(dir);           one per worker thread
 *      source_mem_fail(dir, SOURCE_E_UNREACHABLE, 2);
 *
 * It answers as the LDAP source does: only what was asked for (and what always comes), a version below
 * at_least is SOURCE_E_STALE, a deleted object is found by id and not by DN. It is more exact than a server
 * in one thing: names are compared as written. A listing takes a copy first, so it is never torn by a put.
 *
 * A directory is shared by any number of Sources and threads (one mutex), and outlives them.
 */

#include "engine/source/source.h"

typedef struct SourceMem SourceMem;

SourceMem *source_mem_new(const SourceInfo *info); /* copied */
SourceMem *source_mem_free(SourceMem *m);

Source *source_mem_open(SourceMem *m); /* source_free() */

/* Add or replace the object with this id. Everything is copied. A DN of NULL in the object is a bug. */
void source_mem_put(SourceMem *m, const SourceEntry *entry);

/* Forget it: neither id nor DN finds it. A tombstone is an entry with `deleted`. */
void source_mem_remove(SourceMem *m, const ObjectId *id);

/* The next n_times calls of any kind (each page of a listing is one) return this condition, with `text` as
 * diag; 0: until it is set again. A condition of 0 ends it. */
void source_mem_fail(SourceMem *m, int condition, unsigned n_times, const char *text);

/* Only calls that read this object fail. */
void source_mem_fail_object(SourceMem *m, const ObjectId *id, int condition, unsigned n_times,
                            const char *text);

/* How many reads (source_read) there were, for tests that count them. */
uint64_t source_mem_reads(SourceMem *m);

DEFINE_CLEANUP(SourceMem, source_mem_free)
