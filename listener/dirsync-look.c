/* SPDX-License-Identifier: Apache-2.0 */

/* Looks and batches: from a DirSync search to the sink. The life of the feed is in feed-dirsync.c. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/feed-dirsync.h"
#include "listener/ldap-entry.h"

/* AD may work on a page for MaxDirSyncDuration, 60 s, before it says anything (MS-ADTS 3.1.1.3.4.6). */
#define LOOK_PATIENCE 2

/* A cookie that brought nothing is worth no disk write, but should not grow old: tombstones live 60 days. */
#define STORE_EVERY_US 60000000

/* 0 lets the server choose: 1 MiB a page (MS-DRSR 5.115.4). Samba sends everything in one. */
#define PAGE_BYTES 0

void dirsync_forget(FeedDirsync *f)
{
        free(f->cookie);
        f->cookie = NULL;
        f->mark = (PositionMark){ 0 };
        f->has_mark = false;
}

/* What was not handed over comes again with the next look. A held batch is kept: it may yet be stored. */
void dirsync_look_reset(FeedDirsync *f)
{
        f->look = LOOK_NONE;
        f->look_id = 0;
        f->more = false;
        f->link.blocked = false;
        f->link.patience_us = f->ldap->keepalive_us;
        if (!f->batch.held)
                batch_reset(&f->batch);
        f->batch.held_is_last = false;
}

/* -- batches --------------------------------------------------------------------------------------------- */

/* Return: 0, also when the sink is full (then `held`); FEED_E_STOP, -errno. */
static int hand_over(FeedDirsync *f)
{
        int r = batch_hand_over(&f->batch, &f->link, f->catch_up);

        doorbell_look_waited(&f->bell, f->batch.sink_us);
        if (r == 0 && !f->batch.held)
                batch_reset(&f->batch);
        return r;
}

static int end_of_page(FeedDirsync *f);

/* Return: 0, FEED_E_STOP, -errno. */
int dirsync_batch_repeat(FeedDirsync *f, Diag *diag)
{
        int r = hand_over(f);

        (void)diag;
        if (r || f->batch.held)
                return r;
        if (f->batch.held_is_last) {
                f->batch.held_is_last = false;
                return end_of_page(f);
        }
        return 0;
}

/* -- looks ----------------------------------------------------------------------------------------------- */

/* Ask for the next page. Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED. */
int dirsync_look_page(FeedDirsync *f, Diag *diag)
{
        char filter[SLICE_FILTER_MAX];
        ControlSet controls;
        ConnSearch search = {
                .base = f->ldap->base,
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = f->look == LOOK_NOW ? DIRSYNC_FILTER_NONE : slice_filter(&f->slice, filter),
                .attributes = f->context.attributes,
                .n_attributes = f->context.n_attributes,
                .controls = &controls,
        };
        int r;

        controls_init(&controls);
        controls_add_dirsync(&controls, f->flags, PAGE_BYTES, f->cookie, f->has_mark ? f->mark.n_cookie : 0);
        controls_add_extended_dn(&controls);
        controls_add_show_deleted(&controls);
        r = conn_send(f->link.conn, &search, &f->look_id, diag);
        controls_deinit(&controls);
        if (r)
                return r;
        f->more = false;
        f->n_before = f->bell.n_looked;
        f->link.n_looks++;
        f->link.patience_us = LOOK_PATIENCE * f->ldap->request_timeout_us;
        link_owes(&f->link);
        return 0;
}

/* Whoever answers in pages is asked for everything. */
static void set_slices(FeedDirsync *f)
{
        const Conn *c = f->link.conn;
        bool is_cut = c->dse.vendor == VENDOR_SAMBA && f->look != LOOK_NOW;
        bool is_ours = f->has_mark && guid_is(&f->mark.server, &c->server_id);

        slice_begin(&f->slice, is_cut && is_ours ? f->mark.usn : 0, is_cut ? f->bell.usn_taken : 0);
}

int dirsync_look_begin(FeedDirsync *f, LookKind kind, Diag *diag)
{
        f->look = kind;
        doorbell_look_begins(&f->bell, link_now(&f->link));
        set_slices(f);
        if (f->catch_up)
                link_set_state(&f->link, FEED_CATCHING_UP,
                               f->has_mark ? "reading on below %s" : "reading everything below %s",
                               f->ldap->base);
        return dirsync_look_page(f, diag);
}

static void look_is_over(FeedDirsync *f)
{
        LookKind kind = f->look;

        f->look = LOOK_NONE;
        f->link.patience_us = f->ldap->keepalive_us;
        doorbell_look_ends(&f->bell, link_now(&f->link), kind != LOOK_NOW);
        link_is_well(&f->link);
        if (kind == LOOK_CATCH_UP) {
                f->catch_up = false;
                log_info(f->link.log, "caught up", LOG_INT("entries", f->link.n_entries));
        }
        if (f->link.state != FEED_WATCHING && kind != LOOK_NOW) {
                link_set_state(&f->link, FEED_WATCHING, "watching %s", f->ldap->base);
                log_info(f->link.log, "watching", LOG_STR("server", f->link.host));
        }
}

/* The page is with the sink. Return: 0. */
static int end_of_page(FeedDirsync *f)
{
        if (!f->more)
                look_is_over(f);
        return 0;
}

static void take_cookie(FeedDirsync *f, const DirsyncAnswer *answer)
{
        dirsync_forget(f);
        f->cookie = malloc(answer->n_cookie);
        if (!f->cookie)
                error_oom(answer->n_cookie);
        memcpy(f->cookie, answer->cookie, answer->n_cookie);
        f->mark = (PositionMark){
                .server = f->link.conn->server_id,
                .usn = f->bell.usn_taken,
                .flags = f->flags,
                .catch_up = f->catch_up && answer->more,
                .cookie = f->cookie,
                .n_cookie = answer->n_cookie,
        };
        f->has_mark = true;
}

