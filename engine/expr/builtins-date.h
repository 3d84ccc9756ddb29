/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rows of the functions on dates; see functions.h. */
#define BUILTINS_DATE(X)                                                                                    \
        X("CDate", 1, 1, 'd', "o", CALL, builtin_cdate, "dt CDate(str text)",                               \
          "the date of a text: 2013-01-10 4:00 PM -8, 12/25/2007; UTC if it has no zone")                   \
        X("DateAdd", 3, 3, 'd', "snd", NULL, builtin_dateadd, "dt DateAdd(str interval, num n, dt date)",   \
          "a date n intervals later: yyyy year, q quarter, m month, y d w day, ww week, h hour, n minute, " \
          "s second")                                                                                       \
        X("DateFromNum", 1, 1, 'd', "n", NULL, builtin_datefromnum, "dt DateFromNum(num filetime)",         \
          "the date of a number as in pwdLastSet: 100 ns since 1601-01-01 UTC")                             \
        X("FormatDateTime", 2, 2, 's', "ds", NULL, builtin_formatdatetime,                                  \
          "str FormatDateTime(dt date, str format)", "a date as text: yyyy MM dd HH mm ss fff tt ...")      \
        X("IsDate", 1, 1, 'b', "v", CALL, builtin_isdate, "bool IsDate(var value)",                         \
          "whether CDate() would succeed")                                                                  \
        X("Now", 0, 0, 'd', "", CALL, builtin_now, "dt Now()", "date and time of the evaluation")           \
        X("NumFromDate", 1, 1, 'n', "d", NULL, builtin_numfromdate, "num NumFromDate(dt date)",             \
          "the number of a date as in pwdLastSet")
