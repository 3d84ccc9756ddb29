/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Why TLS failed, in words; and what the certificate says of its end
 *
 * libldap on GnuTLS verifies the certificate, but says "(unknown error code)" for every way in which that can
 * fail. So after a failure the server is asked once more, by OpenSSL, for its certificate, which is judged
 * with the same authorities and the same host name. Nothing is sent but the handshake, and whatever comes out
 * only becomes text: no connection is ever made because of it.
 */

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "listener/ldap-conn.h"

/* ExtendedRequest for StartTLS, message 1 (RFC 4511 section 4.14.1): [0] "1.3.6.1.4.1.1466.20037". */
static const uint8_t starttls_request[] = {
        0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16, '1', '.', '3', '.', '6', '.', '1',
        '.',  '4',  '.',  '1',  '.',  '1',  '4',  '6',  '6',  '.', '2', '0', '0', '3', '7',
};

/* ENUMERATED 0: resultCode success. */
static const uint8_t success[] = { 0x0a, 0x01, 0x00 };

static void cleanup_ssl(SSL **s)
{
        SSL_free(*s);
}

static void cleanup_ctx(SSL_CTX **c)
{
        SSL_CTX_free(*c);
}

static void cleanup_x509(X509 **x)
{
        X509_free(*x);
}

/* A blocking socket with time-outs; SO_SNDTIMEO bounds connect() too (socket(7)). */
static int connect_to(const LdapUri *uri, int64_t timeout_us, int *ret_fd, Diag *diag)
{
        struct timeval tv = { .tv_sec = timeout_us / 1000000, .tv_usec = timeout_us % 1000000 };
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
        struct addrinfo *found = NULL;
        int fd = -1, code, error = 0;
        char port[8];

        snprintf(port, sizeof(port), "%d", uri->port);
        code = getaddrinfo(uri->host, port, &hints, &found);
        if (code != 0) {
                diag_set(diag, "%s: cannot find the host: %s", uri->text, gai_strerror(code));
                return CONN_E_UNREACHABLE;
        }
        for (struct addrinfo *i = found; i && fd < 0; i = i->ai_next) {
                fd = socket(i->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (fd < 0)
                        continue;
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
                setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
                if (connect(fd, i->ai_addr, i->ai_addrlen) < 0) {
                        error = errno == EINPROGRESS ? ETIMEDOUT : errno;
                        close(fd);
                        fd = -1;
                }
        }
        freeaddrinfo(found);
        if (fd < 0) {
                diag_set(diag, "%s: cannot connect: %s", uri->text, strerror(error));
                return CONN_E_UNREACHABLE;
        }
        *ret_fd = fd;
        return 0;
}

static bool start_tls(int fd)
{
        uint8_t answer[512];
        ssize_t n;

        if (send(fd, starttls_request, sizeof(starttls_request), MSG_NOSIGNAL) !=
            (ssize_t)sizeof(starttls_request))
                return false;
        n = recv(fd, answer, sizeof(answer), 0);
        return n > 0 && memmem(answer, (size_t)n, success, sizeof(success));
}

static void add_names(Str *s, X509 *cert)
{
        GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
        int n = names ? sk_GENERAL_NAME_num(names) : 0;

        for (int i = 0; i < n && i < 5; i++) {
                const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
                const ASN1_STRING *text = name->type == GEN_DNS ? name->d.dNSName : NULL;
                const uint8_t *ip = name->type == GEN_IPADD ? ASN1_STRING_get0_data(name->d.iPAddress) : NULL;

                if (!text && !ip)
                        continue;
                str_add(s, s->n ? ", " : "");
                if (text)
                        str_add_safe(s, (const char *)ASN1_STRING_get0_data(text),
                                     (size_t)ASN1_STRING_length(text));
                else if (ASN1_STRING_length(name->d.iPAddress) == 4)
                        str_printf(s, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
                else
                        str_add(s, "an IPv6 address");
        }
        if (s->n == 0)
                str_add(s, "no name at all");
        GENERAL_NAMES_free(names);
}

static void add_name(Str *s, const X509_NAME *name)
{
        char *text = NULL;
        BIO *out = BIO_new(BIO_s_mem());
        long n;

        if (out && X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) >= 0) {
                n = BIO_get_mem_data(out, &text);
                str_add_safe(s, text, n > 0 ? (size_t)n : 0);
        }
        BIO_free(out);
}

static void add_time(Str *s, const ASN1_TIME *t)
{
        struct tm tm;

        if (ASN1_TIME_to_tm(t, &tm))
                str_printf(s, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static void judge(X509 *cert, long verdict, const LdapConfig *config, const LdapUri *uri, Diag *diag)
{
        _cleanup_(str_deinit) Str s = { 0 };

        str_init(&s, 1024);
        switch (verdict) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
                add_time(&s, X509_get0_notAfter(cert));
                diag_set(diag, "%s: the server's certificate has expired on %s", uri->text, s.data);
                break;
        case X509_V_ERR_CERT_NOT_YET_VALID:
                add_time(&s, X509_get0_notBefore(cert));
                diag_set(diag, "%s: the server's certificate is valid only from %s; is our clock right?",
                         uri->text, s.data);
                break;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
                add_names(&s, cert);
                diag_set(diag, "%s: the server's certificate is not for %s, but for: %s", uri->text,
                         uri->host, s.data);
                break;
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
                add_name(&s, X509_get_issuer_name(cert));
                diag_set(diag,
                         "%s: the server's certificate is from an unknown authority, %s; the authorities in "
                         "%s "
                         "do not vouch for it",
                         uri->text, s.data, config->tls.ca_file);
                break;
        default:
                diag_set(diag, "%s: the server's certificate is not accepted: %s", uri->text,
                         X509_verify_cert_error_string(verdict));
        }
}

static SSL *prepare(SSL_CTX *ctx, const LdapUri *uri, int fd)
{
        SSL *ssl = SSL_new(ctx);

        if (!ssl)
                return NULL;
        if (!X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), uri->host)) {
                SSL_set1_host(ssl, uri->host);
                /* SSL_set_tlsext_host_name(), whose cast drops const. */
                SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                         (void *)(uintptr_t)uri->host);
        }
        SSL_set_fd(ssl, fd);
        return ssl;
}

