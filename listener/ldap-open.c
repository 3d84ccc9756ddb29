/* SPDX-License-Identifier: Apache-2.0 */

/* Opening a connection: options, TLS, bind. What is done with it afterwards is in ldap-conn.c. */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/str.h"
#include "listener/gulp.h"
#include "listener/ldap-conn.h"
#include "listener/srv.h"

static const int protocols[] = { LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, LDAP_OPT_X_TLS_PROTOCOL_TLS1_3 };

/*
 * libldap and Cyrus SASL set up their tables when first used, and not every version does so under a lock:
 * asking for these two makes it happen once, before any other thread is past here.
 */
static void set_up_libraries(void)
{
        int version = 0;
        char **mechanisms = NULL;

        ldap_get_option(NULL, LDAP_OPT_PROTOCOL_VERSION, &version);
        ldap_get_option(NULL, LDAP_OPT_X_SASL_MECHLIST, &mechanisms); /* SASL's own list, not to be freed */
}

static struct timeval timeval_of(int64_t us)
{
        return (struct timeval){ .tv_sec = us / 1000000, .tv_usec = us % 1000000 };
}

/*
 * Every option that ldap.conf(5) and LDAP* variables of the environment can set, and that matters here, is
 * set on the handle: above all, nobody switches verification off by a line in a file that is not ours.
 */
static bool set_tls(LDAP *ld, const LdapConfig *c)
{
        int demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
        bool good = true;

        good &= ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == 0;
        good &= ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, c->tls.ca_file) == 0;
        good &= ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTDIR, NULL) == 0;
        good &= ldap_set_option(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &protocols[c->tls.min_protocol ? 1 : 0]) ==
                0;
        if (c->tls.cert_file) {
                good &= ldap_set_option(ld, LDAP_OPT_X_TLS_CERTFILE, c->tls.cert_file) == 0;
                good &= ldap_set_option(ld, LDAP_OPT_X_TLS_KEYFILE, c->tls.key_file) == 0;
        }
        return good && ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client) == 0;
}

static void set_options(LDAP *ld, const LdapConfig *c)
{
        struct timeval connect = timeval_of(c->connect_timeout_us);
        int version = LDAP_VERSION3, never = LDAP_DEREF_NEVER, no_limit = LDAP_NO_LIMIT;
        /* Idle for a third, then two probes: dead within the given time. */
        int third = (int)(c->keepalive_us / 3000000), probes = 2;
        unsigned user_timeout_ms = (unsigned)(c->keepalive_us / 1000);
        ber_len_t pdu_max = PDU_MAX;
        Sockbuf *sb = NULL;

        third = third > 0 ? third : 1;
        ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
        ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
        ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON);
        ldap_set_option(ld, LDAP_OPT_DEREF, &never);
        ldap_set_option(ld, LDAP_OPT_SIZELIMIT, &no_limit);
        ldap_set_option(ld, LDAP_OPT_TIMELIMIT, &no_limit);
        ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &connect);
        ldap_set_option(ld, LDAP_OPT_TIMEOUT, &connect);
        ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_IDLE, &third);
        ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_INTERVAL, &third);
        ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_PROBES, &probes);
        ldap_set_option(ld, LDAP_OPT_TCP_USER_TIMEOUT, &user_timeout_ms);
        if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) == 0 && sb) {
                ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &pdu_max);
                gulp_add(sb);
        }
}

/*
 * libldap on GnuTLS takes LDAP_OPT_X_TLS_PROTOCOL_MIN without any effect, and loses 8 kB for each connection
 * whose cipher suite is set (both seen with 2.5.13). So the version is looked at when the handshake is done,
 * before anything is sent. A server that has better was not talked into worse: the handshake is
 * authenticated.
 */
static int check_protocol(Conn *c, Diag *diag)
{
        bool only_13 = c->config->tls.min_protocol;
        char *version = NULL;
        bool good;

        ldap_get_option(c->ld, LDAP_OPT_X_TLS_VERSION, &version);
        good = version && (strstr(version, "1.3") || (!only_13 && strstr(version, "1.2")));
        if (!good)
                diag_set(diag, "%s: the server offers %s; tls.min_protocol is %s", c->uri.text,
                         version ? version : "no TLS", only_13 ? "1.3" : "1.2");
        ldap_memfree(version);
        return good ? 0 : CONN_E_TLS;
}

