/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TlsRecords: which kinds of records a server sends, without opening one
 *
 * The head of each record is in the clear, its body is not: a type, a version and a length (RFC 5246 section
 * 6.2.1). In TLS 1.2 the type tells a handshake from data; in TLS 1.3 everything after the first flight of a
 * handshake looks like data (RFC 8446 section 5.2). The bytes come in pieces of any size. A server that lies
 * about a length only misleads this reader: nothing is kept but the head.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_RECORD_HEAD 5

typedef struct TlsRecords {
        uint8_t head[TLS_RECORD_HEAD];
        size_t n_head; /* of the record we are in */
        size_t left;   /* of its body */
} TlsRecords;

/* Do these bytes, as the first of a stream, begin a handshake? LDAP's messages begin with 0x30, SASL's with
 * the highest byte of a length that is below 16 MiB. */
bool tls_begins(const void *data, size_t n);

/* The next bytes of a stream of records. Return: true if a record of a handshake begins in them. */
bool tls_records_see(TlsRecords *t, const void *data, size_t n);
