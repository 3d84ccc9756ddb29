/* SPDX-License-Identifier: Apache-2.0 */

#include "app/reconcile/drift-links.h"

#include "base/error.h"
#include "base/pack.h"
#include "base/str.h"
#include "engine/space/memo.h"
#include "engine/target/schema.h"

#include <string.h>

#define MEMO "drift.%s"

#define PAGE 500

typedef struct Pass {
        const Drift *drift;
        DriftResult *result;
        Space *space;
        const char *type;
        DriftLinks links;
        ObjectId changed; /* the last that was counted */
        Arena *one;       /* of the object in hand */
        Arena *page;      /* of what is put together */
        Change *changes;
        size_t n_changes;
} Pass;

/* -- the link -------------------------------------------------------------------------------------------- */

static const MemoShape shape = { .version = 1, .n_fields = 3 };

/* Of another tenant, or other attributes: none. Return: 0 (NULL: none), -errno. */
static int read_link(const Pass *p, const char *selected, Arena *a, const char **ret_link)
{
        const char *tenant, *names, *link;
        MemoReader m;
        int r = memo_open(p->space, arena_printf(a, MEMO, p->type), &shape, a, &m, NULL);

        *ret_link = NULL;
        if (r)
                return r == SPACE_E_NONE ? 0 : error_trace(r);
        tenant = unpack_str(&m.pack, a);
        names = unpack_str(&m.pack, a);
        link = unpack_str(&m.pack, a);
        if (memo_close(&m) == 0 && str_is(tenant, p->drift->tenant_id) && str_is(names, selected))
                *ret_link = link;
        return 0;
}

/* Store what was found, and with `link` where the next time begins. Return: 0, DRIFT_E_FULL, -errno. */
static int store(Pass *p, const char *selected, const char *link)
{
        Intake in = { .changes = p->changes, .n_changes = p->n_changes, .now = clock_wall(p->drift->clock) };
        SpaceBatch batch;
        PackWriter w;
        int r;

        space_batch_init(&batch, p->page);
        if (link) {
                memo_begin(&w, &shape);
                pack_str(&w, p->drift->tenant_id);
                pack_str(&w, selected);
                pack_str(&w, link);
                memo_end(&w, &batch, arena_printf(p->page, MEMO, p->type), SPACE_ANY);
        }
        in.writes = batch.writes;
        in.n_writes = batch.n_writes;
        r = queue_put(p->drift->queue, &in);
        if (r)
                return r == QUEUE_E_FULL ? DRIFT_E_FULL : error_fold(r);
        p->result->n_enqueued += p->n_changes;
        arena_reset(p->page);
        p->changes = arena_new_array(p->page, Change, PAGE + 1);
        p->n_changes = 0;
        return 0;
}

/* -- one object ------------------------------------------------------------------------------------------ */

static void say(Pass *p, const Person *person, const char *what)
{
        const char *dn = "";
        Head head;

        if (json_array_size(p->result->examples) >= DRIFT_EXAMPLES)
                return;
        if (person->n_joined &&
            space_read_head(p->space, &person->joined[0], p->one, &head, NULL, NULL) == 0 && head.dn)
                dn = head.dn;
        json_array_append_new(p->result->examples,
                              json_pack("{s:s%, s:s}", "dn", dn, strlen(dn), "what", what));
}

/* Every object that is joined to it: the run of any of them looks at the whole. */
static int enqueue(Pass *p, const Person *person)
{
        for (size_t i = 0; i < person->n_joined; i++) {
                const ObjectKey *key = &person->joined[i];
                Head head;
                int r = space_read_head(p->space, key, p->one, &head, NULL, NULL);

                if (r < 0)
                        return error_trace(r);
                if (r || head.deleted || !head.in_scope)
                        continue;
                p->changes[p->n_changes++] = (Change){
                        .id = key->id,
                        .source = key->source,
                        .kind = CHANGE_DRIFT,
                        .lane = LANE_RECONCILE,
                        .seen = clock_wall(p->drift->clock),
                        .dn = arena_strdup(p->page, head.dn),
                };
                if (p->n_changes < PAGE)
                        continue;
                r = store(p, NULL, NULL);
                if (r)
                        return r;
        }
        return 0;
}

/* Is it a value that the rules give? */
static bool is_ours(const Person *person, const Cloud *cloud, const char *name)
{
        if (!person->given) /* an older program wrote the row */
                return !value_is_none(object_get(cloud->object, name));
        for (size_t i = 0; i < person->n_given; i++)
                if (str_is(person->given[i], name))
                        return true;
        return false;
}

