/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/str.h"
#include "engine/target/token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_MAX ((size_t)64 << 10)

typedef struct ErrorWords ErrorWords;

struct ErrorWords {
        const char *code;
        const char *words;
};

/* learn.microsoft.com/entra/identity-platform/reference-error-codes */
static const ErrorWords error_words[] = {
        { "AADSTS50034", "the application is not known in this tenant" },
        { "AADSTS53003", "a conditional access policy blocks this sign-in" },
        { "AADSTS65001", "no administrator has consented to the application's permissions" },
        { "AADSTS90002", "there is no such tenant: check target.tenant_id and target.cloud" },
        { "AADSTS90033", "the sign-in service is not available for the moment" },
        { "AADSTS700016", "there is no such application in this tenant: check target.client_id" },
        { "AADSTS700024", "the client assertion is not valid now: check this machine's clock" },
        { "AADSTS700027", "the signature of the client assertion is wrong: the certificate is not the one "
                          "that was registered" },
        { "AADSTS700082", "the credential has expired" },
        { "AADSTS900023", "the tenant is neither an id nor a domain name: check target.tenant_id" },
        { "AADSTS7000112", "the application is disabled" },
        { "AADSTS7000215", "the client secret is wrong: the file must hold the secret's value, not its id" },
        { "AADSTS7000216", "the request had no client secret and no assertion" },
        { "AADSTS7000218", "the request had no client secret and no assertion" },
        { "AADSTS7000222", "the client secret has expired: make a new one and put it into the file" },
};

/**
 * token_error_words() - what the operator should read
 * @description: error_description of the token endpoint, which begins with its code
 *
 * Return: words, or NULL.
 */
const char *token_error_words(const char *description)
{
        const char *code = description ? strstr(description, "AADSTS") : NULL;
        size_t n = code ? strspn(code + 6, "0123456789") + 6 : 0;

        for (size_t i = 0; n > 0 && i < N_ELEMENTS(error_words); ++i) {
                if (strlen(error_words[i].code) == n && strncmp(error_words[i].code, code, n) == 0)
                        return error_words[i].words;
        }
        return NULL;
}

/**
 * token_renew_ahead() - five minutes, or a fifth of the life
 *
 * Return: microseconds.
 */
int64_t token_renew_ahead(int64_t lifetime_us)
{
        int64_t fifth = lifetime_us / 5;

        return fifth < INT64_C(300000000) ? fifth : INT64_C(300000000);
}

static int check_file(int fd, const char *path, Diag *diag)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode)) {
                diag_set(diag, "%s is not a file", path);
                return -EPERM;
        }
        if (st.st_mode & 077) {
                diag_set(diag,
                         "%s holds a secret, but others than its owner may use it (mode %04o): chmod 600 %s",
                         path, (unsigned)st.st_mode & 07777, path);
                return -EPERM;
        }
        return 0;
}

static int read_all(int fd, char *data, size_t *ret_n)
{
        size_t n = 0;

        for (;;) {
                ssize_t len = read(fd, data + n, SECRET_MAX - n);

                if (len < 0 && errno == EINTR)
                        continue;
                if (len < 0)
                        return -errno;
                if (len == 0)
                        break;
                n += (size_t)len;
                if (n == SECRET_MAX)
                        return -EFBIG;
        }
        *ret_n = n;
        return 0;
}

/**
 * token_read_secret() - a secret from its file
 * @ret_secret: the caller's; to be wiped (explicit_bzero) and freed
 *
 * Return: 0, -errno; -EPERM if others may read it, or it is empty.
 */
int token_read_secret(const char *path, char **ret_secret, Diag *diag)
{
        _cleanup_(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        char *data;
        size_t n = 0;
        int r;

        diag_set(diag, "%s: %s", path, strerror(errno));
        if (fd < 0)
                return -errno;
        r = check_file(fd, path, diag);
        if (r)
                return r;
        data = malloc(SECRET_MAX + 1);
        if (!data)
                error_oom(SECRET_MAX + 1);
        r = read_all(fd, data, &n);
        while (r == 0 && n > 0 && (data[n - 1] == '\n' || data[n - 1] == '\r'))
                --n;
        data[n] = '\0';
        if (r == 0 && (n == 0 || strlen(data) != n)) {
                diag_set(diag, n == 0 ? "%s is empty" : "%s holds more than a line of text", path);
                r = -EPERM;
        } else if (r) {
                diag_set(diag, "%s: %s", path, strerror(-r));
        }
        if (r) {
                explicit_bzero(data, SECRET_MAX);
                free(data);
                return r;
        }
        diag_clear(diag);
        *ret_secret = data;
        return 0;
}
