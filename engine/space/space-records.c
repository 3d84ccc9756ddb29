/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/space/space-records.h"

#include "base/pack.h"

/* What a CloudWrite takes at least on disk: a short record cannot ask for a long array. */
#define CLOUD_WRITE_MIN 4

static const char *const table_names[] = {
        [SPACE_HEAD] = "head",   [SPACE_IMPORT] = "import",       [SPACE_METAVERSE] = "metaverse",
        [SPACE_CLOUD] = "cloud", [SPACE_CLOUD_OF] = "cloud-of",   [SPACE_INTENT] = "intent",
        [SPACE_MEMO] = "memo",   [SPACE_CONTAINER] = "container", [SPACE_JOURNAL] = "journal",
        [SPACE_HOLD] = "hold",   [SPACE_AHEAD] = "ahead",
};

static const char *const link_names[] = {
        [LINK_IMPORT] = "import", [LINK_CLOUD] = "cloud", [LINK_JOIN] = "join",
        [LINK_WAIT] = "wait",     [LINK_READY] = "ready",
};

const char *space_table_name(SpaceTable table)
{
        return table >= SPACE_HEAD && table <= SPACE_LAST ? table_names[table] : "?";
}

const char *link_table_name(LinkTable table)
{
        return table >= LINK_IMPORT && table <= LINK_READY ? link_names[table] : "?";
}

static void fail(PackReader *r)
{
        if (!r->error)
                r->error = PACK_E_CORRUPT;
}

/*
 * The frame of a record: the array, its version, and how many fields this program knows. The reader passes
 * over fields that came later; fewer than it knows are an error of the record.
 */
static size_t begin(PackReader *r, const void *data, size_t n, int64_t newest, size_t n_known)
{
        size_t n_fields;

        unpack_init(r, data, n);
        n_fields = unpack_array(r);
        if (n_fields < n_known)
                fail(r);
        unpack_version(r, newest);
        return n_fields;
}

static void pack_id(PackWriter *w, const ObjectId *id)
{
        pack_bytes(w, id->bytes, sizeof(id->bytes));
}

static void unpack_id(PackReader *r, ObjectId *ret_id)
{
        unpack_fixed(r, ret_id->bytes, sizeof(ret_id->bytes));
}

static Wall unpack_wall(PackReader *r)
{
        return (Wall){ unpack_int(r) };
}

/* An older program passes over when it went. */
#define HEAD_FIELDS     14
#define HEAD_FIELDS_OLD 13

void head_pack(PackWriter *w, const Head *h)
{
        pack_array(w, HEAD_FIELDS);
        pack_int(w, HEAD_VERSION);
        pack_id(w, &h->parent);
        pack_str(w, h->dn);
        pack_str(w, h->type);
        pack_bool(w, h->in_scope);
        pack_bool(w, h->deleted);
        pack_bool(w, h->account_enabled);
        pack_id(w, &h->version.server);
        pack_int(w, (int64_t)h->version.number);
        pack_int(w, (int64_t)h->hash.low);
        pack_int(w, (int64_t)h->hash.high);
        pack_id(w, &h->metaverse);
        pack_int(w, h->imported.ms);
        pack_int(w, h->gone.ms);
}

int head_unpack(Arena *a, const void *data, size_t n, Head *ret_head)
{
        PackReader r;
        Head h = { 0 };
        size_t n_fields = begin(&r, data, n, HEAD_VERSION, HEAD_FIELDS_OLD);

        unpack_id(&r, &h.parent);
        h.dn = unpack_str(&r, a);
        h.type = unpack_str(&r, a);
        h.in_scope = unpack_bool(&r);
        h.deleted = unpack_bool(&r);
        h.account_enabled = unpack_bool(&r);
        unpack_id(&r, &h.version.server);
        h.version.number = (uint64_t)unpack_int(&r);
        h.hash.low = (uint64_t)unpack_int(&r);
        h.hash.high = (uint64_t)unpack_int(&r);
        unpack_id(&r, &h.metaverse);
        h.imported = unpack_wall(&r);
        if (n_fields >= HEAD_FIELDS)
                h.gone = unpack_wall(&r);
        if (r.error)
                return r.error;
        *ret_head = h;
        return 0;
}

#define IMPORT_FIELDS 2

void import_pack(PackWriter *w, const Object *o)
{
        pack_array(w, IMPORT_FIELDS);
        pack_int(w, IMPORT_VERSION);
        object_pack(w, o);
}

int import_unpack(Arena *a, const void *data, size_t n, const Object **ret_object)
{
        const Object *o;
        PackReader r;

        begin(&r, data, n, IMPORT_VERSION, IMPORT_FIELDS);
        o = object_unpack(&r, a);
        if (!r.error && !o)
                fail(&r);
        if (r.error)
                return r.error;
        *ret_object = o;
        return 0;
}