/* Written a moment ago, and it reads as it was before. */
static bool is_settling(const Pass *p, const Cloud *cloud, const TargetAttribute *at, Value theirs)
{
        Wall now = clock_wall(p->drift->clock);

        for (size_t i = 0; i < cloud->n_writes; i++) {
                const CloudWrite *w = &cloud->writes[i];

                if (str_is(w->attribute, at->name) && wall_is_near(now, w->at, p->drift->settle_ms) &&
                    target_value_is(at, theirs, w->before))
                        return true;
        }
        return false;
}

/* "title, department"; NULL: nothing. */
static const char *difference(Pass *p, const Person *person, const Cloud *cloud, const Object *now)
{
        const char *names = NULL;
        size_t n;
        const TargetAttribute *rows = target_attributes(p->drift->schema, p->type, &n);

        for (size_t i = 0; i < n; i++) {
                const TargetAttribute *at = &rows[i];
                Value theirs = object_get(now, at->name);

                if (!at->property || !at->writable || at->service || at->kind == TARGET_LINKS ||
                    at->kind == TARGET_REFERENCE || !is_ours(person, cloud, at->name) ||
                    target_value_is(at, object_get(cloud->object, at->name), theirs) ||
                    is_settling(p, cloud, at, theirs))
                        continue;
                names = names ? arena_printf(p->one, "%s, %s", names, at->name) : at->name;
        }
        return names;
}

/* Return: 0, SPACE_E_NONE (it is not ours), -errno. What is damaged is mended by its next run. */
static int read_known(Pass *p, const ObjectId *id, Cloud *cloud, Person *person)
{
        int r = space_read_cloud(p->space, id, p->one, cloud, NULL, NULL);

        if (r == 0)
                r = space_read_person(p->space, &cloud->metaverse, p->one, person, NULL, NULL);
        if (r < 0)
                return error_trace(r);
        return r || !cloud->object || !guid_is(&person->cloud, id) ? SPACE_E_NONE : 0;
}

/* Said once for an object, and put back if that is wanted. */
static int found(Pass *p, const ObjectId *id, const Person *person, const char *what)
{
        if (guid_is(&p->changed, id))
                return 0;
        p->changed = *id;
        p->result->n_changed++;
        say(p, person, what);
        return p->drift->correct ? enqueue(p, person) : 0;
}

static int look_at(void *context, const TargetObject *o, const ObjectId *manager)
{
        Pass *p = context;
        Cloud cloud;
        Person person;
        const char *what;
        int r;

        (void)manager;
        arena_reset(p->one);
        if (++p->result->n_read % 100 == 0 && p->drift->progress &&
            p->drift->progress(p->drift->context, "reading Entra ID", p->result->n_read, 0))
                return DRIFT_E_CANCELLED;
        r = read_known(p, &o->object->id, &cloud, &person);
        if (r)
                return r == SPACE_E_NONE ? 0 : r;
        if (o->mastered_elsewhere) {
                p->result->n_mastered++;
                return 0;
        }
        r = drift_links_saw(&p->links, &o->object->id, p->one);
        if (r)
                return r;
        what = difference(p, &person, &cloud, o->object);
        return what ? found(p, &o->object->id, &person, what) : 0;
}

static int look_at_links(void *context, const ObjectId *owner, const TenantLink *links, size_t n)
{
        Pass *p = context;
        Cloud cloud;
        Person person;
        bool differs;
        int r;

        arena_reset(p->one);
        r = read_known(p, owner, &cloud, &person);
        if (r || cloud.mastered_elsewhere)
                return r == SPACE_E_NONE ? 0 : r;
        r = drift_links_look(&p->links, owner, &person, links, n, p->one, &differs);
        return r || !differs ? r : found(p, owner, &person, p->links.attribute);
}

/* What a listing did not mention was read, and is not as AD has it. */
static int differs_indeed(void *context, const ObjectId *id)
{
        Pass *p = context;
        Cloud cloud;
        Person person;
        int r = read_known(p, id, &cloud, &person);

        if (r || cloud.mastered_elsewhere)
                return r == SPACE_E_NONE ? 0 : r;
        return found(p, id, &person, p->links.attribute);
}

static int look_at_removed(void *context, const ObjectId *id, bool for_good)
{
        Pass *p = context;
        Cloud cloud;
        Person person;
        int r;

        arena_reset(p->one);
        r = read_known(p, id, &cloud, &person);
        if (r)
                return r == SPACE_E_NONE ? 0 : r;
        p->result->n_removed++;
        say(p, &person, for_good ? "deleted for good" : "deleted");
        return 0;
}

/* -- the whole ------------------------------------------------------------------------------------------- */

