/* SPDX-License-Identifier: Apache-2.0 */

/* Commands that make and change objects, on both sides. */

#include "base/error.h"
#include "base/str.h"
#include "tests/scenario/commands.h"

#include <fnmatch.h>
#include <string.h>

static bool change_object(Scene *s, Thing *t, const char *const *words, size_t n_words)
{
        for (size_t i = 0; i < n_words; i++) {
                const char *name, *value;

                if (!script_pair(s->arena, words[i], &name, &value))
                        return scene_fail(s, "%s is not name=value", words[i]);
                if (str_is(name, "ou"))
                        directory_move(s, t, value);
                else if (str_is(name, "directory") && s->second && str_starts(s->second->name, value))
                        t->second = true, directory_move(s, t, SCENE_OU);
                else if (!directory_set(s, t, name, value))
                        return false;
        }
        directory_put(s, t, false);
        return true;
}

/* OBJECT user ada title=...   OBJECT ada title=...   OBJECT m* title=... */
bool command_object(Scene *s, const char *const *words, size_t n_words)
{
        static const char *const types[] = { "user",     "inetOrgPerson", "group",
                                             "computer", "contact",       "organizationalUnit" };
        Thing *t = scene_thing(s, words[1]);
        size_t first = 2;

        if (str_ends(words[1], "*")) {
                for (size_t i = 0; i < s->n_things; i++)
                        if (fnmatch(words[1], s->things[i]->name, 0) == 0 &&
                            !change_object(s, s->things[i], words + 2, n_words - 2))
                                return false;
                return true;
        }
        for (size_t i = 0; i < N_ELEMENTS(types) && !t && n_words > 2; i++)
                if (str_is(words[1], types[i])) {
                        if (scene_thing(s, words[2]))
                                return scene_fail(s, "there is an object %s", words[2]);
                        t = directory_new(s, types[i], words[2]);
                        first = 3;
                }
        if (!t)
                return scene_fail(s, "there is no object %s, and no such type", words[1]);
        return change_object(s, t, words + first, n_words - first);
}

/* OBJECTS user m 60: m1 to m60, each with its change. */
bool command_objects(Scene *s, const char *const *words, size_t n_words)
{
        int64_t n = command_number(words[3], 0);

        for (int64_t i = 1; i <= n; i++) {
                const char *name = arena_printf(s->arena, "%s%lld", words[2], (long long)i);

                if (scene_thing(s, name))
                        return scene_fail(s, "there is an object %s", name);
                directory_put(s, directory_new(s, words[1], name), false);
        }
        return true;
}

/* DIRECTORY res: a second one, whose objects are made with directory=res. */
bool command_directory(Scene *s, const char *const *words, size_t n_words)
{
        return scene_second(s, words[1]);
}

/* MOVE ada OU=Leavers */
bool command_move(Scene *s, const char *const *words, size_t n_words)
{
        Thing *t;

        if (!command_need(s, words[1], &t))
                return false;
        directory_move(s, t, words[2]);
        directory_put(s, t, false);
        return true;
}

/* RENAME sales OU=Verkauf,OU=corp: an OU has another name, and with it all that is below. Only it has
 * changed. */
bool command_rename(Scene *s, const char *const *words, size_t n_words)
{
        const char *before, *now = arena_printf(s->arena, "%s,%s", words[2], SCENE_BASE);
        Thing *t;

        if (!command_need(s, words[1], &t))
                return false;
        before = t->dn;
        for (size_t i = 0; i < s->n_things; i++) {
                Thing *child = s->things[i];
                size_t n = strlen(child->dn), m = strlen(before);

                if (child == t || n <= m || !str_is(child->dn + n - m, before) || child->dn[n - m - 1] != ',')
                        continue;
                child->dn = arena_printf(s->arena, "%.*s%s", (int)(n - m), child->dn, now);
                child->version--;
                directory_put(s, child, false);
        }
        t->dn = now;
        directory_put(s, t, false);
        return true;
}

/* DELETE ada [tombstone] */
bool command_delete(Scene *s, const char *const *words, size_t n_words)
{
        Thing *t;

        if (!command_need(s, words[1], &t))
                return false;
        if (!command_has(words, n_words, "tombstone")) {
                source_mem_remove(t->second ? s->second->directory : s->directory, &t->id);
                return true;
        }
        t->dn = arena_printf(s->arena, "CN=%s\\0ADEL:1,CN=Deleted Objects,%s", t->name, scene_base(s, t));
        directory_put(s, t, true);
        return true;
}

static void set_link(Scene *s, const ObjectId *id, const char *name, const char *value, bool add)
{
        Call call = { .arena = s->arena, .lane = LANE_NORMAL };
        const char *const *parts;
        size_t n;

        parts = script_parts(s->arena, value, ',', &n);
        for (size_t i = 0; i < n; i++) {
                const Thing *t = scene_thing(s, parts[i]);
                Op op = { .kind = add ? OP_LINK : OP_UNLINK,
                          .type = str_is(name, "manager") ? "user" : "group",
                          .id = *id,
                          .attribute = name };
                OpResult result;

                if (t && scene_cloud_of(s, t, &op.link))
                        target_apply(cloud_mem(s->cloud), &call, &op, 1, &result, NULL);
        }
}

