/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/str.h"
#include "listener/ldap-control.h"

void controls_init(ControlSet *s)
{
        memset(s, 0, sizeof(*s));
}

void controls_deinit(ControlSet *s)
{
        for (size_t i = 0; i < s->n; i++)
                ber_memfree(s->controls[i].ldctl_value.bv_val);
        controls_init(s);
}

static LDAPControl *add(ControlSet *s, const char *oid)
{
        LDAPControl *c = &s->controls[s->n];

        assert(s->n < N_ELEMENTS(s->controls));
        /* libldap's struct is not const, but it only reads. */
        c->ldctl_oid = (char *)(uintptr_t)oid;
        c->ldctl_iscritical = 1;
        s->list[s->n++] = c;
        s->list[s->n] = NULL;
        return c;
}

static BerElement *begin(void)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);

        if (!ber)
                error_oom(0);
        return ber;
}

/* Moves the bytes into the control. */
static void finish(LDAPControl *c, BerElement *ber, int result)
{
        struct berval value = { 0 };

        if (result < 0 || ber_flatten2(ber, &value, 1) < 0)
                error_oom(0);
        ber_free(ber, 1);
        c->ldctl_value = value;
}

static struct berval bytes(const uint8_t *data, size_t n)
{
        static char none[1];

        return (struct berval){ .bv_len = n, .bv_val = n ? (char *)(uintptr_t)data : none };
}

/*
 * SEQUENCE { Flags INTEGER, MaxBytes INTEGER, Cookie OCTET STRING }; Flags is a signed 32-bit number, so
 * INCREMENTAL_VALUES makes it negative: 02 04 80 00 00 00. Critical, or Samba answers operationsError.
 */
void controls_add_dirsync(ControlSet *s, uint32_t flags, int32_t max_bytes, const uint8_t *cookie, size_t n)
{
        LDAPControl *c = add(s, CONTROL_DIRSYNC);
        struct berval v = bytes(cookie, n);
        BerElement *ber = begin();

        finish(c, ber, ber_printf(ber, "{iiO}", (ber_int_t)(int32_t)flags, (ber_int_t)max_bytes, &v));
}

/* No value at all; critical, so that a server without it says so. */
void controls_add_notification(ControlSet *s)
{
        add(s, CONTROL_NOTIFICATION);
}

/* SEQUENCE { Flag INTEGER }; 1: GUID and SID as text, "<GUID=01234567-...>;<SID=S-1-...>;CN=...". */
void controls_add_extended_dn(ControlSet *s)
{
        LDAPControl *c = add(s, CONTROL_EXTENDED_DN);
        BerElement *ber = begin();

        finish(c, ber, ber_printf(ber, "{i}", (ber_int_t)1));
}

void controls_add_show_deleted(ControlSet *s)
{
        add(s, CONTROL_SHOW_DELETED);
}

/* SEQUENCE { size INTEGER, cookie OCTET STRING } */
void controls_add_paged(ControlSet *s, int32_t size, const uint8_t *cookie, size_t n)
{
        LDAPControl *c = add(s, CONTROL_PAGED);
        struct berval v = bytes(cookie, n);
        BerElement *ber = begin();

        finish(c, ber, ber_printf(ber, "{iO}", (ber_int_t)size, &v));
}

/*
 * SEQUENCE { mode ENUMERATED (1: refreshOnly, 3: refreshAndPersist), cookie OCTET STRING OPTIONAL, reloadHint
 * BOOLEAN DEFAULT FALSE }. reloadHint stays FALSE: a server that cannot go on from the cookie sends
 * everything, instead of an error first.
 */
void controls_add_sync(ControlSet *s, bool once, const uint8_t *cookie, size_t n)
{
        const ber_int_t mode = once ? 1 : 3;
        LDAPControl *c = add(s, CONTROL_SYNC);
        struct berval v = bytes(cookie, n);
        BerElement *ber = begin();

        finish(c, ber, n ? ber_printf(ber, "{eO}", mode, &v) : ber_printf(ber, "{e}", mode));
}

