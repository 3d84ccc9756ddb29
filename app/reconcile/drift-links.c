/* SPDX-License-Identifier: Apache-2.0 */

#include "app/reconcile/drift-links.h"

#include "base/error.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define READ_US ((int64_t)60 * 1000000)
#define NEAR    1000

void drift_links_begin(DriftLinks *d, const Drift *drift, const char *type, bool listing)
{
        *d = (DriftLinks){
                .drift = drift,
                .space = queue_space(drift->queue),
                .type = type,
                .attribute = str_is(type, "group") ? "member" : "manager",
                .listing = listing,
        };
}

void drift_links_end(DriftLinks *d)
{
        free(d->owners);
        *d = (DriftLinks){ 0 };
}

/* -- what is known --------------------------------------------------------------------------------------- */

/* As the cloud was when it was last read or written: sorted. Return: 0, -errno. */
static int read_known(const DriftLinks *d, const ObjectId *id, Arena *a, ObjectId **ret_ids, size_t *ret_n)
{
        *ret_ids = NULL;
        *ret_n = 0;
        return error_trace(
                space_read_links(d->space, LINK_CLOUD, id, sizeof(*id), d->attribute, a, ret_ids, ret_n));
}

static int compare_ids(const void *a, const void *b)
{
        return guid_compare(a, b);
}

static bool has_id(const ObjectId *ids, size_t n, const ObjectId *id)
{
        return n && bsearch(id, ids, n, sizeof(*ids), compare_ids);
}

/* Does one of the sources of `person` name one of those behind this object of the cloud? Return: 0, -errno.
 */
static int is_named(const DriftLinks *d, const Person *person, const ObjectId *cloud_id, Arena *a, bool *ret)
{
        Cloud cloud;
        Person named;
        int r = space_read_cloud(d->space, cloud_id, a, &cloud, NULL, NULL);

        *ret = false;
        if (r == 0)
                r = space_read_person(d->space, &cloud.metaverse, a, &named, NULL, NULL);
        if (r)
                return r < 0 ? error_trace(r) : 0;
        for (size_t i = 0; i < person->n_joined && !*ret; i++) {
                uint8_t owner[OBJECT_KEY_SIZE], key[SPACE_KEY_MAX];
                size_t n_key;

                object_key_pack(&person->joined[i], owner);
                n_key = space_link_key(owner, sizeof(owner), d->attribute, key);
                for (size_t k = 0; k < named.n_joined && !*ret; k++) {
                        r = d->space->ops->has_link(d->space, LINK_IMPORT, key, n_key, &named.joined[k].id,
                                                    ret);
                        if (r)
                                return error_fold(r);
                }
        }
        return 0;
}

/* -- what a delta query says ----------------------------------------------------------------------------- */

static ListedOwner *find_owner(DriftLinks *d, const ObjectId *id)
{
        /* A large group comes in pieces, more or less one after the other. */
        for (size_t i = d->n_owners; i-- > 0 && d->n_owners - i < NEAR;)
                if (guid_is(&d->owners[i].id, id))
                        return &d->owners[i];
        return NULL;
}

int drift_links_saw(DriftLinks *d, const ObjectId *id, Arena *a)
{
        ObjectId *ids;
        size_t n;
        int r;

        if (!d->listing)
                return 0;
        r = read_known(d, id, a, &ids, &n);
        if (r || !n)
                return r;
        if (d->n_owners == d->size_owners) {
                d->size_owners = d->size_owners ? 2 * d->size_owners : 256;
                d->owners = realloc(d->owners, d->size_owners * sizeof(*d->owners));
                if (!d->owners)
                        error_oom(d->size_owners * sizeof(*d->owners));
        }
        d->owners[d->n_owners++] = (ListedOwner){ .id = *id, .n_known = n };
        return 0;
}

/* A listing: those that are mentioned are counted. */
static int count_mentioned(DriftLinks *d, const ObjectId *id, const TenantLink *links, size_t n, Arena *a)
{
        ListedOwner *owner = find_owner(d, id);
        ObjectId *ids;
        size_t n_ids;
        int r;

        if (!owner)
                return 0;
        r = read_known(d, id, a, &ids, &n_ids);
        for (size_t i = 0; r == 0 && i < n; i++)
                owner->n_mentioned += links[i].there && has_id(ids, n_ids, &links[i].id);
        return r;
}

