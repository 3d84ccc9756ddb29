/* SPDX-License-Identifier: Apache-2.0 */

#include "app/reconcile/reconcile.h"

#include "app/reconcile/containers.h"
#include "app/reconcile/filter-group.h"
#include "base/error.h"
#include "base/pack.h"
#include "base/str.h"
#include "engine/space/memo.h"

#define MEMO "reconcile"

/* More DNs than any configuration has; a damaged memo asks for no more. */
#define DNS_MAX 10000

/* -- the memo -------------------------------------------------------------------------------------------- */

static void pack_texts(PackWriter *w, const char *const *texts, size_t n)
{
        pack_array(w, n);
        for (size_t i = 0; i < n; i++)
                pack_str(w, texts[i]);
}

static const char *const *unpack_texts(PackReader *r, Arena *a, size_t *ret_n)
{
        size_t n = unpack_array(r);
        const char **texts;

        if (n > DNS_MAX)
                n = 0;
        texts = arena_new_array(a, const char *, n);
        for (size_t i = 0; i < n; i++)
                texts[i] = unpack_str(r, a);
        *ret_n = n;
        return texts;
}

/* "reconcile" of the first, "reconcile.1" of the next. */
static const MemoShape shape = { .version = 1, .n_fields = 6 };

static const char *memo_name(uint16_t source, Arena *a)
{
        return source ? arena_printf(a, MEMO ".%u", (unsigned)source) : MEMO;
}

static int write_memo(Queue *queue, uint16_t source, const ReconcileMemo *m, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch batch;
        PackWriter w;
        int r;

        memo_begin(&w, &shape);
        pack_int(&w, m->first_start.ms);
        pack_bool(&w, m->everything);
        pack_int(&w, m->finished.ms);
        pack_texts(&w, m->include, m->n_include);
        pack_texts(&w, m->exclude, m->n_exclude);
        pack_texts(&w, m->types, m->n_types);
        space_batch_init(&batch, a);
        memo_end(&w, &batch, memo_name(source, a), SPACE_ANY);
        r = queue_put_batch(queue, &batch, now);
        return queue_errno(r);
}

int reconcile_memo_read(Queue *queue, uint16_t source, Arena *a, ReconcileMemo *ret_memo)
{
        ReconcileMemo m = { 0 };
        MemoReader in;
        int r = memo_open(queue_space(queue), memo_name(source, a), &shape, a, &in, NULL);

        *ret_memo = (ReconcileMemo){ 0 };
        if (r == SPACE_E_NONE)
                return 0;
        if (r)
                return error_trace(r);
        m.first_start.ms = unpack_int(&in.pack);
        m.everything = unpack_bool(&in.pack);
        m.finished.ms = unpack_int(&in.pack);
        m.include = unpack_texts(&in.pack, a, &m.n_include);
        m.exclude = unpack_texts(&in.pack, a, &m.n_exclude);
        m.types = unpack_texts(&in.pack, a, &m.n_types);
        if (memo_close(&in) == 0)
                *ret_memo = m;
        return 0;
}

int reconcile_note_start(Queue *queue, uint16_t source, const SourceConfig *config, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ReconcileMemo m;
        int r = reconcile_memo_read(queue, source, a, &m);

        if (r || m.first_start.ms)
                return r;
        m.first_start = now;
        m.everything = config->ldap.initial == FEED_INITIAL_ALL;
        return write_memo(queue, source, &m, now);
}

/* -- what a catch-up has left -----------------------------------------------------------------------------
 */

#define MISSED "reconcile.missed.%u"

/* The clocks of controllers are not ours: Kerberos lets them differ by five minutes. */
#define SKEW_MS ((int64_t)10 * 60 * 1000)

static const MemoShape missed_shape = { .version = 1, .n_fields = 1 };

/* Return: 0 (`*ret_since` 0: nothing is left), -errno. */
static int read_missed(Space *space, uint16_t source, Arena *a, Wall *ret_since, uint64_t *ret_serial)
{
        MemoReader in;
        int r = memo_open(space, arena_printf(a, MISSED, (unsigned)source), &missed_shape, a, &in,
                          ret_serial);

        *ret_since = (Wall){ 0 };
        if (r == SPACE_E_NONE)
                return 0;
        if (r)
                return error_trace(r);
        ret_since->ms = unpack_int(&in.pack);
        /* Of a damaged one only that it was there is known. */
        if (memo_close(&in) || ret_since->ms <= 0)
                ret_since->ms = 1;
        return 0;
}

