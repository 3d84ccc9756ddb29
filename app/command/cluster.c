/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/cluster.h"
#include "app/command/options.h"
#include "app/config/config.h"
#include "base/str.h"

#include <inttypes.h>
#include <string.h>

/* A node so many entries behind does not keep up: at full speed a node applies more than that in a second. */
#define BEHIND 1000

static uint64_t behind(const ClusterView *v, const ClusterNode *node)
{
        return v->log.last > node->applied ? v->log.last - node->applied : 0;
}

/* What a person should know; said on standard error, so that the table stays a table. */
static int find(const Config *c, const ClusterView *v)
{
        int n = 0;

        for (size_t i = 0; i < v->n_nodes; i++)
                if (behind(v, &v->nodes[i]) > BEHIND)
                        n += command_fail(EXIT_OBJECT, "%s is %" PRIu64 " entries behind", v->nodes[i].name,
                                          behind(v, &v->nodes[i]));
        for (size_t i = 0; i < v->n_orphans; i++)
                n += command_fail(EXIT_OBJECT,
                                  "the node that has the role \"%s\" says nothing; another takes it "
                                  "within ten seconds",
                                  v->orphans[i]);
        if (v->n_nodes == 0)
                n += command_fail(EXIT_OBJECT, "no node is alive");
        if (v->log.replicas < c->state.jetstream.replicas)
                n += command_fail(
                        EXIT_OBJECT,
                        "the log has %d replica%s, and state.jetstream.replicas says %lld: nats stream "
                        "edit %s --replicas %lld",
                        v->log.replicas, v->log.replicas == 1 ? "" : "s",
                        (long long)c->state.jetstream.replicas, c->state.jetstream.name,
                        (long long)c->state.jetstream.replicas);
        return n ? EXIT_OBJECT : EXIT_DONE;
}

static void print_text(const Config *c, const ClusterView *v)
{
        size_t width = strlen("node");

        for (size_t i = 0; i < v->n_nodes; i++)
                if (strlen(v->nodes[i].name) > width)
                        width = strlen(v->nodes[i].name);
        printf("cluster   %s\nserver    %s\nlog       entries %" PRIu64 " to %" PRIu64
               ", %.1f MiB, %d replica%s\n\n",
               c->state.jetstream.name, v->server, v->log.first, v->log.last,
               (double)v->log.n_bytes / (1 << 20), v->log.replicas, v->log.replicas == 1 ? "" : "s");
        printf("%-*s  %8s  %-8s  %s\n", (int)width, "node", "behind", "version", "follows");
        for (size_t i = 0; i < v->n_nodes; i++) {
                const ClusterNode *node = &v->nodes[i];

                printf("%-*s  %8" PRIu64 "  %-8s ", (int)width, node->name, behind(v, node), node->version);
                for (size_t k = 0; k < node->n_roles; k++)
                        printf("%s %s", k ? "," : "",
                               str_is(node->roles[k], "cycle") ? "the clock of the jobs" : node->roles[k]);
                putchar('\n');
        }
}

static json_t *node_json(const ClusterView *v, const ClusterNode *node)
{
        json_t *roles = json_array();

        for (size_t k = 0; k < node->n_roles; k++)
                json_array_append_new(roles, json_string(node->roles[k]));
        return json_pack("{s:s, s:s, s:I, s:I, s:o}", "name", node->name, "version", node->version, "applied",
                         (json_int_t)node->applied, "behind", (json_int_t)behind(v, node), "roles", roles);
}

static void print_json(const Config *c, const ClusterView *v)
{
        json_t *nodes = json_array(), *orphans = json_array(), *o;

        for (size_t i = 0; i < v->n_nodes; i++)
                json_array_append_new(nodes, node_json(v, &v->nodes[i]));
        for (size_t i = 0; i < v->n_orphans; i++)
                json_array_append_new(orphans, json_string(v->orphans[i]));
        o = json_pack("{s:s, s:s, s:{s:I, s:I, s:I, s:i}, s:o, s:o}", "cluster", c->state.jetstream.name,
                      "server", v->server, "log", "first", (json_int_t)v->log.first, "last",
                      (json_int_t)v->log.last, "bytes", (json_int_t)v->log.n_bytes, "replicas",
                      v->log.replicas, "nodes", nodes, "roles_without_node", orphans);
        command_print_json(o);
        json_decref(o);
}

static int parse(const Command *c, int argc, char **argv, bool *ret_json)
{
        const Option options[] = { { "json", .flag = ret_json }, { NULL } };
        *ret_json = false;
        if (!argc || !str_is(argv[0], "status"))
                return command_usage(c);
        return options_read_all(c, options, argc - 1, argv + 1);
}

/* sosync cluster status */
int command_cluster(const Command *command, const char *config_path, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(config_unrefp) Config *c = NULL;
        Diag diag = DIAG_INIT;
        BusOptions bus;
        ClusterView v;
        bool json;
        int status = parse(command, argc, argv, &json), r;

        if (status)
                return status;
        r = config_load_tolerant(&c, config_path, &diag);
        if (r)
                status = command_fail_diag(EXIT_USAGE, &diag);
        else if (c->state.backend != STATE_JETSTREAM)
                status = command_fail(EXIT_USAGE, "%s: state.backend is lmdb: this is one machine alone",
                                      config_path);
        if (status) {
                diag_deinit(&diag);
                return status;
        }
        bus = jetstream_config_bus(&c->state.jetstream, a);
        r = cluster_look(&bus, c->state.jetstream.name, a, &v, &diag);
        if (r) {
                status = command_fail_diag(r == BUS_E_NONE ? EXIT_OBJECT : EXIT_UNREACHABLE, &diag);
        } else {
                if (json)
                        print_json(c, &v);
                else
                        print_text(c, &v);
                status = find(c, &v);
        }
        diag_deinit(&diag);
        return status;
}
