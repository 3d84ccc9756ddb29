/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests to the console, as bytes on a connection. Whoever has no token does nothing and learns nothing;
 * what was sent comes back escaped. The console's own pieces but for the thread and the watch over slow
 * connections: here one thread drives the loop.
 */

#include "base/error.h"
#include "report/console/console-internal.h"
#include "report/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define TOKEN  "fuzz-token-of-the-operator"
#define READER "fuzz-token-of-the-reader-1"

static size_t n_acts;

static void vitals(void *context, Arena *a, Vitals *v)
{
        static const VitalsBrake brake = {
                .name = "disable", .effect = "accounts turned off", .code = "BrakeDisable", .on = true
        };
        static const VitalsAlarm alarm = { .kind = "brake", .name = "disable", .text = "<fuzz" };

        (void)context;
        (void)a;
        *v = (Vitals){ .brakes = &brake,
                       .n_brakes = 1,
                       .alarms = &alarm,
                       .n_alarms = 1,
                       .now = { 1795348800000 },
                       .flag_state = "free",
                       .flag_text = "",
                       .tenant = "x",
                       .rules_version = "1",
                       .target_why = "" };
}

static size_t pulse(void *context, PulsePoint points[PULSE_POINTS])
{
        (void)context;
        (void)points;
        return 0;
}

static void metrics(void *context, Str *out)
{
        (void)context;
        str_add(out, "up 1\n");
}

static void rules(void *context, void (*show)(void *page, const RuleSet *set), void *page)
{
        show(page, context);
}

static int explain(void *context, const char *dn, void (*see)(void *page, const ConsoleExplain *e),
                   void *page, Diag *diag)
{
        (void)context;
        (void)see;
        (void)page;
        diag_set(diag, "\"%s\" is not a distinguished name", dn);
        return 1;
}

static int scheduler(void *context, Str *out, Diag *diag)
{
        (void)context;
        (void)diag;
        str_add(out, "{\"SyncCycleEnabled\": true, \"SosyncText\": \"<fuzz\"}");
        return 0;
}

static int scheduler_set(void *context, bool on, Diag *diag)
{
        (void)context;
        (void)on;
        (void)diag;
        n_acts++;
        return 0;
}

static void acted(void *context, const char *by, const char *verb, const char *object, const char *error)
{
        (void)context;
        if (!by || !verb || !object)
                abort();
        n_acts += !error;
}

static int release(void *context, const char *brake, bool drop, const char *by, Diag *diag)
{
        (void)context;
        (void)drop;
        if (!brake || !by)
                abort();
        n_acts++;
        diag_set(diag, "no");
        return CONSOLE_E_ASKED;
}

static int sync_now(void *context, const char *dn, const char *by, Arena *a, const char **ret_run, Diag *diag)
{
        (void)context;
        (void)dn;
        (void)by;
        n_acts++;
        diag_set(diag, "no");
        *ret_run = arena_strdup(a, "x");
        return CONSOLE_E_WAITS;
}

static const ConsoleOps ops = {
        .vitals = vitals,
        .pulse = pulse,
        .metrics = metrics,
        .rules = rules,
        .explain = explain,
        .scheduler = scheduler,
        .scheduler_set = scheduler_set,
        .acted = acted,
        .release = release,
        .sync = sync_now,
};

static void add_reports(ReportStore *store, Live *live)
{
        for (size_t i = 0; i < n_fixtures && i < 12; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                Outcome *o = arena_new_of(a, Outcome);
                PackWriter writer;
                const void *data;
                size_t n;

                fixtures[i].make(a, o);
                snprintf(o->run_id, sizeof(o->run_id), "%08zx-0000-4000-8000-000000000000", i);
                o->finished = (Wall){ 1795348800000 };
                pack_init(&writer);
                outcome_pack(&writer, o);
                data = pack_data(&writer, &n);
                if (report_store_add(store, &data, &n, 1))
                        abort();
                pack_deinit(&writer);
                live_add(live, o);
        }
}

static void write_token(char *path, const char *token)
{
        int fd = mkstemp(path);

        if (fd < 0 || write(fd, token, strlen(token)) < 0)
                abort();
        close(fd);
}

