/* SPDX-License-Identifier: Apache-2.0 */

#include "app/compare/private.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* The object was counted as equal until now. */
static json_t *now_different(Comparison *c, CompareLater *later, const char *dn)
{
        if (!later->different) {
                c->result->n_equal--;
                c->result->n_different++;
        }
        later->different = true;
        return compare_detail(c, dn, &later->object.id, "different", NULL);
}

static const char *name_of(Comparison *c, const ObjectKey *key)
{
        Mono start = clock_mono(c->job->clock);
        char text[GUID_TEXT_MAX];
        SourceEntry entry;
        int r;

        arena_reset(c->run);
        r = source_read(compare_reader(c, key->source), &(SourceQuery){ .id = &key->id }, c->run, &entry,
                        NULL);
        c->reading_us += clock_mono(c->job->clock).us - start.us;
        if (r == 0 && entry.object->dn)
                return entry.object->dn;
        return arena_strdup(c->run, guid_format(&key->id, text));
}

static void compare_manager(Comparison *c, CompareLater *later)
{
        ObjectId ours = { 0 };
        char a[GUID_TEXT_MAX], b[GUID_TEXT_MAX];
        const char *dn;

        /* A manager who is not in Entra ID cannot be exported. */
        if (!guid_is_zero(&later->manager) &&
            !compare_space_find(&c->space,
                                &(ObjectKey){ .source = later->object.source, .id = later->manager }, &ours))
                ours = (ObjectId){ 0 };
        if (guid_is(&ours, &later->cloud_manager))
                return;
        dn = name_of(c, &later->object);
        compare_differs(c, now_different(c, later, dn), dn, "manager",
                        guid_is_zero(&ours) ? NULL : guid_format(&ours, a),
                        guid_is_zero(&later->cloud_manager) ? NULL : guid_format(&later->cloud_manager, b),
                        NULL);
}

static int compare_ids(const void *a, const void *b)
{
        return guid_compare(a, b);
}

/* How many of `a` are not in `b`; both are sorted. */
static size_t n_beyond(const ObjectId *a, size_t n_a, const ObjectId *b, size_t n_b)
{
        size_t n = 0;

        for (size_t i = 0, j = 0; i < n_a; i++) {
                while (j < n_b && guid_compare(&b[j], &a[i]) < 0)
                        j++;
                n += j == n_b || !guid_is(&a[i], &b[j]);
        }
        return n;
}

/* Members that are in Entra ID: others cannot be exported. Sorted. */
static ObjectId *members_of(Comparison *c, const Run *run, size_t *ret_n)
{
        ObjectId *ids = NULL;
        size_t n = 0;

        for (size_t i = 0; i < run->entry.n_links; i++) {
                const SourceLinks *l = &run->entry.links[i];

                if (!str_is(l->attribute, "member"))
                        continue;
                ids = arena_new_array(c->run, ObjectId, l->n_ids + 1);
                for (size_t k = 0; k < l->n_ids; k++)
                        n += compare_space_find(&c->space,
                                                &(ObjectKey){ .source = run->key.source, .id = l->ids[k] },
                                                &ids[n]);
        }
        if (n)
                qsort(ids, n, sizeof(*ids), compare_ids);
        *ret_n = n;
        return ids;
}

static int compare_members(Comparison *c, CompareLater *later)
{
        const Run *run = compare_steps(c, &later->object);
        const FlowedLink *why;
        ObjectId *ours;
        size_t n, missing, more;

        c->reading_us += run->outcome.steps[STEP_import_target].duration_us; /* not of the copy */
        if (!run->planned || !run->cloud.object || !run->links_read)
                return run->blame == BLAME_OBJECT ? 0 : COMPARE_E_UNREACHABLE;
        why = flowed_find_link(run->planned, "member");
        ours = members_of(c, run, &n);
        missing = n_beyond(ours, n, run->cloud_links, run->n_cloud_links);
        more = n_beyond(run->cloud_links, run->n_cloud_links, ours, n);
        if (missing || more)
                compare_differs(
                        c, now_different(c, later, run->dn->text), run->dn->text, "member",
                        arena_printf(c->run, "%zu members, %zu of them not there", n, missing),
                        arena_printf(c->run, "%zu members, %zu of them not here", run->n_cloud_links, more),
                        why ? why->rule : NULL);
        return 0;
}

int compare_references(Comparison *c)
{
        for (size_t i = 0; i < c->n_later; i++) {
                const Compare *job = c->job;
                int r = 0;

                if (c->later[i].group) {
                        compare_copy_members_of(c->copy, true);
                        r = compare_members(c, &c->later[i]);
                        compare_copy_members_of(c->copy, false);
                } else {
                        compare_manager(c, &c->later[i]);
                }
                if (r)
                        return r;
                if (job->progress && job->progress(job->context, "references", i + 1, c->n_later))
                        return COMPARE_E_CANCELLED;
        }
        c->result->references = true;
        return 0;
}
