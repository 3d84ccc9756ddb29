/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/row.h"

static void move(Row *row, RowClass to, Wall due, uint64_t sequence)
{
        row->place.class = (uint8_t)to;
        row->place.due = due;
        row->place.sequence = sequence;
}

static void set_lane(Row *row)
{
        row->place.lane = row->change.lane;
        if (row->has_later && row->later.lane < row->place.lane)
                row->place.lane = row->later.lane;
}

/* READY, unless the object rests; what is urgent does not wait for that. Its lane is set. */
static void move_due(Row *row, Wall now, uint64_t sequence, Wall rest)
{
        if (rest.ms > now.ms && row->place.lane != LANE_URGENT)
                move(row, ROW_DELAYED, rest, sequence);
        else
                move(row, ROW_READY, now, sequence);
}

/* Where a row goes that holds references only: due soon, or now. */
static void move_links(Row *row, Wall now, uint64_t sequence, bool hurry)
{
        if (hurry)
                move(row, ROW_READY, now, sequence);
        else
                move(row, ROW_DELAYED, wall_add(now, ROW_LINK_LINGER_MS), sequence);
}

/* A date is not waited for any more: what there is to do counts from now on. */
static void forget_date(Row *row, Wall now)
{
        if (row->place.class != ROW_DATED)
                return;
        row->change.seen = now;
        row->queued = now;
}

/* What arrived during a lease becomes part of the change it belongs to. */
static void unite(Row *row)
{
        if (!row->has_later)
                return;
        change_merge(&row->change, &row->later);
        row->has_later = false;
        row->later = (Change){ 0 };
        row->later_queued = (Wall){ 0 };
}

/**
 * row_new() - the first change of an object
 */
void row_new(Row *row, const Change *c, Wall now, uint64_t sequence, bool hurry, Wall rest)
{
        *row = (Row){ .change = *c, .queued = now, .generation = sequence };
        set_lane(row);
        if (c->kind == CHANGE_LINK)
                move_links(row, now, sequence, hurry);
        else
                move_due(row, now, sequence, rest);
}

bool row_is_parked(const Row *row)
{
        return row->place.class == ROW_PARKED || row->place.class == ROW_PARKED_DATED;
}

/*
 * A change may be the cure of what failed, so it makes a row READY. References that become ready are a
 * smaller hope: they come one by one, so they wait for company here too, but never longer than the row would
 * have.
 */
static void arrive_place(Row *row, bool soft, Wall now, uint64_t sequence, Wall rest)
{
        Wall soon = wall_add(now, ROW_LINK_LINGER_MS);

        if (row->place.class == ROW_READY)
                return;
        if (!soft && row->place.class == ROW_DELAYED && row->place.due.ms == rest.ms && rest.ms > now.ms &&
            row->place.lane != LANE_URGENT)
                return; /* it rests already */
        if (!soft) {
                move_due(row, now, sequence, rest);
                row->reason = NULL;
        } else if (row_is_parked(row) || row->place.class == ROW_DATED || row->place.due.ms > soon.ms) {
                move(row, ROW_DELAYED, soon, sequence);
        }
}

/**
 * row_arrive() - a later change of an object that is in the queue
 * @leased: a worker has it: what arrives is kept apart
 */
void row_arrive(Row *row, const Change *c, bool leased, Wall now, uint64_t sequence, bool hurry, Wall rest)
{
        bool soft = c->kind == CHANGE_LINK && !hurry;

        if (!leased) {
                unite(row);
                if (row->place.class == ROW_DATED) {
                        row->change.seen = c->seen;
                        row->change.lane = c->lane;
                        row->queued = now;
                }
                change_merge(&row->change, c);
        } else if (row->has_later) {
                change_merge(&row->later, c);
        } else {
                row->later = *c;
                row->later_queued = now;
                row->has_later = true;
        }
        row->generation = sequence;
        set_lane(row);
        arrive_place(row, soft, now, sequence, rest);
}

Change row_change(const Row *row)
{
        Change c = row->change;

        if (row->has_later)
                change_merge(&c, &row->later);
        return c;
}

bool row_is_dirty(const Row *row, uint64_t generation)
{
        return row->generation != generation;
}

