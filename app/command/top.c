/* SPDX-License-Identifier: Apache-2.0 */

/* sosync top: the service at a glance, in the terminal */

#include "app/command/options.h"
#include "app/control/control.h"
#include "base/str.h"
#include "engine/model/change.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* As often as the eye wants it; a look costs the service less than a millisecond. */
#define EVERY_MS 1000

typedef struct Top {
        bool json, colour, live;
        size_t columns;
} Top;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
        (void)number;
        interrupted = 1;
}

static int parse(const Command *c, int argc, char **argv, Top *t)
{
        bool once = false;
        const Option options[] = { { "json", .flag = &t->json }, { "once", .flag = &once }, { NULL } };
        int status;

        *t = (Top){ .colour = command_colour(), .columns = command_columns() };
        status = options_read_all(c, options, argc, argv);
        t->live = isatty(STDOUT_FILENO) && !once && !t->json;
        return status;
}

/* -- the picture ----------------------------------------------------------------------------------------- */

static const char *text(const json_t *o, const char *key)
{
        const char *s = json_string_value(json_object_get(o, key));

        return s ? s : "";
}

static double number(const json_t *o, const char *key)
{
        return json_number_value(json_object_get(o, key));
}

static const char *tone(const Top *t, const char *sequence)
{
        return t->colour ? sequence : "";
}

#define GOOD  tone(t, "\033[32m")
#define BAD   tone(t, "\033[31m")
#define FAINT tone(t, "\033[2m")
#define BOLD  tone(t, "\033[1m")
#define PLAIN tone(t, "\033[0m")

