/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/tls-records.h"

#include <string.h>

#define HANDSHAKE 22
#define MAJOR     3

bool tls_begins(const void *data, size_t n)
{
        const uint8_t *head = data;

        return n >= 2 && head[0] == HANDSHAKE && head[1] == MAJOR;
}

bool tls_records_see(TlsRecords *t, const void *data, size_t n)
{
        const uint8_t *p = data;
        bool found = false;

        while (n > 0) {
                bool in_head = t->n_head < TLS_RECORD_HEAD;
                size_t k = in_head ? TLS_RECORD_HEAD - t->n_head : t->left;

                k = k < n ? k : n;
                if (in_head) {
                        memcpy(t->head + t->n_head, p, k);
                        t->n_head += k;
                        t->left = (size_t)t->head[3] << 8 | t->head[4];
                        found |= t->head[0] == HANDSHAKE;
                } else {
                        t->left -= k;
                }
                if (t->n_head == TLS_RECORD_HEAD && t->left == 0)
                        t->n_head = 0;
                p += k;
                n -= k;
        }
        return found;
}