int drift_links_look(DriftLinks *d, const ObjectId *id, const Person *person, const TenantLink *links,
                     size_t n, Arena *a, bool *ret_differs)
{
        ObjectId *ids;
        size_t n_ids;
        int r;

        *ret_differs = false;
        if (d->listing)
                return count_mentioned(d, id, links, n, a);
        r = read_known(d, id, a, &ids, &n_ids);
        for (size_t i = 0; r == 0 && i < n && !*ret_differs; i++) {
                bool back = false;

                /* What goes and comes again in one answer is there: the last word counts. */
                for (size_t k = i + 1; k < n; k++)
                        back |= guid_is(&links[k].id, &links[i].id) && links[k].there;
                if (!links[i].there && !back && has_id(ids, n_ids, &links[i].id))
                        r = is_named(d, person, &links[i].id, a, ret_differs);
        }
        return r;
}

/* -- what a listing did not mention ---------------------------------------------------------------------- */

typedef struct Reading {
        ObjectSink sink; /* first */
        ObjectId *ids;
        size_t n, size;
} Reading;

static int take_object(ObjectSink *sink, const TargetObject *o)
{
        (void)sink;
        (void)o;
        return 0;
}

static int take_links(ObjectSink *sink, const char *attribute, const ObjectId *ids, size_t n)
{
        Reading *reading = (Reading *)sink;

        (void)attribute;
        if (reading->n + n > reading->size) {
                reading->size = 2 * reading->size + n;
                reading->ids = realloc(reading->ids, reading->size * sizeof(*ids));
                if (!reading->ids)
                        error_oom(reading->size * sizeof(*ids));
        }
        memcpy(reading->ids + reading->n, ids, n * sizeof(*ids));
        reading->n += n;
        return 0;
}

/* Return: 0, TARGET_E_*, -errno. */
static int read_now(DriftLinks *d, const ObjectId *id, Arena *a, Reading *ret)
{
        const char *const names[] = { "displayName", d->attribute };
        char text[GUID_TEXT_MAX];
        Match match = { .type = d->type,
                        .by = MATCH_ID,
                        .value = guid_format(id, text),
                        .attributes = names,
                        .n_attributes = N_ELEMENTS(names) };
        Call call = { .lane = LANE_RECONCILE,
                      .arena = a,
                      .now = clock_mono(d->drift->clock),
                      .asker = d->drift->asker };

        *ret = (Reading){ .sink = { .object = take_object, .links = take_links } };
        call.deadline = mono_add(call.now, READ_US);
        return target_fetch(d->drift->target, &call, &match, &ret->sink, NULL);
}

/* Is one gone that AD names? Return: 0, TARGET_E_*, -errno. */
static int read_owner(DriftLinks *d, const ObjectId *id, Arena *a, bool *ret_differs)
{
        Reading now;
        Cloud cloud;
        Person person;
        ObjectId *ids;
        size_t n;
        int r = space_read_cloud(d->space, id, a, &cloud, NULL, NULL);

        *ret_differs = false;
        if (r == 0)
                r = space_read_person(d->space, &cloud.metaverse, a, &person, NULL, NULL);
        if (r)
                return r < 0 ? error_trace(r) : 0;
        r = read_now(d, id, a, &now);
        if (r == 0)
                r = read_known(d, id, a, &ids, &n);
        if (r == 0 && now.n)
                qsort(now.ids, now.n, sizeof(*now.ids), compare_ids);
        for (size_t i = 0; r == 0 && i < n && !*ret_differs; i++)
                if (!has_id(now.ids, now.n, &ids[i]))
                        r = is_named(d, &person, &ids[i], a, ret_differs);
        free(now.ids);
        return r;
}

int drift_links_read(DriftLinks *d, int (*differs)(void *context, const ObjectId *id), void *context,
                     Arena *a, uint64_t *ret_unread)
{
        unsigned n_reads = 0;

        *ret_unread = 0;
        for (size_t i = 0; i < d->n_owners; i++) {
                const ListedOwner *owner = &d->owners[i];
                bool changed;
                int r;

                if (owner->n_mentioned >= owner->n_known)
                        continue;
                if (n_reads++ >= DRIFT_LINKS_READS) {
                        ++*ret_unread;
                        continue;
                }
                if (target_asker_is_gone(d->drift->asker))
                        return DRIFT_E_CANCELLED;
                arena_reset(a);
                r = read_owner(d, &owner->id, a, &changed);
                if (r < 0)
                        return r;
                *ret_unread += r > 0;
                r = r == 0 && changed ? differs(context, &owner->id) : 0;
                if (r)
                        return r;
        }
        return 0;
}
