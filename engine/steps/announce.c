/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Announce: durable before it leaves
 *
 * A process may die between a request and the acknowledgement that stores what has become of it, and until
 * the next one looks the directory may have taken back what was sent. Most of it is found all the same: what
 * was in work when a process died is worked on whole (Lease.in_doubt), and a value is read back and put
 * right. What a read cannot tell is announced, as if it were sent and nothing were heard of it (unheard.c):
 *
 *  - a create, by its intent: the next run looks for the object before it makes a second one;
 *  - links: which the directory has named. Nobody else knows that one of them is ours to take out again;
 *  - the account: an account that is found off is one that somebody has blocked, unless it was us;
 *  - a value that no rule gave before: it is ours to clear. And with each what it replaces, for a revert;
 *  - an object that was found, and is nobody's yet, with all of this: it is this person's from now on. Two
 * who would find it at the same time write the same row, and the second is told.
 *
 * When the answers are there, or nothing has left, the rows are written anew with what is certain. It costs a
 * commit, which all runs of that moment share; a run that only replaces values that it gave before has none.
 */

#include "engine/steps/internal.h"

#include "base/error.h"
#include "base/str.h"

#include <errno.h>

/* So many links are one request. */
#define LINKS_OF_A_REQUEST 20

static bool is_link(const Op *op)
{
        return (op->kind == OP_LINK || op->kind == OP_UNLINK) && !op->owner;
}

/* Who is linked counts as named by the directory from now on: run_leave_named() takes back what has certainly
 * not left. Return: 0, -errno. */
static int note_names(Run *run)
{
        const char *attribute = run_link_attribute(run_cloud_type(run));
        uint8_t owner[OBJECT_KEY_SIZE];
        int r = 0;

        object_key_pack(&run->key, owner);
        run->new_names = arena_new_array(run->arena, bool, run->n_ops);
        for (size_t i = 0; r == 0 && i < run->n_ops; i++) {
                const Op *op = &run->ops[i];
                bool named = false;

                if (op->kind != OP_LINK || !is_link(op) || guid_is_zero(&op->named))
                        continue;
                r = space_has_link(run->space, LINK_IMPORT, owner, sizeof(owner), attribute, &op->named,
                                   &named);
                run->new_names[i] = r == 0 && !named;
                if (run->new_names[i])
                        space_write_link(&run->batch, LINK_IMPORT, LINK_ADD, owner, sizeof(owner), attribute,
                                         &op->named);
        }
        return r;
}

/* The intent of a create. A head goes with it, so that intake follows the object, and the next run finds the
 * intent, wherever the object goes before the answer is known. */
static void note_create(Run *run)
{
        ObjectId random;
        char *id = arena_alloc(run->arena, GUID_TEXT_MAX);

        guid_random(&random);
        guid_format(&random, id);
        run->ops[0].request_id = id;
        if (run->have_intent)
                run->intent_before = run->intent;
        run->intent = (Intent){
                .anchor = run->anchor,
                .type = run_cloud_type(run),
                .request_id = id,
                .tries = run->intent.tries + 1,
                .at = clock_wall(run->clock),
        };
        space_write_intent(&run->batch, &run->metaverse, &run->intent, SPACE_ANY);
        if (!run->known)
                space_write_head(&run->batch, &run->key,
                                 &(Head){
                                         .parent = run->entry.parent,
                                         .dn = run->dn->text,
                                         .type = run->type,
                                         .in_scope = true,
                                         .account_enabled = run_is_enabled(run),
                                         .metaverse = run->metaverse,
                                 },
                                 run->head_serial);
        step_detail(run, "client-request-id", "%s", id);
}

/* The cloud object is that of the object's person already: else what a run before it gave is not known
 * anyway.
 */
static bool is_known(const Run *run)
{
        return guid_is(&run->person.cloud, &run->cloud_id);
}

/* Found in Entra ID, and nobody's yet. What a create of ours has made is found again by its intent, and what
 * stands in the place of one that was lost by its anchor. */
