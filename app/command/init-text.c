/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/init-text.h"

#include <string.h>

/* A text as YAML takes it, whatever is in it. */
static void add_quoted(Str *out, const char *text)
{
        str_add_char(out, '"');
        for (const char *at = text; *at; at++) {
                if (*at == '"' || *at == '\\')
                        str_add_char(out, '\\');
                if ((unsigned char)*at < 32)
                        str_printf(out, "\\x%02x", (unsigned char)*at);
                else
                        str_add_char(out, *at);
        }
        str_add_char(out, '"');
}

static void add_key(Str *out, const char *key, const char *text)
{
        if (!text)
                return;
        str_add(out, key);
        str_add(out, ": ");
        add_quoted(out, text);
        str_add_char(out, '\n');
}

static void add_list(Str *out, const char *key, const char *const *items, size_t n)
{
        str_printf(out, "%s:\n", key);
        for (size_t i = 0; i < n; i++) {
                str_add(out, "    - ");
                add_quoted(out, items[i]);
                str_add_char(out, '\n');
        }
}

static void add_source(Str *out, const InitAnswers *a, const DirectoryFacts *d)
{
        str_printf(out, "# %s, found at ", d->product);
        str_add_safe(out, d->server, strlen(d->server));
        str_add(out, d->has_dirsync ? ". Changes are read with DirSync: an account that may replicate\n"
                                      "# (Replicating Directory Changes) sees all of them, another one those "
                                      "it may read.\n"
                                    : ".\n");
        str_add(out, "source:\n");
        add_key(out, "  name", d->fqdn);
        add_list(out, "  uris", a->uris, a->n_uris);
        add_key(out, "  base", d->base);
        str_add(out, "  bind:\n");
        if (a->bind_dn) {
                str_add(out, "    mechanism: simple\n");
                add_key(out, "    dn", a->bind_dn);
                add_key(out, "    password_file", a->password_file);
        } else {
                str_add(out, "    mechanism: gssapi\n");
                add_key(out, "    keytab", a->keytab);
        }
        if (a->ca_file) {
                str_add(out, "  tls:\n");
                add_key(out, "    ca_file", a->ca_file);
        }
}

static void add_scope(Str *out, const InitAnswers *a, const DirectoryFacts *d)
{
        str_add(out, "\n# Which objects. The longest match of include and exclude decides; without include, "
                     "the whole base.\n"
                     "scope:\n");
        if (a->n_ous) {
                add_list(out, "  include", a->ous, a->n_ous);
        } else {
                str_add(out, "  # Begin with one of these, a pilot:\n  # include:\n");
                for (size_t i = 0; i < d->n_containers; i++) {
                        str_add(out, "  #   - ");
                        add_quoted(out, d->containers[i]);
                        str_add_char(out, '\n');
                }
                if (d->has_more)
                        str_add(out, "  #   and more\n");
                str_add(out, "  include: []\n");
        }
        str_add(out, "  # What leaves the scope, or is deleted, is disabled in the cloud; deletes themselves "
                     "are never exported.\n"
                     "  on_leave: disable\n"
                     "  on_delete: disable\n");
}

/* Why this estate is proposed. */
static void add_tenant_words(Str *out, const char *name, const EstateFound *found)
{
        if (!found) {
                str_add(out, "  # The tenant was not asked. connect or cloud-sync, if one of these "
                             "synchronizes it: then sosync writes\n"
                             "  # only what Graph takes for their objects. A tenant that says otherwise "
                             "stops the work.\n");
                return;
        }
        str_add(out, "  # ");
        name = name ? name : "the tenant";
        str_add_safe(out, name, strlen(name));
        if (found->estate == ESTATE_ALONE)
                str_add(out, " is not synchronized by anything else, so sosync owns the objects.\n");
        else if (!found->sure)
                str_add(out,
                        " is synchronized already. connect: by Entra Connect, which owns the objects; or\n"
                        "  # cloud-sync, if it is Cloud Sync. With Synchronization.Read.All and "
                        "Application.Read.All it can be told.\n");
        else if (found->estate == ESTATE_CONNECT)
                str_add(out, " is synchronized by Entra Connect, which owns the objects.\n");
        else
                str_add(out, " is synchronized by Cloud Sync, which owns the objects.\n");
}

static void add_target(Str *out, const InitAnswers *a, const char *name, const EstateFound *found)
{
        bool connect = found && found->estate == ESTATE_CONNECT;

        str_add(out, "\ntarget:\n");
        add_tenant_words(out, name, found);
        str_printf(out, "  estate: %s\n", estate_name(found ? found->estate : ESTATE_ALONE));
        add_key(out, "  tenant_id", a->tenant_id);
        add_key(out, "  client_id", a->client_id);
        add_key(out, "  cloud", a->cloud);
        if (a->graph_url || a->login_url)
                str_add(out, "  endpoints:\n");
        add_key(out, "    graph", a->graph_url);
        add_key(out, "    login", a->login_url);
        str_add(out, "  credentials:\n");
        if (a->certificate_file) {
                add_key(out, "    - certificate_file", a->certificate_file);
                add_key(out, "      key_file", a->key_file);
        } else {
                add_key(out, "    - secret_file", a->secret_file);
        }
        if (connect)
                str_add(out,
                        "  # That server is asked for what only it may write, and its scheduler's flag is "
                        "paused around the work and\n"
                        "  # given back. sosync-connect speaks PowerShell over SSH or WinRM: what to install "
                        "there "
                        "is\n  # in /usr/share/sosync/connect/README.md.\n"
                        "  connect: {command: [/usr/lib/sosync/sosync-connect, ssh, sosync@CONNECT-SERVER]}\n"
                        "\n"
                        "scheduler:\n"
                        "  driver: command\n"
                        "  status: [/usr/lib/sosync/sosync-connect, ssh, sosync@CONNECT-SERVER, status]\n"
                        "  pause: [/usr/lib/sosync/sosync-connect, ssh, sosync@CONNECT-SERVER, pause]\n"
                        "  resume: [/usr/lib/sosync/sosync-connect, ssh, sosync@CONNECT-SERVER, resume]\n");
}

void init_text(const InitAnswers *a, const DirectoryFacts *directory, const char *tenant_name,
               const EstateFound *found, Str *out)
{
        str_add(out, "# sosync.yaml, as sosync init proposes it; sosync.yaml(5), or `sosync config help`, "
                     "has every key.\n"
                     "# A secret is always the path of a file that only the service may read.\n\n");
        add_source(out, a, directory);
        add_scope(out, a, directory);
        str_add(out, "\n# Nothing is exported until `sosync promote`. Look at `sosync compare` and the "
                     "reports first.\n"
                     "staging: true\n");
        add_target(out, a, tenant_name, found);
        str_add(out, "\n# These overtake all others. A disabled account also loses its sessions.\n"
                     "urgent:\n"
                     "  - attribute: userAccountControl\n"
                     "    when: \"BitAnd([userAccountControl], 2) = 2\"\n"
                     "    revoke_sessions: true\n");
}
