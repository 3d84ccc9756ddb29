/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/tls.h"

#include "base/error.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static int refuse(const char *file, Diag *diag)
{
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());

        diag_set(diag, "console.tls: %s: %s", file, reason ? reason : "cannot be used");
        ERR_clear_error();
        return -EINVAL;
}

int console_tls_new(void **ret_tls, const ConsoleConfig *config, Diag *diag)
{
        SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
        int r = 0;

        if (!tls)
                error_oom(1);
        SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
        SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
        if (SSL_CTX_use_certificate_chain_file(tls, config->tls.certificate_file) != 1)
                r = refuse(config->tls.certificate_file, diag);
        else if (SSL_CTX_use_PrivateKey_file(tls, config->tls.key_file, SSL_FILETYPE_PEM) != 1 ||
                 SSL_CTX_check_private_key(tls) != 1)
                r = refuse(config->tls.key_file, diag);
        if (r) {
                SSL_CTX_free(tls);
                return r;
        }
        *ret_tls = tls;
        return 0;
}

void *console_tls_free(void *tls)
{
        SSL_CTX_free(tls);
        return NULL;
}

struct bufferevent *console_tls_connection(void *tls, struct event_base *base)
{
        SSL *ssl = SSL_new(tls);
        struct bufferevent *bev;

        if (!ssl)
                error_oom(1);
        bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
        /* Browsers close without a word of goodbye, and lose nothing by it. */
        if (bev)
                bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
        return bev;
}
