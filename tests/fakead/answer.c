/* SPDX-License-Identifier: Apache-2.0 */

/* What the directory says, and how it fails. */

#include "tests/fakead/fakead.h"

#include <event2/buffer.h>
#include <ldap.h>
#include <stdlib.h>
#include <string.h>

#define DIRSYNC "1.2.840.113556.1.4.841"
#define PAGED   "1.2.840.113556.1.4.319"

static void done(Request *r, int code, const char *text)
{
        wire_done(r->client, r->id, LDAP_RES_SEARCH_RESULT, code, text, NULL, NULL, 0);
}

/* -- entries --------------------------------------------------------------------------------------------- */

/* "member;range=5-9" → "member", 5, 9 (last may be SIZE_MAX for *). */
static bool asks_for(const char *asked, const char *name, size_t *ret_first, size_t *ret_last)
{
        size_t n = strlen(name);
        const char *range;

        if (strncasecmp(asked, name, n) != 0 || (asked[n] && asked[n] != ';'))
                return false;
        *ret_first = 0;
        *ret_last = SIZE_MAX;
        range = strstr(asked, ";range=");
        if (range) {
                char *end;

                *ret_first = strtoul(range + 7, &end, 10);
                if (*end == '-' && end[1] != '*')
                        *ret_last = strtoul(end + 1, NULL, 10);
        }
        return true;
}

static void put_values(const Request *r, BerElement *ber, const char *name, const Attribute *a, size_t first,
                       size_t last)
{
        size_t n = last >= a->n ? a->n : last + 1;
        char **values;
        size_t *sizes;

        if (first >= n) {
                wire_attribute(ber, name, NULL, NULL, 0);
                return;
        }
        if (!a->is_link) {
                wire_attribute(ber, name, a->values + first, a->sizes + first, n - first);
                return;
        }
        values = calloc(n - first, sizeof(*values));
        sizes = calloc(n - first, sizeof(*sizes));
        if (!values || !sizes)
                abort();
        for (size_t i = first; i < n; i++) {
                const Thing *t =
                        a->n > 5000 ? NULL : store_find(r->client->face, (const uint8_t *)a->values[i]);
                char guid[37], *text;
                int len;

                guid_text((const uint8_t *)a->values[i], guid);
                len = t ? asprintf(&text, r->extended_dn ? "<GUID=%s>;%s" : "%s%s",
                                   r->extended_dn ? guid : "", t->dn)
                        : asprintf(&text, "<GUID=%s>;CN=%s,OU=Corp," BASE_DN, guid, guid);
                if (len < 0)
                        abort();
                values[i - first] = text;
                sizes[i - first] = (size_t)len;
        }
        wire_attribute(ber, name, values, sizes, n - first);
        for (size_t i = 0; i < n - first; i++)
                free(values[i]);
        free(values);
        free(sizes);
}

/* More than fits: the attribute comes empty, and beside it the range that was cut (MS-ADTS 3.1.1.3.1.3.3). */
static void put_attribute(const Request *r, BerElement *ber, const Attribute *a, const char *asked,
                          size_t first, size_t last)
{
        size_t limit = r->client->face->range;
        bool cut = limit && a->n > limit, part = asked && strstr(asked, ";range=");
        char name[200];

        if (!cut && !part) {
                put_values(r, ber, a->name, a, 0, SIZE_MAX);
                return;
        }
        if (limit && (last == SIZE_MAX || last - first >= limit))
                last = first + limit - 1;
        if (!part)
                wire_attribute(ber, a->name, NULL, NULL, 0);
        if (last + 1 >= a->n)
                snprintf(name, sizeof(name), "%s;range=%zu-*", a->name, first);
        else
                snprintf(name, sizeof(name), "%s;range=%zu-%zu", a->name, first, last);
        put_values(r, ber, name, a, first, last);
}

static bool is_asked(const Request *r, const char *name)
{
        size_t first, last;

        for (size_t i = 0; i < r->n_attributes; i++)
                if (asks_for(r->attributes[i], name, &first, &last) || strcmp(r->attributes[i], "*") == 0)
                        return true;
        return r->n_attributes == 0;
}

static void put_number(BerElement *ber, const char *name, uint64_t number)
{
        char text[32];

        snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
        wire_value(ber, name, text, strlen(text));
}

/* The number of an attribute (msDS-IntId in schema()); userAccountControl has the one that all forests know.
 */
