/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/secret.h"

static char folder[64], file[80];

static int make_folder(void **state)
{
        (void)state;
        snprintf(folder, sizeof(folder), "/tmp/test-secret-XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        snprintf(file, sizeof(file), "%s/secret", folder);
        return 0;
}

static int remove_folder(void **state)
{
        (void)state;
        unlink(file);
        return rmdir(folder);
}

static void put(const char *data, size_t n, mode_t mode)
{
        int fd;

        unlink(file);
        fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, n), (ssize_t)n);
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}

static void refused(const char *word)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Secret s;

        assert_int_equal(secret_read(file, &s, &diag), SECRET_E_REFUSED);
        if (!strstr(diag_text(&diag), word))
                fail_msg("\"%s\" not in \"%s\"", word, diag_text(&diag));
}

static void test_first_line(void **state)
{
        static const struct {
                const char *data;
                size_t n, n_secret;
        } cases[] = { { "secret", 6, 6 },
                      { "secret\n", 7, 6 },
                      { "secret\r\n", 8, 6 },
                      { "secret\nmore\n", 12, 6 },
                      { "a b ", 4, 4 } };
        Secret s;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                put(cases[i].data, cases[i].n, 0600);
                assert_int_equal(secret_read(file, &s, NULL), 0);
                assert_int_equal(s.n, cases[i].n_secret);
                assert_memory_equal(s.data, cases[i].data, s.n);
                assert_int_equal(s.data[s.n], 0);
        }
        secret_wipe(&s);
        assert_int_equal(s.data[0], 0);
}

static void test_unsafe_files_are_refused(void **state)
{
        static char large[SECRET_MAX + 10];
        SecretStamp before, after;

        (void)state;
        put("x", 1, 0640);
        refused("0640");
        put("x", 1, 0604);
        refused("chmod 600");
        put("", 0, 0600);
        refused("is empty");
        put("\nx", 2, 0600);
        refused("is empty");
        put("a\0b", 3, 0600);
        refused("NUL");
        memset(large, 'x', sizeof(large));
        put(large, sizeof(large), 0600);
        refused("longer than 4096");
        put("x", 1, 0400);
        assert_int_equal(secret_check(file, NULL), 0);
        before = secret_stamp(file);
        put("xy", 2, 0400);
        after = secret_stamp(file);
        assert_false(secret_stamp_is(&before, &after));
        unlink(file);
        refused("No such file");
        mkdir(file, 0700);
        refused("not a regular file");
        rmdir(file);
}

/* systemd shows the mask of an access list where the group's bits are. */
static void test_credentials_of_systemd(void **state)
{
        (void)state;
        put("x", 1, 0440);
        refused("0440");
        setenv("CREDENTIALS_DIRECTORY", folder, 1);
        assert_int_equal(secret_check(file, NULL), 0);
        put("x", 1, 0444);
        refused("0444");
        unsetenv("CREDENTIALS_DIRECTORY");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_first_line, make_folder, remove_folder),
                cmocka_unit_test_setup_teardown(test_unsafe_files_are_refused, make_folder, NULL),
                cmocka_unit_test_setup_teardown(test_credentials_of_systemd, make_folder, remove_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
