/* SPDX-License-Identifier: Apache-2.0 */

/* The border: LDAP result codes and AD's own codes come in, conditions and words go out. */

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "listener/ldap-conn.h"

typedef struct Words {
        unsigned long code;
        const char *text;
} Words;

/*
 * AD's reason behind invalidCredentials: "80090308: LdapErr: DSID-..., comment: AcceptSecurityContext error,
 * data 52e, v1db1". The numbers are Windows error codes (MS-ERREF 2.2).
 */
static const Words credential_words[] = {
        { 0x525, "there is no such account" },
        { 0x52e, "wrong name or password" },
        { 0x530, "this account may not log on at this time of day" },
        { 0x531, "this account may not log on from this machine" },
        { 0x532, "the password has expired" },
        { 0x533, "the account is disabled" },
        { 0x568, "the account is a member of too many groups" },
        { 0x569, "the account has no right to log on at this server" },
        { 0x701, "the account has expired" },
        { 0x773, "the password must be changed before the first logon" },
        { 0x775, "the account is locked" },
        { 0x80090346, "the server demands LDAP channel binding and ours does not fit its certificate" },
};

static bool ad_data(const char *says, unsigned long *ret_code)
{
        const char *at = says ? strstr(says, ", data ") : NULL;
        char *end;

        if (!at)
                return false;
        at += strlen(", data ");
        *ret_code = strtoul(at, &end, 16);
        return end != at;
}

static const char *credential_reason(const char *says)
{
        unsigned long code = 0;

        /* Of OpenLDAP and 389: MIT Kerberos knows why, and only their logs say so. */
        if (says && strstr(says, "gss_accept_sec_context"))
                return "the server cannot take the Kerberos ticket: it is for another key than its own, its "
                       "clock "
                       "differs, or the channel binding does not fit its certificate";
        if (!ad_data(says, &code))
                return "wrong name or password";
        for (size_t i = 0; i < N_ELEMENTS(credential_words); i++)
                if (credential_words[i].code == code)
                        return credential_words[i].text;
        return "the server does not say why";
}

static int condition(int code)
{
        switch (code) {
        case LDAP_SERVER_DOWN:
        case LDAP_CONNECT_ERROR:
        case LDAP_TIMEOUT:
        case LDAP_LOCAL_ERROR:
        case LDAP_USER_CANCELLED:
        case LDAP_BUSY:
        case LDAP_UNAVAILABLE:
        case LDAP_OPERATIONS_ERROR: /* the server's own trouble: AD says it while it starts and stops */
        case LDAP_OTHER:
                return CONN_E_UNREACHABLE;
        case LDAP_INVALID_CREDENTIALS:
        case LDAP_INAPPROPRIATE_AUTH:
        case LDAP_STRONG_AUTH_REQUIRED:
        case LDAP_AUTH_METHOD_NOT_SUPPORTED:
        case LDAP_CONFIDENTIALITY_REQUIRED:
        case LDAP_INSUFFICIENT_ACCESS:
        case LDAP_AUTH_UNKNOWN:
                return CONN_E_REFUSED;
        case LDAP_NO_SUCH_OBJECT:
        case LDAP_INVALID_DN_SYNTAX: /* what is no name names no object */
                return CONN_E_NOT_FOUND;
        case LDAP_TIMELIMIT_EXCEEDED:
        case LDAP_SIZELIMIT_EXCEEDED:
        case LDAP_ADMINLIMIT_EXCEEDED:
                return CONN_E_LIMIT;
        case LDAP_REFERRAL:
        case LDAP_PARTIAL_RESULTS:
                return CONN_E_UNSUITABLE;
        case LDAP_DECODING_ERROR:
                return CONN_E_PROTOCOL;
        case LDAP_SYNC_REFRESH_REQUIRED:
                return CONN_E_REFRESH;
        default:
                return CONN_E_REJECTED;
        }
}

static bool is_unbound(int code, const char *says)
{
        /* AD: "000004DC: LdapErr: ... In order to perform this operation a successful bind must be completed"
         */
        return code == LDAP_OPERATIONS_ERROR && says && strstr(says, "successful bind must be completed");
}

/* Newlines and control characters of the server's text stay out of our one line: diag_set() escapes them. */
static int text_length(const char *says)
{
        size_t n = says ? strcspn(says, "\r\n") : 0;

        return (int)(n > 300 ? 300 : n);
}

/**
 * conn_translate() - an LDAP result code as condition and one line
 *
 * Return: CONN_E_UNREACHABLE, CONN_E_REFUSED, CONN_E_NOT_FOUND, CONN_E_LIMIT, CONN_E_UNSUITABLE,
 * CONN_E_REJECTED, CONN_E_PROTOCOL, CONN_E_REFRESH.
 */
int conn_translate(int code, const char *says, const char *who, const char *what, Diag *diag)
{
        const char *name = ldap_err2string(code);
        int n = text_length(says);

        if (is_unbound(code, says))
                code = LDAP_INSUFFICIENT_ACCESS;
        switch (code) {
        case LDAP_INVALID_CREDENTIALS:
                diag_set(diag, "%s: %s: credentials refused: %s%s%.*s%s", who, what, credential_reason(says),
                         n ? " (" : "", n, says ? says : "", n ? ")" : "");
                break;
        case LDAP_STRONG_AUTH_REQUIRED:
        case LDAP_CONFIDENTIALITY_REQUIRED:
                diag_set(diag,
                         "%s: %s: the server wants the connection encrypted or signed: use ldaps://, or "
                         "tls.starttls: true (%.*s)",
                         who, what, n, says ? says : "");
                break;
        case LDAP_TIMELIMIT_EXCEEDED:
        case LDAP_SIZELIMIT_EXCEEDED:
        case LDAP_ADMINLIMIT_EXCEEDED:
                diag_set(diag, "%s: %s: %s (LDAP %d)%s%.*s; `sosync doctor` shows what the server grants",
                         who, what, name ? name : "a limit of the server", code, n ? ": " : "", n,
                         says ? says : "");
                break;
        case LDAP_REFERRAL:
        case LDAP_PARTIAL_RESULTS:
                diag_set(diag,
                         "%s: %s: the server does not hold this and refers to another; is the base its own?",
                         who, what);
                break;
        default:
                diag_set(diag, "%s: %s: %s (LDAP %d)%s%.*s", who, what, name ? name : "unknown error", code,
                         n ? ": " : "", n, says ? says : "");
        }
        return condition(code);
}

/**
 * conn_handle_error() - the condition behind what libldap has noted in a handle
 *
 * Return: as conn_translate.
 */
int conn_handle_error(LDAP *ld, const LdapUri *uri, const char *what, Diag *diag)
{
        int code = LDAP_OTHER;
        char *says = NULL;
        int r;

        ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
        ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &says);
        if (code == LDAP_SUCCESS)
                code = LDAP_SERVER_DOWN;
        r = conn_translate(code, says, uri->text, what, diag);
        ldap_memfree(says);
        return r;
}
