/* Each case is a process of its own: a sandbox is for good. */
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/app/app.h"
#include "common/log.h"
#include "common/sandbox/landlock.h"
#include "common/settings/settings.h"
#include "worker/confine.h"

static struct {
    const struct scratch *s;
    struct settings settings;
    struct app app;
    struct heritage heritage;
    char app_dir[96], web[96], database[96], log[96], access[96], inside[96];
} home;

static void name(char room[96], const char *what)
{
    snprintf(room, 96, "%s/%s", home.s->dir, what);
}

static void put(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "text", 4), 4);
    close(fd);
}

static void make_folder(const char *what)
{
    assert_int_equal(mkdir(scratch_name(home.s, what), 0755), 0);
}

/* An app, and what it writes beside it, not in it. */
static int make(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    home.s = *state;
    name(home.app_dir, "app");
    name(home.web, "app/web");
    name(home.database, "data/db");
    name(home.log, "logs/log");
    name(home.access, "logs/access");
    name(home.inside, "app/inside");
    make_folder("app");
    make_folder("app/web");
    make_folder("data");
    make_folder("logs");
    make_folder("other");
    put(scratch_name(home.s, "app/web/page"));
    put(scratch_name(home.s, "app/app.conf"));
    put(scratch_name(home.s, "other/secret"));
    put(home.database);
    home.settings = (struct settings){.database = home.database,
                                      .errorlog = home.log,
                                      .accesslog = home.access};
    home.app = (struct app){.dir = home.app_dir, .web = home.web};
    home.heritage =
        (struct heritage){.settings = &home.settings, .app = &home.app};
    return 0;
}

static const char *logged(void)
{
    static char text[8192];
    int fd = open(home.log, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

typedef bool is_true(void);

/* Whether it holds in a worker that was confined. */
static bool holds(bool first, is_true *it)
{
    int status;

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        log_open(home.log, LOG_DEBUG, false);
        confine_worker(&home.heritage, first);
        _exit(it() ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 0;
}

static bool anything(void)
{
    return true;
}

static bool opens(const char *path, int flags)
{
    return open(path, flags | O_CLOEXEC, 0600) >= 0;
}

static bool refused(const char *path, int flags)
{
    return !opens(path, flags) && errno == EACCES;
}

static bool has_what_it_needs(void)
{
    return opens(home.database, O_RDWR) &&
           opens(scratch_name(home.s, "data/db-wal"), O_RDWR | O_CREAT) &&
           opens(home.access, O_WRONLY | O_APPEND | O_CREAT) &&
           opens(home.log, O_WRONLY | O_APPEND | O_CREAT) &&
           opens(scratch_name(home.s, "app/web/page"), O_RDONLY);
}

static bool has_no_more(void)
{
    return refused(scratch_name(home.s, "other/secret"), O_RDONLY) &&
           refused(scratch_name(home.s, "app/app.conf"), O_RDONLY) &&
           refused(scratch_name(home.s, "app/web/page"), O_WRONLY) &&
           refused(home.inside, O_WRONLY | O_CREAT) &&
           refused(home.log, O_RDONLY);
}

static bool has_landlock(void)
{
    struct landlock rules;
    bool has = landlock_begin(&rules);

    if (has)
        close(rules.fd);
    return has;
}

/* ---- what it may do ------------------------------------------------------*/

static void it_can_do_its_work(void **state)
{
    (void)state;
    assert_true(holds(true, has_what_it_needs));
}

static void and_nothing_else(void **state)
{
    (void)state;
    if (!has_landlock())
        skip();
    assert_true(holds(true, has_no_more));
}

static bool has_everything(void)
{
    return opens(scratch_name(home.s, "other/secret"), O_RDWR) &&
           opens(home.inside, O_WRONLY | O_CREAT);
}

static void unless_nobody_wants_it(void **state)
{
    (void)state;
    home.settings.no_sandbox = true;
    assert_true(holds(true, has_everything));
    assert_string_equal(logged(), "");
}

/* ---- what it says --------------------------------------------------------*/

static void the_first_speaks_for_all(void **state)
{
    (void)state;
    holds(false, anything);
    assert_non_null(strstr(logged(), "[DEBUG] Sandbox: "));
    assert_null(strstr(logged(), "[INFO]"));
    holds(true, anything);
    assert_non_null(strstr(logged(), "[INFO] Sandbox: "));
    assert_null(strstr(logged(), "[WARNING]"));
}

/* Landlock allows whole folders. */
static void files_within_the_app_are_warned_of(void **state)
{
    static const char *const said[] = {"the database", "the error log",
                                       "the access log"};
    char within[96];

    (void)state;
    name(within, "app/db");
    for (size_t i = 0; i < 3; i++) {
        home.settings.database = i == 0 ? within : home.database;
        home.settings.errorlog = i == 1 ? home.inside : home.log;
        home.settings.accesslog = i == 2 ? home.inside : home.access;
        unlink(home.log);
        holds(false, anything);
        assert_null(strstr(logged(), "[WARNING]"));
        holds(true, anything);
        for (size_t k = 0; k < 3; k++) {
            char line[96];
            snprintf(line, sizeof line, "%s lies in the app's folder", said[k]);
            if ((strstr(logged(), line) != NULL) != (i == k))
                fail_msg("%s: %s", said[i], logged());
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_can_do_its_work),
        TEST(and_nothing_else),
        TEST(unless_nobody_wants_it),
        TEST(the_first_speaks_for_all),
        TEST(files_within_the_app_are_warned_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
