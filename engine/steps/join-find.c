/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/steps/join-find.h"

const Value *join_values(const JoinGroup *group, const Object *o, Arena *a)
{
        Value *values = arena_new_array(a, Value, group->n_clauses + 1);

        for (size_t c = 0; c < group->n_clauses; c++)
                values[c] = object_get(o, group->clauses[c].source);
        return values;
}

/* Of `ids` those that are among `others`. Return: how many. */
static size_t keep_common(ObjectId *ids, size_t n, const ObjectId *others, size_t n_others)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n_others; j++)
                        if (guid_is(&ids[i], &others[j])) {
                                ids[kept++] = ids[i];
                                break;
                        }
        return kept;
}

int join_find(Space *s, const char *mv_type, const JoinGroup *group, const Value *values, Arena *a,
              ObjectId **ret_ids, size_t *ret_n)
{
        ObjectId *ids = NULL;
        size_t n = 0;

        for (size_t c = 0; c < group->n_clauses; c++) {
                const JoinClause *clause = &group->clauses[c];
                ObjectId *found = NULL;
                size_t n_found = 0;
                int r;

                if (value_is_none(values[c])) {
                        n = 0;
                        break;
                }
                r = space_find_join(s, mv_type, clause->metaverse, values[c], clause->case_sensitive, a,
                                    &found, &n_found);
                if (r)
                        return r;
                if (c == 0) {
                        ids = found;
                        n = n_found;
                        continue;
                }
                n = keep_common(ids, n, found, n_found);
        }
        *ret_ids = ids;
        *ret_n = n;
        return 0;
}
