/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rows of the functions on distinguished names and references; see functions.h. */
#define BUILTINS_NAME(X)                                                                               \
        X("CRef", 1, 1, 'r', "s", NULL, builtin_cref, "ref CRef(str dn)",                              \
          "a reference from the text of a DN")                                                         \
        X("CStr", 1, 1, 's', "o", CALL, builtin_cstr, "str CStr(num|ref|bool value)",                  \
          "a number, a reference or a boolean as text")                                                \
        X("DNComponent", 2, 2, 's', "rn", NULL, builtin_dncomponent, "str DNComponent(ref dn, num n)", \
          "value of the n-th RDN from the left")                                                       \
        X("DNComponentRev", 2, 3, 's', "rns", NULL, builtin_dncomponentrev,                            \
          "str DNComponentRev(ref dn, num n[, \"DC\"])",                                               \
          "value of the n-th RDN from the right, not counting those of type DC if \"DC\" is given")    \
        X("EscapeDNComponent", 1, 1, 's', "s", NULL, builtin_escapedncomponent,                        \
          "str EscapeDNComponent(str component)", "one component of a DN, escaped as LDAP wants it")
