/* SPDX-License-Identifier: Apache-2.0 */

/* LDAP messages (RFC 4511) between a socket and the answers. */

#include "tests/fakead/fakead.h"

#include <event2/buffer.h>
#include <ldap.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX ((size_t)16 << 20)

/* -- out ------------------------------------------------------------------------------------------------- */

static void send_ber(Client *c, BerElement *ber)
{
        struct berval bytes;

        if (ber_flatten2(ber, &bytes, 0) == 0)
                wire_raw(c, bytes.bv_val, bytes.bv_len);
        ber_free(ber, 1);
}

void wire_raw(Client *c, const void *data, size_t n)
{
        if (c->bev)
                bufferevent_write(c->bev, data, n);
}

void wire_done(Client *c, int id, ber_tag_t op, int code, const char *text, const char *control,
               const void *value, size_t n)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);

        ber_printf(ber, "{it{ess}", id, op, code, "", text ? text : "");
        if (control)
                ber_printf(ber, "t{{so}}", (ber_tag_t)LDAP_TAG_CONTROLS, control, (const char *)value,
                           (ber_len_t)n);
        ber_printf(ber, "}");
        send_ber(c, ber);
}

/* Message id 0, the name of the notice behind the result (RFC 4511 4.4.1). */
void wire_notice(Client *c, const char *text)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);

        ber_printf(ber, "{it{essts}}", 0, (ber_tag_t)LDAP_RES_EXTENDED, LDAP_UNAVAILABLE, "", text,
                   (ber_tag_t)LDAP_TAG_EXOP_RES_OID, "1.3.6.1.4.1.1466.20036");
        send_ber(c, ber);
}

void wire_reference(Client *c, int id, const char *uri)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);

        ber_printf(ber, "{it{s}}", id, (ber_tag_t)LDAP_RES_SEARCH_REFERENCE, uri);
        send_ber(c, ber);
}

BerElement *wire_entry_begin(int id, const char *dn)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);

        ber_printf(ber, "{it{s{", id, (ber_tag_t)LDAP_RES_SEARCH_ENTRY, dn);
        return ber;
}

void wire_attribute(BerElement *ber, const char *name, char *const *values, const size_t *sizes, size_t n)
{
        ber_printf(ber, "{s[", name);
        for (size_t i = 0; i < n; i++)
                ber_printf(ber, "o", values[i], (ber_len_t)sizes[i]);
        ber_printf(ber, "]}");
}

void wire_value(BerElement *ber, const char *name, const void *data, size_t n)
{
        ber_printf(ber, "{s[o]}", name, (const char *)data, (ber_len_t)n);
}

void wire_entry_end(Client *c, BerElement *ber)
{
        ber_printf(ber, "}}}");
        send_ber(c, ber);
}

/* -- in -------------------------------------------------------------------------------------------------- */

static void read_control(Request *r, const char *oid, struct berval *value, int *ret_kind)
{
        BerElement *ber = value->bv_len ? ber_init(value) : NULL;
        struct berval cookie = { 0 };
        ber_int_t flags, size;

        if (strcmp(oid, "1.2.840.113556.1.4.528") == 0)
                *ret_kind = OP_NOTIFY;
        if (strcmp(oid, "1.2.840.113556.1.4.529") == 0)
                r->extended_dn = true;
        if (strcmp(oid, "1.2.840.113556.1.4.417") == 0)
                r->show_deleted = true;
        if (strcmp(oid, DIRSYNC) == 0 && ber && ber_scanf(ber, "{iio}", &flags, &size, &cookie) != LBER_ERROR)
                *ret_kind = OP_DIRSYNC;
        if (strcmp(oid, PAGED) == 0 && ber && ber_scanf(ber, "{io}", &size, &cookie) != LBER_ERROR) {
                *ret_kind = OP_SEARCH;
                r->page = size > 0 ? (size_t)size : 0;
        }
        if (cookie.bv_val) {
                r->cookie = (const uint8_t *)cookie.bv_val; /* freed with the request */
                r->n_cookie = cookie.bv_len;
        }
        if (ber)
                ber_free(ber, 1);
}