static Console *console_make(void)
{
        static char operator_file[] = "/tmp/fuzz-console-XXXXXX", reader_file[] = "/tmp/fuzz-console-XXXXXX";
        static char folder[] = "/tmp/fuzz-console-XXXXXX";
        static ConsoleUser users[] = {
                { .name = "ada", .role = CONSOLE_OPERATE, .token_file = operator_file },
                { .name = "bob", .role = CONSOLE_READ, .token_file = reader_file }
        };
        static const ConsoleConfig config = { .listen = "127.0.0.1:0",
                                              .path = "/sosync",
                                              .users = { .items = users, .n_items = 2 },
                                              .session_us = 3600000000 };
        static _Atomic(ReportStore *) store;
        static Console c;
        static Log log;
        static Arena *kept;
        const RuleSet *set;
        ReportStore *s;

        signal(SIGPIPE, SIG_IGN);
        evthread_use_pthreads();
        kept = arena_new(0);
        write_token(operator_file, TOKEN);
        write_token(reader_file, READER);
        log_set_level(LOG_LEVEL_ERROR);
        if (!mkdtemp(folder) || report_store_new(&s, folder, true, NULL) ||
            rules_load(kept, NULL, &set, NULL))
                abort();
        store = s;
        c.options = (ConsoleOptions){
                .config = &config, .clock = &clock_system, .log = &log, .store = &store, .ops = &ops
        };
        c.options.live = live_new();
        c.options.context = (void *)(uintptr_t)set;
        if (queue_mem_new(&c.options.queue))
                abort();
        add_reports(s, c.options.live);
        list_init(&c.guards);
        list_init(&c.followers);
        users_init(&c.users, &config);
        snprintf(c.host, sizeof(c.host), "127.0.0.1");
        c.base = event_base_new();
        c.http = evhttp_new(c.base);
        evhttp_set_max_headers_size(c.http, CONSOLE_HEADERS_MAX);
        evhttp_set_max_body_size(c.http, CONSOLE_BODY_MAX);
        evhttp_set_allowed_methods(c.http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
        evhttp_set_default_content_type(c.http, NULL);
        evhttp_set_gencb(c.http, gate_request, &c);
        if (desk_new(&c.desk, c.base) || events_init(&c))
                abort();
        return &c;
}

/* A pair of sockets of the loopback: evhttp wants to know the peer's address. */
static int connect_to(Console *c, struct evconnlistener **listener)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        static struct sockaddr_in bound;
        socklen_t n = sizeof(address);
        struct linger now = { .l_onoff = 1 };
        int fd;

        if (!*listener) {
                *listener = evconnlistener_new_bind(c->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 16,
                                                    (struct sockaddr *)&address, sizeof(address));
                if (!*listener || !evhttp_bind_listener(c->http, *listener) ||
                    getsockname(evconnlistener_get_fd(*listener), (struct sockaddr *)&bound, &n))
                        abort();
        }
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&bound, sizeof(bound)))
                abort();
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* no port waits */
        fcntl(fd, F_SETFL, O_NONBLOCK);
        return fd;
}

/* The answer, until the other side has said all. */
static size_t read_all(Console *c, int fd, char *answer, size_t max)
{
        size_t n = 0;
        int idle = 0;

        while (n < max && idle < 2000) {
                ssize_t k;

                event_base_loop(c->base, EVLOOP_NONBLOCK);
                k = recv(fd, answer + n, max - n, 0);
                if (k == 0 || (k < 0 && errno != EAGAIN))
                        break;
                if (k > 0)
                        n += (size_t)k;
                idle = k > 0 ? 0 : idle + 1;
                /* At the desk, or a stream of events that never ends. */
                if (k < 0)
                        usleep(idle < 20 ? 20 : 200);
                if (n && memmem(answer, n, "text/event-stream", 17))
                        break;
        }
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        static struct evconnlistener *listener;
        static char answer[1 << 20];
        static Console *c;
        bool has_token = memmem(data, n, TOKEN, strlen(TOKEN)) != NULL;
        bool is_known = has_token || memmem(data, n, READER, strlen(READER));
        size_t got;
        int fd;

        if (n > 20000)
                return 0;
        if (!c)
                c = console_make();
        n_acts = 0;
        fd = connect_to(c, &listener);
        if (send(fd, data, n, MSG_NOSIGNAL) < 0 && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET)
                abort();
        shutdown(fd, SHUT_WR);
        got = read_all(c, fd, answer, sizeof(answer));
        close(fd);
        event_base_loop(c->base, EVLOOP_NONBLOCK);
        if (n_acts && !(has_token && memmem(data, n, "POST", 4)))
                abort();
        /* Nobody's business: a person's name in a report. (Its own words a request may get back.) */
        if (!is_known && !memmem(data, n, "ovelac", 6) && memmem(answer, got, "Lovelace", 8))
                abort();
        if (memmem(answer, got, "<fuzz", 5))
                abort();
        return 0;
}
