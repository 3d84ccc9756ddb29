/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#define SOMEBODY 65534

/* What somebody else does in the moment after the next open(). */
static const char *led_away, *led_to;

int open(const char *path, int flags, ...)
{
        mode_t mode = 0;
        va_list more;
        int fd;

        va_start(more, flags);
        if (flags & O_CREAT)
                mode = va_arg(more, mode_t);
        va_end(more);
        fd = openat(AT_FDCWD, path, flags, mode);
        if (led_away && (unlink(led_away) || symlink(led_to, led_away)))
                abort();
        led_away = NULL;
        return fd;
}

typedef struct Place {
        char at[64];
        char inner[96], file[128], other[128];
} Place;

static int setup(void **state)
{
        Place *p = calloc(1, sizeof(*p));

        snprintf(p->at, sizeof(p->at), "/tmp/test-folder-XXXXXX");
        assert_non_null(mkdtemp(p->at));
        snprintf(p->inner, sizeof(p->inner), "%s/inner", p->at);
        snprintf(p->file, sizeof(p->file), "%s/file", p->inner);
        snprintf(p->other, sizeof(p->other), "%s/other", p->inner);
        *state = p;
        return 0;
}

static int teardown(void **state)
{
        Place *p = *state;

        unlink(p->file);
        unlink(p->other);
        rmdir(p->inner);
        rmdir(p->at);
        free(p);
        return 0;
}

static uid_t owner_of(const char *path)
{
        struct stat st;

        assert_int_equal(lstat(path, &st), 0);
        return st.st_uid;
}

static void make_file(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        close(fd);
}

static void test_make(void **state)
{
        Place *p = *state;
        char deeper[160];
        struct stat st;

        assert_int_equal(folder_make(p->inner, 0750), 0);
        assert_int_equal(stat(p->inner, &st), 0);
        assert_int_equal(st.st_mode & 0027, 0); /* whatever the umask */
        assert_int_equal(st.st_uid, geteuid());
        assert_int_equal(folder_make(p->inner, 0750), 0); /* it is there */
        snprintf(deeper, sizeof(deeper), "%s/not/there", p->inner);
        assert_int_equal(folder_make(deeper, 0750), -ENOENT);
}

/* What root makes is whose the folder is. */
static void test_root_gives(void **state)
{
        Place *p = *state;
        char slash[128];

        if (geteuid())
                skip();
        assert_int_equal(chown(p->at, SOMEBODY, SOMEBODY), 0);
        snprintf(slash, sizeof(slash), "%s/", p->inner);
        assert_int_equal(folder_make(slash, 0700), 0);
        assert_int_equal(owner_of(p->inner), SOMEBODY);
        assert_int_equal(folder_make_file(p->inner, "other"), 0);
        assert_int_equal(owner_of(p->other), SOMEBODY);
        make_file(p->file);
        assert_int_equal(folder_make_file(p->inner, "file"), 0); /* it is there, and is left as it is */
        assert_int_equal(owner_of(p->file), 0);
        assert_int_equal(folder_give_file(p->inner, "file"), 0);
        assert_int_equal(owner_of(p->file), SOMEBODY);
        assert_int_equal(folder_give_file(p->inner, "none"), -ENOENT);
}

/* The folder's owner may put anything there, and gets nothing by it. */
static void test_not_what_is_elsewhere(void **state)
{
        Place *p = *state;
        char target[96];

        if (geteuid())
                skip();
        assert_int_equal(chown(p->at, SOMEBODY, SOMEBODY), 0);
        assert_int_equal(folder_make(p->inner, 0700), 0);
        snprintf(target, sizeof(target), "%s/target", p->at);
        make_file(target);
        assert_int_equal(symlink(target, p->file), 0);
        assert_int_equal(folder_give_file(p->inner, "file"), -ELOOP);
        assert_int_equal(link(target, p->other), 0);
        assert_int_equal(folder_give_file(p->inner, "other"), -EPERM);
        assert_int_equal(owner_of(target), 0);
        unlink(target);
}

/* Its own folder, exchanged for a link while root is at work in it. */
static void test_not_where_the_way_leads_now(void **state)
{
        Place *p = *state;
        char way[96], mine[96], mine_inner[128], theirs[96], theirs_inner[128], path[128];

        if (geteuid())
                skip();
        snprintf(way, sizeof(way), "%s/way", p->at);
        snprintf(mine, sizeof(mine), "%s/mine", p->at);
        snprintf(mine_inner, sizeof(mine_inner), "%s/inner", mine);
        snprintf(theirs, sizeof(theirs), "%s/theirs", p->at);
        snprintf(theirs_inner, sizeof(theirs_inner), "%s/inner", theirs);
        snprintf(path, sizeof(path), "%s/inner", way);
        assert_int_equal(mkdir(mine, 0700) | mkdir(theirs, 0700) | mkdir(theirs_inner, 0700), 0);
        assert_int_equal(chown(mine, SOMEBODY, SOMEBODY), 0);
        assert_int_equal(symlink(mine, way), 0);
        led_away = way;
        led_to = theirs;
        assert_int_equal(folder_make(path, 0700), 0);
        assert_int_equal(owner_of(theirs_inner), 0);
        assert_int_equal(owner_of(mine_inner), SOMEBODY);
        rmdir(mine_inner);
        rmdir(mine);
        rmdir(theirs_inner);
        rmdir(theirs);
        unlink(way);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(test_make),
                TEST(test_root_gives),
                TEST(test_not_what_is_elsewhere),
                TEST(test_not_where_the_way_leads_now),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