bool row_is_overtaken(const Row *row, uint64_t generation)
{
        /* Without `later` it arrived between the look of the lease and the lease. */
        const Change *c = row->has_later ? &row->later : &row->change;

        return row_is_dirty(row, generation) && c->kind != CHANGE_LINK && c->lane <= LANE_NORMAL;
}

/* What follows when something arrived during the lease: due at once or after the rest, but references only
 * wait for company. */
static void move_dirty(Row *row, bool links_only, Wall now, uint64_t sequence, bool hurry, Wall rest)
{
        if (links_only)
                move_links(row, now, sequence, hurry);
        else
                move_due(row, now, sequence, rest);
        row->reason = NULL;
}

/**
 * row_ack() - the lease has done its work
 *
 * Return: false if nothing is left and the row goes; true if something arrived meanwhile.
 */
bool row_ack(Row *row, uint64_t generation, Wall now, uint64_t sequence, bool hurry, Wall rest)
{
        if (!row_is_dirty(row, generation))
                return false;
        /* Without `later` it arrived between the look of the lease and the lease: it cannot be told apart. */
        if (row->has_later) {
                row->change = row->later;
                row->queued = row->later_queued;
                row->has_later = false;
                row->later = (Change){ 0 };
                row->later_queued = (Wall){ 0 };
        }
        row->tries = 0;
        row->first_failed = (Wall){ 0 };
        set_lane(row);
        move_dirty(row, row->change.kind == CHANGE_LINK, now, sequence, hurry, rest);
        return true;
}

/**
 * row_date() - nothing is left to do before a date
 */
void row_date(Row *row, Wall due, Lane lane, Wall now, uint64_t sequence)
{
        Change c = {
                .id = row->change.id,
                .source = row->change.source,
                .kind = CHANGE_DUE,
                .lane = (uint8_t)lane,
                .seen = due,
                .dn = row->change.dn,
        };

        *row = (Row){ .change = c, .queued = now, .generation = sequence };
        move(row, ROW_DATED, due, sequence);
        set_lane(row);
}

static void fail(Row *row, unsigned tries, Wall now)
{
        row->tries = tries;
        if (!row->first_failed.ms)
                row->first_failed = now;
}

/**
 * row_retry() - the lease could not do its work now
 */
void row_retry(Row *row, uint64_t generation, unsigned tries, Wall not_before, const char *reason, Wall now,
               uint64_t sequence, bool hurry)
{
        bool dirty = row_is_dirty(row, generation);
        bool soft = dirty && row->has_later && row->later.kind == CHANGE_LINK;

        unite(row);
        fail(row, tries, now);
        row->reason = reason;
        move(row, ROW_DELAYED, not_before, sequence);
        if (dirty)
                arrive_place(row, soft && !hurry, now, sequence, (Wall){ 0 });
        set_lane(row);
}

/**
 * row_park() - the lease cannot do its work without a person
 */
void row_park(Row *row, uint64_t generation, unsigned tries, const char *reason, Wall date, Lane date_lane,
              Wall now, uint64_t sequence, bool hurry)
{
        bool dirty = row_is_dirty(row, generation);
        bool soft = dirty && row->has_later && row->later.kind == CHANGE_LINK;

        unite(row);
        fail(row, tries, now);
        row->reason = reason;
        if (date.ms > now.ms) {
                move(row, ROW_PARKED_DATED, date, sequence);
                if (date_lane < row->change.lane)
                        row->change.lane = (uint8_t)date_lane;
        } else {
                move(row, ROW_PARKED, now, sequence);
        }
        if (dirty)
                arrive_place(row, soft && !hurry, now, sequence, (Wall){ 0 });
        set_lane(row);
}

/**
 * row_unpark() - a person wants it tried again
 */
void row_unpark(Row *row, Wall now, uint64_t sequence)
{
        unite(row);
        forget_date(row, now);
        row->tries = 0;
        row->first_failed = (Wall){ 0 };
        row->reason = NULL;
        if (row->place.class != ROW_READY)
                move(row, ROW_READY, now, sequence);
        set_lane(row);
}

void row_stand_in(Row *row, const ObjectKey *key)
{
        *row = (Row){
                .change = { .id = key->id,
                            .source = key->source,
                            .kind = CHANGE_UPSERT,
                            .lane = LANE_NORMAL },
                .place = { .lane = LANE_NORMAL, .class = ROW_READY },
        };
}
