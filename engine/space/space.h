/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Space: connector spaces and metaverse, as the steps see them
 *
 *      AD connector space          metaverse            Entra connector space
 *      (source, GUID)              metaverse id         cloud id
 *        Head, Import     ----->     Person       ----->   Cloud
 *
 * A step reads here and adds what it wants to leave behind to a SpaceBatch; the worker hands the batch to the
 * queue, which stores it with the acknowledgement of the change in one transaction. So nothing is half done,
 * and a step never writes. The spaces can be rebuilt from both directories at any time.
 *
 * Rows are msgpack with a version (base/pack.h), one struct below each. Every row carries a serial number
 * that grows with each write; a batch remembers the serial at which each row was read, and the
 * acknowledgement is refused (QUEUE_E_STALE) when another run has written it in between.
 *
 * Values that name objects (member, manager) are rows of their own, never part of a record: one more member
 * of a group of 100,000 is one small row.
 *
 * A reference whose target is not in the cloud yet waits as an Edge; objects never wait, so cycles cannot
 * block.
 *
 * Functions that read may be called from any thread; a SpaceBatch belongs to one run.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "engine/model/change.h"
#include "engine/model/object.h"

typedef struct Cloud Cloud;
typedef struct CloudContest CloudContest;
typedef struct CloudWrite CloudWrite;
typedef struct Container Container;
typedef struct Edge Edge;
typedef struct Head Head;
typedef struct Intent Intent;
typedef struct LinkWrite LinkWrite;
typedef struct ObjectKey ObjectKey;
typedef struct Person Person;
typedef struct Space Space;
typedef struct SpaceBatch SpaceBatch;
typedef struct SpaceOps SpaceOps;
typedef struct SpaceRow SpaceRow;
typedef struct SpaceWrite SpaceWrite;

enum {
        SPACE_E_BASE_ = 1700, /* ERROR_BASE_SPACE */

        SPACE_E_NONE,    /* no such row */
        SPACE_E_BUSY,    /* space_claim: another run has it */
        SPACE_E_CORRUPT, /* a row cannot be read: the diag names it. It can be rebuilt by importing again */
};

/* An object of a source. */
struct ObjectKey {
        uint16_t source;
        ObjectId id;
};

/* The tables of rows. Names and numbers are on disk: append only. */
typedef enum SpaceTable {
        SPACE_HEAD = 1,      /* ObjectKey → Head */
        SPACE_IMPORT = 2,    /* ObjectKey → Object, as last imported */
        SPACE_METAVERSE = 3, /* metaverse id → Person */
        SPACE_CLOUD = 4,     /* cloud id → Cloud */
        SPACE_CLOUD_OF = 5,  /* ObjectKey → cloud id: what a reference to it resolves to. Also under the
                                numbers of  the other sources, which may name it (engine/steps/resolve.c) */
        SPACE_INTENT = 6,    /* metaverse id → Intent */
        SPACE_MEMO = 7,      /* name → small durable values (engine/space/memo.h) */
        SPACE_CONTAINER = 8, /* ObjectKey → Container */
        SPACE_JOURNAL = 9,   /* time, run → what it replaced (engine/space/journal.h) */
        SPACE_HOLD = 10,     /* ObjectKey → Hold: what a revert puts back, and holds */
        SPACE_AHEAD = 11, /* ObjectKey → Ahead: what another controller has already (engine/space/ahead.h) */
        SPACE_LAST = SPACE_AHEAD,
} SpaceTable;

/* The tables of links: owner and name → 16-byte ids, sorted, without duplicates. */
typedef enum LinkTable {
        LINK_IMPORT = 1, /* ObjectKey, "member" → GUIDs as the source names them */
        LINK_CLOUD = 2,  /* cloud id, "member" → cloud ids that Entra ID has */
        LINK_JOIN = 3,   /* hash of "type attribute value" → metaverse ids: the index of join attributes */
        LINK_WAIT = 4,   /* ObjectKey of a target, attribute → sources (GUIDs) whose edge waits for it */
        LINK_READY = 5,  /* ObjectKey of a source, attribute → targets (GUIDs) that have appeared */
} LinkTable;

#define SPACE_KEY_MAX 64

/* ObjectKey → what is known without reading the record. The feed's judge (app/intake) asks it for every
 * entry. */
struct Head {
        ObjectId parent;      /* GUID of the container; zero: not known */
        const char *dn;       /* as last read */
        const char *type;     /* "user" */
        bool in_scope;        /* by base, OU, type, when last imported */
        bool deleted;         /* a tombstone was seen */
        bool account_enabled; /* as last imported; true for what has no such thing */
        Version version;      /* of the last import */
        Hash128 hash;         /* of the projection, attributes and links */
        ObjectId metaverse;   /* zero: joined to none */
        Wall imported;
        Wall gone; /* when its tombstone was seen; 0: it is not deleted, or an older program has seen it */
};

