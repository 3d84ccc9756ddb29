/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/herald.h"

#include "base/error.h"
#include "base/program.h"
#include "base/thread.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

typedef struct Message {
        List link;
        char *text;
} Message;

char *herald_text(const AlarmEvent *event, const char *source)
{
        char host[256] = "", since[WALL_TEXT_MAX], at[WALL_TEXT_MAX], *text;
        json_t *o;

        gethostname(host, sizeof(host) - 1);
        o = json_pack("{s:s, s:s, s:s, s:s%, s:s, s:s, s:s, s:s}", "event", alarm_turn_name(event->turn),
                      "kind", event->kind, "name", event->name, "text", event->text, strlen(event->text),
                      "since", wall_format(event->since, since), "at", wall_format(event->at, at), "source",
                      source, "host", host);
        /* What somebody else has said may not be UTF-8. */
        if (!o)
                o = json_pack("{s:s, s:s, s:s}", "event", alarm_turn_name(event->turn), "kind", event->kind,
                              "name", event->name);
        text = json_dumps(o, JSON_COMPACT);
        json_decref(o);
        if (!text)
                error_oom(1);
        return text;
}

static void run_command(Herald *h, const char *text)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(h->snapshot);
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        size_t n = c->notify.command.n_items;
        const char **argv = arena_new_array(a, const char *, n + 1);
        Diag diag = DIAG_INIT;
        ProgramEnd end = { 0 };
        Program p = { .argv = argv, .timeout_us = c->notify.timeout_us, .output_max = 1000 };
        const char *why;

        if (!n)
                return;
        memcpy(argv, c->notify.command.items, n * sizeof(*argv));
        p.input = arena_printf(a, "%s\n", text);
        p.n_input = strlen(p.input);
        why = program_run(&p, a, &end, &diag) ? diag_text(&diag) : program_failure(&p, &end, a);
        if (why)
                log_error(h->log, "the notify command failed; nobody was told", LOG_STR("command", argv[0]),
                          LOG_STR("why", why), LOG_STR("event", text));
        diag_deinit(&diag);
}

static void *herald_thread(void *context)
{
        Herald *h = context;

        pthread_mutex_lock(&h->lock);
        for (;;) {
                Message *m;

                while (list_is_empty(&h->events) && !h->stopping)
                        pthread_cond_wait(&h->wake, &h->lock);
                if (list_is_empty(&h->events))
                        break;
                m = list_entry(h->events.next, Message, link);
                list_remove(&m->link);
                h->n_events--;
                pthread_mutex_unlock(&h->lock);
                run_command(h, m->text);
                free(m->text);
                free(m);
                pthread_mutex_lock(&h->lock);
        }
        pthread_mutex_unlock(&h->lock);
        return NULL;
}

void herald_tell(void *herald, const AlarmEvent *event)
{
        Herald *h = herald;
        _cleanup_(config_unrefp) Config *c = snapshot_get(h->snapshot);
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Message *m;

        if (event->turn == ALARM_OPENED)
                log_error(h->log, "alarm", LOG_STR("kind", event->kind), LOG_STR("name", event->name),
                          LOG_STR("why", event->text));
        else
                log_warning(h->log, event->turn == ALARM_CLOSED ? "alarm is over" : "notice",
                            LOG_STR("kind", event->kind), LOG_STR("name", event->name),
                            LOG_STR("why", event->text));
        if (!c->notify.command.n_items)
                return;
        m = calloc(1, sizeof(*m));
        if (!m)
                error_oom(sizeof(*m));
        m->text = herald_text(event, config_source_names(c, a));
        pthread_mutex_lock(&h->lock);
        if (!h->started || h->stopping || h->n_events == HERALD_EVENTS_MAX) {
                free(m->text);
                free(m);
                log_error(h->log, "the notify command does not keep up; an event was not told");
        } else {
                list_push(&h->events, &m->link);
                h->n_events++;
                pthread_cond_signal(&h->wake);
        }
        pthread_mutex_unlock(&h->lock);
}

int herald_start(Herald *h, Snapshot *snapshot, const Log *log)
{
        int r;

        *h = (Herald){ .snapshot = snapshot, .log = log };
        pthread_mutex_init(&h->lock, NULL);
        pthread_cond_init(&h->wake, NULL);
        list_init(&h->events);
        r = thread_start(&h->thread, herald_thread, h, "notify");
        if (r)
                return r;
        h->started = true;
        return 0;
}

void herald_stop(Herald *h)
{
        if (!h->started)
                return;
        pthread_mutex_lock(&h->lock);
        h->stopping = true;
        pthread_cond_signal(&h->wake);
        pthread_mutex_unlock(&h->lock);
        pthread_join(h->thread, NULL);
        pthread_cond_destroy(&h->wake);
        pthread_mutex_destroy(&h->lock);
        h->started = false;
}
