/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#include "assertion.h"
#include "mem.h"
#include "options.h"

typedef struct Row Row;

struct Row {
        const char *name;
        const char *argument; /* NULL: none */
        int (*take)(Options *options, const Row *row, const char *value);
        size_t offset;
        const char *help;
};

static int complain(const char *format, const char *name, const char *value)
{
        fprintf(stderr, "graph-emulator: ");
        fprintf(stderr, "--%s: ", name);
        fprintf(stderr, "%s: '%s'\n", format, value);
        return 1;
}

static int take_text(Options *options, const Row *row, const char *value)
{
        char **field = (char **)((char *)options + row->offset);

        if (!*value)
                return complain("must not be empty", row->name, value);
        free(*field);
        *field = mem_text(value);
        return 0;
}

static int parse_number(const char *s, const char **end, int64_t *ret)
{
        char *stop;

        errno = 0;
        *ret = strtoll(s, &stop, 10);
        *end = stop;
        return stop == s || errno || *ret < 0 ? -EINVAL : 0;
}

static int take_number(Options *options, const Row *row, const char *value)
{
        int64_t *field = (int64_t *)(void *)((char *)options + row->offset);
        const char *end;

        if (parse_number(value, &end, field) < 0 || *end)
                return complain("is not a number", row->name, value);
        return 0;
}

static int take_flag(Options *options, const Row *row, const char *value)
{
        *(bool *)((char *)options + row->offset) = true;
        return 0;
}

static int take_latency(Options *options, const Row *row, const char *value)
{
        const char *end;
        int r;

        r = parse_number(value, &end, &options->latency_min_ms);
        options->latency_max_ms = options->latency_min_ms;
        if (!r && *end == '-')
                r = parse_number(end + 1, &end, &options->latency_max_ms);
        if (r || *end || options->latency_max_ms < options->latency_min_ms ||
            options->latency_max_ms > 600000)
                return complain("is not MIN or MIN-MAX in milliseconds", row->name, value);
        return 0;
}

/* Only loopback: the emulator hands out tokens and knows no TLS. */
static int take_listen(Options *options, const Row *row, const char *value)
{
        const char *colon = strrchr(value, ':'), *end;
        struct in6_addr six;
        struct in_addr four;
        int64_t port;

        if (!colon || parse_number(colon + 1, &end, &port) < 0 || *end || port > 65535)
                return complain("is not ADDRESS:PORT", row->name, value);
        free(options->listen);
        options->listen = *value == '[' && colon[-1] == ']' ? mem_part(value + 1, (size_t)(colon - value) - 2)
                                                            : mem_part(value, (size_t)(colon - value));
        options->port = (uint16_t)port;
        if (inet_pton(AF_INET, options->listen, &four) == 1 && (ntohl(four.s_addr) >> 24) == 127)
                return 0;
        if (inet_pton(AF_INET6, options->listen, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six))
                return 0;
        return complain("only a loopback address is allowed", row->name, value);
}

static void add_each(json_t *list, const char *value)
{
        while (*value) {
                size_t n = strcspn(value, ", ");

                if (n)
                        json_array_append_new(list, json_stringn(value, n));
                value += n + !!value[n];
        }
}

static int take_list(Options *options, const Row *row, const char *value)
{
        json_t **field = (json_t **)(void *)((char *)options + row->offset);

        add_each(*field, value);
        return 0;
}

static int take_federated(Options *options, const Row *row, const char *value)
{
        add_each(options->domains, value);
        add_each(options->federated, value);
        return 0;
}

/* The first line of a file, so that the secret is in no process list */
static int take_first_line(Options *options, const Row *row, const char *value)
{
        char **field = (char **)((char *)options + row->offset);
        char line[8192] = "";
        FILE *file = fopen(value, "re");

        if (!file || !fgets(line, sizeof(line), file)) {
                if (file)
                        fclose(file);
                return complain(file ? "is empty" : strerror(errno), row->name, value);
        }
        fclose(file);
        line[strcspn(line, "\r\n")] = '\0';
        if (!*line)
                return complain("is empty", row->name, value);
        free(*field);
        *field = mem_text(line);
        return 0;
}

static int take_certificate(Options *options, const Row *row, const char *value)
{
        char text[16384];
        FILE *file = fopen(value, "re");
        size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
        X509 *x;

        if (!file)
                return complain(strerror(errno), row->name, value);
        fclose(file);
        text[n] = '\0';
        x = assertion_certificate(text);
        if (!x)
                return complain("holds no certificate in PEM", row->name, value);
        X509_free(x);
        free(options->certificate);
        options->certificate = mem_text(text);
        return 0;
}

#define AT(field) offsetof(Options, field)

