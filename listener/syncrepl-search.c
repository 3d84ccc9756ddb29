/* SPDX-License-Identifier: Apache-2.0 */

/* What the server says: entries, sets of ids, cookies, and the end. The life of the feed is in
 * feed-syncrepl.c. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/feed-syncrepl.h"
#include "listener/sync-cookie.h"

/* -- cookies --------------------------------------------------------------------------------------------- */

static void copy_cookie(uint8_t **to, size_t *n_to, const uint8_t *from, size_t n)
{
        free(*to);
        *to = n ? malloc(n) : NULL;
        if (n && !*to)
                error_oom(n);
        if (n)
                memcpy(*to, from, n);
        *n_to = n;
}

void syncrepl_forget(FeedSyncrepl *f)
{
        copy_cookie(&f->cookie, &f->n_cookie, NULL, 0);
        copy_cookie(&f->sure, &f->n_sure, NULL, 0);
        f->has_cookie = f->moved = f->has_sure = f->sure_moved = false;
}

/* All that the cookie covers has been handed over. */
static void be_sure(FeedSyncrepl *f)
{
        copy_cookie(&f->sure, &f->n_sure, f->cookie, f->n_cookie);
        f->has_sure = f->has_cookie;
        f->sure_moved = f->moved;
}

/* What has come since then is dropped, and must come again. */
static void go_back(FeedSyncrepl *f)
{
        copy_cookie(&f->cookie, &f->n_cookie, f->sure, f->n_sure);
        f->has_cookie = f->has_sure;
        f->moved = f->sure_moved;
}

/* An empty cookie is no position, and neither is one of OpenLDAP that says only who we are (rid, sid). */
static bool is_news(FeedSyncrepl *f, const uint8_t **cookie, size_t *n)
{
        Vendor vendor = f->link.conn->dse.vendor;
        const char *told = (const char *)*cookie;

        if (vendor == VENDOR_OPENLDAP &&
            !sync_cookie_merge(f->scratch, (const char *)f->cookie, f->n_cookie, told, *n, &told, n))
                return false;
        if (vendor == VENDOR_389 && !sync_cookie_back(f->scratch, told, *n, &told, n))
                return false;
        *cookie = (const uint8_t *)told;
        return *n > 0 && !(f->has_cookie && f->n_cookie == *n && memcmp(f->cookie, *cookie, *n) == 0);
}

/**
 * syncrepl_take_cookie() - the server has told how far it is
 */
void syncrepl_take_cookie(FeedSyncrepl *f, const uint8_t *cookie, size_t n)
{
        arena_reset(f->scratch);
        if (!is_news(f, &cookie, &n))
                return;
        copy_cookie(&f->cookie, &f->n_cookie, cookie, n);
        f->database = f->link.conn->dse.database;
        f->has_cookie = true;
        f->moved = true;
}

/* The cookie of a position has the database in front. While a refresh is under way, a cookie would cover what
 * has not come yet; so it would before the second look. */
static void add_position(FeedSyncrepl *f)
{
        size_t n = sizeof(f->database) + f->n_cookie;
        PositionMark mark = { .server = f->link.conn->server_id, .n_cookie = n };
        uint8_t *cookie;

        if (!f->moved || !f->has_cookie || f->refreshing || syncrepl_again_is_due(f))
                return;
        cookie = arena_alloc(f->batch.arena, n);
        memcpy(cookie, &f->database, sizeof(f->database));
        memcpy(cookie + sizeof(f->database), f->cookie, f->n_cookie);
        mark.cookie = cookie;
        f->batch.position = position_make(f->batch.arena, &f->context, &mark);
        f->moved = false;
}

/* -- batches --------------------------------------------------------------------------------------------- */

/**
 * syncrepl_flush() - hand over what has come so far
 *
 * Return: 0, also when the sink is full (then `held`); FEED_E_STOP, -errno.
 */