/* libldap knows that it failed; what failed is asked of the server itself. */
static int explain(Conn *c, const char *what, Diag *diag)
{
        int r;

        if (c->patience.ran_out) {
                diag_set(diag, "%s: %s: the server accepts the connection, but says nothing for %.1f s",
                         c->uri.text, what, (double)c->config->connect_timeout_us / 1e6);
                return CONN_E_UNREACHABLE;
        }
        r = conn_explain(c->config, &c->uri, diag);
        return r ? r : conn_handle_error(c->ld, &c->uri, what, diag);
}

static int establish(Conn *c, Diag *diag)
{
        bool starttls = !c->uri.tls && !c->uri.local && c->config->tls.starttls;
        int code;

        c->broken = true; /* until it stands: no farewell to a server that was never greeted */
        if (ldap_initialize(&c->ld, c->uri.text) != LDAP_SUCCESS) {
                diag_set(diag, "%s: not a URI that libldap takes", c->uri.text);
                return CONN_E_UNSUITABLE;
        }
        set_options(c->ld, c->config);
        conn_be_patient(c->ld, &c->patience, c->config->connect_timeout_us);
        if ((c->uri.tls || starttls) && !set_tls(c->ld, c->config)) {
                int r = conn_explain(c->config, &c->uri, diag);

                if (r == 0)
                        diag_set(diag, "cannot use the certificate files of the section tls");
                return CONN_E_TLS;
        }
        code = ldap_connect(c->ld);
        if (code != LDAP_SUCCESS)
                return explain(c, "connect", diag);
        code = starttls ? ldap_start_tls_s(c->ld, NULL, NULL) : LDAP_SUCCESS;
        c->patience.ran_out |= code == LDAP_TIMEOUT;
        if (code != LDAP_SUCCESS)
                return explain(c, "start TLS", diag);
        if (c->uri.tls || starttls) {
                int r = check_protocol(c, diag);

                if (r)
                        return r;
        }
        c->broken = false;
        return 0;
}

static int bind_simple(Conn *c, Diag *diag)
{
        Secret secret = { 0 };
        struct berval password;
        char *says = NULL;
        int code, r;

        r = secret_read(c->config->bind.password_file, &secret, diag);
        if (r)
                return CONN_E_REFUSED;
        password = (struct berval){ .bv_len = secret.n, .bv_val = secret.data };
        code = ldap_sasl_bind_s(c->ld, c->config->bind.dn, LDAP_SASL_SIMPLE, &password, NULL, NULL, NULL);
        secret_wipe(&secret);
        if (code == LDAP_SUCCESS)
                return 0;
        ldap_get_option(c->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &says);
        r = conn_translate(code, says, c->uri.text, c->config->bind.dn, diag);
        ldap_memfree(says);
        return r;
}

static int bind_external(Conn *c, Diag *diag)
{
        struct berval nobody = { .bv_len = 0, .bv_val = (char[1]){ 0 } };

        if (ldap_sasl_bind_s(c->ld, NULL, "EXTERNAL", &nobody, NULL, NULL, NULL) == LDAP_SUCCESS)
                return 0;
        return conn_handle_error(c->ld, &c->uri, "bind with our certificate (external)", diag);
}

static int bind_conn(Conn *c, Diag *diag)
{
        bool encrypted = c->uri.tls || ldap_tls_inplace(c->ld);

        switch (c->config->bind.mechanism) {
        case BIND_GSSAPI:
                return conn_bind_gssapi(c->ld, c->config, &c->uri, encrypted, &c->lifetime_us, diag);
        case BIND_EXTERNAL:
                return bind_external(c, diag);
        default:
                /* ldap_config_check() has refused this; a password in the clear deserves a second look. */
                if (!encrypted && !c->uri.local) {
                        diag_set(diag, "%s: no password is sent over a connection without TLS", c->uri.text);
                        return CONN_E_TLS;
                }
                return bind_simple(c, diag);
        }
}

/**
 * conn_open() - connect, verify, bind, and learn who the server is
 *
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_TLS, CONN_E_REFUSED, CONN_E_UNSUITABLE, CONN_E_PROTOCOL.
 */
int conn_open(Conn **ret_conn, const LdapConfig *config, const char *uri, Diag *diag)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        _cleanup_(conn_freep) Conn *c = calloc(1, sizeof(*c));
        struct timeval request = timeval_of(config->request_timeout_us);
        int r;

        if (!c)
                error_oom(sizeof(*c));
        pthread_once(&once, set_up_libraries);
        c->config = config;
        c->fd = -1;
        c->arena = arena_new(0);
        if (!ldap_uri_parse(arena_strdup(c->arena, uri), &c->uri, diag))
                return CONN_E_UNSUITABLE;
        r = establish(c, diag);
        if (!r)
                r = bind_conn(c, diag);
        if (!r)
                r = conn_identify(c, diag);
        if (r)
                return r;
        c->patience.active = false;
        ldap_set_option(c->ld, LDAP_OPT_TIMEOUT, &request);
        if (ldap_get_option(c->ld, LDAP_OPT_DESC, &c->fd) != LDAP_OPT_SUCCESS || c->fd < 0) {
                diag_set(diag, "%s: the connection was lost while it was being made", c->uri.text);
                return CONN_E_UNREACHABLE;
        }
        *ret_conn = TAKE(c);
        return 0;
}

