/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Expect: what a script says must have happened, or must be there now
 *
 * What happened is expected in its order, all of it. What is there (cloud, queue, circuit, waiting) may be
 * asked at any time.
 */

#include "app/control/matches.h"
#include "app/flow/brake-store.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/space/space-records.h"
#include "tests/scenario/scene.h"

#include <string.h>

typedef struct Question {
        const char *name;
        size_t n_words; /* at least, without EXPECT */
        bool (*ask)(Scene *s, const char *const *words, size_t n_words);
} Question;

/* EXPECT nothing */
static bool nothing(Scene *s, const char *const *words, size_t n_words)
{
        return s->seen.next == s->seen.n_lines || scene_fail(s, "something happened");
}

static bool names_are(Scene *s, Value refs, const char *expected)
{
        size_t n;
        const char *const *parts = script_parts(s->arena, str_is(expected, "-") ? "" : expected, ',', &n);

        if (value_count(refs) != n)
                return false;
        for (size_t i = 0; i < n; i++) {
                bool found = false;

                for (size_t k = 0; k < value_count(refs); k++) {
                        Value v = value_at(refs, k);

                        found |= v.type == VALUE_REF && str_is(scene_name_of_cloud(s, &v.ref->id), parts[i]);
                }
                if (!found)
                        return false;
        }
        return true;
}

/* EXPECT cloud ada title=Boss manager=bob   EXPECT cloud sales member=ada,bob members=2   EXPECT cloud ada
 * absent */
static bool cloud(Scene *s, const char *const *words, size_t n_words)
{
        const Thing *t = scene_thing(s, words[1]);
        const Object *o;
        ObjectId id;

        if (!t)
                return scene_fail(s, "there is no object %s", words[1]);
        o = scene_cloud_of(s, t, &id) ? target_mem_get(cloud_mem(s->cloud), &id, s->arena) : NULL;
        if (n_words > 2 && str_is(words[2], "absent"))
                return !o || scene_fail(s, "it is in the cloud");
        if (!o)
                return scene_fail(s, "it is not in the cloud");
        for (size_t i = 2; i < n_words; i++) {
                const char *name, *value, *is;
                Value v;

                if (!script_pair(s->arena, words[i], &name, &value))
                        return scene_fail(s, "%s is not name=value", words[i]);
                v = object_get(o, str_is(name, "members") ? "member" : name);
                is = value_is_none(v) ? "-" : value_text(s->arena, v, 4096);
                if (str_is(name, "members"))
                        is = arena_printf(s->arena, "%zu", value_count(v));
                if (str_is(name, "member") || str_is(name, "manager") ? !names_are(s, v, value)
                                                                      : !str_is(is, value))
                        return scene_fail(s, "%s is %s", name, is);
        }
        return true;
}

/* EXPECT cloud-count user 2 */
static bool cloud_count(Scene *s, const char *const *words, size_t n_words)
{
        size_t n = target_mem_count(cloud_mem(s->cloud), words[1]);

        return str_is(arena_printf(s->arena, "%zu", n), words[2]) || scene_fail(s, "there are %zu", n);
}

static bool find_item(Scene *s, const Thing *t, QueueItem *ret_item)
{
        QueueItem *items;
        size_t n;

        if (queue_list(s->queue, NULL, 10000, s->arena, &items, &n))
                return false;
        for (size_t i = 0; i < n; i++)
                if (guid_is(&items[i].change.id, &t->id)) {
                        *ret_item = items[i];
                        return true;
                }
        return false;
}

/* EXPECT queue empty   EXPECT queue ada parked tries=1 reason=AttributeValueMustBeUnique   EXPECT queue ada
 * none */
