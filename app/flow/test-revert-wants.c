/* SPDX-License-Identifier: Apache-2.0 */

/* What an object is to have again, from lines of a journal: "!" is meant, "." came later. */

#include "app/flow/revert-wants.h"

#include "base/error.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct Case {
        const char
                *story; /* entries, an op each: "!title A B" set, "!member +x", "!manager x y"; "-": none */
        const char
                *wants; /* "title A if B last C", "member +x", "manager x if y", "created"; divided by ", " */
} Case;

static const Case cases[] = {
        { "!title A B", "title A if B" },
        { "!title A B;!title B C", "title A if C" },
        { ".title A B", "" },
        { ".title - A;!title A B", "title A if B" },
        /* A rollback, or any run of ours, went on from there. */
        { "!title A B;.title B -", "title A if -" },
        { "!title A B;.title B C;.title C D", "title A if D" },
        { "!title A B;.title B C;!title C D", "title A if D" },
        { "!title a B;.mail x y;.title B C", "title a if C" },
        { "!title - B;.title B C", "title - if C" },
        /* It has been put back, and what came then is not of it. */
        { "!title A B;.title B A", "" },
        { "!title A B;.title B A;.title A C", "" },
        { "!title A B;.title B A;!title A D", "title A if D" },
        { "!title A B;.title A C", "" }, /* the first write was not done */
        { "!title A B;.title A B", "title A if B" },
        { "!title A B;.title A B;.title B -", "title A if -" },
        { "!title A B;.title B A;.title A B", "" },
        { "!manager x y;.manager x y", "manager x if y" },
        /* Somebody has changed it in between: that it was not we who left it is found by comparing. What we
         * have written after him is known, to say so. */
        { "!title A B;.title X C", "title A if B last C" },
        { "!title A B;.title X C;.title C D", "title A if B last D" },
        { "!title A B;.title X C;!title C D", "title A if D" },
        /* Another object by the same name. */
        { "!title A B;*title B C", "title A if B" },
        { "!title A B;*create", "title A if B" },
        { "!create;.title A B", "created" },
        { "!member +x", "member -x" },
        { "!member +x;.member -x", "" },
        { "!member +x;.member -x;.member +x", "" },
        { "!member +x;.member -x;.member +x;!member -x", "member +x" },
        { ".member +x;!member -x;!member +y", "member +x, member -y" },
        { "!member -x;.member +y", "member +x" },
        { "!manager x y", "manager x if y" },
        { "!manager x y;.manager y -", "manager x if -" },
        { "!manager x y;.manager y x", "" },
        { "!manager x y;.manager x z", "" },
        { "!manager x y;.manager z v", "manager x if y" },
        { "!manager - y;.manager y z", "manager -z" },
        { "!manager x -;.manager - z;.title A B", "manager x if z" },
};

static ObjectId id_of(const char *name)
{
        ObjectId id = { 0 };

        if (!str_is(name, "-"))
                id.bytes[0] = (uint8_t)name[0];
        return id;
}

static const char *name_of(Arena *a, const ObjectId *id)
{
        return guid_is_zero(id) ? "-" : arena_printf(a, "%c", id->bytes[0]);
}

static Value value_of(const char *text)
{
        return str_is(text, "-") ? VALUE_NULL : value_string(text);
}

static JournalOp op_of(const char *attribute, const char *one, const char *two)
{
        ObjectId x, y;

        if (str_is(attribute, "create"))
                return (JournalOp){ .verb = JOURNAL_CREATE };
        if (str_is(attribute, "member"))
                return (JournalOp){ .verb = *one == '+' ? JOURNAL_LINK : JOURNAL_UNLINK,
                                    .attribute = attribute,
                                    .link = id_of(one + 1) };
        if (!str_is(attribute, "manager"))
                return (JournalOp){ .verb = JOURNAL_SET,
                                    .attribute = attribute,
                                    .before = value_of(one),
                                    .after = value_of(two) };
        x = id_of(one);
        y = id_of(two);
        if (guid_is_zero(&y))
                return (JournalOp){ .verb = JOURNAL_UNLINK, .attribute = attribute, .link = x };
        return (JournalOp){ .verb = JOURNAL_LINK, .attribute = attribute, .link = y, .link_before = x };
}

static size_t read_story(Arena *a, const char *story, RevertEntry *entries)
{
        char *rest = arena_strdup(a, story), *line;
        size_t n = 0;

        while ((line = strsep(&rest, ";"))) {
                char *attribute = strsep(&line, " "), *one = strsep(&line, " "), *two = strsep(&line, " ");
                JournalOp *op = arena_new_of(a, JournalOp);

                *op = op_of(attribute + 1, one, two);
                entries[n] = (RevertEntry){ .is_meant = *attribute == '!' };
                entries[n].journal = (JournalEntry){
                        .type = "user", .cloud = id_of(*attribute == '*' ? "2" : "1"), .ops = op, .n_ops = 1
                };
                n++;
        }
        return n;
}

static const char *text_of(Arena *a, Value v)
{
        return value_is_none(v) ? "-" : value_text(a, v, 100);
}

static const char *write_want(Arena *a, const HoldWant *w, Value last)
{
        if (w->verb == JOURNAL_SET)
                return arena_printf(a, "%s %s if %s%s%s", w->attribute, text_of(a, w->restore),
                                    text_of(a, w->expect), value_is(w->expect, last) ? "" : " last ",
                                    value_is(w->expect, last) ? "" : text_of(a, last));
        if (str_is(w->attribute, "manager") && w->verb == JOURNAL_LINK)
                return arena_printf(a, "manager %s if %s", name_of(a, &w->link), name_of(a, &w->link_expect));
        return arena_printf(a, "%s %s%s", w->attribute, w->verb == JOURNAL_LINK ? "+" : "-",
                            name_of(a, &w->link));
}

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                RevertWants w = { .arena = a };
                RevertEntry entries[8];
                const char *is = "";

                revert_wants(&w, entries, read_story(a, cases[i].story, entries));
                for (size_t k = 0; k < w.n && !w.is_created; k++)
                        is = arena_printf(a, "%s%s%s", is, k ? ", " : "",
                                          write_want(a, &w.items[k], w.last[k]));
                if (!str_is(w.is_created ? "created" : is, cases[i].wants))
                        fail_msg("%s: %s", cases[i].story, is);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