/* SEQUENCE { changeTypes INTEGER (15: all), changesOnly BOOLEAN, returnECs BOOLEAN } */
void controls_add_psearch(ControlSet *s)
{
        LDAPControl *c = add(s, CONTROL_PSEARCH);
        BerElement *ber = begin();

        finish(c, ber, ber_printf(ber, "{ibb}", (ber_int_t)15, (ber_int_t)1, (ber_int_t)1));
}

/* A copy, because liblber terminates strings where they lie. */
static BerElement *open_value(const struct berval *value)
{
        struct berval copy = *value;
        BerElement *ber;

        if (!value->bv_val || value->bv_len == 0 || value->bv_len > COOKIE_MAX + 64)
                return NULL;
        ber = ber_init(&copy);
        if (!ber)
                error_oom(value->bv_len);
        return ber;
}

/* ber_scanf() would take any tag for any other. */
static bool read_sequence(BerElement *ber)
{
        ber_len_t n;

        return ber_skip_tag(ber, &n) == LBER_SEQUENCE;
}

static bool read_int(BerElement *ber, ber_int_t *ret_n)
{
        return ber_get_int(ber, ret_n) == LBER_INTEGER;
}

static bool read_cookie(BerElement *ber, struct berval *ret_cookie)
{
        return ber_get_stringbv(ber, ret_cookie, 0) == LBER_OCTETSTRING && ret_cookie->bv_len <= COOKIE_MAX;
}

static bool is_at_end(BerElement *ber)
{
        ber_len_t left = 0;

        return ber_get_option(ber, LBER_OPT_BER_REMAINING_BYTES, &left) == LBER_OPT_SUCCESS && left == 0;
}

/**
 * dirsync_answer_parse() - SEQUENCE { MoreResults INTEGER, unused INTEGER, CookieServer OCTET STRING }
 *
 * An empty cookie is invalid: stored, it would mean "from the beginning".
 *
 * Return: 0, CONTROL_E_INVALID.
 */
int dirsync_answer_parse(const struct berval *value, Arena *a, DirsyncAnswer *ret_answer)
{
        BerElement *ber = open_value(value);
        struct berval cookie = { 0 };
        ber_int_t more = 0, unused = 0;
        bool good;

        if (!ber)
                return CONTROL_E_INVALID;
        good = read_sequence(ber) && read_int(ber, &more) && read_int(ber, &unused) &&
               read_cookie(ber, &cookie) && is_at_end(ber) && cookie.bv_len > 0;
        if (good)
                *ret_answer = (DirsyncAnswer){
                        .more = more != 0,
                        .cookie = arena_memdup(a, cookie.bv_val, cookie.bv_len),
                        .n_cookie = cookie.bv_len,
                };
        ber_free(ber, 1);
        return good ? 0 : CONTROL_E_INVALID;
}

/**
 * paged_answer_parse() - SEQUENCE { size INTEGER, cookie OCTET STRING }
 *
 * Return: 0, CONTROL_E_INVALID.
 */
int paged_answer_parse(const struct berval *value, Arena *a, PagedAnswer *ret_answer)
{
        BerElement *ber = open_value(value);
        struct berval cookie = { 0 };
        ber_int_t size = 0;
        bool good;

        if (!ber)
                return CONTROL_E_INVALID;
        good = read_sequence(ber) && read_int(ber, &size) && read_cookie(ber, &cookie) && is_at_end(ber);
        if (good)
                *ret_answer = (PagedAnswer){
                        .cookie = cookie.bv_len ? arena_memdup(a, cookie.bv_val, cookie.bv_len) : NULL,
                        .n_cookie = cookie.bv_len,
                };
        ber_free(ber, 1);
        return good ? 0 : CONTROL_E_INVALID;
}

/* -- RFC 4533 -------------------------------------------------------------------------------------------- */

static ber_tag_t next_tag(BerElement *ber)
{
        ber_len_t n = 0;

        return is_at_end(ber) ? LBER_DEFAULT : ber_peek_tag(ber, &n);
}

