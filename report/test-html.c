/* SPDX-License-Identifier: Apache-2.0 */

#include "report/test-report.h"

#include "report/html-internal.h"

#include <string.h>

#define PAGE_MAX ((size_t)64 << 20)

static char *render(const Outcome *o)
{
        char *page;
        Str s;

        str_init(&s, PAGE_MAX);
        html_report(o, &s);
        assert_false(s.cut);
        page = str_take(&s);
        str_deinit(&s);
        return page;
}

static size_t count_of(const char *text, const char *what)
{
        const char *end = text + strlen(text), *p = text;
        size_t n = 0, length = strlen(what);

        while ((p = memmem(p, (size_t)(end - p), what, length))) {
                p += length;
                n++;
        }
        return n;
}

static void assert_text(const char *s, const char *expected)
{
        Str out;

        str_init(&out, 10000);
        html_text(&out, s);
        assert_string_equal(out.data, expected);
        str_deinit(&out);
}

static void assert_attr(const char *s, const char *expected)
{
        Str out;

        str_init(&out, 10000);
        html_attr(&out, s);
        assert_string_equal(out.data, expected);
        str_deinit(&out);
}

static void assert_url(const char *s, const char *expected)
{
        Str out;

        str_init(&out, 10000);
        html_url(&out, s);
        assert_string_equal(out.data, expected);
        str_deinit(&out);
}

static void test_escapes(void **state)
{
        assert_text(NULL, "");
        assert_text("plain, Grüße 👩‍💻 سلام", "plain, Grüße 👩‍💻 سلام");
        assert_text("<b a=\"1\" c='2'>&amp;", "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;");
        assert_text("a\n\tb", "a\n\tb");
        assert_text("\x1b[1m\x7f\r", "&#x241b;[1m&#x2421;&#x240d;");
        assert_text("\xff\xc3(\xed\xa0\x80", "&#xfffd;&#xfffd;(&#xfffd;&#xfffd;&#xfffd;");
        assert_text("\xc0\xbcscript", "&#xfffd;&#xfffd;script"); /* '<', the long way */
        assert_text("\xf4\x90\x80\x80", "&#xfffd;&#xfffd;&#xfffd;&#xfffd;");
        assert_text("a\xe2\x80\xae"
                    "b",
                    "a<span class=\"u\">U+202E</span>b");
        assert_text("\xe2\x81\xa9\xef\xbb\xbf",
                    "<span class=\"u\">U+2069</span><span class=\"u\">U+FEFF</span>");
        assert_text("\xc2\x9b", "<span class=\"u\">U+009B</span>");
        assert_text("cut \xe2\x82", "cut &#xfffd;&#xfffd;");

        assert_attr("\"><script>", "&quot;&gt;&lt;script&gt;");
        assert_attr("a\nb\r\tc\x1b", "a&#10;b&#13;&#9;c&#xfffd;");
        assert_attr("\xe2\x80\xae", "\xe2\x80\xae"); /* what is copied is the value itself */
        assert_attr("\xff", "&#xfffd;");

        assert_url("CN=Ada Lovelace,OU=a/b?c#d", "CN%3DAda%20Lovelace%2COU%3Da%2Fb%3Fc%23d");
        assert_url("ü~-._", "%C3%BC~-._");
}

/* Whatever a value holds, the page has the tags it would have without it. */
static void test_hostile(void **state)
{
        Arena *a = arena_new(0);
        char *page = render(fixture_make(a, "hostile"));
        char *plain = render(fixture_make(a, "update-user"));

        assert_int_equal(count_of(page, "<script"), 1);
        assert_int_equal(count_of(page, "</script"), 1);
        assert_int_equal(count_of(page, "<style"), 1);
        assert_int_equal(count_of(page, "</style"), 1);
        assert_int_equal(count_of(page, "<img"), 0);
        assert_int_equal(count_of(page, "<!--"), 0);
        assert_int_equal(count_of(page, "<svg onload"), 0);
        assert_int_equal(count_of(page, " onerror=\""), 0);
        assert_int_equal(count_of(page, "javascript:"),
                         count_of(page, " javascript:document.title=&#39;planted"));
        assert_int_equal(count_of(page, "href=\"#"), count_of(page, "href="));
        assert_int_equal(count_of(page, "\x1b"), 0);
        assert_int_equal(count_of(page, "\r"), 0);
        assert_true(str_is_utf8(page, strlen(page)));
        assert_int_equal(count_of(plain, "<script"), 1);
        free(page);
        free(plain);
        arena_free(a);
}

