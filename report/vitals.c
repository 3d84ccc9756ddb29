/* SPDX-License-Identifier: Apache-2.0 */

#include "report/vitals.h"

/* A feed proves that it lives every ten seconds; one that has been silent for longer than this is stuck. */
#define PROOF_MAX_US ((int64_t)60 * 1000000)

/* Of a feed that does not watch: from then on its duration says more than that it is so. */
#define UNWATCHED_SAY_US ((int64_t)60 * 1000000)

/* A certificate is replaced by people, who need days for it. */
#define CERTIFICATE_WARN_MS ((int64_t)21 * 86400 * 1000)

size_t vitals_waiting(const Vitals *v)
{
        size_t n = 0;

        for (int lane = 0; lane < _LANE_N; lane++)
                n += v->queue.n[lane][QUEUE_READY] + v->queue.n[lane][QUEUE_LEASED];
        return n;
}

size_t vitals_parked(const Vitals *v)
{
        size_t n = 0;

        for (int lane = 0; lane < _LANE_N; lane++)
                n += v->queue.n[lane][QUEUE_PARKED];
        return n;
}

/* By this node of a cluster, or by another. */
static bool is_followed(const VitalsSource *s)
{
        return s->watches || s->elsewhere;
}

bool vitals_ready(const Vitals *v, const char **ret_why)
{
        const char *why = NULL;

        if (!v->target_ok)
                why = "Microsoft Graph cannot be used";
        for (size_t i = 0; i < v->n_sources; i++)
                if (!v->sources[i].ok)
                        why = "the directory cannot be used";
        for (size_t i = 0; i < v->n_sources; i++)
                if (!is_followed(&v->sources[i]))
                        why = "the feed does not watch the directory";
        if (!v->queue_ok)
                why = "the queue cannot be read";
        *ret_why = why;
        return !why;
}

/* " of corp.contoso.test", where there are several. */
static const char *of(Arena *a, const Vitals *v, const VitalsSource *s)
{
        return v->n_sources > 1 ? arena_printf(a, " of %s", s->name) : "";
}

static const char *unwatched_sentence(Arena *a, const Vitals *v, const VitalsSource *s)
{
        char since[32];

        if (s->unwatched_us < UNWATCHED_SAY_US)
                return arena_printf(a, "The feed%s is %s: changes are not seen yet.", of(a, v, s), s->state);
        return arena_printf(a, "The feed%s is %s: changes have not been seen for %s.", of(a, v, s), s->state,
                            duration_format(s->unwatched_us, since, sizeof(since)));
}

static const char *changes_wait(Arena *a, const Vitals *v)
{
        size_t n = vitals_waiting(v);

        return arena_printf(a, n == 1 ? "%zu change waits" : "%zu changes wait", n);
}

/* What is wrong with the sources, the worst of them first; NULL: nothing. */
static const char *sources_sentence(Arena *a, const Vitals *v)
{
        for (size_t i = 0; i < v->n_sources; i++)
                if (!v->sources[i].ok)
                        return v->n_sources > 1
                                       ? arena_printf(a,
                                                      "The directory of %s cannot be used; its changes wait.",
                                                      v->sources[i].name)
                                       : arena_printf(a, "The directory cannot be used; %s.",
                                                      changes_wait(a, v));
        for (size_t i = 0; i < v->n_sources; i++)
                if (v->sources[i].paused)
                        return "The queue is full; the feed pauses until there is room.";
        for (size_t i = 0; i < v->n_sources; i++)
                if (!is_followed(&v->sources[i]))
                        return unwatched_sentence(a, v, &v->sources[i]);
        for (size_t i = 0; i < v->n_sources; i++)
                if (v->sources[i].proof_us > PROOF_MAX_US)
                        return arena_printf(a, "The feed%s has not proved for %lld s that it lives.",
                                            of(a, v, &v->sources[i]),
                                            (long long)(v->sources[i].proof_us / 1000000));
        return NULL;
}

const char *vitals_held(Arena *a, const VitalsBrake *b)
{
        if (!b->counted)
                return "holds changes";
        if (!b->n_held)
                return "holds nothing yet";
        return arena_printf(a, b->n_held == 1 ? "holds %zu change" : "holds %zu changes", b->n_held);
}

/* NULL: none is on. */
static const char *brakes_sentence(Arena *a, const Vitals *v)
{
        const VitalsBrake *first = NULL;
        const char *names = "";
        size_t n = 0;

        for (size_t i = 0; i < v->n_brakes; i++) {
                const VitalsBrake *b = &v->brakes[i];

                if (!b->on)
                        continue;
                first = first ? first : b;
                names = arena_printf(a, "%s%s%s", names, n ? ", " : "", b->name);
                n++;
        }
        if (n < 2)
                return first ? arena_printf(a, "Needs a person: the brake \"%s\" is on and %s.", first->name,
                                            vitals_held(a, first))
                             : NULL;
        return arena_printf(a, "Needs a person: %zu brakes are on and hold changes (%s).", n, names);
}

/**
 * vitals_sentence() - the whole, in one sentence
 *
 * In the order of how much stands still because of it.
 */
const char *vitals_sentence(Arena *a, const Vitals *v, bool *ret_good)
{
        size_t parked = vitals_parked(v), waiting = vitals_waiting(v);
        const char *sentence;

        *ret_good = false;
        if (!v->queue_ok)
                return "The queue cannot be read.";
        if (!v->target_ok)
                return arena_printf(a, "Microsoft Graph cannot be used; %s.", changes_wait(a, v));
        sentence = sources_sentence(a, v);
        if (sentence)
                return sentence;
        sentence = brakes_sentence(a, v);
        if (sentence)
                return sentence;
        if (v->stuck)
                return arena_printf(a, "Needs a person: %s.", v->stuck);
        if (v->flag_alarm)
                return arena_printf(a, "The flag of the regular sync cycle needs a person: %s", v->flag_text);
        if (v->writes.hold_us || v->reads.hold_us)
                return "Microsoft Graph has asked us to wait; changes go on by themselves when it is over.";
        if (v->certificate_end.ms && v->certificate_end.ms - v->now.ms < CERTIFICATE_WARN_MS)
                return arena_printf(a, "The certificate for Microsoft Graph ends in %lld days.",
                                    (long long)((v->certificate_end.ms - v->now.ms) / 86400000));
        if (parked)
                return arena_printf(a,
                                    parked == 1 ? "Runs, and %zu change waits for a person."
                                                : "Runs, and %zu changes wait for a person.",
                                    parked);
        *ret_good = true;
        if (v->staging)
                return "Runs in staging: everything is computed and reported, nothing is exported.";
        return waiting ? arena_printf(a, "Runs; %zu change%s in the queue.", waiting, waiting == 1 ? "" : "s")
                       : "Runs; nothing waits.";
}

void pulse_add(Pulse *p, const PulsePoint *point)
{
        p->points[p->next] = *point;
        p->next = (p->next + 1) % PULSE_POINTS;
}

size_t pulse_read(const Pulse *p, PulsePoint ret_points[PULSE_POINTS])
{
        size_t n = 0;

        for (size_t i = 0; i < PULSE_POINTS; i++) {
                const PulsePoint *point = &p->points[(p->next + i) % PULSE_POINTS];

                if (point->at.ms)
                        ret_points[n++] = *point;
        }
        return n;
}
