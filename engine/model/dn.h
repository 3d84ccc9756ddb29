/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dn: distinguished names (RFC 4514), parsed, compared and shortened, without an LDAP library
 *
 * A DN is text at the edges and a Dn inside. The normalised form (attribute types in upper case, values
 * case-folded by Unicode, escapes in one canonical way, no insignificant blanks, runs of blanks folded) is
 * what AD compares by; it is the form in which two DNs are the same object's name.
 *
 * Written by hand because the engine may not include LDAP (style.md, D2), and ldap_str2dn() accepts and
 * prints forms that AD does not.
 */

#include "base/arena.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Dn Dn;
typedef struct Rdn Rdn;

enum {
        DN_E_BASE_ = 1200, /* ERROR_BASE_DN */

        DN_E_MALFORMED, /* the diag says what is wrong, and at which byte */
};

struct Rdn {
        const char *type;       /* as written: "CN", "ou" */
        const char *value;      /* unescaped; may hold a NUL? never: that is malformed */
        const char *normalised; /* "CN=ada lovelace", multi-valued RDNs sorted and joined by '+' */
};

struct Dn {
        const char *text;       /* as given */
        const Rdn *rdns;        /* leftmost first */
        size_t n_rdns;          /* 0: the root DSE */
        const char *normalised; /* "CN=ada lovelace,OU=corp,DC=contoso,DC=test" */
};

/* At most 64 RDNs and 8 kB. Return: 0, DN_E_MALFORMED. */
int dn_parse(Arena *a, const char *text, const Dn **ret_dn, Diag *diag);

bool dn_is(const Dn *a, const Dn *b);
bool dn_is_below(const Dn *dn, const Dn *ancestor);      /* at or below */
size_t dn_depth_below(const Dn *dn, const Dn *ancestor); /* 0: the same, or not below at all */
const char *dn_parent_text(Arena *a, const Dn *dn);      /* text of the DN above; "" at the root */

/* "CN=A very long name,OU=Pe...", at most so many columns of a terminal: for people. What is no DN loses its
 * middle. */
const char *dn_shorten(Arena *a, const char *text, size_t columns);

/* A value as it must be written inside a DN (RFC 4514 section 2.4). */
const char *dn_escape(Arena *a, const char *value);
