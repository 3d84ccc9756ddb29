/* SPDX-License-Identifier: Apache-2.0 */

#include "app/compare/copy.h"

#include "base/error.h"
#include "base/pack.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Half of the hash is enough: what is found is compared with what was asked for. */
typedef struct Slot {
        uint32_t key;
        uint32_t record; /* + 1; 0: empty */
} Slot;

typedef struct Record {
        uint64_t offset;
        uint32_t n;
        bool marked;
        bool anchored;
} Record;

struct CompareCopy {
        Target target; /* first */
        Target *real;
        int fd;
        uint64_t end;
        Record *records;
        size_t n_records, size_records;
        Slot *slots; /* a power of two, at most three quarters full */
        size_t n_slots, n_used;
        bool members;
        ObjectId last; /* that was given out last, and its record: it is marked next */
        uint32_t last_record;
};

/* One object, as it is read back. */
typedef struct Found {
        const char *type;
        TargetObject object;
        ObjectId manager;
        uint32_t record;
} Found;

/* -- index ----------------------------------------------------------------------------------------------- */

static uint32_t key_of(char kind, const char *type, const void *data, size_t n)
{
        return (uint32_t)hash128(data, n, (uint64_t)(unsigned char)kind << 8 | (unsigned char)type[0]).low;
}

static uint32_t key_of_name(const char *upn)
{
        char folded[512];
        size_t n = 0;

        for (; n < sizeof(folded) && upn[n]; n++)
                folded[n] = (char)(upn[n] >= 'A' && upn[n] <= 'Z' ? upn[n] + 32 : upn[n]);
        return key_of('u', "user", folded, n);
}

static void put_slot(Slot *slots, size_t n_slots, uint32_t key, uint32_t record)
{
        size_t i = key & (n_slots - 1);

        while (slots[i].record)
                i = (i + 1) & (n_slots - 1);
        slots[i] = (Slot){ .key = key, .record = record };
}

static void index_add(CompareCopy *c, uint32_t key, uint32_t record)
{
        if (4 * (c->n_used + 1) > 3 * c->n_slots) {
                size_t n = c->n_slots ? 2 * c->n_slots : 4096;
                Slot *slots = calloc(n, sizeof(*slots));

                if (!slots)
                        error_oom(n * sizeof(*slots));
                for (size_t i = 0; i < c->n_slots; i++)
                        if (c->slots[i].record)
                                put_slot(slots, n, c->slots[i].key, c->slots[i].record);
                free(c->slots);
                c->slots = slots;
                c->n_slots = n;
        }
        put_slot(c->slots, c->n_slots, key, record + 1);
        c->n_used++;
}

/* -- file ------------------------------------------------------------------------------------------------ */

/* By which a group of another synchronization is known (engine/steps/import-target.c). */
static const char *sid_of(const char *type, const TargetObject *o)
{
        return str_is(type, "group") && o->mastered_elsewhere
                       ? object_text(o->object, "onPremiseSecurityIdentifier")
                       : NULL;
}

int compare_copy_add(CompareCopy *c, const char *type, const TargetObject *o, const ObjectId *manager)
{
        const char *anchor = object_text(o->object, "sourceAnchor");
        const char *upn = object_text(o->object, "userPrincipalName"), *sid = sid_of(type, o);
        uint32_t record = (uint32_t)c->n_records;
        PackWriter w;
        const uint8_t *data;
        size_t n;
        ssize_t written;

        pack_init(&w);
        pack_array(&w, 4);
        pack_str(&w, type);
        pack_bool(&w, o->mastered_elsewhere);
        pack_bytes(&w, manager, sizeof(*manager));
        object_pack(&w, o->object);
        data = pack_data(&w, &n);
        written = pwrite(c->fd, data, n, (off_t)c->end);
        pack_deinit(&w);
        if (written != (ssize_t)n)
                return error_origin(written < 0 ? -errno : -ENOSPC);
        if (c->n_records == c->size_records) {
                c->size_records = c->size_records ? 2 * c->size_records : 4096;
                c->records = realloc(c->records, c->size_records * sizeof(*c->records));
                if (!c->records)
                        error_oom(c->size_records * sizeof(*c->records));
        }
        c->records[c->n_records++] =
                (Record){ .offset = c->end, .n = (uint32_t)n, .anchored = (anchor && *anchor) || sid };
        c->end += n;
        index_add(c, key_of('i', type, &o->object->id, sizeof(o->object->id)), record);
        if (anchor && *anchor)
                index_add(c, key_of('a', type, anchor, strlen(anchor)), record);
        if (sid)
                index_add(c, key_of('s', type, sid, strlen(sid)), record);
        if (upn && str_is(type, "user"))
                index_add(c, key_of_name(upn), record);
        return 0;
}

