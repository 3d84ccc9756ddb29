/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Source: how a step reads one object from the directory, and how a job lists many
 *
 * The engine says here what it wants; listener/source-ldap.c gives it over LDAP, tests give it from memory
 * (source-mem.c). A Source belongs to one thread (a worker has its own) and may block up to its time-out.
 *
 * Reads follow the feed: all Sources of one connector read from the server the feed is on, proven by its
 * identity after every connect. An answer older than the change that rang is SOURCE_E_STALE, never "no
 * change" (decisions: reads follow the feed).
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "engine/model/change.h"
#include "engine/model/object.h"
#include "engine/model/stamp.h"

typedef struct Source Source;
typedef struct SourceEntry SourceEntry;
typedef struct SourceInfo SourceInfo;
typedef struct SourceItem SourceItem;
typedef struct SourceLinks SourceLinks;
typedef struct SourceList SourceList;
typedef struct SourceOps SourceOps;
typedef struct SourceQuery SourceQuery;

enum {
        SOURCE_E_BASE_ = 1600, /* ERROR_BASE_SOURCE */

        SOURCE_E_NOT_FOUND, /* no such object, or not visible to this account: LDAP says the same for both */
        SOURCE_E_STALE,     /* this server has not yet what the change was about: try again soon */
        SOURCE_E_UNREACHABLE, /* no server answers, or not the one the feed is on: not the object's fault */
        SOURCE_E_REFUSED,     /* credentials or rights: not the object's fault either; a person must act */
        SOURCE_E_TOO_LARGE,   /* a value or the entry is beyond VALUE_MAX, ENTRY_MAX */
        SOURCE_E_CUT_OFF,     /* source_list: the connection was lost between two pages; begin anew */
};

struct SourceQuery {
        const ObjectId *id; /* or NULL: by DN */
        const char *dn;
        Version at_least; /* zero number: anything */
        const char *const
                *attributes; /* beside objectClass, objectGUID, uSNChanged, whenChanged, parentGUID */
        size_t n_attributes;
        const char *const *links; /* of these, the attributes whose values name objects, read into links */
        size_t n_links;
        const char *const *stamped; /* of these, the stamps too, where the directory has such */
        size_t n_stamped;
};

struct SourceLinks {
        const char *attribute;
        const ObjectId
                *ids; /* sorted, no duplicates; targets whose id the server did not give are left out */
        size_t n_ids;
        size_t n_unknown;
};

struct SourceEntry {
        const Object *object; /* type by scope_type_of is the step's affair: objectClass is an attribute */
        Version version;
        ObjectId parent; /* zero: not known */
        Wall changed;    /* whenChanged */
        bool deleted;
        const SourceLinks *links;
        size_t n_links;
        const NamedStamp *stamps; /* of what SourceQuery.stamped names and the object has */
        size_t n_stamps;
};

/* What the first two steps and the report want to know. Texts live as long as the Source. */
struct SourceInfo {
        const char *name;   /* of the connector: "corp.contoso.test" */
        const char *base;   /* naming context */
        const char *server; /* host we talk to; NULL: none yet */
        ObjectId server_id; /* invocationId; zero: not known */
        const char *domain_fqdn, *domain_netbios, *forest_fqdn, *forest_netbios;
};

/* What to list: the container and all that is below it, deleted objects left out. */
struct SourceList {
        const ObjectId *below; /* the container; or NULL: by DN */
        const char *dn;        /* NULL too: the naming context */
        /* objectClass is one of these; none: any. Computers are users by class: they come only if asked for.
         */
        const char *const *classes;
        size_t n_classes;
        size_t page; /* entries of a page; 0: SOURCE_PAGE */
};

#define SOURCE_PAGE 1000

struct SourceItem {
        ObjectId id;
        const char *dn;
        Value classes;         /* objectClass: scope_type_of() makes a type of it */
        Version version;       /* compares with Head.version of the same server only */
        Wall created, changed; /* whenCreated, whenChanged; 0: not known */
};

/* Takes one page. Items live until it returns. It must not use the Source that lists. 0: go on; anything else
 * ends the listing and is its result. */
typedef int (*SourcePageFn)(void *context, const SourceItem *items, size_t n);

struct SourceOps {
        const char *name;
        int (*read)(Source *s, const SourceQuery *q, Arena *a, SourceEntry *ret_entry, Diag *diag);
        int (*is_member)(Source *s, const char *group_dn, const ObjectId *id, bool *ret_member, Diag *diag);
        int (*list)(Source *s, const SourceList *q, SourcePageFn page, void *context, Diag *diag);
        int (*info)(Source *s, SourceInfo *ret_info, Diag *diag); /* connects if needed */
        void (*idle)(Source *s, Mono now); /* NULL: holds nothing that is worth giving back */
        Source *(*free)(Source *s);
};

struct Source {
        const SourceOps *ops;
};

/*
 * Read one object with whole attributes (ranges are followed). Deleted objects are found by id and say so.
 * Return: 0, SOURCE_E_NOT_FOUND, SOURCE_E_STALE, SOURCE_E_UNREACHABLE, SOURCE_E_REFUSED, SOURCE_E_TOO_LARGE,
 * -errno.
 */
int source_read(Source *s, const SourceQuery *q, Arena *a, SourceEntry *ret_entry, Diag *diag);

/* Is the object a direct member of the group? One query, never the member list.
 * Return: as source_read; SOURCE_E_NOT_FOUND: no such group. */
int source_is_member(Source *s, const char *group_dn, const ObjectId *id, bool *ret_member, Diag *diag);

/*
 * List GUID, name, class and version of everything at and below a container, page by page, in no order, with
 * flat memory whatever the size of the directory. A server keeps its place for as long as the connection
 * lives: a listing that is cut off begins anew, at the first page. An object that is moved meanwhile may be
 * missing or come twice; that something did not come proves nothing.
 * Return: 0, SOURCE_E_NOT_FOUND (no such container), SOURCE_E_CUT_OFF, SOURCE_E_UNREACHABLE,
 * SOURCE_E_REFUSED, SOURCE_E_TOO_LARGE, -errno, or what `page` returned.
 */
int source_list(Source *s, const SourceList *q, SourcePageFn page, void *context, Diag *diag);

/* Return: 0, SOURCE_E_UNREACHABLE, SOURCE_E_REFUSED, -errno. */
int source_info(Source *s, SourceInfo *ret_info, Diag *diag);

/* Called by a worker that wakes with nothing to do: what was not used for a while is given back. */
void source_idle(Source *s, Mono now);

Source *source_free(Source *s);

DEFINE_CLEANUP(Source, source_free)