static bool is_adopted(const Run *run)
{
        return run->mv && !is_known(run) && !run->is_own_create && guid_is_zero(&run->lost);
}

static bool needs_note(const Run *run)
{
        for (size_t i = 0; i < run->n_ops; i++)
                if (is_link(&run->ops[i]) || run_is_account(&run->ops[i]))
                        return true;
        return is_adopted(run) || (is_known(run) && run_gave_something(run));
}

static size_t count_links(const Run *run)
{
        size_t n = 0;

        for (size_t i = 0; i < run->n_ops; i++)
                n += is_link(&run->ops[i]);
        return n;
}

/* The rows of an object whose cloud object is known, or was just found. The links are read by the next run:
 * it knows neither which of them have left nor, of many, how many; and of what was just found none has a row
 * yet. Of a long list the journal has what each acknowledgement confirms. */
static void note_changes(Run *run)
{
        size_t n_links = count_links(run);
        Cloud cloud = run->cloud;

        if (n_links <= LINKS_OF_A_REQUEST)
                run_leave_journal(run);
        run_remember_writes(run);
        if (n_links || is_adopted(run))
                run->cloud.links_imported = (Wall){ 0 };
        run->cloud.metaverse = run->metaverse;
        run->cloud.anchor = run->anchor ? run->anchor : cloud.anchor;
        space_write_cloud(&run->batch, &run->cloud_id, &run->cloud, run->cloud_serial);
        run->cloud = cloud;
        if (is_adopted(run)) {
                run_leave_adopted(run);
                return;
        }
        if (is_known(run) && run_gave_something(run))
                run_leave_person(run, NULL);
        if (run->known && run->change.kind != CHANGE_LINK)
                run_leave_unfinished(run);
}

static bool is_written(const Run *run, SpaceTable table)
{
        for (size_t i = 0; i < run->batch.n_writes; i++)
                if (run->batch.writes[i].table == table)
                        return true;
        return false;
}

/* What was written has another serial by now, and the acknowledgement goes by that. */
static int read_serials(Run *run)
{
        Person person;
        Cloud cloud;
        Head head;
        int r = 0;

        if (is_written(run, SPACE_HEAD))
                r = space_read_head(run->space, &run->key, run->arena, &head, &run->head_serial, &run->diag);
        if (r == 0 && is_written(run, SPACE_METAVERSE))
                r = space_read_person(run->space, &run->metaverse, run->arena, &person, &run->person_serial,
                                      &run->diag);
        if (r == 0 && is_written(run, SPACE_CLOUD))
                r = space_read_cloud(run->space, &run->cloud_id, run->arena, &cloud, &run->cloud_serial,
                                     &run->diag);
        return r > 0 ? error_origin(-EIO) : r;
}

static bool is_announced(const Run *run)
{
        if (run->ops[0].kind == OP_CREATE)
                return true;
        return !guid_is_zero(&run->cloud_id) && run->cloud.object && needs_note(run);
}

int run_announce(Run *run)
{
        bool create = run->ops[0].kind == OP_CREATE;
        SpaceBatch batch = run->batch;
        int r = 0;

        run->announcing = true;
        if (is_announced(run)) {
                space_batch_init(&run->batch, run->arena);
                /* References that have become ready were named by a whole run. */
                if (run->change.kind != CHANGE_LINK || run->reverting)
                        r = note_names(run);
                if (r == 0 && create)
                        note_create(run);
                else if (r == 0)
                        note_changes(run);
                if (r == 0)
                        r = run->note(run, &run->batch);
                if (r == 0) {
                        run->announced = true;
                        run->have_intent |= create;
                        r = read_serials(run);
                }
        }
        run->batch = batch;
        run->announcing = false;
        /* The disk is full. What is no create can be sent twice, and a disable does not wait for a disk. */
        if (r == -ENOSPC && !create) {
                step_detail(run, "announced", "no: nothing can be stored");
                return 0;
        }
        /* Another run has written what this one read, or another node has the object by now. */
        if (r == -EAGAIN)
                return step_fail(run, STEP_E_RETRY, "ConcurrentUpdate", NULL);
        return r;
}
