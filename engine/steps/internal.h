/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the steps share among themselves: the functions of the table, and the parts that two of them need.
 */

#include "engine/steps/say.h"
#include "engine/steps/steps.h"
#include "engine/target/schema.h"

#define STEP_PROTOTYPE(function, name, type, title) int step_##function(Run *run);
STEPS(STEP_PROTOTYPE)
#undef STEP_PROTOTYPE

/* join.c: find or make the metaverse object, claim it, and run the inbound rules into run->mv. What goes
 * wrong is kept for the ninth step. Return: 0, STEP_E_RETRY (somebody else has it), -errno. */
int run_join(Run *run);

/* newcomer.c: may this object be one with those that are joined to what it has found? Claimed, and
 * run->person is read. Return: 0, STEP_E_PARK, -errno. */
int run_judge_newcomer(Run *run);
void run_leave_newcomer(Run *run); /* parked: it is run again when there is room */
int run_leave_room(Run *run); /* this object leaves: who waits for that is run again. Return: 0, -errno */

/* journal.c: what was replaced, into the batch. */
void run_leave_journal(Run *run);

/* ahead.c: values that another controller has already. Recall: 0, -errno. */
int run_recall_ahead(Run *run);
void run_ask_ahead(const Run *run, SourceQuery *q);
void run_apply_ahead(Run *run);
void run_say_ahead(Run *run);
void run_leave_ahead(Run *run);

/* revert.c: the object's Hold, and a run that puts back what it wants. */
int run_recall_hold(Run *run);
bool run_is_revert_step(const Run *run, StepName name); /* only these are run of a revert */
int run_import_held(Run *run);
int run_plan_revert(Run *run);
void run_leave_hold(Run *run);

/* protect.c: may the object be written at all? Return: 0, STEP_E_SKIP, STEP_E_RETRY, -errno. */
int run_ask_protected(Run *run);

/* contend.c: does somebody set back what we write, again and again? */
bool run_is_contended(Run *run, const TargetAttribute *at, Value ours, Value theirs);

/* last-word.c: what is said to the account of an object that is not synchronized any more. */
int run_last_word(Run *run, const char *code, const char *why,
                  bool leaves);                 /* Return: 0, STEP_E_SKIP, STEP_E_PARK, -errno */
int run_ask_whether_on(Run *run, bool *ret_on); /* one of the person's. Return: 0, -errno */
/* Is another object of this person still synchronized; on: and was the account to be on at its last run?
 * Return: 0, -errno. */
int run_has_other(Run *run, bool on, bool *ret_has);
int run_judge_gone(Run *run);  /* third step of a tombstone. Return: 0 (run->gone), STEP_E_SKIP, -errno */
int run_import_gone(Run *run); /* its eighth */
int run_plan_gone(Run *run);   /* its ninth */
bool run_is_gone_step(StepName name); /* only these are run for it */

/* import-target.c: the object whose id we know. *ret_gone: it is not there any more. */
int run_import_known(Run *run, bool *ret_gone);
/* Graph does not show it yet: look again soon, until it must have replicated. Return: STEP_E_RETRY. */
int run_wait_for_replication(Run *run, Wall since, const char *why);

/* join.c: a metaverse object for people: the DN of the first object that is joined to it */
const char *run_name_of(Run *run, const ObjectId *metaverse);
int run_claim(Run *run, const ObjectId *id); /* Return: 0, STEP_E_RETRY, -errno */

/* import-target.c: an object as it was read from Entra ID; links only if they were asked for. */
typedef struct RunImport {
        ObjectSink sink; /* first: the target calls through it */
        Run *run;
        const Object *object;
        bool mastered_elsewhere, role_assignable;
        ObjectId *links;
        size_t n_links, size_links;
} RunImport;

/* Return: 0, TARGET_E_*, -errno. */
int run_fetch(Run *run, const char *type, MatchBy by, const char *value, bool links, RunImport *ret_import);

/* What was read becomes run->cloud. */
void run_adopt(Run *run, const RunImport *import, bool links);

/* hard-match.c: by the anchor, and what a create without an answer may have made. Return: 0, STEP_E_*,
 * -errno. */