static void read_controls(Request *r, BerElement *ber, int *ret_kind)
{
        ber_len_t len;
        char *end;

        if (ber_peek_tag(ber, &len) != LDAP_TAG_CONTROLS)
                return;
        for (ber_tag_t t = ber_first_element(ber, &len, &end); t != LBER_DEFAULT;
             t = ber_next_element(ber, &len, end)) {
                struct berval value = { 0 };
                ber_int_t critical;
                char *oid = NULL;

                if (ber_scanf(ber, "{a", &oid) == LBER_ERROR)
                        return;
                if (ber_peek_tag(ber, &len) == LBER_BOOLEAN)
                        ber_scanf(ber, "b", &critical);
                if (ber_peek_tag(ber, &len) == LBER_OCTETSTRING)
                        ber_scanf(ber, "m", &value);
                ber_scanf(ber, "}");
                read_control(r, oid, &value, ret_kind);
                ber_memfree(oid);
        }
}

static void search(Client *c, int id, BerElement *ber)
{
        Request r = { .client = c, .id = id };
        ber_int_t scope, deref, size, time, types;
        char *base = NULL;
        int kind = -1;

        if (ber_scanf(ber, "{aeeiib", &base, &scope, &deref, &size, &time, &types) == LBER_ERROR)
                return;
        r.base = base;
        r.scope = scope;
        r.filter = filter_read(ber);
        if (r.filter && ber_scanf(ber, "{v}}", &r.attributes) != LBER_ERROR) {
                while (r.attributes && r.attributes[r.n_attributes])
                        r.n_attributes++;
                read_controls(&r, ber, &kind);
                r.kind = kind >= 0                  ? (OpKind)kind
                         : !*base && scope == 0     ? OP_ROOT
                         : scope == LDAP_SCOPE_BASE ? OP_READ
                                                    : OP_SEARCH;
                answer(&r);
        }
        filter_free(r.filter);
        ber_memvfree((void **)r.attributes);
        ber_memfree(base);
        ber_memfree((void *)(uintptr_t)r.cookie);
}

static void message(Client *c, struct berval *bytes)
{
        BerElement *ber = ber_init(bytes);
        ber_int_t id;
        ber_len_t len;
        ber_tag_t op;

        if (!ber)
                return;
        if (ber_scanf(ber, "{i", &id) == LBER_ERROR) {
                client_close(c);
                ber_free(ber, 1);
                return;
        }
        op = ber_peek_tag(ber, &len);
        if (op == LDAP_REQ_BIND) {
                c->face->n_requests[OP_BIND]++;
                if (!answer_fault(c, &c->face->faults[OP_BIND], id, LDAP_RES_BIND))
                        wire_done(c, id, LDAP_RES_BIND, 0, NULL, NULL, NULL, 0);
        } else if (op == LDAP_REQ_SEARCH) {
                search(c, id, ber);
        } else if (op == LDAP_REQ_UNBIND) {
                client_close(c);
        } else if (op == LDAP_REQ_ABANDON) {
                c->endless = 0;
        } else {
                wire_done(c, id, LDAP_RES_EXTENDED, LDAP_PROTOCOL_ERROR, "0000203D: LdapErr: DSID-0C090E17",
                          NULL, NULL, 0);
        }
        ber_free(ber, 1);
}

/* Length of the first message, 0: it is not all there yet, -1: it is none. */
static ssize_t whole(const uint8_t *p, size_t n)
{
        size_t len = 0, head = 2;

        if (n < 2)
                return 0;
        if (p[0] != 0x30)
                return -1;
        len = p[1];
        if (len & 0x80) {
                size_t bytes = len & 0x7f;

                if (bytes > 4)
                        return -1;
                if (n < 2 + bytes)
                        return 0;
                len = 0;
                for (size_t i = 0; i < bytes; i++)
                        len = len << 8 | p[2 + i];
                head += bytes;
        }
        if (len > MESSAGE_MAX)
                return -1;
        return n >= head + len ? (ssize_t)(head + len) : 0;
}

void wire_read(struct bufferevent *bev, void *context)
{
        Client *c = context;
        struct evbuffer *in = bufferevent_get_input(bev);

        while (c->bev && evbuffer_get_length(in)) {
                size_t n = evbuffer_get_length(in);
                ssize_t len = whole(evbuffer_pullup(in, -1), n);
                struct berval bytes;

                if (len == 0)
                        return;
                if (len < 0) {
                        client_close(c);
                        return;
                }
                bytes = (struct berval){ .bv_len = (ber_len_t)len, .bv_val = malloc((size_t)len) };
                if (!bytes.bv_val)
                        abort();
                evbuffer_remove(in, bytes.bv_val, (size_t)len);
                message(c, &bytes);
                free(bytes.bv_val);
        }
}
