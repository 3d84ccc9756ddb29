/* SPDX-License-Identifier: Apache-2.0 */

/* Looks and batches: from a search by uSNChanged to the sink. The life of the feed is in feed-usn.c. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/feed-usn.h"

/* A look that brought nothing is worth no disk write, but H should not grow old. */
#define STORE_EVERY_US 60000000

static void forget_page(FeedUsn *f)
{
        free(f->page);
        f->page = NULL;
        f->n_page = 0;
        f->more = false;
}

/* What was not handed over comes again with the next look. A held batch is kept: it may yet be stored. */
void usn_look_reset(FeedUsn *f)
{
        f->look = USN_LOOK_NONE;
        f->look_id = 0;
        forget_page(f);
        f->link.blocked = false;
        f->link.patience_us = f->ldap->keepalive_us;
        if (!f->batch.held)
                batch_reset(&f->batch);
        f->batch.held_is_last = false;
}

/* -- positions ------------------------------------------------------------------------------------------- */

static void put_cookie(uint64_t usn, uint8_t *data)
{
        for (size_t i = 0; i < USN_COOKIE_SIZE; i++)
                data[i] = (uint8_t)(usn >> (8 * i));
}

uint64_t usn_cookie_parse(const uint8_t *data)
{
        uint64_t usn = 0;

        for (size_t i = 0; i < USN_COOKIE_SIZE; i++)
                usn |= (uint64_t)data[i] << (8 * i);
        return usn;
}

/* Covered up to `usn`, but for what may still come late. */
static Position make_position(FeedUsn *f, uint64_t usn, bool catch_up)
{
        uint8_t cookie[USN_COOKIE_SIZE];
        PositionMark mark = {
                .server = f->link.conn->server_id,
                .usn = usn,
                .catch_up = catch_up,
                .cookie = cookie,
                .n_cookie = sizeof(cookie),
        };

        put_cookie(window_lower(&f->window, link_now(&f->link)), cookie);
        return position_make(f->batch.arena, &f->context, &mark);
}

/* -- batches --------------------------------------------------------------------------------------------- */

/* Return: 0, also when the sink is full (then `held`); FEED_E_STOP, -errno. */
static int hand_over(FeedUsn *f)
{
        Batch *b = &f->batch;
        int r = batch_hand_over(b, &f->link, f->catch_up);

        doorbell_look_waited(&f->bell, b->sink_us);
        if (r || b->held)
                return r;
        /* Everything is brought again by the next catch-up, not by a sweep. */
        for (size_t i = 0; i < b->n_entries && !f->catch_up; i++)
                window_add(&f->window, &b->entries[i].id, b->entries[i].version.number);
        batch_reset(b);
        return 0;
}

static void end_of_page(FeedUsn *f);

/* Return: 0, FEED_E_STOP, -errno. */
int usn_batch_repeat(FeedUsn *f)
{
        int r = hand_over(f);

        if (r || f->batch.held)
                return r;
        if (f->batch.held_is_last) {
                f->batch.held_is_last = false;
                end_of_page(f);
        }
        return 0;
}

/* From now on: H is the position, and nothing has to be asked for. Return: 0, FEED_E_STOP, -errno. */
int usn_begin_now(FeedUsn *f)
{
        f->mark = (PositionMark){ .server = f->link.conn->server_id, .usn = f->bell.usn };
        f->has_mark = true;
        window_begin(&f->window, f->bell.usn);
        f->batch.position = make_position(f, f->bell.usn, false);
        return hand_over(f);
}

/* -- looks ----------------------------------------------------------------------------------------------- */

static void format_filter(const FeedUsn *f, char *filter, size_t size)
{
        const UsnKind *k = f->kind;

        snprintf(filter, size, "%s(%s>=%llu)%s%s", k->among ? "(&" : "", k->counter,
                 (unsigned long long)f->since, k->among ? k->among : "", k->among ? ")" : "");
}

