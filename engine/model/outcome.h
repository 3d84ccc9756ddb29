/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Outcome: what happened to one change
 *
 * Everything a report shows, and the only thing reports are made from. A run fills it as it goes; the worker
 * closes it; it is stored as a row of the acknowledging transaction, so a crash leaves no change without its
 * report. Names follow Graph's provisioningObjectSummary (resource type of auditLogs/provisioning), which the
 * JSON report prints with exactly its names and enum values.
 *
 * Everything lives in the run's arena (or, after outcome_unpack, in the reader's).
 */

#include "engine/model/change.h"

typedef struct AttributeInfo AttributeInfo;
typedef struct Detail Detail;
typedef struct ErrorInfo ErrorInfo;
typedef struct Identity Identity;
typedef struct ModifiedProperty ModifiedProperty;
typedef struct Outcome Outcome;
typedef struct StepRecord StepRecord;

/* provisioningResult */
typedef enum Result {
        RESULT_SUCCESS,
        RESULT_FAILURE,
        RESULT_SKIPPED,
        RESULT_WARNING,
} Result;

/* provisioningAction */
typedef enum Action {
        ACTION_OTHER,
        ACTION_CREATE,
        ACTION_DELETE,
        ACTION_DISABLE,
        ACTION_UPDATE,
        ACTION_STAGED_DELETE,
} Action;

/* provisioningStepType */
typedef enum StepType {
        STEP_TYPE_IMPORT,
        STEP_TYPE_SCOPING,
        STEP_TYPE_MATCHING,
        STEP_TYPE_PROCESSING,
        STEP_TYPE_REFERENCE_RESOLUTION,
        STEP_TYPE_EXPORT,
} StepType;

/* provisioningStatusErrorCategory */
typedef enum ErrorCategory {
        ERROR_CATEGORY_FAILURE,
        ERROR_CATEGORY_NON_SERVICE_FAILURE,
        ERROR_CATEGORY_SUCCESS,
} ErrorCategory;

/* What became of the change in the queue. */
typedef enum Disposition {
        DISPOSITION_DONE,         /* exported */
        DISPOSITION_NO_CHANGE,    /* nothing to send */
        DISPOSITION_STAGED,       /* staging: planned and committed, not sent */
        DISPOSITION_OUT_OF_SCOPE, /* not ours, or not supported */
        DISPOSITION_RETRY,        /* comes back by itself */
        DISPOSITION_PARKED,       /* waits for a person */
        _DISPOSITION_N,
} Disposition;

struct Detail {
        const char *key;
        const char *text;
};

/* One row of the Attribute Info table (seed: name, is multi-valued, type, value, value add, value delete,
 * operation, sync rule, mapping type, data source). Values are texts for people, cut at 4 kB each. */
struct AttributeInfo {
        const char *name;
        bool multi_valued;
        const char *type;      /* value_type_name() */
        const char *value;     /* NULL: none */
        const char *value_add; /* multi-valued: values added, one a line; NULL: none */
        const char *value_delete;
        uint32_t n_values, n_added, n_deleted;
        const char *operation;    /* "add" "update" "delete" "none" */
        const char *sync_rule;    /* name of the winning rule */
        const char *mapping_type; /* "Direct" "Constant" "Expression" */
        const char *data_source;  /* connector the value comes from */
};

struct StepRecord {
        bool ran; /* false: skipped because an earlier step ended the run */
        Result status;
        const char *description; /* one sentence: what was found */
        int64_t start_us;        /* from the start of the run */
        int64_t duration_us;
        const Detail *details;
        size_t n_details;
        const AttributeInfo *attributes;
        size_t n_attributes;
};

struct ModifiedProperty {
        const char *name;
        const char *old_value; /* NULL: there was none. Multi-valued: the count */
        const char *new_value; /* NULL: removed */
};

struct ErrorInfo {
        const char *code; /* NULL: no error. A code of the catalogue, engine/steps/catalogue.h */
        ErrorCategory category;
        const char *reason;
        const char *recommended_action;
        const char *additional_details; /* what the other side said, and its request ids */
};

struct Identity {
        const char *id; /* GUID as text; "" if there is none */
        const char *display_name;
        const char *type;   /* "user", "group" */
        const char *dn;     /* source only */
        const char *anchor; /* target only: onPremisesImmutableId or uniqueName */
        const char *upn;
};

/* The number of steps is the table's (engine/steps/steps.h); the model only needs room. */
#define OUTCOME_STEPS_MAX 16

struct Outcome {
        char run_id[GUID_TEXT_MAX];
        Change change;  /* as it was leased: id, lane, kind, seen, changed, dn */
        unsigned tries; /* 1: the first */

        Result result;
        Disposition disposition;
        Action action;
        ErrorInfo error;

        const char *source_name;   /* "corp.contoso.test" */
        const char *partition;     /* naming context */
        const char *source_server; /* the DC that was read */
        const char *tenant_id;
        const char *target_name;
        const char *rules_version;
        const char *initiated_by; /* person, or "sosync" */
        const char *metaverse_id; /* NULL: none */
        const char *cycle_id;     /* the hold of the scheduler flag it was done in; NULL: none */

        Identity source;
        Identity target;

        StepRecord steps[OUTCOME_STEPS_MAX];
        size_t n_steps;

        const ModifiedProperty *modified;
        size_t n_modified;

        const char **request_ids; /* Graph's, of every request of this run */
        size_t n_request_ids;

        /* changed and seen are in `change`. 0: it did not come to that. */
        Wall queued;   /* durable in the queue */
        Wall started;  /* leased by a worker */
        Wall sent;     /* first write request handed to the target */
        Wall accepted; /* last write confirmed */
        Wall finished;
        int64_t duration_us;
        Wall retry_at; /* DISPOSITION_RETRY */
};

const char *result_name(Result r);                /* "success" ... as Graph writes them */
const char *action_name(Action a);                /* "create" ... */
const char *step_type_name(StepType t);           /* "import" ... "referenceResolution" */
const char *error_category_name(ErrorCategory c); /* "nonServiceFailure" ... */
const char *disposition_name(Disposition d);      /* "exported" "no change" "staged" "out of scope" ... */

/* The record on disk; see base/pack.h for how it may grow. */
#define OUTCOME_VERSION 1

void outcome_pack(PackWriter *w, const Outcome *o);

/* Return: 0, PACK_E_CORRUPT, PACK_E_NEWER. */
int outcome_unpack(Arena *a, const void *data, size_t n, Outcome *ret_outcome);
