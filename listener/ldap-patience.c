/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Patience: a TLS handshake that ends
 *
 * libldap 2.5 on GnuTLS repeats a handshake whose socket has nothing to read, without waiting and without
 * end: a server that accepts and says nothing costs one core for ever, whatever LDAP_OPT_NETWORK_TIMEOUT says
 * (seen with 2.5.13). So while a connection is being made, a layer of liblber's below TLS waits for the
 * socket itself, and gives up after the time-out. Each wait is bounded and so is their number: a server that
 * sends one byte at a time has an end too.
 *
 * And no second handshake. When a server asks for one on a connection that stands (HelloRequest, the
 * renegotiation of TLS 1.2), the same loop begins within a read that nobody bounds, the certificate that is
 * shown then is looked at by nobody, and if all goes well libldap takes the end of the handshake for the end
 * of the connection. So the layer reads the heads of the records, which are in the clear, and lets no
 * handshake through: the connection is given up, with a word that says why, and made again. In TLS 1.3 there
 * is no renegotiation; new keys and tickets look like data here, and pass.
 */

#include <errno.h>
#include <poll.h>

#include "listener/ldap-conn.h"

/* A handshake and a bind are some ten messages; a slow network may cut each of them in a few parts. */
#define WAITS_MAX 200

static Patience *of(Sockbuf_IO_Desc *d)
{
        return d->sbiod_pvt;
}

static int patience_setup(Sockbuf_IO_Desc *d, void *arg)
{
        d->sbiod_pvt = arg;
        return 0;
}

static int patience_remove(Sockbuf_IO_Desc *d)
{
        d->sbiod_pvt = NULL;
        return 0;
}

static int patience_ctrl(Sockbuf_IO_Desc *d, int option, void *arg)
{
        return LBER_SBIOD_CTRL_NEXT(d, option, arg);
}

static bool wait_for(Sockbuf_IO_Desc *d, short events)
{
        Patience *p = of(d);
        struct pollfd ready = { .fd = -1, .events = events };
        int r;

        if (!p || !p->active)
                return true;
        if (events == POLLIN && LBER_SBIOD_CTRL_NEXT(d, LBER_SB_OPT_DATA_READY, NULL) > 0)
                return true; /* it has been read already (gulp.h) */
        if (ber_sockbuf_ctrl(d->sbiod_sb, LBER_SB_OPT_GET_FD, &ready.fd) != 1 || ready.fd < 0)
                return true;
        r = poll(&ready, 1, 0);
        while ((r == 0 || (r < 0 && errno == EINTR)) && p->n_waits++ < WAITS_MAX) {
                r = poll(&ready, 1, p->timeout_ms);
                if (r == 0)
                        break;
        }
        if (r != 0)
                return true; /* readable, or an error that read() will name */
        p->ran_out = true;
        errno = ETIMEDOUT;
        return false;
}

static ber_slen_t patience_read(Sockbuf_IO_Desc *d, void *data, ber_len_t n)
{
        Patience *p = of(d);
        ber_slen_t got = wait_for(d, POLLIN) ? LBER_SBIOD_READ_NEXT(d, data, n) : -1;

        if (p && p->tls && got > 0 && tls_records_see(&p->records, data, (size_t)got))
                p->begun_anew |= !p->active;
        if (!p || !p->begun_anew)
                return got;
        errno = ECONNRESET;
        return -1;
}

/* TLS begins with our ClientHello: at once, or when StartTLS is agreed upon. */
static ber_slen_t patience_write(Sockbuf_IO_Desc *d, void *data, ber_len_t n)
{
        Patience *p = of(d);

        if (p && tls_begins(data, n))
                p->tls = true;
        return wait_for(d, POLLOUT) ? LBER_SBIOD_WRITE_NEXT(d, data, n) : -1;
}

static int patience_close(Sockbuf_IO_Desc *d)
{
        return 0;
}

static Sockbuf_IO patience_io = {
        .sbi_setup = patience_setup,
        .sbi_remove = patience_remove,
        .sbi_ctrl = patience_ctrl,
        .sbi_read = patience_read,
        .sbi_write = patience_write,
        .sbi_close = patience_close,
};

/**
 * conn_be_patient() - put the layer below TLS; active from now on
 *
 * `p` outlives the handle. Set p->active to false when the connection stands: from then on nothing waits, and
 * a handshake ends it.
 */
void conn_be_patient(LDAP *ld, Patience *p, int64_t timeout_us)
{
        Sockbuf *sb = NULL;

        *p = (Patience){ .active = true, .timeout_ms = (int)(timeout_us / 1000) };
        if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) == LDAP_OPT_SUCCESS && sb)
                ber_sockbuf_add_io(sb, &patience_io, LBER_SBIOD_LEVEL_PROVIDER + 5, p);
}