/* The first number after those that have been looked at. */
static uint64_t after(const FeedUsn *f, uint64_t usn)
{
        return f->kind->from_zero ? usn : usn + 1;
}

/* Ask for the next page. Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED. */
int usn_look_page(FeedUsn *f, Diag *diag)
{
        bool is_ad = dialect_of(f->link.conn->dse.vendor)->is_ad;
        char filter[128] = "(objectClass=*)";
        ControlSet controls;
        ConnSearch search = {
                .base = f->ldap->base,
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = filter,
                .attributes = f->ask,
                .n_attributes = f->n_ask,
                .controls = &controls,
        };
        int r;

        if (f->look != USN_LOOK_CATCH_UP)
                format_filter(f, filter, sizeof(filter));
        controls_init(&controls);
        controls_add_paged(&controls, USN_PAGE, f->page, f->n_page);
        if (is_ad) {
                controls_add_extended_dn(&controls);
                controls_add_show_deleted(&controls);
        }
        r = conn_send(f->link.conn, &search, &f->look_id, diag);
        controls_deinit(&controls);
        if (r)
                return r;
        f->more = false;
        f->link.n_looks++;
        f->link.patience_us = f->ldap->request_timeout_us;
        link_owes(&f->link);
        return 0;
}

int usn_look_begin(FeedUsn *f, UsnLook kind, Diag *diag)
{
        f->look = kind;
        f->brought = false;
        f->began = link_now(&f->link);
        doorbell_look_begins(&f->bell, f->began);
        if (kind == USN_LOOK_CATCH_UP) {
                window_begin(&f->window, f->bell.usn_taken);
                f->since = 0;
                link_set_state(&f->link, FEED_CATCHING_UP, "reading everything below %s", f->ldap->base);
        } else if (kind == USN_LOOK_SWEEP)
                f->since = after(f, window_lower(&f->window, f->began));
        else
                f->since = after(f, f->mark.usn);
        return usn_look_page(f, diag);
}

static void look_is_over(FeedUsn *f)
{
        UsnLook kind = f->look;
        Mono now = link_now(&f->link);
        /* So does a look for news when there was nothing in it. */
        bool covered_window = f->since <= window_lower(&f->window, f->began) + 1;

        f->look = USN_LOOK_NONE;
        f->link.patience_us = f->ldap->keepalive_us;
        doorbell_look_ends(&f->bell, now, true);
        link_is_well(&f->link);
        window_look_ended(&f->window, f->began, f->bell.usn_taken);
        f->mark = (PositionMark){ .server = f->link.conn->server_id, .usn = f->bell.usn_taken };
        f->has_mark = true;
        if (covered_window)
                f->sweep_at = mono_add(now, USN_SWEEP_US);
        if (kind == USN_LOOK_CATCH_UP) {
                f->catch_up = false;
                log_info(f->link.log, "caught up", LOG_INT("entries", f->link.n_entries));
        }
        if (f->link.state != FEED_WATCHING) {
                link_set_state(&f->link, FEED_WATCHING, "watching %s", f->ldap->base);
                log_info(f->link.log, "watching", LOG_STR("server", f->link.host));
        }
}

/* The page is with the sink. */
static void end_of_page(FeedUsn *f)
{
        if (!f->more)
                look_is_over(f);
}

/* The position goes with what it covers: the last page. In a catch-up each page says that it is under way. */
static bool must_store(const FeedUsn *f)
{
        if (f->more)
                return f->look == USN_LOOK_CATCH_UP;
        return f->brought || f->look == USN_LOOK_CATCH_UP || f->batch.stored_at.us == 0 ||
               link_now(&f->link).us - f->batch.stored_at.us >= STORE_EVERY_US;
}

