/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/bus-internal.h"

#include "base/error.h"

#include <string.h>

struct Bucket {
        Bus *bus;
        kvStore *store;
};

/*
 * libnats gives one status for every refusal of a compare-and-set, and the reason only as text. Here a key
 * can be refused for nothing else, and what is no time-out and no lost connection is one.
 */
static int write_error(natsStatus s)
{
        switch (s) {
        case NATS_OK:
                return 0;
        case NATS_ERR:
                return BUS_E_TAKEN;
        default:
                return BUS_E_DOWN;
        }
}

int bucket_open(Bucket **ret_bucket, Bus *b, const char *name)
{
        _cleanup_(bucket_freep) Bucket *bk = calloc(1, sizeof(*bk));
        natsStatus s;

        if (!bk)
                error_oom(sizeof(*bk));
        bk->bus = b;
        s = js_KeyValue(&bk->store, b->js, name);
        if (s != NATS_OK)
                return s == NATS_NOT_FOUND ? BUS_E_NONE : BUS_E_DOWN;
        *ret_bucket = TAKE(bk);
        return 0;
}

int bucket_new(Bucket **ret_bucket, Bus *b, const char *name, int64_t age_ms, Diag *diag)
{
        _cleanup_(bucket_freep) Bucket *bk = calloc(1, sizeof(*bk));
        kvConfig config;
        natsStatus s;

        if (!bk)
                error_oom(sizeof(*bk));
        bk->bus = b;
        s = js_KeyValue(&bk->store, b->js, name);
        if (s == NATS_NOT_FOUND) {
                kvConfig_Init(&config);
                config.Bucket = name;
                config.History = 1;
                config.TTL = age_ms * 1000000;
                config.Replicas = b->replicas;
                config.StorageType = js_FileStorage;
                s = js_CreateKeyValue(&bk->store, b->js, &config);
                /* Another node was quicker. */
                if (s == NATS_ERR)
                        s = js_KeyValue(&bk->store, b->js, name);
        }
        if (s != NATS_OK) {
                diag_set(diag, "bucket %s: %s", name, natsStatus_GetText(s));
                return s == NATS_ERR ? BUS_E_REFUSED : BUS_E_DOWN;
        }
        *ret_bucket = TAKE(bk);
        return 0;
}

Bucket *bucket_free(Bucket *bk)
{
        if (!bk)
                return NULL;
        kvStore_Destroy(bk->store);
        free(bk);
        return NULL;
}

int bucket_get(Bucket *bk, const char *key, Arena *a, const char **ret_value, uint64_t *ret_revision)
{
        kvEntry *entry = NULL;
        natsStatus s = kvStore_Get(&entry, bk->store, key);

        if (s == NATS_OK) {
                *ret_value = arena_strndup(a, kvEntry_Value(entry), (size_t)kvEntry_ValueLen(entry));
                *ret_revision = kvEntry_Revision(entry);
        }
        kvEntry_Destroy(entry);
        return s == NATS_OK ? 0 : s == NATS_NOT_FOUND ? BUS_E_NONE : BUS_E_DOWN;
}

int bucket_create(Bucket *bk, const char *key, const char *value, uint64_t *ret_revision)
{
        return write_error(kvStore_CreateString(ret_revision, bk->store, key, value));
}

int bucket_update(Bucket *bk, const char *key, const char *value, uint64_t revision, uint64_t *ret_revision)
{
        return write_error(kvStore_UpdateString(ret_revision, bk->store, key, value, revision));
}

int bucket_put(Bucket *bk, const char *key, const char *value)
{
        return kvStore_PutString(NULL, bk->store, key, value) == NATS_OK ? 0 : BUS_E_DOWN;
}

int bucket_remove(Bucket *bk, const char *key)
{
        return kvStore_Delete(bk->store, key) == NATS_OK ? 0 : BUS_E_DOWN;
}

int bucket_walk(Bucket *bk, Arena *a, void (*fn)(void *context, const char *key, const char *value),
                void *context)
{
        kvKeysList list = { 0 };
        natsStatus s = kvStore_Keys(&list, bk->store, NULL);
        int r = s == NATS_OK || s == NATS_NOT_FOUND ? 0 : BUS_E_DOWN;

        for (int i = 0; r == 0 && i < list.Count; i++) {
                const char *value = NULL;
                uint64_t revision;

                r = bucket_get(bk, list.Keys[i], a, &value, &revision);
                if (r == 0)
                        fn(context, arena_strdup(a, list.Keys[i]), value);
                if (r == BUS_E_NONE) /* gone since */
                        r = 0;
        }
        kvKeysList_Destroy(&list);
        return r;
}
