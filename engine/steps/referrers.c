/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Referrers: who names an object that has another cloud id now
 *
 * Somebody has deleted it in the cloud for good, and it was made again: out of all its groups, and nobody's
 * manager. Who names it has not changed, so nothing of that would be planned before its next change. No table
 * leads from an object to those that name it: memberships are many, and this is rare. So all heads are
 * walked, and each is asked for the one link (70 to 90 ms for 20,000 objects on a busy machine, behind a
 * create). What is found is left behind as an edge, and the acknowledgement that stores the new id makes it
 * ready: a group of 50,000 members costs one request, not a run of its own.
 */

#include "engine/steps/internal.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/space/space-records.h"

typedef struct Search {
        Run *run;
        Arena *arena; /* of one row */
        size_t n;
        int r;
} Search;

static int leave_one(Search *s, const ObjectKey *from, const char *attribute, const ObjectId *to)
{
        Run *run = s->run;
        uint8_t owner[OBJECT_KEY_SIZE];
        ObjectId cloud;
        bool has = false;
        int r;

        object_key_pack(from, owner);
        r = space_has_link(run->space, LINK_IMPORT, owner, sizeof(owner), attribute, to, &has);
        if (r || !has)
                return r;
        r = space_read_cloud_of(run->space, from, &cloud);
        if (r)
                return error_fold(r == SPACE_E_NONE ? 0 : r); /* its create will name them all */
        space_wait(&run->batch, &(Edge){ .from = *from, .attribute = attribute, .to = *to });
        /* The deletion has taken the old one out. */
        space_write_link(&run->batch, LINK_CLOUD, LINK_REMOVE, &cloud, sizeof(cloud), attribute, &run->lost);
        s->n++;
        return 0;
}

static int each_head(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Search *s = context;
        const Run *run = s->run;
        ObjectKey from;
        Head head;

        arena_reset(s->arena);
        if (!object_key_unpack(key, n_key, &from) || head_unpack(s->arena, row->data, row->n, &head) ||
            !head.in_scope)
                return 0;
        for (size_t i = 0; i < run->person.n_joined && s->r == 0; i++)
                s->r = leave_one(s, &from, run_link_attribute(str_is(head.type, "group") ? "group" : "user"),
                                 &run->person.joined[i].id);
        return s->r != 0;
}

bool run_is_made_again(const Run *run)
{
        return !guid_is_zero(&run->lost) && !guid_is_zero(&run->cloud_id) &&
               !guid_is(&run->lost, &run->cloud_id);
}

int run_leave_referrers(Run *run)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Search s = { .run = run, .arena = a };
        int r;

        if (!run_is_made_again(run))
                return 0;
        r = run->space->ops->walk(run->space, SPACE_HEAD, NULL, 0, each_head, &s);
        if (r || s.r)
                return r ? r : s.r;
        if (s.n)
                step_detail(run, "named by", "%zu objects: it is put into their references again", s.n);
        return 0;
}