int run_recall_intent(Run *run);
int run_hard_match(Run *run, bool *ret_found);
int run_mind_intent(Run *run); /* too early to say that there is nothing: STEP_E_RETRY */
int run_take(Run *run, const RunImport *import);
/* Known in the cloud, or a create was sent and its answer never came. The type is the cloud's, or NULL. */
int run_may_be_in_cloud(Run *run, bool *ret_may, const char **ret_type);
/* Of an object that no rules look at any more, claimed: what its create has made. */
int run_match_lost(Run *run, bool *ret_found);

/* soft-match.c: an object without an anchor that is to be taken for this one. Return: 0, STEP_E_PARK (it
 * needs a person), STEP_E_RETRY, -errno. */
int run_soft_match(Run *run, RunImport *ret_import, bool *ret_found);
/* What was found before is none any more, if there is one. */
void run_leave_candidate(Run *run);

/* announce.c: what could not be told after a death, durable before it leaves. Return: 0, -errno. */
int run_announce(Run *run);

/* plan.c: no create and no match while the rules' anchors are known to be wrong. Return: 0, STEP_E_PARK. */
int run_mind_anchor(Run *run);

/* deleted.c: before a create, was it there and deleted? Return: 0, STEP_E_PARK, STEP_E_RETRY, -errno. */
int run_ask_deleted(Run *run);
int run_ask_restorable(Run *run, bool *ret_is); /* of a tombstone. Return: 0, STEP_E_*, -errno */

/* plan.c: the account is on, as it should be. Who turns it off from now on is somebody else, whatever becomes
 * of this run. */
void run_enable_is_over(Run *run);

/* plan.c: compare run->planned with run->cloud into run->ops. Return: 0, STEP_E_*. */
int run_plan(Run *run);
/* Only what turns the account off stays in the plan. `*ret_left`: names of what went, or NULL. Returns how
 * much. */
size_t run_keep_disable(Run *run, const char **ret_left);
Op *run_add_op(Run *run, OpKind kind, const char *attribute, Value value, Value old_value,
               const FlowedValue *why);

/* references.c: manager and members of run->planned, into ops and edges. Return: 0, -errno. */
int run_plan_references(Run *run);
int run_compare_ids(const void *a, const void *b); /* of ObjectIds, for qsort and bsearch */
/* What the object names now: members of the entry, or the one manager that was planned. */
void run_names_now(Run *run, const char *attribute, const ObjectId **ret_ids, size_t *ret_n,
                   const FlowedValue **ret_why);

/* resolve.c: the cloud object that a reference means. Return: 0, SPACE_E_NONE, -errno. */
int run_resolve(Run *run, const ObjectId *named, ObjectId *ret_cloud);
/* The object is in the cloud now: a reference to it, of whatever directory, finds it, and who waits for it is
 * woken. */
void run_leave_resolvable(Run *run, const ObjectKey *key);
/* What it named when it was last planned, sorted; a manager by any object of the person. Return: 0, -errno.
 */
int run_named_before(Run *run, const char *attribute, ObjectId **ret_ids, size_t *ret_n);

/* export-say.c: what the report says of the plan, and of what became of it. */
void run_say_plan(Run *run);
void run_say_owner(Run *run);
void run_put_on_paper(Run *run); /* the requests as they would be sent */

/* link.c: a CHANGE_LINK run: the plan of the edges that have become ready. Return: 0, STEP_E_*. */
int run_plan_ready(Run *run);

/* brake.c: may the plan's effects happen now? Return: 0, STEP_E_PARK. */
int run_ask_brakes(Run *run);
/* What was counted and had no effect is given back; after the steps. */
void run_settle_brakes(Run *run);

/* blame.c: what a source or target could not do, as the step's answer. */
int run_source_failed(Run *run, int result);
int run_target_failed(Run *run, int result);

/* leave.c: everything a done run leaves behind goes into the batch. */
int run_leave_behind(Run *run);
int run_leave_ready(Run *run, bool done);
/* When what was sent must have replicated, once more; links: they are read then. Before the cloud object and
 * the person are left behind. */
void run_look_again(Run *run, bool links);
void run_leave_adopted(Run *run);    /* what was found is this person's, whatever becomes of the run */
void run_leave_unfinished(Run *run); /* the head says that the object is to be worked on whole */
/* leave-cloud.c: facts, also of a run that is not done. */
bool run_is_confirmed(const Run *run, size_t i); /* has the service accepted this operation? */
void run_leave_cloud(Run *run);
void run_leave_appeared(
        Run *run); /* references to the object, and to others of its person, can be resolved */
