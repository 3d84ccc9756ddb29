/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What ldapsearch tells, made durable one after the other, as bare calls: baseline of `intake-latency`
 *
 *      ldapsearch -E sync=rp ... | baseline-intake FOLDER
 *
 * For each entry that has a title: a commit of 200 bytes and a position; then the time is printed
 * (CLOCK_MONOTONIC, ns) and the title. ldapsearch writes an entry in one go, and what it sends later ends
 * without a blank line, so the title stands for the whole.
 */

#include "baseline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
        char *text;
        Store store;

        if (argc != 2)
                give_up("usage", "baseline-intake FOLDER");
        store_open(&store, argv[1]);
        while ((text = read_line())) {
                if (strncmp(text, "title: ", 7) == 0) {
                        store_commit(&store);
                        printf("%lld %s\n", (long long)now_ns(), text + 7);
                        fflush(stdout);
                }
                free(text);
        }
        store_close(&store);
        return 0;
}