int syncrepl_flush(FeedSyncrepl *f)
{
        int r;

        if (!f->batch.held)
                add_position(f);
        r = batch_hand_over(&f->batch, &f->link, f->catch_up);
        if (r || f->batch.held)
                return r;
        if (f->batch.held_is_last)
                f->catch_up = false;
        f->batch.held_is_last = false;
        if (f->batch.position.data)
                be_sure(f);
        batch_reset(&f->batch);
        return 0;
}

void syncrepl_reset(FeedSyncrepl *f)
{
        f->sync_id = 0;
        f->probe_id = 0;
        f->refreshing = false;
        syncrepl_again_forget(f);
        f->link.blocked = false;
        f->link.patience_us = f->ldap->keepalive_us;
        /* A held batch waits with its position, and nothing was read since. */
        if (f->batch.held)
                return;
        batch_reset(&f->batch);
        go_back(f);
}

/* -- the search ------------------------------------------------------------------------------------------ */

/* "rid=000,csn=A;B": everything up to here is known (accepted by OpenLDAP; each server's own csn). */
static void make_now(FeedSyncrepl *f)
{
        const RootDse *dse = &f->link.conn->dse;
        _cleanup_(str_deinit) Str s = { 0 };

        str_init(&s, COOKIE_MAX);
        str_add(&s, "rid=000,csn=");
        for (size_t i = 0; i < dse->n_context_csn; i++)
                str_printf(&s, "%s%s", i ? ";" : "", dse->context_csn[i]);
        syncrepl_take_cookie(f, (const uint8_t *)s.data, s.n);
}

int syncrepl_send(FeedSyncrepl *f, bool refresh_only, const uint8_t *cookie, size_t n, int *ret_id,
                  Diag *diag)
{
        ControlSet controls;
        ConnSearch search = {
                .base = f->ldap->base,
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = f->context.filter,
                .attributes = f->ask,
                .n_attributes = f->n_ask,
                .controls = &controls,
        };
        int r;

        controls_init(&controls);
        controls_add_sync(&controls, refresh_only, cookie, n);
        r = conn_send(f->link.conn, &search, ret_id, diag);
        controls_deinit(&controls);
        if (r == 0)
                f->link.n_looks++;
        return r;
}

/**
 * syncrepl_begin() - send the search that never ends
 *
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED.
 */
int syncrepl_begin(FeedSyncrepl *f, Diag *diag)
{
        int r;

        f->skip = false;
        syncrepl_again_forget(f);
        if (!f->has_cookie && !f->catch_up) {
                if (f->link.conn->dse.n_context_csn)
                        make_now(f);
                else
                        f->skip = true;
        }
        be_sure(f);
        r = syncrepl_send(f, false, f->cookie, f->has_cookie ? f->n_cookie : 0, &f->sync_id, diag);
        if (r)
                return r;
        f->refreshing = true;
        f->n_present = 0;
        f->link.patience_us = f->ldap->request_timeout_us;
        link_owes_stream(&f->link);
        if (f->catch_up)
                link_set_state(&f->link, FEED_CATCHING_UP, "reading everything below %s", f->ldap->base);
        return 0;
}

/* What was missed has been said; from here on it is what changes. */
static int refresh_is_over(FeedSyncrepl *f)
{
        int r;

        if (!f->refreshing)
                return 0;
        f->refreshing = false;
        f->skip = false;
        link_paid(&f->link);
        link_is_well(&f->link);
        f->link.patience_us = f->ldap->keepalive_us;
        if (f->catch_up)
                log_info(f->link.log, "caught up",
                         LOG_INT("entries", f->link.n_entries + f->batch.n_entries));
        f->batch.held_is_last = true;
        r = syncrepl_flush(f);
        if (r)
                return r;
        syncrepl_again_plan(f);
        link_set_state(&f->link, FEED_WATCHING, "watching %s", f->ldap->base);
        log_info(f->link.log, "watching", LOG_STR("server", f->link.host),
                 LOG_INT("mentioned_unchanged", f->n_present));
        return 0;
}

