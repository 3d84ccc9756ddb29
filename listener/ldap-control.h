/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LdapControl: the controls we send and the answers to them, as bytes
 *
 *      DirSync             1.2.840.113556.1.4.841   request and response   MS-ADTS 3.1.1.3.4.1.3
 *      change notification 1.2.840.113556.1.4.528   request, no value      MS-ADTS 3.1.1.3.4.1.9
 *      extended DN         1.2.840.113556.1.4.529   request                MS-ADTS 3.1.1.3.4.1.5
 *      show deleted        1.2.840.113556.1.4.417   request, no value      MS-ADTS 3.1.1.3.4.1.14
 *      paged results       1.2.840.113556.1.4.319   request and response   RFC 2696
 *      content sync        1.3.6.1.4.1.4203.1.9.1.1 to .4                  RFC 4533 section 2
 *      persistent search   2.16.840.1.113730.3.4.3  request                draft-ietf-ldapext-psearch-03
 *      entry change        2.16.840.1.113730.3.4.7  response               the same
 *
 * The values are made and read with liblber and do not touch an LDAP handle: libldap's own
 * ldap_parse_dirsync_control() ends by returning the handle's last error, which may be an old one.
 * What a server sends is not trusted: lengths, ranges and trailing bytes are checked.
 */

#include <lber.h>
#include <ldap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct ControlSet ControlSet;
typedef struct DirsyncAnswer DirsyncAnswer;
typedef struct DirsyncCookie DirsyncCookie;
typedef struct PagedAnswer PagedAnswer;
typedef struct SyncDone SyncDone;
typedef struct SyncInfo SyncInfo;
typedef struct SyncState SyncState;

enum {
        CONTROL_E_BASE_ = 2380, /* within ERROR_BASE_LDAP */

        CONTROL_E_ABSENT,  /* the answer has no such control */
        CONTROL_E_INVALID, /* its value is not what the specification says */
};

#define CONTROL_DIRSYNC      "1.2.840.113556.1.4.841"
#define CONTROL_NOTIFICATION "1.2.840.113556.1.4.528"
#define CONTROL_EXTENDED_DN  "1.2.840.113556.1.4.529"
#define CONTROL_SHOW_DELETED "1.2.840.113556.1.4.417"
#define CONTROL_PAGED        "1.2.840.113556.1.4.319"
#define CONTROL_SYNC         "1.3.6.1.4.1.4203.1.9.1.1"
#define CONTROL_SYNC_STATE   "1.3.6.1.4.1.4203.1.9.1.2"
#define CONTROL_SYNC_DONE    "1.3.6.1.4.1.4203.1.9.1.3"
#define SYNC_INFO            "1.3.6.1.4.1.4203.1.9.1.4" /* of an intermediate response */
#define CONTROL_PSEARCH      "2.16.840.1.113730.3.4.3"
#define CONTROL_ENTRY_CHANGE "2.16.840.1.113730.3.4.7"

#define DIRSYNC_OBJECT_SECURITY    0x00000001u
#define DIRSYNC_ANCESTORS_FIRST    0x00000800u
#define DIRSYNC_PUBLIC_DATA_ONLY   0x00002000u
#define DIRSYNC_INCREMENTAL_VALUES 0x80000000u

/*
 * True for no object. With it, DirSync hands out a cookie for "everything up to now" and nothing else; and as
 * there is an index of this attribute, the server need not look at every object for it: with 10,000 users and
 * an account that is not an administrator, Samba takes 80 ms for (!(objectClass=*)).
 */
#define DIRSYNC_FILTER_NONE "(objectGUID=\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00)"

/* The vector in a cookie has 24 bytes per domain controller that ever was: 1 MiB is 40,000 of them. */
#define COOKIE_MAX ((size_t)1 << 20)

/* Controls of one request. The values are owned; `list` is what libldap takes. */
struct ControlSet {
        LDAPControl controls[4];
        LDAPControl *list[5]; /* NULL-terminated */
        size_t n;
};

void controls_init(ControlSet *s);
void controls_deinit(ControlSet *s);
void controls_add_dirsync(ControlSet *s, uint32_t flags, int32_t max_bytes, const uint8_t *cookie, size_t n);
void controls_add_notification(ControlSet *s);
void controls_add_extended_dn(ControlSet *s);
void controls_add_show_deleted(ControlSet *s);
void controls_add_paged(ControlSet *s, int32_t size, const uint8_t *cookie, size_t n);
/* refreshAndPersist, or (`once`) refreshOnly; n 0: no cookie. */
void controls_add_sync(ControlSet *s, bool once, const uint8_t *cookie, size_t n);
void controls_add_psearch(ControlSet *s); /* only what changes from now on, and how */

struct DirsyncAnswer {
        bool more;
        const uint8_t *cookie;
        size_t n_cookie;
};

struct PagedAnswer {
        const uint8_t *cookie;
        size_t n_cookie; /* 0: this was the last page */
};

/* Return: 0, CONTROL_E_INVALID. Cookies are copied into the arena. */
int dirsync_answer_parse(const struct berval *value, Arena *a, DirsyncAnswer *ret_answer);
int paged_answer_parse(const struct berval *value, Arena *a, PagedAnswer *ret_answer);

/* RFC 4533. A cookie that is not there has n_cookie 0. */
typedef enum SyncStateKind {
        SYNC_PRESENT,
        SYNC_ADD,
        SYNC_MODIFY,
        SYNC_DELETE,
} SyncStateKind;

struct SyncState {
        SyncStateKind kind;
        uint8_t uuid[16]; /* in the order of its text */
        const uint8_t *cookie;
        size_t n_cookie;
};

struct SyncDone {
        const uint8_t *cookie;
        size_t n_cookie;
        bool refresh_deletes;
};

typedef enum SyncInfoKind {
        SYNC_NEW_COOKIE,
        SYNC_REFRESH_DELETE,
        SYNC_REFRESH_PRESENT,
        SYNC_ID_SET,
} SyncInfoKind;

struct SyncInfo {
        SyncInfoKind kind;
        const uint8_t *cookie;
        size_t n_cookie;
        bool refresh_done;    /* of the two refreshes */
        bool refresh_deletes; /* of an id set: these are gone; else they are there and as they were */
        const uint8_t (*uuids)[16];
        size_t n_uuids;
};

int sync_state_parse(const struct berval *value, Arena *a, SyncState *ret_state);
int sync_done_parse(const struct berval *value, Arena *a, SyncDone *ret_done);
int sync_info_parse(const struct berval *value, Arena *a, SyncInfo *ret_info);

/* Persistent search: only that something was deleted is more than a bell. */
int entry_change_parse(const struct berval *value, bool *ret_deleted);

/* The control's value in an answer. Return: 0, CONTROL_E_ABSENT. */
int controls_find(LDAPControl *const *controls, const char *oid, const struct berval **ret_value);

/*
 * What is inside AD's cookie (MS-DRSR 5.115.2.1): for people and logs. Nothing is decided by it: to us a
 * cookie is opaque.
 */
struct DirsyncCookie {
        uint64_t usn;           /* highest object update the server has told us of */
        uint8_t invocation[16]; /* of the server that made it */
};

bool dirsync_cookie_parse(const uint8_t *data, size_t n, DirsyncCookie *ret_cookie);
