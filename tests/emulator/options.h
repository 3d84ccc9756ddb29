/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Options: the command line, as a table (options.c); --help is made from it */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Options Options;

struct Options {
        char *listen; /* address */
        uint16_t port;
        char *port_file;
        char *tenant;
        char *tenant_name;
        char *client_id;
        char *secret;
        char *certificate;     /* PEM; NULL: none */
        char *federated_token; /* trusted as it is; NULL: none */
        char *initial_domain;
        json_t *domains;   /* array of text, as given */
        json_t *federated; /* those of them that are federated */
        json_t *roles;     /* array of text */
        int64_t latency_min_ms;
        int64_t latency_max_ms;
        int64_t token_lifetime_s;
        char *journal_file;
        int64_t journal_size;
        int64_t journal_bytes;
        int64_t seed;
        bool help;
};

/* Return: 0; 1: said what is wrong on stderr, in one line */
int options_parse(Options *options, int argc, char **argv);
void options_help(void);
void options_deinit(Options *options);
