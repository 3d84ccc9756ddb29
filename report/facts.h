/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Facts: what all three renderings say alike
 *
 * JSON, HTML and terminal must not disagree about what happened: sentences, names of steps, ids that are
 * derived, and durations come from here. Texts are plain; whoever prints them escapes them.
 *
 * Private to report/ and its console.
 */

#include "base/str.h"
#include "engine/model/outcome.h"

typedef struct FactsTime FactsTime;

/* The table's row of a step of a stored outcome; an outcome of a newer program may have more. */
const char *facts_step_name(size_t i);
const char *facts_step_title(size_t i);
StepType facts_step_type(size_t i);
bool facts_step_has_attributes(size_t i); /* import, sync, export: those with an Attribute Info table */

/* "Success" "Failed" "Skipped" "Warning" "Not run": a step's state in one word. */
const char *facts_step_state(const StepRecord *s);

/* "Exported" "No change" "Staged" "Not in scope" "Will be retried" "Parked": the run's state. */
const char *facts_state(const Outcome *o);
const char *facts_action(const Outcome *o); /* "create" ...; "none" if nothing was to be done */
const char *facts_category(ErrorCategory c);

const char *facts_display_name(const Outcome *o); /* never NULL */
const char *facts_dn(const Outcome *o);           /* never NULL */

/* One sentence: what happened. */
const char *facts_sentence(Arena *a, const Outcome *o);
/* What happens next by itself, or what waits for a person; NULL: nothing does. */
const char *facts_next(Arena *a, const Outcome *o);
/* Of a disable: what is over, and what is not yet; NULL: it was none. */
const char *facts_disable(const Outcome *o);
/* Who or what started it. */
const char *facts_started(Arena *a, const Outcome *o);

/* Step that ended the run with an error, or -1. */
int facts_failed_step(const Outcome *o);

/*
 * The moments between directory and Graph, in order, those that are known: whenChanged has whole seconds, and
 * clocks of two machines may disagree, so the first difference may be negative.
 */
struct FactsTime {
        const char *name;  /* "changed" */
        const char *title; /* "Changed in the directory" */
        Wall at;
};

#define FACTS_TIMES_MAX 6
size_t facts_times(const Outcome *o, FactsTime times[FACTS_TIMES_MAX]);

/* From the change (as near as it is known) to Graph's confirmation; -1: nothing was confirmed. */
int64_t facts_latency_ms(const Outcome *o, const char **ret_since);

/* Ids that can be searched: the same for every try of one change; the same for every run of one pair. */
const char *facts_change_id(Arena *a, const Outcome *o);
const char *facts_job_id(Arena *a, const Outcome *o);
const char *facts_source_id(Arena *a, const Outcome *o);

/* UTF-8 as it is; each byte that is not becomes U+FFFD. */
const char *facts_utf8(Arena *a, const char *s);

/* The next character of a text that may hold anything; an invalid byte is U+FFFD. Returns its length. */
size_t facts_next_char(const char *s, uint32_t *ret_code);

/* The export step's row for a modified property; NULL: it has none. */
const AttributeInfo *facts_exported(const Outcome *o, const char *name, size_t *ret_step, size_t *ret_row);

/* "1.2 kB", for what is folded. */
const char *facts_size(size_t n, char *buf, size_t size);