/* An older program passes over what was given and who waits: no new version for them. */
#define PERSON_FIELDS       9
#define PERSON_FIELDS_GIVEN 8
#define PERSON_FIELDS_OLD   7

static void pack_keys(PackWriter *w, const ObjectKey *keys, size_t n)
{
        uint8_t key[OBJECT_KEY_SIZE];

        pack_array(w, n);
        for (size_t i = 0; i < n; i++) {
                object_key_pack(&keys[i], key);
                pack_bytes(w, key, sizeof(key));
        }
}

void person_pack(PackWriter *w, const Person *p)
{
        pack_array(w, PERSON_FIELDS);
        pack_int(w, PERSON_VERSION);
        pack_str(w, p->type);
        pack_str(w, p->anchor);
        pack_id(w, &p->cloud);
        pack_keys(w, p->joined, p->n_joined);
        pack_bytes(w, p->flowed, p->n_flowed);
        pack_str(w, p->rules_version);
        if (p->given) {
                pack_array(w, p->n_given);
                for (size_t i = 0; i < p->n_given; i++)
                        pack_str(w, p->given[i]);
        } else {
                pack_nil(w);
        }
        pack_keys(w, p->waiting, p->n_waiting);
}

static void unpack_given(PackReader *r, Arena *a, Person *p)
{
        const char **given;
        size_t n;

        if (r->error || unpack_is_nil(r))
                return;
        n = unpack_array(r);
        given = arena_new_array(a, const char *, n + 1);
        for (size_t i = 0; i < n && !r->error; i++) {
                given[i] = unpack_str(r, a);
                if (!given[i])
                        fail(r);
        }
        p->given = given;
        p->n_given = n;
}

static const ObjectKey *unpack_keys(PackReader *r, Arena *a, size_t *ret_n)
{
        size_t n = unpack_array(r);
        ObjectKey *keys;

        *ret_n = 0;
        if (r->error)
                return NULL;
        if (n > (r->n - r->at) / OBJECT_KEY_SIZE) {
                fail(r);
                return NULL;
        }
        keys = arena_new_array(a, ObjectKey, n);
        for (size_t i = 0; i < n; i++) {
                uint8_t key[OBJECT_KEY_SIZE] = { 0 };

                unpack_fixed(r, key, sizeof(key));
                object_key_unpack(key, sizeof(key), &keys[i]);
        }
        *ret_n = n;
        return keys;
}

int person_unpack(Arena *a, const void *data, size_t n, Person *ret_person)
{
        PackReader r;
        Person p = { 0 };
        size_t n_fields;

        n_fields = begin(&r, data, n, PERSON_VERSION, PERSON_FIELDS_OLD);
        p.type = unpack_str(&r, a);
        p.anchor = unpack_str(&r, a);
        unpack_id(&r, &p.cloud);
        p.joined = unpack_keys(&r, a, &p.n_joined);
        p.flowed = unpack_bytes(&r, &p.n_flowed);
        p.rules_version = unpack_str(&r, a);
        if (n_fields >= PERSON_FIELDS_GIVEN)
                unpack_given(&r, a, &p);
        if (n_fields >= PERSON_FIELDS)
                p.waiting = unpack_keys(&r, a, &p.n_waiting);
        if (r.error)
                return r.error;
        *ret_person = p;
        return 0;
}

/* An older program passes over the contests, and loses nothing but a count: no new version for them. */
#define CLOUD_FIELDS     11
#define CLOUD_FIELDS_OLD 10

/* Among the facts. Without it an older program has written the row, to which an account that it had disabled
 * was one whose last word was said. */
#define CLOUD_TELLS_LAST_WORD 16

void cloud_pack(PackWriter *w, const Cloud *c)
{
        pack_array(w, CLOUD_FIELDS);
        pack_int(w, CLOUD_VERSION);
        pack_id(w, &c->metaverse);
        pack_str(w, c->type);
        pack_str(w, c->anchor);
        if (c->object)
                object_pack(w, c->object);
        else
                pack_nil(w);
        pack_array(w, c->n_writes);
        for (size_t i = 0; i < c->n_writes; i++) {
                pack_array(w, 3);
                pack_str(w, c->writes[i].attribute);
                value_pack(w, c->writes[i].before);
                pack_int(w, c->writes[i].at.ms);
        }
        pack_int(w, c->imported.ms);
        pack_int(w, c->links_imported.ms);
        pack_int(w, c->created.ms);
        /* Facts in one field, so that another can join them. */
        pack_int(w, (c->mastered_elsewhere ? 1 : 0) | (c->disabled_by_us ? 2 : 0) |
                            (c->role_assignable ? 4 : 0) | (c->last_word ? 8 : 0) | CLOUD_TELLS_LAST_WORD);
        pack_array(w, c->n_contests);
        for (size_t i = 0; i < c->n_contests; i++) {
                pack_array(w, 3);
                pack_str(w, c->contests[i].attribute);
                pack_int(w, c->contests[i].n);
                pack_int(w, c->contests[i].since.ms);
        }
}

