/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/ldap-conn.h"

static struct timeval timeval_of(int64_t us)
{
        return (struct timeval){ .tv_sec = us / 1000000, .tv_usec = us % 1000000 };
}

Conn *conn_free(Conn *c)
{
        if (!c)
                return NULL;
        /* A farewell to a dead server could block in write(). */
        if (c->ld && c->broken && c->fd >= 0)
                shutdown(c->fd, SHUT_RDWR);
        if (c->ld)
                ldap_unbind_ext(c->ld, NULL, NULL);
        arena_free(c->arena);
        free(c);
        return NULL;
}

bool conn_supports(const Conn *c, const char *control)
{
        for (size_t i = 0; i < c->dse.n_controls; i++)
                if (str_is(c->dse.controls[i], control))
                        return true;
        return false;
}

/**
 * conn_send() - send a search
 *
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED.
 */
int conn_send(Conn *c, const ConnSearch *s, int *ret_id, Diag *diag)
{
        _cleanup_(cleanup_free) char **attributes = NULL;
        LDAPControl **controls =
                s->controls && s->controls->n ? (LDAPControl **)(uintptr_t)s->controls->list : NULL;
        int code, r;

        if (s->n_attributes) {
                attributes = calloc(s->n_attributes + 1, sizeof(*attributes));
                if (!attributes)
                        error_oom(s->n_attributes * sizeof(*attributes));
                for (size_t i = 0; i < s->n_attributes; i++)
                        attributes[i] = (char *)(uintptr_t)s->attributes[i];
        }
        c->n_sent++;
        code = ldap_search_ext(c->ld, s->base, s->scope, s->filter ? s->filter : "(objectClass=*)",
                               attributes, 0, controls, NULL, NULL, LDAP_NO_LIMIT, ret_id);
        if (code == LDAP_SUCCESS)
                return 0;
        r = conn_handle_error(c->ld, &c->uri, "search", diag);
        if (r != CONN_E_REJECTED)
                r = CONN_E_UNREACHABLE;
        if (r == CONN_E_UNREACHABLE)
                c->broken = true;
        return r;
}

void conn_abandon(Conn *c, int id)
{
        if (!c->broken)
                ldap_abandon_ext(c->ld, id, NULL, NULL);
}

static int lost(Conn *c, Diag *diag)
{
        int code = LDAP_SERVER_DOWN;

        c->broken = true;
        if (c->patience.begun_anew) {
                diag_set(diag,
                         "%s: the server asks for another TLS handshake (renegotiation), and libldap cannot "
                         "do that "
                         "safely; the connection is made again",
                         c->uri.text);
                return CONN_E_UNREACHABLE;
        }
        ldap_get_option(c->ld, LDAP_OPT_RESULT_CODE, &code);
        if (errno == ERANGE || code == LDAP_DECODING_ERROR) {
                diag_set(diag, "%s: an answer is not LDAP, or longer than %zu bytes", c->uri.text,
                         (size_t)PDU_MAX);
                return CONN_E_PROTOCOL;
        }
        diag_set(diag, "%s: the connection was lost", c->uri.text);
        return CONN_E_UNREACHABLE;
}

/* Message 0 comes unasked; all that is defined is the Notice of Disconnection (RFC 4511 section 4.4.1). */
static int notice(Conn *c, LDAPMessage *message, Diag *diag)
{
        char *says = NULL;
        int code = LDAP_UNAVAILABLE;

        c->broken = true;
        if (ldap_parse_result(c->ld, message, &code, NULL, &says, NULL, NULL, 0) != LDAP_SUCCESS)
                code = LDAP_UNAVAILABLE;
        diag_set(diag, "%s: the server ends the connection: %s%s%s", c->uri.text, ldap_err2string(code),
                 says && *says ? ": " : "", says ? says : "");
        ldap_memfree(says);
        return CONN_E_UNREACHABLE;
}

/**
 * conn_next() - the next message that has arrived
 *
 * A first 0 of ldap_result() may only mean that bytes were read and no message is whole yet; so it is asked
 * twice.
 *
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_PROTOCOL.
 */
