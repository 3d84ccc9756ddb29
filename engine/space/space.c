/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/space/space.h"

#include "base/error.h"
#include "engine/space/space-internal.h"
#include "engine/space/space-records.h"

#include <string.h>

/* Ids are read in pages: a backend holds no reader open for longer than it takes to copy this many. */
#define LINK_PAGE 4096
/* A person has a manager or none, most groups have few members. */
#define LINK_PAGE_FIRST 32

/* A row that cannot be read: said with the table and the key, so that an operator can find the object. */
static int corrupt(SpaceTable table, const void *key, size_t n_key, int why, Diag *diag)
{
        const uint8_t *id = key;
        char guid[GUID_TEXT_MAX];
        ObjectId object;

        /* Every key of a record ends with the 16 bytes of the object's id. */
        memcpy(object.bytes, id + n_key - sizeof(object.bytes), sizeof(object.bytes));
        diag_set(diag, "the %s row of %s cannot be read: %s", space_table_name(table),
                 guid_format(&object, guid),
                 why == PACK_E_NEWER ? "it was written by a newer program" : "it is damaged");
        return SPACE_E_CORRUPT;
}

static int get(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a, SpaceRow *ret_row,
               uint64_t *ret_serial)
{
        int r;

        *ret_row = (SpaceRow){ 0 };
        r = s->ops->get(s, table, key, n_key, a, ret_row);
        if (r)
                return error_fold(r);
        /* The serial is given with a row that is not there too: 0 says that it must still not be there. */
        if (ret_serial)
                *ret_serial = ret_row->serial;
        return ret_row->serial ? 0 : SPACE_E_NONE;
}

/**
 * space_read_head() - what is known of an object without reading its record
 *
 * Return: 0, SPACE_E_NONE, SPACE_E_CORRUPT, -errno. The serial is also written with the two conditions.
 */
int space_read_head(Space *s, const ObjectKey *key, Arena *a, Head *ret_head, uint64_t *ret_serial,
                    Diag *diag)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        SpaceRow row;
        int r;

        object_key_pack(key, buf);
        r = get(s, SPACE_HEAD, buf, sizeof(buf), a, &row, ret_serial);
        if (r)
                return r;
        r = head_unpack(a, row.data, row.n, ret_head);
        return r ? corrupt(SPACE_HEAD, buf, sizeof(buf), r, diag) : 0;
}

/**
 * space_read_import() - the object as it was last imported from its source
 *
 * Return: 0, SPACE_E_NONE, SPACE_E_CORRUPT, -errno. The serial is also written with the two conditions.
 */
int space_read_import(Space *s, const ObjectKey *key, Arena *a, const Object **ret_object,
                      uint64_t *ret_serial, Diag *diag)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        SpaceRow row;
        int r;

        object_key_pack(key, buf);
        r = get(s, SPACE_IMPORT, buf, sizeof(buf), a, &row, ret_serial);
        if (r)
                return r;
        r = import_unpack(a, row.data, row.n, ret_object);
        return r ? corrupt(SPACE_IMPORT, buf, sizeof(buf), r, diag) : 0;
}

/**
 * space_read_person() - a metaverse object
 *
 * Return: 0, SPACE_E_NONE, SPACE_E_CORRUPT, -errno. The serial is also written with the two conditions.
 */
int space_read_person(Space *s, const ObjectId *mv, Arena *a, Person *ret_person, uint64_t *ret_serial,
                      Diag *diag)
{
        SpaceRow row;
        int r;

        r = get(s, SPACE_METAVERSE, mv->bytes, sizeof(mv->bytes), a, &row, ret_serial);
        if (r)
                return r;
        r = person_unpack(a, row.data, row.n, ret_person);
        return r ? corrupt(SPACE_METAVERSE, mv->bytes, sizeof(mv->bytes), r, diag) : 0;
}

