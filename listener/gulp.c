/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/gulp.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Some fifty entries. Only as much of it is touched as comes at once. */
#define GULP_SIZE 32768

typedef struct Gulp {
        size_t at, end; /* what is held */
        uint8_t data[GULP_SIZE];
} Gulp;

static int gulp_setup(Sockbuf_IO_Desc *d, void *arg)
{
        Gulp *g = malloc(sizeof(*g));

        (void)arg;
        if (!g)
                error_oom(sizeof(*g));
        g->at = g->end = 0;
        d->sbiod_pvt = g;
        return 0;
}

static int gulp_remove(Sockbuf_IO_Desc *d)
{
        free(d->sbiod_pvt);
        d->sbiod_pvt = NULL;
        return 0;
}

static int gulp_ctrl(Sockbuf_IO_Desc *d, int option, void *arg)
{
        const Gulp *g = d->sbiod_pvt;

        if (option == LBER_SB_OPT_DATA_READY && g->at < g->end)
                return 1;
        return LBER_SBIOD_CTRL_NEXT(d, option, arg);
}

static ber_slen_t gulp_read(Sockbuf_IO_Desc *d, void *data, ber_len_t n)
{
        Gulp *g = d->sbiod_pvt;

        if (g->at == g->end) {
                ber_slen_t got;

                /* A large value goes where it belongs. */
                if (n >= sizeof(g->data))
                        return LBER_SBIOD_READ_NEXT(d, data, n);
                got = LBER_SBIOD_READ_NEXT(d, g->data, sizeof(g->data));
                if (got <= 0)
                        return got;
                g->at = 0;
                g->end = (size_t)got;
        }
        if (n > g->end - g->at)
                n = g->end - g->at;
        memcpy(data, g->data + g->at, n);
        g->at += n;
        return (ber_slen_t)n;
}

static ber_slen_t gulp_write(Sockbuf_IO_Desc *d, void *data, ber_len_t n)
{
        return LBER_SBIOD_WRITE_NEXT(d, data, n);
}

static int gulp_close(Sockbuf_IO_Desc *d)
{
        return 0;
}

static Sockbuf_IO gulp_io = {
        .sbi_setup = gulp_setup,
        .sbi_remove = gulp_remove,
        .sbi_ctrl = gulp_ctrl,
        .sbi_read = gulp_read,
        .sbi_write = gulp_write,
        .sbi_close = gulp_close,
};

void gulp_add(Sockbuf *sb)
{
        ber_sockbuf_add_io(sb, &gulp_io, LBER_SBIOD_LEVEL_PROVIDER + 1, NULL);
}