static bool queue(Scene *s, const char *const *words, size_t n_words)
{
        const Thing *t = scene_thing(s, words[1]);
        QueueItem item, *items;
        size_t n;

        if (str_is(words[1], "empty")) {
                if (queue_list(s->queue, NULL, 10, s->arena, &items, &n))
                        return scene_fail(s, "the queue cannot be read");
                return n == 0 || scene_fail(s, "there is %s, %s", queue_state_name(items[0].state),
                                            items[0].reason ? items[0].reason : "without a reason");
        }
        if (!t || n_words < 3)
                return scene_fail(s, "which object, in which state?");
        if (!find_item(s, t, &item))
                return str_is(words[2], "none") || scene_fail(s, "it is not in the queue");
        if (!str_is(queue_state_name(item.state), words[2]))
                return scene_fail(s, "it is %s, %s", queue_state_name(item.state),
                                  item.reason ? item.reason : "without a reason");
        for (size_t i = 3; i < n_words; i++) {
                const char *name, *value, *is = "-";
                int64_t due;

                if (!script_pair(s->arena, words[i], &name, &value))
                        return scene_fail(s, "%s is not name=value", words[i]);
                if (str_is(name, "tries"))
                        is = arena_printf(s->arena, "%u", item.tries);
                else if (str_is(name, "reason"))
                        is = item.reason ? item.reason : "-";
                else if (str_is(name, "due") && script_time(value, s->now_ms, &due))
                        is = (item.due.ms - SCENE_BEGIN_MS) / 1000 == due / 1000 ? value : "another time";
                else if (str_is(name, "lane"))
                        is = lane_name((Lane)item.change.lane);
                if (!str_is(is, value))
                        return scene_fail(s, "%s is %s", name, is);
        }
        return true;
}

/* EXPECT circuit target open */
static bool circuit(Scene *s, const char *const *words, size_t n_words)
{
        Circuit *c = str_is(words[1], "source") ? &s->connectors.items[0].circuit : &s->shared.target_circuit;
        bool open = circuit_is_open(c, NULL, 0);

        return open == str_is(words[2], "open") || scene_fail(s, "it is %s", open ? "open" : "closed");
}

/* EXPECT count 25 set m* accountEnabled=False: so many of what was seen and not expected yet. */
static bool count(Scene *s, const char *const *words, size_t n_words)
{
        size_t n = 0;

        for (size_t i = s->seen.next; i < s->seen.n_lines; i++)
                n += seen_meets(&s->seen, &s->seen.lines[i], words + 2, n_words - 2);
        return str_is(arena_printf(s->arena, "%zu", n), words[1]) || scene_fail(s, "there are %zu", n);
}

/* EXPECT brake disable on held=3 used=25 */
static bool brake(Scene *s, const char *const *words, size_t n_words)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&s->snapshot);
        BrakeStatus status[_BRAKE_N];
        size_t held[_BRAKE_N];
        Brake b;

        if (!brake_parse(words[1], &b))
                return scene_fail(s, "there is no brake %s", words[1]);
        brakes_status(&s->shared.brakes.counters, &c->brakes, clock_wall(&s->clock.clock), status);
        if (brake_store_count(s->queue, held))
                return scene_fail(s, "the queue cannot be read");
        if (status[b].on != str_is(words[2], "on"))
                return scene_fail(s, "it is %s", status[b].on ? "on" : "off");
        for (size_t i = 3; i < n_words; i++) {
                const char *name, *value;
                long long is;

                if (!script_pair(s->arena, words[i], &name, &value))
                        return scene_fail(s, "%s is not name=value", words[i]);
                is = str_is(name, "held") ? (long long)held[b] : (long long)status[b].used;
                if (!str_is(arena_printf(s->arena, "%lld", is), value))
                        return scene_fail(s, "%s is %lld", name, is);
        }
        return true;
}

/* EXPECT waiting 2: so many references wait for their targets. */
static bool waiting(Scene *s, const char *const *words, size_t n_words)
{
        QueueStats stats;

        if (queue_stats(s->queue, clock_wall(&s->clock.clock), &stats))
                return scene_fail(s, "the queue gives no numbers");
        return str_is(arena_printf(s->arena, "%zu", stats.n_waiting_edges), words[1]) ||
               scene_fail(s, "%zu references wait", stats.n_waiting_edges);
}