/**
 * space_read_cloud() - an object of the Entra connector space
 *
 * Return: 0, SPACE_E_NONE, SPACE_E_CORRUPT, -errno. The serial is also written with the two conditions.
 */
int space_read_cloud(Space *s, const ObjectId *cloud, Arena *a, Cloud *ret_cloud, uint64_t *ret_serial,
                     Diag *diag)
{
        SpaceRow row;
        int r;

        r = get(s, SPACE_CLOUD, cloud->bytes, sizeof(cloud->bytes), a, &row, ret_serial);
        if (r)
                return r;
        r = cloud_unpack(a, row.data, row.n, ret_cloud);
        return r ? corrupt(SPACE_CLOUD, cloud->bytes, sizeof(cloud->bytes), r, diag) : 0;
}

/**
 * space_read_cloud_of() - the cloud id that a reference to this object resolves to
 *
 * Return: 0, SPACE_E_NONE, -errno. A row of the wrong length is no row: the object's next run writes it anew.
 */
int space_read_cloud_of(Space *s, const ObjectKey *key, ObjectId *ret_cloud)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint8_t buf[OBJECT_KEY_SIZE];
        SpaceRow row;
        int r;

        object_key_pack(key, buf);
        r = get(s, SPACE_CLOUD_OF, buf, sizeof(buf), a, &row, NULL);
        if (r)
                return r;
        if (row.n != sizeof(ret_cloud->bytes))
                return SPACE_E_NONE;
        memcpy(ret_cloud->bytes, row.data, row.n);
        return 0;
}

/**
 * space_read_intent() - the create that may be under way for a metaverse object
 *
 * Return: 0, SPACE_E_NONE, SPACE_E_CORRUPT, -errno. The serial is also written with the two conditions.
 */
int space_read_intent(Space *s, const ObjectId *mv, Arena *a, Intent *ret_intent, uint64_t *ret_serial,
                      Diag *diag)
{
        SpaceRow row;
        int r;

        r = get(s, SPACE_INTENT, mv->bytes, sizeof(mv->bytes), a, &row, ret_serial);
        if (r)
                return r;
        r = intent_unpack(a, row.data, row.n, ret_intent);
        return r ? corrupt(SPACE_INTENT, mv->bytes, sizeof(mv->bytes), r, diag) : 0;
}

/**
 * space_read_container() - the name of a domain, OU or container
 *
 * Return: 0, SPACE_E_NONE, SPACE_E_CORRUPT, -errno. The serial is also written with the two conditions.
 */
int space_read_container(Space *s, const ObjectKey *key, Arena *a, Container *ret_container,
                         uint64_t *ret_serial, Diag *diag)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        SpaceRow row;
        int r;

        object_key_pack(key, buf);
        r = get(s, SPACE_CONTAINER, buf, sizeof(buf), a, &row, ret_serial);
        if (r)
                return r;
        r = container_unpack(a, row.data, row.n, ret_container);
        return r ? corrupt(SPACE_CONTAINER, buf, sizeof(buf), r, diag) : 0;
}

/* All ids under a key, page by page into one array. */
static int all_links(Space *s, LinkTable table, const void *key, size_t n_key, Arena *a, ObjectId **ret_ids,
                     size_t *ret_n)
{
        ObjectId *ids = NULL;
        size_t n = 0, size = 0;

        for (;;) {
                const size_t max = n ? LINK_PAGE : LINK_PAGE_FIRST;
                ObjectId *page = NULL;
                size_t n_page = 0;
                int r;

                r = s->ops->links(s, table, key, n_key, n ? &ids[n - 1] : NULL, max, a, &page, &n_page);
                if (r)
                        return error_fold(r);
                if (n_page == 0)
                        break;
                if (n == 0) {
                        /* Nearly always the first page is all there is. */
                        ids = page;
                        n = size = n_page;
                } else {
                        if (n + n_page > size) {
                                ObjectId *bigger;

                                size = (n + n_page) * 2;
                                bigger = arena_new_array(a, ObjectId, size);
                                memcpy(bigger, ids, n * sizeof(*ids));
                                ids = bigger;
                        }
                        memcpy(ids + n, page, n_page * sizeof(*ids));
                        n += n_page;
                }
                if (n_page < max)
                        break;
        }
        *ret_ids = ids;
        *ret_n = n;
        return 0;
}

