/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "listener/gulp.h"

typedef struct World {
        int server, client;
        Sockbuf *sb;
        BerElement *ber;
} World;

static int setup(void **state)
{
        World *w = calloc(1, sizeof(*w));
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        w->server = pair[0];
        w->client = pair[1];
        w->sb = ber_sockbuf_alloc();
        gulp_add(w->sb);
        /* As libldap: the socket's layer comes last, and goes below. */
        ber_sockbuf_add_io(w->sb, &ber_sockbuf_io_fd, LBER_SBIOD_LEVEL_PROVIDER, &w->client);
        w->ber = ber_alloc_t(LBER_USE_DER);
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;

        ber_free(w->ber, 1);
        ber_sockbuf_free(w->sb); /* closes its socket */
        close(w->server);
        free(w);
        return 0;
}

/* An octet string of n times this byte. Return: its length as it is sent. */
static size_t make(uint8_t *out, uint8_t byte, size_t n)
{
        const uint8_t head[] = { 0x04, 0x83, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

        memcpy(out, head, sizeof(head));
        memset(out + sizeof(head), byte, n);
        return sizeof(head) + n;
}

static void tell(World *w, const void *data, size_t n)
{
        assert_int_equal(write(w->server, data, n), n);
}

/* The next message is n times this byte. */
static void expect(World *w, uint8_t byte, size_t n)
{
        ber_len_t length = 0;
        struct berval value = { 0 };

        assert_int_equal(ber_get_next(w->sb, &length, w->ber), 0x04);
        assert_int_equal(length, n);
        value.bv_val = malloc(n);
        assert_non_null(value.bv_val);
        assert_int_equal(ber_read(w->ber, value.bv_val, n), n);
        for (size_t i = 0; i < n; i++)
                assert_int_equal((uint8_t)value.bv_val[i], byte);
        free(value.bv_val);
        ber_free(w->ber, 1);
        w->ber = ber_alloc_t(LBER_USE_DER);
}

static void expect_nothing(World *w)
{
        ber_len_t length;

        errno = 0;
        assert_int_equal(ber_get_next(w->sb, &length, w->ber), LBER_DEFAULT);
        assert_int_equal(errno, EWOULDBLOCK);
}

static int in_socket(World *w)
{
        int n = -1;

        assert_int_equal(ioctl(w->client, FIONREAD, &n), 0);
        return n;
}

static bool says_ready(World *w)
{
        return ber_sockbuf_ctrl(w->sb, LBER_SB_OPT_DATA_READY, NULL) > 0;
}

static void test_many_at_once(void **state)
{
        World *w = *state;
        uint8_t all[3000];
        size_t n = 0;

        assert_false(says_ready(w));
        n += make(all + n, 'a', 700);
        n += make(all + n, 'b', 20);
        n += make(all + n, 'c', 300);
        tell(w, all, n);
        assert_false(says_ready(w)); /* that is the socket's to say */
        expect(w, 'a', 700);
        assert_int_equal(in_socket(w), 0);
        assert_true(says_ready(w));
        expect(w, 'b', 20);
        expect(w, 'c', 300);
        assert_false(says_ready(w));
        expect_nothing(w);
}

/* Of one that is cut anywhere what is there is taken, and nobody waits for the rest. */
static void test_cut(void **state)
{
        World *w = *state;
        uint8_t all[600];
        size_t first = make(all, 'a', 250), n = first + make(all + first, 'b', 250);

        for (size_t cut = 1; cut < n; cut++) {
                tell(w, all, cut);
                if (cut >= first)
                        expect(w, 'a', 250);
                if (cut != first)
                        expect_nothing(w);
                assert_int_equal(in_socket(w), 0);
                assert_false(says_ready(w));
                tell(w, all + cut, n - cut);
                if (cut < first)
                        expect(w, 'a', 250);
                expect(w, 'b', 250);
        }
}

/* More than a gulp, and more behind it. */
static void test_large(void **state)
{
        static uint8_t all[130000];
        World *w = *state;
        size_t n = 0, sent = 0;
        ber_len_t length;
        ber_tag_t tag = LBER_DEFAULT;

        n += make(all, 'a', 100000);
        n += make(all + n, 'b', 10);
        while (tag == LBER_DEFAULT) {
                size_t more = n - sent < 20000 ? n - sent : 20000;

                tell(w, all + sent, more);
                sent += more;
                tag = ber_get_next(w->sb, &length, w->ber);
        }
        assert_int_equal(length, 100000);
        ber_free(w->ber, 1);
        w->ber = ber_alloc_t(LBER_USE_DER);
        tell(w, all + sent, n - sent);
        expect(w, 'b', 10);
}

static void test_end(void **state)
{
        World *w = *state;
        ber_len_t length;

        shutdown(w->server, SHUT_WR);
        errno = 0;
        assert_int_equal(ber_get_next(w->sb, &length, w->ber), LBER_DEFAULT);
        assert_int_not_equal(errno, EWOULDBLOCK);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_many_at_once),
                TEST(test_cut),
                TEST(test_large),
                TEST(test_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