static int target_failed(const Pass *p, int r)
{
        if (r > 0 && target_asker_is_gone(p->drift->asker))
                return DRIFT_E_CANCELLED;
        switch (r) {
        case TARGET_E_REFUSED:
        case TARGET_E_THROTTLED:
        case TARGET_E_TRANSIENT:
        case TARGET_E_UNREACHABLE:
        case TARGET_E_GARBAGE:
        case TARGET_E_NOT_FOUND:
                return DRIFT_E_UNREACHABLE;
        default:
                return r; /* of look_at, or -errno */
        }
}

/* With `link` NULL: all of them. Return: 0, TARGET_E_*, what a function of the list returned, -errno. */
static int look_at_changes(Pass *p, const TenantList *list, const char *link, Arena *a, const char **ret_link,
                           Diag *diag)
{
        _cleanup_(arena_freep) Arena *reading = arena_new(0);
        const Drift *d = p->drift;
        uint64_t n_unread = 0;
        int r;

        drift_links_begin(&p->links, d, p->type, !link);
        p->result->whole |= !link;
        r = d->changes(d->target, LANE_RECONCILE, list, link, a, ret_link, diag);
        if (r == 0)
                r = drift_links_read(&p->links, differs_indeed, p, reading, &n_unread);
        p->result->n_unread += n_unread;
        drift_links_end(&p->links);
        return r;
}

/* The list has one context for all its functions; who waits has another. */
static bool wait_for(void *context, int64_t us)
{
        const Pass *p = context;

        return p->drift->wait && p->drift->wait(p->drift->context, us);
}

/* A link that is not good any more may say so at a later page: what the first ones have said comes again.
 * What of it is queued already merges there. */
static void begin_anew(Pass *p, const DriftResult *was, size_t n_examples)
{
        json_t *examples = p->result->examples;

        *p->result = *was;
        while (json_array_size(examples) > n_examples)
                json_array_remove(examples, json_array_size(examples) - 1);
        p->n_changes = 0;
        p->changed = (ObjectId){ 0 };
}

static int look_at_type(Pass *p, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        size_t n_rows;
        const TargetAttribute *rows = target_attributes(p->drift->schema, p->type, &n_rows);
        const char **names = arena_new_array(a, const char *, n_rows + 1), *selected = "", *link;
        size_t n_examples = json_array_size(p->result->examples);
        const DriftResult was = *p->result;
        TenantList list = { .schema = p->drift->schema,
                            .type = p->type,
                            .attributes = names,
                            .object = look_at,
                            .removed = look_at_removed,
                            .links = look_at_links,
                            .wait = wait_for,
                            .context = p,
                            .asker = p->drift->asker };
        int r;

        for (size_t i = 0; i < n_rows; i++) {
                if (!rows[i].property || !rows[i].writable || rows[i].service ||
                    rows[i].kind == TARGET_LINKS || rows[i].kind == TARGET_REFERENCE)
                        continue;
                names[list.n_attributes++] = rows[i].name;
                selected = arena_printf(a, "%s%s ", selected, rows[i].name);
        }
        /* Links are asked for too: one of an older program, which did not, is not good. */
        selected = arena_printf(a, "%slinks", selected);
        r = read_link(p, selected, a, &link);
        if (r)
                return r;
        r = look_at_changes(p, &list, link, a, &link, diag);
        if (r == TARGET_E_NOT_FOUND) {
                begin_anew(p, &was, n_examples);
                diag_clear(diag);
                r = look_at_changes(p, &list, NULL, a, &link, diag);
        }
        return r ? target_failed(p, r) : store(p, selected, link);
}

int drift_run(const Drift *d, DriftResult *ret_result, Diag *diag)
{
        static const char *const types[] = { "user", "group" };
        _cleanup_(arena_freep) Arena *one = arena_new(0), *page = arena_new(0);
        Pass p = {
                .drift = d, .result = ret_result, .space = queue_space(d->queue), .one = one, .page = page
        };
        int r = 0;

        *ret_result = (DriftResult){ .examples = json_array() };
        p.changes = arena_new_array(page, Change, PAGE + 1);
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(types); i++) {
                p.type = types[i];
                r = look_at_type(&p, diag);
        }
        if (r == DRIFT_E_FULL)
                diag_set(diag, "%s", QUEUE_FULL_TEXT);
        return r;
}

json_t *drift_json(const DriftResult *n)
{
        return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "whole", n->whole, "read",
                         (json_int_t)n->n_read, "changed", (json_int_t)n->n_changed, "deleted",
                         (json_int_t)n->n_removed, "enqueued", (json_int_t)n->n_enqueued, "mastered",
                         (json_int_t)n->n_mastered, "linksNotCompared", (json_int_t)n->n_unread, "examples",
                         n->examples);
}

void drift_result_deinit(DriftResult *n)
{
        json_decref(n->examples);
        *n = (DriftResult){ 0 };
}