static void unpack_contests(PackReader *r, Arena *a, Cloud *c)
{
        size_t n = unpack_array(r);
        CloudContest *contests;

        if (!r->error && n > (r->n - r->at) / CLOUD_WRITE_MIN)
                fail(r);
        if (r->error)
                return;
        contests = arena_new_array(a, CloudContest, n + 1);
        for (size_t i = 0; i < n && !r->error; i++) {
                size_t n_fields = unpack_array(r);
                int64_t times;

                if (n_fields < 3)
                        fail(r);
                contests[i].attribute = unpack_str(r, a);
                times = unpack_int(r);
                contests[i].n = times < 0 || times > 1000 ? 1000 : (unsigned)times;
                contests[i].since = unpack_wall(r);
                if (!contests[i].attribute)
                        fail(r);
                if (!r->error)
                        unpack_skip(r, n_fields - 3);
        }
        c->contests = contests;
        c->n_contests = n;
}

static void unpack_writes(PackReader *r, Arena *a, Cloud *c)
{
        size_t n = unpack_array(r);
        CloudWrite *writes;

        if (r->error)
                return;
        if (n > (r->n - r->at) / CLOUD_WRITE_MIN) {
                fail(r);
                return;
        }
        writes = arena_new_array(a, CloudWrite, n);
        for (size_t i = 0; i < n; i++) {
                size_t n_fields = unpack_array(r);

                if (n_fields < 3)
                        fail(r);
                writes[i].attribute = unpack_str(r, a);
                writes[i].before = value_unpack(r, a);
                writes[i].at = unpack_wall(r);
                if (!writes[i].attribute)
                        fail(r);
                if (r->error)
                        return;
                unpack_skip(r, n_fields - 3);
        }
        c->writes = writes;
        c->n_writes = n;
}

int cloud_unpack(Arena *a, const void *data, size_t n, Cloud *ret_cloud)
{
        PackReader r;
        Cloud c = { 0 };
        size_t n_fields;
        int64_t facts;

        n_fields = begin(&r, data, n, CLOUD_VERSION, CLOUD_FIELDS_OLD);
        unpack_id(&r, &c.metaverse);
        c.type = unpack_str(&r, a);
        c.anchor = unpack_str(&r, a);
        if (!r.error && !unpack_is_nil(&r))
                c.object = object_unpack(&r, a);
        unpack_writes(&r, a, &c);
        c.imported = unpack_wall(&r);
        c.links_imported = unpack_wall(&r);
        c.created = unpack_wall(&r);
        facts = unpack_int(&r);
        c.mastered_elsewhere = (facts & 1) != 0;
        c.disabled_by_us = (facts & 2) != 0;
        c.role_assignable = (facts & 4) != 0;
        c.last_word = facts & CLOUD_TELLS_LAST_WORD ? (facts & 8) != 0 : c.disabled_by_us;
        if (!r.error && n_fields >= CLOUD_FIELDS)
                unpack_contests(&r, a, &c);
        if (r.error)
                return r.error;
        *ret_cloud = c;
        return 0;
}

#define INTENT_FIELDS 6

void intent_pack(PackWriter *w, const Intent *i)
{
        pack_array(w, INTENT_FIELDS);
        pack_int(w, INTENT_VERSION);
        pack_str(w, i->anchor);
        pack_str(w, i->type);
        pack_str(w, i->request_id);
        pack_int(w, i->tries);
        pack_int(w, i->at.ms);
}

int intent_unpack(Arena *a, const void *data, size_t n, Intent *ret_intent)
{
        PackReader r;
        Intent i = { 0 };
        int64_t tries;

        begin(&r, data, n, INTENT_VERSION, INTENT_FIELDS);
        i.anchor = unpack_str(&r, a);
        i.type = unpack_str(&r, a);
        i.request_id = unpack_str(&r, a);
        tries = unpack_int(&r);
        if (tries < 0 || tries > INT32_MAX)
                fail(&r);
        i.tries = (unsigned)tries;
        i.at = unpack_wall(&r);
        if (r.error)
                return r.error;
        *ret_intent = i;
        return 0;
}

#define CONTAINER_FIELDS 3

void container_pack(PackWriter *w, const Container *c)
{
        pack_array(w, CONTAINER_FIELDS);
        pack_int(w, CONTAINER_VERSION);
        pack_str(w, c->dn);
        pack_str(w, c->dn_before);
}

int container_unpack(Arena *a, const void *data, size_t n, Container *ret_container)
{
        PackReader r;
        Container c = { 0 };

        begin(&r, data, n, CONTAINER_VERSION, CONTAINER_FIELDS);
        c.dn = unpack_str(&r, a);
        c.dn_before = unpack_str(&r, a);
        if (!c.dn)
                fail(&r);
        if (r.error)
                return r.error;
        *ret_container = c;
        return 0;
}