static void test_all(void **state)
{
        for (size_t i = 0; i < n_fixtures; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                char *page = render(fixture_make(a, fixtures[i].name));

                assert_int_equal(count_of(page, "<li id=\"step-"), FIXTURE_STEPS);
                assert_int_equal(count_of(page, "<section id="), 4);
                assert_non_null(strstr(page, "<a href=\"#steps\">Steps</a>"));
                assert_non_null(strstr(page, "<section id=\"troubleshooting\""));
                assert_non_null(strstr(page, "<section id=\"modified\""));
                assert_non_null(strstr(page, "<section id=\"summary\""));
                assert_non_null(strstr(page, "content=\"default-src &#39;none&#39;; style-src"));
                assert_int_equal(count_of(page, "<details"), count_of(page, "</details>"));
                assert_int_equal(count_of(page, "<bdi"), count_of(page, "</bdi>"));
                assert_int_equal(count_of(page, "<div"), count_of(page, "</div>"));
                free(page);
        }
}

static void test_contents(void **state)
{
        Arena *a = arena_new(0);
        Outcome *o;
        char *page = render(fixture_make(a, "group-members"));

        /* Modified Properties: counts, and the way to the row of the export's table. */
        assert_non_null(strstr(page, "<a href=\"#s10-a1\"><bdi>members</bdi></a>"));
        assert_non_null(strstr(page, "<tr id=\"s10-a1\" class=\"update\">"));
        assert_non_null(strstr(page, "<td class=\"old\"><bdi class=\"v\">46</bdi> values</td>"));
        assert_non_null(strstr(page, "<span class=\"plus\">+3</span>"));
        assert_non_null(strstr(page, "Those who turn the crank</bdi></td><td class=\"new\"></td>"));
        free(page);

        page = render(fixture_make(a, "parked"));
        assert_non_null(strstr(page, "AttributeValueMustBeUnique"));
        assert_non_null(strstr(page, "Find both objects, and change or remove the value on one of them."));
        assert_non_null(strstr(page, "The change is parked"));
        assert_non_null(
                strstr(page, "<a href=\"#step-10\">Step 10: Export the object to Microsoft Entra ID</a>"));
        free(page);

        page = render(fixture_make(a, "update-user"));
        assert_non_null(strstr(page, "Nothing failed. There is nothing to do."));
        assert_non_null(strstr(page, "from the moment the change was seen"));
        free(page);

        page = render(fixture_make(a, "disable"));
        assert_non_null(strstr(page, "refresh tokens end within minutes"));
        assert_non_null(strstr(page, "up to an hour"));
        free(page);

        /* A run that left no word is no run without a failure. */
        page = render(fixture_make(a, "empty"));
        assert_null(strstr(page, "Nothing failed"));
        assert_non_null(strstr(page, "The run ended without saying why."));
        free(page);

        /* A newer program may have more steps than this one knows. */
        o = arena_new_of(a, Outcome);
        fixture_base(a, o);
        o->n_steps = OUTCOME_STEPS_MAX;
        page = render(o);
        assert_non_null(strstr(page, "A step of a newer version of sosync"));
        free(page);
        arena_free(a);
}

static void test_folds(void **state)
{
        Arena *a = arena_new(0);
        char *page = render(fixture_make(a, "long-values"));

        assert_non_null(strstr(page, "<span class=\"size\">1.0 MB</span>"));
        assert_non_null(strstr(page, "<span class=\"size\">100.0 kB</span>"));
        assert_non_null(strstr(page, "<span class=\"size\">2.2 kB</span>")); /* the DN */
        free(page);
        arena_free(a);
}

static void test_file_name(void **state)
{
        Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);

        fixture_base(a, o);
        assert_string_equal(html_file_name(a, o),
                            "ADSyncSingleObjectSyncResult-20261122T083115Z-1f0c2d3e.htm");
        memcpy(o->run_id, "../../etc/passwd", 17);
        assert_string_equal(html_file_name(a, o),
                            "ADSyncSingleObjectSyncResult-20261122T083115Z-etcpassw.htm");
        arena_free(a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_escapes), cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_all),     cmocka_unit_test(test_contents),
                cmocka_unit_test(test_folds),   cmocka_unit_test(test_file_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
