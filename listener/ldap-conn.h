/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Conn: one safe, authenticated connection to one domain controller
 *
 *      conn_open ----> connect, TLS verified ----> bind ----> root DSE, invocationId ----> Conn
 *         |                   |                     |                 |
 *         '-------------------+---------------------+-----------------'--> one clear line in the diag
 *
 * A Conn that exists is encrypted, bound, and knows whom it is talking to. It never reconnects and never
 * follows a referral: whoever holds it decides. A Conn belongs to one thread. Opening blocks up to the
 * time-outs of the configuration; everything else here is asynchronous unless it says otherwise.
 *
 * SIGPIPE must be ignored by the program: libldap says farewell to dead connections with write().
 *
 * What LDAP says is translated once, in ldap-error.c, into the conditions below and one line for people; no
 * LDAP result code is seen outside this folder.
 */

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "engine/model/value.h"
#include "listener/ldap-config.h"
#include "listener/ldap-control.h"
#include "listener/shunned.h"
#include "listener/tls-records.h"

typedef struct Conn Conn;
typedef struct ConnAnswer ConnAnswer;
typedef struct ConnChoice ConnChoice;
typedef struct ConnSearch ConnSearch;
typedef struct RootDse RootDse;

enum {
        CONN_E_BASE_ = 2300, /* ERROR_BASE_LDAP */

        CONN_E_UNREACHABLE, /* no answer, connection lost, server busy or going down: try again, or another */
        CONN_E_TLS,         /* no safe connection: certificate or protocol. No credentials were sent */
        CONN_E_REFUSED,     /* credentials, or rights for this operation */
        CONN_E_UNSUITABLE,  /* a server, but not one for us: RODC, no AD, other domain */
        CONN_E_NOT_FOUND,   /* no such object, or not visible */
        CONN_E_LIMIT,       /* a size, time or administrative limit of the server */
        CONN_E_TOO_LARGE,   /* the answer is beyond VALUE_MAX, ENTRY_MAX */
        CONN_E_REJECTED,    /* the server does not take this request or one of its controls */
        CONN_E_PROTOCOL,    /* an answer that makes no sense */
        CONN_E_REFRESH,     /* RFC 4533: the cookie leads nowhere, begin anew */
};

/* One message: an entry, and room for what is around it. liblber refuses a longer one before it reads it. */
#define PDU_MAX ((ber_len_t)ENTRY_MAX + ((ber_len_t)1 << 20))

typedef enum Vendor {
        VENDOR_OTHER,
        VENDOR_WINDOWS, /* Active Directory */
        VENDOR_SAMBA,   /* Active Directory */
        VENDOR_OPENLDAP,
        VENDOR_389,
} Vendor;

struct RootDse {
        Vendor vendor;
        const char *dns_host_name;
        const char *ds_service_name; /* DN of the server's NTDS Settings */
        const char *default_context, *root_context, *config_context;
        const char *const *contexts; /* namingContexts */
        size_t n_contexts;
        const char *const *controls; /* supportedControl */
        size_t n_controls;
        /* highestCommittedUSN; 389 Directory Server: lastusn of the base's database, and one more, so that it
         * is the number of changes. NULL: it does not count. */
        const char *usn_attribute;
        uint64_t usn;

        /* No AD: what the entry at the base says. */
        ObjectId database;              /* its own id: another one, another database */
        const char *const *context_csn; /* OpenLDAP: how far the database is, by server */
        size_t n_context_csn;
};

/* See ldap-patience.c. */
typedef struct Patience {
        bool active;
        bool ran_out;
        bool begun_anew; /* the server has asked for another handshake; nothing is read any more */
        int timeout_ms;
        int n_waits;
        bool tls;           /* our ClientHello has been sent */
        TlsRecords records; /* of the server */
} Patience;

struct Conn {
        LDAP *ld;
        int fd;
        const LdapConfig *config;
        LdapUri uri;
        Arena *arena; /* holds dse, grows no more after conn_open */
        RootDse dse;
        ObjectId server_id;  /* invocationId; no AD: made of the URI and the database */
        int64_t lifetime_us; /* of the credentials, from the bind; 0: without end */
        uint64_t n_sent;     /* searches, ever */
        bool broken;         /* nothing more is sent on it */
        Patience patience;
};

/*
 * Open one server.
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_TLS, CONN_E_REFUSED, CONN_E_UNSUITABLE, CONN_E_PROTOCOL.
 */
int conn_open(Conn **ret_conn, const LdapConfig *config, const char *uri, Diag *diag);

/* Where to begin; all zero: in the order of the configuration. */
struct ConnChoice {
        size_t first;       /* of the URIs, modulo their number */
        const char *prefer; /* of those that DNS names for one of them this one first; NULL: by its order */
        const Shunned *shunned; /* last; NULL: none */
        bool (*stop)(void *);   /* asked between two; NULL: nobody */
        void *context;          /* ... with this */
};

