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
#include <sys/ioctl.h>
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

/* Where the text behind a label begins. */
#define LEFT 10

/* "feed      watching dc1": a word in a colour, and what is said of it, in as many lines as it takes. */
static void add_word(const Top *t, const char *name, const char *word, bool good, const char *said, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        str_printf(out, "%s%-9s%s %s%s%s", BOLD, name, PLAIN, good ? GOOD : BAD, word, PLAIN);
        if (*said) {
                str_add_char(out, ' ');
                str_add_wrapped(out, str_safe(a, said, strlen(said)), LEFT + strlen(word) + 1, LEFT,
                                t->columns);
        }
        str_add_char(out, '\n');
}

static void add_side(const Top *t, const json_t *side, const char *name, const char *words, Str *out)
{
        bool ok = json_is_true(json_object_get(side, "ok"));

        add_word(t, name, ok ? "works" : "down", ok, ok ? words : text(side, "why"), out);
}

/* Who has the flag of the regular cycle. */
static void add_flag(const Top *t, const json_t *status, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *said = text(json_object_get(status, "scheduler"), "text");

        if (!*said)
                return;
        str_printf(out, "%s%-9s%s ", BOLD, "flag", PLAIN);
        str_add_wrapped(out, str_safe(a, said, strlen(said)), LEFT, LEFT, t->columns);
        str_add_char(out, '\n');
}

static void add_source(const Top *t, const json_t *source, bool several, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const json_t *feed = json_object_get(source, "feed");
        const char *server = text(feed, "server"), *said = text(feed, "text"), *name = text(source, "name"),
                   *word = text(feed, "state");
        size_t n = strlen(word);

        if (several)
                str_printf(out, "%s%s%s\n", BOLD, str_safe(a, name, strlen(name)), PLAIN);
        /* It often begins with the state. */
        if (strncmp(said, word, n) == 0 && said[n] == ' ')
                said += n + 1;
        add_word(t, "feed", word, json_is_true(json_object_get(feed, "followed")),
                 arena_printf(a, "%s%s%.200s", server, *server && *said ? ", " : "", said), out);
        add_side(t, source, "directory", "", out);
}

/* Where the text behind a long label begins. */
#define WIDE_LEFT 14

static void add_wide(const Top *t, const char *name, const char *words, Str *out)
{
        str_printf(out, "%s%-11s%s   ", BOLD, name, PLAIN);
        str_add_wrapped(out, words, WIDE_LEFT, WIDE_LEFT, t->columns);
        str_add_char(out, '\n');
}

/* What the directory wrote and nobody had to be told of: dropped before the queue, and by comparison after.
 */
static void add_noise(const Top *t, const json_t *status, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const json_t *sources = json_object_get(status, "sources");
        json_int_t unread = 0;

        for (size_t i = 0; i < json_array_size(sources); i++)
                unread += json_integer_value(
                        json_object_get(json_object_get(json_array_get(sources, i), "feed"), "unread"));
        add_wide(t, "noise",
                 arena_printf(a, "%lld entries without an attribute that is read, %lld runs without a change",
                              (long long)unread,
                              (long long)json_integer_value(json_object_get(status, "suppressed"))),
                 out);
}

/* What became of all runs. The blanks between two are not where a line ends. */
static void add_runs(const Top *t, const json_t *status, Str *out)
{
        const json_t *runs = json_object_get(status, "runs"), *n;
        const size_t left = WIDE_LEFT;
        size_t at = left;
        const char *key;

        str_printf(out, "%s%-11s%s", BOLD, "since start", PLAIN);
        json_object_foreach((json_t *)(uintptr_t)runs, key, n)
        {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const char *words = arena_printf(a, "%s %lld", key, (long long)json_integer_value(n));

                if (at > left && at + strlen(words) > t->columns) {
                        str_printf(out, "\n%*s", (int)left - 3, "");
                        at = left;
                }
                str_printf(out, "   %s", words);
                at += strlen(words) + 3;
        }
        str_add_char(out, '\n');
}

#define ALARMS 5

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
                        str_printf(out, "%*sand %zu more: `sosync top --json`\n", LEFT, "",
                                   json_array_size(alarms) - ALARMS);
                        break;
                }
                str_printf(out, "%s%s%-9s%s ", BAD, BOLD, i ? "" : "alarms", PLAIN);
                str_add_wrapped(out, str_safe(a, said, strlen(said)), LEFT, LEFT, t->columns);
                str_add_char(out, '\n');
        }
        if (json_array_size(alarms))
                str_add_char(out, '\n');
}

static void draw(const Top *t, const json_t *status, Str *out)
{
        const json_t *sources = json_object_get(status, "sources");
        bool good = json_is_true(json_object_get(status, "good"));

        str_printf(out, "%s%s%s%s\n\n", good ? GOOD : BAD, BOLD, text(status, "sentence"), PLAIN);
        add_alarms(t, status, out);
        for (size_t i = 0; i < json_array_size(sources); i++)
                add_source(t, json_array_get(sources, i), json_array_size(sources) > 1, out);
        add_side(t, json_object_get(status, "target"), "graph",
                 json_is_true(json_object_get(status, "staging")) ? "staging: nothing is exported" : "", out);
        add_flag(t, status, out);
        add_budget(t, status, out);
        add_lanes(t, status, out);
        add_history(t, status, out);
        str_add_char(out, '\n');
        add_runs(t, status, out);
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

/* Line by line over what is there, so that nothing flickers. What matters most stands first: a window that is
 * too low loses the end. */
static void put_screen(const char *picture)
{
        struct winsize size;
        size_t left = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row ? size.ws_row : SIZE_MAX;

        fputs("\033[H", stdout);
        for (const char *p = picture; *p && left; p++) {
                if (*p != '\n')
                        putchar(*p);
                else
                        fputs(--left ? "\033[K\n" : "\033[K", stdout);
        }
        fputs("\033[J", stdout);
        fflush(stdout);
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
        /* No line goes on in the next row: the terminal cuts it. */
        fputs("\033[?1049h\033[?25l\033[?7l", stdout);
        while (status_in(answer) && !interrupted) {
                struct pollfd key = { .fd = STDIN_FILENO, .events = POLLIN };
                Str out;

                t->columns = command_columns();
                str_init(&out, SIZE_MAX);
                draw(t, status_in(answer), &out);
                put_screen(out.data);
                str_deinit(&out);
                json_decref(answer);
                answer = NULL;
                /* Enter ends it, as ^C does. */
                if (poll(&key, isatty(STDIN_FILENO), EVERY_MS) > 0)
                        interrupted = 1;
                if (!interrupted)
                        answer = ask(c, &r);
        }
        fputs("\033[?7h\033[?25h\033[?1049l", stdout);
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
