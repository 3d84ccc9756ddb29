/* SPDX-License-Identifier: Apache-2.0 */

#include "app/reconcile/filter-group.h"

#include "base/error.h"
#include "base/pack.h"
#include "base/str.h"
#include "engine/space/memo.h"

#include <string.h>

#define FILTER_NAME  "filter"
#define FILTER_LINKS "scope.group_filter"
#define RULES_LINKS  "rules.group"

/* Which group the rows are of: name, number of the source. */
#define MEMO_GROUP "%s.group.%u"

/* The feed has brought a change of it. */
#define MEMO_DUE "%s.due.%u"

/* One transaction; a group of 100,000 is some hundred of them. */
#define PAGE 1000

/* -- which ----------------------------------------------------------------------------------------------- */

static const WatchedGroup *filter_group(Arena *a, const char *dn)
{
        return arena_memdup(a, &(WatchedGroup){ .dn = dn, .name = FILTER_NAME, .links = FILTER_LINKS },
                            sizeof(WatchedGroup));
}

const WatchedGroup *watched_groups(Arena *a, const char *group_filter, const RuleSet *rules, const char *base,
                                   size_t *ret_n)
{
        size_t n_groups, n = 0;
        const RuleGroup *groups = rules_member_groups(rules, NULL, &n_groups);
        WatchedGroup *list = arena_new_array(a, WatchedGroup, n_groups + 1);
        const Dn *within;

        if (group_filter)
                list[n++] = *filter_group(a, group_filter);
        if (n_groups && dn_parse(a, base, &within, NULL))
                n_groups = 0;
        for (size_t i = 0; i < n_groups; i++) {
                const char *dn = groups[i].dn->normalised;
                Hash128 h = hash128(dn, strlen(dn), 0);

                if (dn_is_below(groups[i].dn, within))
                        list[n++] = (WatchedGroup){
                                .dn = groups[i].dn->text,
                                .name = arena_printf(a, "rules.%016llx%016llx", (unsigned long long)h.high,
                                                     (unsigned long long)h.low),
                                .links = RULES_LINKS,
                                .wakes_known = true,
                        };
        }
        *ret_n = n;
        return list;
}

/* -- the feed's side ------------------------------------------------------------------------------------- */

bool watched_group_note(const WatchedGroup *g, uint16_t source, const Dn *dn, SpaceBatch *batch)
{
        const Dn *group;

        if (!dn || dn_parse(batch->arena, g->dn, &group, NULL) || !dn_is(group, dn))
                return false;
        memo_write(batch, arena_printf(batch->arena, MEMO_DUE, g->name, source), "1", 1, SPACE_ANY);
        return true;
}

/* -- rows ------------------------------------------------------------------------------------------------ */

static const MemoShape shape = { .version = 1, .n_fields = 2 };

typedef struct Known {
        ObjectId id; /* zero: none was ever read */
        const char *dn;
} Known;

static int read_known(Space *space, const WatchedGroup *g, uint16_t source, Arena *a, Known *ret_known)
{
        MemoReader m;
        int r = memo_open(space, arena_printf(a, MEMO_GROUP, g->name, source), &shape, a, &m, NULL);

        *ret_known = (Known){ 0 };
        if (r == SPACE_E_NONE)
                return 0;
        if (r)
                return error_trace(r);
        unpack_fixed(&m.pack, ret_known->id.bytes, sizeof(ret_known->id.bytes));
        ret_known->dn = unpack_str(&m.pack, a);
        if (memo_close(&m) || !ret_known->dn)
                *ret_known = (Known){ 0 };
        return 0;
}

static void write_known(SpaceBatch *batch, const WatchedGroup *g, uint16_t source, const ObjectId *id)
{
        PackWriter w;

        memo_begin(&w, &shape);
        pack_bytes(&w, id->bytes, sizeof(id->bytes));
        pack_str(&w, g->dn);
        memo_end(&w, batch, arena_printf(batch->arena, MEMO_GROUP, g->name, source), SPACE_ANY);
}

