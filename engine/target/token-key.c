/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/token-key.h"

#include "base/error.h"
#include "base/secret.h"
#include "base/str.h"
#include "engine/target/target.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A chain of certificates and a key are some 10 kB. */
#define FILE_MAX ((size_t)65536)
#define BITS_MIN 2048

typedef struct Asker Asker;
typedef struct Blob Blob;

struct Blob {
        char *data; /* malloc, FILE_MAX bytes; terminated */
        size_t n;
};

/* What the decoder of an encrypted key is given. */
struct Asker {
        const Secret *passphrase; /* empty: none is configured */
        bool asked;
};

static void blob_deinit(Blob *b)
{
        if (b->data)
                explicit_bzero(b->data, FILE_MAX);
        free(b->data);
        *b = (Blob){ 0 };
}

static int read_all(const char *file, Blob *b, Diag *diag)
{
        _cleanup_(cleanup_close) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        ssize_t k = fd < 0 ? -1 : 1;

        while (k > 0 && b->n < FILE_MAX) {
                k = read(fd, b->data + b->n, FILE_MAX - b->n);
                if (k < 0 && errno == EINTR)
                        k = 1;
                else if (k > 0)
                        b->n += (size_t)k;
        }
        if (k < 0) {
                diag_set(diag, "cannot read %s: %s", file, strerror(errno));
                return TARGET_E_REFUSED;
        }
        if (b->n == FILE_MAX) {
                diag_set(diag, "%s is larger than %zu bytes; a certificate or a key is expected", file,
                         FILE_MAX - 1);
                return TARGET_E_REFUSED;
        }
        b->data[b->n] = '\0';
        return 0;
}

/* The buffer has its final size at once, so that no copy stays behind. */
static int blob_read(const char *file, bool private, Blob *ret, Diag *diag)
{
        Blob b = { .data = malloc(FILE_MAX) };
        int r = 0;

        if (!b.data)
                error_oom(FILE_MAX);
        explicit_bzero(b.data, FILE_MAX);
        if (private && secret_check(file, diag))
                r = TARGET_E_REFUSED;
        if (!r)
                r = read_all(file, &b, diag);
        if (r) {
                blob_deinit(&b);
                return r;
        }
        *ret = b;
        return 0;
}

static bool is_pem(const Blob *b)
{
        return strstr(b->data, "-----BEGIN ") != NULL;
}

static BIO *bio_over(const Blob *b)
{
        BIO *bio = BIO_new_mem_buf(b->data, (int)b->n);

        if (!bio)
                error_oom(b->n);
        return bio;
}

static int on_passphrase(char *buffer, int size, int writing, void *context)
{
        Asker *asker = context;

        asker->asked = true;
        if (writing || asker->passphrase->n == 0 || asker->passphrase->n > (size_t)size)
                return -1;
        memcpy(buffer, asker->passphrase->data, asker->passphrase->n);
        return (int)asker->passphrase->n;
}

static int not_opened(const char *file, const GraphCredential *c, Diag *diag)
{
        if (c->passphrase_file)
                diag_set(diag, "the passphrase in %s does not open %s", c->passphrase_file, file);
        else
                diag_set(diag, "%s is encrypted: passphrase_file is needed", file);
        return TARGET_E_REFUSED;
}

static int read_key(const char *file, const Blob *b, const GraphCredential *c, const Secret *passphrase,
                    EVP_PKEY **ret_key, Diag *diag)
{
        Asker asker = { .passphrase = passphrase };
        BIO *bio = bio_over(b);

        *ret_key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &asker);
        BIO_free(bio);
        if (*ret_key)
                return 0;
        if (asker.asked)
                return not_opened(file, c, diag);
        diag_set(diag, "%s holds no private key; one in PEM is expected%s", file,
                 c->key_file ? "" : ", or PKCS#12, or key_file");
        return TARGET_E_REFUSED;
}

/* The first certificate, or the one among several that the key belongs to: files may hold a chain. */
static X509 *find_certificate(const Blob *b, const EVP_PKEY *key)
{
        const unsigned char *der = (const unsigned char *)b->data;
        X509 *first = NULL, *x;
        BIO *bio;

        if (!is_pem(b))
                return d2i_X509(NULL, &der, (long)b->n);
        bio = bio_over(b);
        while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
                if (X509_check_private_key(x, key) == 1) {
                        X509_free(first);
                        first = x;
                        break;
                }
                if (first)
                        X509_free(x);
                else
                        first = x;
        }
        BIO_free(bio);
        return first;
}

static int read_pem(const GraphCredential *c, const Blob *certificate, const Secret *passphrase, TokenKey *k,
                    Diag *diag)
{
        _cleanup_(blob_deinit) Blob apart = { 0 };
        int r;

        if (c->key_file) {
                r = blob_read(c->key_file, true, &apart, diag);
                if (r)
                        return r;
        }
        r = read_key(c->key_file ? c->key_file : c->certificate_file, c->key_file ? &apart : certificate, c,
                     passphrase, &k->key, diag);
        if (r)
                return r;
        k->certificate = find_certificate(certificate, k->key);
        if (k->certificate)
                return 0;
        diag_set(diag, "%s holds no certificate; one in PEM%s is expected", c->certificate_file,
                 c->key_file ? " or DER" : " or PKCS#12");
        return TARGET_E_REFUSED;
}

static bool fits_mac(PKCS12 *p, const Secret *passphrase)
{
        if (!PKCS12_mac_present(p) || PKCS12_verify_mac(p, passphrase->data, (int)passphrase->n) == 1)
                return true;
        return passphrase->n == 0 && PKCS12_verify_mac(p, NULL, 0) == 1;
}

