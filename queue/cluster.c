/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/cluster.h"

#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* More than a cluster has; what is beyond is not shown. */
#define NODES_MAX 64
#define ROLES_MAX 80

typedef struct Found {
        Arena *a;
        ClusterNode nodes[NODES_MAX];
        size_t n_nodes;
        const char *roles[ROLES_MAX], *holders[ROLES_MAX];
        size_t n_roles;
} Found;

void cluster_key(const char *role, char key[CLUSTER_KEY_SIZE])
{
        size_t n = 0;

        for (; *role && n + 4 < CLUSTER_KEY_SIZE; role++) {
                if (isalnum((unsigned char)*role) || *role == '-' || *role == '_')
                        key[n++] = *role;
                else
                        n += (size_t)snprintf(key + n, 4, "=%02x", (unsigned)(unsigned char)*role);
        }
        key[n] = '\0';
}

const char *cluster_role(const char *key, Arena *a)
{
        char *role = arena_alloc(a, strlen(key) + 1);
        size_t n = 0;

        while (*key) {
                unsigned byte;

                if (*key == '=' && sscanf(key + 1, "%2x", &byte) == 1 && key[1] && key[2]) {
                        role[n++] = (char)byte;
                        key += 3;
                } else {
                        role[n++] = *key++;
                }
        }
        role[n] = '\0';
        return str_safe(a, role, n);
}

/* "name applied version", as log-session.c writes it. */
static void add_node(void *context, const char *key, const char *value)
{
        Found *f = context;
        char name[256], version[64];
        uint64_t applied;

        (void)key;
        if (f->n_nodes == NODES_MAX || sscanf(value, "%255s %" SCNu64 " %63s", name, &applied, version) != 3)
                return;
        f->nodes[f->n_nodes++] = (ClusterNode){
                .name = str_safe(f->a, name, strlen(name)),
                .version = str_safe(f->a, version, strlen(version)),
                .applied = applied,
        };
}

static void add_role(void *context, const char *key, const char *value)
{
        Found *f = context;

        if (f->n_roles == ROLES_MAX)
                return;
        f->roles[f->n_roles] = cluster_role(key, f->a);
        f->holders[f->n_roles++] = str_safe(f->a, value, strlen(value));
}

static int by_name(const void *a, const void *b)
{
        const ClusterNode *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static void give_roles(Found *f, ClusterView *view)
{
        const char **orphans = arena_new_array(f->a, const char *, f->n_roles);

        for (size_t i = 0; i < f->n_nodes; i++) {
                const char **roles = arena_new_array(f->a, const char *, f->n_roles);
                ClusterNode *node = &f->nodes[i];

                for (size_t k = 0; k < f->n_roles; k++)
                        if (str_is(f->holders[k], node->name))
                                roles[node->n_roles++] = f->roles[k];
                node->roles = roles;
        }
        for (size_t k = 0; k < f->n_roles; k++) {
                bool has_holder = false;

                for (size_t i = 0; i < f->n_nodes; i++)
                        has_holder = has_holder || str_is(f->holders[k], f->nodes[i].name);
                if (!has_holder)
                        orphans[view->n_orphans++] = f->roles[k];
        }
        view->orphans = orphans;
}

static int walk(Bus *b, const char *log, const char *what, Found *f,
                void (*fn)(void *context, const char *key, const char *value))
{
        _cleanup_(bucket_freep) Bucket *bucket = NULL;
        char name[128];
        int r;

        snprintf(name, sizeof(name), "%s-%s", log, what);
        r = bucket_open(&bucket, b, name);
        return r ? r : bucket_walk(bucket, f->a, fn, f);
}

int cluster_look(const BusOptions *options, const char *log, Arena *a, ClusterView *ret_view, Diag *diag)
{
        _cleanup_(bus_freep) Bus *b = NULL;
        Found *f = arena_new_of(a, Found);
        ClusterView view = { 0 };
        char server[256];
        int r = bus_new(&b, options, diag);

        if (r)
                return r;
        f->a = a;
        r = bus_stream_look(b, log, &view.log);
        if (r == 0)
                r = walk(b, log, "nodes", f, add_node);
        if (r == 0)
                r = walk(b, log, "roles", f, add_role);
        if (r == BUS_E_NONE)
                diag_set(diag, "%s: there is no cluster \"%s\"", bus_server(b, server, sizeof(server)), log);
        else if (r)
                diag_set(diag, "%s: JetStream does not answer: is a majority of its servers there?",
                         bus_server(b, server, sizeof(server)));
        if (r)
                return r;
        qsort(f->nodes, f->n_nodes, sizeof(f->nodes[0]), by_name);
        view.server = arena_strdup(a, bus_server(b, server, sizeof(server)));
        view.nodes = f->nodes;
        view.n_nodes = f->n_nodes;
        give_roles(f, &view);
        *ret_view = view;
        return 0;
}