static uint32_t number_of(const char *name)
{
        uint32_t hash = 0;

        if (strcasecmp(name, "userAccountControl") == 0)
                return 0x90008;
        for (; *name; name++)
                hash = hash * 31 + (uint8_t)(*name | 0x20);
        return 0x80000000 | (hash & 0x3fffffff);
}

static void put_little(uint8_t *p, uint64_t v, size_t n)
{
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)(v >> (8 * i));
}

/* MS-DRSR 5.163 */
static void put_stamps(BerElement *ber, const Thing *t)
{
        size_t n = 16 + 48 * t->n_attributes;
        uint8_t *blob = calloc(1, n);

        if (!blob)
                abort();
        put_little(blob, 1, 4);
        put_little(blob + 8, t->n_attributes, 4);
        for (size_t i = 0; i < t->n_attributes; i++) {
                const Attribute *a = &t->attributes[i];
                uint8_t *e = blob + 16 + 48 * i;

                put_little(e, number_of(a->name), 4);
                put_little(e + 4, a->version, 4);
                put_little(e + 8, a->time, 8);
                memcpy(e + 16, a->origin, 16);
                put_little(e + 40, a->usn, 8);
        }
        wire_value(ber, "replPropertyMetaData", blob, n);
        free(blob);
}

/* `since`: only attributes that changed after this. */
static void put_entry(const Request *r, const Thing *t, uint64_t since)
{
        BerElement *ber = wire_entry_begin(r->id, "");
        char guid[37], *dn = NULL;

        ber_free(ber, 1);
        guid_text(t->guid, guid);
        if (asprintf(&dn, r->extended_dn ? "<GUID=%s>;%s" : "%s%s", r->extended_dn ? guid : "", t->dn) < 0)
                abort();
        ber = wire_entry_begin(r->id, dn);
        wire_value(ber, "objectGUID", t->guid, 16);
        if (is_asked(r, "uSNChanged"))
                put_number(ber, "uSNChanged", t->usn);
        if (is_asked(r, "whenChanged"))
                wire_value(ber, "whenChanged", "20260101000000.0Z", 17);
        for (size_t i = 0; i < r->n_attributes; i++)
                if (strcasecmp(r->attributes[i], "replPropertyMetaData") == 0)
                        put_stamps(ber, t);
        if (t->deleted)
                wire_value(ber, "isDeleted", "TRUE", 4);
        for (size_t i = 0; i < t->n_attributes; i++) {
                const Attribute *a = &t->attributes[i];
                size_t first = 0, last = SIZE_MAX;
                const char *asked = NULL;

                for (size_t k = 0; k < r->n_attributes && !asked; k++)
                        if (asks_for(r->attributes[k], a->name, &first, &last))
                                asked = r->attributes[k];
                if ((asked || is_asked(r, a->name)) && a->usn > since && a->n)
                        put_attribute(r, ber, a, asked, first, last);
        }
        wire_entry_end(r->client, ber);
        free(dn);
}

/* -- the server about itself ----------------------------------------------------------------------------- */

#define SERVER "CN=%c,CN=Servers,CN=Site,CN=Sites,CN=Configuration," BASE_DN
#define NTDS   "CN=NTDS Settings," SERVER

static void put_text(BerElement *ber, const char *name, const char *text)
{
        wire_value(ber, name, text, strlen(text));
}

static void put_texts(BerElement *ber, const char *name, const char *const *texts, size_t n)
{
        ber_printf(ber, "{s[", name);
        for (size_t i = 0; i < n; i++)
                ber_printf(ber, "s", texts[i]);
        ber_printf(ber, "]}");
}

static void root_dse(Request *r)
{
        static const char *const contexts[] = { BASE_DN, "CN=Configuration," BASE_DN };
        static const char *const capabilities[] = { "1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1920" };
        static const char *const controls[] = { DIRSYNC, "1.2.840.113556.1.4.528", "1.2.840.113556.1.4.529",
                                                "1.2.840.113556.1.4.417", PAGED };
        const Face *f = r->client->face;
        BerElement *ber = wire_entry_begin(r->id, "");
        char ntds[200];

        snprintf(ntds, sizeof(ntds), NTDS, f->name);
        put_text(ber, "configurationNamingContext", contexts[1]);
        put_text(ber, "defaultNamingContext", BASE_DN);
        put_text(ber, "rootDomainNamingContext", BASE_DN);
        put_text(ber, "dnsHostName", f->host);
        put_text(ber, "dsServiceName", ntds);
        put_number(ber, "highestCommittedUSN", f->usn);
        put_texts(ber, "namingContexts", contexts, 2);
        put_texts(ber, "supportedCapabilities", capabilities, f->read_only ? 2 : 1);
        put_texts(ber, "supportedControl", controls, 5);
        wire_entry_end(r->client, ber);
        done(r, 0, NULL);
}

