/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Secret: a password from a file, for the moment it is needed
 *
 * Read at each bind, so that a changed password needs no restart; locked in memory meanwhile, and wiped
 * afterwards, so that it is in no core file and no swap of the next hours. A file that others can read is
 * refused: an operator should hear of that before someone else does.
 */

#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Secret Secret;

enum {
        SECRET_E_BASE_ = 1150, /* within ERROR_BASE_PACK */

        SECRET_E_REFUSED, /* missing, unreadable, readable by others, empty: the diag says which */
};

#define SECRET_MAX 4096

struct Secret {
        char data[SECRET_MAX + 1]; /* the first line, terminated */
        size_t n;
};

/* Return: 0, SECRET_E_REFUSED. */
int secret_check(const char *file, Diag *diag);
int secret_read(const char *file, Secret *ret_secret, Diag *diag);
void secret_wipe(Secret *s);

/* When the file was last changed (device, inode, time): has it changed since a server refused its content? */
typedef struct SecretStamp {
        unsigned long long device, inode, sec, nsec, size;
} SecretStamp;

SecretStamp secret_stamp(const char *file); /* NULL or no such file: zero */
bool secret_stamp_is(const SecretStamp *a, const SecretStamp *b);
