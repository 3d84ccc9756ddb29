/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RulesStore: the rule sets that were active, and which one is
 *
 *      rules.history          the last RULES_KEPT activations, newest first: version, origin, who, how, when
 *      rules.text.<version>   the files of that version, whole
 *      MEMO_JOINS             the index of join values is not whole for a new version: how far it is
 *      rules.catch-up         a new version is still to be applied to what others did: how far that is
 *
 * The active set is what the state says, never what lies in a folder: a reload, a restart and a new version
 * of the program change nothing until somebody activates it. Only a state without any history takes the set
 * of the configuration as it is.
 *
 * Readers may be any thread. rules_store_activate() and rules_store_adopt() are called under
 * Wiring.rules_lock.
 */

#include "engine/rules/rules.h"
#include "queue/queue.h"

typedef struct RulesActivation RulesActivation;
typedef struct RulesHistory RulesHistory;

enum {
        RULES_STORE_E_BASE_ = 2560, /* within ERROR_BASE_APP */

        RULES_STORE_E_NONE, /* no such version is kept, or nothing is to be caught up */
};

#define RULES_KEPT 20

struct RulesActivation {
        const char *version;
        const char *origin; /* "/etc/sosync/rules", "the shipped set of sosync 0.1.0" */
        const char *by;     /* who */
        const char *how;    /* "first start", "activate", "rollback" */
        Wall at;
};

struct RulesHistory {
        RulesActivation items[RULES_KEPT];
        size_t n;
        uint64_t serial;
};

/* A damaged history is an error, not an empty one. Return: 0 (also with n 0), -errno. */
int rules_store_history(Space *s, Arena *a, RulesHistory *ret_history);

/* Return: 0, RULES_STORE_E_NONE, -errno. */
int rules_store_read(Space *s, Arena *a, const char *version, const RulesFile **ret_files, size_t *ret_n);

/*
 * From now on this set is active; `texts` are its files. One commit: history, texts, what is to be indexed
 * and caught up (unless it is the first), and the texts of versions that the history has forgotten go.
 * Return: 0, -EFBIG (more than a record takes), -errno.
 */
int rules_store_activate(Queue *q, const RulesFile *texts, size_t n_texts, const RulesActivation *what);

/* The metaverse id that was looked at last; zero: none yet. Return: 0, RULES_STORE_E_NONE, -errno. */
int rules_store_catch_up(Space *s, ObjectId *ret_after);

/* `changes` are put with it, in one commit. `after` NULL: all is done. Return: as queue_put. */
int rules_store_caught_up(Queue *q, const ObjectId *after, const Change *changes, size_t n_changes, Wall now);

/* The same of the index of join values: the one that has his rows, the rows that are put with it. */
int rules_store_joins(Space *s, ObjectId *ret_after);
int rules_store_indexed(Queue *q, const ObjectId *after, const LinkWrite *links, size_t n_links, Wall now);
