/* SPDX-License-Identifier: Apache-2.0 */

/* The questions of a Probe. */

#include "base/str.h"
#include "listener/feed-usn.h"
#include "listener/ldap-dialect.h"
#include "listener/ldap-entry.h"
#include "listener/probe-private.h"

#include <string.h>
#include <sys/time.h>

/* No object is without a class. */
#define FILTER_NONE "(!(objectClass=*))"

/* Beyond what servers allow by default: OpenLDAP 500, 389 Directory Server 2,000. */
#define UNLIMITED 2100

static const char *const nothing[] = { "1.1" };

/* What ends a search from within: no condition of a connection. */
#define ENOUGH 1

static int ignore(void *context, LDAPMessage *m)
{
        (void)context;
        (void)m;
        return 0;
}

/* -- DirSync ------------------------------------------------------------------------------------------- */

static int look(Probe *p, uint32_t flags, const DirsyncAnswer *from, DirsyncAnswer *ret_answer, Diag *diag)
{
        ControlSet controls;
        ConnAnswer answer = { 0 };
        const struct berval *value = NULL;
        ConnSearch search = {
                .base = p->base,
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = DIRSYNC_FILTER_NONE,
                .attributes = nothing,
                .n_attributes = 1,
                .controls = &controls,
        };
        int r;

        controls_init(&controls);
        controls_add_dirsync(&controls, flags, 0, from->cookie, from->n_cookie);
        controls_add_extended_dn(&controls);
        controls_add_show_deleted(&controls);
        r = conn_search(p->conn, &search, p->config.request_timeout_us, "DirSync", ignore, NULL, &answer,
                        diag);
        controls_deinit(&controls);
        if (r)
                return r;
        if (controls_find(answer.controls, CONTROL_DIRSYNC, &value) ||
            dirsync_answer_parse(value, p->arena, ret_answer)) {
                diag_set(diag, "%s: the answer to DirSync has no valid cookie", p->conn->uri.text);
                r = CONN_E_PROTOCOL;
        }
        conn_answer_deinit(&answer);
        return r;
}

ProbeEnd probe_dirsync(Probe *p, bool object_security, int64_t *ret_look_us, Diag *diag)
{
        uint32_t flags = DIRSYNC_INCREMENTAL_VALUES | (object_security ? DIRSYNC_OBJECT_SECURITY : 0);
        DirsyncAnswer first = { 0 }, second = { 0 };
        Mono began;
        int r = look(p, flags, &first, &first, diag);

        if (r)
                return probe_end(r);
        began = clock_mono(p->clock);
        r = look(p, flags, &first, &second, diag);
        *ret_look_us = clock_mono(p->clock).us - began.us;
        return probe_end(r);
}

/* -- uSNChanged ---------------------------------------------------------------------------------------- */

ProbeEnd probe_usn(Probe *p, int64_t *ret_look_us, Diag *diag)
{
        ControlSet controls;
        ConnSearch search = {
                .base = p->base,
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = arena_printf(p->arena, "(uSNChanged>=%llu)",
                                       (unsigned long long)p->conn->dse.usn + 1),
                .attributes = nothing,
                .n_attributes = 1,
                .controls = &controls,
        };
        Mono began = clock_mono(p->clock);
        int r;

        controls_init(&controls);
        controls_add_paged(&controls, USN_PAGE, NULL, 0);
        controls_add_show_deleted(&controls);
        r = conn_search(p->conn, &search, p->config.request_timeout_us, "search by uSNChanged", ignore, NULL,
                        NULL, diag);
        controls_deinit(&controls);
        *ret_look_us = clock_mono(p->clock).us - began.us;
        return probe_end(r);
}

/* -- content synchronization --------------------------------------------------------------------------- */

/* The search never ends by itself: the first message that is no entry, or a refusal, is the answer. */
ProbeEnd probe_syncrepl(Probe *p, int64_t *ret_us, Diag *diag)
{
        struct timeval tv = { .tv_sec = p->config.request_timeout_us / 1000000 };
        ControlSet controls;
        ConnSearch search = {
                .base = p->base,
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = FILTER_NONE,
                .attributes = nothing,
                .n_attributes = 1,
                .controls = &controls,
        };
        Mono began = clock_mono(p->clock);
        LDAPMessage *message = NULL;
        int id = 0, type, r;

        controls_init(&controls);
        controls_add_sync(&controls, false, NULL, 0);
        r = conn_send(p->conn, &search, &id, diag);
        controls_deinit(&controls);
        if (r)
                return probe_end(r);
        type = ldap_result(p->conn->ld, id, LDAP_MSG_ONE, &tv, &message);
        *ret_us = clock_mono(p->clock).us - began.us;
        if (type <= 0) {
                diag_set(diag, "%s: content synchronization: no answer", p->conn->uri.text);
                return PROBE_UNREACHABLE;
        }
        if (type == LDAP_RES_SEARCH_RESULT)
                r = conn_finish(p->conn, message, "content synchronization", NULL, diag);
        else
                conn_abandon(p->conn, id);
        ldap_msgfree(message);
        return probe_end(r);
}

