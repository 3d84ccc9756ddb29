/* SPDX-License-Identifier: Apache-2.0 */

/* What Samba does not do: pages with MoreResults, a queue that is full in the middle, odd entries. */

#include <poll.h>

#include "listener/test-dirsync.h"

static void test_from_now_on_takes_all_pages_and_no_entry(void **state)
{
        static const char filter[] = "objectGUID\x04\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        Fixture *f = *state;
        uint8_t request[1000];
        size_t n;

        start(f, NULL);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->dirsync->look, LOOK_NOW);
        entry(f, f->dirsync->look_id, "a server that does not know the filter");
        page_end(f, f->dirsync->look_id, true, '1');
        assert_int_equal(turn(f), 0);
        told(f, "[position] ");
        assert_int_equal(f->dirsync->look, LOOK_NOW);
        page_end(f, f->dirsync->look_id, false, '2');
        assert_int_equal(turn(f), 0);
        told(f, "[position] ");
        assert_int_equal(f->dirsync->look, LOOK_NONE);
        for (int i = 0; i < 3; i++)
                n = fake_request(&f->fake, request, sizeof(request));
        assert_non_null(memmem(request, n, filter, sizeof(filter) - 1));
}

static void test_pages_carry_their_positions(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        entry(f, f->dirsync->look_id, "a");
        entry(f, f->dirsync->look_id, "b");
        page_end(f, f->dirsync->look_id, true, '3');
        assert_int_equal(turn(f), 0);
        told(f, "CN=a CN=b [position] ");
        entry(f, f->dirsync->look_id, "c");
        page_end(f, f->dirsync->look_id, false, '4');
        assert_int_equal(turn(f), 0);
        told(f, "CN=c [position] ");
        assert_int_equal(f->dirsync->look, LOOK_NONE);
        assert_memory_equal(f->dirsync->cookie, "c4", 2);
}

static void test_a_look_without_news_writes_nothing(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        page_end(f, f->dirsync->look_id, false, '3');
        assert_int_equal(turn(f), 0);
        told(f, "");
        clock_fake_advance(&f->clock, 61000000);
        news(f, "111");
        page_end(f, f->dirsync->look_id, false, '4');
        assert_int_equal(turn(f), 0);
        told(f, "[position] ");
}

static void test_batches_are_bounded(void **state)
{
        Fixture *f = *state;
        char name[16];

        watch(f);
        news(f, "110");
        for (int i = 0; i < BATCH_FIRST + 1; i++) {
                snprintf(name, sizeof(name), "n%d", i);
                entry(f, f->dirsync->look_id, name);
                /* Not more than the socket holds. */
                if (i % 50 == 0)
                        assert_int_equal(turn(f), 0);
        }
        while (f->dirsync->batch.n_entries != 1)
                assert_int_equal(turn(f), 0);
        assert_true(f->dirsync->batch.limit > BATCH_FIRST);
        assert_true(f->dirsync->batch.limit <= BATCH_ENTRIES);
        assert_non_null(strstr(f->log.data, "CN=n499 [] "));
        str_reset(&f->log);
        page_end(f, f->dirsync->look_id, false, '3');
        assert_int_equal(turn(f), 0);
        told(f, "CN=n500 [position] ");
}

static void test_tombstones(void **state)
{
        static const uint8_t guid[16] = { 1 };
        Fixture *f = *state;
        const FakeAttribute attributes[] = { { "objectGUID", { FAKE_BYTES(guid, 16) }, 1 },
                                             { "isDeleted", { FAKE_TEXT("TRUE") }, 1 } };

        watch(f);
        news(f, "110");
        fake_entry(&f->fake, f->dirsync->look_id, "CN=x\\0ADEL:1,CN=Deleted Objects", attributes, 1);
        fake_entry(&f->fake, f->dirsync->look_id, "CN=y", attributes, 2);
        page_end(f, f->dirsync->look_id, false, '3');
        assert_int_equal(turn(f), 0);
        told(f, "CN=x\\0ADEL:1,CN=Deleted Objects(gone) CN=y(gone) [position] ");
}

static void test_full_queue_gets_the_same_batch_again(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        entry(f, f->dirsync->look_id, "a");
        page_end(f, f->dirsync->look_id, true, '3');
        f->n_full = 2;
        assert_int_equal(turn(f), 0);
        assert_true(f->dirsync->batch.held && f->dirsync->link.blocked);
        feed_pause(f->feed, true);
        assert_int_equal(turn(f), 0);
        told(f, "full full ");
        feed_pause(f->feed, false);
        assert_int_equal(turn(f), 0);
        told(f, "CN=a [position] ");
        assert_int_equal(turn(f), 0);
        assert_false(f->dirsync->batch.held || f->dirsync->link.blocked);
        /* and on with the next page */
        entry(f, f->dirsync->look_id, "b");
        page_end(f, f->dirsync->look_id, false, '4');
        assert_int_equal(turn(f), 0);
        told(f, "CN=b [position] ");
}

static void test_paused_in_the_middle_of_a_look(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        feed_pause(f->feed, true);
        assert_int_equal(turn(f), 0);
        assert_true(f->dirsync->link.blocked);
        entry(f, f->dirsync->look_id, "a");
        page_end(f, f->dirsync->look_id, false, '3');
        assert_int_equal(turn(f), 0);
        told(f, "");
        feed_pause(f->feed, false);
        assert_int_equal(turn(f), 0); /* unblocks */
        assert_int_equal(turn(f), 0);
        told(f, "CN=a [position] ");
}

