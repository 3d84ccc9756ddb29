/* SPDX-License-Identifier: Apache-2.0 */

/* THE table of commands: what `sosync --help` and `sosync COMMAND --help` print, and who does it. */

#include "app/command/command.h"

const Command command_table[] = {
        { "run", "[--record FILE]", command_run,
          "The service: listen to the directory, export changes, write reports.",
          "  --record FILE      write what the directory says into a new file, for\n"
          "                     source.feed: replay\n",
          "sosync -c /etc/sosync/sosync.yaml run" },
        { "sync", "DN...|--ou DN|--file LIST", command_sync,
          "Synchronize single objects now; prints one JSON document for each.",
          "  --staging-mode     plan and commit the sync, export nothing\n"
          "  --no-html-report   write no HTML file\n"
          "  --file LIST        read DNs from a file, one a line ('-': standard input)\n"
          "  --ou DN            all objects in scope below this DN, users first\n"
          "  --trace FILE       write what would be sent to Microsoft Graph into this\n"
          "                     file, and send nothing\n"
          "\n"
          "Exit status: 0 done or nothing to do, 1 the object failed (the report says\n"
          "why), 2 usage or configuration, 3 throttled, 4 not in scope or not supported, 5\n"
          "directory or Graph unreachable or credentials refused. Of several objects, that\n"
          "of the first which did not end with 0.\n",
          "sosync sync 'CN=Ada Lovelace,OU=corp,DC=contoso,DC=test'" },
        { "report", "list|show|html|open|export [RUN]", command_report, "Find and show reports.",
          "  list               newest first\n"
          "    --status S       success, failure, skipped or warning\n"
          "    --since TIME     30m, 2h, 7d, or 2025-03-01, 2025-03-01T08:00:00Z\n"
          "    --ou DN          objects below this DN\n"
          "    --code CODE      ended with this error code (sosync(1) has all)\n"
          "    --text TEXT      part of the DN or display name\n"
          "    --limit N        at most N (default 50)\n"
          "    --json           one JSON object a line\n"
          "  show RUN           one report, for the terminal; --json: the whole document\n"
          "  html RUN           write its HTML file and print the path\n"
          "  open RUN           the same, and open it: with $BROWSER, or what the desktop\n"
          "                     has\n"
          "  export RUN [FILE]  a zip for support: page, JSON, rules and configuration\n"
          "                     without secrets\n"
          "\n"
          "RUN is a run id or its first characters.\n",
          "sosync report list --status failure --since 24h" },
        { "audit", "search|verify", command_audit, "Who did what, and whether somebody has changed that log.",
          "  search             writes to Entra ID and acts of people, oldest first\n"
          "    --since TIME     30m, 2h, 7d, or 2025-03-01, 2025-03-01T08:00:00Z\n"
          "    --by NAME        only this person, or \"sosync\"\n"
          "    --dn DN          only what was written to this object, or asked for it\n"
          "    --kind K         write or act\n"
          "    --text TEXT      any part of a line\n"
          "  verify             does every line follow from the one before? Exit status 1\n"
          "                     if not\n"
          "  --json             for scripts: the lines as they are in the file\n"
          "\n"
          "Acts have the reason that was given: sosync --reason 'ticket 4711' COMMAND\n",
          "sosync audit search --kind act --since 7d" },
        { "queue",
          "stats|list|retry WHICH|drop WHICH|release --brake NAME|check [DIR]|backup DIR|restore DIR",
          command_queue, "Look at and steer waiting, delayed and parked changes.",
          "  stats              how many wait in each lane, and how long\n"
          "  list               the changes; --state ready|leased|delayed|parked|dated,\n"
          "                     --limit N. dated: only a date is waited for (rules that\n"
          "                     look at the clock)\n"
          "  retry WHICH        a parked or delayed change is due now\n"
          "  drop WHICH         forget a change; the object comes back with its next one\n"
          "  check [DIR]        does everything in the store fit together? Also of one in\n"
          "                     use, or of a backup\n"
          "  backup DIR         a copy of everything that is durable, also while the\n"
          "                     service works\n"
          "  restore DIR        put a backup in the place of the store; the service must\n"
          "                     not run\n"
          "  release            let go on what a brake holds; drop forgets it\n"
          "    --brake NAME     disable, members, values or create\n"
          "  --json             for scripts\n"
          "\n"
          "WHICH is a distinguished name, an objectGUID, or \"parked\": all that are parked.\n",
          "sosync queue retry parked" },
        { "state", "copy --from A --to B", command_state,
          "Copy everything durable to a cluster, or out of one.",
          "  --from, --to       lmdb:FOLDER and jetstream:URL[,URL...], or the other way\n"
          "                     round. Without a folder or URLs: state.path,\n"
          "                     state.jetstream.urls of the configuration\n"
          "  --replace          what the target holds is given up\n"
          "  --json             for scripts\n"
          "\n"
          "Name, credentials and TLS of the cluster are those of state.jetstream. The\n"
          "service must not run, on no node. A copy that was cut is no state: nothing\n"
          "begins to work on it until the same command is given again.\n"
          "\n"
          "Exit status: 0 copied, 1 refused or failed, 2 usage or configuration, 5 no\n"
          "server answers.\n",
          "sosync state copy --from lmdb: --to jetstream:tls://nats1.contoso.test" },
        { "watch", "", command_watch, "Changes and what becomes of them, a line each, as they end.",
          "  --ou DN            only objects below this DN\n"
          "  --json             one JSON object a line, with the names of `sosync report\n"
          "                     list --json`\n"
          "\n"
          "A line: time, kind of change, lane, outcome, latency (arrival to Graph's\n"
          "confirmation), object, error code. Ends with ^C. Exit status: 5 if no service\n"
          "runs.\n",
          "sosync watch --json | jq -r 'select(.status == \"failure\") | .dn'" },
        { "top", "", command_top, "The running service at a glance: feed, lanes, budget, latency.",
          "  --once             print it once; so it is when the output is not a terminal\n"
          "  --json             everything as one JSON object\n"
          "\n"
          "Looks once a second. Ends with ^C or Enter. Exit status: 5 if no service runs.\n",
          "sosync top --once" },
        { "match", "list|approve WHICH", command_match,
          "Users that Microsoft Entra ID seems to have already: join them.",
          "  list               the soft matches that wait for a person\n"
          "    --json           for scripts\n"
          "  approve WHICH      they are the same person: joined by the next run, which is\n"
          "                     due at once\n"
          "\n"
          "WHICH is the distinguished name or the objectGUID of the object in Active\n"
          "Directory.\n",
          "sosync match approve 'CN=Ada Lovelace,OU=corp,DC=contoso,DC=test'" },
        { "compare", "", command_compare,
          "What the rules would export against what is in Microsoft Entra ID.",
          "  --ou DN            only objects below this DN\n"
          "  --sample N         only so many, chosen at random\n"
          "  --json             everything as one JSON object\n"
          "\n"
          "Writes nothing. Exit status: 0 all equal, 1 there are differences, 2 usage, 5\n"
          "directory or Graph unreachable.\n",
          "sosync compare --ou 'OU=Pilot,DC=contoso,DC=test'" },
        { "promote", "", command_staging, "Leave staging: begin to export.",
          "  --yes              do not ask\n"
          "  --take-over        the other installation is stopped, or there is none: do\n"
          "                     not ask the tenant's audit log whether one writes\n"
          "\n"
          "Exit status: 0 this installation exports, 1 no or not now, 2 usage, 3\n"
          "throttled, 5 Graph unreachable, or the audit log may not be read.\n",
          "sosync promote" },
        { "demote", "", command_staging, "Back into staging: export nothing until promote.", NULL,
          "sosync demote" },
        { "reconcile", "[--ou DN] [--all]", command_reconcile,
          "Compare the directory with what was imported; enqueue what differs.",
          "  --ou DN            only this container and what is below it\n"
          "  --all              also objects that are older than the first start and were\n"
          "                     never synchronized\n"
          "  --json             for scripts\n"
          "\n"
          "The service does the same by itself every 30 minutes (reconcile.every). \"Missed\n"
          "by the feed\" should be zero.\n",
          "sosync reconcile --ou 'OU=Pilot,DC=contoso,DC=test'" },
        { "revert", "--run ID|--rules VERSION|--since TIME", command_revert,
          "Put back what exports have replaced in Microsoft Entra ID.",
          "  --run ID           what this run has replaced; first characters are enough\n"
          "  --rules VERSION    what runs under this rule set have replaced\n"
          "  --since TIME       what has been replaced since: 30m, 2h, 7d, or 2025-03-01,\n"
          "                     2025-03-01T08:00:00Z\n"
          "  --dry-run          show it only\n"
          "  --list             instead: objects that are held, and what is still to be\n"
          "                     put back\n"
          "  --release [DN]     instead: let held objects be synchronized again, all or\n"
          "                     one\n"
          "  --json             for scripts\n"
          "\n"
          "What somebody has changed since is left alone and named; then the exit status\n"
          "is 1. Objects that were put back are held: only a disable is written to them\n"
          "until they are released.\n",
          "sosync revert --since 2h --dry-run" },
        { "rules",
          "list|check DIR|show NAME|explain DN|import PATH|diff [DIR]|activate [DIR]|history|rollback "
          "[VERSION]",
          command_rules, "See what the sync rules are and do, change them, import others.",
          "  list               all rules by precedence\n"
          "  check DIR          every fault of a folder of rule files, with line and column\n"
          "  show NAME          a rule as YAML, by name, id or tag\n"
          "  explain DN         why an object has its values: each rule's offer, who wins\n"
          "    --attribute A    only this one; --all: attributes without a value too\n"
          "    --object FILE    an object from a JSON file (sosync eval); --type TYPE\n"
          "  import PATH        rule files of a server export, or of New-ADSyncRule scripts\n"
          "    --output DIR     where to; --connector C=S: rules of C are for the source S\n"
          "  diff [DIR]         what these rules would do to all known objects\n"
          "  activate [DIR]     show the difference, ask, and let these rules work\n"
          "  history            the versions that were active\n"
          "  rollback [VERSION] the version before, or this one, becomes active again\n"
          "    --yes            do not ask (activate, rollback)\n"
          "  --rules DIR        these rules, not the active ones (list, show, explain)\n"
          "  --json             for scripts\n"
          "\n"
          "Exit status: 0 good, 1 findings or a rule that could not be imported, 2 usage\n"
          "or nothing written, 5 directory unreachable.\n",
          "sosync rules explain 'CN=Ada Lovelace,OU=corp,DC=contoso,DC=test'" },
        { "scheduler", "show|set", command_scheduler, "See and set the flag of the regular sync cycle.",
          "  show               its fields; who has paused it, and why\n"
          "  set --sync-cycle-enabled true|false\n"
          "                     by your hand: a false stays until you set it back\n"
          "  --json             for scripts\n"
          "\n"
          "Exit status: 0 done, 2 usage or configuration, 5 the flag cannot be reached.\n",
          "sosync scheduler set --sync-cycle-enabled true" },
        { "cluster", "status", command_cluster,
          "The nodes of a cluster: who lives, who follows which source.",
          "  status             the log, each node and what it does for all\n"
          "    --json           for scripts\n"
          "\n"
          "Only looks, and needs no service. Exit status: 0 all is well, 1 findings, 2 one\n"
          "machine alone, 5 no server answers, or no majority.\n",
          "sosync cluster status" },
        { "eval", "EXPRESSION", command_eval, "Try an expression of the sync rules.",
          "  --dn DN            on an object of the directory\n"
          "  --object FILE      on an object from a JSON file: {\"mail\": \"a@b.test\",\n"
          "                     \"count\": 3, \"flag\": true, \"all\": [\"x\", \"y\"], \"objectGUID\":\n"
          "                     {\"hex\": \"01..\"}, \"manager\": {\"ref\": \"CN=..\"},\n"
          "                     \"%Domain.FQDN%\": \"b.test\", \"imported:mail\": \"a@b.test\"}\n"
          "  --strict           all operators have one priority, as the documentation says\n"
          "  --functions        list all functions instead\n"
          "  --json             {\"type\": ..., \"value\": ...}, or {\"error\": {\"message\": ...,\n"
          "                     \"offset\": ...}}\n"
          "\n"
          "Exit status: 0 there is a result, 1 the expression fails.\n",
          "sosync eval 'Left([givenName], 1) & [sn]' --object ada.json" },
        { "init", "", command_init, "Write a first configuration by asking the directory and the tenant.",
          "  --uri URI          a domain controller, ldaps://...; several times\n"
          "  --bind-dn DN       the account that reads, with --password-file FILE\n"
          "  --keytab FILE      ... or Kerberos, from this key table\n"
          "  --ca-file FILE     who vouches for the domain controllers\n"
          "  --base DN          the domain, if not the one the server names\n"
          "  --ou DN            watch only this; several times\n"
          "  --tenant-id ID --client-id ID\n"
          "  --secret-file FILE, or --certificate-file FILE with --key-file FILE\n"
          "  --cloud NAME       us-gov, us-dod or china; or --graph-url URL --login-url\n"
          "                     URL\n"
          "  --output FILE      where to; \"-\": standard output. What is there is not\n"
          "                     overwritten\n"
          "\n"
          "What is missing is asked for on a terminal. Staging is on in what it writes:\n"
          "nothing is exported until `sosync promote`. Exit status: 5 if the directory\n"
          "does not answer.\n",
          "sosync init --uri ldaps://dc1.contoso.test --output sosync.yaml" },
        { "doctor", "", command_doctor, "Check everything a run needs, and say what to do; writes nothing.",
          "  --feeds SECONDS    also run each feed for so long, and tell what the server\n"
          "                     does; nothing is kept\n"
          "  --json             all findings as one JSON object\n"
          "\n"
          "Works beside a running service. Exit status: 0 all is well, 1 there are\n"
          "findings, 2 usage, or the configuration cannot be used, 5 a directory or\n"
          "Microsoft Graph cannot be reached or does not let us in.\n",
          "sosync doctor --feeds 60" },
        { "config", "check|show|help|permissions", command_config,
          "Check the configuration, or show what is in force.",
          "  check              every fault of the file, each with its line and column\n"
          "  show               effective values with defaults, as YAML; secrets are paths\n"
          "  help               every key, its type, default and meaning\n"
          "  permissions        application permissions of Microsoft Graph, by estate and\n"
          "                     feature\n",
          "sosync -c sosync.yaml config check" },
        { 0 },
};
