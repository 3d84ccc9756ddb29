/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Route: which handler, which cost, which roles
 *
 * The table in route.c is the list of everything the emulator answers under /v1.0. In a pattern {} stands for
 * any one segment; handlers find ids at fixed places of the path:
 *
 *      v1.0 / groups / {id} / members / {id} / $ref
 *        0      1       2       3        4      5
 */

#include <stdint.h>

#include "call.h"

typedef struct Answer Answer;
typedef struct Emulator Emulator;
typedef struct Route Route;

enum {
        SEGMENT_SET = 1,
        SEGMENT_ID = 2,
        SEGMENT_CHILD = 4,
};

struct Route {
        Method method;
        const char *pattern;
        void (*handle)(Emulator *emulator, Call *call, Answer *answer);
        unsigned int units; /* published cost, before the modifiers */
        uint64_t roles;     /* any of them opens it */
};

/* NULL: nothing at this path, or not with this method; the refusal is in answer */
const Route *route_find(const Call *call, Answer *answer);

/* Published cost with the modifiers of $select, $expand and $top; never below 1 */
unsigned int route_units(const Route *route, const Call *call);

/* Handlers */
typedef void RouteHandler(Emulator *emulator, Call *call, Answer *answer);

/* users.c and groups.c */
RouteHandler user_list, user_count, user_get, user_create, user_update, user_delete, user_revoke;
RouteHandler group_list, group_count, group_get, group_create, group_update, group_delete;
/* delta.c */
RouteHandler user_delta, group_delta;
/* manager.c and members.c */
RouteHandler manager_get, manager_get_ref, manager_set, manager_clear, reports_list, member_of_list;
RouteHandler members_list, members_list_ref, members_count, members_add, members_remove,
        members_delete_object;
RouteHandler owners_list, owners_add, owners_remove;
/* directory.c */
RouteHandler organization_list, organization_get, domain_list, domain_get, deleted_list, deleted_get,
        deleted_restore, deleted_purge, objects_by_ids, object_get;
/* jobs.c */
RouteHandler principals_list, jobs_list, jobs_schema;
/* provision.c */
RouteHandler provision_on_demand;
/* assignments.c */
RouteHandler assignments_list, eligibilities_list;
/* audits.c */
RouteHandler audits_list;
/* batch.c */
RouteHandler batch_run;