static bool read_optional_cookie(BerElement *ber, Arena *a, const uint8_t **ret_cookie, size_t *ret_n)
{
        struct berval cookie = { 0 };

        *ret_cookie = NULL;
        *ret_n = 0;
        if (next_tag(ber) != LBER_OCTETSTRING)
                return true;
        if (!read_cookie(ber, &cookie))
                return false;
        if (cookie.bv_len)
                *ret_cookie = arena_memdup(a, cookie.bv_val, cookie.bv_len);
        *ret_n = cookie.bv_len;
        return true;
}

static bool read_optional_bool(BerElement *ber, bool *value)
{
        ber_int_t b = 0;

        if (next_tag(ber) != LBER_BOOLEAN)
                return true;
        if (ber_get_boolean(ber, &b) != LBER_BOOLEAN)
                return false;
        *value = b != 0;
        return true;
}

static bool read_uuid(BerElement *ber, uint8_t *uuid)
{
        struct berval v = { 0 };

        if (ber_get_stringbv(ber, &v, 0) != LBER_OCTETSTRING || v.bv_len != 16)
                return false;
        memcpy(uuid, v.bv_val, 16);
        return true;
}

/**
 * sync_state_parse() - SEQUENCE { state ENUMERATED, entryUUID OCTET STRING (16), cookie OPTIONAL }
 *
 * Return: 0, CONTROL_E_INVALID.
 */
int sync_state_parse(const struct berval *value, Arena *a, SyncState *ret_state)
{
        BerElement *ber = open_value(value);
        SyncState s = { 0 };
        ber_int_t kind = -1;
        bool good;

        if (!ber)
                return CONTROL_E_INVALID;
        good = read_sequence(ber) && ber_get_enum(ber, &kind) == LBER_ENUMERATED && kind >= SYNC_PRESENT &&
               kind <= SYNC_DELETE && read_uuid(ber, s.uuid) &&
               read_optional_cookie(ber, a, &s.cookie, &s.n_cookie) && is_at_end(ber);
        s.kind = (SyncStateKind)kind;
        if (good)
                *ret_state = s;
        ber_free(ber, 1);
        return good ? 0 : CONTROL_E_INVALID;
}

/**
 * sync_done_parse() - SEQUENCE { cookie OPTIONAL, refreshDeletes BOOLEAN DEFAULT FALSE }
 *
 * Return: 0, CONTROL_E_INVALID.
 */
int sync_done_parse(const struct berval *value, Arena *a, SyncDone *ret_done)
{
        BerElement *ber = open_value(value);
        SyncDone d = { 0 };
        bool good;

        if (!ber)
                return CONTROL_E_INVALID;
        good = read_sequence(ber) && read_optional_cookie(ber, a, &d.cookie, &d.n_cookie) &&
               read_optional_bool(ber, &d.refresh_deletes) && is_at_end(ber);
        if (good)
                *ret_done = d;
        ber_free(ber, 1);
        return good ? 0 : CONTROL_E_INVALID;
}

/* SET OF OCTET STRING (16). The number is known by the length: 18 bytes each. */
static bool read_id_set(BerElement *ber, Arena *a, SyncInfo *i)
{
        uint8_t(*uuids)[16];
        ber_len_t n = 0;

        if (ber_skip_tag(ber, &n) != LBER_SET || n % 18)
                return false;
        uuids = arena_alloc(a, n / 18 * 16 + 1);
        for (size_t k = 0; k < n / 18; k++)
                if (!read_uuid(ber, uuids[k]))
                        return false;
        i->uuids = (const uint8_t(*)[16])uuids;
        i->n_uuids = n / 18;
        return true;
}