/* -- entries --------------------------------------------------------------------------------------------- */

/**
 * syncrepl_entry() - an entry of the search, or of the second look
 * @cookies:    take the cookie that comes with it
 *
 * Return: 0, CONN_E_PROTOCOL, FEED_E_STOP, -errno.
 */
int syncrepl_entry(FeedSyncrepl *f, LDAPMessage *message, bool cookies, Diag *diag)
{
        const Conn *c = f->link.conn;
        EntryNames names = { .names = f->context.attributes, .n = f->context.n_attributes };
        const struct berval *value = NULL;
        LDAPControl **controls = NULL;
        LdapEntry entry = { 0 };
        SyncState state = { 0 };
        int r;

        if (ldap_get_entry_controls(c->ld, message, &controls) != LDAP_SUCCESS ||
            controls_find(controls, CONTROL_SYNC_STATE, &value) ||
            sync_state_parse(value, f->batch.arena, &state)) {
                ldap_controls_free(controls);
                diag_set(diag, "%s: an entry without a valid sync state", c->uri.text);
                return CONN_E_PROTOCOL;
        }
        ldap_controls_free(controls);
        if (state.kind == SYNC_PRESENT) {
                f->n_present++;
                return 0;
        }
        r = batch_read(&f->batch, &f->link, message, names, &entry, diag);
        if (r)
                return r;
        dialect_id_of_uuid(state.uuid, &entry.id);
        dialect_entry(dialect_of(c->dse.vendor), f->batch.arena, &entry);
        entry.deleted |= state.kind == SYNC_DELETE;
        if (entry.deleted)
                entry.usn = 0; /* nobody will read it any more */
        r = f->skip ? 0 : batch_add(&f->batch, &f->link, &entry, true, diag);
        if (r)
                return r;
        /* In this order: the cookie lies in the batch's arena, and covers the entry. */
        if (cookies && state.n_cookie)
                syncrepl_take_cookie(f, state.cookie, state.n_cookie);
        return batch_is_full(&f->batch) ? syncrepl_flush(f) : 0;
}

/* Ids without names. Only those that are said to be gone are news. */
static int take_ids(FeedSyncrepl *f, const SyncInfo *i, Diag *diag)
{
        if (!i->refresh_deletes) {
                f->n_present += i->n_uuids;
                return 0;
        }
        if (f->skip)
                return 0;
        for (size_t k = 0; k < i->n_uuids; k++) {
                LdapEntry gone = { .dn = "", .deleted = true };
                ObjectBuilder b;
                int r;

                object_build(&b, f->batch.arena);
                dialect_id_of_uuid(i->uuids[k], &gone.id);
                gone.object = object_finish(&b, &gone.id, NULL, gone.dn);
                r = batch_add(&f->batch, &f->link, &gone, true, diag);
                if (r)
                        return r;
        }
        return 0;
}

/**
 * syncrepl_info() - what comes between the entries
 * @cookies:    take the cookie, and the end of the refresh
 *
 * Return: 0, CONN_E_PROTOCOL, FEED_E_STOP, -errno.
 */
int syncrepl_info(FeedSyncrepl *f, LDAPMessage *message, bool cookies, Diag *diag)
{
        struct berval *value = NULL;
        SyncInfo info = { 0 };
        char *oid = NULL;
        int r = CONTROL_E_INVALID;

        if (ldap_parse_intermediate(f->link.conn->ld, message, &oid, &value, NULL, 0) == LDAP_SUCCESS) {
                if (oid && !str_is(oid, SYNC_INFO))
                        r = 0; /* of something else: not for us */
                else if (value)
                        r = sync_info_parse(value, f->batch.arena, &info);
        }
        ldap_memfree(oid);
        ber_bvfree(value);
        if (r) {
                diag_set(diag, "%s: a sync info message that makes no sense", f->link.conn->uri.text);
                return CONN_E_PROTOCOL;
        }
        if (info.kind == SYNC_ID_SET)
                r = take_ids(f, &info, diag);
        if (r)
                return r;
        if (cookies && info.n_cookie)
                syncrepl_take_cookie(f, info.cookie, info.n_cookie);
        if (cookies && (info.kind == SYNC_REFRESH_DELETE || info.kind == SYNC_REFRESH_PRESENT) &&
            info.refresh_done)
                return refresh_is_over(f);
        return batch_is_full(&f->batch) ? syncrepl_flush(f) : 0;
}