static void owner_of(uint16_t source, const ObjectId *group, uint8_t owner[OBJECT_KEY_SIZE])
{
        object_key_pack(&(ObjectKey){ .source = source, .id = *group }, owner);
}

int filter_group_open(Space *space, const char *group_dn, uint16_t source, FilterGroup *ret_filter, Arena *a)
{
        FilterGroup f = { 0 };
        uint8_t owner[OBJECT_KEY_SIZE];
        Known known;
        int r;

        *ret_filter = f;
        if (!group_dn)
                return 0;
        r = read_known(space, filter_group(a, group_dn), source, a, &known);
        if (r || guid_is_zero(&known.id) || !str_is(known.dn, group_dn))
                return r;
        owner_of(source, &known.id, owner);
        f.known = true;
        f.group = known.id;
        f.n_key = space_link_key(owner, sizeof(owner), FILTER_LINKS, f.key);
        *ret_filter = f;
        return 0;
}

int filter_group_has(Space *space, const FilterGroup *f, const ObjectId *id, bool *ret_has)
{
        if (guid_is(id, &f->group)) {
                *ret_has = true;
                return 0;
        }
        return error_fold(space->ops->has_link(space, LINK_IMPORT, f->key, f->n_key, id, ret_has));
}

/* -- the difference -------------------------------------------------------------------------------------- */

typedef struct Work {
        Queue *queue;
        uint16_t source;
        Wall now;
        const WatchedGroup *watched;
        const ObjectId *group;
        bool first; /* nothing was ever known of it */
        Arena *arena;
        SpaceBatch batch;
        Change *changes;
        size_t n_changes;
        uint8_t owner[OBJECT_KEY_SIZE];
} Work;

static int flush(Work *w)
{
        int r = queue_put(w->queue, &(Intake){
                                            .changes = w->changes,
                                            .n_changes = w->n_changes,
                                            .writes = w->batch.writes,
                                            .n_writes = w->batch.n_writes,
                                            .links = w->batch.links,
                                            .n_links = w->batch.n_links,
                                            .now = w->now,
                                    });

        arena_reset(w->arena);
        space_batch_init(&w->batch, w->arena);
        w->changes = arena_new_array(w->arena, Change, PAGE);
        w->n_changes = 0;
        return r;
}

/* Who came or went. Of those who went only the known have something to lose. */
static int take(Work *w, const ObjectId *id, bool came)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ObjectKey key = { .source = w->source, .id = *id };
        Head head = { 0 };
        int r = space_read_head(queue_space(w->queue), &key, a, &head, NULL, NULL);

        if (r < 0)
                return error_trace(r);
        if (w->first ? w->watched->wakes_known && r != SPACE_E_NONE : came || r != SPACE_E_NONE)
                w->changes[w->n_changes++] = (Change){
                        .id = *id,
                        .source = w->source,
                        .kind = CHANGE_UPSERT,
                        .lane = w->watched->again ? LANE_RECONCILE : LANE_NORMAL,
                        .seen = w->now,
                        .dn = r == 0 ? arena_strdup(w->arena, head.dn) : NULL,
                };
        space_write_link(&w->batch, LINK_IMPORT, came ? LINK_ADD : LINK_REMOVE, w->owner, sizeof(w->owner),
                         w->watched->links, id);
        return w->batch.n_links == PAGE ? flush(w) : 0;
}

/* Two sorted lists. */
static int compare(Work *w, const ObjectId *before, size_t n_before, const ObjectId *now, size_t n_now,
                   size_t *ret_n_added, size_t *ret_n_removed)
{
        size_t b = 0, n = 0;
        int r = 0;

        while (r == 0 && (b < n_before || n < n_now)) {
                int order = b == n_before ? 1 : n == n_now ? -1 : guid_compare(&before[b], &now[n]);

                if (order == 0) {
                        b++;
                        n++;
                } else if (order < 0) {
                        r = take(w, &before[b++], false);
                        ++*ret_n_removed;
                } else {
                        r = take(w, &now[n++], true);
                        ++*ret_n_added;
                }
        }
        return r;
}

