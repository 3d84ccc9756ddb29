/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <openldap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listener/fake-ldap.h"

#define NOTICE_OF_DISCONNECTION "1.3.6.1.4.1.1466.20036"

void fake_init(FakeLdap *f)
{
        int pair[2], version = LDAP_VERSION3, r;
        ber_len_t max = PDU_MAX;
        Sockbuf *sb = NULL;

        memset(f, 0, sizeof(*f));
        f->config = (LdapConfig){
                .name = "fake",
                .base = "DC=test",
                .connect_timeout_us = 1000000,
                .request_timeout_us = 1000000,
                .keepalive_us = 30000000,
        };
        r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
        assert(r == 0);
        f->fd = pair[1];
        f->conn = calloc(1, sizeof(*f->conn));
        assert(f->conn);
        r = ldap_init_fd(pair[0], LDAP_PROTO_TCP, "ldap://fake.test", &f->conn->ld);
        assert(r == LDAP_SUCCESS);
        ldap_set_option(f->conn->ld, LDAP_OPT_PROTOCOL_VERSION, &version);
        ldap_set_option(f->conn->ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
        ldap_get_option(f->conn->ld, LDAP_OPT_SOCKBUF, &sb);
        ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &max);
        f->conn->config = &f->config;
        f->conn->fd = pair[0];
        f->conn->uri = (LdapUri){ .text = "ldap://fake.test", .host = "fake.test" };
        f->conn->arena = arena_new(0);
        f->conn->dse.vendor = VENDOR_WINDOWS;
        f->conn->dse.dns_host_name = "fake.test";
        f->conn->server_id = (ObjectId){ { 0xdc } };
}

void fake_deinit(FakeLdap *f)
{
        conn_free(f->conn);
        if (f->fd >= 0)
                close(f->fd);
}

void fake_bytes(FakeLdap *f, const void *data, size_t n)
{
        const char *at = data;

        while (n) {
                ssize_t k = send(f->fd, at, n, MSG_NOSIGNAL);

                assert(k > 0);
                at += k;
                n -= (size_t)k;
        }
}

static void flush(FakeLdap *f, BerElement *ber)
{
        struct berval value = { 0 };
        int r = ber_flatten2(ber, &value, 0);

        assert(r == 0);
        fake_bytes(f, value.bv_val, value.bv_len);
        ber_free(ber, 1);
}

void fake_entry(FakeLdap *f, int id, const char *dn, const FakeAttribute *attributes, size_t n)
{
        fake_entry_with(f, id, dn, attributes, n, NULL, NULL, 0);
}

void fake_entry_with(FakeLdap *f, int id, const char *dn, const FakeAttribute *attributes, size_t n,
                     const char *control, const void *value, size_t n_value)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);

        ber_printf(ber, "{it{s{", id, (ber_tag_t)LDAP_RES_SEARCH_ENTRY, dn);
        for (size_t i = 0; i < n; i++) {
                ber_printf(ber, "{s[", attributes[i].name);
                for (size_t k = 0; k < attributes[i].n_values; k++)
                        ber_printf(ber, "o", attributes[i].values[k].data,
                                   (ber_len_t)attributes[i].values[k].n);
                ber_printf(ber, "N]N}");
        }
        ber_printf(ber, "N}N}");
        if (control)
                ber_printf(ber, "t{{so}}", (ber_tag_t)LDAP_TAG_CONTROLS, control, value, (ber_len_t)n_value);
        ber_printf(ber, "N}");
        flush(f, ber);
}

void fake_intermediate(FakeLdap *f, int id, const char *oid, const void *value, size_t n)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);

        ber_printf(ber, "{it{tsto}}", id, (ber_tag_t)LDAP_RES_INTERMEDIATE, (ber_tag_t)LDAP_TAG_IM_RES_OID,
                   oid, (ber_tag_t)LDAP_TAG_IM_RES_VALUE, value, (ber_len_t)n);
        flush(f, ber);
}

void fake_reference(FakeLdap *f, int id, const char *uri)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);

        ber_printf(ber, "{it{s}}", id, (ber_tag_t)LDAP_RES_SEARCH_REFERENCE, uri);
        flush(f, ber);
}

void fake_done(FakeLdap *f, int id, int code, const char *says, const char *control, const void *value,
               size_t n)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);

        ber_printf(ber, "{it{ess}", id, (ber_tag_t)LDAP_RES_SEARCH_RESULT, code, "", says ? says : "");
        if (control)
                ber_printf(ber, "t{{so}}", (ber_tag_t)LDAP_TAG_CONTROLS, control, value, (ber_len_t)n);
        ber_printf(ber, "N}");
        flush(f, ber);
}

void fake_notice(FakeLdap *f, int code, const char *says)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);

        ber_printf(ber, "{it{essts}}", 0, (ber_tag_t)LDAP_RES_EXTENDED, code, "", says,
                   (ber_tag_t)LDAP_TAG_EXOP_RES_OID, NOTICE_OF_DISCONNECTION);
        flush(f, ber);
}

size_t fake_request(FakeLdap *f, uint8_t *data, size_t size)
{
        size_t n = 0, whole = 2;

        /* One message: tag, length in one or more bytes, contents. */
        while (n < whole) {
                ssize_t k = recv(f->fd, data + n, whole - n, 0);

                assert(k > 0);
                n += (size_t)k;
                if (n == 2 && data[1] & 0x80)
                        whole = 2 + (data[1] & 0x7f);
                else if (n == 2)
                        whole = 2 + data[1];
                else if (data[1] & 0x80 && n == 2 + (size_t)(data[1] & 0x7f) && whole == n) {
                        size_t length = 0;

                        for (size_t i = 2; i < n; i++)
                                length = length << 8 | data[i];
                        whole = n + length;
                }
                assert(whole <= size);
        }
        return n;
}
