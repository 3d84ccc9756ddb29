/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/tls.h"

#include "base/error.h"
#include "base/secret.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int refuse(const char *file, Diag *diag)
{
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());

        diag_set(diag, "console.tls: %s: %s", file, reason ? reason : "cannot be used");
        ERR_clear_error();
        return -EINVAL;
}

/* A file as it was. */
typedef struct Stamp {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec changed;
} Stamp;

typedef struct Tls {
        const ConsoleConfig *config;
        SSL_CTX *context;
        Stamp read[2];   /* certificate and key, as they were read, or refused */
        Stamp looked[2]; /* at the last look */
} Tls;

static void look_at_file(const char *path, Stamp *ret)
{
        struct stat st;

        *ret = (Stamp){ 0 };
        if (stat(path, &st) == 0)
                *ret = (Stamp){
                        .device = st.st_dev, .inode = st.st_ino, .size = st.st_size, .changed = st.st_mtim
                };
}

static void look_at_files(const ConsoleConfig *config, Stamp ret[2])
{
        look_at_file(config->tls.certificate_file, &ret[0]);
        look_at_file(config->tls.key_file, &ret[1]);
}

static bool is_same(const Stamp a[2], const Stamp b[2])
{
        bool same = true;

        for (int i = 0; i < 2; i++)
                same &= a[i].device == b[i].device && a[i].inode == b[i].inode && a[i].size == b[i].size &&
                        a[i].changed.tv_sec == b[i].changed.tv_sec &&
                        a[i].changed.tv_nsec == b[i].changed.tv_nsec;
        return same;
}

static int load(SSL_CTX **ret_context, const ConsoleConfig *config, Diag *diag)
{
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        int r = 0;

        if (!context)
                error_oom(1);
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
        SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
        if (SSL_CTX_use_certificate_chain_file(context, config->tls.certificate_file) != 1)
                r = refuse(config->tls.certificate_file, diag);
        else if (SSL_CTX_use_PrivateKey_file(context, config->tls.key_file, SSL_FILETYPE_PEM) != 1 ||
                 SSL_CTX_check_private_key(context) != 1)
                r = refuse(config->tls.key_file, diag);
        if (r) {
                SSL_CTX_free(context);
                return r;
        }
        *ret_context = context;
        return 0;
}

int console_tls_new(void **ret_tls, const ConsoleConfig *config, Diag *diag)
{
        Tls *tls = calloc(1, sizeof(*tls));
        int r;

        if (!tls)
                error_oom(sizeof(*tls));
        tls->config = config;
        look_at_files(config, tls->read);
        memcpy(tls->looked, tls->read, sizeof(tls->looked));
        r = load(&tls->context, config, diag);
        if (r) {
                free(tls);
                return r;
        }
        *ret_tls = tls;
        return 0;
}

int console_tls_look(void *t, Diag *diag)
{
        Tls *tls = t;
        SSL_CTX *context;
        Stamp now[2];
        bool settled;
        int r;

        look_at_files(tls->config, now);
        /* One is replaced after the other: a look in between would find a key that does not fit. */
        settled = is_same(now, tls->looked);
        memcpy(tls->looked, now, sizeof(now));
        if (!settled || is_same(now, tls->read))
                return 0;
        memcpy(tls->read, now, sizeof(now));
        r = secret_check(tls->config->tls.key_file, diag) ? -EINVAL : load(&context, tls->config, diag);
        if (r)
                return r;
        SSL_CTX_free(tls->context); /* connections that are there hold it */
        tls->context = context;
        return CONSOLE_TLS_E_NEW;
}

void *console_tls_free(void *t)
{
        Tls *tls = t;

        if (tls)
                SSL_CTX_free(tls->context);
        free(tls);
        return NULL;
}

struct bufferevent *console_tls_connection(void *t, struct event_base *base)
{
        SSL *ssl = SSL_new(((Tls *)t)->context);
        struct bufferevent *bev;

        if (!ssl)
                error_oom(1);
        bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
        /* Browsers close without a word of goodbye, and lose nothing by it. */
        if (bev)
                bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
        return bev;
}
