/* SPDX-License-Identifier: Apache-2.0 */

#include "report/audit-chain.h"

#include "base/error.h"
#include "report/frame.h"

#include <openssl/evp.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void audit_chain(const char before[AUDIT_CHAIN_HEX], const char *body, size_t n,
                 char ret[AUDIT_CHAIN_HEX + 1])
{
        static const char digits[] = "0123456789abcdef";
        unsigned char sum[EVP_MAX_MD_SIZE];
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        unsigned size = 0;

        if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL) ||
            !EVP_DigestUpdate(md, before, AUDIT_CHAIN_HEX) || !EVP_DigestUpdate(md, body, n) ||
            !EVP_DigestFinal_ex(md, sum, &size))
                error_oom(n);
        EVP_MD_CTX_free(md);
        for (unsigned i = 0; i < AUDIT_CHAIN_HEX / 2; i++) {
                ret[2 * i] = digits[sum[i] >> 4];
                ret[2 * i + 1] = digits[sum[i] & 15];
        }
        ret[AUDIT_CHAIN_HEX] = '\0';
}

bool audit_line_parse(const char *line, size_t n, char ret_chain[AUDIT_CHAIN_HEX + 1], const char **ret_body,
                      size_t *ret_n_body)
{
        const size_t head = strlen(AUDIT_HEAD);
        char chain[AUDIT_CHAIN_HEX + 1];

        if (n < head + AUDIT_CHAIN_HEX + 3 || memcmp(line, AUDIT_HEAD, head) ||
            memcmp(line + head + AUDIT_CHAIN_HEX, "\",", 2) || line[n - 1] != '}')
                return false;
        memcpy(chain, line + head, AUDIT_CHAIN_HEX);
        chain[AUDIT_CHAIN_HEX] = '\0';
        for (size_t i = 0; i < AUDIT_CHAIN_HEX; i++)
                if (!isxdigit((unsigned char)chain[i]) || isupper((unsigned char)chain[i]))
                        return false;
        memcpy(ret_chain, chain, sizeof(chain));
        *ret_body = line + head + AUDIT_CHAIN_HEX + 2;
        *ret_n_body = n - head - AUDIT_CHAIN_HEX - 2;
        return true;
}

static int compare(const void *a, const void *b)
{
        const int32_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

int audit_days(const char *folder, int32_t **ret_days, size_t *ret_n)
{
        DIR *dir = opendir(folder);
        size_t n = 0, size = 0;
        int32_t *days = NULL;

        if (!dir)
                return error_origin(-errno);
        for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
                int32_t day;

                if (!day_parse(e->d_name, AUDIT_SUFFIX, &day))
                        continue;
                if (n == size) {
                        size = size ? size * 2 : 64;
                        days = reallocarray(days, size, sizeof(*days));
                        if (!days)
                                error_oom(size * sizeof(*days));
                }
                days[n++] = day;
        }
        closedir(dir);
        if (n)
                qsort(days, n, sizeof(*days), compare);
        *ret_days = days;
        *ret_n = n;
        return 0;
}