static void cross_ref(Request *r)
{
        BerElement *ber = wire_entry_begin(r->id, "CN=FAKE,CN=Partitions,CN=Configuration," BASE_DN);

        put_text(ber, "dnsRoot", "fake.test");
        put_text(ber, "nETBIOSName", "FAKE");
        wire_entry_end(r->client, ber);
        done(r, 0, NULL);
}

static void ntds_settings(Request *r)
{
        BerElement *ber = wire_entry_begin(r->id, r->base);

        wire_value(ber, "invocationId", r->client->face->id, 16);
        wire_entry_end(r->client, ber);
        done(r, 0, NULL);
}

/* The list of controllers: each with its settings object, as a master of the domain (MS-ADTS
 * 6.1.1.2.2.1.2.1.1). */
static void controllers(Request *r)
{
        for (int i = 0; i < FACES_MAX; i++) {
                const Face *f = faces[i];
                BerElement *ber;
                char dn[200];

                if (!*f->listed)
                        continue;
                snprintf(dn, sizeof(dn), NTDS, f->name);
                ber = wire_entry_begin(r->id, dn);
                wire_value(ber, "invocationId", f->id, sizeof(f->id));
                put_text(ber, "msDS-hasMasterNCs", BASE_DN);
                wire_entry_end(r->client, ber);
        }
        done(r, 0, NULL);
}

/* The server object above the settings: "CN=a,CN=Servers,...". */
static void server(Request *r)
{
        BerElement *ber = wire_entry_begin(r->id, r->base);

        for (int i = 0; i < FACES_MAX; i++)
                if (faces[i]->name == (r->base[3] | 0x20))
                        put_text(ber, "dNSHostName", faces[i]->listed);
        wire_entry_end(r->client, ber);
        done(r, 0, NULL);
}

/* The numbers of attributes: one by its OID, the others by msDS-IntId. */
static void schema(Request *r)
{
        static const char *const names[] = { "userAccountControl", "title", "displayName", "accountExpires",
                                             "pwdLastSet" };

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
                BerElement *ber;
                char text[32], dn[128];

                if (!filter_holds_name(r->filter, "lDAPDisplayName", names[i]))
                        continue;
                snprintf(dn, sizeof(dn), "CN=%s,CN=Schema,CN=Configuration," BASE_DN, names[i]);
                ber = wire_entry_begin(r->id, dn);
                put_text(ber, "lDAPDisplayName", names[i]);
                if (i == 0) {
                        put_text(ber, "attributeID", "1.2.840.113556.1.4.8");
                } else {
                        put_text(ber, "attributeID", "1.2.3.4.5");
                        snprintf(text, sizeof(text), "%d", (int)number_of(names[i]));
                        put_text(ber, "msDS-IntId", text);
                }
                wire_entry_end(r->client, ber);
        }
        done(r, 0, NULL);
}

/* -- searches -------------------------------------------------------------------------------------------- */

/* Somebody changes the object while it is read in ranges. */
static void churn(const Request *r, Face *f, Thing *t)
{
        size_t first, last;

        for (size_t i = 0; i < r->n_attributes; i++)
                for (size_t k = 0; k < t->n_attributes; k++)
                        if (strstr(r->attributes[i], ";range=") && t->attributes[k].n &&
                            asks_for(r->attributes[i], t->attributes[k].name, &first, &last) &&
                            --f->churn == 0) {
                                free(t->attributes[k].values[--t->attributes[k].n]);
                                t->attributes[k].usn = t->usn = ++f->usn;
                                return;
                        }
}

static void read_one(Request *r)
{
        Face *f = r->client->face;
        Thing *t = NULL;
        uint8_t guid[16];

        if (strncasecmp(r->base, "<GUID=", 6) == 0 && guid_read(r->base + 6, guid)) {
                t = store_find(f, guid);
                f->n_objects++;
        } else {
                t = store_find_dn(f, r->base);
        }
        if (!t || (t->deleted && !r->show_deleted)) {
                done(r, LDAP_NO_SUCH_OBJECT,
                     "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT), data 0");
                return;
        }
        if (f->churn)
                churn(r, f, t);
        if (filter_holds(r->filter, t))
                put_entry(r, t, 0);
        done(r, 0, NULL);
}