int conn_next(Conn *c, LDAPMessage **ret_message, Diag *diag)
{
        LDAPMessage *message = NULL;
        int type = 0, r;

        for (int i = 0; i < 2 && type == 0; i++) {
                struct timeval zero = { 0 };

                errno = 0;
                type = ldap_result(c->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &zero, &message);
        }
        if (type < 0)
                return lost(c, diag);
        if (type > 0 && ldap_msgid(message) == 0) {
                r = notice(c, message, diag);
                ldap_msgfree(message);
                return r;
        }
        *ret_message = type > 0 ? message : NULL;
        return 0;
}

/**
 * conn_finish() - how a search ended
 *
 * Return: 0, CONN_E_*.
 */
int conn_finish(Conn *c, LDAPMessage *message, const char *what, ConnAnswer *ret_answer, Diag *diag)
{
        ConnAnswer answer = { 0 };
        char *says = NULL;
        int code = LDAP_OTHER, r = 0;

        if (ldap_parse_result(c->ld, message, &code, NULL, &says, NULL, &answer.controls, 0) !=
            LDAP_SUCCESS) {
                diag_set(diag, "%s: %s: an answer that makes no sense", c->uri.text, what);
                r = CONN_E_PROTOCOL;
        } else if (code != LDAP_SUCCESS) {
                r = conn_translate(code, says, c->uri.text, what, diag);
        }
        ldap_memfree(says);
        if ((r && r != CONN_E_REFRESH) || !ret_answer)
                conn_answer_deinit(&answer);
        else
                *ret_answer = answer;
        return r;
}

static int wait_message(Conn *c, int id, int64_t timeout_us, const char *what, LDAPMessage **ret_message,
                        Diag *diag)
{
        struct timeval tv = timeval_of(timeout_us);
        LDAPMessage *message = NULL;
        int type;

        errno = 0;
        type = ldap_result(c->ld, id, LDAP_MSG_ONE, &tv, &message);
        if (type < 0)
                return lost(c, diag);
        if (type == 0) {
                diag_set(diag, "%s: %s: no answer within %.1f s", c->uri.text, what,
                         (double)timeout_us / 1e6);
                c->broken = true;
                return CONN_E_UNREACHABLE;
        }
        *ret_message = message;
        return 0;
}

/* One object is one entry; of many, a page or a domain. A server that sends more does not mean to end. */
#define BASE_ENTRIES_MAX 1
#define MESSAGES_MAX     5000000
#define REFERENCES_MAX   1000

/* Return: 0, CONN_E_PROTOCOL. */
static int check_end(Conn *c, const ConnSearch *search, size_t n_entries, size_t n_references,
                     const char *what, Diag *diag)
{
        size_t max = search->scope == LDAP_SCOPE_BASE ? BASE_ENTRIES_MAX : MESSAGES_MAX;

        if (n_entries <= max && n_references <= REFERENCES_MAX)
                return 0;
        diag_set(diag, "%s: %s: the server sends more %s than there can be; the connection is given up",
                 c->uri.text, what, n_entries > max ? "entries" : "references");
        c->broken = true;
        return CONN_E_PROTOCOL;
}

/**
 * conn_search() - search and wait for all of it
 *
 * The time-out is the longest silence, not the longest search; results without end are an error.
 *
 * Return: 0, CONN_E_*, or what `entry` returned.
 */
int conn_search(Conn *c, const ConnSearch *search, int64_t timeout_us, const char *what,
                int (*entry)(void *, LDAPMessage *), void *context, ConnAnswer *ret_answer, Diag *diag)
{
        size_t n_entries = 0, n_references = 0;
        int id, r;

        r = conn_send(c, search, &id, diag);
        while (r == 0) {
                LDAPMessage *message = NULL;

                r = wait_message(c, id, timeout_us, what, &message, diag);
                if (r)
                        break;
                if (ldap_msgtype(message) == LDAP_RES_SEARCH_RESULT) {
                        r = conn_finish(c, message, what, ret_answer, diag);
                        ldap_msgfree(message);
                        return r;
                }
                /* Referrals to other naming contexts (SearchResultReference) are not followed. */
                n_entries += ldap_msgtype(message) == LDAP_RES_SEARCH_ENTRY;
                n_references += ldap_msgtype(message) == LDAP_RES_SEARCH_REFERENCE;
                r = check_end(c, search, n_entries, n_references, what, diag);
                if (r == 0 && ldap_msgtype(message) == LDAP_RES_SEARCH_ENTRY)
                        r = entry(context, message);
                ldap_msgfree(message);
                if (r)
                        conn_abandon(c, id);
        }
        return r;
}
