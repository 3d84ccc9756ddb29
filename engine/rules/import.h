/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Import: the rules of an Entra Connect server, as rule files of ours
 *
 *      export folder (XML) --import-folder, import-rule--> .
 *                                                           \
 *                                                            ImportRule[] --import-finish--> Import --> DIR
 *                                                           /
 *      New-ADSyncRule scripts --import-shell, import-cmdlet-'
 *
 * What is read:
 *   - a folder with SynchronizationRules/, as Get-ADSyncServerConfiguration writes it: all rules, the names
 * and parameters of the connectors, the metaverse's own attributes;
 *   - a PowerShell export of the Synchronization Rules Editor, or a folder of them. Nothing is executed: a
 * line that the editor would not write is an error.
 *
 * Promises. The files that come out load, and mean what was read. Nothing is dropped silently: a rule or a
 * flow that cannot be kept is in `skipped` with its reason, what was read and has no meaning here is in
 * `notes`. All or nothing: a file that cannot be read, or a taken output folder, and nothing is written.
 *
 * Connectors. A rule of the tenant's connector becomes one without a connector (outbound) or of "entra"
 * (inbound). If all other rules are of one directory, they are for every source; of several directories, each
 * keeps its connector's name, which must then be the name of a source in sosync.yaml: `names` can change it.
 */

#include "engine/rules/rules.h"

typedef struct Import Import;
typedef struct ImportConnector ImportConnector;
typedef struct ImportCount ImportCount;
typedef struct ImportName ImportName;
typedef struct ImportNote ImportNote;
typedef struct ImportOptions ImportOptions;
typedef struct ImportParameter ImportParameter;

enum {
        IMPORT_E_BASE_ = 1450, /* in the range of ERROR_BASE_RULE */

        IMPORT_E_INVALID, /* the diag says what is wrong and where */
        IMPORT_E_TAKEN,   /* import_write: the output folder is there and not empty */
};

/* The connector of Entra ID has this GUID on every server. */
#define IMPORT_CONNECTOR_TENANT "b891884f-051e-4a83-95af-2544101c9083"

struct ImportName {
        const char *connector; /* name or GUID */
        const char *source;
};

struct ImportOptions {
        const ImportName *names;
        size_t n_names;
};

struct ImportConnector {
        const char *id;   /* GUID, small letters */
        const char *name; /* NULL: not known */
        const char
                *source; /* what the rules say; NULL: nothing, they are for every source or for the tenant */
        bool tenant;
        size_t n_rules;
};

/* What could not be kept (skipped), or was read and means nothing here (notes). */
struct ImportNote {
        const char *rule;      /* NULL: of the whole */
        const char *attribute; /* NULL: of the whole rule */
        const char *text;
};

struct ImportCount {
        const char *name;
        size_t n;
};

struct ImportParameter {
        const char *name;
        const char *value; /* as the export has it; NULL: it does not say */
        bool runtime;      /* sosync finds it out for each object */
        size_t n_uses;     /* in rules */
};

/* Everything lives in the arena of import_read(). */
struct Import {
        Arena *arena;
        const char *server; /* where it was exported, and when; NULL: not said */
        const char *date;
        size_t n_read;            /* rules */
        const Rule *const *rules; /* that are kept, by direction and precedence */
        size_t n_rules;
        const ImportNote *skipped; /* each is a difference to what was read */
        size_t n_skipped;
        const ImportNote *notes;
        size_t n_notes;
        const ImportNote *open; /* what keeps the set from being used as it is */
        size_t n_open;
        const ImportConnector *connectors;
        size_t n_connectors;
        const ImportCount *functions; /* by name */
        size_t n_functions;
        const ImportParameter *parameters;
        size_t n_parameters;
        const ImportCount
                *attributes; /* of the metaverse that Entra Connect does not ship; n: values, 1 or many */
        size_t n_attributes;
};

/* Return: 0, IMPORT_E_INVALID. */
int import_read(Arena *a, const char *path, const ImportOptions *options, const Import **ret_import,
                Diag *diag);

/* The files, made beside the folder and then renamed to it. `folder` must be empty or not there.
 * Return: 0, IMPORT_E_TAKEN, -errno; the diag says why. *ret_files: how many. */
int import_write(const Import *import, const char *folder, size_t *ret_files, Diag *diag);