/* `*ret_serial`: of the note; 0: there is none. */
static int is_due(Space *space, const WatchedGroup *g, uint16_t source, Arena *a, uint64_t *ret_serial)
{
        const uint8_t *data;
        size_t n;
        int r = memo_read(space, arena_printf(a, MEMO_DUE, g->name, source), a, &data, &n, ret_serial);

        if (r)
                *ret_serial = 0;
        return r == SPACE_E_NONE ? 0 : error_trace(r);
}

/* What a process that died on the way may have left of the group that becomes the filter now. */
static void clear_rows(SpaceBatch *batch, const WatchedGroup *g, uint16_t source, const ObjectId *group)
{
        uint8_t owner[OBJECT_KEY_SIZE];

        owner_of(source, group, owner);
        space_write_link(batch, LINK_IMPORT, LINK_CLEAR, owner, sizeof(owner), g->links, group);
}

/* Rows of the group that was the filter before become those of the one that is it now. The old ones stay
 * until all is done: they say who has gone. */
static int adopt_rows(Work *w, const ObjectId *ids, size_t n)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                space_write_link(&w->batch, LINK_IMPORT, LINK_ADD, w->owner, sizeof(w->owner),
                                 w->watched->links, &ids[i]);
                if (w->batch.n_links == PAGE)
                        r = flush(w);
        }
        return r;
}

int watched_group_work(Queue *queue, Source *source, const WatchedGroup *g, uint16_t index, Wall now,
                       size_t *ret_n_added, size_t *ret_n_removed, Diag *diag)
{
        static const char *const links[] = { "member" };
        _cleanup_(arena_freep) Arena *a = arena_new(0), *page = arena_new(0);
        Work w = { .queue = queue, .watched = g, .source = index, .now = now, .arena = page };
        SourceQuery query = { .dn = g->dn, .links = links, .n_links = N_ELEMENTS(links) };
        Space *space = queue_space(queue);
        ObjectId *before = NULL;
        size_t n_before = 0;
        bool is_other;
        SourceEntry e;
        uint64_t due;
        Known known;
        int r;

        *ret_n_added = *ret_n_removed = 0;
        r = read_known(space, g, index, a, &known);
        if (r == 0)
                r = is_due(space, g, index, a, &due);
        if (r || (!due && !g->again && str_is(known.dn, g->dn)))
                return r;
        r = source_read(source, &query, a, &e, diag);
        if (r)
                return r;
        w.group = &e.object->id;
        /* A group that has changed before it was read for the first time: nobody knows who was in it before,
         * and who came may have been looked at already, as one who is not. */
        w.first = guid_is_zero(&known.id) && !due;
        owner_of(index, w.group, w.owner);
        space_batch_init(&w.batch, page);
        w.changes = arena_new_array(page, Change, PAGE);
        is_other = !guid_is(&known.id, w.group);
        if (is_other)
                clear_rows(&w.batch, g, index, w.group);
        if (!guid_is_zero(&known.id)) {
                uint8_t owner[OBJECT_KEY_SIZE];

                owner_of(index, &known.id, owner);
                r = space_read_links(space, LINK_IMPORT, owner, sizeof(owner), g->links, a, &before,
                                     &n_before);
                if (r)
                        return error_trace(r);
                if (is_other)
                        r = adopt_rows(&w, before, n_before);
                if (r)
                        return r;
        }
        r = compare(&w, before, n_before, e.n_links ? e.links[0].ids : NULL, e.n_links ? e.links[0].n_ids : 0,
                    ret_n_added, ret_n_removed);
        if (r)
                return r;
        if (is_other && !guid_is_zero(&known.id))
                clear_rows(&w.batch, g, index, &known.id);
        write_known(&w.batch, g, index, w.group);
        if (due) {
                /* One that the feed has written since is of a change that may not have been read: it stays.
                 */
                memo_delete(&w.batch, arena_printf(w.arena, MEMO_DUE, g->name, index));
                w.batch.writes[w.batch.n_writes - 1].serial = due;
        }
        return flush(&w);
}