static size_t select_things(const Request *r, uint64_t since, Thing ***ret_list)
{
        const Face *f = r->client->face;
        Thing **list = calloc(f->n_things + 1, sizeof(*list));
        size_t n = 0;

        if (!list)
                abort();
        for (size_t i = 0; i < f->n_things; i++) {
                Thing *t = f->things[i];

                if (t->usn > since && (!t->deleted || r->show_deleted) && filter_holds(r->filter, t))
                        list[n++] = t;
        }
        sort_by_usn(list, n);
        *ret_list = list;
        return n;
}

/* A cookie: where it is, and who gave it. */
typedef struct Cookie {
        char magic[4];
        uint8_t server[16];
        uint64_t usn;
} Cookie;

static bool read_cookie(const Request *r, Cookie *ret_cookie)
{
        *ret_cookie = (Cookie){ .magic = "MSDS" };
        if (r->n_cookie == 0)
                return true;
        if (r->n_cookie != sizeof(*ret_cookie))
                return false;
        memcpy(ret_cookie, r->cookie, sizeof(*ret_cookie));
        return memcmp(ret_cookie->magic, "MSDS", 4) == 0;
}

static void end_with_cookie(Request *r, bool dirsync, bool more, const void *cookie, size_t n)
{
        BerElement *ber = ber_alloc_t(LBER_USE_DER);
        struct berval value;

        if (dirsync)
                ber_printf(ber, "{iio}", (ber_int_t)more, (ber_int_t)0, (const char *)cookie, (ber_len_t)n);
        else
                ber_printf(ber, "{io}", (ber_int_t)0, (const char *)cookie, (ber_len_t)n);
        ber_flatten2(ber, &value, 0);
        wire_done(r->client, r->id, LDAP_RES_SEARCH_RESULT, 0, NULL, dirsync ? DIRSYNC : PAGED, value.bv_val,
                  value.bv_len);
        ber_free(ber, 1);
}

/* A cookie of another controller: its USNs say nothing here, so everything comes again. */
static void dirsync(Request *r)
{
        const Face *f = r->client->face;
        Thing **list;
        Cookie cookie;
        uint64_t since;
        size_t n, sent;

        if (!read_cookie(r, &cookie)) {
                done(r, LDAP_PROTOCOL_ERROR,
                     "0000203D: LdapErr: DSID-0C0904DA, comment: Error processing control, data 0");
                return;
        }
        since = memcmp(cookie.server, f->id, 16) == 0 ? cookie.usn : 0;
        n = select_things(r, since, &list);
        sent = f->page && n > f->page ? f->page : n;
        for (size_t i = 0; i < sent; i++)
                put_entry(r, list[i], since);
        memcpy(cookie.server, f->id, 16);
        cookie.usn = sent < n ? list[sent - 1]->usn : f->usn;
        free(list);
        end_with_cookie(r, true, sent < n, &cookie, sizeof(cookie));
}

static void paged(Request *r)
{
        Thing **list;
        uint64_t after = 0;
        size_t n, sent;

        if (r->n_cookie == sizeof(after))
                memcpy(&after, r->cookie, sizeof(after));
        n = select_things(r, after, &list);
        sent = r->page && n > r->page ? r->page : n;
        for (size_t i = 0; i < sent; i++)
                put_entry(r, list[i], 0);
        if (sent < n)
                after = list[sent - 1]->usn;
        free(list);
        if (r->page)
                end_with_cookie(r, false, false, &after, sent < n ? sizeof(after) : 0);
        else
                done(r, 0, NULL);
}

static void notify(Request *r)
{
        Client *c = r->client;

        if (c->n_notify == NOTIFY_MAX) {
                done(r, LDAP_ADMINLIMIT_EXCEEDED,
                     "00002024: SvcErr: DSID-0204096E, problem 5008 (ADMIN_LIMIT_EXCEEDED)");
                return;
        }
        c->notify[c->n_notify++] = r->id;
}

void answer_notify(Face *f, const Thing *t)
{
        for (Client *c = clients; c; c = c->next)
                for (size_t i = 0; c->bev && c->face == f && i < c->n_notify; i++) {
                        Request r = { .client = c, .id = c->notify[i] };

                        put_entry(&r, t, UINT64_MAX);
                }
}