/*
 * The position goes with what it covers. A look that brought nothing only moves it in memory, but for the
 * first one and once a minute.
 */
static bool must_store(const FeedDirsync *f)
{
        return f->batch.n_entries > 0 || f->look != LOOK_NEWS || f->batch.stored_at.us == 0 ||
               link_now(&f->link).us - f->batch.stored_at.us >= STORE_EVERY_US;
}

/* Of a catch-up too: at another controller it would begin from the start. */
static void take_position(FeedDirsync *f, const DirsyncAnswer *answer)
{
        take_cookie(f, answer);
        link_works(&f->link);
        if (must_store(f))
                f->batch.position = position_make(f->batch.arena, &f->context, &f->mark);
}

/* The cookie of a slice says that everything is known, which it is not. Who answers in pages needs no slices.
 */
static void take_slice(FeedDirsync *f, const DirsyncAnswer *answer)
{
        if (answer->more)
                slice_begin(&f->slice, 0, 0);
        else
                slice_next(&f->slice, f->bell.n_looked - f->n_before);
}

static int page_ended(FeedDirsync *f, const ConnAnswer *answer, Diag *diag)
{
        const struct berval *value = NULL;
        DirsyncAnswer dirsync = { 0 };
        int r;

        if (controls_find(answer->controls, CONTROL_DIRSYNC, &value) ||
            dirsync_answer_parse(value, f->batch.arena, &dirsync)) {
                diag_set(diag, "%s: the answer to DirSync has no valid cookie", f->link.conn->uri.text);
                return CONN_E_PROTOCOL;
        }
        f->more = dirsync.more || !slice_is_last(&f->slice);
        r = doorbell_look_page(&f->bell, f->more, diag);
        if (r)
                return r;
        if (slice_is_last(&f->slice))
                take_position(f, &dirsync);
        else
                take_slice(f, &dirsync);
        r = hand_over(f);
        if (r)
                return r;
        if (f->batch.held) {
                f->batch.held_is_last = true;
                return 0;
        }
        batch_reset(&f->batch);
        return end_of_page(f);
}

/* The server does not take what we asked. Return: 0 if something else can be tried, else the condition. */
static int page_failed(FeedDirsync *f, int condition, Diag *diag)
{
        bool may_switch = f->ldap->object_security == OBJECT_SECURITY_AUTO && !f->has_mark;

        if (condition == CONN_E_REFUSED && may_switch && !(f->flags & DIRSYNC_OBJECT_SECURITY)) {
                log_info(f->link.log,
                         "no right to replicate; seeing what this account may read (object_security)",
                         LOG_STR("reason", diag_text(diag)));
                diag_clear(diag);
                f->flags |= DIRSYNC_OBJECT_SECURITY;
                f->more = true;
                return 0;
        }
        if (condition == CONN_E_REFUSED) {
                diag_add(diag,
                         "the right DS-Replication-Get-Changes at %s is needed, or source.object_security",
                         f->ldap->base);
                return condition;
        }
        if (condition == CONN_E_REJECTED && f->has_mark) {
                log_warning(f->link.log, "the server refuses the position; catching up",
                            LOG_STR("reason", diag_text(diag)));
                diag_clear(diag);
                dirsync_forget(f);
                f->catch_up = true;
                f->look = LOOK_CATCH_UP;
                f->more = true;
                set_slices(f);
                link_set_state(&f->link, FEED_CATCHING_UP, "reading everything below %s", f->ldap->base);
                return 0;
        }
        if (condition == CONN_E_LIMIT && slice_halve(&f->slice)) {
                log_info(f->link.log, "too much for one answer of the server: asking for less",
                         LOG_INT("changes", f->slice.width), LOG_STR("reason", diag_text(diag)));
                diag_clear(diag);
                f->more = true;
                return 0;
        }
        return condition;
}

/* -- entries --------------------------------------------------------------------------------------------- */

static int read_entry(FeedDirsync *f, LDAPMessage *message, Diag *diag)
{
        EntryNames names = { .names = f->context.attributes, .n = f->context.n_attributes };
        LdapEntry entry = { 0 };
        int r;

        r = doorbell_look_entry(&f->bell, diag);
        if (r == 0)
                r = batch_read(&f->batch, &f->link, message, names, &entry, diag);
        if (r || f->look == LOOK_NOW)
                return r;
        r = batch_add(&f->batch, &f->link, &entry, false, diag);
        return r || !batch_is_full(&f->batch) ? r : hand_over(f);
}

/**
 * dirsync_look_message() - an answer to the search of the look
 *
 * Return: 0, CONN_E_*, FEED_E_STOP, -errno.
 */
int dirsync_look_message(FeedDirsync *f, LDAPMessage *message, Diag *diag)
{
        ConnAnswer answer = { 0 };
        int r;

        switch (ldap_msgtype(message)) {
        case LDAP_RES_SEARCH_ENTRY:
                return read_entry(f, message, diag);
        case LDAP_RES_SEARCH_RESULT:
                f->look_id = 0;
                link_paid(&f->link);
                r = conn_finish(f->link.conn, message, "DirSync", &answer, diag);
                if (r == 0)
                        r = page_ended(f, &answer, diag);
                else
                        r = page_failed(f, r, diag);
                conn_answer_deinit(&answer);
                return r;
        default:
                return 0; /* SearchResultReference: other naming contexts are not ours */
        }
}
