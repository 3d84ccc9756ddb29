/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Certificates, as .NET's X509Certificate2 shows them
 *
 * A certificate is DER, or a text with the same in base64, with or without the lines of PEM. It comes from a
 * directory in which users may write their own: everything in it is hostile. What does not parse, or goes on
 * behind the certificate, is not one; a NUL in a name becomes U+FFFD, so that nothing behind it hides.
 */

#include "base/str.h"
#include "engine/expr/builtins-cert.h"
#include "engine/expr/functions.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

BUILTINS_CERT(BUILTIN_DECLARE)

#define CERT_MAX  ((size_t)1 << 20) /* the largest in the wild have some 20 kB */
#define CERT_WORK 16                /* to parse a byte costs more than to copy it */
#define OID_MAX   256

static inline void free_cert(X509 **c)
{
        X509_free(*c);
}

static inline void free_names(GENERAL_NAMES **names)
{
        GENERAL_NAMES_free(*names);
}

/* ---- reading ---- */

/* The base64 in a text: without blanks, and without the first and last line of PEM. */
static const char *strip_text(Eval *v, const char *s)
{
        char *text = arena_alloc(v->arena, strlen(s) + 1), *p = text;

        while (*s) {
                if (str_starts(s, "-----"))
                        s += strcspn(s, "\n");
                else if (strchr(" \t\r\n", *s))
                        s++;
                else
                        *p++ = *s++;
        }
        *p = '\0';
        return text;
}

static X509 *parse(Eval *v, Value value)
{
        const uint8_t *data = value.bytes, *p;
        uint8_t *decoded;
        size_t n = value.n;
        X509 *cert;

        if (n == 0 || n > CERT_MAX)
                return NULL;
        if (value.type == VALUE_STRING) {
                if (!str_unbase64(v->arena, strip_text(v, value.s), &decoded, &n))
                        return NULL;
                data = decoded;
        } else if (value.type != VALUE_BYTES) {
                return NULL;
        }
        p = data;
        cert = d2i_X509(NULL, &p, (long)n);
        ERR_clear_error(); /* of this thread, which others use too */
        if (cert && p != data + n) {
                X509_free(cert);
                return NULL;
        }
        return cert;
}

/* Return: 0, or the error of a value that is no certificate. */
static int take(Eval *v, Value value, X509 **ret)
{
        int r = eval_charge(v, CERT_WORK * (size_t)value.n);

        if (r)
                return r;
        *ret = parse(v, value);
        return *ret ? 0 : eval_fail(v, "this is not an X.509 certificate");
}

/* What one function says of a certificate. */
typedef int CertPart(Eval *v, X509 *cert, Value *ret);

static int of_cert(Eval *v, Value value, CertPart *part, Value *ret)
{
        _cleanup_(free_cert) X509 *cert = NULL;
        int r = take(v, value, &cert);

        return r ? r : part(v, cert, ret);
}

#define CERT_BUILTIN(name, part)                                                  \
        int builtin_##name(Eval *v, const Value *args, size_t n_args, Value *ret) \
        {                                                                         \
                return of_cert(v, args[0], part, ret);                            \
        }

int builtin_iscert(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        bool all = value_count(args[0]) > 0;

        for (size_t i = 0; i < value_count(args[0]) && all; i++) {
                Value item = value_at(args[0], i);
                _cleanup_(free_cert) X509 *cert = NULL;
                bool is_data = item.type == VALUE_BYTES || item.type == VALUE_STRING;
                int r = eval_charge(v, is_data ? CERT_WORK * (size_t)item.n : 0);

                if (r)
                        return r;
                cert = is_data ? parse(v, item) : NULL;
                all = cert != NULL;
        }
        *ret = value_bool(all);
        return 0;
}

/* ---- texts ---- */

static Value upper_hex(Eval *v, const uint8_t *data, size_t n)
{
        static const char digits[] = "0123456789ABCDEF";
        char *text = arena_alloc(v->arena, 2 * n + 1);

        for (size_t i = 0; i < n; i++) {
                text[2 * i] = digits[data[i] >> 4];
                text[2 * i + 1] = digits[data[i] & 15];
        }
        text[2 * n] = '\0';
        return value_string_n(text, 2 * n);
}

