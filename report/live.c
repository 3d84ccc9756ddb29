/* SPDX-License-Identifier: Apache-2.0 */

#include "report/live.h"

#include "base/error.h"
#include "base/str.h"
#include "base/wait.h"
#include "report/facts.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

struct Live {
        ObjectId life;        /* of the program */
        pthread_mutex_t lock; /* protects all that follows */
        pthread_cond_t news;
        LiveLine lines[LIVE_LINES]; /* number n is at n % LIVE_LINES; texts by malloc */
        uint64_t last;
        bool closed;
};

Live *live_new(void)
{
        Live *l = calloc(1, sizeof(*l));

        if (!l)
                error_oom(sizeof(*l));
        guid_random(&l->life);
        pthread_mutex_init(&l->lock, NULL);
        wait_init(&l->news);
        return l;
}

static void line_clear(LiveLine *line)
{
        const char *texts[] = { line->type, line->dn, line->display_name, line->error_code };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                free((char *)(uintptr_t)texts[i]);
}

Live *live_free(Live *l)
{
        if (!l)
                return NULL;
        for (size_t i = 0; i < LIVE_LINES; i++)
                line_clear(&l->lines[i]);
        pthread_cond_destroy(&l->news);
        pthread_mutex_destroy(&l->lock);
        free(l);
        return NULL;
}

/* Of its own, cut between characters. */
static char *text_of(const char *s)
{
        char *copy;
        size_t n;

        if (!s)
                return NULL;
        n = strlen(s);
        if (n > LIVE_TEXT_MAX) {
                n = LIVE_TEXT_MAX;
                while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
                        n--;
                if (asprintf(&copy, "%.*s…", (int)n, s) < 0)
                        error_oom(n);
                return copy;
        }
        copy = strdup(s);
        if (!copy)
                error_oom(n);
        return copy;
}

void live_add(Live *l, const Outcome *o)
{
        LiveLine line = {
                .object = o->change.id,
                .finished = o->finished,
                .latency_ms = o->accepted.ms ? o->accepted.ms - o->change.seen.ms : -1,
                .result = o->result,
                .disposition = o->disposition,
                .action = o->action,
                .lane = (Lane)o->change.lane,
                .kind = (ChangeKind)o->change.kind,
                .type = text_of(o->source.type ? o->source.type : o->target.type),
                .dn = text_of(facts_dn(o)),
                .display_name = text_of(facts_display_name(o)),
                .error_code = text_of(o->error.code),
        };
        LiveLine *place;

        snprintf(line.run_id, sizeof(line.run_id), "%s", o->run_id);
        pthread_mutex_lock(&l->lock);
        line.number = ++l->last;
        place = &l->lines[line.number % LIVE_LINES];
        line_clear(place);
        *place = line;
        pthread_cond_broadcast(&l->news);
        pthread_mutex_unlock(&l->lock);
}

uint64_t live_last(Live *l)
{
        uint64_t last;

        pthread_mutex_lock(&l->lock);
        last = l->last;
        pthread_mutex_unlock(&l->lock);
        return last;
}

const char *live_mark(const Live *l, uint64_t number, char buf[LIVE_MARK_MAX])
{
        char life[GUID_TEXT_MAX];

        snprintf(buf, LIVE_MARK_MAX, "%.8s-%" PRIu64, guid_format(&l->life, life), number);
        return buf;
}

bool live_parse_mark(const Live *l, const char *mark, uint64_t *ret_number)
{
        const char *digits = strchr(mark, '-');
        char ours[LIVE_MARK_MAX];
        int64_t number;

        if (!digits || !str_to_int64(digits + 1, &number) || number < 0 ||
            !str_is(live_mark(l, (uint64_t)number, ours), mark))
                return false;
        *ret_number = (uint64_t)number;
        return true;
}

static void line_copy(const LiveLine *from, Arena *a, LiveLine *to)
{
        *to = *from;
        to->type = arena_strdup(a, from->type);
        to->dn = arena_strdup(a, from->dn);
        to->display_name = arena_strdup(a, from->display_name);
        to->error_code = arena_strdup(a, from->error_code);
}

size_t live_read(Live *l, uint64_t after, size_t max, Arena *a, LiveLine **ret_lines, uint64_t *ret_missed)
{
        uint64_t first, n;

        pthread_mutex_lock(&l->lock);
        /* A number of an earlier life of the program: from here on, then. */
        if (after > l->last)
                after = l->last;
        n = l->last - after;
        if (n > LIVE_LINES)
                n = LIVE_LINES;
        if (n > max)
                n = max;
        first = l->last - n + 1;
        *ret_lines = arena_new_array(a, LiveLine, n ? n : 1);
        for (uint64_t i = 0; i < n; i++)
                line_copy(&l->lines[(first + i) % LIVE_LINES], a, &(*ret_lines)[i]);
        if (ret_missed)
                *ret_missed = first - 1 - after;
        pthread_mutex_unlock(&l->lock);
        return (size_t)n;
}

bool live_wait(Live *l, uint64_t after, int64_t timeout_us)
{
        Mono until = wait_in(timeout_us);
        bool news;

        pthread_mutex_lock(&l->lock);
        while (!l->closed && l->last <= after && wait_until(&l->news, &l->lock, until))
                ;
        news = l->last > after;
        pthread_mutex_unlock(&l->lock);
        return news;
}

void live_close(Live *l)
{
        pthread_mutex_lock(&l->lock);
        l->closed = true;
        pthread_cond_broadcast(&l->news);
        pthread_mutex_unlock(&l->lock);
}