static int count_row(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        ++*(size_t *)context;
        return 0;
}

/* EXPECT rows head 3: so many are in this table of the spaces. */
static bool rows(Scene *s, const char *const *words, size_t n_words)
{
        Space *space = queue_space(s->queue);
        SpaceTable table = SPACE_HEAD;
        size_t n = 0;

        while (table <= SPACE_LAST && !str_is(space_table_name(table), words[1]))
                table++;
        if (table > SPACE_LAST || space->ops->walk(space, table, NULL, 0, count_row, &n))
                return scene_fail(s, "there is no table %s", words[1]);
        return str_is(arena_printf(s->arena, "%zu", n), words[2]) || scene_fail(s, "there are %zu", n);
}

/* EXPECT named sales 2: so many members are remembered. */
static bool named(Scene *s, const char *const *words, size_t n_words)
{
        const Thing *t = scene_thing(s, words[1]);
        uint8_t owner[OBJECT_KEY_SIZE];
        ObjectId *ids;
        ObjectKey key;
        size_t n;

        if (!t)
                return scene_fail(s, "there is no %s", words[1]);
        key = scene_key(s, t);
        object_key_pack(&key, owner);
        if (space_read_links(queue_space(s->queue), LINK_IMPORT, owner, sizeof(owner), "member", s->arena,
                             &ids, &n))
                return scene_fail(s, "its members cannot be read");
        return str_is(arena_printf(s->arena, "%zu", n), words[2]) || scene_fail(s, "there are %zu", n);
}

/* EXPECT known user 3: the brakes count so many. */
static bool known(Scene *s, const char *const *words, size_t n_words)
{
        BrakeType type = str_is(words[1], "group") ? BRAKE_GROUP : BRAKE_USER;
        long long n = s->shared.brakes.counters.known[type];

        return str_is(arena_printf(s->arena, "%lld", n), words[2]) || scene_fail(s, "%lld are known", n);
}

/* EXPECT matches 1: so many objects wait for a person's word about a soft match. */
static bool matches(Scene *s, const char *const *words, size_t n_words)
{
        json_t *list = matches_list(s->queue);
        size_t n = json_array_size(list);

        json_decref(list);
        return str_is(arena_printf(s->arena, "%zu", n), words[1]) || scene_fail(s, "there are %zu", n);
}

static const Question questions[] = {
        { "nothing", 1, nothing },
        { "cloud", 2, cloud },
        { "cloud-count", 3, cloud_count },
        { "count", 3, count },
        { "brake", 3, brake },
        { "queue", 2, queue },
        { "circuit", 3, circuit },
        { "waiting", 2, waiting },
        { "matches", 2, matches },
        { "rows", 3, rows },
        { "named", 3, named },
        { "known", 3, known },
        { "flag", 2, connect_expect_flag },
        { "connect", 2, connect_expect },
};

bool expect_do(Scene *s)
{
        const char *const *words = s->line->words + 1;
        size_t n_words = s->line->n_words - 1;

        if (n_words == 0)
                return scene_fail(s, "what is expected?");
        if (!scene_work(s))
                return false;
        for (size_t i = 0; i < N_ELEMENTS(questions); i++) {
                if (!str_is(questions[i].name, words[0]))
                        continue;
                if (n_words < questions[i].n_words)
                        return scene_fail(s, "EXPECT %s needs more words", words[0]);
                return questions[i].ask(s, words, n_words);
        }
        if (s->seen.next == s->seen.n_lines)
                return scene_fail(s, "it did not happen");
        if (!seen_meets(&s->seen, &s->seen.lines[s->seen.next], words, n_words))
                return scene_fail(s, "something else happened");
        s->seen.next++;
        return true;
}
