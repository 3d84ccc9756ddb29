/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * GraphCredential in the configuration: its table, and what the table cannot check
 *
 * An item of `credentials` is of the kind that its key says: secret_file, certificate_file,
 * federated_token_file or managed_identity. Keys of one kind are refused beside another, and so is what
 * a sign-in would find out too late: a file that others may read, a passphrase that does not fit, a
 * certificate that is not valid now. A certificate that has expired makes a configuration invalid only if no
 * other credential can take its turn: an end that comes over night must not keep a service from starting.
 */

#include "base/clock.h"
#include "engine/target/graph.h"

extern const ConfigField graph_credential_fields[];

/* `path` is where the item stands, "target.credentials.0". Return: 0, CONFIG_E_INVALID (one finding). */
int graph_credential_check(const GraphCredential *c, const ConfigDoc *doc, const char *path, Wall now,
                           Diag *diag);

/* The whole list; `path` is "target.credentials". Return: 0, CONFIG_E_INVALID (all findings). */
int graph_credentials_check(const ConfigList *list, const ConfigDoc *doc, const char *path, Wall now,
                            Diag *diag);

/* Is its end all that is wrong with this certificate? Then that is said. */
bool graph_credential_has_expired(const GraphCredential *c, Wall now, Diag *diag);
