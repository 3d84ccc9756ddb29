/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Kerberos, without anything global
 *
 * The usual way, KRB5_CLIENT_KTNAME and KRB5CCNAME in the environment, is one for the whole process: two
 * sources with two key tables could not live together, and setenv() is no friend of threads. So credentials
 * are acquired here from the key table into a cache of their own in memory (gss_acquire_cred_from, MIT
 * Kerberos 1.11), and given to Cyrus SASL by name (SASL_GSS_CREDS) while the bind asks its questions: libldap
 * makes the SASL context at the beginning of a bind, and that is the only moment at which it can be reached.
 */

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <sasl/sasl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "listener/ldap-conn.h"

/* RFC 4752: security layers are negotiated by strength; 56 is "confidentiality" in every version. */
#define SSF_SEALED 56

typedef struct Answers {
        LDAP *ld;
        gss_cred_id_t credentials;
} Answers;

static void cleanup_name(gss_name_t *name)
{
        OM_uint32 minor;

        if (*name != GSS_C_NO_NAME)
                gss_release_name(&minor, name);
}

/* Credentials, and the cache they lie in: a cache in memory lives until it is destroyed. */
typedef struct Ticket {
        gss_cred_id_t credentials;
        char cache[64]; /* "": not ours */
} Ticket;

static void ticket_deinit(Ticket *t)
{
        OM_uint32 minor;
        krb5_context context;
        krb5_ccache cache;

        if (t->credentials != GSS_C_NO_CREDENTIAL)
                gss_release_cred(&minor, &t->credentials);
        if (!*t->cache || krb5_init_context(&context) != 0)
                return;
        if (krb5_cc_resolve(context, t->cache, &cache) == 0)
                krb5_cc_destroy(context, cache);
        krb5_free_context(context);
}

/* What GSSAPI has to say about an error, without a trailing full stop. */
static void add_status(Str *s, OM_uint32 code, int type)
{
        OM_uint32 minor, more = 0;
        gss_buffer_desc text = GSS_C_EMPTY_BUFFER;

        if (GSS_ERROR(gss_display_status(&minor, code, type, (gss_OID)gss_mech_krb5, &more, &text)))
                return;
        str_add_safe(s, text.value, text.length);
        gss_release_buffer(&minor, &text);
}

static int import(const char *principal, gss_name_t *ret_name)
{
        gss_buffer_desc text = { .length = strlen(principal), .value = (void *)(uintptr_t)principal };
        OM_uint32 minor;

        return GSS_ERROR(gss_import_name(&minor, &text, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, ret_name)) ? -1
                                                                                                        : 0;
}

/* Nobody gives out tickets at the moment: that is no refusal. By the words, in which libkrb5 says it. */
static bool is_kdc_away(const char *says)
{
        return says && (strstr(says, "Cannot contact any KDC") || strstr(says, "Cannot find KDC"));
}

