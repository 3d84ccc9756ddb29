/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/buffer.h>

#include "mem.h"
#include "wait.h"

#define WAIT_MAX_MS 600000

struct Wait {
        Wait *next;
        Wait **link; /* what points here */
        struct event *timer;
        struct evhttp_request *request;
        const Journal *journal;
        AdminWait wanted; /* its texts are the two below */
        char *method;
        char *path;
        uint64_t seen; /* records up to here have been looked at */
        size_t n_matched;
};

static void wait_free(Wait *wait)
{
        *wait->link = wait->next;
        if (wait->next)
                wait->next->link = wait->link;
        event_free(wait->timer);
        free(wait->method);
        free(wait->path);
        free(wait);
}

static void wait_answer(Wait *wait)
{
        struct evkeyvalq *headers = evhttp_request_get_output_headers(wait->request);
        struct evbuffer *body = mem_need(evbuffer_new());
        _cleanup_(text_deinit) Text t = { 0 };

        journal_write(wait->journal, &wait->wanted.filter, wait->wanted.limit, &t);
        evbuffer_add(body, t.data, t.n);
        evhttp_add_header(headers, "Content-Type", "application/json");
        evhttp_send_reply(wait->request, 200, "OK", body); /* frees a request whose client has gone */
        evbuffer_free(body);
        wait_free(wait);
}

static void on_time_over(evutil_socket_t fd, short what, void *context)
{
        wait_answer(context);
}

static bool wait_is_over(Wait *wait)
{
        const Journal *journal = wait->journal;

        if (wait->seen + 1 < journal->first)
                wait->seen = journal->first - 1;
        while (wait->seen < journal->last && wait->n_matched < wait->wanted.min) {
                const Entry *e = journal_find(journal, ++wait->seen);

                wait->n_matched += e && journal_match(&wait->wanted.filter, e);
        }
        return wait->n_matched >= wait->wanted.min;
}

void wait_start(Wait **list, struct event_base *base, const Journal *journal, struct evhttp_request *request,
                const AdminWait *wanted)
{
        int64_t ms = wanted->wait_ms < 0 ? 0 : wanted->wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : wanted->wait_ms;
        struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
        Wait *wait = mem_zero(1, sizeof(*wait));

        wait->request = request;
        wait->journal = journal;
        wait->wanted = *wanted;
        wait->method = wanted->filter.method ? mem_text(wanted->filter.method) : NULL;
        wait->path = wanted->filter.path ? mem_text(wanted->filter.path) : NULL;
        wait->wanted.filter.method = wait->method;
        wait->wanted.filter.path = wait->path;
        wait->seen = wanted->filter.after;
        wait->next = *list;
        wait->link = list;
        if (wait->next)
                wait->next->link = &wait->next;
        *list = wait;
        wait->timer = mem_need(evtimer_new(base, on_time_over, wait));
        if (!ms || wait_is_over(wait))
                wait_answer(wait);
        else
                evtimer_add(wait->timer, &tv);
}

void wait_look(Wait **list)
{
        Wait *next;

        for (Wait *wait = *list; wait; wait = next) {
                next = wait->next;
                if (wait_is_over(wait))
                        wait_answer(wait);
        }
}

void wait_drop_all(Wait **list)
{
        while (*list) {
                if (!evhttp_request_get_connection((*list)->request))
                        evhttp_request_free((*list)->request);
                wait_free(*list);
        }
}
