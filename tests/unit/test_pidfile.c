#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/pidfile.h"

static char folder[64];
static char path[80];

static void put(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void check(const char *expected)
{
    char text[64] = {0};
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, expected);
}

static pid_t dead_process(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    return pid;
}

static void it_is_written_and_removed(void **state)
{
    struct fault fault;
    struct stat st;
    char own[32];

    (void)state;
    umask(077);
    assert_true(pidfile_write(path, &fault));
    snprintf(own, sizeof own, "%d\n", (int)getpid());
    check(own);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    pidfile_remove(path);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void a_live_process_refuses(void **state)
{
    struct fault fault;
    char other[32];
    char reason[160];

    (void)state;
    snprintf(other, sizeof other, "%d\n", (int)getppid());
    put(other);
    assert_false(pidfile_free(path, &fault));
    assert_false(pidfile_write(path, &fault));
    snprintf(reason, sizeof reason,
             "Already running on PID %d (or pid file '%s' is stale)",
             (int)getppid(), path);
    assert_string_equal(fault.text, reason);
    check(other);
    pidfile_remove(path); /* not ours */
    check(other);
}

static void what_is_stale_is_in_nobodys_way(void **state)
{
    char gone[32];
    char own[32];
    const char *const contents[] = {
        gone,       own,    "",    "\n",
        "nonsense", "-1\n", "0\n", "99999999999999999999\n",
    };
    struct fault fault;

    (void)state;
    snprintf(gone, sizeof gone, "%d\n", (int)dead_process());
    snprintf(own, sizeof own, "%d", (int)getpid());
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        put(contents[i]);
        assert_true(pidfile_free(path, &fault));
        assert_true(pidfile_write(path, &fault));
        pidfile_remove(path);
        assert_int_equal(access(path, F_OK), -1);
    }
}

static void no_file_is_no_work(void **state)
{
    struct fault fault;

    (void)state;
    assert_true(pidfile_free(NULL, &fault));
    assert_true(pidfile_write(NULL, &fault));
    pidfile_remove(NULL);
    assert_false(pidfile_write("/nowhere/at/all.pid", &fault));
    assert_string_equal(fault.text, "pidfile: /nowhere/at/all.pid: "
                                    "No such file or directory");
}

static void check_at(const char *suffix, bool there)
{
    char name[96];

    snprintf(name, sizeof name, "%s%s", path, suffix);
    assert_int_equal(access(name, F_OK) == 0, there);
}

/* Beside the file of a master that lives, which is not touched until it is
 * gone. */
static void the_second_stands_beside(void **state)
{
    struct fault fault;
    char own[32];

    (void)state;
    put("1\n");
    assert_false(pidfile_write(path, &fault));
    assert_true(pidfile_write_second(path, &fault));
    check("1\n");
    check_at(".2", true);
    pidfile_remove(path);
    check("1\n");
    check_at(".2", false);
    assert_true(pidfile_write_second(path, &fault));
    assert_true(pidfile_promote(path, &fault));
    snprintf(own, sizeof own, "%d\n", (int)getpid());
    check(own);
    check_at(".2", false);
    assert_true(pidfile_promote(path, &fault)); /* nothing to do */
    check(own);
    pidfile_remove(path);
    check_at("", false);
}

static void anothers_is_not_promoted(void **state)
{
    struct fault fault;
    char second[96];

    (void)state;
    snprintf(second, sizeof second, "%s.2", path);
    put("1\n");
    assert_int_equal(rename(path, second), 0);
    assert_false(pidfile_write_second(path, &fault));
    assert_true(pidfile_promote(path, &fault));
    check_at("", false);
    check_at(".2", true);
    unlink(second);
    assert_true(pidfile_write_second(NULL, &fault));
    assert_true(pidfile_promote(NULL, &fault));
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/prong-pidfile-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/pid", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

#define in_folder(f)                                                           \
    cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(it_is_written_and_removed),
        in_folder(a_live_process_refuses),
        in_folder(what_is_stale_is_in_nobodys_way),
        in_folder(no_file_is_no_work),
        in_folder(the_second_stands_beside),
        in_folder(anothers_is_not_promoted),
    };

    return cmocka_run_group_tests_name("pidfile", tests, NULL, NULL);
}
