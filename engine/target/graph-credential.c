/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/graph-credential.h"

#include "base/str.h"
#include "engine/model/value.h"
#include "engine/target/token-key.h"
#include "engine/target/token-request.h"

/* In the order of TokenAlgorithm. */
static const char *const algorithm_names[] = { "PS256", "RS256", NULL };

const ConfigField graph_credential_fields[] = {
        { .name = "secret_file",
          .type = CONFIG_SECRET,
          .offset = offsetof(GraphCredential, secret_file),
          .help = "file with the client secret, readable by its owner only; read at each renewal",
          .example = "/etc/sosync/client-secret" },
        { .name = "certificate_file",
          .type = CONFIG_PATH,
          .offset = offsetof(GraphCredential, certificate_file),
          .help = "instead: a registered certificate, PEM; also with its key, PEM or PKCS#12",
          .example = "/etc/sosync/client.pem" },
        { .name = "key_file",
          .type = CONFIG_SECRET,
          .offset = offsetof(GraphCredential, key_file),
          .help = "the certificate's key in PEM, if it is not in certificate_file",
          .example = "/etc/sosync/client.key" },
        { .name = "passphrase_file",
          .type = CONFIG_SECRET,
          .offset = offsetof(GraphCredential, passphrase_file),
          .help = "file with the passphrase of an encrypted key",
          .example = "/etc/sosync/client.passphrase" },
        { .name = "algorithm",
          .type = CONFIG_CHOICE,
          .offset = offsetof(GraphCredential, algorithm),
          .help = "how the certificate's key signs",
          .fallback = "PS256",
          .choices = algorithm_names },
        { .name = "federated_token_file",
          .type = CONFIG_PATH,
          .offset = offsetof(GraphCredential, federated_token_file),
          .help = "instead: a token of a trusted issuer (workload identity); read at each renewal",
          .example = "/var/run/secrets/azure/tokens/azure-identity-token" },
        { .name = "managed_identity",
          .type = CONFIG_BOOL,
          .offset = offsetof(GraphCredential, managed_identity),
          .help = "instead: the identity of the virtual machine in Azure",
          .example = "true" },
        { .name = "client_id",
          .type = CONFIG_TEXT,
          .offset = offsetof(GraphCredential, managed_client_id),
          .help = "with managed_identity: which one, if it is assigned to the machine by a user",
          .example = "77777777-8888-9999-0000-111111111111" },
        { 0 },
};

static int complain(const ConfigDoc *doc, const char *path, const char *key, const char *why, Diag *diag)
{
        char whole[320];

        snprintf(whole, sizeof(whole), "%s%s%s", path, *key ? "." : "", key);
        diag_add_at(diag, doc ? config_mark(doc, whole) : (DiagMark){ 0 }, "%s: %s", whole, why);
        return CONFIG_E_INVALID;
}

/* The key whose file is named in the finding, for its place. */
static const char *key_of(const GraphCredential *c, const char *text)
{
        if (c->secret_file)
                return "secret_file";
        if (c->federated_token_file)
                return "federated_token_file";
        if (c->key_file && strstr(text, c->key_file))
                return "key_file";
        if (c->passphrase_file && strstr(text, c->passphrase_file))
                return "passphrase_file";
        return "certificate_file";
}

/**
 * graph_credential_check() - one item of `credentials`
 *
 * Return: 0, CONFIG_E_INVALID.
 */
int graph_credential_check(const GraphCredential *c, const ConfigDoc *doc, const char *path, Wall now,
                           Diag *diag)
{
        CredentialKind kind = credential_kind(c);
        Diag why = DIAG_INIT;
        ObjectId id;
        int r = 0;

        if (kind == CREDENTIAL_NONE)
                return complain(doc, path, "",
                                "exactly one of secret_file, certificate_file, federated_token_file and "
                                "\"managed_identity: true\" is expected",
                                diag);
        if (kind != CREDENTIAL_CERTIFICATE && (c->key_file || c->passphrase_file))
                return complain(doc, path, c->key_file ? "key_file" : "passphrase_file",
                                "has a meaning only beside certificate_file", diag);
        if (kind != CREDENTIAL_MANAGED && c->managed_client_id)
                return complain(
                        doc, path, "client_id",
                        "has a meaning only beside managed_identity; the application's is target.client_id",
                        diag);
        if (c->managed_client_id && !guid_parse(c->managed_client_id, &id))
                return complain(doc, path, "client_id", "is not an id (01234567-89ab-cdef-0123-456789abcdef)",
                                diag);
        if (credential_check(c, now, &why))
                r = complain(doc, path, key_of(c, diag_text(&why)), diag_text(&why), diag);
        diag_deinit(&why);
        return r;
}

/**
 * graph_credential_has_expired() - is its end all that is wrong with a certificate?
 * @diag: when it was, if that is so
 */
bool graph_credential_has_expired(const GraphCredential *c, Wall now, Diag *diag)
{
        Wall end = { 0 };

        if (credential_kind(c) != CREDENTIAL_CERTIFICATE || token_key_end(c, &end) || end.ms >= now.ms ||
            credential_check(c, (Wall){ end.ms - 1000 }, NULL))
                return false;
        credential_check(c, now, diag);
        return true;
}

/**
 * graph_credentials_check() - all items of `credentials`
 *
 * Return: 0, CONFIG_E_INVALID.
 */
int graph_credentials_check(const ConfigList *list, const ConfigDoc *doc, const char *path, Wall now,
                            Diag *diag)
{
        const GraphCredential *all = list->items;
        size_t n_expired = 0;
        int bad = 0;

        for (size_t i = 0; i < list->n_items; i++)
                n_expired += graph_credential_has_expired(&all[i], now, NULL);
        for (size_t i = 0; i < list->n_items; i++) {
                char key[256];

                if (n_expired < list->n_items && graph_credential_has_expired(&all[i], now, NULL))
                        continue; /* another one takes its turn */
                snprintf(key, sizeof(key), "%s.%zu", path, config_number(list, i));
                bad |= graph_credential_check(&all[i], doc, key, now, diag);
        }
        return bad ? CONFIG_E_INVALID : 0;
}

/**
 * graph_certificate_end() - the earliest end of all certificates that sign in
 */
Wall graph_certificate_end(const GraphOptions *options)
{
        const GraphCredential *all = options->credentials.items;
        Wall first = { 0 };

        for (size_t i = 0; i < options->credentials.n_items; i++) {
                Wall end = { 0 };

                if (all[i].certificate_file && token_key_end(&all[i], &end) == 0 &&
                    (!first.ms || end.ms < first.ms))
                        first = end;
        }
        return first;
}