/* clang-format off */
static const Row rows[] = {
        { .name = "listen", .argument = "ADDR:PORT", .take = take_listen,
          .help = "loopback address; port 0 takes any free one (127.0.0.1:0)" },
        { .name = "port-file", .argument = "FILE", .take = take_text, .offset = AT(port_file),
          .help = "write the port here, as a whole, once listening" },
        { .name = "tenant", .argument = "GUID", .take = take_text, .offset = AT(tenant),
          .help = "id of the tenant" },
        { .name = "tenant-name", .argument = "TEXT", .take = take_text, .offset = AT(tenant_name),
          .help = "display name of the tenant (Contoso)" },
        { .name = "client-id", .argument = "GUID", .take = take_text, .offset = AT(client_id),
          .help = "the one application that is registered" },
        { .name = "client-secret-file", .argument = "FILE", .take = take_first_line,
          .offset = AT(secret), .help = "file whose first line is its secret" },
        { .name = "client-certificate", .argument = "FILE", .take = take_certificate,
          .help = "certificate in PEM that is registered for it" },
        { .name = "federated-token-file", .argument = "FILE", .take = take_first_line,
          .offset = AT(federated_token), .help = "file whose first line is a token that is trusted for it" },
        { .name = "roles", .argument = "NAME,...", .take = take_list, .offset = AT(roles),
          .help = "application permissions granted to it; may be repeated" },
        { .name = "initial-domain", .argument = "NAME", .take = take_text, .offset = AT(initial_domain),
          .help = "verified, initial domain (contoso.onmicrosoft.com)" },
        { .name = "domain", .argument = "NAME,...", .take = take_list, .offset = AT(domains),
          .help = "further verified domains; the first is the default one" },
        { .name = "federated-domain", .argument = "NAME,...", .take = take_federated,
          .help = "further verified domains that are federated" },
        { .name = "latency-ms", .argument = "MIN[-MAX]", .take = take_latency,
          .help = "answer so much later (0)" },
        { .name = "token-lifetime", .argument = "SECONDS", .take = take_number,
          .offset = AT(token_lifetime_s), .help = "validity of access tokens (3599)" },
        { .name = "journal", .argument = "FILE", .take = take_text, .offset = AT(journal_file),
          .help = "write each journal record to this file as well" },
        { .name = "journal-size", .argument = "N", .take = take_number, .offset = AT(journal_size),
          .help = "records kept in memory (1000000)" },
        { .name = "journal-bytes", .argument = "N", .take = take_number, .offset = AT(journal_bytes),
          .help = "bytes of records kept in memory (268435456)" },
        { .name = "seed", .argument = "N", .take = take_number, .offset = AT(seed),
          .help = "of object ids and latencies (taken from the clock)" },
        { .name = "help", .take = take_flag, .offset = AT(help),
          .help = "this text" },
};
/* clang-format on */

void options_help(void)
{
        printf("Usage: graph-emulator --tenant GUID --client-id GUID --client-secret-file FILE "
               "[OPTION...]\n\n"
               "A strict emulator of the parts of Microsoft Graph that write users and groups.\n\n");
        for (size_t i = 0; i < ARRAY_LENGTH(rows); ++i) {
                char left[64];

                snprintf(left, sizeof(left), "--%s %s", rows[i].name,
                         rows[i].argument ? rows[i].argument : "");
                printf("  %-32s %s\n", left, rows[i].help);
        }
}

static int take_argument(Options *options, int argc, char **argv, int *i)
{
        const char *name = argv[*i] + 2, *equal;
        size_t n;

        if (strncmp(argv[*i], "--", 2)) {
                fprintf(stderr, "graph-emulator: unexpected argument '%s'\n", argv[*i]);
                return 1;
        }
        equal = strchr(name, '=');
        n = equal ? (size_t)(equal - name) : strlen(name);
        for (size_t k = 0; k < ARRAY_LENGTH(rows); ++k) {
                const char *value = equal ? equal + 1 : NULL;

                if (strlen(rows[k].name) != n || strncmp(rows[k].name, name, n))
                        continue;
                if (!rows[k].argument)
                        return rows[k].take(options, &rows[k], "");
                if (!value && ++*i < argc)
                        value = argv[*i];
                if (!value) {
                        fprintf(stderr, "graph-emulator: --%s needs %s\n", rows[k].name, rows[k].argument);
                        return 1;
                }
                return rows[k].take(options, &rows[k], value);
        }
        fprintf(stderr, "graph-emulator: unknown option '%s'\n", argv[*i]);
        return 1;
}

int options_parse(Options *options, int argc, char **argv)
{
        *options = (Options){
                .listen = mem_text("127.0.0.1"),
                .tenant_name = mem_text("Contoso"),
                .initial_domain = mem_text("contoso.onmicrosoft.com"),
                .domains = json_array(),
                .federated = json_array(),
                .roles = json_array(),
                .token_lifetime_s = 3599,
                .journal_size = 1000000,
                .journal_bytes = 256 << 20,
        };
        for (int i = 1; i < argc; ++i) {
                if (take_argument(options, argc, argv, &i))
                        return 1;
        }
        if (options->help)
                return 0;
        if (!options->tenant || !options->client_id || !options->secret) {
                fprintf(stderr, "graph-emulator: --%s is needed\n",
                        !options->tenant      ? "tenant"
                        : !options->client_id ? "client-id"
                                              : "client-secret-file");
                return 1;
        }
        if (options->journal_size < 1 || options->journal_size > 100000000) {
                fprintf(stderr, "graph-emulator: --journal-size is between 1 and 100000000\n");
                return 1;
        }
        return 0;
}

void options_deinit(Options *options)
{
        char *texts[] = { options->listen,         options->port_file,    options->tenant,
                          options->tenant_name,    options->client_id,    options->secret,
                          options->initial_domain, options->journal_file, options->certificate,
                          options->federated_token };

        for (size_t i = 0; i < ARRAY_LENGTH(texts); ++i)
                free(texts[i]);
        json_decref(options->domains);
        json_decref(options->federated);
        json_decref(options->roles);
        *options = (Options){ 0 };
}