static int acquire(const LdapConfig *config, const LdapUri *uri, Ticket *t, int64_t *ret_lifetime_us,
                   Diag *diag)
{
        static atomic_uint_fast64_t n_caches;
        _cleanup_(cleanup_name) gss_name_t name = GSS_C_NO_NAME;
        const char *keytab = config->bind.keytab;
        gss_key_value_element_desc elements[] = {
                { .key = "client_keytab", .value = keytab },
                { .key = "ccache", .value = t->cache },
        };
        gss_key_value_set_desc store = { .count = N_ELEMENTS(elements), .elements = elements };
        gss_OID_set_desc krb5 = { .count = 1, .elements = (gss_OID)gss_mech_krb5 };
        OM_uint32 major, minor = 0, seconds = 0;

        if (keytab)
                snprintf(t->cache, sizeof(t->cache), "MEMORY:sosync-%llu",
                         (unsigned long long)atomic_fetch_add(&n_caches, 1));
        if (config->bind.principal && import(config->bind.principal, &name) < 0) {
                diag_set(diag, "bind.principal: \"%s\" is not a Kerberos principal", config->bind.principal);
                return CONN_E_REFUSED;
        }
        major = gss_acquire_cred_from(&minor, name, 0, &krb5, GSS_C_INITIATE, keytab ? &store : NULL,
                                      &t->credentials, NULL, &seconds);
        if (GSS_ERROR(major)) {
                _cleanup_(str_deinit) Str s = { 0 };

                str_init(&s, 512);
                add_status(&s, minor ? minor : major, minor ? GSS_C_MECH_CODE : GSS_C_GSS_CODE);
                diag_set(diag, "%s: no Kerberos ticket%s%s%s%s: %s", uri->text,
                         keytab ? " with the key table " : "", keytab ? keytab : "",
                         config->bind.principal ? " for " : "",
                         config->bind.principal ? config->bind.principal : "", s.data);
                return is_kdc_away(s.data) ? CONN_E_UNREACHABLE : CONN_E_REFUSED;
        }
        *ret_lifetime_us = seconds == GSS_C_INDEFINITE ? 0 : (int64_t)seconds * 1000000;
        return 0;
}

/* Called by libldap once the SASL context exists; for GSSAPI it asks for an authorization id, which is none.
 */
static int answer(LDAP *ld, unsigned flags, void *defaults, void *interact)
{
        Answers *answers = defaults;

        (void)flags;
        if (ldap_set_option(ld, LDAP_OPT_X_SASL_GSS_CREDS, answers->credentials) != LDAP_OPT_SUCCESS)
                return LDAP_LOCAL_ERROR;
        for (sasl_interact_t *i = interact; i->id != SASL_CB_LIST_END; i++) {
                i->result = i->defresult ? i->defresult : "";
                i->len = (unsigned)strlen(i->result);
        }
        return LDAP_SUCCESS;
}

/**
 * conn_bind_gssapi() - bind with Kerberos
 *
 * With TLS, SASL adds no layer of its own: AD refuses two (MS-ADTS 5.1.1.1.2). Without TLS, the connection is
 * sealed or it does not come about.
 *
 * Return: 0, CONN_E_REFUSED, CONN_E_UNREACHABLE.
 */
int conn_bind_gssapi(LDAP *ld, const LdapConfig *config, const LdapUri *uri, bool encrypted,
                     int64_t *ret_lifetime_us, Diag *diag)
{
        _cleanup_(ticket_deinit) Ticket ticket = { .credentials = GSS_C_NO_CREDENTIAL };
        ber_len_t min = encrypted ? 0 : SSF_SEALED, max = encrypted ? 0 : INT32_MAX;
        int binding = LDAP_OPT_X_SASL_CBINDING_TLS_ENDPOINT;
        Answers answers = { .ld = ld };
        int code, r;

        r = acquire(config, uri, &ticket, ret_lifetime_us, diag);
        if (r)
                return r;
        answers.credentials = ticket.credentials;
        /* The name in the URI is the name in the ticket; asking the DNS for a better one asks an attacker. */
        ldap_set_option(ld, LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON);
        ldap_set_option(ld, LDAP_OPT_X_SASL_SSF_MIN, &min);
        ldap_set_option(ld, LDAP_OPT_X_SASL_SSF_MAX, &max);
        if (encrypted)
                ldap_set_option(ld, LDAP_OPT_X_SASL_CBINDING, &binding);
        code = ldap_sasl_interactive_bind_s(ld, NULL, "GSSAPI", NULL, NULL, LDAP_SASL_QUIET, answer,
                                            &answers);
        if (code != LDAP_SUCCESS) {
                char *says = NULL;

                ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &says);
                r = conn_translate(code == LDAP_LOCAL_ERROR && !is_kdc_away(says) ? LDAP_AUTH_UNKNOWN : code,
                                   says, uri->text, "bind with Kerberos", diag);
                ldap_memfree(says);
        }
        return r;
}
