/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Apply: the state of one target_apply; private to graph-write*.c and graph-links.c
 *
 * Operations are taken in order, each with those that go into the same request ("unit"): a create with its
 * sets, all sets of one object, a run of links of one group.
 */

#include "engine/target/graph-internal.h"

typedef struct Apply Apply;

struct Apply {
        TargetGraph *g;
        Call *call;
        const Op *ops;
        size_t n_ops;
        OpResult *results;
        bool *taken;
        size_t *unit; /* indexes into ops */
        size_t n_unit;
        ObjectId created; /* zero: nothing was */
        Diag *diag;
};

const ObjectId *graph_apply_id(const Apply *p, const Op *op);

/* Turns the end of a write to `id` into the end of the unit: a withdrawn consent, an object too new. */
int graph_apply_judge(Apply *p, const GraphCall *c, const ObjectId *id, int r);

/* The unit is a create and its sets; sets; links of one group. Return: as graph_call_finish(). */
int graph_create(Apply *p);
int graph_update(Apply *p);
int graph_members(Apply *p, const ObjectId *group, bool add);

/* What can be said without asking: fills results of what may not be sent, adds the rest to the body.
 * Returns the number added; `sent` gets a true for each. */
size_t graph_body(Apply *p, size_t from, bool create, json_t *body, bool *sent);

/* The end of a request that carried several sets. */
void graph_body_results(Apply *p, const GraphCall *c, int r, size_t from, const bool *sent);

/* The text of a body becomes the request's; wiped and freed with it. Consumes the body. */
void graph_call_set_body(GraphCall *c, json_t *body);