/**
 * space_read_links() - all ids of an owner's links under one name, sorted
 *
 * Return: 0 (also when there are none), -errno.
 */
int space_read_links(Space *s, LinkTable table, const void *owner, size_t n_owner, const char *name, Arena *a,
                     ObjectId **ret_ids, size_t *ret_n)
{
        uint8_t key[SPACE_KEY_MAX];
        size_t n_key = space_link_key(owner, n_owner, name, key);

        return all_links(s, table, key, n_key, a, ret_ids, ret_n);
}

/**
 * space_page_links() - at most @max of them, greater than @after
 *
 * Return: 0 (also when there are none), -errno.
 */
int space_page_links(Space *s, LinkTable table, const void *owner, size_t n_owner, const char *name,
                     const ObjectId *after, size_t max, Arena *a, ObjectId **ret_ids, size_t *ret_n)
{
        uint8_t key[SPACE_KEY_MAX];
        size_t n_key = space_link_key(owner, n_owner, name, key);

        *ret_ids = NULL;
        *ret_n = 0;
        return error_fold(s->ops->links(s, table, key, n_key, after, max, a, ret_ids, ret_n));
}

/**
 * space_has_link() - is this id among an owner's links?
 *
 * Return: 0, -errno.
 */
int space_has_link(Space *s, LinkTable table, const void *owner, size_t n_owner, const char *name,
                   const ObjectId *id, bool *ret_has)
{
        uint8_t key[SPACE_KEY_MAX];
        size_t n_key = space_link_key(owner, n_owner, name, key);

        return error_fold(s->ops->has_link(s, table, key, n_key, id, ret_has));
}

static int by_id(const void *a, const void *b)
{
        return guid_compare(a, b);
}

/**
 * space_find_join() - metaverse objects whose join attribute has this value, or one of these
 *
 * Return: 0 (also when there are none), -errno.
 */
int space_find_join(Space *s, const char *type, const char *attribute, Value v, bool case_sensitive, Arena *a,
                    ObjectId **ret_ids, size_t *ret_n)
{
        size_t n_values = value_count(v), n = 0, n_unique = 0;
        ObjectId *ids = NULL;

        for (size_t i = 0; i < n_values; i++) {
                uint8_t key[SPACE_HASH_SIZE];
                ObjectId *found = NULL, *both;
                size_t n_found = 0;
                int r;

                space_join_key(type, attribute, value_at(v, i), case_sensitive, a, key);
                r = all_links(s, LINK_JOIN, key, sizeof(key), a, &found, &n_found);
                if (r)
                        return r;
                if (n_found == 0)
                        continue;
                both = arena_new_array(a, ObjectId, n + n_found);
                if (n)
                        memcpy(both, ids, n * sizeof(*ids));
                memcpy(both + n, found, n_found * sizeof(*ids));
                ids = both;
                n += n_found;
        }
        if (n > 1)
                qsort(ids, n, sizeof(*ids), by_id);
        for (size_t i = 0; i < n; i++) {
                if (i == 0 || !guid_is(&ids[i], &ids[n_unique - 1]))
                        ids[n_unique++] = ids[i];
        }
        *ret_ids = ids;
        *ret_n = n_unique;
        return 0;
}

/**
 * space_claim() - one run at a time per metaverse object, in memory
 *
 * Return: 0, SPACE_E_BUSY.
 */
int space_claim(Space *s, const ObjectId *metaverse)
{
        return s->ops->claim(s, metaverse);
}

void space_release(Space *s, const ObjectId *metaverse)
{
        s->ops->release(s, metaverse);
}
