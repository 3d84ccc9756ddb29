/* SPDX-License-Identifier: Apache-2.0 */

/* What a feed has said, in a file, and said once more from there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "listener/feed-replay.h"
#include "listener/recording.h"

/* The sink writes down what it is given. */
typedef struct Fixture {
        FeedSink sink;
        ClockFake clock;
        char folder[64], path[128];
        LdapConfig config;
        RecordingFile file;
        Arena *a;
        struct event_base *base;
        Str log;
        unsigned n_full;
        uint8_t data[1000];
        Position position;
        FeedState told;
        Diag diag;
        Log none;
} Fixture;

static int sink_batch(FeedSink *sink, const FeedBatch *b)
{
        Fixture *f = (Fixture *)sink;

        if (f->n_full) {
                f->n_full--;
                str_add(&f->log, "full ");
                return FEED_E_FULL;
        }
        for (size_t i = 0; i < b->n_entries; i++)
                str_printf(&f->log, "%s%s@%d=%s ", b->entries[i].dn, b->entries[i].gone ? "(gone)" : "",
                           (int)b->entries[i].version.number, object_text(b->entries[i].brought, "title"));
        if (b->position) {
                memcpy(f->data, b->position->data, b->position->n);
                f->position = (Position){ f->data, b->position->n };
        }
        str_printf(&f->log, "[%s%s] ", b->position ? "position" : "", b->catch_up ? " catch-up" : "");
        return 0;
}

static void sink_state(FeedSink *sink, const FeedStatus *s)
{
        ((Fixture *)sink)->told = s->state;
}

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        strcpy(f->folder, "/tmp/test-recording-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        snprintf(f->path, sizeof(f->path), "%s/recording", f->folder);
        clock_fake_init(&f->clock, (Mono){ 1 }, (Wall){ 1795337659000 });
        f->config = (LdapConfig){ .name = "corp", .base = "dc=test", .replay = f->path };
        f->sink = (FeedSink){ .batch = sink_batch, .state = sink_state };
        f->a = arena_new(0);
        f->base = event_base_new();
        str_init(&f->log, 10000);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        recording_close(&f->file);
        unlink(f->path);
        rmdir(f->folder);
        event_base_free(f->base);
        arena_free(f->a);
        str_deinit(&f->log);
        diag_deinit(&f->diag);
        free(f);
        return 0;
}

static int give(Fixture *f, const char *name, const char *dn, bool gone)
{
        ObjectId id = { { 1 } };
        ObjectBuilder b;
        FeedEntry e = { .id = id, .dn = dn, .gone = gone, .whole = true, .version = { id, 7 } };
        RecordingTap tap;

        object_build(&b, f->a);
        object_add(&b, "title", value_string("Lead"));
        e.brought = object_finish(&b, &id, NULL, dn);
        recording_tap_init(&tap, &f->file, &f->sink, name, &f->none);
        return tap.sink.batch(&tap.sink,
                              &(FeedBatch){ .entries = &e, .n_entries = 1, .catch_up = gone, .seen = { 5 } });
}

static void record(Fixture *f)
{
        struct stat st;

        assert_int_equal(recording_create(&f->file, f->path, &f->diag), 0);
        assert_int_equal(give(f, "corp", "cn=a", false), 0);
        f->n_full = 1;
        assert_int_equal(give(f, "corp", "cn=b", true), FEED_E_FULL); /* not stored: not recorded */
        assert_int_equal(give(f, "corp", "cn=b", true), 0);
        assert_int_equal(give(f, "other", "cn=c", false), 0);
        assert_int_equal(give(f, "corp", "cn=d", false), 0);
        recording_close(&f->file);
        assert_int_equal(stat(f->path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(recording_create(&f->file, f->path, &f->diag), -EEXIST);
        str_reset(&f->log);
}

static Feed *replay(Fixture *f, const Position *from)
{
        FeedConfig c = { .ldap = &f->config, .clock = &f->clock.clock };
        Feed *feed = NULL;

        assert_int_equal(feed_new(&feed_replay_ops, &feed, &c, f->base, &f->sink, &f->none, &f->diag), 0);
        assert_int_equal(feed_start(feed, from), 0);
        return feed;
}

static void run(Fixture *f)
{
        for (int i = 0; i < 20; i++)
                event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static void test_replay(void **state)
{
        Fixture *f = *state;
        Feed *feed;

        record(f);
        feed = replay(f, NULL);
        run(f);
        assert_string_equal(f->log.data, "cn=a@7=Lead [position] cn=b(gone)@7=Lead [position catch-up] "
                                         "cn=d@7=Lead [position] ");
        assert_int_equal(f->told, FEED_WATCHING);
        feed_stop(feed);
        run(f);
        assert_int_equal(f->told, FEED_STOPPED);
        feed_free(feed);
}

/* From where it was; a full sink gets the same batch again. */
static void test_go_on(void **state)
{
        Fixture *f = *state;
        Position first;
        uint8_t data[1000];
        Feed *feed;

        record(f);
        feed = replay(f, NULL);
        event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        memcpy(data, f->data, sizeof(data));
        first = (Position){ data, f->position.n };
        feed_free(feed);
        str_reset(&f->log);
        f->n_full = 1;
        feed = replay(f, &first);
        run(f);
        feed_pause(feed, false);
        run(f);
        assert_string_equal(f->log.data,
                            "full cn=b(gone)@7=Lead [position catch-up] cn=d@7=Lead [position] ");
        feed_free(feed);
}

static void cut(Fixture *f, long n, int flip)
{
        struct stat st;
        FILE *file;

        assert_int_equal(stat(f->path, &st), 0);
        if (n)
                assert_int_equal(truncate(f->path, st.st_size - n), 0);
        file = fopen(f->path, "r+");
        if (flip >= 0) {
                fseek(file, flip, SEEK_SET);
                fputc(0xff, file);
        }
        fclose(file);
}

static void test_torn(void **state)
{
        Fixture *f = *state;
        Feed *feed;

        record(f);
        cut(f, 3, -1);
        feed = replay(f, NULL);
        run(f);
        assert_int_equal(f->told, FEED_WATCHING);
        assert_null(strstr(f->log.data, "cn=d"));
        feed_free(feed);
}

static void test_hostile(void **state)
{
        Fixture *f = *state;
        FeedConfig c = { .ldap = &f->config, .clock = &f->clock.clock };
        Feed *feed;

        record(f);
        cut(f, 0, 60);
        feed = replay(f, NULL);
        run(f);
        assert_int_equal(f->told, FEED_BROKEN);
        feed_free(feed);
        cut(f, 0, 2);
        assert_int_equal(feed_new(&feed_replay_ops, &feed, &c, f->base, &f->sink, &f->none, &f->diag),
                         -EINVAL);
        assert_non_null(strstr(diag_text(&f->diag), "no recording of sosync"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_replay, setup, teardown),
                cmocka_unit_test_setup_teardown(test_go_on, setup, teardown),
                cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
        };

        log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, 2);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
