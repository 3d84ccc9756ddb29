/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/command.h"
#include "app/command/init-text.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "engine/target/graph.h"
#include "listener/ldap-config.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct InitCommand {
        Arena *arena;
        InitAnswers answers;
        const char *output; /* "-": standard output */
        bool asks;          /* somebody is there */
} InitCommand;

/* Where the text of an option goes. */
typedef struct Slot {
        const char *name;
        size_t offset;
        const char *question; /* NULL: never asked */
        /* Is this a good answer? If not, said so. NULL: the configuration that is made of it is asked. */
        bool (*good)(const char *option, const char *text);
        bool path; /* a path is kept as an absolute one: the service runs elsewhere */
} Slot;

static bool good_uri(const char *option, const char *text)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        LdapUri uri;

        if (strncmp(text, "srv:", 4) == 0 || ldap_uri_parse(text, &uri, &diag))
                return true;
        command_fail(EXIT_USAGE, "%s: %s", option, diag_text(&diag));
        return false;
}

static bool good_file(const char *option, const char *text)
{
        if (access(text, R_OK) == 0)
                return true;
        command_fail(EXIT_USAGE, "%s: %s: %s", option, text, strerror(errno));
        return false;
}

/* The tenant may be named by one of its domains too. */
static bool good_id(const char *option, const char *text)
{
        bool domain = strcmp(option, "--tenant-id") == 0;
        ObjectId id;

        if (guid_parse(text, &id) || (domain && strchr(text, '.')))
                return true;
        command_fail(EXIT_USAGE, "%s: \"%s\" is not an id (01234567-89ab-cdef-0123-456789abcdef)%s", option,
                     text, domain ? ", nor a domain" : "");
        return false;
}

static const Slot slots[] = {
        { "bind-dn", offsetof(InitAnswers, bind_dn), NULL, command_dn, false },
        { "password-file", offsetof(InitAnswers, password_file), NULL, good_file, true },
        { "keytab", offsetof(InitAnswers, keytab), NULL, good_file, true },
        { "ca-file", offsetof(InitAnswers, ca_file), NULL, good_file, true },
        { "base", offsetof(InitAnswers, base), NULL, command_dn, false },
        { "tenant-id", offsetof(InitAnswers, tenant_id), "tenant id (a GUID)", good_id, false },
        { "client-id", offsetof(InitAnswers, client_id), "client id of the app registration (a GUID)",
          good_id, false },
        { "secret-file", offsetof(InitAnswers, secret_file), NULL, good_file, true },
        { "certificate-file", offsetof(InitAnswers, certificate_file), NULL, good_file, true },
        { "key-file", offsetof(InitAnswers, key_file), NULL, good_file, true },
        { "cloud", offsetof(InitAnswers, cloud), NULL, NULL, false },
        { "graph-url", offsetof(InitAnswers, graph_url), NULL, NULL, false },
        { "login-url", offsetof(InitAnswers, login_url), NULL, NULL, false },
};

enum {
        OPTION_SLOT = 1000,
        OPTION_URI = 2000,
        OPTION_OU,
        OPTION_OUTPUT,
};

static const char **slot_of(InitCommand *c, const Slot *slot)
{
        return (const char **)((char *)&c->answers + slot->offset);
}

static const char *option_of(InitCommand *c, const Slot *slot)
{
        return arena_printf(c->arena, "--%s", slot->name);
}

static bool fill(InitCommand *c, const Slot *slot, const char *text)
{
        const char *resolved;

        if (slot->good && !slot->good(option_of(c, slot), text))
                return false;
        resolved = slot->path ? realpath(text, NULL) : NULL;
        *slot_of(c, slot) = arena_strdup(c->arena, resolved ? resolved : text);
        free((void *)(uintptr_t)resolved);
        return true;
}

static bool add(const char **items, size_t *n, const char *text)
{
        if (*n == INIT_MANY)
                return false;
        items[(*n)++] = text;
        return true;
}

