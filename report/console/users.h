/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Users: who somebody is, and what they may
 *
 * A token is compared with every user's, in a time that does not tell how much of it was right; files are
 * read at each sign-in, so that a changed token needs no restart. A session is a number of 256 bits that only
 * the browser and this table know; it has a second one that goes into every form (CSRF). Sessions are in
 * memory: a restart ends them all.
 *
 * Belongs to the loop's thread.
 */

#include "base/clock.h"
#include "report/console/console-config.h"

typedef struct Session Session;
typedef struct Users Users;

#define USERS_ID_MAX   72 /* 64 hex digits */
#define USERS_SESSIONS 256

struct Session {
        char id[USERS_ID_MAX];
        char csrf[USERS_ID_MAX];
        const char *name; /* of the configuration */
        ConsoleRole role;
        Mono ends; /* 0: this place is free */
};

struct Users {
        const ConsoleConfig *config;
        Session sessions[USERS_SESSIONS];
        Mono guesses_until; /* failed sign-ins push it forward; far ahead: there are too many */
};

void users_init(Users *u, const ConsoleConfig *config);

/*
 * Whose token is this? NULL: nobody's; *ret_wait: as were too many of late, which are not logged any more. A
 * right token is let in however many wrong ones come: whoever can reach the port could lock everybody out
 * otherwise. What keeps guessing away is the token itself (console_check: its length, and that it is no word
 * of a few letters).
 */
const ConsoleUser *users_by_token(Users *u, const char *token, Mono now, bool *ret_wait);
/* The user of this name, for a proxy's word. NULL: none. */
const ConsoleUser *users_by_name(const Users *u, const char *name);

/* A new session; when all places are taken, of whoever has the most the one that ends first gives way: a
 * program that takes no cookies, behind a proxy that names its user, begins one with each request. */
Session *users_begin(Users *u, const ConsoleUser *user, Mono now);
Session *users_find(Users *u, const char *id, Mono now); /* NULL: none, or it has ended */
void users_end(Session *s);

/* Equal? In a time that depends on the lengths only. */
bool users_is_same(const char *a, const char *b);