/* A metaverse object: the flowed values with their provenance, packed by engine/rules (flowed_pack). */
struct Person {
        const char *type;   /* "person", "group" */
        const char *anchor; /* sourceAnchor */
        ObjectId cloud;     /* zero: not exported yet */
        const ObjectKey *joined;
        size_t n_joined;
        const uint8_t *flowed; /* flowed_unpack */
        size_t n_flowed;
        const char *rules_version;
        /* Cloud attributes that the rules of then gave a value, and those of before where none names it
         * since: what rules name, and do not give any more, is cleared, by whatever rules. What none names
         * stays as it is. NULL: an older program wrote the row. */
        const char *const *given;
        size_t n_given;
        /* Objects that are parked because one of the same source is joined to it: run again when that one
         * leaves (engine/steps/newcomer.c). */
        const ObjectKey *waiting;
        size_t n_waiting;
};

/*
 * An object of the Entra connector space: the last confirmed import, and what we have written since.
 * What we wrote outlives what we read: a read within `settle` that shows the value before our write is "not
 * replicated yet" and does not replace it.
 */
struct Cloud {
        ObjectId metaverse;
        const char *type; /* "user" "group" */
        const char *anchor;
        const Object *object; /* attributes by Entra connector-space names, as confirmed or written last */
        const CloudWrite *writes; /* attributes that we wrote, and when */
        size_t n_writes;
        const CloudContest *contests; /* attributes that somebody sets back */
        size_t n_contests;
        Wall imported;           /* when it was last read */
        Wall links_imported;     /* when its member list was last read whole; 0: never */
        Wall created;            /* by us; 0: found */
        bool mastered_elsewhere; /* onPremisesSyncEnabled */
        bool disabled_by_us;
        bool last_word;       /* it was said (engine/steps/last-word.c), and the object has not come back */
        bool role_assignable; /* group: it can hold directory roles, for ever */
};

struct CloudWrite {
        const char *attribute;
        Value before; /* what Entra ID had: a read that shows this is old */
        Wall at;
};

/* Somebody else has set the attribute back `n` times since then. */
struct CloudContest {
        const char *attribute;
        unsigned n;
        Wall since;
};

/* A domain, OU or container. It is in no connector space; a change of its name is one of all that is below.
 */
struct Container {
        const char *dn;
        const char *dn_before; /* that it had when what is below was last looked at; NULL: nothing is due */
};

/* Durable before a create leaves, so that a crash between request and answer cannot create twice. */
struct Intent {
        const char *anchor;
        const char *type;
        const char *request_id; /* client-request-id of the last try */
        unsigned tries;
        Wall at;
};

/* One row with its serial. Data lives in the arena that was given. */
struct SpaceRow {
        const uint8_t *data;
        size_t n;
        uint64_t serial; /* 0: there is none */
};

struct SpaceWrite {
        SpaceTable table;
        uint8_t key[SPACE_KEY_MAX];
        size_t n_key;
        const uint8_t *data; /* NULL: delete the row */
        size_t n;
        uint64_t serial; /* at which it was read: must still hold. SPACE_ANY: do not check */
};

#define SPACE_ANY UINT64_MAX

typedef enum LinkVerb {
        LINK_ADD,
        LINK_REMOVE,
        LINK_CLEAR, /* all of this owner and name; ids unused */
} LinkVerb;

struct LinkWrite {
        LinkTable table;
        LinkVerb verb;
        uint8_t key[SPACE_KEY_MAX];
        size_t n_key;
        ObjectId id;
};

/* A reference: the object `from` names `to` in its attribute, and `to` has no cloud id yet. It waits
 * under the number of the source that names it. The queue looks `to` up again in the acknowledging
 * transaction, so no wake-up is lost. */
struct Edge {
        ObjectKey from;
        const char *attribute;
        ObjectId to;
};

/* What a run leaves behind. Arrays grow in the run's arena. */
struct SpaceBatch {
        Arena *arena;
        SpaceWrite *writes;
        size_t n_writes, size_writes;
        LinkWrite *links;
        size_t n_links, size_links;
        Edge *edges; /* waits to store */
        size_t n_edges, size_edges;
        ObjectKey *appeared; /* objects that have their cloud id as of this commit: wake who waits for them */
        size_t n_appeared, size_appeared;
        ObjectKey *again; /* objects that are to be run again because of this commit */
        size_t n_again, size_again;
        bool again_revoke; /* ... and where that turns an account off, its sessions end (Change.revoke) */
};

struct SpaceOps {
        const char *name;
        /* 0 also when there is no row: then serial is 0. */
        int (*get)(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a, SpaceRow *ret_row);
        /* At most `max` ids greater than `after` (NULL: from the first). */
        int (*links)(Space *s, LinkTable table, const void *key, size_t n_key, const ObjectId *after,
                     size_t max, Arena *a, ObjectId **ret_ids, size_t *ret_n);
        int (*has_link)(Space *s, LinkTable table, const void *key, size_t n_key, const ObjectId *id,
                        bool *ret_has);
        /* Rows of a table in key order after `after`; stops when fn returns > 0. No reader is held during fn.
         */
        int (*walk)(Space *s, SpaceTable table, const void *after, size_t n_after,
                    int (*fn)(void *context, const void *key, size_t n_key, const SpaceRow *row),
                    void *context);
        int (*claim)(Space *s, const ObjectId *metaverse);
        void (*release)(Space *s, const ObjectId *metaverse);
};

