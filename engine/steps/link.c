/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Link: a run of references that have become ready
 *
 * Their targets have appeared in the cloud since the object named them. Only these edges are sent; the source
 * object is not read and no rule runs: 50,000 new members of a group cost 2,500 writes, not 50,000 runs of
 * it.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

int run_plan_ready(Run *run)
{
        uint8_t owner[OBJECT_KEY_SIZE];
        ObjectId *ready = NULL, *targets;
        const char *attribute;
        size_t n = 0;
        int r;

        if (guid_is_zero(&run->person.cloud)) {
                step_say(run, RESULT_SUCCESS,
                         "The object has no cloud object; its next run sets the references.");
                return 0;
        }
        run->cloud_id = run->person.cloud;
        run->anchor = run->person.anchor;
        r = space_read_cloud(run->space, &run->cloud_id, run->arena, &run->cloud, &run->cloud_serial,
                             &run->diag);
        if (r < 0)
                return r;
        if (r) {
                step_say(run, RESULT_SUCCESS,
                         "The cloud object is not known; its next run sets the references.");
                return 0;
        }
        if (!run->head.in_scope || run->cloud.mastered_elsewhere) {
                step_say(run, RESULT_SUCCESS, "%s; nothing of it is exported.",
                         run->head.in_scope ? "The object is mastered by another synchronization"
                                            : "The object is out of scope");
                return 0;
        }
        attribute = run_link_attribute(run->cloud.type);
        r = space_read_links(run->space, LINK_CLOUD, &run->cloud_id, sizeof(run->cloud_id), attribute,
                             run->arena, &run->cloud_links, &run->n_cloud_links);
        if (r)
                return r;
        object_key_pack(&run->key, owner);
        r = space_read_links(run->space, LINK_READY, owner, sizeof(owner), attribute, run->arena, &ready, &n);
        if (r)
                return r;

        targets = arena_new_array(run->arena, ObjectId, n + 1);
        for (size_t i = 0; i < n; i++) {
                ObjectId cloud;
                Op *op;

                r = run_resolve(run, &ready[i], &cloud);
                if (r < 0)
                        return r;
                if (r)
                        continue;
                targets[run->n_ready++] = ready[i];
                op = run_add_op(run, OP_LINK, attribute, VALUE_NULL, VALUE_NULL, NULL);
                op->link = cloud;
                op->named = ready[i];
        }
        run->ready = targets;
        step_say(run, RESULT_SUCCESS, "%zu references have become ready.", run->n_ready);
        return 0;
}