typedef struct Search {
        Conn **ret_conn;
        const LdapConfig *config;
        ConnChoice choice; /* who is shunned is left out */
        size_t n_tried;
        Diag *diag; /* a line for each that was tried */
} Search;

/* Return: 0, CONN_E_*; CONN_E_REFUSED ends it: a wrong password tried at every server locks the account. */
static int try_one(Search *s, const char *uri)
{
        _cleanup_(diag_deinit) Diag why = DIAG_INIT;
        int r;

        if (shunned_has(s->choice.shunned, uri))
                return CONN_E_UNREACHABLE;
        if (s->n_tried++ && s->choice.stop && s->choice.stop(s->choice.context))
                return CONN_E_UNREACHABLE;
        r = conn_open(s->ret_conn, s->config, uri, &why);
        if (r)
                diag_add(s->diag, "%s", diag_text(&why));
        return r;
}

const char *conn_secret_file(const LdapConfig *c)
{
        return c->bind.password_file ? c->bind.password_file
               : c->bind.keytab      ? c->bind.keytab
                                     : c->tls.key_file;
}

const char *conn_uri_of_host(const LdapConfig *c, Arena *a, const char *host, unsigned port)
{
        bool plain = c->bind.mechanism == BIND_GSSAPI || c->tls.starttls;

        return plain ? arena_printf(a, "ldap://%s:%u", host, port) : arena_printf(a, "ldaps://%s", host);
}

/* A connection that ended is no reason to move: at another controller things repeat, or all is read again. */
static size_t find_preferred(const Search *s, const char *const *uris, size_t n)
{
        size_t i = 0;

        while (i < n && !(s->choice.prefer && str_is_nocase(s->choice.prefer, uris[i])))
                i++;
        return i;
}

/* The controllers that DNS names now. */
static int try_domain(Search *s, const char *domain)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag why = DIAG_INIT;
        const SrvTarget *targets = NULL;
        const char **uris;
        size_t n = 0, preferred;
        int r = CONN_E_UNREACHABLE;

        if (srv_lookup(domain, s->config->site, a, &targets, &n, &why)) {
                diag_add(s->diag, "%s", diag_text(&why));
                return CONN_E_UNREACHABLE;
        }
        uris = arena_new_array(a, const char *, n);
        for (size_t i = 0; i < n; i++)
                uris[i] = conn_uri_of_host(s->config, a, targets[i].host, targets[i].port);
        preferred = find_preferred(s, uris, n);
        if (preferred < n)
                r = try_one(s, uris[preferred]);
        for (size_t i = 0; i < n && r && r != CONN_E_REFUSED; i++)
                if (i != preferred)
                        r = try_one(s, uris[i]);
        return r;
}

/**
 * conn_open_any() - the first server that answers
 *
 * Return: as conn_open, of the last one tried.
 */
int conn_open_any(Conn **ret_conn, const LdapConfig *config, const ConnChoice *choice, size_t *ret_index,
                  Diag *diag)
{
        const char *const *uris = config->uris.items;
        const ConnChoice in_order = { 0 }, *c = choice ? choice : &in_order;
        const Shunned *shunned = c->shunned;
        size_t n = config->uris.n_items;
        Search search = { .ret_conn = ret_conn, .config = config, .choice = *c, .diag = diag };
        int r = CONN_E_UNREACHABLE;

        for (size_t i = 0; i < n && r && r != CONN_E_REFUSED; i++) {
                size_t index = (c->first + i) % n;
                const char *domain = srv_domain(uris[index]);

                r = domain ? try_domain(&search, domain) : try_one(&search, uris[index]);
                if (r == 0 && ret_index)
                        *ret_index = index;
        }
        search.choice.shunned = NULL;
        for (size_t i = 0; shunned && i < shunned->n && r && r != CONN_E_REFUSED; i++) {
                r = try_one(&search, shunned->uris[i]);
                for (size_t k = 0; k < n && r == 0 && ret_index; k++)
                        if (str_is(uris[k], shunned->uris[i]))
                                *ret_index = k;
        }
        if (r == 0)
                diag_clear(diag);
        return r;
}
