/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Holders: all who hold a directory role
 *
 * Whether one user holds a role costs two requests; before every write that would double what a change costs.
 * So all holders are read at once, now and then: the role assignments, who may make himself one, the groups
 * that can hold roles, and their members. A tenant has a few dozen of them. One caller reads, others wait for
 * it, or go on with the list before that if it is not too old: urgent work does not stand still because roles
 * cannot be read for a moment.
 */

#include "base/error.h"
#include "base/str.h"
#include "base/wait.h"
#include "engine/target/graph-internal.h"

#include <errno.h>
#include <string.h>

/* While the list cannot be read again, the last one holds this many times as long as was asked for. */
#define OVERDUE 3
/* More principals than this are no directory of ours. */
#define HOLDERS_MAX 100000
/* So often a waiting caller looks at its deadline. */
#define WAIT_MS 50

typedef struct Holder Holder;
typedef struct Reading Reading;

struct Holder {
        ObjectId id;
        const char *role;
};

struct GraphHolders {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool reading;  /* lock: somebody does */
        Arena *arena;  /* lock: of items */
        Holder *items; /* lock: sorted by id */
        size_t n;      /* lock */
        Mono at;       /* lock; 0: never */
};

struct Reading {
        TargetGraph *g;
        Call *call;
        Diag *diag;
        Arena *arena; /* what is kept */
        Holder *items;
        size_t n, size;
        const char *group;   /* whose members are listed; NULL: not */
        const char **groups; /* id, name, id, name ... */
        size_t n_groups, size_groups;
};

GraphHolders *graph_holders_new(void)
{
        GraphHolders *h = calloc(1, sizeof(*h));

        if (!h)
                error_oom(sizeof(*h));
        pthread_mutex_init(&h->lock, NULL);
        wait_init(&h->changed);
        return h;
}

GraphHolders *graph_holders_free(GraphHolders *h)
{
        if (!h)
                return NULL;
        arena_free(h->arena);
        pthread_cond_destroy(&h->changed);
        pthread_mutex_destroy(&h->lock);
        free(h);
        return NULL;
}

static int compare(const void *a, const void *b)
{
        return guid_compare(&((const Holder *)a)->id, &((const Holder *)b)->id);
}

static int garbage(Diag *diag)
{
        diag_set(diag, "Microsoft Graph: the answer about directory roles names no principal");
        return TARGET_E_GARBAGE;
}

static int add(Reading *l, const char *id, const char *role)
{
        ObjectId parsed;

        if (!id || !guid_parse(id, &parsed) || l->n == HOLDERS_MAX)
                return error_origin(-EBADMSG);
        if (l->n == l->size) {
                Holder *larger;

                l->size = l->size ? 2 * l->size : 64;
                larger = arena_new_array(l->arena, Holder, l->size);
                if (l->n)
                        memcpy(larger, l->items, l->n * sizeof(*larger));
                l->items = larger;
        }
        l->items[l->n++] = (Holder){ .id = parsed, .role = arena_strdup(l->arena, role) };
        return 0;
}

static int on_assignment(void *context, const json_t *item)
{
        const char *role =
                json_string_value(json_object_get(json_object_get(item, "roleDefinition"), "displayName"));

        return add(context, json_string_value(json_object_get(item, "principalId")),
                   role ? role : "a directory role");
}

static int on_eligible(void *context, const json_t *item)
{
        Reading *l = context;
        int r = on_assignment(l, item);

        if (r == 0)
                l->items[l->n - 1].role = arena_printf(l->arena, "%s (eligible)", l->items[l->n - 1].role);
        return r;
}

static int on_member(void *context, const json_t *item)
{
        Reading *l = context;

        return add(l, json_string_value(json_object_get(item, "id")), l->group);
}

