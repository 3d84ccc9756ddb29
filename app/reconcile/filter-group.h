/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FilterGroup: the members of scope.group_filter, and of each group that a rule names, as rows
 *
 * A user who is put into the pilot group has no event of his own: only the group has changed. So its members
 * are kept as links (LINK_IMPORT of the group, under a name of ours, whether or not the group itself is
 * synchronized), and a change of the group becomes a change for each who came or went, in the normal lane:
 *
 *      entry of the group --> memo "due", with the feed's position
 *          --> read it whole, compare --> changes + rows
 *
 * The filter: the first time, only the rows are stored: `source.initial` decides about those who are members
 * already. Another group in the configuration is compared with the members of the one before.
 *
 * A group of a rule (ISMEMBEROF, ISNOTMEMBEROF): its rows are its own, under a name that its DN makes. The
 * first time, members that are known run once more: the rule may have become active before anybody watched.
 * Rows of a group that no rule names any more stay; they are compared when one names it again.
 */

#include "engine/model/dn.h"
#include "engine/rules/rules.h"
#include "engine/source/source.h"
#include "queue/queue.h"

typedef struct FilterGroup FilterGroup;
typedef struct WatchedGroup WatchedGroup;

/* One of which members are rows. */
struct WatchedGroup {
        const char *dn;
        const char *name;  /* of its memos: "filter", or made of the DN */
        const char *links; /* the name of its rows */
        bool wakes_known;  /* the first time too */
        bool again;        /* read it although no change of it is known: the feed may have missed one */
};

/* Those of one source: the filter, and groups of rules that are in it (below `base`). */
const WatchedGroup *watched_groups(Arena *a, const char *group_filter, const RuleSet *rules, const char *base,
                                   size_t *ret_n);

/* The rows as they are, for whoever asks about many objects. */
struct FilterGroup {
        bool known; /* there are rows, of the group that the configuration names */
        ObjectId group;
        uint8_t key[SPACE_KEY_MAX];
        size_t n_key;
};

/* `group_dn` is the scope.group_filter of the source; NULL: it has none. */

/* Is this entry the group's? Then what must survive goes into the batch. */
bool watched_group_note(const WatchedGroup *g, uint16_t source, const Dn *dn, SpaceBatch *batch);

/* Return: 0, -errno. Not known if there is no filter, or its group was not read yet. */
int filter_group_open(Space *space, const char *group_dn, uint16_t source, FilterGroup *ret_filter, Arena *a);

/* Is the object a member, or the group itself? Return: 0, -errno. */
int filter_group_has(Space *space, const FilterGroup *f, const ObjectId *id, bool *ret_has);

/*
 * If the group was not read yet, is another one, or is due: read it, and enqueue who came and went, in the
 * normal lane; in that of reconcile if `again` is why. Return: 0, SOURCE_E_*, QUEUE_E_FULL, -errno; the diag
 * says why.
 */
int watched_group_work(Queue *queue, Source *source, const WatchedGroup *g, uint16_t index, Wall now,
                       size_t *ret_n_added, size_t *ret_n_removed, Diag *diag);