/* Embedded by the backend (queue/); it is freed with the queue it belongs to. */
struct Space {
        const SpaceOps *ops;
};

/*
 * Typed reads. `ret_serial` (may be NULL) is what the batch needs to write the row back.
 * Return: 0, SPACE_E_NONE, SPACE_E_CORRUPT, -errno.
 */
int space_read_head(Space *s, const ObjectKey *key, Arena *a, Head *ret_head, uint64_t *ret_serial,
                    Diag *diag);
int space_read_import(Space *s, const ObjectKey *key, Arena *a, const Object **ret_object,
                      uint64_t *ret_serial, Diag *diag);
int space_read_person(Space *s, const ObjectId *mv, Arena *a, Person *ret_person, uint64_t *ret_serial,
                      Diag *diag);
int space_read_cloud(Space *s, const ObjectId *cloud, Arena *a, Cloud *ret_cloud, uint64_t *ret_serial,
                     Diag *diag);
int space_read_cloud_of(Space *s, const ObjectKey *key, ObjectId *ret_cloud);
int space_read_intent(Space *s, const ObjectId *mv, Arena *a, Intent *ret_intent, uint64_t *ret_serial,
                      Diag *diag);

int space_read_container(Space *s, const ObjectKey *key, Arena *a, Container *ret_container,
                         uint64_t *ret_serial, Diag *diag);

/* All ids of an owner's links; `name` is the attribute. 0 with n = 0 when there are none. */
int space_read_links(Space *s, LinkTable table, const void *owner, size_t n_owner, const char *name, Arena *a,
                     ObjectId **ret_ids, size_t *ret_n);
/* One page of them: at most max ids greater than `after`. */
int space_page_links(Space *s, LinkTable table, const void *owner, size_t n_owner, const char *name,
                     const ObjectId *after, size_t max, Arena *a, ObjectId **ret_ids, size_t *ret_n);

/* Is `id` among an owner's links? */
int space_has_link(Space *s, LinkTable table, const void *owner, size_t n_owner, const char *name,
                   const ObjectId *id, bool *ret_has);

/* Metaverse ids whose join attribute has this value. */
int space_find_join(Space *s, const char *type, const char *attribute, Value v, bool case_sensitive, Arena *a,
                    ObjectId **ret_ids, size_t *ret_n);

/* One run at a time per metaverse object, in memory. Return: 0, SPACE_E_BUSY. */
int space_claim(Space *s, const ObjectId *metaverse);
void space_release(Space *s, const ObjectId *metaverse);

/* Writes into a batch. `serial` is what the read gave (0: there was no row), or SPACE_ANY. */
void space_batch_init(SpaceBatch *b, Arena *a);
/* The rows and links of another batch, copied; its rows unchecked (SPACE_ANY), its waits and who is run again
 * left out. */
void space_batch_append(SpaceBatch *b, const SpaceBatch *from);
void space_write_head(SpaceBatch *b, const ObjectKey *key, const Head *head, uint64_t serial);
void space_write_import(SpaceBatch *b, const ObjectKey *key, const Object *o, uint64_t serial);
void space_write_person(SpaceBatch *b, const ObjectId *mv, const Person *p, uint64_t serial);
void space_write_cloud(SpaceBatch *b, const ObjectId *cloud, const Cloud *c, uint64_t serial);
void space_write_cloud_of(SpaceBatch *b, const ObjectKey *key, const ObjectId *cloud);
void space_write_intent(SpaceBatch *b, const ObjectId *mv, const Intent *intent, uint64_t serial);
void space_write_container(SpaceBatch *b, const ObjectKey *key, const Container *c, uint64_t serial);
void space_delete(SpaceBatch *b, SpaceTable table, const void *key, size_t n_key);
/* ... if nobody has written it since it was read (0: there was none). */
void space_delete_read(SpaceBatch *b, SpaceTable table, const void *key, size_t n_key, uint64_t serial);
void space_write_link(SpaceBatch *b, LinkTable table, LinkVerb verb, const void *owner, size_t n_owner,
                      const char *name, const ObjectId *id);
void space_write_join(SpaceBatch *b, LinkVerb verb, const char *type, const char *attribute, Value v,
                      const ObjectId *mv);
void space_wait(SpaceBatch *b, const Edge *edge);
void space_appeared(SpaceBatch *b, const ObjectKey *key);
/* A change of it is put in the transaction of the acknowledgement, in the lane of the lease. */
void space_again(SpaceBatch *b, const ObjectKey *key);

/* Keys as they are on disk: source big-endian, then the GUID. */
#define OBJECT_KEY_SIZE 18
void object_key_pack(const ObjectKey *key, uint8_t buf[OBJECT_KEY_SIZE]);
bool object_key_unpack(const void *data, size_t n, ObjectKey *ret_key);

/* Key of a link row: owner, then the 128-bit hash of the name (names may be long). */
size_t space_link_key(const void *owner, size_t n_owner, const char *name, uint8_t buf[SPACE_KEY_MAX]);
