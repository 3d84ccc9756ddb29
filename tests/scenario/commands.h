/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Commands: what the files of the table share
 *
 * A command gets its words, itself included, and answers false after scene_fail().
 */

#include "tests/scenario/scene.h"

const char *command_value(Scene *s, const char *const *words, size_t n_words, const char *name);
bool command_has(const char *const *words, size_t n_words, const char *word);
int64_t command_number(const char *text, int64_t fallback);
bool command_need(Scene *s, const char *name, Thing **ret_thing); /* the object of this name */

/* commands-reconcile.c */
bool command_drift(Scene *s, const char *const *words, size_t n_words);
bool command_reconcile_now(Scene *s, const char *const *words, size_t n_words);

/* commands-rules.c */
bool command_rules(Scene *s, const char *const *words, size_t n_words);
bool command_rule(Scene *s, const char *const *words, size_t n_words);
bool command_activate(Scene *s, const char *const *words, size_t n_words);
bool command_catch_up(Scene *s, const char *const *words, size_t n_words);

/* commands-objects.c */
bool command_object(Scene *s, const char *const *words, size_t n_words);
bool command_objects(Scene *s, const char *const *words, size_t n_words);
bool command_rename(Scene *s, const char *const *words, size_t n_words);
bool command_directory(Scene *s, const char *const *words, size_t n_words);
bool command_move(Scene *s, const char *const *words, size_t n_words);
bool command_delete(Scene *s, const char *const *words, size_t n_words);
bool command_change(Scene *s, const char *const *words, size_t n_words);
void command_meanwhile_now(void *scene); /* what MEANWHILE has named, once */
bool command_cloud(Scene *s, const char *const *words, size_t n_words);

/* faults.c: what goes wrong */
bool fault_reply(Scene *s, const char *const *words, size_t n_words);
bool fault_source(Scene *s, const char *const *words, size_t n_words);
bool fault_lag(Scene *s, const char *const *words, size_t n_words);
bool fault_hold(Scene *s, const char *const *words, size_t n_words);
bool fault_crash(Scene *s, const char *const *words, size_t n_words);
bool fault_full(Scene *s, const char *const *words, size_t n_words);
bool fault_unreadable(Scene *s, const char *const *words, size_t n_words);
bool fault_claim(Scene *s, const char *const *words, size_t n_words);

/* people.c: what an administrator does */
bool people_request(Scene *s, const char *const *words, size_t n_words);
bool people_approve(Scene *s, const char *const *words, size_t n_words);
bool people_unpark(Scene *s, const char *const *words, size_t n_words);
bool people_revert(Scene *s, const char *const *words, size_t n_words);
bool people_let_go(Scene *s, const char *const *words, size_t n_words);
bool people_release(Scene *s, const char *const *words, size_t n_words);