static int parse(const Command *command, InitCommand *c, int argc, char **argv)
{
        struct option options[N_ELEMENTS(slots) + 4] = {
                { "uri", required_argument, NULL, OPTION_URI },
                { "ou", required_argument, NULL, OPTION_OU },
                { "output", required_argument, NULL, OPTION_OUTPUT },
        };
        InitAnswers *a = &c->answers;
        int k;

        for (size_t i = 0; i < N_ELEMENTS(slots); i++)
                options[3 + i] =
                        (struct option){ slots[i].name, required_argument, NULL, OPTION_SLOT + (int)i };
        command_getopt(&argc, &argv);
        while ((k = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (k == OPTION_OUTPUT)
                        c->output = optarg;
                else if (k == OPTION_URI && !add(a->uris, &a->n_uris, optarg))
                        return command_fail(EXIT_USAGE, "at most %d times --uri", INIT_MANY);
                else if (k == OPTION_OU && !add(a->ous, &a->n_ous, optarg))
                        return command_fail(EXIT_USAGE, "at most %d times --ou", INIT_MANY);
                else if (k == OPTION_OU && !command_dn("--ou", optarg))
                        return EXIT_USAGE;
                else if (k == OPTION_URI && !good_uri("--uri", optarg))
                        return EXIT_USAGE;
                else if (k == '?')
                        return command_usage(command);
                else if (k >= OPTION_SLOT && (size_t)(k - OPTION_SLOT) < N_ELEMENTS(slots) &&
                         !fill(c, &slots[k - OPTION_SLOT], optarg))
                        return EXIT_USAGE;
        }
        if (optind < argc)
                return command_usage(command);
        if (a->bind_dn && a->keytab)
                return command_fail(EXIT_USAGE, "either --bind-dn (a password) or --keytab (Kerberos)");
        if (a->secret_file && a->certificate_file)
                return command_fail(EXIT_USAGE, "either --secret-file or --certificate-file");
        return EXIT_DONE;
}

/* A line of the person at the terminal; NULL: none. */
static const char *ask(InitCommand *c, const char *question)
{
        char line[1024];

        if (!c->asks)
                return NULL;
        fprintf(stderr, "%s: ", question);
        if (!fgets(line, sizeof(line), stdin))
                return NULL;
        line[strcspn(line, "\r\n")] = '\0';
        return *line ? arena_strdup(c->arena, line) : NULL;
}

static const Slot *slot_named(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(slots); i++)
                if (strcmp(slots[i].name, name) == 0)
                        return &slots[i];
        return NULL;
}

/* What is missing: asked for, or named in one line. */
static int complete_one(InitCommand *c, const char *name, const char *question)
{
        const Slot *slot = slot_named(name);
        const char *text;

        if (*slot_of(c, slot))
                return EXIT_DONE;
        /* A slip is asked for again, since what was typed before would be lost with it. */
        do {
                text = ask(c, question ? question : slot->question);
                if (!text)
                        return command_fail(EXIT_USAGE, "--%s is missing", name);
        } while (!fill(c, slot, text));
        return EXIT_DONE;
}

static int complete_source(InitCommand *c)
{
        InitAnswers *a = &c->answers;
        int r = EXIT_DONE;

        if (!a->n_uris) {
                const char *uri;

                do {
                        uri = ask(c, "a domain controller (ldaps://dc1.corp.contoso.test)");
                        if (!uri)
                                return command_fail(EXIT_USAGE,
                                                    "--uri is missing: ldaps://dc1.corp.contoso.test");
                } while (!good_uri("--uri", uri));
                add(a->uris, &a->n_uris, uri);
        }
        if (!a->bind_dn && !a->keytab)
                r = complete_one(c, "bind-dn",
                                 "DN of the account that reads (empty: Kerberos is given with --keytab)");
        if (r == EXIT_DONE && a->bind_dn)
                r = complete_one(c, "password-file", "file with its password, mode 0600");
        return r;
}

static int complete_target(InitCommand *c)
{
        InitAnswers *a = &c->answers;
        int r = complete_one(c, "tenant-id", NULL);

        if (r == EXIT_DONE)
                r = complete_one(c, "client-id", NULL);
        if (r == EXIT_DONE && !a->secret_file && !a->certificate_file)
                r = complete_one(c, "secret-file", "file with the client secret, mode 0600");
        return r;
}

static int refuse_ou(InitCommand *c, const DirectoryFacts *d)
{
        const char *there = "";

        for (size_t i = 0; i < d->n_containers; i++)
                there = arena_printf(c->arena, "%s%s\"%s\"", there, i ? ", " : "", d->containers[i]);
        return command_fail(EXIT_USAGE,
                            "--ou: \"%s\" is not there, or cannot be read, below %s; there are %s%s",
                            d->absent, d->base, *there ? there : "none", d->has_more ? " and more" : "");
}

static int look(InitCommand *c, DirectoryFacts *ret)
{
        const InitAnswers *a = &c->answers;
        const LdapConfig config = {
                .name = "init",
                .uris = { .items = (void *)(uintptr_t)a->uris, .n_items = a->n_uris },
                .base = a->base,
                .bind = { .mechanism = a->bind_dn ? BIND_SIMPLE : BIND_GSSAPI,
                          .dn = a->bind_dn,
                          .password_file = a->password_file,
                          .keytab = a->keytab },
                .tls = { .ca_file = a->ca_file ? a->ca_file : "/etc/ssl/certs/ca-certificates.crt",
                         .starttls = true },
                .connect_timeout_us = 5000000,
                .request_timeout_us = 60000000,
                .keepalive_us = 30000000,
        };
        Diag diag = DIAG_INIT;
        int status = EXIT_DONE;

        if (directory_look(&config, a->ous, a->n_ous, c->arena, ret, &diag))
                status = command_fail_diag(EXIT_UNREACHABLE, &diag);
        else if (ret->absent)
                status = refuse_ou(c, ret);
        else
                fprintf(stderr, "directory: %s, %s, %s\n", ret->product, ret->server, ret->base);
        diag_deinit(&diag);
        return status;
}

