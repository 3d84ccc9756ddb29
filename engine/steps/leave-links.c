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

/* Not named any more, by this object: neither is it to be unlinked again, nor is it waited for. */
static void leave_unnamed(Run *run, const ObjectKey *key, const char *attribute, const ObjectId *named)
{
        ObjectKey target = { .source = key->source, .id = *named };
        uint8_t owner[OBJECT_KEY_SIZE], waiting[OBJECT_KEY_SIZE];

        object_key_pack(key, owner);
        object_key_pack(&target, waiting);
        /* What staging holds back is to be unlinked once it may leave. */
        if (!run_is_staging(run) || !run->n_ops)
                space_write_link(&run->batch, LINK_IMPORT, LINK_REMOVE, owner, sizeof(owner), attribute,
                                 named);
        space_write_link(&run->batch, LINK_WAIT, LINK_REMOVE, waiting, sizeof(waiting), attribute, &key->id);
}

/* The manager is the person's: what this run has said, the other objects of it have said too. */
static void leave_others(Run *run, const char *attribute, const ObjectId *named)
{
        for (size_t i = 0; str_is(attribute, "manager") && i < run->person.n_joined; i++) {
                const ObjectKey *key = &run->person.joined[i];
                uint8_t owner[OBJECT_KEY_SIZE];

                if (key->source == run->key.source && guid_is(&key->id, &run->key.id))
                        continue;
                object_key_pack(key, owner);
                if (named)
                        leave_unnamed(run, key, attribute, named);
                else
                        space_write_link(&run->batch, LINK_READY, LINK_CLEAR, owner, sizeof(owner), attribute,
                                         NULL);
        }
}

/* Only the difference is written. Waits for what is not named any more go with it. */
static int leave_names(Run *run, const char *attribute, const ObjectId *now, size_t n_now)
{
        uint8_t owner[OBJECT_KEY_SIZE];
        ObjectId *before = NULL;
        size_t n_before = 0, i = 0, j = 0;
        int r = run_named_before(run, attribute, &before, &n_before);

        if (r)
                return r;
        object_key_pack(&run->key, owner);
        /* The plan has looked at every one of them. */
        space_write_link(&run->batch, LINK_READY, LINK_CLEAR, owner, sizeof(owner), attribute, NULL);
        leave_others(run, attribute, NULL);
        while (i < n_now || j < n_before) {
                int order = i == n_now ? 1 : j == n_before ? -1 : guid_compare(&now[i], &before[j]);
                bool known = order == 0;

                /* It may be another object of the person that has named it up to now. */
                if (known && str_is(attribute, "manager"))
                        r = space_has_link(run->space, LINK_IMPORT, owner, sizeof(owner), attribute, &now[i],
                                           &known);
                if (r)
                        return r;
                if (order <= 0 && !known)
                        space_write_link(&run->batch, LINK_IMPORT, LINK_ADD, owner, sizeof(owner), attribute,
                                         &now[i]);
                if (order > 0) {
                        leave_unnamed(run, &run->key, attribute, &before[j]);
                        leave_others(run, attribute, &before[j]);
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