void run_remember_writes(Run *run); /* what this run has written, into run->cloud.writes */
void run_leave_intent(Run *run);
/* leave-person.c: the metaverse object; `mv` NULL: as it was, with what was accepted. */
void run_leave_person(Run *run, const FlowedObject *mv);
void run_leave_joins(Run *run);
bool run_gave_something(const Run *run); /* an attribute that no run before it gave was accepted */
bool run_is_joined(const Run *run);      /* this object to the metaverse object, before this run */
/* leave-links.c */
void run_leave_cloud_links(Run *run);
int run_leave_import_links(Run *run);

/* recent.c: links that were written moments ago, as notes among the writes of the cloud object; room for one
 * of each operation is in `writes`. Return: how many there are. */
size_t run_leave_recent(const Run *run, CloudWrite *writes, size_t n);
/* "There already", or "not there", of a link whose opposite was written moments ago, is not believed: its
 * result becomes OP_NOT_SENT. Return: when that was; 0: none. */
Wall run_doubt_links(const Run *run, OpResult *results);
/* A link that was just read is not there. May that be a read of before it was added? Of a crowd nobody knows:
 * then the run is to look again (is_hidden). */
bool run_may_be_hidden(Run *run, const char *attribute, const ObjectId *link);
/* Links that were read are not there, if their end was sent and a read may show what was before it. */
void run_doubt_read(Run *run);

/* withdraw.c: has it left scope for good, or was it deleted? Then what it gave is taken back, and the others
 * of its person run again. Return: 0, -errno. */
bool run_has_left(const Run *run);
int run_withdraw(Run *run);
int run_has_say(Run *run, const ObjectKey *key, bool *ret_has); /* by what was imported last. 0, -errno */

/* referrers.c: it has another cloud id than the one that is lost: who names it is told. Return: 0, SPACE_E_*,
 * -errno. */
bool run_is_made_again(const Run *run);
int run_leave_referrers(Run *run);

/* trust.c: may the row of the connector space stand for a read? */
bool run_may_trust(const Run *run);
void run_mind_trust(Run *run);

/* unheard.c: what was sent, and perhaps done */
bool run_is_unheard(const Run *run, size_t i);
bool run_links_are_unheard(const Run *run);         /* since a run before this one */
bool run_is_account(const Op *op);                  /* it turns the account on, or off */
bool run_is_unfinished(const Run *run);             /* a run before this one has not come to its end */
bool run_account_was_sent(const Run *run, bool on); /* by a run before this one, without an answer */
bool run_account_may_turn(const Run *run, bool on); /* ... and a read does not show yet whether it arrived */
void run_owe_revoke(Run *run, const FlowedValue *why);
bool run_is_to_revoke(const Run *run); /* with the disable: by this change, or one that was kept back */
void run_note_revoke(Run *run);        /* the disable is kept back, and is to end the sessions */
bool run_is_mark(const CloudWrite *w);
size_t run_leave_marks(const Run *run, CloudWrite *writes, size_t n);
void run_leave_named(Run *run);

/* May a read of Graph still show what was there before this moment? One that is a little ahead was told by
 * another node's clock, or ours was set back; one far in the future by a clock that was wrong: no. 0: never.
 */
bool run_is_settling(const Run *run, Wall since);

/* Monotonic to wall time, for the report; 0 stays 0. */
Wall run_wall(const Run *run, Mono t);

/* This result holds until then: the earliest such date of the run stays with the change when it is done. */
void run_note_due(Run *run, const FlowedObject *o);

/* The cloud type that a metaverse type becomes: "user", "group"; NULL: it has none. */
const char *run_cloud_type(const Run *run);

/* The one attribute of a cloud type whose values name objects: "member" of groups, "manager" of users. */
const char *run_link_attribute(const char *cloud_type);

/* Is the account on in Active Directory? True for what has no such thing. */
bool run_is_enabled(const Run *run);
/* A user of which that is not known: the answer of run_is_enabled() means nothing. */
bool run_is_unread(const Run *run);
int run_unread(Run *run); /* Return: STEP_E_PARK */

static inline bool run_is_staging(const Run *run)
{
        return run->config->staging || run->config->unkept || run->change.staging;
}

/* A source by its number; one that nobody knows has neither name nor scope. */
const RunConnector *run_connector_of(const Run *run, uint16_t source);

static inline const RunConnector *run_connector(const Run *run)
{
        return run_connector_of(run, run->key.source);
}