static int load_authorities(SSL_CTX *ctx, const char *file, Diag *diag)
{
        const char *reason;

        ERR_clear_error();
        if (SSL_CTX_load_verify_file(ctx, file))
                return 0;
        reason = ERR_reason_error_string(ERR_peek_last_error());
        if (access(file, R_OK) < 0)
                reason = strerror(errno);
        diag_set(diag, "cannot use tls.ca_file %s: %s", file, reason ? reason : "it holds no certificate");
        return CONN_E_TLS;
}

/**
 * conn_explain() - ask the server for its certificate and say what is wrong
 *
 * Return: 0 if nothing can be seen to be wrong, else CONN_E_UNREACHABLE, CONN_E_TLS with one line.
 */
int conn_explain(const LdapConfig *config, const LdapUri *uri, Diag *diag)
{
        _cleanup_(cleanup_ctx) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        _cleanup_(cleanup_close) int fd = -1;
        _cleanup_(cleanup_ssl) SSL *ssl = NULL;
        _cleanup_(cleanup_x509) X509 *cert = NULL;
        const char *reason;
        long verdict;
        int r;

        if (!ctx || uri->local)
                return 0;
        r = connect_to(uri, config->connect_timeout_us, &fd, diag);
        if (r || (!uri->tls && !config->tls.starttls))
                return r;
        r = load_authorities(ctx, config->tls.ca_file, diag);
        if (r)
                return r;
        SSL_CTX_set_min_proto_version(ctx, config->tls.min_protocol ? TLS1_3_VERSION : TLS1_2_VERSION);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        if (!uri->tls && !start_tls(fd)) {
                diag_set(diag, "%s: the server does not start TLS here; has it a certificate?", uri->text);
                return CONN_E_TLS;
        }
        ssl = prepare(ctx, uri, fd);
        if (!ssl)
                return 0;
        if (SSL_connect(ssl) != 1) {
                reason = ERR_reason_error_string(ERR_peek_last_error());
                diag_set(diag, "%s: no TLS with this server (at least TLS %s is asked for): %s", uri->text,
                         config->tls.min_protocol ? "1.3" : "1.2", reason ? reason : "it ends the handshake");
                return CONN_E_TLS;
        }
        verdict = SSL_get_verify_result(ssl);
        cert = SSL_get1_peer_certificate(ssl);
        if (verdict == X509_V_OK || !cert)
                return 0;
        judge(cert, verdict, config, uri, diag);
        return CONN_E_TLS;
}

/**
 * conn_certificate_end() - when the certificate ends that the server has shown
 *
 * Return: 0: no TLS, or it cannot be told.
 */
Wall conn_certificate_end(const Conn *c)
{
        struct berval der = { 0 };
        const unsigned char *at;
        X509 *x509;
        struct tm tm;
        Wall end = { 0 };

        if (ldap_get_option(c->ld, LDAP_OPT_X_TLS_PEERCERT, &der) != LDAP_OPT_SUCCESS || !der.bv_val)
                return end;
        at = (const unsigned char *)der.bv_val;
        x509 = d2i_X509(NULL, &at, (long)der.bv_len);
        if (x509 && ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm))
                end.ms = (int64_t)timegm(&tm) * 1000;
        X509_free(x509);
        ldap_memfree(der.bv_val);
        return end;
}
