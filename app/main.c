/* SPDX-License-Identifier: Apache-2.0 */

/* sosync: near-real-time single object sync from Active Directory to Microsoft Entra ID. */

#include "app/command/command.h"
#include "app/control/person.h"
#include "app/service/protect.h"

#include "base/log.h"
#include "base/str.h"
#include "base/suggest.h"

#include <signal.h>
#include <unistd.h>

static void usage(FILE *to)
{
        fprintf(to, "Usage: sosync [-c FILE] COMMAND [ARGUMENTS]\n\n");
        for (const Command *c = command_table; c->name; c++)
                fprintf(to, "  %-9s %s\n", c->name, c->help);
        fprintf(to, "\n  -c FILE        configuration (default " CONFIG_PATH_DEFAULT ")\n"
                    "  --reason TEXT  why: goes into the audit log with what the command does\n"
                    "  --version      print the version\n"
                    "  COMMAND --help what it takes\n");
}

static const Command *find(const char *name)
{
        for (const Command *c = command_table; c->name; c++)
                if (str_is(c->name, name))
                        return c;
        return NULL;
}

static int unknown(const char *name)
{
        Suggest s;

        suggest_init(&s, name);
        for (const Command *c = command_table; c->name; c++)
                suggest_offer(&s, c->name);
        if (s.found)
                return command_fail(EXIT_USAGE, "unknown command \"%s\"; did you mean \"%s\"?", name,
                                    s.found);
        return command_fail(EXIT_USAGE, "unknown command \"%s\"; `sosync --help` lists them", name);
}

static int lacks(const char *option, const char *what)
{
        return command_fail(EXIT_USAGE, "%s: its %s is missing", option, what);
}

/* `sosync report --help`, and `sosync report list --help` too. */
static bool asks_for_help(int argc, char **argv)
{
        if (argc >= 1 && str_is(argv[0], "-h"))
                return true;
        for (int i = 0; i < argc && !str_is(argv[i], "--"); i++)
                if (str_is(argv[i], "--help"))
                        return true;
        return false;
}

static int run(int argc, char **argv)
{
        const char *config_path = CONFIG_PATH_DEFAULT;
        const Command *command;
        int i = 1;

        for (; i < argc && argv[i][0] == '-'; i++) {
                if (str_is(argv[i], "--help") || str_is(argv[i], "-h")) {
                        usage(stdout);
                        return EXIT_DONE;
                }
                if (str_is(argv[i], "--version")) {
                        printf("sosync %s\n", SOSYNC_VERSION);
                        return EXIT_DONE;
                }
                if (!str_is(argv[i], "-c") && !str_is(argv[i], "--reason"))
                        return command_fail(EXIT_USAGE, "unknown option \"%s\"; `sosync --help` lists them",
                                            argv[i]);
                if (i + 1 == argc)
                        return lacks(argv[i], str_is(argv[i], "-c") ? "FILE" : "TEXT");
                if (str_is(argv[i++], "-c"))
                        config_path = argv[i];
                else
                        person_set_reason(argv[i]);
        }
        if (i == argc) {
                usage(stderr);
                return EXIT_USAGE;
        }
        command = find(argv[i]);
        if (!command)
                return unknown(argv[i]);
        argc -= i + 1;
        argv += i + 1;
        /* -c is taken behind the command too: that is where people write it. */
        if (argc && str_is(argv[0], "-c")) {
                if (argc == 1)
                        return lacks("-c", "FILE");
                config_path = argv[1];
                argc -= 2;
                argv += 2;
        }
        if (asks_for_help(argc, argv)) {
                command_help(command, stdout);
                return EXIT_DONE;
        }
        if (argc && !command_knows_verb(command, argv[0]))
                return EXIT_USAGE;
        return command->run(command, config_path, argc, argv);
}

int main(int argc, char **argv)
{
        protect_process();
        /* Before anything acts as somebody else (app/flow/owner.h). */
        person_name();
        person_login();
        /* A peer or a reader of our output that goes away is an error of that write, not our end; and a limit
         * of file size is a full disk, which the queue knows how to live with. */
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN);
        log_setup(LOG_LEVEL_WARNING, LOG_FORMAT_TEXT, STDERR_FILENO);
        return command_output_end(run(argc, argv));
}