static int on_group(void *context, const json_t *item)
{
        Reading *l = context;
        const char *id = json_string_value(json_object_get(item, "id"));
        const char *name = json_string_value(json_object_get(item, "displayName"));
        ObjectId parsed;

        if (!id || !guid_parse(id, &parsed))
                return error_origin(-EBADMSG);
        if (l->n_groups + 2 > l->size_groups) {
                const char **larger;

                l->size_groups = l->size_groups ? 2 * l->size_groups : 32;
                larger = arena_new_array(l->call->arena, const char *, l->size_groups);
                if (l->n_groups)
                        memcpy(larger, l->groups, l->n_groups * sizeof(*larger));
                l->groups = larger;
        }
        l->groups[l->n_groups++] = arena_strdup(l->call->arena, id);
        l->groups[l->n_groups++] = arena_strdup(l->call->arena, name ? name : "");
        return 0;
}

static int list(Reading *l, const char *path, int (*item)(void *context, const json_t *item))
{
        int r = graph_role_list(l->g, l->call, path, item, l, l->diag);

        return r == -EBADMSG ? garbage(l->diag) : r;
}

static int read_all(Reading *l)
{
        Arena *a = l->call->arena;
        int r = list(l, "/roleManagement/directory/roleAssignments?$expand=roleDefinition", on_assignment);

        if (r == 0)
                r = list(l, GRAPH_ELIGIBLE "?$expand=roleDefinition", on_eligible);
        if (r == 0)
                r = list(l, "/groups?$filter=isAssignableToRole%20eq%20true&$select=id,displayName&$top=999",
                         on_group);
        for (size_t i = 0; r == 0 && i < l->n_groups; i += 2) {
                l->group = arena_printf(a, "the roles of the group %s", l->groups[i + 1]);
                r = list(l, arena_printf(a, "/groups/%s/members?$select=id&$top=999", l->groups[i]),
                         on_member);
        }
        if (r == 0 && l->n)
                qsort(l->items, l->n, sizeof(*l->items), compare);
        return r;
}

/* Lock held; not while reading. What was read takes the place of what was there. */
static void keep(GraphHolders *h, Reading *l, Mono now)
{
        arena_free(h->arena);
        h->arena = TAKE(l->arena);
        h->items = l->items;
        h->n = l->n;
        h->at = now;
}

/* Lock held. False: the deadline is over. */
static bool wait_for_it(GraphHolders *h, const TargetGraph *g, const Call *call)
{
        wait_until(&h->changed, &h->lock, wait_in(WAIT_MS * 1000));
        return clock_mono(g->clock).us < call->deadline.us;
}

/* Lock held, and again at the end. Return: 0 (there is a list that will do), TARGET_E_*, -errno. */
static int provide(GraphHolders *h, TargetGraph *g, Call *call, int64_t age_us, Diag *diag)
{
        for (;;) {
                Reading l = { .g = g, .call = call, .diag = diag };
                int64_t age = clock_mono(g->clock).us - h->at.us;
                bool will_do = h->at.us > 0 && age < OVERDUE * age_us;
                int r;

                if (h->at.us > 0 && age < age_us)
                        return 0;
                if (h->reading) {
                        if (will_do)
                                return 0;
                        if (!wait_for_it(h, g, call)) {
                                diag_set(diag, "Microsoft Graph: the directory roles were not read in time");
                                return TARGET_E_TRANSIENT;
                        }
                        continue;
                }
                h->reading = true;
                pthread_mutex_unlock(&h->lock);
                l.arena = arena_new(0);
                r = read_all(&l);
                pthread_mutex_lock(&h->lock);
                h->reading = false;
                if (r == 0)
                        keep(h, &l, clock_mono(g->clock));
                arena_free(l.arena);
                pthread_cond_broadcast(&h->changed);
                if (r && will_do) {
                        diag_clear(diag);
                        return 0;
                }
                return r;
        }
}

int graph_holder(TargetGraph *g, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                 Diag *diag)
{
        GraphHolders *h = g->holders;
        const Holder *found;
        int r;

        pthread_mutex_lock(&h->lock);
        r = provide(h, g, call, age_us, diag);
        if (r == 0 && h->n) {
                found = bsearch(&(Holder){ .id = *user }, h->items, h->n, sizeof(*h->items), compare);
                *ret_role = found ? arena_strdup(call->arena, found->role) : NULL;
        }
        pthread_mutex_unlock(&h->lock);
        return r;
}
