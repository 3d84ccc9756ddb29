/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rows of the functions on binary values and encodings; see functions.h. */
#define BUILTINS_BYTES(X)                                                                                    \
        X("CBin", 2, 2, 'y', "nn", NULL, builtin_cbin, "bin CBin(num value, num length)",                    \
          "a number as so many bytes, the lowest first")                                                     \
        X("CGuid", 1, 1, 'y', "s", NULL, builtin_cguid, "bin CGuid(str text)",                               \
          "the 16 bytes of a GUID, in the order of objectGUID")                                              \
        X("ConvertFromBase64", 1, 2, 's', "ss", NULL, builtin_convertfrombase64,                             \
          "str ConvertFromBase64(str text[, Unicode|ASCII|UTF8])",                                           \
          "the text that was encoded; it is taken as UTF-16 if nothing else is said")                        \
        X("ConvertFromUTF8Hex", 1, 1, 's', "s", NULL, builtin_convertfromutf8hex,                            \
          "str ConvertFromUTF8Hex(str text)", "the text whose UTF-8 bytes are given as hexadecimal digits")  \
        X("ConvertToBase64", 1, 1, 's', "x", NULL, builtin_converttobase64, "str ConvertToBase64(str text)", \
          "base64 of a text as UTF-16, or of the bytes of a binary value")                                   \
        X("ConvertToUTF8Hex", 1, 1, 's', "s", NULL, builtin_converttoutf8hex,                                \
          "str ConvertToUTF8Hex(str text)", "the UTF-8 bytes as capital hexadecimal digits")                 \
        X("Guid", 0, 0, 's', "", CALL, builtin_guid, "str Guid()", "a new random GUID")                      \
        X("IsGuid", 1, 1, 'b', "v", CALL, builtin_isguid, "bool IsGuid(str text)",                           \
          "whether CGuid() would succeed")                                                                   \
        X("StringFromGuid", 1, 1, 's', "y", NULL, builtin_stringfromguid, "str StringFromGuid(bin guid)",    \
          "a GUID as text, in small letters without braces")                                                 \
        X("StringFromSid", 1, 1, 's', "y", NULL, builtin_stringfromsid, "str StringFromSid(bin sid)",        \
          "a SID as text: S-1-5-21-...")
