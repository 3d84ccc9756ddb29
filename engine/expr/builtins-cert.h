/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rows of the functions on certificates; see functions.h. */
#define BUILTINS_CERT(X)                                                                                     \
        X("CertExtensionOids", 1, 1, 'v', "x", NULL, builtin_certextensionoids,                              \
          "mvstr CertExtensionOids(bin certificate)", "OIDs of the critical extensions")                     \
        X("CertFormat", 1, 1, 's', "x", NULL, builtin_certformat, "str CertFormat(bin certificate)",         \
          "name of the certificate's format: X509")                                                          \
        X("CertFriendlyName", 1, 1, 's', "x", NULL, builtin_certfriendlyname,                                \
          "str CertFriendlyName(bin certificate)", "the alias; a certificate of a directory has none")       \
        X("CertHashString", 1, 1, 's', "x", NULL, builtin_certhashstring,                                    \
          "str CertHashString(bin certificate)", "SHA-1 of the certificate, in capital hexadecimal digits")  \
        X("CertIssuer", 1, 1, 's', "x", NULL, builtin_certissuer, "str CertIssuer(bin certificate)",         \
          "name of who issued it")                                                                           \
        X("CertIssuerDN", 1, 1, 's', "x", NULL, builtin_certissuer, "str CertIssuerDN(bin certificate)",     \
          "distinguished name of who issued it")                                                             \
        X("CertIssuerOid", 1, 1, 's', "x", NULL, builtin_certnameoid, "str CertIssuerOid(bin certificate)",  \
          "OID of the issuer's name; names have none")                                                       \
        X("CertKeyAlgorithm", 1, 1, 's', "x", NULL, builtin_certkeyalgorithm,                                \
          "str CertKeyAlgorithm(bin certificate)", "OID of the key's algorithm")                             \
        X("CertKeyAlgorithmParams", 1, 1, 's', "x", NULL, builtin_certkeyalgorithmparams,                    \
          "str CertKeyAlgorithmParams(bin certificate)", "its parameters, in capital hexadecimal digits")    \
        X("CertNameInfo", 3, 3, 's', "xsb", NULL, builtin_certnameinfo,                                      \
          "str CertNameInfo(bin certificate, str nameType, bool ofIssuer)",                                  \
          "a name of subject or issuer: SimpleName, EmailName, UpnName, DnsName, DnsFromAlternativeName, "   \
          "UrlName")                                                                                         \
        X("CertNotAfter", 1, 1, 'd', "x", NULL, builtin_certnotafter, "dt CertNotAfter(bin certificate)",    \
          "when it expires")                                                                                 \
        X("CertNotBefore", 1, 1, 'd', "x", NULL, builtin_certnotbefore, "dt CertNotBefore(bin certificate)", \
          "when it becomes valid")                                                                           \
        X("CertPublicKeyOid", 1, 1, 's', "x", NULL, builtin_certkeyalgorithm,                                \
          "str CertPublicKeyOid(bin certificate)", "OID of the public key")                                  \
        X("CertPublicKeyParametersOid", 1, 1, 's', "x", NULL, builtin_certkeyalgorithm,                      \
          "str CertPublicKeyParametersOid(bin certificate)",                                                 \
          "OID under which the key's parameters are kept")                                                   \
        X("CertSerialNumber", 1, 1, 's', "x", NULL, builtin_certserialnumber,                                \
          "str CertSerialNumber(bin certificate)", "the serial number, in capital hexadecimal digits")       \
        X("CertSignatureAlgorithmOid", 1, 1, 's', "x", NULL, builtin_certsignaturealgorithmoid,              \
          "str CertSignatureAlgorithmOid(bin certificate)", "OID of the signature's algorithm")              \
        X("CertSubject", 1, 1, 's', "x", NULL, builtin_certsubject, "str CertSubject(bin certificate)",      \
          "distinguished name of the subject")                                                               \
        X("CertSubjectNameDN", 1, 1, 's', "x", NULL, builtin_certsubject,                                    \
          "str CertSubjectNameDN(bin certificate)", "distinguished name of the subject")                     \
        X("CertSubjectNameOid", 1, 1, 's', "x", NULL, builtin_certnameoid,                                   \
          "str CertSubjectNameOid(bin certificate)", "OID of the subject's name; names have none")           \
        X("CertThumbprint", 1, 1, 's', "x", NULL, builtin_certhashstring,                                    \
          "str CertThumbprint(bin certificate)", "SHA-1 of the certificate, in capital hexadecimal digits")  \
        X("CertVersion", 1, 1, 'n', "x", NULL, builtin_certversion, "num CertVersion(bin certificate)",      \
          "X.509 version: 1, 2 or 3")                                                                        \
        X("IsCert", 1, 1, 'b', "v", CALL, builtin_iscert, "bool IsCert(bin certificate)",                    \
          "whether it is a certificate")                                                                     \
        X("Thumbprint", 1, 1, 'y', "y", NULL, builtin_thumbprint, "bin Thumbprint(bin data)",                \
          "SHA-256 of the bytes, as the key hash of a key credential")