/* What the tenant says; its connections are made as the configuration says. */
static int ask_tenant(InitCommand *c, const Config *config, const char **ret_name, EstateFound *ret_found)
{
        _cleanup_(target_freep) Target *target = NULL;
        Log log = { 0 };
        Diag diag = DIAG_INIT;
        Call call = {
                .lane = LANE_URGENT,
                .arena = c->arena,
                .run_id = "init",
                .now = clock_mono(&clock_system),
        };
        TargetInfo info = { 0 };
        int r;

        call.deadline = mono_add(call.now, 30000000);
        r = target_graph_new(&target, &config->target, &clock_system, &log, &diag);
        if (r == 0)
                r = target_info(target, &call, &info, &diag);
        if (r == 0)
                r = estate_find(target, target, &clock_system, c->arena, ret_found, &diag);
        if (r == 0) {
                *ret_name = arena_strdup(c->arena, info.tenant_name);
                fprintf(stderr, "tenant:    %s, %s\n", *ret_name ? *ret_name : config->target.tenant_id,
                        ret_found->why);
        } else {
                command_fail(EXIT_UNREACHABLE, "the tenant does not answer yet: %s",
                             diag_any(&diag) ? diag_text(&diag) : strerror(r < 0 ? -r : EIO));
        }
        diag_deinit(&diag);
        return r;
}

/* The service reads it as who it is, and may not write it: the file has the group of its folder, which the
 * package has made for the service. */
static void give_to_service(const char *path)
{
        char *folder = strdup(path);
        struct stat st;

        if (folder && stat(dirname(folder), &st) == 0 && chown(path, (uid_t)-1, st.st_gid))
                fprintf(stderr, "%s: its group could not be set: %s\n", path, strerror(errno));
        free(folder);
}

/* A finding without file, line and column: the person has not seen that file, and it is gone. */
static const char *behind_place(const char *finding, const char *path)
{
        size_t n = strlen(path);

        if (strncmp(finding, path, n))
                return finding;
        finding += n;
        finding += strspn(finding, ":0123456789");
        return finding + strspn(finding, " ");
}

/* The text in a file beside where it will be, read as the service will read it. NULL: it is said what is
 * wrong. */
static Config *read_back(const char *path, const Str *text, int *ret_status)
{
        int r = str_write_file(path, text->data, text->n, 0640);
        Diag diag = DIAG_INIT;
        Config *config;

        if (r) {
                *ret_status = command_fail(EXIT_OBJECT, "%s cannot be written: %s", path, strerror(-r));
                return NULL;
        }
        give_to_service(path);
        r = config_load(&config, path, &diag);
        if (r) {
                *ret_status = EXIT_USAGE;
                for (size_t i = 0; i < diag.n_items; i++)
                        command_fail(EXIT_USAGE, "%s", behind_place(diag.items[i].text, path));
                unlink(path);
        }
        diag_deinit(&diag);
        return r ? NULL : config;
}

/* Compose, read back, ask the tenant, compose again. `path` holds the result. */
static int make(InitCommand *c, const DirectoryFacts *directory, const char *path, Str *text)
{
        _cleanup_(config_unrefp) Config *config = NULL;
        EstateFound found;
        const char *tenant_name = NULL;
        int status = EXIT_DONE;
        bool known;

        init_text(&c->answers, directory, NULL, NULL, text);
        config = read_back(path, text, &status);
        if (!config)
                return status;
        known = ask_tenant(c, config, &tenant_name, &found) == 0;
        config = config_unref(config);
        str_reset(text);
        init_text(&c->answers, directory, tenant_name, known ? &found : NULL, text);
        config = read_back(path, text, &status);
        return status;
}

static int write_out(InitCommand *c, const DirectoryFacts *directory)
{
        bool to_stdout = strcmp(c->output, "-") == 0;
        const char *path = to_stdout ? arena_printf(c->arena, "/tmp/sosync-init.%d.yaml", (int)getpid())
                                     : arena_printf(c->arena, "%s.new", c->output);
        int status;
        Str text;

        str_init(&text, 1 << 20);
        status = make(c, directory, path, &text);
        if (status == EXIT_DONE && to_stdout)
                fputs(text.data, stdout);
        if (to_stdout)
                unlink(path);
        else if (status == EXIT_DONE && rename(path, c->output))
                status = command_fail(EXIT_OBJECT, "%s cannot be written: %s", c->output, strerror(errno));
        else if (status == EXIT_DONE)
                fprintf(stderr, "%s is written. Read it, then: sosync doctor\n", c->output);
        str_deinit(&text);
        return status;
}

int command_init(const Command *command, const char *config_path, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        InitCommand c = { .arena = a,
                          .output = config_path,
                          .asks = isatty(STDIN_FILENO) && isatty(STDERR_FILENO) };
        DirectoryFacts directory;
        int status = parse(command, &c, argc, argv);

        if (status == EXIT_DONE && strcmp(c.output, "-") != 0 && access(c.output, F_OK) == 0)
                status = command_fail(EXIT_USAGE, "%s is there already; --output FILE names another",
                                      c.output);
        if (status == EXIT_DONE)
                status = complete_source(&c);
        if (status == EXIT_DONE)
                status = look(&c, &directory);
        if (status == EXIT_DONE)
                status = complete_target(&c);
        return status == EXIT_DONE ? write_out(&c, &directory) : status;
}