/* Values as eight heights; -1 is a gap. The newest is right. */
static void add_line(Str *out, const double *values, size_t n, size_t width)
{
        static const char *const heights[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
        size_t from = n > width ? n - width : 0;
        double most = 0;

        for (size_t i = from; i < n; i++)
                most = values[i] > most ? values[i] : most;
        for (size_t i = n - from; i < width; i++)
                str_add_char(out, ' ');
        for (size_t i = from; i < n; i++)
                str_add(out, values[i] < 0 ? " " : heights[most > 0 ? (int)(values[i] / most * 7) : 0]);
}

static void add_history(const Top *t, const json_t *status, Str *out)
{
        const json_t *pulse = json_object_get(status, "pulse"), *p;
        size_t n = json_array_size(pulse), i, width = t->columns > 60 ? t->columns - 44 : 16;
        double *p50 = calloc(n + 1, sizeof(double)), *waiting = calloc(n + 1, sizeof(double));
        double *runs = calloc(n + 1, sizeof(double));
        char now[3][32] = { "-", "-", "0" };

        if (!p50 || !waiting || !runs)
                abort();
        if (width > 120)
                width = 120;
        json_array_foreach(pulse, i, p)
        {
                const json_t *lanes = json_object_get(p, "waiting"), *lane;
                size_t k;

                p50[i] = number(p, "p50Ms");
                runs[i] = number(p, "runs") / 10;
                json_array_foreach(lanes, k, lane) waiting[i] += json_number_value(lane);
        }
        if (n) {
                p = json_array_get(pulse, n - 1);
                if (p50[n - 1] >= 0) {
                        duration_format((int64_t)(p50[n - 1] * 1000), now[0], sizeof(now[0]));
                        duration_format((int64_t)(number(p, "p99Ms") * 1000), now[1], sizeof(now[1]));
                }
                snprintf(now[2], sizeof(now[2]), "%.1f", runs[n - 1]);
        }
        str_printf(out, "\n%slatency%s   p50 %-10s p99 %-10s  ", BOLD, PLAIN, now[0], now[1]);
        add_line(out, p50, n, width);
        str_printf(out, "\n%swaiting%s   %-28.0f  ", BOLD, PLAIN, n ? waiting[n - 1] : 0);
        add_line(out, waiting, n, width);
        str_printf(out, "\n%sruns/s%s    %-28s  ", BOLD, PLAIN, now[2]);
        add_line(out, runs, n, width);
        str_printf(out, "\n%s          ten seconds a column, the newest right%s\n", FAINT, PLAIN);
        free(p50);
        free(waiting);
        free(runs);
}

static void add_lanes(const Top *t, const json_t *status, Str *out)
{
        const json_t *lanes = json_object_get(json_object_get(status, "queue"), "lanes");

        str_printf(out, "\n%s%-10s %8s %8s %8s %8s   %s%s\n", FAINT, "lane", "ready", "in work", "delayed",
                   "parked", "oldest", PLAIN);
        for (int i = 0; i < _LANE_N; i++) {
                const json_t *lane = json_object_get(lanes, lane_name((Lane)i));
                double oldest = number(lane, "oldestSeconds");
                char age[32] = "-";

                if (oldest > 0)
                        duration_format((int64_t)(oldest * 1e6), age, sizeof(age));
                str_printf(out, "%-10s %8.0f %8.0f %8.0f %s%8.0f%s   %s\n", lane_name((Lane)i),
                           number(lane, "ready"), number(lane, "leased"), number(lane, "delayed"),
                           number(lane, "parked") > 0 ? BAD : "", number(lane, "parked"), PLAIN, age);
        }
}

static void add_budget(const Top *t, const json_t *status, Str *out)
{
        static const char *const kinds[] = { "reads", "writes" };
        const json_t *budget = json_object_get(status, "budget");

        for (size_t i = 0; budget && i < N_ELEMENTS(kinds); i++) {
                const json_t *b = json_object_get(budget, kinds[i]);
                double used = number(b, "used"), hold = number(b, "holdSeconds");
                int full = (int)(used * 24 + 0.5);

                str_printf(out, "%s%-9s%s ", BOLD, kinds[i], PLAIN);
                for (int k = 0; k < 24; k++)
                        str_add(out, k < full ? "█" : "·");
                str_printf(out, " %3.0f %% of the budget", used * 100);
                if (hold > 0)
                        str_printf(out, "   %sheld for %.0f s%s", BAD, hold, PLAIN);
                str_add_char(out, '\n');
        }
}

static void add_side(const Top *t, const json_t *side, const char *name, const char *words, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        bool ok = json_is_true(json_object_get(side, "ok"));
        const char *why = ok ? words : text(side, "why");

        str_printf(out, "%s%-9s%s %s%s%s %s\n", BOLD, name, PLAIN, ok ? GOOD : BAD, ok ? "works" : "down ",
                   PLAIN, str_safe(a, why, strlen(why)));
}

static void add_source(const Top *t, const json_t *source, bool several, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const json_t *feed = json_object_get(source, "feed");
        const char *server = text(feed, "server"), *said = text(feed, "text"), *name = text(source, "name");
        bool followed = json_is_true(json_object_get(feed, "followed"));

        if (several)
                str_printf(out, "%s%s%s\n", BOLD, str_safe(a, name, strlen(name)), PLAIN);
        str_printf(out, "%s%-9s%s %s%s%s %s%s%.200s\n", BOLD, "feed", PLAIN, followed ? GOOD : BAD,
                   text(feed, "state"), PLAIN, str_safe(a, server, strlen(server)), *said ? ", " : "",
                   str_safe(a, said, strlen(said)));
        add_side(t, source, "directory", "", out);
}

/* What the directory wrote and nobody had to be told of: dropped before the queue, and by comparison after.
 */
static void add_noise(const Top *t, const json_t *status, Str *out)
{
        const json_t *sources = json_object_get(status, "sources");
        json_int_t unread = 0;

        for (size_t i = 0; i < json_array_size(sources); i++)
                unread += json_integer_value(
                        json_object_get(json_object_get(json_array_get(sources, i), "feed"), "unread"));
        str_printf(out,
                   "%s%-11s%s   %lld entries without an attribute that is read, %lld runs without a change\n",
                   BOLD, "noise", PLAIN, (long long)unread,
                   (long long)json_integer_value(json_object_get(status, "suppressed")));
}

/* Where the text of an alarm begins. */
#define ALARM_LEFT 10
#define ALARMS     5

/* What the command of `notify:` was told of, and is not over; its sentence is in as many lines as it takes.
 */
static void add_alarms(const Top *t, const json_t *status, Str *out)
{
        const json_t *alarms = json_object_get(status, "alarms"), *alarm;
        size_t i;

        json_array_foreach(alarms, i, alarm)
        {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const char *said =
                        arena_printf(a, "%s %s, since %.19sZ: %s", text(alarm, "kind"), text(alarm, "name"),
                                     text(alarm, "since"), text(alarm, "text"));

                if (i == ALARMS) {
                        str_printf(out, "%*sand %zu more: `sosync top --json`\n", ALARM_LEFT, "",
                                   json_array_size(alarms) - ALARMS);
                        break;
                }
                str_printf(out, "%s%s%-9s%s ", BAD, BOLD, i ? "" : "alarms", PLAIN);
                str_add_wrapped(out, str_safe(a, said, strlen(said)), ALARM_LEFT, ALARM_LEFT, t->columns);
                str_add_char(out, '\n');
        }
        if (json_array_size(alarms))
                str_add_char(out, '\n');
}

static void draw(const Top *t, const json_t *status, Str *out)
{
        const json_t *sources = json_object_get(status, "sources"), *runs = json_object_get(status, "runs"),
                     *n;
        bool good = json_is_true(json_object_get(status, "good"));
        const char *key;

        str_printf(out, "%s%s%s%s\n\n", good ? GOOD : BAD, BOLD, text(status, "sentence"), PLAIN);
        add_alarms(t, status, out);
        for (size_t i = 0; i < json_array_size(sources); i++)
                add_source(t, json_array_get(sources, i), json_array_size(sources) > 1, out);
        add_side(t, json_object_get(status, "target"), "graph",
                 json_is_true(json_object_get(status, "staging")) ? "staging: nothing is exported" : "", out);
        add_budget(t, status, out);
        add_lanes(t, status, out);
        add_history(t, status, out);
        str_printf(out, "\n%ssince start%s", BOLD, PLAIN);
        json_object_foreach((json_t *)(uintptr_t)runs, key, n)
                str_printf(out, "   %s %lld", key, (long long)json_integer_value(n));
        str_add_char(out, '\n');
        add_noise(t, status, out);
}

/* -- the loop -------------------------------------------------------------------------------------------- */

/* NULL: no service answers. One without "status" says why. */
static json_t *ask(const Config *c, int *ret_r)
{
        return command_answer(c, json_pack("{s:s}", "do", "status"), ret_r);
}

static const json_t *status_in(const json_t *answer)
{
        return json_object_get(answer, "status");
}

/* There is nothing to show: said why. The answer is taken over. Returns the exit status. */
static int without_status(const Config *c, json_t *answer, int r)
{
        int status = EXIT_UNREACHABLE;

        if (!answer)
                return command_without_service(c, r);
        json_decref(command_result(answer, &status));
        return status;
}

static int once(const Top *t, const Config *c)
{
        int r;
        json_t *answer = ask(c, &r);
        Str out;

        if (!status_in(answer))
                return without_status(c, answer, r);
        if (t->json) {
                command_print_json(status_in(answer));
        } else {
                str_init(&out, SIZE_MAX);
                draw(t, status_in(answer), &out);
                fputs(out.data, stdout);
                str_deinit(&out);
        }
        json_decref(answer);
        return EXIT_DONE;
}

/* A screen of its own, so that what was there before is there afterwards. */
static int live(Top *t, const Config *c)
{
        struct sigaction action = { .sa_handler = on_interrupt };
        int r;
        json_t *answer = ask(c, &r);

        if (!status_in(answer))
                return without_status(c, answer, r);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        fputs("\033[?1049h\033[?25l", stdout);
        while (status_in(answer) && !interrupted) {
                struct pollfd key = { .fd = STDIN_FILENO, .events = POLLIN };
                Str out;

                t->columns = command_columns();
                str_init(&out, SIZE_MAX);
                draw(t, status_in(answer), &out);
                /* Line by line over what is there, so that nothing flickers. */
                fputs("\033[H", stdout);
                for (const char *p = out.data; *p; p++)
                        *p == '\n' ? fputs("\033[K\n", stdout) : putchar(*p);
                fputs("\033[J", stdout);
                fflush(stdout);
                str_deinit(&out);
                json_decref(answer);
                answer = NULL;
                /* Enter ends it, as ^C does. */
                if (poll(&key, isatty(STDIN_FILENO), EVERY_MS) > 0)
                        interrupted = 1;
                if (!interrupted)
                        answer = ask(c, &r);
        }
        fputs("\033[?25h\033[?1049l", stdout);
        fflush(stdout);
        if (!interrupted)
                return without_status(c, answer, r);
        json_decref(answer);
        return EXIT_DONE;
}

int command_top(const Command *c, const char *config_path, int argc, char **argv)
{
        _cleanup_(config_unrefp) Config *config = NULL;
        Top t;
        int status = parse(c, argc, argv, &t);

        if (status)
                return status;
        config = command_config_load(config_path, &status);
        if (!config)
                return status;
        return t.live ? live(&t, config) : once(&t, config);
}
