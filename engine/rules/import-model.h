/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Import, inside: what the readers hand to import-finish.c
 *
 *      XML of a server export  --> import-folder.c, import-rule.c   --.
 *      New-ADSyncRule scripts  --> import-shell.c, import-cmdlet.c  --+--> Importing --> import-finish.c
 *
 * A Rule is filled as it was read: expressions are not compiled, the connector is a GUID. What cannot be
 * taken over is not lost silently: a rule that is skipped, and a word about one that is not quite what it
 * was, are lists of the result. Files are hostile: sizes and numbers have a maximum, and what is beyond it is
 * a finding.
 *
 * Everything lives in the arena, of one thread. Return, where it is an int: 0, IMPORT_E_INVALID (findings in
 * the diag), -errno.
 */

#include "engine/rules/import-xml.h"
#include "engine/rules/import.h"

typedef struct ImportList ImportList;
typedef struct ImportRule ImportRule;
typedef struct Importing Importing;

#define IMPORT_SCRIPT_MAX ((size_t)8 << 20) /* far above the editor's longest */
#define IMPORT_FILES_MAX  4000
#define IMPORT_RULES_MAX  2000 /* as many as a set may have */

struct ImportRule {
        Rule rule;
        const char *file;
        const char *connector; /* GUID, small letters, without braces */
        const char *before; /* GUID of the rule whose place it takes, or behind which it stands; NULL: none */
        const char *after;
        struct ImportRule *beside; /* that one; NULL: none is named, or it was not read */
        bool is_unplaced;          /* `beside` decides about its precedence, and that is not done yet */
        bool skipped;
};

/* An array of any type that grows in the arena. */
struct ImportList {
        void *items;
        size_t n, size;
};

struct Importing {
        Arena *arena;
        Diag *diag;
        const ImportOptions *options;
        const char *server, *date;
        ImportList rules;                /* ImportRule * */
        ImportList skipped, notes, open; /* ImportNote */
        ImportList connectors;           /* ImportConnector */
        ImportList functions;            /* ImportCount */
        ImportList parameters;           /* ImportParameter */
        ImportList attributes;           /* ImportCount */
};

/* Room for one more item, cleared. */
void *import_list_add(Arena *a, ImportList *list, size_t size);
#define IMPORT_ADD(im, list, type) ((type *)import_list_add((im)->arena, &(im)->list, sizeof(type)))

void import_skip(Importing *im, const char *rule, const char *attribute, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void import_note(Importing *im, const char *rule, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* "{AE4D...}" as small letters without braces; NULL: not a GUID. */
const char *import_guid(Arena *a, const char *text);
bool import_guid_is_set(const char *guid); /* there, and not all zero */

bool import_parse_bool(const char *text, bool *ret);
bool import_parse_choice(const char *const *names, const char *text, int *ret); /* without regard to case */

ImportConnector *import_connector(Importing *im, const char *id); /* added if it is not there */

/* import-folder.c, import-rule.c */
int import_folder(Importing *im, const char *path);
int import_xml_file(Importing *im, const char *path);
void import_xml_rule(Importing *im, const char *file, const XmlNode *root);

/* import-shell.c, import-cmdlet.c: one script, `data` as it is in the file */
int import_script(Importing *im, const char *file, const char *data, size_t n);

/* import-scan.c */
bool import_is_runtime(const char *parameter);
void import_scan(Importing *im, ImportRule *r);

/* import-finish.c: everything after reading */
int import_finish(Importing *im, Import *ret);