static int load(CompareCopy *c, uint32_t record, Arena *a, Found *ret)
{
        const Record *at = &c->records[record];
        uint8_t *data = arena_alloc(a, at->n + 1);
        PackReader r;

        if (pread(c->fd, data, at->n, (off_t)at->offset) != (ssize_t)at->n)
                return error_origin(-EIO);
        unpack_init(&r, data, at->n);
        unpack_array(&r);
        *ret = (Found){ .type = unpack_str(&r, a), .record = record };
        ret->object.mastered_elsewhere = unpack_bool(&r);
        unpack_fixed(&r, &ret->manager, sizeof(ret->manager));
        ret->object.object = object_unpack(&r, a);
        return unpack_end(&r) ? error_origin(-EIO) : 0;
}

static bool is_it(const Found *f, const char *type, MatchBy by, const char *value)
{
        char id[GUID_TEXT_MAX];
        const char *upn = object_text(f->object.object, "userPrincipalName");

        if (!str_is(f->type, type))
                return false;
        if (by == MATCH_ID)
                return strcasecmp(guid_format(&f->object.object->id, id), value) == 0;
        if (by == MATCH_ANCHOR)
                return str_is(object_text(f->object.object, "sourceAnchor"), value);
        if (by == MATCH_SID)
                return str_is(sid_of(type, &f->object), value);
        return upn && strcasecmp(upn, value) == 0;
}

/* Return: 0, TARGET_E_NOT_FOUND, -errno. */
static int find(CompareCopy *c, const char *type, MatchBy by, const char *value, Arena *a, Found *ret)
{
        ObjectId id;
        uint32_t key;

        if (by == MATCH_MAIL || !value || (by == MATCH_ID && !guid_parse(value, &id)))
                return TARGET_E_NOT_FOUND;
        key = by == MATCH_ID       ? key_of('i', type, &id, sizeof(id))
              : by == MATCH_ANCHOR ? key_of('a', type, value, strlen(value))
              : by == MATCH_SID    ? key_of('s', type, value, strlen(value))
                                   : key_of_name(value);
        for (size_t i = key & (c->n_slots - 1); c->n_slots && c->slots[i].record;
             i = (i + 1) & (c->n_slots - 1)) {
                int r;

                if (c->slots[i].key != key)
                        continue;
                r = load(c, c->slots[i].record - 1, a, ret);
                if (r || is_it(ret, type, by, value))
                        return r;
        }
        return TARGET_E_NOT_FOUND;
}

/* -- as a target ----------------------------------------------------------------------------------------- */

static int copy_fetch(Target *t, Call *call, const Match *match, ObjectSink *sink, Diag *diag)
{
        CompareCopy *c = (CompareCopy *)t;
        char id[GUID_TEXT_MAX];
        Match by_id = *match;
        Found f;
        int r = find(c, match->type, match->by, match->value, call->arena, &f);

        if (r)
                return r;
        c->last = f.object.object->id;
        c->last_record = f.record;
        if (c->members && str_is(match->type, "group")) {
                by_id.by = MATCH_ID;
                by_id.value = guid_format(&f.object.object->id, id);
                return target_fetch(c->real, call, &by_id, sink, diag);
        }
        r = sink->object(sink, &f.object);
        if (r == 0 && sink->links && !guid_is_zero(&f.manager))
                r = sink->links(sink, "manager", &f.manager, 1);
        return r > 0 ? 0 : r;
}