static Value oid_text(Eval *v, const ASN1_OBJECT *o)
{
        char text[OID_MAX];
        int n = o ? OBJ_obj2txt(text, sizeof(text), o, 1) : 0;

        /* Longer than the buffer is longer than any OID in use: cut. */
        return value_string(arena_strdup(v->arena, n > 0 ? text : ""));
}

/* Any ASN.1 string as UTF-8 without NUL. */
static const char *string_text(Eval *v, const ASN1_STRING *s)
{
        unsigned char *utf8 = NULL;
        int n = s ? ASN1_STRING_to_UTF8(&utf8, s) : -1;
        char *text, *p;

        ERR_clear_error();
        if (n < 0)
                return "";
        text = p = arena_alloc(v->arena, 3 * (size_t)n + 1);
        for (int i = 0; i < n; i++) {
                if (utf8[i]) {
                        *p++ = (char)utf8[i];
                } else {
                        memcpy(p, "\xef\xbf\xbd", 3);
                        p += 3;
                }
        }
        *p = '\0';
        OPENSSL_free(utf8);
        return str_is_utf8(text, (size_t)(p - text)) ? text : "";
}

/* ---- names ---- */

/* .NET's short names, where they are not OpenSSL's. */
static const char *key_name(Eval *v, const ASN1_OBJECT *o)
{
        static const struct {
                int nid;
                const char *name;
        } names[] = {
                { NID_commonName, "CN" },
                { NID_countryName, "C" },
                { NID_dnQualifier, "dnQualifier" },
                { NID_domainComponent, "DC" },
                { NID_givenName, "G" },
                { NID_initials, "I" },
                { NID_localityName, "L" },
                { NID_organizationName, "O" },
                { NID_organizationalUnitName, "OU" },
                { NID_pkcs9_emailAddress, "E" },
                { NID_serialNumber, "SERIALNUMBER" },
                { NID_stateOrProvinceName, "S" },
                { NID_streetAddress, "STREET" },
                { NID_surname, "SN" },
                { NID_title, "T" },
        };
        int nid = OBJ_obj2nid(o);

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (names[i].nid == nid)
                        return names[i].name;
        return arena_printf(v->arena, "OID.%s", oid_text(v, o).s);
}

static void add_name_value(Str *out, const char *s)
{
        size_t n = strlen(s);

        if (n && s[0] != ' ' && s[n - 1] != ' ' && !strpbrk(s, ",+=\"\n\r<>#;")) {
                str_add(out, s);
                return;
        }
        str_add_char(out, '"');
        for (; *s; s++) {
                if (*s == '"')
                        str_add_char(out, '"');
                str_add_char(out, *s);
        }
        str_add_char(out, '"');
}

/* The last part first, as people write it: CN=Ada Lovelace, O=Contoso, C=GB */
static int name_text(Eval *v, const X509_NAME *name, Value *ret)
{
        int previous = -1;
        Str s;

        str_init(&s, VALUE_MAX);
        for (int i = X509_NAME_entry_count(name) - 1; i >= 0; i--) {
                const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
                int set = X509_NAME_ENTRY_set(e);

                if (s.n)
                        str_add(&s, set == previous ? " + " : ", ");
                previous = set;
                str_add(&s, key_name(v, X509_NAME_ENTRY_get_object(e)));
                str_add_char(&s, '=');
                add_name_value(&s, string_text(v, X509_NAME_ENTRY_get_data(e)));
        }
        *ret = value_string(arena_strdup(v->arena, s.data));
        str_deinit(&s);
        return 0;
}

static int issuer(Eval *v, X509 *cert, Value *ret)
{
        return name_text(v, X509_get_issuer_name(cert), ret);
}

static int subject(Eval *v, X509 *cert, Value *ret)
{
        return name_text(v, X509_get_subject_name(cert), ret);
}

