/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue-crash.h"

/* The argument names one group; without it all are run. */
int main(int argc, char **argv)
{
        const char *only = argc > 1 ? argv[1] : "";
        int n_failed = 0;

        contract_backend = "lmdb";
        if (!only[0] || strcmp(only, "crash") == 0)
                n_failed += contract_run("crash", contract_crash, n_contract_crash);
        if (!only[0] || strcmp(only, "kill") == 0)
                n_failed += contract_run("kill", contract_kill, n_contract_kill);
        if (!only[0] || strcmp(only, "full") == 0)
                n_failed += contract_run("full", contract_full, n_contract_full);
        if (!only[0] || strcmp(only, "files") == 0)
                n_failed += contract_run("files", contract_files, n_contract_files);
        return n_failed != 0;
}