static int read_pkcs12(const GraphCredential *c, PKCS12 *p, const Secret *passphrase, TokenKey *k, Diag *diag)
{
        const char *file = c->certificate_file;

        if (c->key_file) {
                diag_set(diag, "%s is PKCS#12 and holds its own key: leave key_file out", file);
                return TARGET_E_REFUSED;
        }
        if (!fits_mac(p, passphrase))
                return not_opened(file, c, diag);
        if (PKCS12_parse(p, passphrase->data, &k->key, &k->certificate, NULL) != 1) {
                diag_set(diag,
                         "%s cannot be decrypted although its passphrase fits: its encryption is too old "
                         "(RC2, 3DES); export it again with AES-256",
                         file);
                return TARGET_E_REFUSED;
        }
        if (!k->key || !k->certificate) {
                diag_set(diag, "%s holds no %s; PKCS#12 with both is expected", file,
                         k->key ? "certificate" : "private key");
                return TARGET_E_REFUSED;
        }
        return 0;
}

static int read_both(const GraphCredential *c, const Secret *passphrase, TokenKey *k, Diag *diag)
{
        _cleanup_(blob_deinit) Blob b = { 0 };
        const unsigned char *der;
        PKCS12 *p = NULL;
        int r;

        r = blob_read(c->certificate_file, !c->key_file, &b, diag);
        if (r)
                return r;
        der = (const unsigned char *)b.data;
        if (!is_pem(&b))
                p = d2i_PKCS12(NULL, &der, (long)b.n);
        r = p ? read_pkcs12(c, p, passphrase, k, diag) : read_pem(c, &b, passphrase, k, diag);
        PKCS12_free(p);
        return r;
}

static void format_time(const ASN1_TIME *t, char *to, size_t size)
{
        struct tm tm = { 0 };

        ASN1_TIME_to_tm(t, &tm);
        strftime(to, size, "%Y-%m-%d %H:%M UTC", &tm);
}

static int check_dates(const GraphCredential *c, const X509 *x, Wall now, Diag *diag)
{
        time_t now_s = (time_t)(now.ms / 1000);
        char text[64];

        if (X509_cmp_time(X509_get0_notAfter(x), &now_s) < 0) {
                format_time(X509_get0_notAfter(x), text, sizeof(text));
                diag_set(diag, "the certificate in %s expired on %s: one that is valid now is expected",
                         c->certificate_file, text);
                return TARGET_E_REFUSED;
        }
        if (X509_cmp_time(X509_get0_notBefore(x), &now_s) > 0) {
                format_time(X509_get0_notBefore(x), text, sizeof(text));
                diag_set(diag,
                         "the certificate in %s is valid only from %s: one that is valid now is expected, "
                         "or this machine's clock is wrong",
                         c->certificate_file, text);
                return TARGET_E_REFUSED;
        }
        return 0;
}

static int check_key(const GraphCredential *c, const TokenKey *k, Wall now, Diag *diag)
{
        const char *file = c->key_file ? c->key_file : c->certificate_file;

        if (!EVP_PKEY_is_a(k->key, "RSA")) {
                diag_set(diag, "the key in %s is %s: RSA is expected", file,
                         EVP_PKEY_get0_type_name(k->key) ? EVP_PKEY_get0_type_name(k->key)
                                                         : "of no known kind");
                return TARGET_E_REFUSED;
        }
        if (EVP_PKEY_get_bits(k->key) < BITS_MIN) {
                diag_set(diag, "the key in %s has %d bits: at least %d are expected", file,
                         EVP_PKEY_get_bits(k->key), BITS_MIN);
                return TARGET_E_REFUSED;
        }
        if (X509_check_private_key(k->certificate, k->key) != 1) {
                diag_set(diag,
                         "the key in %s does not fit the certificate in %s: the one it was made with is "
                         "expected",
                         file, c->certificate_file);
                return TARGET_E_REFUSED;
        }
        return check_dates(c, k->certificate, now, diag);
}

/**
 * token_key_load() - read the files of a certificate credential
 * @now: the certificate must be valid then
 *
 * Return: 0, TARGET_E_REFUSED (the diag names the file).
 */
int token_key_load(const GraphCredential *c, Wall now, TokenKey *ret_key, Diag *diag)
{
        _cleanup_(secret_wipe) Secret passphrase = { 0 };
        TokenKey k = { 0 };
        int r = 0;

        if (c->passphrase_file && secret_read(c->passphrase_file, &passphrase, diag))
                return TARGET_E_REFUSED;
        r = read_both(c, &passphrase, &k, diag);
        if (!r)
                r = check_key(c, &k, now, diag);
        ERR_clear_error();
        if (r) {
                token_key_deinit(&k);
                return r;
        }
        *ret_key = k;
        return 0;
}

/**
 * token_key_end() - when the certificate ends, also if it has
 *
 * Return: 0, TARGET_E_REFUSED: the files cannot be read now.
 */
int token_key_end(const GraphCredential *c, Wall *ret_end)
{
        _cleanup_(secret_wipe) Secret passphrase = { 0 };
        TokenKey k = { 0 };
        struct tm tm = { 0 };
        int r = 0;

        if (c->passphrase_file && secret_read(c->passphrase_file, &passphrase, NULL))
                return TARGET_E_REFUSED;
        r = read_both(c, &passphrase, &k, NULL);
        ERR_clear_error();
        if (!r && ASN1_TIME_to_tm(X509_get0_notAfter(k.certificate), &tm) == 1)
                ret_end->ms = (int64_t)timegm(&tm) * 1000;
        token_key_deinit(&k);
        return r;
}

/* OpenSSL wipes the numbers of a private key itself. */
void token_key_deinit(TokenKey *k)
{
        EVP_PKEY_free(k->key);
        X509_free(k->certificate);
        *k = (TokenKey){ 0 };
}
