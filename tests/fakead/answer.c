/* SPDX-License-Identifier: Apache-2.0 */

/* What the directory says: searches, DirSync, notifications. */

#include "tests/fakead/fakead.h"

#include <ldap.h>
#include <stdlib.h>
#include <string.h>

void answer_done(Request *r, int code, const char *text)
{
        wire_done(r->client, r->id, LDAP_RES_SEARCH_RESULT, code, text, NULL, NULL, 0);
}

/* Somebody changes the object while it is read in ranges. */
static void churn(const Request *r, Face *f, Thing *t)
{
        size_t first, last;

        for (size_t i = 0; i < r->n_attributes; i++)
                for (size_t k = 0; k < t->n_attributes; k++)
                        if (strstr(r->attributes[i], ";range=") && t->attributes[k].n &&
                            entry_asks_for(r->attributes[i], t->attributes[k].name, &first, &last) &&
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
                answer_done(r, LDAP_NO_SUCH_OBJECT,
                            "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT), data 0");
                return;
        }
        if (f->churn)
                churn(r, f, t);
        if (filter_holds(r->filter, t))
                entry_put(r, t, 0);
        answer_done(r, 0, NULL);
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
                answer_done(r, LDAP_PROTOCOL_ERROR,
                            "0000203D: LdapErr: DSID-0C0904DA, comment: Error processing control, data 0");
                return;
        }
        since = memcmp(cookie.server, f->id, 16) == 0 ? cookie.usn : 0;
        n = select_things(r, since, &list);
        sent = f->page && n > f->page ? f->page : n;
        for (size_t i = 0; i < sent; i++)
                entry_put(r, list[i], since);
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
                entry_put(r, list[i], 0);
        if (sent < n)
                after = list[sent - 1]->usn;
        free(list);
        if (r->page)
                end_with_cookie(r, false, false, &after, sent < n ? sizeof(after) : 0);
        else
                answer_done(r, 0, NULL);
}

static void notify(Request *r)
{
        Client *c = r->client;

        if (c->n_notify == NOTIFY_MAX) {
                answer_done(r, LDAP_ADMINLIMIT_EXCEEDED,
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

                        entry_put(&r, t, UINT64_MAX);
                }
}

void answer(Request *r)
{
        Face *f = r->client->face;

        f->n_requests[r->kind]++;
        if (answer_fault(r->client, &f->faults[r->kind], r->id, LDAP_RES_SEARCH_RESULT))
                return;
        if (r->kind == OP_ROOT)
                about_root(r);
        else if (strncasecmp(r->base, "CN=NTDS Settings,", 17) == 0)
                about_settings(r);
        else if (strncasecmp(r->base, "CN=Sites,", 9) == 0)
                about_controllers(r);
        else if (strncasecmp(r->base + strcspn(r->base, ","), ",CN=Servers,", 12) == 0)
                about_server(r);
        else if (strncasecmp(r->base, "CN=Partitions,", 14) == 0)
                about_domain(r);
        else if (strncasecmp(r->base, "CN=Schema,", 10) == 0)
                about_schema(r);
        else if (r->kind == OP_DIRSYNC)
                dirsync(r);
        else if (r->kind == OP_NOTIFY)
                notify(r);
        else if (r->kind == OP_READ)
                read_one(r);
        else
                paged(r);
}
