/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/store.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/**
 * store_error() - LMDB's codes in ours
 *
 * LMDB gives errno as it is, and negative numbers of its own.
 */
int store_error(int rc)
{
        switch (rc) {
        case 0:
                return 0;
        case MDB_MAP_FULL:
                return -ENOSPC;
        case MDB_CORRUPTED:
        case MDB_PAGE_NOTFOUND:
        case MDB_INVALID:
        case MDB_VERSION_MISMATCH:
                return -EBADMSG;
        case MDB_READERS_FULL:
                return -EAGAIN;
        default:
                return rc > 0 ? -rc : -EIO;
        }
}

static int open_table(MDB_txn *txn, const char *prefix, const char *a, const char *b, unsigned flags,
                      MDB_dbi *ret_dbi)
{
        char name[64];
        int rc;

        snprintf(name, sizeof(name), "%s%s%s%s%s", prefix, a ? "-" : "", a ? a : "", b ? "-" : "",
                 b ? b : "");
        rc = mdb_dbi_open(txn, name, flags, ret_dbi);
        /* Who only looks finds the tables that are there. */
        return rc == MDB_NOTFOUND && !(flags & MDB_CREATE) ? 0 : rc;
}

static int open_shared_tables(Store *s, MDB_txn *txn, unsigned make)
{
        const struct {
                const char *name;
                MDB_dbi *dbi;
        } tables[] = {
                { "session", &s->session }, { "held", &s->held }, { "claim", &s->claim },
                { "rest", &s->rest },       { "term", &s->term }, { "part", &s->part },
        };
        int rc = 0;

        for (size_t i = 0; rc == 0 && i < N_ELEMENTS(tables); i++)
                rc = open_table(txn, tables[i].name, NULL, NULL, make, tables[i].dbi);
        return rc;
}

int store_open_tables(Store *s, MDB_txn *txn, bool create)
{
        unsigned make = create ? MDB_CREATE : 0;
        int rc;

        rc = open_table(txn, "meta", NULL, NULL, make, &s->meta);
        if (rc == 0)
                rc = open_table(txn, "change", NULL, NULL, make, &s->change);
        if (rc == 0)
                rc = open_table(txn, "position", NULL, NULL, make, &s->position);
        if (rc == 0)
                rc = open_table(txn, "outcome", NULL, NULL, make, &s->outcome);
        for (unsigned lane = 0; rc == 0 && lane < _LANE_N; lane++) {
                for (unsigned i = 0; rc == 0 && i < _ROW_CLASS_N; i++)
                        rc = open_table(txn, "due", lane_name((Lane)lane), row_class_name((RowClass)i), make,
                                        &s->due[lane][i]);
        }
        for (unsigned table = SPACE_HEAD; rc == 0 && table <= SPACE_LAST; table++)
                rc = open_table(txn, "space", space_table_name((SpaceTable)table), NULL, make,
                                &s->space[table]);
        for (unsigned table = LINK_IMPORT; rc == 0 && table <= LINK_READY; table++)
                rc = open_table(txn, "link", link_table_name((LinkTable)table), NULL,
                                MDB_DUPSORT | MDB_DUPFIXED | make, &s->link[table]);
        return rc || !s->is_shared ? rc : open_shared_tables(s, txn, make);
}

/**
 * store_read() - a snapshot of what is durable
 *
 * A transaction at rest keeps its slot in the table of readers, and is renewed in a fraction of the time that
 * a new one takes.
 *
 * Return: 0, -errno.
 */
int store_read(Store *s, MDB_txn **ret_txn)
{
        MDB_txn *txn = NULL;
        int rc;

        pthread_mutex_lock(&s->lock);
        if (s->n_readers > 0)
                txn = s->readers[--s->n_readers];
        pthread_mutex_unlock(&s->lock);
        if (txn) {
                rc = mdb_txn_renew(txn);
                if (rc) {
                        mdb_txn_abort(txn);
                        return error_origin(store_error(rc));
                }
        } else {
                rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
                if (rc)
                        return error_origin(store_error(rc));
        }
        *ret_txn = txn;
        return 0;
}

void store_read_end(Store *s, MDB_txn *txn)
{
        if (!txn)
                return;
        mdb_txn_reset(txn);
        pthread_mutex_lock(&s->lock);
        if (s->n_readers < STORE_READERS_KEPT) {
                s->readers[s->n_readers++] = txn;
                txn = NULL;
        }
        pthread_mutex_unlock(&s->lock);
        if (txn)
                mdb_txn_abort(txn);
}

void store_forget_dead(Store *s)
{
        int n = 0;

        mdb_reader_check(s->env, &n);
}

int store_get(MDB_txn *txn, MDB_dbi dbi, const void *key, size_t n_key, MDB_val *ret_val)
{
        MDB_val k = store_val(key, n_key);

        return mdb_get(txn, dbi, &k, ret_val);
}

/* Pages in LMDB's list of free pages, which is table 0: each value is a count and that many page numbers. */
static int count_free(Store *s, MDB_txn *txn, uint64_t *ret_n)
{
        MDB_cursor *cursor;
        MDB_val key, val;
        uint64_t n = 0;
        int rc;

        rc = mdb_cursor_open(txn, 0, &cursor);
        if (rc)
                return rc;
        while ((rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) == 0) {
                size_t count = 0;

                if (val.mv_size >= sizeof(count))
                        memcpy(&count, val.mv_data, sizeof(count));
                n += count;
        }
        mdb_cursor_close(cursor);
        if (rc != MDB_NOTFOUND)
                return rc;
        *ret_n = n;
        return 0;
}

/**
 * store_used() - bytes that hold data
 *
 * Reads the list of free pages, so it costs more the more there are: ask only near the limit.
 *
 * Return: 0, -errno.
 */
int store_used(Store *s, uint64_t *ret_used)
{
        MDB_txn *txn = NULL;
        MDB_envinfo info;
        uint64_t n_free = 0, n_pages;
        int r, rc;

        r = store_read(s, &txn);
        if (r)
                return error_trace(r);
        rc = mdb_env_info(s->env, &info);
        if (rc == 0)
                rc = count_free(s, txn, &n_free);
        store_read_end(s, txn);
        if (rc)
                return error_origin(store_error(rc));
        n_pages = info.me_last_pgno + 1;
        *ret_used = (n_pages > n_free ? n_pages - n_free : 0) * s->page_size;
        return 0;
}

uint64_t store_file_bytes(Store *s)
{
        MDB_envinfo info;

        return mdb_env_info(s->env, &info) ? 0 : (info.me_last_pgno + 1) * (uint64_t)s->page_size;
}

bool store_disk_is_full(Store *s)
{
        struct statvfs v;

        return statvfs(s->path, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize < STORE_DISK_MIN;
}

/**
 * store_may_grow() - after an error: can the file become longer?
 *
 * LMDB says EIO for a write that came out short, and a quota or a limit on the size of files cuts a write
 * short just as a full disk does, while statvfs knows nothing of it. So one page is written behind the end:
 * nobody reads there, and LMDB writes over it when it needs the place.
 */
bool store_may_grow(Store *s)
{
        static const uint8_t page[4096];
        struct stat st;
        int fd;

        if (mdb_env_get_fd(s->env, &fd) || fstat(fd, &st) < 0)
                return true;
        return pwrite(fd, page, sizeof(page), st.st_size) == (ssize_t)sizeof(page) ||
               (errno != ENOSPC && errno != EDQUOT && errno != EFBIG);
}