static int count(void *context, LDAPMessage *m)
{
        size_t *n = context;

        (void)m;
        return ++*n == UNLIMITED ? ENOUGH : 0;
}

ProbeEnd probe_unlimited(Probe *p, Diag *diag)
{
        size_t n = 0;
        ConnSearch search = {
                .base = p->base, .scope = LDAP_SCOPE_SUBTREE, .attributes = nothing, .n_attributes = 1
        };
        int r = conn_search(p->conn, &search, p->config.request_timeout_us, "search without pages", count, &n,
                            NULL, diag);

        return r == ENOUGH ? PROBE_GOOD : probe_end(r);
}

/* -- what is there ------------------------------------------------------------------------------------- */

typedef struct Seen {
        Conn *conn;
        bool any, group, range;
} Seen;

static int see(void *context, LDAPMessage *m)
{
        Seen *s = context;
        struct berval **values = ldap_get_values_len(s->conn->ld, m, "objectClass");
        BerElement *ber = NULL;

        s->any = true;
        for (size_t i = 0; values && values[i]; i++)
                s->group |=
                        values[i]->bv_len >= 5 && memmem(values[i]->bv_val, values[i]->bv_len, "group", 5);
        ldap_value_free_len(values);
        for (char *name = ldap_first_attribute(s->conn->ld, m, &ber); name;
             name = ldap_next_attribute(s->conn->ld, m, ber)) {
                s->range |= strstr(name, ";range=") != NULL;
                ldap_memfree(name);
        }
        ber_free(ber, 0);
        return 0;
}

ProbeEnd probe_object(Probe *p, const char *dn, bool *ret_group, Diag *diag)
{
        static const char *const names[] = { "objectClass" };
        Seen seen = { .conn = p->conn };
        ConnSearch search = {
                .base = dn, .scope = LDAP_SCOPE_BASE, .attributes = names, .n_attributes = N_ELEMENTS(names)
        };
        int r = conn_search(p->conn, &search, p->config.request_timeout_us, dn, see, &seen, NULL, diag);

        *ret_group = seen.group;
        return r == 0 && !seen.any ? PROBE_ABSENT : probe_end(r);
}

ProbeEnd probe_deleted(Probe *p, Diag *diag)
{
        Seen seen = { .conn = p->conn };
        ControlSet controls;
        ConnSearch search = {
                .base = arena_printf(p->arena, "CN=Deleted Objects,%s", p->base),
                .scope = LDAP_SCOPE_BASE,
                .attributes = nothing,
                .n_attributes = 1,
                .controls = &controls,
        };
        int r;

        controls_init(&controls);
        controls_add_show_deleted(&controls);
        r = conn_search(p->conn, &search, p->config.request_timeout_us, "look at deleted objects", see, &seen,
                        NULL, diag);
        controls_deinit(&controls);
        return r == 0 && !seen.any ? PROBE_ABSENT : probe_end(r);
}

/* -- pages and parts ----------------------------------------------------------------------------------- */

/* One page. Return: as conn_search; the cookie is empty behind the last. */
static int page(Probe *p, ConnSearch *search, int32_t size, PagedAnswer *at,
                int (*entry)(void *context, LDAPMessage *m), void *context, Diag *diag)
{
        ControlSet controls;
        ConnAnswer answer = { 0 };
        const struct berval *value = NULL;
        int r;

        controls_init(&controls);
        controls_add_paged(&controls, size, at->cookie, at->n_cookie);
        search->controls = &controls;
        r = conn_search(p->conn, search, p->config.request_timeout_us, "search in pages", entry, context,
                        &answer, diag);
        controls_deinit(&controls);
        search->controls = NULL;
        *at = (PagedAnswer){ 0 };
        if (r)
                return r;
        if (controls_find(answer.controls, CONTROL_PAGED, &value) == 0 &&
            paged_answer_parse(value, p->arena, at))
                r = CONN_E_PROTOCOL;
        conn_answer_deinit(&answer);
        return r;
}

