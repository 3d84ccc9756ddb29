/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One change after the other, as bare calls: baseline of `latency`
 *
 *      baseline-change FOLDER < peers, then a line a change: DN of the object, id of the user, body to PATCH
 *
 * For each line: commit of 200 bytes and a position, LDAP base read of the object, GET of the user, PATCH;
 * then the time at which the line had come is printed (CLOCK_MONOTONIC, ns). Who writes the lines paces them.
 * When the PATCH has arrived is in the emulator's journal.
 */

#include "baseline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
        Store store;
        Peers peers;
        Line line;
        char *text;

        if (argc != 2)
                give_up("usage", "baseline-change FOLDER");
        peers_read(&peers);
        line_open(&line, &peers, true);
        store_open(&store, argv[1]);
        puts("ready");
        fflush(stdout);
        while ((text = read_line())) {
                int64_t from = now_ns();
                char *rest = text, *dn = strsep(&rest, "\t"), *id = strsep(&rest, "\t");

                if (!rest)
                        give_up(text, "is not DN, id and body");
                store_commit(&store);
                line_read(&line, dn);
                line_get(&line, id);
                line_patch(&line, id, rest);
                printf("%lld\n", (long long)from);
                fflush(stdout);
                free(text);
        }
        store_close(&store);
        line_close(&line);
        return 0;
}
