/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compare: what the rules would export, against what is in Entra ID now
 *
 *      graph_tenant_list --> copy of the tenant (file)
 *      source_list --> each object: read, ten steps in staging on the copy --> planned <-> read
 *      then: managers and members, by the cloud objects that were matched; what nobody has matched
 *
 * The steps are the product's own, so scope, group filter, joins and rules are as in earnest; the plan is not
 * what counts, but the object that the rules give: each attribute that they flow and that Graph can write is
 * compared, also where a plan would leave it alone (a value that AD never had, a blocked account, an object
 * that another synchronization owns). Nothing is written, neither to the directory, nor to the tenant, nor to
 * the spaces.
 *
 * Of several directories all objects must be known, since a person may have an account in each: what this
 * installation has not imported yet is imported for the comparison alone (scratch.h).
 *
 * With `sample`, so many objects of the listing are looked up one by one; then, and below an OU, references
 * and what is in Entra ID only cannot be told.
 *
 * Anchors: where more users would match by another attribute (objectGUID, mS-DS-ConsistencyGuid) than by the
 * anchor that the rules make, the rules' anchor is wrong for this tenant, and `anchor_fits` names the right
 * one.
 *
 * Memory: a few dozen bytes an object; details of at most COMPARE_DETAILS objects are kept. Belongs to one
 * thread.
 */

#include "app/config/config.h"
#include "queue/queue.h"

#include <jansson.h>

typedef struct Compare Compare;
typedef struct CompareResult CompareResult;
typedef struct CompareSource CompareSource;

enum {
        COMPARE_E_BASE_ = 2580, /* within ERROR_BASE_APP */

        COMPARE_E_CANCELLED,
        COMPARE_E_UNREACHABLE, /* directory or tenant; the diag says why */
        COMPARE_E_REFUSED,     /* the tenant is not what the configuration says, or may not be read */
        COMPARE_E_NO_CONTAINER,
};

#define COMPARE_DETAILS 1000

struct CompareSource {
        Source *lister, *reader; /* two, since a listing and a read cannot share a connection */
        const SourceConfig *config;
        uint16_t number;
};

struct Compare {
        Space *space;
        const Config *config;
        const CompareSource *sources; /* those that are compared */
        size_t n_sources;
        const RunConnector *connectors; /* all, by number */
        size_t n_connectors;
        Target *target; /* info and single objects */
        Target *graph;  /* the one that target_graph_new() made: listings */
        const Clock *clock;
        const char *ou;  /* of the one source that is compared; NULL: all */
        uint64_t sample; /* 0: all */

        /* True ends it. May be NULL. */
        bool (*progress)(void *context, const char *phase, uint64_t done, uint64_t total);
        void *context;
        const TargetAsker *asker; /* as of Call: where it is gone, so is all of this */
};

struct CompareResult {
        uint64_t n_objects;      /* in scope by name and class */
        uint64_t n_equal;        /* in both, and the same */
        uint64_t n_different;    /* in both */
        uint64_t n_only_here;    /* the rules would export it, and Entra ID has no object with its anchor */
        uint64_t n_only_there;   /* Entra ID has it, with an anchor that no object in scope has */
        uint64_t n_not_exported; /* no rule provisions it, or Graph cannot write such objects */
        uint64_t n_failed; /* a rule failed, or it cannot be told: nobody knows whether it is disabled */
        uint64_t n_cloud;  /* objects of the tenant that were listed */
        bool references;   /* managers and members were compared too */
        const char *
                anchor_fits; /* the attribute that would match; NULL: the rules' anchor is right. A literal */
        uint64_t n_anchor_ours, n_anchor_theirs; /* users that match by ours, and by that one */
        json_t *attributes; /* [{"name", "objects", "rule", "ours", "theirs", "dn"}]: one example each */
        json_t *failures;   /* [{"code", "objects", "dn"}]: one example each */
        json_t *details;    /* [{"dn", "id", "state", "code", "attributes": [{"name", "ours", "theirs",
                               "rule"}]}] */
        int64_t took_ms, reading_ms; /* of that: waiting for directory and tenant */
};

/* 0 to 100, of those that are in one of the two. 100 only if nothing differs. */
double compare_percent(const CompareResult *r);

/* The result is what was done until then, in any case. Return: 0, COMPARE_E_*, -errno. */
int compare_run(const Compare *c, CompareResult *ret_result, Diag *diag);
void compare_result_deinit(CompareResult *r);
