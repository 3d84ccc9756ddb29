/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct Root {
        GraphOptions target;
} Root;

static const ConfigField root_fields[] = {
        { .name = "target",
          .type = CONFIG_MAP,
          .offset = offsetof(Root, target),
          .fields = graph_fields,
          .help = "the tenant" },
        { 0 },
};

typedef struct Fixture Fixture;

struct Fixture {
        Arena *arena;
        char secret[64];
        Root root;
        Diag diag;
};

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));
        int fd;

        f->arena = arena_new(0);
        snprintf(f->secret, sizeof(f->secret), "/tmp/sosync-test-secret-XXXXXX");
        fd = mkstemp(f->secret);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "x\n", 2), 2);
        close(fd);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        unlink(f->secret);
        arena_free(f->arena);
        diag_deinit(&f->diag);
        free(f);
        return 0;
}

#define IDS                                                   \
        "target:\n"                                           \
        "  tenant_id: 11111111-2222-3333-4444-555555555555\n" \
        "  client_id: 66666666-7777-8888-9999-000000000000\n"

static int read_config(Fixture *f, const char *more)
{
        const char *text =
                arena_printf(f->arena, IDS "  credentials: [{secret_file: %s}]\n%s", f->secret, more);
        const ConfigDoc *doc;
        int r;

        memset(&f->root, 0, sizeof(f->root));
        diag_clear(&f->diag);
        r = config_read_text("sosync.yaml", text, strlen(text), root_fields, NULL, f->arena, &f->root, &doc,
                             &f->diag);
        return r ? r : graph_check(&f->root.target, doc, "target", &f->diag);
}

static void good(Fixture *f, const char *more)
{
        if (read_config(f, more))
                fail_msg("%s: %s", more, diag_text(&f->diag));
}

static void bad(Fixture *f, const char *more, const char *words)
{
        assert_int_equal(read_config(f, more), CONFIG_E_INVALID);
        if (!strstr(diag_text(&f->diag), words))
                fail_msg("%s: %s", more, diag_text(&f->diag));
}

static void test_defaults(void **state)
{
        Fixture *f = *state;
        const GraphOptions *o = &f->root.target;

        good(f, "");
        assert_string_equal(o->tenant_id, "11111111-2222-3333-4444-555555555555");
        assert_int_equal(o->credentials.n_items, 1);
        assert_string_equal(((const GraphCredential *)o->credentials.items)[0].secret_file, f->secret);
        assert_int_equal(o->cloud, 0);
        assert_null(o->endpoints.graph);
        assert_int_equal(o->limits.tenant_size, TENANT_SMALL);
        assert_true(o->limits.share > 0.79 && o->limits.share < 0.81);
        assert_true(o->limits.published);
        assert_true(o->limits.time_scale > 0.99 && o->limits.time_scale < 1.01);
        assert_int_equal(o->timeout_us, 30000000);
        good(f,
             "  cloud: us-dod\n  limits: {tenant_size: large, share: 1, published: false}\n  timeout: 5s\n");
        assert_int_equal(o->cloud, 2);
        assert_int_equal(o->limits.tenant_size, TENANT_LARGE);
        assert_false(o->limits.published);
        assert_int_equal(o->timeout_us, 5000000);
}