int reconcile_note_missed(Queue *queue, uint16_t source, const ReconcileMemo *m, SpaceBatch *batch)
{
        Wall since = m->finished.ms ? m->finished : m->first_start, there;
        uint64_t serial = 0;
        PackWriter w;
        int r = read_missed(queue_space(queue), source, batch->arena, &there, &serial);

        if (r)
                return r;
        since.ms = since.ms > SKEW_MS ? since.ms - SKEW_MS : 1;
        memo_begin(&w, &missed_shape);
        pack_int(&w, there.ms ? there.ms : since.ms);
        memo_end(&w, batch, arena_printf(batch->arena, MISSED, (unsigned)source), SPACE_ANY);
        return 0;
}

int reconcile_is_missed(Queue *queue, uint16_t source, bool *ret_missed)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint64_t serial = 0;
        Wall since;
        int r = read_missed(queue_space(queue), source, a, &since, &serial);

        *ret_missed = r == 0 && since.ms;
        return r;
}

/* All of it has been looked at. One that was written since is of another catch-up, and stays. */
static int forget_missed(Queue *queue, uint16_t source, uint64_t serial, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch batch;
        int r;

        space_batch_init(&batch, a);
        memo_delete_at(&batch, arena_printf(a, MISSED, (unsigned)source), serial);
        r = queue_put_batch(queue, &batch, now);
        return queue_errno(r);
}

/* -- the scope of the last one --------------------------------------------------------------------------- */

static bool is_same_list(const char *const *a, size_t n, const ConfigList *list)
{
        const char *const *b = list->items;

        if (n != list->n_items)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!str_is(a[i], b[i]))
                        return false;
        return true;
}

/* NULL: there was none, or it was the same. */
static const Scope *scope_of(const ReconcileMemo *m, const SourceConfig *c, Arena *a)
{
        const Scope *scope = NULL;

        if (!m->finished.ms || (is_same_list(m->include, m->n_include, &c->scope.include) &&
                                is_same_list(m->exclude, m->n_exclude, &c->scope.exclude) &&
                                is_same_list(m->types, m->n_types, &c->scope.object_types)))
                return NULL;
        if (scope_new(a, c->ldap.base, m->include, m->n_include, m->exclude, m->n_exclude, m->types,
                      m->n_types, &scope, NULL))
                return NULL;
        return scope;
}

/* A change of a group that members are watched of, which the feed has missed. One that cannot be read now is
 * looked at next time: whoever needs it says so. */
static int read_groups(Sweep *s, Arena *a)
{
        const SourceConfig *c = s->source_config;
        size_t n, n_added, n_removed;
        const WatchedGroup *groups =
                watched_groups(a, c->scope.group_filter, s->config->run.rules, c->ldap.base, &n);
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                WatchedGroup g = groups[i];

                g.again = true;
                r = watched_group_work(s->queue, s->reader, &g, s->source, clock_wall(s->clock), &n_added,
                                       &n_removed, NULL);
        }
        return r < 0 ? r : 0;
}

int reconcile_run(Sweep *s, SweepResult *ret_result, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const SourceConfig *c = s->source_config;
        ContainerNames names;
        uint64_t missed = 0;
        ReconcileMemo m;
        int r = reconcile_memo_read(s->queue, s->source, a, &m);

        *ret_result = (SweepResult){ 0 };
        if (r == 0)
                r = read_missed(queue_space(s->queue), s->source, a, &s->changed_since, &missed);
        if (r)
                return r;
        /* What has changed while no feed watched nobody has brought yet; and should the feed have lost its
         * place, the end of this reconcile is where the next one begins to look. */
        if (!s->feed_watches && !s->changed_since.ms)
                s->changed_since = m.finished.ms ? m.finished : m.first_start;
        s->everything |= m.everything;
        s->first_start = m.first_start;
        s->scope_before = scope_of(&m, c, a);
        s->look_for_absent = true;
        if (!s->dn)
                r = read_groups(s, a);
        if (r == 0)
                r = containers_compare(s, a, &names, diag);
        if (r)
                return r;
        s->renames = names.renames;
        s->n_renames = names.n_renames;
        r = sweep_run(s, ret_result, diag);
        if (r)
                return r;
        ret_result->n_missed += names.n_missed;
        r = containers_store(s, &names);
        /* A part says nothing about the whole. */
        if (r || s->dn)
                return r;
        if (s->changed_since.ms)
                r = forget_missed(s->queue, s->source, missed, clock_wall(s->clock));
        if (r)
                return r;
        m.everything = s->everything;
        m.finished = clock_wall(s->clock);
        m.include = c->scope.include.items;
        m.n_include = c->scope.include.n_items;
        m.exclude = c->scope.exclude.items;
        m.n_exclude = c->scope.exclude.n_items;
        m.types = c->scope.object_types.items;
        m.n_types = c->scope.object_types.n_items;
        return write_memo(s->queue, s->source, &m, m.finished);
}
