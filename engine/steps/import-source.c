/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Step 7: import the object into the AD connector space
 *
 * The projection is what rules read of the object. When a feed's change left it as it was at the last
 * finished run, and the rules are the same, there is nothing to do: most of what a domain writes is noise.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

/* Only groups of the object's own directory: nobody else's DN means anything there. */
int run_ask_groups(const RuleSet *rules, Source *source, const ObjectId *id, const char *type,
                   ObjectBuilder *b, Diag *diag)
{
        SourceInfo info = { 0 };
        const Dn *base = NULL;
        size_t n;
        const RuleGroup *groups = rules_member_groups(rules, type, &n);
        int r = n ? source_info(source, &info, diag) : 0;

        if (n && r == 0 && (!info.base || dn_parse(b->arena, info.base, &base, NULL)))
                base = NULL;
        for (size_t i = 0; i < n && r == 0; i++) {
                bool member = false;

                if (!base || dn_is_below(groups[i].dn, base))
                        r = source_is_member(source, groups[i].dn->text, id, &member, diag);
                if (r == SOURCE_E_NOT_FOUND) {
                        diag_set(diag, "the group %s, which a rule names, cannot be read",
                                 groups[i].dn->text);
                        r = SOURCE_E_REFUSED;
                }
                if (r == 0)
                        object_add(b, groups[i].attribute, value_bool(member));
        }
        return r;
}

/* The object as rules see it: typed, the attributes that any rule reads, its DN, the number of members, and
 * whether it is one of the groups that rules name. */
int run_project(const RunConfig *config, Source *source, const SourceEntry *entry, const char *type,
                const char *dn, Arena *a, const Object **ret_object, Diag *diag)
{
        ObjectBuilder b;
        int r;

        object_build(&b, a);
        for (size_t i = 0; i < config->n_attributes; i++)
                object_add(&b, config->attributes[i], object_get(entry->object, config->attributes[i]));
        object_add(&b, "dn", value_string(dn));
        for (size_t i = 0; i < entry->n_links; i++)
                if (str_is(entry->links[i].attribute, "member") && str_is(type, "group"))
                        object_add(&b, RULES_COUNT_MEMBER,
                                   value_int((int64_t)(entry->links[i].n_ids + entry->links[i].n_unknown)));
        r = run_ask_groups(config->rules, source, &entry->object->id, type, &b, diag);
        if (r == 0)
                *ret_object = object_finish(&b, &entry->object->id, type, dn);
        return r;
}

Hash128 run_fingerprint(const Object *projection, const SourceEntry *entry)
{
        Hash128 h = object_hash(projection);

        for (size_t i = 0; i < entry->n_links; i++) {
                const SourceLinks *l = &entry->links[i];
                Hash128 ids = hash128(l->ids, l->n_ids * sizeof(*l->ids), i + 1);

                h.low ^= ids.low;
                h.high ^= ids.high;
        }
        /* All zero means "never finished"; a real fingerprint is never that. */
        h.low |= !h.low && !h.high;
        return h;
}

/* References that have become ready, and of which only this change knows: it swallowed theirs. */
static int has_ready(Run *run, bool *ret_any)
{
        uint8_t owner[OBJECT_KEY_SIZE];
        ObjectId *ids;
        size_t n = 0;
        int r;

        object_key_pack(&run->key, owner);
        r = space_page_links(run->space, LINK_READY, owner, sizeof(owner),
                             run_link_attribute(run_cloud_type(run)), NULL, 1, run->arena, &ids, &n);
        *ret_any = n > 0;
        return r;
}

/* What the last run said: until when its result holds, whatever becomes of the object. */
static const FlowedObject *recall_flowed(Run *run)
{
        return flowed_read(run->arena, run->person.flowed, run->person.n_flowed);
}

static bool is_object_as_before(const Run *run)
{
        return run->change.kind == CHANGE_UPSERT && !run->in_doubt && run->known && !run->leaving &&
               run->head.in_scope && run->hash.low == run->head.hash.low &&
               run->hash.high == run->head.hash.high && !guid_is_zero(&run->person.cloud) &&
               str_is(run->person.rules_version, rules_version(run->config->rules));
}

static bool is_as_before(Run *run)
{
        const FlowedObject *before;

        if (!is_object_as_before(run))
                return false;
        before = recall_flowed(run);
        if (!before || (before->due.ms && before->due.ms <= clock_wall(run->clock).ms))
                return false;
        run_note_due(run, before);
        return true;
}

int step_import_source(Run *run)
{
        Diag ignored = DIAG_INIT;
        bool ready = false, as_before;
        int r;

        r = run_project(run->config, run->source, &run->entry, run->type, run->dn->text, run->arena,
                        &run->object, &run->diag);
        if (r)
                return run_source_failed(run, r);
        run->hash = run_fingerprint(run->object, &run->entry);
        r = space_read_import(run->space, &run->key, run->arena, &run->previous, NULL, &ignored);
        if (r == SPACE_E_CORRUPT)
                step_detail(run, "connector space", "rebuilt: %s", diag_text(&ignored));
        diag_deinit(&ignored);
        if (r < 0)
                return r;
        if (r)
                run->previous = NULL;

        step_attributes(run, run->object, run->previous, run_connector(run)->name);
        for (size_t i = 0; i < run->entry.n_links; i++)
                if (run->entry.links[i].n_ids || str_is(run->type, "group"))
                        step_detail(run, run->entry.links[i].attribute, "%zu", run->entry.links[i].n_ids);
        as_before = is_as_before(run);
        if (as_before) {
                r = has_ready(run, &ready);
                if (r)
                        return r;
        }
        if (as_before && !ready) {
                step_say(run, RESULT_SUCCESS, "Nothing that a rule reads has changed since the last run.");
                return STEP_E_DONE;
        }
        step_say(run, RESULT_SUCCESS,
                 run->previous ? "The object was imported as an update."
                               : "The object was imported for the first time.");
        return 0;
}
