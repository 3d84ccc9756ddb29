/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

#include "tests/contract/nats.h"

#include <stdio.h>

#define EXIT_SKIP 77

int main(int argc, char **argv)
{
        int n_failed = 0;

        contract_backend = argc > 1 ? argv[1] : "lmdb";
        if (strcmp(contract_backend, "jetstream") == 0 && !nats_start()) {
                printf("skipped: no nats-server on this machine (Debian: nats-server)\n");
                return EXIT_SKIP;
        }
        n_failed += contract_run("basic", contract_basic, n_contract_basic);
        n_failed += contract_run("date", contract_date, n_contract_date);
        n_failed += contract_run("lists", contract_lists, n_contract_lists);
        n_failed += contract_run("merge", contract_merge, n_contract_merge);
        n_failed += contract_run("space", contract_space, n_contract_space);
        n_failed += contract_run("rows", contract_rows, n_contract_rows);
        n_failed += contract_run("edges", contract_edges, n_contract_edges);
        n_failed += contract_run("threads", contract_threads, n_contract_threads);
        n_failed += contract_run("property", contract_property, n_contract_property);
        return n_failed != 0;
}