static void test_endpoints(void **state)
{
        Fixture *f = *state;

        good(f, "  endpoints: {login: 'http://127.0.0.1:8080', graph: 'http://127.5.6.7:8080/v1.0'}\n");
        assert_string_equal(f->root.target.endpoints.graph, "http://127.5.6.7:8080/v1.0");
        good(f, "  endpoints: {graph: 'http://localhost/v1.0'}\n");
        good(f, "  endpoints: {graph: 'http://[::1]:99/v1.0'}\n");
        good(f, "  endpoints: {graph: 'https://graph.example.test/v1.0'}\n");
        bad(f, "  endpoints: {graph: 'http://graph.example.test/v1.0'}\n",
            "sosync.yaml:5:15: target.endpoints.graph: \"http://graph.example.test/v1.0\" would send the "
            "token in the clear: "
            "http:// is allowed for loopback addresses only");
        bad(f, "  endpoints: {login: 'http://127.0.0.1.evil.test'}\n", "in the clear");
        bad(f, "  endpoints: {login: 'http://localhost.evil.test'}\n", "in the clear");
        bad(f, "  endpoints: {login: 'http://127.0.0.1@evil.test'}\n", "must not contain a user name");
        bad(f, "  endpoints: {login: 'http://[::1].evil.test'}\n", "has no host");
        bad(f, "  endpoints: {login: 'ftp://x'}\n", "is not an address that begins with https://");
        bad(f, "  endpoints: {graph: 'https://x/v1.0/'}\n", "must not end with a slash");
        bad(f, "  endpoints: {graph: 'https://x/v1.0?a=b'}\n", "must be an address without query");
        bad(f, "  endpoints: {graph: 'https://'}\n", "has no host");
        good(f, "  endpoints: {managed_identity: 'http://127.0.0.1:8080'}\n");
        bad(f, "  endpoints: {managed_identity: 'https://imds.test'}\n",
            "sosync.yaml:5:15: target.endpoints.managed_identity: \"https://imds.test\" is not http:// and a "
            "loopback address");
        bad(f, "  endpoints: {managed_identity: 'http://imds.test'}\n",
            "is not http:// and a loopback address");
}

static void test_files(void **state)
{
        Fixture *f = *state;

        bad(f, "  ca_file: /nonexistent/ca.pem\n",
            "target.ca_file: /nonexistent/ca.pem: No such file or directory");
        assert_int_equal(chmod(f->secret, 0644), 0);
        bad(f, "", "target.credentials.0.secret_file: ");
        assert_non_null(strstr(diag_text(&f->diag), "mode 0644"));
}

static void test_credentials(void **state)
{
        static const char text[] = IDS "  credentials:\n"
                                       "    - {managed_identity: true}\n"
                                       "    - {certificate_file: /nonexistent/c.pem, algorithm: RS256}\n"
                                       "    - {secret_file: /nonexistent/s, managed_identity: true}\n";
        Fixture *f = *state;
        const GraphCredential *c;
        const ConfigDoc *doc;

        assert_int_equal(config_read_text("sosync.yaml", text, strlen(text), root_fields, NULL, f->arena,
                                          &f->root, &doc, &f->diag),
                         0);
        c = f->root.target.credentials.items;
        assert_true(c[0].managed_identity);
        assert_int_equal(c[0].algorithm, 0);
        assert_int_equal(c[1].algorithm, 1);
        assert_int_equal(graph_check(&f->root.target, doc, "target", &f->diag), CONFIG_E_INVALID);
        assert_int_equal(f->diag.n_items, 2);
        assert_string_equal(f->diag.items[0].text,
                            "sosync.yaml:6:8: target.credentials.1.certificate_file: cannot read "
                            "/nonexistent/c.pem: No such file or directory");
        assert_non_null(strstr(f->diag.items[1].text, "target.credentials.2: exactly one of secret_file"));
}

static void test_ids(void **state)
{
        static const char text[] = "target:\n  tenant_id: contoso\n  client_id: x\n  credentials: []\n";
        Fixture *f = *state;
        const ConfigDoc *doc;

        assert_int_equal(config_read_text("sosync.yaml", text, strlen(text), root_fields, NULL, f->arena,
                                          &f->root, &doc, &f->diag),
                         0);
        assert_int_equal(graph_check(&f->root.target, doc, "target", &f->diag), CONFIG_E_INVALID);
        assert_int_equal(f->diag.n_items, 3);
        assert_non_null(
                strstr(f->diag.items[0].text, "sosync.yaml:2:3: target.tenant_id: \"contoso\" is not an id"));
        assert_non_null(strstr(f->diag.items[1].text, "target.client_id: \"x\" is not an id"));
        assert_non_null(strstr(f->diag.items[2].text, "at least one is needed"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = { TEST(test_defaults), TEST(test_endpoints), TEST(test_files),
                                            TEST(test_credentials), TEST(test_ids) };

        return cmocka_run_group_tests_name("graph-config", tests, NULL, NULL);
}
