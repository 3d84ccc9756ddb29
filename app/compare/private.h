/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of a comparison share: compare.c makes the pass, object.c judges one object, references.c
 * managers and members. */

#include "app/compare/compare.h"
#include "app/compare/copy.h"
#include "app/compare/scratch.h"
#include "app/compare/space.h"
#include "engine/steps/steps.h"

typedef struct Comparison Comparison;

/* A user whose manager is still to be compared, or a group whose members are. */
typedef struct CompareLater {
        ObjectKey object;
        ObjectId cloud;         /* of a group */
        ObjectId manager;       /* as the rules say; zero: none */
        ObjectId cloud_manager; /* zero: none */
        bool group;
        bool different; /* counted so already */
} CompareLater;

struct Comparison {
        const Compare *job;
        CompareResult *result;
        CompareCopy *copy; /* NULL: single look-ups */
        Target *target;    /* the copy, or the real one */
        CompareSpace space;
        CompareScratch *scratch; /* NULL: the spaces of this installation will do */
        RunConfig config;
        Arena *run;                  /* of the object in hand */
        const CompareSource *source; /* that is listed */
        ObjectKey *keys;             /* what was listed, or the sample of it */
        size_t n_keys, size_keys;
        uint64_t n_listed;
        uint64_t random;
        CompareLater *later;
        size_t n_later, size_later;
        uint64_t n_by_guid, n_by_consistency;
        int64_t reading_us; /* waiting for directory and tenant */
        Diag *diag;
};

/* Run the steps for one object. The run lives in c->run until the next one; run_deinit is done. */
const Run *compare_steps(Comparison *c, const ObjectKey *key);

/* One object, and what it is. Return: 0, COMPARE_E_*, -errno. */
int compare_object(Comparison *c, const ObjectKey *key);

Source *compare_reader(const Comparison *c, uint16_t number);

/* Managers and members, after all objects. Return: 0, COMPARE_E_*, -errno. */
int compare_references(Comparison *c);

/* Count a difference of an attribute; `detail` (of compare_detail, may be NULL) gets it too. */
void compare_differs(Comparison *c, json_t *detail, const char *dn, const char *name, const char *ours,
                     const char *theirs, const char *rule);
/* A row of the details; NULL when there are COMPARE_DETAILS. */
json_t *compare_detail(Comparison *c, const char *dn, const ObjectId *id, const char *state,
                       const char *code);

/* Longer values are cut. */
#define COMPARE_TEXT_MAX 200
