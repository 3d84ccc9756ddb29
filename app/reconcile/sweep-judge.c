/* SPDX-License-Identifier: Apache-2.0 */

#include "app/reconcile/sweep-private.h"

#include "base/error.h"
#include "base/str.h"

/* Unknown objects that a sweep has enqueued: links of no object. */
#define OFFERED "sweep.offered"

typedef struct Seen {
        const SourceItem *item;
        ObjectKey key;
        const char *type;
        const Dn *dn;
        bool in; /* in scope: base, OU, filter group */
        Head head;
        uint64_t serial;
        bool known;
} Seen;

int sweep_judge_init(Pass *p, Arena *a)
{
        ObjectKey nobody = { .source = p->sweep->source };

        object_key_pack(&nobody, p->nobody);
        p->n_offered_key = space_link_key(p->nobody, sizeof(p->nobody), OFFERED, p->offered_key);
        p->renames = arena_new_array(a, PassRename, p->sweep->n_renames);
        for (size_t i = 0; i < p->sweep->n_renames; i++) {
                PassRename *rename = &p->renames[p->n_renames];

                p->n_renames += dn_parse(a, p->sweep->renames[i].now, &rename->now, NULL) == 0 &&
                                dn_parse(a, p->sweep->renames[i].before, &rename->before, NULL) == 0;
        }
        return filter_group_open(p->space, p->sweep->source_config->scope.group_filter, p->sweep->source,
                                 &p->filter, a);
}

/* May the feed be blamed for it? Not for what it may be about to bring, nor if it does not watch. */
bool sweep_is_missed(const Pass *p, Wall changed)
{
        return p->sweep->feed_watches && changed.ms && p->now.ms - changed.ms > SWEEP_YOUNG_MS;
}

/* The nearest container above it that has another name than before; NULL: there is none. */
static const PassRename *rename_of(const Pass *p, const Dn *dn)
{
        const PassRename *nearest = NULL;

        for (size_t i = 0; i < p->n_renames; i++)
                if (dn_is_below(dn, p->renames[i].now) &&
                    (!nearest || p->renames[i].now->n_rdns > nearest->now->n_rdns))
                        nearest = &p->renames[i];
        return nearest;
}

/* The name that it had when its container had another. */
static const Dn *name_before(Pass *p, const Dn *dn)
{
        const PassRename *rename = rename_of(p, dn);
        const char *text = "";
        const Dn *before;
        size_t n;

        if (!rename)
                return dn;
        n = dn->n_rdns - rename->now->n_rdns;
        for (size_t i = 0; i < n; i++)
                text = arena_printf(p->one, "%s%s,", text, dn->rdns[i].normalised);
        return dn_parse(p->one, arena_printf(p->one, "%s%s", text, rename->before->text), &before, NULL)
                       ? dn
                       : before;
}

static bool was_in_scope(Pass *p, const Dn *dn)
{
        const Scope *scope =
                p->sweep->scope_before ? p->sweep->scope_before : p->sweep->source_config->compiled;

        return scope_judge(scope, name_before(p, dn)).in;
}

/* -- what must be done ----------------------------------------------------------------------------------- */

/* One more for the reconcile lane, unless the queue has a change of it. Return: 0, -errno. */
static int enqueue(Pass *p, const Seen *o, uint64_t *count, bool missed)
{
        bool waits = false;
        int r = queue_has(p->sweep->queue, &o->key, &waits);

        if (r)
                return error_trace(r);
        if (waits) {
                p->result->n_waiting++;
                return 0;
        }
        ++*count;
        p->result->n_missed += missed;
        p->changes[p->n_changes++] = (Change){
                .id = o->key.id,
                .source = o->key.source,
                .kind = CHANGE_UPSERT,
                .lane = LANE_RECONCILE,
                .version = o->item->version,
                .changed = o->item->changed,
                .seen = p->now,
                .dn = arena_strdup(p->page, o->item->dn),
        };
        return 0;
}

static int judge_unknown(Pass *p, const Seen *o)
{
        const Sweep *s = p->sweep;
        bool entered, made_since, changed_since, offered = false, waits = false;
        int r;

        if (!o->in) {
                p->result->n_outside++;
                return 0;
        }
        entered = (s->scope_before || p->n_renames) && !was_in_scope(p, o->dn);
        /* The directory knows seconds only. */
        made_since = s->first_start.ms && o->item->created.ms >= s->first_start.ms / 1000 * 1000;
        changed_since = s->changed_since.ms && o->item->changed.ms >= s->changed_since.ms;
        if (!entered && !made_since && !changed_since && !s->everything) {
                p->result->n_never++;
                return 0;
        }
        r = p->space->ops->has_link(p->space, LINK_IMPORT, p->offered_key, p->n_offered_key, &o->key.id,
                                    &offered);
        if (r)
                return error_fold(r);
        if (offered && !entered && !changed_since) {
                r = queue_has(s->queue, &o->key, &waits);
                if (r)
                        return error_trace(r);
                p->result->n_waiting += waits;
                p->result->n_offered += !waits;
                return 0;
        }
        space_write_link(&p->batch, LINK_IMPORT, LINK_ADD, p->nobody, sizeof(p->nobody), OFFERED, &o->key.id);
        return enqueue(p, o, &p->result->n_new, made_since && sweep_is_missed(p, o->item->changed));
}