/* What was asked last has this (uSNChanged, as BER) as an end of its range. */
static bool asks_for(Fixture *f, const char *usn)
{
        uint8_t request[1000];
        char wanted[40];
        struct pollfd more = { .fd = f->fake.fd, .events = POLLIN };
        size_t n_last = 0;

        while (poll(&more, 1, 0) == 1)
                n_last = fake_request(&f->fake, request, sizeof(request));
        int length = snprintf(wanted, sizeof(wanted), "uSNChanged\x04%c%s", (char)strlen(usn), usn);
        return memmem(request, n_last, wanted, (size_t)length);
}

static void samba_after_an_absence(Fixture *f)
{
        f->fake.conn->dse.vendor = VENDOR_SAMBA;
        watch(f);
        news(f, "2000"); /* 100 is known */
}

static void test_samba_is_asked_in_slices(void **state)
{
        Fixture *f = *state;

        samba_after_an_absence(f);
        assert_true(asks_for(f, "600"));
        entry(f, f->dirsync->look_id, "a");
        page_end(f, f->dirsync->look_id, false, '3');
        assert_int_equal(turn(f), 0);
        told(f, "CN=a [] ");
        assert_memory_equal(f->dirsync->cookie, "c2", 2);
        assert_true(asks_for(f, "1600"));
        page_end(f, f->dirsync->look_id, false, '4');
        assert_int_equal(turn(f), 0);
        assert_true(asks_for(f, "1601"));
        assert_memory_equal(f->dirsync->cookie, "c2", 2);
        entry(f, f->dirsync->look_id, "b");
        page_end(f, f->dirsync->look_id, false, '5');
        assert_int_equal(turn(f), 0);
        told(f, "CN=b [position] ");
        assert_int_equal(f->dirsync->look, LOOK_NONE);
        assert_memory_equal(f->dirsync->cookie, "c5", 2);
}

static void test_what_samba_cannot_answer_is_halved(void **state)
{
        Fixture *f = *state;

        samba_after_an_absence(f);
        fake_done(&f->fake, f->dirsync->look_id, LDAP_SIZELIMIT_EXCEEDED, "response size limited", NULL, NULL,
                  0);
        assert_int_equal(turn(f), 0);
        assert_true(asks_for(f, "350"));
        page_end(f, f->dirsync->look_id, false, '3');
        assert_int_equal(turn(f), 0);
        assert_true(asks_for(f, "600"));
        told(f, "");
}

static void test_what_cannot_be_halved_is_said(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "2000");
        fake_done(&f->fake, f->dirsync->look_id, LDAP_SIZELIMIT_EXCEEDED, "response size limited", NULL, NULL,
                  0);
        assert_int_equal(turn(f), CONN_E_LIMIT);
        assert_non_null(strstr(diag_text(&f->diag), "response size limited"));
}

static void test_pages_instead_of_slices(void **state)
{
        Fixture *f = *state;

        samba_after_an_absence(f);
        entry(f, f->dirsync->look_id, "a");
        page_end(f, f->dirsync->look_id, true, '3');
        assert_int_equal(turn(f), 0);
        told(f, "CN=a [] ");
        assert_false(asks_for(f, "600"));
        entry(f, f->dirsync->look_id, "a");
        page_end(f, f->dirsync->look_id, true, '4');
        assert_int_equal(turn(f), 0);
        told(f, "CN=a [position] ");
        page_end(f, f->dirsync->look_id, false, '5');
        assert_int_equal(turn(f), 0);
        assert_memory_equal(f->dirsync->cookie, "c5", 2);
        assert_int_equal(f->dirsync->look, LOOK_NONE);
}

static void test_entry_without_guid(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        fake_entry(&f->fake, f->dirsync->look_id, "CN=nobody", NULL, 0);
        assert_int_equal(turn(f), CONN_E_PROTOCOL);
        assert_non_null(strstr(diag_text(&f->diag), "without its id: CN=nobody"));
}

static void test_no_directory_of_ours(void **state)
{
        Fixture *f = *state;

        assert_int_equal(feed_start(f->feed, NULL), 0);
        f->dirsync->link.conn = f->fake.conn;
        f->fake.conn = NULL;
        f->dirsync->link.conn->dse.n_controls = 0;
        assert_int_equal(f->dirsync->link.ops->connected(&f->dirsync->link, &f->diag), CONN_E_UNSUITABLE);
        assert_non_null(strstr(diag_text(&f->diag), "does not offer DirSync"));
        f->dirsync->link.conn->dse.vendor = VENDOR_OTHER;
        assert_int_equal(f->dirsync->link.ops->connected(&f->dirsync->link, &f->diag), CONN_E_UNSUITABLE);
        assert_non_null(strstr(diag_text(&f->diag), "no Active Directory"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(test_from_now_on_takes_all_pages_and_no_entry),
                CASE(test_pages_carry_their_positions),
                CASE(test_a_look_without_news_writes_nothing),
                CASE(test_batches_are_bounded),
                CASE(test_tombstones),
                CASE(test_full_queue_gets_the_same_batch_again),
                CASE(test_paused_in_the_middle_of_a_look),
                CASE(test_samba_is_asked_in_slices),
                CASE(test_what_samba_cannot_answer_is_halved),
                CASE(test_what_cannot_be_halved_is_said),
                CASE(test_pages_instead_of_slices),
                CASE(test_entry_without_guid),
                CASE(test_no_directory_of_ours),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
