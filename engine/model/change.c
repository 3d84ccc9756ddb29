/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/change.h"
#include "base/str.h"
#include "engine/model/unpack.h"

static const char *const lane_names[_LANE_N] = {
        [LANE_URGENT] = "urgent",
        [LANE_NORMAL] = "normal",
        [LANE_RECONCILE] = "reconcile",
};

static const char *const kind_names[_CHANGE_KIND_N] = {
        [CHANGE_UPSERT] = "upsert",   [CHANGE_GONE] = "gone", [CHANGE_LINK] = "link",
        [CHANGE_REQUEST] = "request", [CHANGE_DUE] = "due",   [CHANGE_DRIFT] = "drift",
};

const char *lane_name(Lane lane)
{
        return (unsigned)lane < _LANE_N ? lane_names[lane] : "?";
}

bool lane_parse(const char *s, Lane *ret_lane)
{
        for (unsigned i = 0; i < _LANE_N; i++) {
                if (str_is(s, lane_names[i])) {
                        *ret_lane = (Lane)i;
                        return true;
                }
        }
        return false;
}

const char *change_kind_name(ChangeKind kind)
{
        return (unsigned)kind < _CHANGE_KIND_N ? kind_names[kind] : "?";
}

/*
 * The run that does the work of both. LINK looks at edges only, so anything else covers it. A request is a
 * whole run like an upsert, and carries a name that the report wants. Between "gone" and a whole run the
 * later is right: deleted, or restored from the recycle bin. A date that has come is a whole run too, and
 * says least: it does not even say that the object has changed. Drift is one that may not be taken for noise.
 */
static uint8_t merge_kinds(uint8_t earlier, uint8_t later)
{
        if (later == CHANGE_LINK || (later == CHANGE_DUE && earlier != CHANGE_LINK))
                return earlier;
        if ((earlier == CHANGE_REQUEST || earlier == CHANGE_DRIFT) && later == CHANGE_UPSERT)
                return earlier;
        if (later == CHANGE_DRIFT && (earlier == CHANGE_REQUEST || earlier == CHANGE_GONE))
                return earlier;
        return later;
}

static Version merge_versions(Version earlier, Version later)
{
        if (guid_is_zero(&later.server))
                return earlier;
        if (guid_is(&earlier.server, &later.server) && earlier.number > later.number)
                return earlier;
        /* Numbers of two servers cannot be compared: what was seen last counts. */
        return later;
}

/**
 * change_merge() - let an earlier waiting change swallow a later one of the same object
 *
 * Texts are borrowed from `later` as they are.
 */
void change_merge(Change *into, const Change *later)
{
        into->kind = merge_kinds(into->kind, later->kind);
        if (later->lane < into->lane)
                into->lane = later->lane;
        /* A change that must be exported is not held back because somebody also asked to see a plan. */
        into->staging = into->staging && later->staging;
        into->revoke = into->revoke || later->revoke;
        into->released |= later->released;
        into->version = merge_versions(into->version, later->version);
        if (later->changed.ms > into->changed.ms)
                into->changed = later->changed;
        if (later->seen.ms && (!into->seen.ms || later->seen.ms < into->seen.ms))
                into->seen = later->seen;
        if (later->dn)
                into->dn = later->dn;
        if (later->by)
                into->by = later->by;
}

#define CHANGE_FIELDS     13
#define CHANGE_FIELDS_OLD 12 /* without `released` */

void change_pack(PackWriter *w, const Change *c)
{
        pack_array(w, CHANGE_FIELDS);
        pack_bytes(w, c->id.bytes, sizeof(c->id.bytes));
        pack_int(w, c->source);
        pack_int(w, c->kind);
        pack_int(w, c->lane);
        pack_bool(w, c->staging);
        pack_bool(w, c->revoke);
        pack_bytes(w, c->version.server.bytes, sizeof(c->version.server.bytes));
        pack_int(w, (int64_t)c->version.number);
        pack_int(w, c->changed.ms);
        pack_int(w, c->seen.ms);
        pack_str(w, c->dn);
        pack_str(w, c->by);
        pack_int(w, c->released);
}

/**
 * change_unpack() - read a change; its texts are in the arena
 *
 * After an error of the reader *ret_change is not to be used.
 */
void change_unpack(PackReader *r, Arena *a, Change *ret_change)
{
        size_t n = unpack_fields(r, CHANGE_FIELDS_OLD);
        Change c = { 0 };

        unpack_fixed(r, c.id.bytes, sizeof(c.id.bytes));
        c.source = (uint16_t)unpack_range(r, 0, UINT16_MAX);
        c.kind = (uint8_t)unpack_range(r, 0, _CHANGE_KIND_N - 1);
        c.lane = (uint8_t)unpack_range(r, 0, _LANE_N - 1);
        c.staging = unpack_bool(r);
        c.revoke = unpack_bool(r);
        unpack_fixed(r, c.version.server.bytes, sizeof(c.version.server.bytes));
        c.version.number = (uint64_t)unpack_int(r);
        c.changed.ms = unpack_int(r);
        c.seen.ms = unpack_int(r);
        c.dn = unpack_str(r, a);
        c.by = unpack_str(r, a);
        if (n > CHANGE_FIELDS_OLD)
                c.released = (uint8_t)unpack_range(r, 0, UINT8_MAX);
        unpack_rest(r, n, CHANGE_FIELDS);
        *ret_change = c;
}