static int copy_apply(Target *t, Call *call, const Op *ops, size_t n_ops, OpResult *ret_results, Diag *diag)
{
        (void)t, (void)call, (void)ops, (void)n_ops, (void)ret_results;
        diag_set(diag, "a comparison writes nothing");
        return TARGET_E_REJECTED;
}

static int copy_info(Target *t, Call *call, TargetInfo *ret_info, Diag *diag)
{
        return target_info(((CompareCopy *)t)->real, call, ret_info, diag);
}

static int copy_role(Target *t, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role,
                     Diag *diag)
{
        (void)t, (void)call, (void)user, (void)ret_role;
        if (age_us)
                return 0; /* nothing is written, so nobody needs protection */
        diag_set(diag, "a comparison matches nobody");
        return TARGET_E_REFUSED;
}

static int64_t copy_take(Target *t, Lane lane, Mono now)
{
        (void)t, (void)lane, (void)now;
        return 0;
}

static void copy_give_back(Target *t, Lane lane, Mono now)
{
        (void)t, (void)lane, (void)now;
}

static void copy_stop(Target *t, TargetStop how)
{
        (void)t;
        (void)how;
}

static Target *copy_free(Target *t)
{
        compare_copy_free((CompareCopy *)t);
        return NULL;
}

static const TargetOps copy_ops = {
        .name = "copy",
        .fetch = copy_fetch,
        .apply = copy_apply,
        .info = copy_info,
        .role = copy_role,
        .take = copy_take,
        .give_back = copy_give_back,
        .stop = copy_stop,
        .free = copy_free,
};

/* -- life ------------------------------------------------------------------------------------------------ */

int compare_copy_new(CompareCopy **ret_copy, const char *folder, Target *real)
{
        CompareCopy *c = calloc(1, sizeof(*c));

        if (!c)
                error_oom(sizeof(*c));
        c->target.ops = &copy_ops;
        c->real = real;
        c->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (c->fd < 0) {
                int r = -errno;

                free(c);
                return error_origin(r);
        }
        *ret_copy = c;
        return 0;
}

CompareCopy *compare_copy_free(CompareCopy *c)
{
        if (!c)
                return NULL;
        close(c->fd);
        free(c->records);
        free(c->slots);
        free(c);
        return NULL;
}

Target *compare_copy_target(CompareCopy *c)
{
        return &c->target;
}

void compare_copy_members_of(CompareCopy *c, bool members)
{
        c->members = members;
}

bool compare_copy_user(CompareCopy *c, const char *upn, Arena *a, const char **ret_anchor)
{
        Found f;

        if (find(c, "user", MATCH_UPN, upn, a, &f))
                return false;
        *ret_anchor = object_text(f.object.object, "sourceAnchor");
        return true;
}

static bool find_id(CompareCopy *c, const ObjectId *id, uint32_t *ret_record)
{
        _cleanup_(arena_freep) Arena *a = NULL;
        char text[GUID_TEXT_MAX];
        Found f;

        if (guid_is(&c->last, id)) {
                *ret_record = c->last_record;
                return true;
        }
        a = arena_new(0);
        guid_format(id, text);
        if (find(c, "user", MATCH_ID, text, a, &f) && find(c, "group", MATCH_ID, text, a, &f))
                return false;
        *ret_record = f.record;
        return true;
}

bool compare_copy_mark(CompareCopy *c, const ObjectId *id)
{
        uint32_t record;

        if (!find_id(c, id, &record))
                return true;
        if (c->records[record].marked)
                return false;
        c->records[record].marked = true;
        return true;
}

int compare_copy_rest(CompareCopy *c, int (*fn)(void *context, const char *type, const Object *o),
                      void *context)
{
        for (uint32_t i = 0; i < c->n_records; i++) {
                _cleanup_(arena_freep) Arena *a = NULL;
                Found f;
                int r;

                if (c->records[i].marked || !c->records[i].anchored)
                        continue;
                a = arena_new(0);
                r = load(c, i, a, &f);
                if (r == 0)
                        r = fn(context, f.type, f.object.object);
                if (r)
                        return r;
        }
        return 0;
}

uint64_t compare_copy_count(const CompareCopy *c)
{
        return c->n_records;
}