/* Somebody changes an object in the cloud. */
static bool edit_cloud(Scene *s, const Thing *t, const char *const *words, size_t n_words)
{
        Call call = { .arena = s->arena, .lane = LANE_NORMAL };
        ObjectId id;

        if (!scene_cloud_of(s, t, &id))
                return scene_fail(s, "%s is not in the cloud", t->name);
        for (size_t i = 0; i < n_words; i++) {
                const char *name, *value;
                OpResult result;
                Op op;

                if (!script_pair(s->arena, words[i], &name, &value))
                        return scene_fail(s, "%s is not name=value", words[i]);
                if (str_starts(name, "member") || str_starts(name, "manager")) {
                        set_link(s, &id, str_starts(name, "member") ? "member" : "manager", value,
                                 !str_ends(name, "-"));
                        continue;
                }
                op = (Op){ .kind = str_is(value, "-") ? OP_UNSET : OP_SET,
                           .type = str_is(t->type, "group") ? "group" : "user",
                           .id = id,
                           .attribute = name,
                           .value = directory_value(s, name, value) };
                if (target_apply(cloud_mem(s->cloud), &call, &op, 1, &result, NULL) ||
                    result.state != OP_DONE)
                        return scene_fail(s, "the cloud does not take %s", words[i]);
        }
        cloud_touched(s->cloud, &id, false);
        return true;
}

static bool is_deletion(const char *word)
{
        return str_is(word, "delete") || str_is(word, "recycle");
}

static bool delete_in_cloud(Scene *s, Thing *t, bool recycle)
{
        ObjectId id;

        if (!scene_cloud_of(s, t, &id))
                return scene_fail(s, "%s is not in the cloud", t->name);
        if (recycle)
                target_mem_recycle(cloud_mem(s->cloud), &id);
        else
                target_mem_remove(cloud_mem(s->cloud), &id);
        t->recycled = recycle ? id : (ObjectId){ 0 };
        t->planted = (ObjectId){ 0 };
        return true;
}

/* One, or all of "m*". */
static bool delete_all_in_cloud(Scene *s, const char *pattern, bool recycle)
{
        bool any = false;

        for (size_t i = 0; i < s->n_things; i++)
                if (fnmatch(pattern, s->things[i]->name, 0) == 0) {
                        any = true;
                        if (!delete_in_cloud(s, s->things[i], recycle))
                                return false;
                }
        return any ? true : scene_fail(s, "there is no object %s", pattern);
}

static bool restore_in_cloud(Scene *s, Thing *t)
{
        if (!target_mem_restore(cloud_mem(s->cloud), &t->recycled))
                return scene_fail(s, "%s cannot be restored in the cloud", t->name);
        t->recycled = (ObjectId){ 0 };
        return true;
}

/* CLOUD user ada title=...: it is there already, with the anchor of ada (sourceAnchor=-: with none).
 * CLOUD ada title=...      somebody changes it.     CLOUD delete ada
 * CLOUD recycle ada        somebody deletes it, so that it can be restored.     CLOUD restore ada
 * CLOUD mastered ada       another synchronization adopts it.     CLOUD released ada */
bool command_cloud(Scene *s, const char *const *words, size_t n_words)
{
        Attribute *attributes = arena_new_array(s->arena, Attribute, n_words + 4);
        bool mastered = command_has(words, n_words, "mastered");
        size_t n = 0;
        ObjectId id;
        Thing *t;

        if (n_words == 3 && (str_is(words[1], "mastered") || str_is(words[1], "released"))) {
                if (!command_need(s, words[2], &t) || !scene_cloud_of(s, t, &id))
                        return s->failed ? false : scene_fail(s, "%s is not in the cloud", words[2]);
                target_mem_master(cloud_mem(s->cloud), &id, str_is(words[1], "mastered"));
                return true;
        }
        if (n_words == 3 && str_is(words[1], "restore"))
                return command_need(s, words[2], &t) && restore_in_cloud(s, t);
        if (!str_is(words[1], "user") && !str_is(words[1], "group") && !is_deletion(words[1]))
                return command_need(s, words[1], &t) && edit_cloud(s, t, words + 2, n_words - 2);
        if (n_words == 3 && is_deletion(words[1]))
                return delete_all_in_cloud(s, words[2], str_is(words[1], "recycle"));
        if (n_words < 3 || !command_need(s, words[2], &t))
                return s->failed ? false : scene_fail(s, "which object?");
        for (size_t i = 3; i < n_words; i++) {
                const char *name, *value;

                if (!script_pair(s->arena, words[i], &name, &value) || str_starts(name, "member"))
                        continue;
                attributes[n].name = name;
                attributes[n].value = directory_value(s, name, value);
                n += !value_is_none(attributes[n].value);
        }
        if (!command_value(s, words, n_words, "sourceAnchor"))
                attributes[n++] = (Attribute){ .name = "sourceAnchor", .value = value_string(t->anchor) };
        if (!command_value(s, words, n_words, "accountEnabled") && str_is(words[1], "user"))
                attributes[n++] = (Attribute){ .name = "accountEnabled", .value = value_bool(true) };
        id = target_mem_plant(cloud_mem(s->cloud), words[1], attributes, n, mastered);
        t->planted = id;
        if (command_has(words, n_words, "role-assignable"))
                target_mem_assignable(cloud_mem(s->cloud), &id);
        if (command_value(s, words, n_words, "member"))
                set_link(s, &id, "member", command_value(s, words, n_words, "member"), true);
        cloud_touched(s->cloud, &id, true);
        return true;
}
