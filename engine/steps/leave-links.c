/* SPDX-License-Identifier: Apache-2.0 */

/* Leave links: the rows of members and managers, on both sides. Only differences are written. */

#include "engine/steps/internal.h"

#include "base/str.h"

/* What the cloud has now: as it was read whole, and what was confirmed since. */
void run_leave_cloud_links(Run *run)
{
        const char *name = run_link_attribute(run->cloud.type);
        const void *owner = &run->cloud_id;
        bool manager = str_is(name, "manager");

        if (run->links_read) {
                space_write_link(&run->batch, LINK_CLOUD, LINK_CLEAR, owner, sizeof(run->cloud_id), name,
                                 NULL);
                for (size_t i = 0; i < run->n_cloud_links; i++)
                        space_write_link(&run->batch, LINK_CLOUD, LINK_ADD, owner, sizeof(run->cloud_id),
                                         name, &run->cloud_links[i]);
        }
        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];

                if (op->kind != OP_LINK && op->kind != OP_UNLINK)
                        continue;
                /* Who perhaps is there no more is put there again if he is named. */
                if (run_is_unheard(run, i) && (manager || op->kind == OP_UNLINK))
                        space_write_link(&run->batch, LINK_CLOUD, manager ? LINK_CLEAR : LINK_REMOVE, owner,
                                         sizeof(run->cloud_id), name, manager ? NULL : &op->link);
                if (!run_is_confirmed(run, i))
                        continue;
                if (manager)
                        space_write_link(&run->batch, LINK_CLOUD, LINK_CLEAR, owner, sizeof(run->cloud_id),
                                         name, NULL);
                if (op->kind == OP_LINK || !manager)
                        space_write_link(&run->batch, LINK_CLOUD,
                                         op->kind == OP_LINK ? LINK_ADD : LINK_REMOVE, owner,
                                         sizeof(run->cloud_id), name, &op->link);
        }
}

/* Only the difference is written. Waits for what is not named any more go with it. */
static int leave_names(Run *run, const char *attribute, const ObjectId *now, size_t n_now)
{
        uint8_t owner[OBJECT_KEY_SIZE];
        ObjectId *before = NULL;
        size_t n_before = 0, i = 0, j = 0;
        int r;

        object_key_pack(&run->key, owner);
        r = space_read_links(run->space, LINK_IMPORT, owner, sizeof(owner), attribute, run->arena, &before,
                             &n_before);
        if (r)
                return r;
        /* The plan has looked at every one of them. */
        space_write_link(&run->batch, LINK_READY, LINK_CLEAR, owner, sizeof(owner), attribute, NULL);
        while (i < n_now || j < n_before) {
                int order = i == n_now ? 1 : j == n_before ? -1 : guid_compare(&now[i], &before[j]);

                if (order < 0)
                        space_write_link(&run->batch, LINK_IMPORT, LINK_ADD, owner, sizeof(owner), attribute,
                                         &now[i]);
                if (order > 0) {
                        ObjectKey target = { .source = run->key.source, .id = before[j] };
                        uint8_t waiting[OBJECT_KEY_SIZE];

                        object_key_pack(&target, waiting);
                        /* What staging holds back is to be unlinked once it may leave. */
                        if (!run_is_staging(run) || !run->n_ops)
                                space_write_link(&run->batch, LINK_IMPORT, LINK_REMOVE, owner, sizeof(owner),
                                                 attribute, &before[j]);
                        space_write_link(&run->batch, LINK_WAIT, LINK_REMOVE, waiting, sizeof(waiting),
                                         attribute, &run->key.id);
                }
                i += order <= 0;
                j += order >= 0;
        }
        return 0;
}

/* What the object names in AD, as the plan has taken it. */
int run_leave_import_links(Run *run)
{
        const char *attribute = run_link_attribute(run_cloud_type(run));
        const FlowedValue *why;
        const ObjectId *now;
        size_t n_now;

        run_names_now(run, attribute, &now, &n_now, &why);
        return leave_names(run, attribute, now, n_now);
}