/*
 * Try the servers of the configuration until one answers; of `srv:DOMAIN` those that DNS names at this
 * moment. Refused credentials end it at once: a wrong password tried at every server locks the account. The
 * diag has a line for each server that was tried. `choice` may be NULL. Return: as conn_open, of the last one
 * tried.
 */
int conn_open_any(Conn **ret_conn, const LdapConfig *config, const ConnChoice *choice, size_t *ret_index,
                  Diag *diag);

/* The file that what we bind with is in; NULL: none. */
const char *conn_secret_file(const LdapConfig *config);

/* How to reach a controller that is known by name only: on this port with StartTLS, or sealed by Kerberos.
 * Who has switched StartTLS off gets ldaps on its own port. */
const char *conn_uri_of_host(const LdapConfig *config, Arena *a, const char *host, unsigned port);

Conn *conn_free(Conn *c);

bool conn_supports(const Conn *c, const char *control);

/* -- asynchronous: send, and read what has come --------------------------------------------------------- */

struct ConnSearch {
        const char *base;
        int scope;          /* LDAP_SCOPE_* */
        const char *filter; /* NULL: (objectClass=*) */
        const char *const *attributes;
        size_t n_attributes; /* 0: all */
        const ControlSet *controls;
};

/* A counter of changes, as the root DSE has it. 0: it is not there, or has not counted yet. */
uint64_t conn_read_usn(Conn *c, LDAPMessage *message, const char *name);

/* Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED. */
int conn_send(Conn *c, const ConnSearch *search, int *ret_id, Diag *diag);

/* Forget a search: the server may stop, its answers are dropped. */
void conn_abandon(Conn *c, int id);

/*
 * The next message that has arrived, without waiting. *ret_message is NULL when there is none: only then has
 * everything been read that the socket and the layers above it (TLS, SASL) hold, and only then is it sound to
 * wait for the socket again. The message is freed by the caller (ldap_msgfree).
 * Return: 0, CONN_E_UNREACHABLE (connection lost, or the server said that it ends it), CONN_E_PROTOCOL.
 */
int conn_next(Conn *c, LDAPMessage **ret_message, Diag *diag);

struct ConnAnswer {
        LDAPControl **controls; /* freed with ldap_controls_free */
};

/*
 * How a search ended: its LDAP_RES_SEARCH_RESULT message, translated. `what` names the operation for the
 * diag. With CONN_E_REFRESH the answer is there too. Return: 0, CONN_E_*.
 */
int conn_finish(Conn *c, LDAPMessage *message, const char *what, ConnAnswer *ret_answer, Diag *diag);

static inline void conn_answer_deinit(ConnAnswer *a)
{
        if (a->controls)
                ldap_controls_free(a->controls);
}

/* -- blocking: for workers and for opening --------------------------------------------------------------- */

/*
 * Search and hand each entry to `entry`, which may end it with a value other than 0 (passed on).
 * Return: 0, CONN_E_*, or what `entry` returned.
 */
int conn_search(Conn *c, const ConnSearch *search, int64_t timeout_us, const char *what,
                int (*entry)(void *context, LDAPMessage *message), void *context, ConnAnswer *ret_answer,
                Diag *diag);

/* -- translation (ldap-error.c) -------------------------------------------------------------------------- */

/* An LDAP result code with the server's own words. Return: CONN_E_*, never 0. */
int conn_translate(int code, const char *server_says, const char *who, const char *what, Diag *diag);

/* The condition behind a state of the handle (connection lost, cannot encode, ...). */
int conn_handle_error(LDAP *ld, const LdapUri *uri, const char *what, Diag *diag);

/* Why there is no connection: asks the server once more for its certificate and sends nothing (ldap-tls.c).
 * Return: 0 (nothing wrong can be seen), CONN_E_UNREACHABLE, CONN_E_TLS. */
int conn_explain(const LdapConfig *config, const LdapUri *uri, Diag *diag);

/* When the certificate of this connection ends; 0: no TLS, or it cannot be told (ldap-tls.c). */
Wall conn_certificate_end(const Conn *c);

/* Bound every wait of the handle while it is active; no second handshake afterwards (ldap-patience.c). */
void conn_be_patient(LDAP *ld, Patience *p, int64_t timeout_us);

/* A bind with Kerberos (ldap-gssapi.c). `encrypted`: TLS is on, so SASL adds no layer of its own.
 * Return: 0, CONN_E_REFUSED, CONN_E_UNREACHABLE. */
int conn_bind_gssapi(LDAP *ld, const LdapConfig *config, const LdapUri *uri, bool encrypted,
                     int64_t *ret_lifetime_us, Diag *diag);

/* The root DSE and what it leads to (root-dse.c): who is this server, and can it serve us?
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_UNSUITABLE, CONN_E_REFUSED, CONN_E_PROTOCOL. */
int conn_identify(Conn *c, Diag *diag);

DEFINE_CLEANUP(Conn, conn_free)