/* -- faults ---------------------------------------------------------------------------------------------- */

static void flood(struct bufferevent *bev, void *context)
{
        Client *c = context;

        for (int i = 0; c->endless && i < 100; i++) {
                BerElement *ber = wire_entry_begin(c->endless, "CN=again,OU=Corp," BASE_DN);

                wire_value(ber, "objectGUID", c->face->id, 16);
                wire_entry_end(c, ber);
        }
}

/* True: it has been answered, in its way. */
bool answer_fault(Client *c, Fault *fault, int id, ber_tag_t op)
{
        static const uint8_t oversized[] = { 0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, 0x01 };
        static const uint8_t garbage[] = { 0xff, 0x00, 0xde, 0xad, 0xbe, 0xef,
                                           0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
        const uint8_t half[] = { 0x30, 0x20, 0x02, 0x01, (uint8_t)id, 0x64, 0x1b };
        const uint8_t nested[] = { 0x30, 0x10, 0x02, 0x01, (uint8_t)id, 0x64, 0x7f, 0x04, 0x7e,
                                   'x',  0x30, 0x7f, 0x30, 0x7f,        0x31, 0x7f, 0x04, 0x7f };

        if (fault->left == 0)
                return false;
        if (fault->after) {
                fault->after--;
                return false;
        }
        fault->left -= fault->left > 0;
        switch (fault->kind) {
        case FAULT_CODE:
                wire_done(c, id, op, fault->code, fault->text, NULL, NULL, 0);
                break;
        case FAULT_CLOSE:
                client_close(c);
                break;
        case FAULT_NOTICE:
                wire_notice(c, fault->text);
                bufferevent_flush(c->bev, EV_WRITE, BEV_FINISHED);
                break;
        case FAULT_REFERRAL:
                wire_reference(c, id, "ldap://elsewhere.test/DC=elsewhere,DC=test");
                wire_done(c, id, op, LDAP_REFERRAL, "0000202B: RefErr: DSID-03100781, data 0", NULL, NULL, 0);
                break;
        case FAULT_OVERSIZED:
                wire_raw(c, oversized, sizeof(oversized));
                break;
        case FAULT_TRUNCATED:
                wire_raw(c, half, sizeof(half));
                bufferevent_disable(c->bev, EV_READ);
                bufferevent_setcb(c->bev, NULL, NULL, NULL, c);
                shutdown(bufferevent_getfd(c->bev), SHUT_RD);
                c->endless = 0;
                evbuffer_write(bufferevent_get_output(c->bev), bufferevent_getfd(c->bev));
                client_close(c);
                break;
        case FAULT_WRONG_ID:
                wire_done(c, id + 1000, op, 0, NULL, NULL, NULL, 0);
                break;
        case FAULT_ENDLESS:
                c->endless = id;
                bufferevent_setcb(c->bev, wire_read, flood, NULL, c);
                flood(c->bev, c);
                break;
        case FAULT_GARBAGE:
                wire_raw(c, garbage, sizeof(garbage));
                break;
        case FAULT_NESTED:
                wire_raw(c, nested, sizeof(nested));
                break;
        case FAULT_COOKIE:
                wire_done(c, id, op, 0, NULL, DIRSYNC, "\x30\x7f\x02\x01\x01", 5);
                break;
        default:
                break; /* silence */
        }
        return true;
}

void answer(Request *r)
{
        Face *f = r->client->face;

        f->n_requests[r->kind]++;
        if (answer_fault(r->client, &f->faults[r->kind], r->id, LDAP_RES_SEARCH_RESULT))
                return;
        if (r->kind == OP_ROOT)
                root_dse(r);
        else if (strncasecmp(r->base, "CN=NTDS Settings,", 17) == 0)
                ntds_settings(r);
        else if (strncasecmp(r->base, "CN=Sites,", 9) == 0)
                controllers(r);
        else if (strncasecmp(r->base + strcspn(r->base, ","), ",CN=Servers,", 12) == 0)
                server(r);
        else if (strncasecmp(r->base, "CN=Partitions,", 14) == 0)
                cross_ref(r);
        else if (strncasecmp(r->base, "CN=Schema,", 10) == 0)
                schema(r);
        else if (r->kind == OP_DIRSYNC)
                dirsync(r);
        else if (r->kind == OP_NOTIFY)
                notify(r);
        else if (r->kind == OP_READ)
                read_one(r);
        else
                paged(r);
}