static int page_ended(FeedUsn *f, const ConnAnswer *answer, Diag *diag)
{
        const struct berval *value = NULL;
        PagedAnswer paged = { 0 };
        int r;

        forget_page(f);
        /* Without the control everything came at once. */
        if (controls_find(answer->controls, CONTROL_PAGED, &value) == 0 &&
            paged_answer_parse(value, f->batch.arena, &paged)) {
                diag_set(diag, "%s: the answer to a paged search has no valid cookie",
                         f->link.conn->uri.text);
                return CONN_E_PROTOCOL;
        }
        r = doorbell_look_page(&f->bell, paged.n_cookie > 0, diag);
        if (r)
                return r;
        if (paged.n_cookie) {
                f->page = malloc(paged.n_cookie);
                if (!f->page)
                        error_oom(paged.n_cookie);
                memcpy(f->page, paged.cookie, paged.n_cookie);
                f->n_page = paged.n_cookie;
                f->more = true;
        }
        if (must_store(f))
                f->batch.position = make_position(f, f->bell.usn_taken, f->more);
        r = hand_over(f);
        if (r)
                return r;
        if (f->batch.held) {
                f->batch.held_is_last = true;
                return 0;
        }
        batch_reset(&f->batch);
        end_of_page(f);
        return 0;
}

/* -- entries --------------------------------------------------------------------------------------------- */

/* Without decoding the rest of it. */
static bool is_seen(const FeedUsn *f, LDAPMessage *message)
{
        LDAP *ld = f->link.conn->ld;
        struct berval **values;
        bool seen = false;
        char text[24];
        ObjectId id;

        if (f->look == USN_LOOK_CATCH_UP || !entry_guid(ld, message, "objectGUID", &id))
                return false;
        values = ldap_get_values_len(ld, message, "uSNChanged");
        if (values && values[0] && values[0]->bv_len < sizeof(text)) {
                memcpy(text, values[0]->bv_val, values[0]->bv_len);
                text[values[0]->bv_len] = '\0';
                seen = window_has(&f->window, &id, strtoull(text, NULL, 10));
        }
        ldap_value_free_len(values);
        return seen;
}

static int read_entry(FeedUsn *f, LDAPMessage *message, Diag *diag)
{
        EntryNames names = { .names = f->context.attributes, .n = f->context.n_attributes };
        LdapEntry entry = { 0 };
        int r;

        r = doorbell_look_entry(&f->bell, diag);
        if (r || is_seen(f, message))
                return r;
        r = batch_read(&f->batch, &f->link, message, names, &entry, diag);
        if (r)
                return r;
        dialect_entry(dialect_of(f->link.conn->dse.vendor), f->batch.arena, &entry);
        /* Where an id is no objectGUID, it is only known now. */
        if (f->look != USN_LOOK_CATCH_UP && window_has(&f->window, &entry.id, entry.usn)) {
                if (f->batch.n_entries == 0)
                        batch_reset(&f->batch);
                return batch_is_full(&f->batch) ? hand_over(f) : 0;
        }
        r = batch_add(&f->batch, &f->link, &entry, true, diag);
        if (r)
                return r;
        if (f->kind->is_lookout) {
                FeedEntry *e = &f->batch.entries[f->batch.n_entries - 1];

                e->n_stamps = repl_meta_parse(object_get(entry.object, REPL_META), &f->repl, f->batch.arena,
                                              &e->stamps);
        }
        f->brought = true;
        return batch_is_full(&f->batch) ? hand_over(f) : 0;
}

/**
 * usn_look_message() - an answer to the search of the look
 *
 * Return: 0, CONN_E_*, FEED_E_STOP, -errno.
 */
int usn_look_message(FeedUsn *f, LDAPMessage *message, Diag *diag)
{
        ConnAnswer answer = { 0 };
        int r;

        switch (ldap_msgtype(message)) {
        case LDAP_RES_SEARCH_ENTRY:
                return read_entry(f, message, diag);
        case LDAP_RES_SEARCH_RESULT:
                f->look_id = 0;
                link_paid(&f->link);
                r = conn_finish(f->link.conn, message, "search by uSNChanged", &answer, diag);
                if (r == 0)
                        r = page_ended(f, &answer, diag);
                conn_answer_deinit(&answer);
                return r;
        default:
                return 0; /* SearchResultReference: other naming contexts are not ours */
        }
}
