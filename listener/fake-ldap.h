/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FakeLdap: the other end of a Conn, for unit tests
 *
 * A Conn over a socket pair, and functions that write what a server would: answers are written ahead and wait
 * in the socket until the code under test asks for them. Message ids count from 1 with each request. No
 * network, no thread.
 */

#include "listener/ldap-conn.h"

typedef struct FakeAttribute FakeAttribute;
typedef struct FakeLdap FakeLdap;
typedef struct FakeValue FakeValue;

struct FakeValue {
        const void *data;
        size_t n;
};

struct FakeAttribute {
        const char *name;
        FakeValue values[4];
        size_t n_values;
};

struct FakeLdap {
        LdapConfig config;
        Conn *conn;
        int fd; /* the server's */
};

#define FAKE_TEXT(s)      ((FakeValue){ (s), strlen(s) })
#define FAKE_BYTES(p, n_) ((FakeValue){ (p), (n_) })

void fake_init(FakeLdap *f);
void fake_deinit(FakeLdap *f);

void fake_bytes(FakeLdap *f, const void *data, size_t n);
void fake_entry(FakeLdap *f, int id, const char *dn, const FakeAttribute *attributes, size_t n);
void fake_reference(FakeLdap *f, int id, const char *uri);
void fake_done(FakeLdap *f, int id, int code, const char *says, const char *control, const void *value,
               size_t n);
/* An entry with one control; an intermediate response (RFC 4511 section 4.13). */
void fake_entry_with(FakeLdap *f, int id, const char *dn, const FakeAttribute *attributes, size_t n,
                     const char *control, const void *value, size_t n_value);
void fake_intermediate(FakeLdap *f, int id, const char *oid, const void *value, size_t n);
void fake_notice(FakeLdap *f, int code, const char *says);

/* The next request that was sent, whole; returns its length. */
size_t fake_request(FakeLdap *f, uint8_t *data, size_t size);