static bool read_info(BerElement *ber, Arena *a, SyncInfo *i)
{
        struct berval cookie = { 0 };
        ber_len_t n = 0;
        ber_tag_t tag = ber_peek_tag(ber, &n);

        if (tag == 0x80) {
                i->kind = SYNC_NEW_COOKIE;
                if (ber_get_stringbv(ber, &cookie, 0) != 0x80 || cookie.bv_len > COOKIE_MAX)
                        return false;
                i->cookie = arena_memdup(a, cookie.bv_val, cookie.bv_len);
                i->n_cookie = cookie.bv_len;
                return true;
        }
        if ((tag != 0xa1 && tag != 0xa2 && tag != 0xa3) || ber_skip_tag(ber, &n) != tag)
                return false;
        i->kind = tag == 0xa1 ? SYNC_REFRESH_DELETE : tag == 0xa2 ? SYNC_REFRESH_PRESENT : SYNC_ID_SET;
        i->refresh_done = true;
        return read_optional_cookie(ber, a, &i->cookie, &i->n_cookie) &&
               read_optional_bool(ber, i->kind == SYNC_ID_SET ? &i->refresh_deletes : &i->refresh_done) &&
               (i->kind != SYNC_ID_SET || read_id_set(ber, a, i));
}

/**
 * sync_info_parse() - CHOICE { newcookie [0], refreshDelete [1], refreshPresent [2], syncIdSet [3] }
 *
 * Return: 0, CONTROL_E_INVALID.
 */
int sync_info_parse(const struct berval *value, Arena *a, SyncInfo *ret_info)
{
        BerElement *ber = open_value(value);
        SyncInfo i = { 0 };
        bool good;

        if (!ber)
                return CONTROL_E_INVALID;
        good = read_info(ber, a, &i) && is_at_end(ber);
        if (good)
                *ret_info = i;
        ber_free(ber, 1);
        return good ? 0 : CONTROL_E_INVALID;
}

/**
 * entry_change_parse() - SEQUENCE { changeType ENUMERATED, previousDN OPTIONAL, changeNumber OPTIONAL }
 *
 * Return: 0, CONTROL_E_INVALID.
 */
int entry_change_parse(const struct berval *value, bool *ret_deleted)
{
        BerElement *ber = open_value(value);
        ber_int_t kind = 0;
        bool good;

        if (!ber)
                return CONTROL_E_INVALID;
        good = read_sequence(ber) && ber_get_enum(ber, &kind) == LBER_ENUMERATED;
        if (good)
                *ret_deleted = kind == 2;
        ber_free(ber, 1);
        return good ? 0 : CONTROL_E_INVALID;
}

/* -- all ------------------------------------------------------------------------------------------------- */

/**
 * controls_find() - the value of a control in an answer
 *
 * Return: 0, CONTROL_E_ABSENT.
 */
int controls_find(LDAPControl *const *controls, const char *oid, const struct berval **ret_value)
{
        for (size_t i = 0; controls && controls[i]; i++)
                if (str_is(controls[i]->ldctl_oid, oid)) {
                        *ret_value = &controls[i]->ldctl_value;
                        return 0;
                }
        return CONTROL_E_ABSENT;
}

static uint64_t little_endian(const uint8_t *data, size_t n)
{
        uint64_t v = 0;

        for (size_t i = 0; i < n; i++)
                v |= (uint64_t)data[i] << (8 * i);
        return v;
}

/*
 *      offset  length
 *      0       4       "MSDS"
 *      4       4       version, 3
 *      8       8       time, FILETIME
 *      16      8       reserved
 *      24      4       length of the up-to-dateness vector that follows
 *      28      24      USN vector: highest object update, reserved, highest property update
 *      52      16      invocationId
 *      68              up-to-dateness vector
 */
bool dirsync_cookie_parse(const uint8_t *data, size_t n, DirsyncCookie *ret_cookie)
{
        DirsyncCookie c;

        if (n < 68 || memcmp(data, "MSDS", 4) != 0 || little_endian(data + 4, 4) != 3)
                return false;
        c.usn = little_endian(data + 28, 8);
        memcpy(c.invocation, data + 52, sizeof(c.invocation));
        *ret_cookie = c;
        return true;
}
