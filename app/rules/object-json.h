/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Object JSON: values and objects for `sosync eval` and `sosync rules explain`
 *
 *      "text"  42  true  null  ["a", "b"]                  as they are
 *      {"hex": "0105..."}  {"ref": "CN=Ada,..."}           binary, reference
 *      {"time": "2026-11-22T08:15:00Z"}                    a date, in an object; a result has it as a text
 *      {"token": "IgnoreThisFlow"}                         or AuthoritativeNull
 *
 * An object is a JSON object of attributes. Keys that are none of them: "%Domain.FQDN%" is a parameter,
 * "imported:proxyAddresses" a value of the last confirmed import, and "dn" is the object's name besides.
 */

#include "base/diag.h"
#include "engine/expr/expr.h"

#include <jansson.h>

typedef struct ObjectFile ObjectFile;

struct ObjectFile {
        const Object *object;
        const Object *imported; /* NULL: no such key */
        const ExprParameter *parameters;
        size_t n_parameters;
};

/* Return: true, or false with the reason in the diag: file, and key or line. */
bool object_json_read(Arena *a, const char *path, const char *type, ObjectFile *ret, Diag *diag);

json_t *object_json_value(Value v);
const char *object_json_type(Value v); /* str num bool dt bin ref mvstr mvbin mvref mv token null */
