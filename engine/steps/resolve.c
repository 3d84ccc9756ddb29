/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Resolve: the cloud object that a reference of a directory means
 *
 * A reference is the GUID of another object, as the directory has it. Mostly that one is of the same
 * directory; a group of one domain may have members of another one of its forest, each a source of its own,
 * and a manager may have flowed from the person's object in the other forest. GUIDs are unique, so the own
 * directory is asked first, and then each other one.
 *
 * Who waits for an object that is not in the cloud yet waits under his own directory's number (queue:
 * LINK_WAIT). So an object that appears has a row under the number of each directory that could name it; one
 * that has an object of that very GUID itself is left alone.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

#include <stdlib.h>

int run_resolve(Run *run, const ObjectId *named, ObjectId *ret_cloud)
{
        ObjectKey key = { .source = run->key.source, .id = *named };
        int r = space_read_cloud_of(run->space, &key, ret_cloud);

        for (size_t s = 0; r == SPACE_E_NONE && s < run->config->n_connectors; s++) {
                if (s == run->key.source)
                        continue;
                key.source = (uint16_t)s;
                r = space_read_cloud_of(run->space, &key, ret_cloud);
        }
        return r;
}

/* Another directory has an object of that very GUID: its row is its own. */
static bool is_taken(const Run *run, const ObjectKey *key)
{
        Head head;

        return space_read_head(run->space, key, run->arena, &head, NULL, NULL) != SPACE_E_NONE;
}

void run_leave_resolvable(Run *run, const ObjectKey *key)
{
        space_write_cloud_of(&run->batch, key, &run->cloud_id);
        space_appeared(&run->batch, key);
        for (size_t s = 0; s < run->config->n_connectors; s++) {
                ObjectKey other = { .source = (uint16_t)s, .id = key->id };

                if (s == key->source || !run->config->connectors[s].scope || is_taken(run, &other))
                        continue;
                space_write_cloud_of(&run->batch, &other, &run->cloud_id);
                space_appeared(&run->batch, &other);
        }
}

/* What one object has named. Return: 0, -errno. */
static int read_names(Run *run, const ObjectKey *key, const char *attribute, ObjectId **ret_ids,
                      size_t *ret_n)
{
        uint8_t owner[OBJECT_KEY_SIZE];

        object_key_pack(key, owner);
        *ret_ids = NULL;
        *ret_n = 0;
        return space_read_links(run->space, LINK_IMPORT, owner, sizeof(owner), attribute, run->arena, ret_ids,
                                ret_n);
}

/* Whoever of the person's objects has brought it to the cloud, its one manager is the person's. */
int run_named_before(Run *run, const char *attribute, ObjectId **ret_ids, size_t *ret_n)
{
        int r = read_names(run, &run->key, attribute, ret_ids, ret_n);

        for (size_t i = 0; r == 0 && str_is(attribute, "manager") && i < run->person.n_joined; i++) {
                const ObjectKey *key = &run->person.joined[i];
                ObjectId *theirs, *all;
                size_t n, n_all = 0;

                if (key->source == run->key.source && guid_is(&key->id, &run->key.id))
                        continue;
                r = read_names(run, key, attribute, &theirs, &n);
                if (r || !n)
                        continue;
                all = arena_new_array(run->arena, ObjectId, *ret_n + n);
                for (size_t k = 0; k < *ret_n + n; k++)
                        all[k] = k < *ret_n ? (*ret_ids)[k] : theirs[k - *ret_n];
                qsort(all, *ret_n + n, sizeof(*all), run_compare_ids);
                for (size_t k = 0; k < *ret_n + n; k++)
                        if (!n_all || !guid_is(&all[k], &all[n_all - 1]))
                                all[n_all++] = all[k];
                *ret_ids = all;
                *ret_n = n_all;
        }
        return r;
}