CERT_BUILTIN(certissuer, issuer)
CERT_BUILTIN(certsubject, subject)

/* The first of these in a name, "" if there is none. */
static const char *name_part(Eval *v, const X509_NAME *name, const int *nids, size_t n_nids)
{
        for (size_t i = 0; i < n_nids; i++) {
                int at = X509_NAME_get_index_by_NID(name, nids[i], -1);

                if (at >= 0)
                        return string_text(v, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
        }
        return "";
}

/* The first alternative name of this kind. */
static const char *alternative_name(Eval *v, const X509 *cert, bool issuer, int kind)
{
        int nid = issuer ? NID_issuer_alt_name : NID_subject_alt_name;
        _cleanup_(free_names) GENERAL_NAMES *names = X509_get_ext_d2i(cert, nid, NULL, NULL);

        ERR_clear_error();
        for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

                if (n->type != kind)
                        continue;
                if (kind != GEN_OTHERNAME)
                        return string_text(v, n->d.ia5);
                if (OBJ_obj2nid(n->d.otherName->type_id) == NID_ms_upn &&
                    n->d.otherName->value->type == V_ASN1_UTF8STRING)
                        return string_text(v, n->d.otherName->value->value.utf8string);
        }
        return "";
}

/* As X509Certificate2.GetNameInfo(): what is in the alternative names comes before what is in the name. */
static const char *name_info(Eval *v, X509 *cert, const char *type, bool issuer)
{
        static const int simple[] = { NID_commonName, NID_organizationalUnitName, NID_organizationName,
                                      NID_pkcs9_emailAddress };
        static const int email[] = { NID_pkcs9_emailAddress }, common[] = { NID_commonName };
        const X509_NAME *name = issuer ? X509_get_issuer_name(cert) : X509_get_subject_name(cert);
        const char *text;

        if (str_is(type, "SimpleName")) {
                text = name_part(v, name, simple, N_ELEMENTS(simple));
                return *text ? text : alternative_name(v, cert, issuer, GEN_EMAIL);
        }
        if (str_is(type, "EmailName")) {
                text = alternative_name(v, cert, issuer, GEN_EMAIL);
                return *text ? text : name_part(v, name, email, 1);
        }
        if (str_is(type, "DnsName")) {
                text = alternative_name(v, cert, issuer, GEN_DNS);
                return *text ? text : name_part(v, name, common, 1);
        }
        if (str_is(type, "DnsFromAlternativeName"))
                return alternative_name(v, cert, issuer, GEN_DNS);
        if (str_is(type, "UrlName"))
                return alternative_name(v, cert, issuer, GEN_URI);
        return str_is(type, "UpnName") ? alternative_name(v, cert, issuer, GEN_OTHERNAME) : NULL;
}

int builtin_certnameinfo(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        _cleanup_(free_cert) X509 *cert = NULL;
        const char *text;
        int r = take(v, args[0], &cert);

        if (r)
                return r;
        text = name_info(v, cert, args[1].s, args[2].b);
        if (!text)
                return eval_fail(v, "CertNameInfo knows SimpleName, EmailName, UpnName, DnsName, "
                                    "DnsFromAlternativeName and UrlName");
        *ret = value_string(text);
        return 0;
}

/* ---- the rest ---- */

/* .NET gives a name an OID of nothing, and a certificate of a directory has no alias. */
static int no_text(Eval *v, X509 *cert, Value *ret)
{
        *ret = value_string("");
        return 0;
}

static int format(Eval *v, X509 *cert, Value *ret)
{
        *ret = value_string("X509");
        return 0;
}

static int version(Eval *v, X509 *cert, Value *ret)
{
        *ret = value_int(X509_get_version(cert) + 1);
        return 0;
}

static int hash(Eval *v, X509 *cert, Value *ret)
{
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        if (!X509_digest(cert, EVP_sha1(), digest, &n))
                return eval_fail(v, "SHA-1 is not available here");
        *ret = upper_hex(v, digest, n);
        return 0;
}