/*
 * Read it, and compare what rules read of it with what they read last. Return: 0, SWEEP_E_*, -errno.
 */
static int is_as_imported(Pass *p, const Seen *o, bool *ret_same)
{
        const RunConfig *run = &p->sweep->config->run;
        SourceQuery query = {
                .id = &o->key.id,
                .attributes = run->attributes,
                .n_attributes = run->n_attributes,
                .links = run->links,
                .n_links = run->n_links,
        };
        SourceEntry e;
        Hash128 hash;
        Head head = o->head;
        const Object *object;
        int r = source_read(p->sweep->reader, &query, p->one, &e, p->diag);

        p->result->n_read++;
        *ret_same = r == SOURCE_E_NOT_FOUND; /* gone a moment ago: the feed's business */
        if (r == SOURCE_E_NOT_FOUND || r == SOURCE_E_TOO_LARGE)
                return 0;
        if (r)
                return sweep_source_failed(r);
        r = run_project(run, p->sweep->reader, &e, o->type, e.object->dn, p->one, &object, p->diag);
        if (r)
                return sweep_source_failed(r);
        hash = run_fingerprint(object, &e);
        *ret_same = hash.low == head.hash.low && hash.high == head.hash.high;
        if (!*ret_same)
                return 0;
        head.version = e.version;
        space_write_head(&p->batch, &o->key, &head, o->serial);
        return 0;
}

static bool has_same_name(Pass *p, const Seen *o)
{
        const Dn *dn;

        return dn_parse(p->one, o->head.dn, &dn, NULL) == 0 && dn_is(dn, o->dn);
}

static int judge_known(Pass *p, const Seen *o)
{
        const Sweep *s = p->sweep;
        bool same_server = guid_is(&o->head.version.server, &o->item->version.server);
        bool same_version = same_server && o->head.version.number == o->item->version.number;
        bool missed = sweep_is_missed(p, o->item->changed), finished = o->head.hash.low || o->head.hash.high;
        bool same = true;
        int r;

        sweep_saw(p, &o->key.id);
        if (!has_same_name(p, o))
                return enqueue(p, o, &p->result->n_moved, missed && same_server && !same_version);
        if (o->head.deleted)
                return enqueue(p, o, &p->result->n_changed, missed && !same_version);
        if ((o->head.in_scope && !o->in) || (s->scope_before && o->in != was_in_scope(p, o->dn)))
                return enqueue(p, o, &p->result->n_scope, false);
        if (!same_version) {
                r = is_as_imported(p, o, &same);
                if (r)
                        return r;
        }
        if (!same)
                return enqueue(p, o, &p->result->n_changed, missed && finished);
        if (o->in)
                p->result->n_same++;
        else
                p->result->n_outside++;
        return 0;
}

int sweep_judge(Pass *p, const SourceItem *item)
{
        const Scope *scope = p->sweep->source_config->compiled;
        Seen o = {
                .item = item,
                .key = { .source = p->sweep->source, .id = item->id },
                .type = scope_type_of(item->classes),
        };
        int r;

        if (!scope_has_type(scope, o.type))
                return 0;
        p->result->n_objects++;
        /* The directory gave it; what cannot be read as a DN is in nobody's scope. */
        if (dn_parse(p->one, item->dn, &o.dn, NULL))
                return 0;
        o.in = scope_judge(scope, o.dn).in;
        if (o.in && p->filter.known) {
                r = filter_group_has(p->space, &p->filter, &item->id, &o.in);
                if (r)
                        return error_trace(r);
        }
        r = space_read_head(p->space, &o.key, p->one, &o.head, &o.serial, NULL);
        if (r < 0)
                return error_trace(r);
        o.known = r != SPACE_E_NONE;
        if (r == SPACE_E_CORRUPT) {
                sweep_saw(p, &o.key.id);
                return enqueue(p, &o, &p->result->n_changed, false);
        }
        return o.known ? judge_known(p, &o) : judge_unknown(p, &o);
}
