/* SPDX-License-Identifier: Apache-2.0 */

/* Many objects, briefly: GUID, name, class and version of all that is below a container, page by page. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/source-ldap-private.h"

static const char *const asked[] = { "objectClass", "objectGUID", "uSNChanged", "whenCreated",
                                     "whenChanged" };

/* A listing that can have no end is none: a page may be empty (a server that has no time for more), but not
 * thousands of them, and there are not as many objects. */
#define EMPTY_MAX   1000
#define OBJECTS_MAX 20000000

typedef struct Listing {
        SourceLdap *source;
        const SourceList *query;
        Arena *texts;
        const char *base, *filter; /* NULL: not made yet */
        const char *const *ask;
        size_t n_ask;
        size_t size;
        SourcePageFn page;
        void *context;
        Diag *diag;

        uint64_t opened; /* SourceLdap.n_opened that the cookie belongs to */
        uint8_t *cookie;
        size_t n_cookie;
        bool begun;         /* something has been handed over */
        unsigned n_empty;   /* pages without an entry, the last ones */
        uint64_t n_objects; /* of all pages */

        Arena *arena; /* of the items in hand */
        SourceItem *items;
        size_t n_items;
        bool stopped; /* `result` is what the page function returned */
        int result;
} Listing;

static const char *make_filter(Arena *a, const SourceList *q, bool is_ad)
{
        /* OpenLDAP knows no class computer, and not(something unknown) lets nothing through. */
        bool computers = !is_ad;
        const char *any = "";

        if (q->n_classes == 0)
                return "(objectClass=*)";
        for (size_t i = 0; i < q->n_classes; i++) {
                any = arena_printf(a, "%s(objectClass=%s)", any, filter_escape(a, q->classes[i]));
                if (!is_ad && str_is_nocase(q->classes[i], "group"))
                        any = arena_printf(a, "%s" DIALECT_GROUPS, any);
                computers |= str_is_nocase(q->classes[i], "computer");
        }
        return arena_printf(a, "(&(|%s)%s)", any, computers ? "" : "(!(objectClass=computer))");
}

/* Hand over what is there. Return: 0, or 1: the page function wants no more. */
static int flush(Listing *l)
{
        if (l->n_items) {
                l->begun = true;
                l->result = l->page(l->context, l->items, l->n_items);
                l->stopped = l->result != 0;
        }
        l->n_items = 0;
        arena_reset(l->arena);
        l->items = arena_new_array(l->arena, SourceItem, l->size);
        return l->stopped;
}

static Wall created_of(const LdapEntry *e)
{
        Value v = object_get(e->object, "whenCreated");

        return (Wall){ v.type == VALUE_TIME ? filetime_to_unix_ms(v.i) : 0 };
}

/* A server that knows no pages sends everything at once: it is handed over in pages all the same. */
static int take(void *context, LDAPMessage *message)
{
        Listing *l = context;
        LdapEntry e = { 0 };
        int r;

        if (l->n_items == l->size && flush(l))
                return 1;
        r = entry_read(l->source->conn->ld, message, (EntryNames){ asked, N_ELEMENTS(asked) }, false,
                       l->arena, &e, l->diag);
        if (r == 0)
                dialect_entry(source_dialect(l->source), l->arena, &e);
        if (r || guid_is_zero(&e.id)) {
                if (!r)
                        diag_set(l->diag, "%s: an entry without its id: %s", l->source->conn->uri.text, e.dn);
                return CONN_E_PROTOCOL;
        }
        l->n_objects++;
        l->items[l->n_items++] = (SourceItem){
                .id = e.id,
                .dn = e.dn,
                .classes = object_get(e.object, "objectClass"),
                .version = { .server = l->source->conn->server_id, .number = e.usn },
                .created = created_of(&e),
                .changed = e.changed,
        };
        return 0;
}

/* Return: 0, CONN_E_PROTOCOL. */
static int check_end(Listing *l, uint64_t n_before, Diag *diag)
{
        l->n_empty = l->n_cookie && l->n_objects == n_before ? l->n_empty + 1 : 0;
        if (l->n_empty <= EMPTY_MAX && l->n_objects <= OBJECTS_MAX)
                return 0;
        diag_set(diag, "%s: the pages of a listing have no end: %u without an entry, %llu entries in all",
                 l->source->conn->uri.text, l->n_empty, (unsigned long long)l->n_objects);
        return CONN_E_PROTOCOL;
}