/* -- the end --------------------------------------------------------------------------------------------- */

static int begin_anew(FeedSyncrepl *f, const char *why, Diag *diag)
{
        log_warning(f->link.log, "the server cannot go on from the position; catching up",
                    LOG_STR("reason", why));
        diag_clear(diag);
        syncrepl_forget(f);
        f->catch_up = true;
        return syncrepl_begin(f, diag);
}

static int explain_limit(const FeedSyncrepl *f, Diag *diag)
{
        diag_prefix(diag,
                    "the server's limit cuts the refresh short, so changes would be missed; lift it for this "
                    "account (OpenLDAP: limits dn.exact=\"%s\" size=unlimited time=unlimited; 389 Directory "
                    "Server: nsSizeLimit, nsLookThroughLimit, nsTimeLimit: -1 in its entry): ",
                    f->ldap->bind.dn ? f->ldap->bind.dn : "...");
        return CONN_E_LIMIT;
}

/* A search that never ends has ended. Return: 0 if it has been begun anew, else the condition. */
static int ended(FeedSyncrepl *f, LDAPMessage *message, Diag *diag)
{
        const struct berval *value = NULL;
        bool had_cookie = f->has_cookie;
        ConnAnswer answer = { 0 };
        SyncDone done = { 0 };
        int r;

        f->sync_id = 0;
        if (f->refreshing)
                link_paid(&f->link);
        f->refreshing = false;
        r = conn_finish(f->link.conn, message, "content synchronization", &answer, diag);
        if (r == 0 || r == CONN_E_REFRESH) {
                if (controls_find(answer.controls, CONTROL_SYNC_DONE, &value) == 0)
                        sync_done_parse(value, f->batch.arena, &done);
                conn_answer_deinit(&answer);
        }
        switch (r) {
        case 0:
                diag_set(diag, "%s: the server has ended the search for changes", f->link.conn->uri.text);
                return CONN_E_UNREACHABLE;
        case CONN_E_REFRESH:
                if (!had_cookie && f->catch_up)
                        return CONN_E_PROTOCOL; /* it wants a refresh instead of a refresh */
                return begin_anew(f, diag_text(diag), diag);
        case CONN_E_REJECTED: /* "consumer state is newer than provider!": it was restored from a backup */
                if (had_cookie)
                        return begin_anew(f, diag_text(diag), diag);
                diag_prefix(diag,
                            "content synchronization needs the overlay syncprov on this database (OpenLDAP), "
                            "or the "
                            "plugins Content Synchronization and Retro Changelog (389 Directory Server): ");
                return r;
        case CONN_E_LIMIT:
                return explain_limit(f, diag);
        default:
                return r;
        }
}

/**
 * syncrepl_message() - an answer to the search
 *
 * Return: 0, CONN_E_*, FEED_E_STOP, -errno.
 */
int syncrepl_message(FeedSyncrepl *f, LDAPMessage *message, Diag *diag)
{
        switch (ldap_msgtype(message)) {
        case LDAP_RES_SEARCH_ENTRY:
                return syncrepl_entry(f, message, true, diag);
        case LDAP_RES_INTERMEDIATE:
                return syncrepl_info(f, message, true, diag);
        case LDAP_RES_SEARCH_RESULT:
                return ended(f, message, diag);
        default:
                return 0; /* SearchResultReference: other naming contexts are not ours */
        }
}