static int serial(Eval *v, X509 *cert, Value *ret)
{
        const ASN1_INTEGER *number = X509_get0_serialNumber(cert);

        *ret = upper_hex(v, ASN1_STRING_get0_data(number), (size_t)ASN1_STRING_length(number));
        return 0;
}

static int time_value(Eval *v, const ASN1_TIME *t, Value *ret)
{
        struct tm tm;

        if (!ASN1_TIME_to_tm(t, &tm)) {
                ERR_clear_error();
                return eval_fail(v, "the certificate has a date that is none");
        }
        *ret = value_time(filetime_from_unix_ms((int64_t)timegm(&tm) * 1000));
        return 0;
}

static int not_after(Eval *v, X509 *cert, Value *ret)
{
        return time_value(v, X509_get0_notAfter(cert), ret);
}

static int not_before(Eval *v, X509 *cert, Value *ret)
{
        return time_value(v, X509_get0_notBefore(cert), ret);
}

static const X509_ALGOR *key_algorithm(const X509 *cert)
{
        X509_ALGOR *algorithm = NULL;

        return X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, X509_get_X509_PUBKEY(cert)) ? algorithm
                                                                                                : NULL;
}

static int algorithm_oid(Eval *v, const X509_ALGOR *algorithm, Value *ret)
{
        const ASN1_OBJECT *oid = NULL;

        if (algorithm)
                X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
        *ret = oid_text(v, oid);
        return 0;
}

static int key_oid(Eval *v, X509 *cert, Value *ret)
{
        return algorithm_oid(v, key_algorithm(cert), ret);
}

static int signature_oid(Eval *v, X509 *cert, Value *ret)
{
        const X509_ALGOR *algorithm = NULL;

        X509_get0_signature(NULL, &algorithm, cert);
        return algorithm_oid(v, algorithm, ret);
}

/* The parameters as they are encoded. */
static int key_parameters(Eval *v, X509 *cert, Value *ret)
{
        const X509_ALGOR *algorithm = key_algorithm(cert);
        uint8_t *der = NULL;
        int n = algorithm && algorithm->parameter ? i2d_ASN1_TYPE(algorithm->parameter, &der) : 0;

        ERR_clear_error();
        *ret = upper_hex(v, der, n > 0 ? (size_t)n : 0);
        OPENSSL_free(der);
        return 0;
}

static int critical_oids(Eval *v, X509 *cert, Value *ret)
{
        ListBuilder list = { 0 };
        int r = 0;

        for (int i = 0; i < X509_get_ext_count(cert) && r == 0; i++) {
                X509_EXTENSION *e = X509_get_ext(cert, i);

                if (X509_EXTENSION_get_critical(e))
                        r = list_builder_add(v, &list, oid_text(v, X509_EXTENSION_get_object(e)));
        }
        if (r == 0)
                *ret = list_builder_value(&list);
        return r;
}

CERT_BUILTIN(certextensionoids, critical_oids)
CERT_BUILTIN(certformat, format)
CERT_BUILTIN(certfriendlyname, no_text)
CERT_BUILTIN(certhashstring, hash)
CERT_BUILTIN(certkeyalgorithm, key_oid)
CERT_BUILTIN(certkeyalgorithmparams, key_parameters)
CERT_BUILTIN(certnameoid, no_text)
CERT_BUILTIN(certnotafter, not_after)
CERT_BUILTIN(certnotbefore, not_before)
CERT_BUILTIN(certserialnumber, serial)
CERT_BUILTIN(certsignaturealgorithmoid, signature_oid)
CERT_BUILTIN(certversion, version)

/* MS-ADTS 2.2.20.6: the key hash of a key credential is the SHA-256 of what follows it. */
int builtin_thumbprint(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        int r = eval_charge(v, CERT_WORK * (size_t)args[0].n);

        if (r)
                return r;
        if (!EVP_Digest(args[0].bytes, args[0].n, digest, &n, EVP_sha256(), NULL))
                return eval_fail(v, "SHA-256 is not available here");
        *ret = value_bytes(arena_memdup(v->arena, digest, n), n);
        return 0;
}
