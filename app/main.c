/* SPDX-License-Identifier: Apache-2.0 */

/* sosync: near-real-time single object sync from Active Directory to Microsoft Entra ID. */

#include "app/command.h"

#include "base/log.h"
#include "base/str.h"

#include <unistd.h>

static const Command commands[] = {
        { "run", "", command_run, "The service: listen to the directory, export changes, write reports.",
          NULL },
        { "sync", "DN...", command_sync, "Synchronize single objects now; prints one JSON document for each.",
          "  --staging-mode     plan and commit the sync, export nothing\n"
          "  --no-html-report   write no HTML file\n"
          "  --file LIST        read DNs from a file, one a line ('-': standard input)\n"
          "\n"
          "Exit status: 0 done or nothing to do, 1 the object failed (the report says why), 2 usage or\n"
          "configuration, 3 throttled, 4 not in scope or not supported, 5 directory or Graph unreachable or\n"
          "credentials refused. Of several objects, that of the first which did not end with 0.\n"
          "\n"
          "Example: sosync sync 'CN=Ada Lovelace,OU=corp,DC=corp,DC=contoso,DC=test' | jq "
          ".provisioningStatusInfo\n" },
        { "report", "list|show|html [RUN]", command_report, "Find and show reports.",
          "  list               newest first\n"
          "    --status S       success, failure, skipped or warning\n"
          "    --since TIME     30m, 2h, 7d, or an ISO 8601 time\n"
          "    --ou DN          objects below this DN\n"
          "    --text TEXT      part of the DN or display name\n"
          "    --limit N        at most N (default 50)\n"
          "    --json           one JSON object a line\n"
          "  show RUN           one report, for the terminal; --json: the whole document\n"
          "  html RUN           write its HTML file and print the path\n"
          "\n"
          "RUN is a run id or its first characters.\n" },
        { "queue", "stats|list|retry WHICH|drop WHICH", command_queue,
          "Look at and steer waiting, delayed and parked changes.",
          "  stats              how many wait in each lane, and how long\n"
          "  list               the changes; --state ready|leased|delayed|parked, --limit N\n"
          "  retry WHICH        a parked or delayed change is due now\n"
          "  drop WHICH         forget a change; the object comes back with its next one\n"
          "  --json             for scripts\n"
          "\n"
          "WHICH is a distinguished name, an objectGUID, or \"parked\": all that are parked.\n" },
        { "config", "check|show|help", command_config, "Check the configuration, or show what is in force.",
          "  check              every fault of the file, each with its line and column\n"
          "  show               effective values with defaults, as YAML; secrets are paths\n"
          "  help               every key, its type, default and meaning\n" },
};

static void usage(FILE *to)
{
        fprintf(to, "Usage: sosync [-c FILE] COMMAND [ARGUMENTS]\n\n");
        for (size_t i = 0; i < N_ELEMENTS(commands); i++)
                fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
        fprintf(to, "\n  -c FILE        configuration (default " CONFIG_PATH_DEFAULT ")\n"
                    "  --version      print the version\n"
                    "  COMMAND --help what it takes\n");
}

static const Command *find(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(commands); i++)
                if (str_is(commands[i].name, name))
                        return &commands[i];
        return NULL;
}

int main(int argc, char **argv)
{
        const char *config_path = CONFIG_PATH_DEFAULT;
        const Command *command;
        int i = 1;

        log_setup(LOG_LEVEL_WARNING, LOG_FORMAT_TEXT, STDERR_FILENO);
        for (; i < argc && argv[i][0] == '-'; i++) {
                if (str_is(argv[i], "--help") || str_is(argv[i], "-h")) {
                        usage(stdout);
                        return EXIT_DONE;
                }
                if (str_is(argv[i], "--version")) {
                        printf("sosync %s\n", SOSYNC_VERSION);
                        return EXIT_DONE;
                }
                if (!str_is(argv[i], "-c") || i + 1 == argc) {
                        usage(stderr);
                        return EXIT_USAGE;
                }
                config_path = argv[++i];
        }
        if (i == argc) {
                usage(stderr);
                return EXIT_USAGE;
        }
        command = find(argv[i]);
        if (!command)
                return command_fail(EXIT_USAGE, "unknown command \"%s\"; `sosync --help` lists them",
                                    argv[i]);
        argc -= i + 1;
        argv += i + 1;
        /* -c is taken behind the command too: that is where people write it. */
        if (argc >= 2 && str_is(argv[0], "-c")) {
                config_path = argv[1];
                argc -= 2;
                argv += 2;
        }
        if (argc >= 1 && (str_is(argv[0], "--help") || str_is(argv[0], "-h"))) {
                command_help(command, stdout);
                return EXIT_DONE;
        }
        return command->run(command, config_path, argc, argv);
}
