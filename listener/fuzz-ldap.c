/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Everything that a server's bytes reach: control values, attribute values, stored positions, replication
 * metadata, recordings, and whole messages through libldap. The first byte says which.
 */

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "listener/fake-ldap.h"
#include "listener/ldap-config.h"
#include "listener/ldap-entry.h"
#include "listener/ldap-schema.h"
#include "listener/position.h"
#include "listener/recording.h"
#include "listener/repl-meta.h"
#include "listener/srv.h"
#include "listener/sync-cookie.h"
#include "listener/tls-records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
const char *__asan_default_options(void);

/* libldap 2.5 loses a message that it cannot decode; what we lose, the unit tests find. */
const char *__asan_default_options(void)
{
        return "detect_leaks=0";
}

static const char *const names[] = { "displayName", "whenChanged",        "member", "objectGUID",
                                     "isDeleted",   "userAccountControl", "unknown" };

static void fuzz_controls(const uint8_t *data, size_t n, Arena *a)
{
        struct berval value = { n, (char *)(uintptr_t)data };
        DirsyncAnswer dirsync;
        DirsyncCookie cookie;
        PagedAnswer paged;
        SyncState state;
        SyncDone done;
        SyncInfo info;
        bool deleted;

        if (dirsync_answer_parse(&value, a, &dirsync) == 0)
                dirsync_cookie_parse(dirsync.cookie, dirsync.n_cookie, &cookie);
        paged_answer_parse(&value, a, &paged);
        sync_state_parse(&value, a, &state);
        sync_done_parse(&value, a, &done);
        sync_info_parse(&value, a, &info);
        entry_change_parse(&value, &deleted);
        dirsync_cookie_parse(data, n, &cookie);
}

static void fuzz_values(const uint8_t *data, size_t n, Arena *a)
{
        uint32_t first, next;
        size_t n_name;

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                value_text(a, entry_value(schema_find(names[i], strlen(names[i])), (const char *)data, n, a),
                           200);
        entry_range((const char *)data, n, &n_name, &first, &next);
}

static void fuzz_position(const uint8_t *data, size_t n, Arena *a)
{
        static const PositionContext context = {
                .feed = "dirsync", .base = "DC=x", .filter = "", .identity = ""
        };
        PositionMark mark;

        position_read(&(Position){ data, n }, &context, a, &mark, NULL);
}

/* Replication metadata of an object: which change of which controller every value is of. */
static void fuzz_meta(const uint8_t *data, size_t n, Arena *a)
{
        static const ReplName items[] = { { "displayName", 131085 }, { "member", 31 }, { "title", 12 } };
        const ReplNames all = { items, sizeof(items) / sizeof(items[0]) };
        const NamedStamp *stamps;

        repl_meta_parse(value_bytes(data, n), &all, a, &stamps);
        repl_number(arena_strndup(a, (const char *)data, n), &(uint32_t){ 0 });
}

static void read_recording(const uint8_t *data, size_t n, Arena *a)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        FILE *file = fmemopen((void *)(uintptr_t)data, n, "r");
        RecordingBatch batch;

        if (!file)
                return;
        if (recording_begin(file, "fuzz", &diag) == 0)
                while (recording_next(file, "fuzz", a, &batch, &diag) == 0)
                        ;
        fclose(file);
}

/* A recording of a feed, which may come from another machine: a file, or one batch whose checksum is right.
 */
static void fuzz_recording(const uint8_t *data, size_t n, Arena *a)
{
        struct {
                uint64_t n;
                Hash128 checksum;
        } frame = { n, hash128(data, n, 0) };
        Str file;

        read_recording(data, n, a);
        str_init(&file, (size_t)1 << 20);
        str_add(&file, RECORDING_MAGIC);
        str_add_n(&file, (const char *)&frame, sizeof(frame));
        str_add_n(&file, (const char *)data, n);
        read_recording((const uint8_t *)file.data, file.n, a);
        str_deinit(&file);
}

/* Answers of the name service, records of TLS, cookies, addresses. */
static void fuzz_names(const uint8_t *data, size_t n, Arena *a)
{
        const char *text = arena_strndup(a, (const char *)data, n), *cookie;
        TlsRecords records = { 0 };
        SrvTarget *targets;
        LdapUri uri;
        size_t k;

        srv_parse(data, n, a, &targets, &k);
        tls_records_see(&records, data, n);
        ldap_uri_parse(text, &uri, NULL);
        if (sync_cookie_merge(a, (const char *)data, n / 2, (const char *)data + n / 2, n - n / 2, &cookie,
                              &k))
                sync_cookie_merge(a, NULL, 0, cookie, k, &cookie, &k);
}

typedef struct Take {
        FakeLdap *fake;
        Arena *arena;
} Take;

static int take(void *context, LDAPMessage *message)
{
        Take *t = context;
        LdapEntry entry;

        entry_read(t->fake->conn->ld, message, (EntryNames){ names, 3 }, true, t->arena, &entry, NULL);
        return 0;
}

static void fuzz_messages(const uint8_t *data, size_t n, Arena *a)
{
        FakeLdap fake;
        Take t = { &fake, a };
        ConnAnswer answer = { 0 };

        fake_init(&fake);
        fake_bytes(&fake, data, n);
        shutdown(fake.fd, SHUT_WR);
        if (conn_search(fake.conn, &(ConnSearch){ .base = "" }, 1000000, "fuzz", take, &t, &answer, NULL) ==
            0)
                conn_answer_deinit(&answer);
        fake_deinit(&fake);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        Arena *a;

        if (n < 1 || n > 60000)
                return 0;
        signal(SIGPIPE, SIG_IGN);
        a = arena_new(0);
        switch (data[0] % 7) {
        case 0:
                fuzz_controls(data + 1, n - 1, a);
                break;
        case 1:
                fuzz_values(data + 1, n - 1, a);
                break;
        case 2:
                fuzz_position(data + 1, n - 1, a);
                break;
        case 3:
                fuzz_names(data + 1, n - 1, a);
                break;
        case 4:
                fuzz_messages(data + 1, n - 1, a);
                break;
        case 5:
                fuzz_meta(data + 1, n - 1, a);
                break;
        default:
                fuzz_recording(data + 1, n - 1, a);
        }
        arena_free(a);
        return 0;
}
