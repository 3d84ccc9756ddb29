/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compare copy: a tenant as it was listed a moment ago, to be asked as a target
 *
 *      graph_tenant_list --object--> file (unlinked) + index        pipeline --fetch--> object of the file
 *
 * A listing of 999 objects a request is a hundred times cheaper than a look-up each, but does not fit into
 * memory: the objects are in a file that nobody else sees and that is gone with the process; in memory are a
 * few dozen bytes each. It is a Target, so the ten steps run on it as they are: look-ups by id, anchor and
 * user name; nothing is ever written.
 *
 * Members are not in a listing: with `members_of` set, a group is fetched from the real target.
 * Belongs to one thread.
 */

#include "engine/target/target.h"

typedef struct CompareCopy CompareCopy;

/* `folder`: where the file is. `real` is borrowed: info and members. Return: 0, -errno. */
int compare_copy_new(CompareCopy **ret_copy, const char *folder, Target *real);
CompareCopy *compare_copy_free(CompareCopy *c);

/* Return: 0, -errno. */
int compare_copy_add(CompareCopy *c, const char *type, const TargetObject *o, const ObjectId *manager);

Target *compare_copy_target(CompareCopy *c);
void compare_copy_members_of(CompareCopy *c, bool members);

/* The anchor of the user with this name. False: no such user; NULL: it has none. */
bool compare_copy_user(CompareCopy *c, const char *upn, Arena *a, const char **ret_anchor);

/* Remember that an object has its counterpart; false: it had one already. */
bool compare_copy_mark(CompareCopy *c, const ObjectId *id);

/* Those that have none, and carry an anchor. fn not 0 ends it. Return: 0, what fn returned, -errno. */
int compare_copy_rest(CompareCopy *c, int (*fn)(void *context, const char *type, const Object *o),
                      void *context);
uint64_t compare_copy_count(const CompareCopy *c);

DEFINE_CLEANUP(CompareCopy, compare_copy_free)
