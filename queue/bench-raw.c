/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/bench-raw.h"

#include "queue/record.h"

#include <dirent.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const Wall bench_start = { INT64_C(1795593600000) };

_Noreturn void bench_give_up(const char *what, int r)
{
        fprintf(stderr, "bench-queue: %s: %d\n", what, r);
        exit(1);
}

double bench_seconds(Mono from)
{
        return (double)(clock_mono(&clock_system).us - from.us) / 1e6;
}

char *bench_folder_new(void)
{
        const char *tmp = getenv("TMPDIR");
        char *path = NULL;

        if (asprintf(&path, "%s/sosync-bench-XXXXXX", tmp && tmp[0] ? tmp : "/tmp") < 0 || !mkdtemp(path))
                bench_give_up("mkdtemp", -1);
        return path;
}

void bench_folder_remove(char *path)
{
        DIR *dir = opendir(path);
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                char name[4096];

                snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
                if (entry->d_name[0] != '.')
                        unlink(name);
        }
        if (dir)
                closedir(dir);
        rmdir(path);
        free(path);
}

/* GUIDs are random to the order of a B-tree. */
ObjectId bench_id_of(size_t n)
{
        Hash128 h = hash128(&n, sizeof(n), 1);
        ObjectId id;

        memcpy(id.bytes, &h, sizeof(id.bytes));
        return id;
}

/* The same rows without a queue: per commit `batch` cycles. */
double bench_raw(size_t n, size_t batch)
{
        char *path = bench_folder_new();
        MDB_dbi change, due, position, outcome;
        MDB_env *env;
        MDB_txn *txn;
        Mono from;
        double s;

        mdb_env_create(&env);
        mdb_env_set_maxdbs(env, 8);
        mdb_env_set_mapsize(env, (size_t)4 << 30);
        if (mdb_env_open(env, path, MDB_NOTLS, 0600) || mdb_txn_begin(env, NULL, 0, &txn) ||
            mdb_dbi_open(txn, "change", MDB_CREATE, &change) || mdb_dbi_open(txn, "due", MDB_CREATE, &due) ||
            mdb_dbi_open(txn, "position", MDB_CREATE, &position) ||
            mdb_dbi_open(txn, "outcome", MDB_CREATE, &outcome) || mdb_txn_commit(txn))
                bench_give_up("raw", -1);
        from = clock_mono(&clock_system);
        /* Each commit takes the puts of one batch and the acks of the one before, as they come in the queue.
         */
        for (size_t at = 0; at < n + batch; at += batch) {
                int rc = mdb_txn_begin(env, NULL, 0, &txn);

                for (size_t i = 0; rc == 0 && i < batch; i++) {
                        static char row[140], report[1100];
                        uint8_t place[PLACE_KEY_SIZE];
                        uint8_t number[8];
                        ObjectId id;
                        MDB_val k, v;

                        if (at + i < n) {
                                id = bench_id_of(at + i);
                                place_key(&(Place){ .due = bench_start, .sequence = at + i }, place);
                                k = (MDB_val){ sizeof(id), id.bytes };
                                v = (MDB_val){ sizeof(row), row };
                                rc |= mdb_put(txn, change, &k, &v, 0);
                                k = (MDB_val){ sizeof(place), place };
                                v = (MDB_val){ sizeof(id), id.bytes };
                                rc |= mdb_put(txn, due, &k, &v, 0);
                                k = (MDB_val){ 4, row };
                                v = (MDB_val){ 10, row };
                                rc |= mdb_put(txn, position, &k, &v, 0);
                        }
                        if (at + i >= batch && at + i - batch < n) {
                                id = bench_id_of(at + i - batch);
                                place_key(&(Place){ .due = bench_start, .sequence = at + i - batch }, place);
                                k = (MDB_val){ sizeof(place), place };
                                rc |= mdb_get(txn, due, &k, &v);
                                rc |= mdb_del(txn, due, &k, NULL);
                                k = (MDB_val){ sizeof(id), id.bytes };
                                rc |= mdb_get(txn, change, &k, &v);
                                rc |= mdb_del(txn, change, &k, NULL);
                                put_be64(at + i, number);
                                k = (MDB_val){ sizeof(number), number };
                                v = (MDB_val){ sizeof(report), report };
                                rc |= mdb_put(txn, outcome, &k, &v, 0);
                        }
                }
                if (rc || mdb_txn_commit(txn))
                        bench_give_up("raw", rc);
        }
        s = bench_seconds(from);
        mdb_env_close(env);
        bench_folder_remove(path);
        return (double)n / s;
}
