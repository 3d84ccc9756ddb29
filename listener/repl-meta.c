/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "listener/ldap-entry.h"
#include "listener/repl-meta.h"
#include "listener/source-ldap-private.h"

/* Header: version, reserved, count, reserved; each element: ATTRTYP, version, time, DSA, originating and
 * local USN. */
#define HEADER_SIZE  16
#define ELEMENT_SIZE 48

/* MS-DRSR 5.16.4, the prefixes of NewPrefixTable, without the trailing dot. */
static const struct {
        const char *oid;
        uint32_t number;
} prefixes[] = {
        { "2.5.4", 0 },
        { "2.5.6", 1 },
        { "1.2.840.113556.1.2", 2 },
        { "1.2.840.113556.1.3", 3 },
        { "2.16.840.1.101.2.2.1", 4 },
        { "2.16.840.1.101.2.2.3", 5 },
        { "2.16.840.1.101.2.1.5", 6 },
        { "2.16.840.1.101.2.1.4", 7 },
        { "2.5.5", 8 },
        { "1.2.840.113556.1.4", 9 },
        { "1.2.840.113556.1.5", 10 },
        { "1.2.840.113556.1.4.260", 11 },
        { "1.2.840.113556.1.5.56", 12 },
        { "1.2.840.113556.1.4.262", 13 },
        { "1.2.840.113556.1.5.57", 14 },
        { "1.2.840.113556.1.4.263", 15 },
        { "1.2.840.113556.1.5.58", 16 },
        { "1.2.840.113556.1.5.73", 17 },
        { "1.2.840.113556.1.4.305", 18 },
        { "0.9.2342.19200300.100", 19 },
        { "2.16.840.1.113730.3", 20 },
        { "0.9.2342.19200300.100.1", 21 },
        { "2.16.840.1.113730.3.1", 22 },
        { "1.2.840.113556.1.5.7000", 23 },
        { "2.5.21", 24 },
        { "2.5.18", 25 },
        { "2.5.20", 26 },
        { "1.3.6.1.4.1.1466.101.119", 27 },
        { "2.16.840.1.113730.3.2", 28 },
        { "1.3.6.1.4.1.250.1", 29 },
        { "1.2.840.113549.1.9", 30 },
        { "0.9.2342.19200300.100.4", 31 },
};

bool repl_number(const char *oid, uint32_t *ret_number)
{
        const char *last = strrchr(oid, '.');
        unsigned long arc = last ? strtoul(last + 1, NULL, 10) : 0;

        if (!last || arc > 0xffff)
                return false;
        for (size_t i = 0; i < N_ELEMENTS(prefixes); i++) {
                size_t n = strlen(prefixes[i].oid);

                if ((size_t)(last - oid) != n || memcmp(prefixes[i].oid, oid, n) != 0)
                        continue;
                /* The last arc as BER has it: from 16384 on, its highest bits are part of the prefix. */
                if (arc >= 16384)
                        return false;
                *ret_number = prefixes[i].number << 16 | (uint32_t)arc;
                return true;
        }
        return false;
}

/* -- names ----------------------------------------------------------------------------------------------- */

typedef struct Reading {
        Conn *conn;
        Arena *arena;
        const char *const *asked;
        size_t n_asked;
        ReplName *items;
        size_t n;
} Reading;

static int take_name(void *context, LDAPMessage *m)
{
        Reading *r = context;
        LDAP *ld = r->conn->ld;
        const char *name = entry_text(ld, m, "lDAPDisplayName", r->arena);
        const char *id = entry_text(ld, m, "msDS-IntId", r->arena);
        const char *oid = entry_text(ld, m, "attributeID", r->arena);
        uint32_t number = id ? (uint32_t)strtol(id, NULL, 10) : 0;

        if (!name || (!number && (!oid || !repl_number(oid, &number))))
                return 0;
        for (size_t i = 0; i < r->n_asked; i++)
                if (str_is_nocase(r->asked[i], name) && r->n < r->n_asked)
                        r->items[r->n++] = (ReplName){ .attribute = r->asked[i], .number = number };
        return 0;
}

int repl_names_read(Conn *c, const char *const *names, size_t n_names, Arena *a, ReplNames *ret_names,
                    Diag *diag)
{
        static const char *const attributes[] = { "lDAPDisplayName", "attributeID", "msDS-IntId" };
        _cleanup_(str_deinit) Str filter = { 0 };
        Reading reading = {
                .conn = c,
                .arena = a,
                .asked = names,
                .n_asked = n_names,
                .items = arena_new_array(a, ReplName, n_names + 1),
        };
        ConnSearch search = {
                .base = arena_printf(a, "CN=Schema,%s", c->dse.config_context ? c->dse.config_context : ""),
                .scope = LDAP_SCOPE_ONELEVEL,
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
        };
        int r;

        str_init(&filter, 1 << 20);
        str_add(&filter, "(|");
        for (size_t i = 0; i < n_names; i++)
                str_printf(&filter, "(lDAPDisplayName=%s)", filter_escape(a, names[i]));
        str_add(&filter, ")");
        search.filter = filter.data;
        r = conn_search(c, &search, c->config->request_timeout_us, "read the numbers of attributes",
                        take_name, &reading, NULL, diag);
        if (r)
                return r;
        *ret_names = (ReplNames){ .items = reading.items, .n = reading.n };
        return 0;
}

/* -- the blob -------------------------------------------------------------------------------------------- */

static uint64_t little(const uint8_t *p, size_t n)
{
        uint64_t v = 0;

        while (n > 0)
                v = v << 8 | p[--n];
        return v;
}

size_t repl_meta_parse(Value blob, const ReplNames *names, Arena *a, const NamedStamp **ret_stamps)
{
        const uint8_t *data = blob.type == VALUE_BYTES ? blob.bytes : NULL;
        NamedStamp *stamps = arena_new_array(a, NamedStamp, names->n + 1);
        size_t count, n = 0;

        *ret_stamps = stamps;
        if (!data || blob.n < HEADER_SIZE || little(data, 4) != 1)
                return 0;
        count = little(data + 8, 4);
        if (count > (blob.n - HEADER_SIZE) / ELEMENT_SIZE)
                return 0;
        for (size_t i = 0; i < count; i++) {
                const uint8_t *e = data + HEADER_SIZE + i * ELEMENT_SIZE;
                uint32_t number = (uint32_t)little(e, 4);

                for (size_t k = 0; k < names->n && n < names->n; k++) {
                        NamedStamp *s = &stamps[n];

                        if (names->items[k].number != number)
                                continue;
                        s->attribute = names->items[k].attribute;
                        s->stamp.version = (uint32_t)little(e + 4, 4);
                        s->stamp.time = (int64_t)little(e + 8, 8);
                        memcpy(s->stamp.origin.bytes, e + 16, sizeof(s->stamp.origin.bytes));
                        n++;
                }
        }
        return n;
}