static int keep_cookie(Listing *l, const ConnAnswer *answer, Diag *diag)
{
        const struct berval *value = NULL;
        PagedAnswer paged = { 0 };

        free(l->cookie);
        l->cookie = NULL;
        l->n_cookie = 0;
        if (controls_find(answer->controls, CONTROL_PAGED, &value))
                return 0;
        if (paged_answer_parse(value, l->arena, &paged)) {
                diag_set(diag, "%s: the answer to a paged search has no valid cookie",
                         l->source->conn->uri.text);
                return CONN_E_PROTOCOL;
        }
        if (!paged.n_cookie)
                return 0;
        l->cookie = malloc(paged.n_cookie);
        if (!l->cookie)
                error_oom(paged.n_cookie);
        memcpy(l->cookie, paged.cookie, paged.n_cookie);
        l->n_cookie = paged.n_cookie;
        return 0;
}

/* In the words of the server that turned out to be there. Return: 0, CONN_E_*. */
static int prepare(SourceLdap *s, Listing *l, Diag *diag)
{
        const SourceList *q = l->query;
        const Dialect *d = source_dialect(s);
        char guid[GUID_TEXT_MAX];
        int r = 0;

        if (l->filter)
                return 0;
        l->base = q->dn ? q->dn : s->config.ldap->base;
        if (q->below && d->is_ad)
                l->base = arena_printf(l->texts, "<GUID=%s>", guid_format(q->below, guid));
        else if (q->below)
                r = source_other_dn(s, l->texts, q->below, &l->base, diag);
        if (r)
                return r;
        l->ask = dialect_ask(d, l->texts, asked, N_ELEMENTS(asked), &l->n_ask);
        l->filter = make_filter(l->texts, q, d->is_ad);
        return 0;
}

static int next_page(SourceLdap *s, void *context, Diag *diag)
{
        Listing *l = context;
        int prepared = prepare(s, l, diag);
        const uint64_t n_before = l->n_objects;
        ControlSet controls;
        ConnAnswer answer = { 0 };
        ConnSearch search = {
                .base = l->base,
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = l->filter,
                .attributes = l->ask,
                .n_attributes = l->n_ask,
                .controls = &controls,
        };
        int r;

        if (prepared)
                return prepared;
        l->n_items = 0;
        if ((l->begun || l->n_cookie) && l->opened != s->n_opened) {
                diag_set(diag, "%s: the connection was lost in the middle of a listing", s->conn->uri.text);
                return SOURCE_E_CUT_OFF;
        }
        l->opened = s->n_opened;
        controls_init(&controls);
        controls_add_paged(&controls, (int32_t)l->size, l->cookie, l->n_cookie);
        r = conn_search(s->conn, &search, s->config.ldap->request_timeout_us, "list objects", take, l,
                        &answer, diag);
        controls_deinit(&controls);
        /* What has been handed over cannot be taken back, so the search is not repeated. */
        if (r == CONN_E_UNREACHABLE && l->begun) {
                s->conn = conn_free(s->conn);
                r = SOURCE_E_CUT_OFF;
        }
        if (r == 0)
                r = keep_cookie(l, &answer, diag);
        if (r == 0)
                r = check_end(l, n_before, diag);
        conn_answer_deinit(&answer);
        return r;
}

/**
 * source_ldap_list() - a paged search, handed over page by page
 *
 * Return: as source_list.
 */
int source_ldap_list(Source *source, const SourceList *q, SourcePageFn page, void *context, Diag *diag)
{
        SourceLdap *s = (SourceLdap *)source;
        _cleanup_(arena_freep) Arena *texts = arena_new(0), *items = arena_new(0);
        Listing l = {
                .source = s,
                .query = q,
                .texts = texts,
                .size = q->page ? q->page : SOURCE_PAGE,
                .page = page,
                .context = context,
                .diag = diag,
                .arena = items,
        };
        int r;

        do {
                /* However long the page took, the connection that holds the cookie is not an idle one. */
                if (l.begun)
                        s->used = clock_mono(s->config.clock);
                flush(&l);
                r = l.stopped ? 0 : source_ldap_do(s, next_page, &l, diag);
        } while (r == 0 && l.n_cookie && !l.stopped);
        if (r == 0 && !l.stopped)
                flush(&l);
        free(l.cookie);
        if (l.stopped)
                return l.result;
        if (r == SOURCE_E_NOT_FOUND)
                diag_set(diag, "no container %s, or it is not visible to this account",
                         l.base ? l.base : "of this id");
        return r;
}