ProbeEnd probe_limits(Probe *p, ServerLimits *ret_limits, Diag *diag)
{
        return probe_end(server_limits_read(p->conn, ret_limits, diag));
}

ProbeEnd probe_paging(Probe *p, Diag *diag)
{
        ConnSearch search = {
                .base = p->base, .scope = LDAP_SCOPE_SUBTREE, .attributes = nothing, .n_attributes = 1
        };
        PagedAnswer at = { 0 };
        int r = page(p, &search, 1, &at, ignore, NULL, diag);

        if (r == 0 && !at.n_cookie) {
                diag_set(diag, "%s: a search in pages of one entry ends after the first", p->conn->uri.text);
                return PROBE_FAILED;
        }
        return r ? probe_end(r) : probe_end(page(p, &search, 1, &at, ignore, NULL, diag));
}

static int see_one(void *context, LDAPMessage *m)
{
        see(context, m);
        return ENOUGH;
}

ProbeEnd probe_ranges(Probe *p, Diag *diag)
{
        static const char *const names[] = { "member;range=0-0" };
        Seen seen = { .conn = p->conn };
        ConnSearch search = {
                .base = p->base,
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = "(&(objectClass=group)(member=*))",
                .attributes = names,
                .n_attributes = N_ELEMENTS(names),
        };
        int r = conn_search(p->conn, &search, p->config.request_timeout_us, "read a group's members in parts",
                            see_one, &seen, NULL, diag);

        if (r && r != ENOUGH)
                return probe_end(r);
        if (!seen.any)
                return PROBE_ABSENT;
        if (!seen.range)
                diag_set(diag, "%s: the values of a group cannot be asked for in parts", p->conn->uri.text);
        return seen.range ? PROBE_GOOD : PROBE_FAILED;
}

/* -- names --------------------------------------------------------------------------------------------- */

typedef struct Names {
        Probe *probe;
        ProbeSuffixes *suffixes;
        size_t n;
} Names;

static const char *dn_of(Probe *p, LDAPMessage *m)
{
        char *dn = ldap_get_dn(p->conn->ld, m);
        const char *safe = str_safe(p->arena, dn ? dn : "", dn ? strlen(dn) : 0);

        ldap_memfree(dn);
        return safe;
}

static int read_name(void *context, LDAPMessage *m)
{
        Names *n = context;
        ProbeSuffixes *s = n->suffixes;
        const char *upn = entry_text(n->probe->conn->ld, m, "userPrincipalName", n->probe->arena);
        const char *at = upn ? strrchr(upn, '@') : NULL;
        size_t i = 0;

        n->n++;
        s->n_read++;
        if (!entry_text(n->probe->conn->ld, m, "userAccountControl", n->probe->arena)) {
                s->n_unread++;
                if (!s->unread)
                        s->unread = dn_of(n->probe, m);
        }
        if (!entry_text(n->probe->conn->ld, m, "accountExpires", n->probe->arena)) {
                s->n_undated++;
                if (!s->undated)
                        s->undated = dn_of(n->probe, m);
        }
        if (!at)
                return 0;
        while (i < s->n && !str_is_nocase(s->names[i], at + 1))
                i++;
        if (i == PROBE_SUFFIXES_MAX)
                return 0;
        if (i == s->n)
                s->names[s->n++] = str_safe(n->probe->arena, at + 1, strlen(at + 1));
        s->n_users[i]++;
        return 0;
}

ProbeEnd probe_suffixes(Probe *p, const char *base, ProbeSuffixes *s, Diag *diag)
{
        static const char *const names[] = { "userPrincipalName", "userAccountControl", "accountExpires" };
        Names found = { .probe = p, .suffixes = s };
        ConnSearch search = {
                .base = base,
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = "(&(objectClass=user)(userPrincipalName=*))",
                .attributes = names,
                .n_attributes = N_ELEMENTS(names),
        };
        PagedAnswer at = { 0 };
        size_t n_pages = 0;
        int r;

        /* A page may be empty; as many as could be asked for one user each are enough. */
        do
                r = page(p, &search, USN_PAGE, &at, read_name, &found, diag);
        while (r == 0 && at.n_cookie && found.n < PROBE_USERS_MAX && ++n_pages < PROBE_USERS_MAX);
        return probe_end(r);
}
