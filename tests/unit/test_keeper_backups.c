#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/app/app.h"
#include "common/segment/errands.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/settings/settings.h"
#include "common/segment/shared.h"
#include "master/keeper/backup_folder.h"
#include "master/keeper/keeper_backups.h"
#include "worker/commands/backup_command.h"

#include "scratch.h"

/*
 * The child that keeper_backups starts is this program again, as `… backup …`.
 * What it plays then stands in the environment:
 *   ""      makes the backup
 *   wait    makes FILE and waits to be ended; then its niceness is in
 *           FILE.ended
 *   error   "Error: no space left"
 *   crash   dies without a last word
 */
static const char play_name[] = "PRONG_TEST_PLAY";

enum { PATIENCE_MS = 20000 };

static const int64_t MINUTE_MS = 60000;
static const int64_t HOUR_MS = 3600000;
static const int64_t DAY_MS = 86400000;

static volatile sig_atomic_t told;

static void on_term(int signal)
{
    (void)signal;
    told = 1;
}

static int wait_to_be_ended(const char *file)
{
    char name[300];
    char text[16];
    sigset_t term;
    sigset_t before;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    signal(SIGTERM, on_term);
    write_file(file, "x", 1);
    while (!told)
        sigsuspend(&before);
    snprintf(name, sizeof name, "%s.new", file);
    snprintf(text, sizeof text, "%d", getpriority(PRIO_PROCESS, 0));
    write_file(name, text, strlen(text));
    char ended[310];
    snprintf(ended, sizeof ended, "%s.ended", file);
    assert_int_equal(rename(name, ended), 0);
    return 0;
}

static int play(int argc, char **argv)
{
    const char *word = getenv(play_name);

    if (word && strcmp(word, "wait") == 0)
        return wait_to_be_ended(argv[argc - 1]);
    if (word && strcmp(word, "error") == 0)
        return fprintf(stderr, "a line before\nError: no space left\n"), 1;
    if (word && strcmp(word, "crash") == 0)
        raise(SIGKILL);
    return backup_command(argc, argv);
}

/* ---- a keeper of backups ---------------------------------------------------
 */

static struct stage {
    struct scratch *scratch;
    char folder[160];
    struct settings settings;
    struct app app;
    struct shared shared;
    struct heritage heritage;
    struct loop *loop;
    struct keeper_backups *b;
} the;

static int set_up(void **state)
{
    struct fault fault;

    if (scratch_make(state) != 0)
        return -1;
    the = (struct stage){.scratch = *state};
    if (!shared_open(&the.shared, 0, 1, &fault))
        return -1;
    snprintf(the.folder, sizeof the.folder, "%s/backups", the.scratch->dir);
    the.app = (struct app){
        .name = "my shop", .dir = "-an app", .database = the.scratch->path};
    the.settings = (struct settings){.backup_dir = the.folder,
                                     .backup_schedule = "EVERY 1h",
                                     .backup_keep = 2};
    the.heritage = (struct heritage){
        .settings = &the.settings, .app = &the.app, .shared = &the.shared};
    the.loop = loop_new();
    struct db *db = must_open(the.scratch->path, DB_CREATE);
    must_run(db, "CREATE TABLE t (a)");
    db_close(db);
    signal(SIGCHLD, SIG_IGN); /* as the keeper has it */
    return setenv(play_name, "", 1);
}

static int tear_down(void **state)
{
    keeper_backups_free(the.b);
    loop_free(the.loop);
    shared_close(&the.shared);
    signal(SIGCHLD, SIG_DFL);
    return scratch_remove(state);
}

static void begin(const char *what)
{
    assert_int_equal(setenv(play_name, what, 1), 0);
    the.b = keeper_backups_new(&the.heritage, the.loop);
    assert_non_null(the.b);
}

static bool is_there(const char *name)
{
    char path[400];

    snprintf(path, sizeof path, "%s/%s", the.folder, name);
    return access(path, F_OK) == 0;
}

static void put(const char *name)
{
    char path[400];

    assert_true(mkdir(the.folder, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof path, "%s/%s", the.folder, name);
    write_file(path, "x", 1);
}

static int count_files(void)
{
    char command[256];
    int n = -1;

    snprintf(command, sizeof command, "ls %s 2>/dev/null | wc -l", the.folder);
    signal(SIGCHLD, SIG_DFL); /* for pclose */
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &n), 1);
    pclose(f);
    signal(SIGCHLD, SIG_IGN);
    return n;
}

static int64_t wall_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

/* How far the next one is, ms. */
static int64_t left_ms(void)
{
    return (int64_t)(keeper_backups_next(the.b) - loop_clock_ms());
}

/* A name that was given so long ago. */
static const char *name_ago(int64_t ms)
{
    static char name[4][BACKUP_NAME];
    static unsigned turn;
    char *n = name[turn++ % 4];

    backup_folder_name("my shop", wall_ms() - ms, n);
    return n;
}

static bool under_way(void)
{
    return keeper_backups_next(the.b) == UINT64_MAX;
}

static void until_ended(void)
{
    uint64_t end_ms = loop_clock_ms() + PATIENCE_MS;

    while (under_way()) {
        assert_true(loop_clock_ms() < end_ms);
        loop_turn(the.loop, 100);
    }
}

static int ask(const char *name)
{
    struct errand errand;
    int number =
        errands_ask(the.shared.errands, 3, ERRAND_BACKUP, slice_of(name));

    assert_int_equal(errands_next(the.shared.errands, &errand), number);
    assert_string_equal(errand.what, name);
    return number;
}

static void must_want(int errand, const char *name)
{
    struct fault fault = {""};

    if (!keeper_backups_want(the.b, errand, name, &fault))
        fail_msg("%s", fault.text);
}

/* ---- names -----------------------------------------------------------------
 */

static void test_names(void **state)
{
    char name[BACKUP_NAME];
    char long_name[300];

    (void)state;
    backup_folder_name("shop", 1769860800123, name);
    assert_string_equal(name, "shop-20260131T120000Z.db");
    backup_folder_name("../a b/\n", 0, name);
    assert_string_equal(name, "-.-a-b---19700101T000000Z.db");
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    backup_folder_name(long_name, 1769860800123, name);
    assert_int_equal(strlen(name), 100 + strlen("-20260131T120000Z.db"));
    assert_string_equal(name + 100, "-20260131T120000Z.db");
}

static void test_folder(void **state)
{
    static const char *const others[] = {
        "my-shop-20260131T120000Z.db.part-1", "my-shop-20260131T120000Z",
        "my-shop-20260132T120000Z.db",        "my-shop-x.db",
        "shop-20260131T120000Z.db",           "my-shop-20260131X120000Z.db",
        "my-shop-20260230T120000Z.db",        "my-shop-20260131T120000Z_db",
    };

    (void)state;
    assert_int_equal(backup_folder_newest(the.folder, "my shop"), 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        put(others[i]);
    assert_int_equal(backup_folder_newest(the.folder, "my shop"), 0);
    put("my-shop-20260131T120000Z.db");
    put("my-shop-20260131T115959Z.db");
    put("my-shop-20251231T235959Z.db");
    assert_int_equal(backup_folder_newest(the.folder, "my shop"),
                     1769860800000);
    assert_int_equal(backup_folder_prune(the.folder, "my shop", 5), 0);
    assert_int_equal(backup_folder_prune(the.folder, "my shop", 2), 1);
    assert_false(is_there("my-shop-20251231T235959Z.db"));
    assert_int_equal(backup_folder_prune(the.folder, "my shop", 1), 1);
    assert_true(is_there("my-shop-20260131T120000Z.db"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(is_there(others[i]));
}

/* ---- by schedule -----------------------------------------------------------
 */

static void test_due_after_the_newest(void **state)
{
    (void)state;
    begin("");
    assert_true(left_ms() > 59 * MINUTE_MS && left_ms() <= 60 * MINUTE_MS);
    keeper_backups_look(the.b, loop_clock_ms());
    assert_false(under_way());
    keeper_backups_free(the.b);

    put(name_ago(20 * MINUTE_MS)); /* after a restart */
    begin("");
    assert_true(left_ms() > 38 * MINUTE_MS && left_ms() <= 40 * MINUTE_MS);
    keeper_backups_free(the.b);

    put(name_ago(-DAY_MS)); /* the clock was set back since */
    begin("");
    keeper_backups_look(the.b, loop_clock_ms());
    assert_false(under_way());
    assert_true(left_ms() > 59 * MINUTE_MS && left_ms() <= 60 * MINUTE_MS);
}

/* The day that it was set back by need not pass before the next one. */
static void test_clock_set_back(void **state)
{
    uint64_t end_ms = loop_clock_ms() + PATIENCE_MS;

    (void)state;
    the.settings.backup_schedule = "EVERY 1s";
    put(name_ago(-DAY_MS));
    begin("error");
    while (!under_way()) {
        assert_true(loop_clock_ms() < end_ms);
        loop_turn(the.loop, 20);
        keeper_backups_look(the.b, loop_clock_ms());
    }
}

static void test_never(void **state)
{
    (void)state;
    the.settings.backup_schedule = NULL;
    begin("");
    assert_int_equal(keeper_backups_next(the.b), UINT64_MAX);
    keeper_backups_look(the.b, loop_clock_ms());
    keeper_backups_free(the.b);
    the.settings.backup_schedule = "EVERY 1s";
    the.settings.backup_dir = NULL;
    begin("");
    assert_int_equal(keeper_backups_next(the.b), UINT64_MAX);
    keeper_backups_look(the.b, loop_clock_ms());
    assert_int_equal(count_files(), 0);
}

static void test_scheduled(void **state)
{
    struct stat st;
    const char *oldest = name_ago(4 * HOUR_MS);
    const char *old = name_ago(3 * HOUR_MS);
    const char *newer = name_ago(2 * HOUR_MS);

    (void)state;
    put(oldest);
    put(old);
    put(newer);
    put("own.db");
    begin("");
    assert_true(left_ms() <= 0);
    keeper_backups_look(the.b, loop_clock_ms());
    assert_true(under_way());
    assert_int_equal(count_files() >= 4, true); /* none went before */
    until_ended();
    assert_true(left_ms() > 59 * MINUTE_MS);
    assert_int_equal(count_files(), 3); /* 2 are kept, and another's */
    assert_false(is_there(oldest));
    assert_false(is_there(old));
    assert_true(is_there(newer));
    assert_true(is_there("own.db"));
    assert_true(backup_folder_newest(the.folder, "my shop") >
                wall_ms() - MINUTE_MS);
    assert_int_equal(stat(the.folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void fails_and_waits(const char *what)
{
    begin(what);
    keeper_backups_look(the.b, loop_clock_ms());
    assert_true(under_way());
    until_ended();
    assert_true(left_ms() > 9 * MINUTE_MS && left_ms() <= 10 * MINUTE_MS);
    keeper_backups_free(the.b);
    the.b = NULL;
}

static void test_failure_keeps_the_old(void **state)
{
    (void)state;
    the.settings.backup_keep = 1;
    put(name_ago(3 * HOUR_MS));
    put(name_ago(2 * HOUR_MS));
    fails_and_waits("error");
    fails_and_waits("crash");
    write_file(the.scratch->path, "no database", 11);
    assert_int_equal(remove(scratch_name(the.scratch, "a.db-wal")), 0);
    fails_and_waits("");
    assert_int_equal(count_files(), 2);
}

static void test_all_are_kept(void **state)
{
    (void)state;
    the.settings.backup_keep = 0;
    put(name_ago(3 * HOUR_MS));
    put(name_ago(2 * HOUR_MS));
    begin("");
    keeper_backups_look(the.b, loop_clock_ms());
    until_ended();
    assert_int_equal(count_files(), 3);
}

/* ---- on demand -------------------------------------------------------------
 */

static void test_wanted(void **state)
{
    struct errand_end end = {.bytes = 0};
    struct stat st;
    char path[300];

    (void)state;
    put(name_ago(20 * MINUTE_MS));
    begin("");
    int number = ask("before.db");
    must_want(number, "before.db");
    assert_int_equal(errands_look(the.shared.errands, number, &end),
                     ERRAND_RUNNING);
    until_ended();
    assert_int_equal(errands_look(the.shared.errands, number, &end),
                     ERRAND_DONE);
    snprintf(path, sizeof path, "%s/before.db", the.folder);
    assert_string_equal(end.text, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(end.bytes, st.st_size);
    assert_true(end.took_ns > 0);
    errands_drop(the.shared.errands, number);
    assert_true(left_ms() <= 40 * MINUTE_MS); /* it was none of the schedule */
}

static void test_wanted_by_no_name(void **state)
{
    struct errand_end end;

    (void)state;
    put(name_ago(3 * HOUR_MS));
    put(name_ago(50 * MINUTE_MS));
    begin("");
    int number = ask("");
    must_want(number, "");
    until_ended();
    assert_int_equal(errands_look(the.shared.errands, number, &end),
                     ERRAND_DONE);
    assert_true(is_there(strrchr(end.text, '/') + 1));
    assert_int_equal(count_files(), 2);
    assert_true(left_ms() > 59 * MINUTE_MS); /* it was as good as scheduled */
}

static void test_wanted_in_vain(void **state)
{
    struct errand_end end;

    (void)state;
    begin("error");
    int number = ask("x.db");
    must_want(number, "x.db");
    until_ended();
    assert_int_equal(errands_look(the.shared.errands, number, &end),
                     ERRAND_FAILED);
    assert_string_equal(end.text, "no space left");
    assert_true(end.full);
    keeper_backups_free(the.b);
    begin("crash");
    number = ask("x.db");
    must_want(number, "x.db");
    until_ended();
    assert_int_equal(errands_look(the.shared.errands, number, &end),
                     ERRAND_FAILED);
    assert_string_equal(end.text, "its process died");
    assert_false(end.full);
}

static void refuses(const char *name, const char *reason)
{
    struct fault fault = {""};

    assert_false(keeper_backups_want(the.b, 0, name, &fault));
    if (strstr(fault.text, reason) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", fault.text, reason);
}

static void test_refused(void **state)
{
    char long_name[300];

    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    begin("wait");
    refuses("../x.db", "plain name");
    refuses(".x.db", "plain name");
    refuses("/x.db", "plain name");
    refuses("x.db.part-1", "plain name");
    refuses(long_name, "plain name");
    assert_int_equal(count_files(), 0);
    must_want(ask("x.db"), "x.db");
    refuses("y.db", "under way");
    keeper_backups_free(the.b);
    the.settings.backup_dir = NULL;
    begin("");
    refuses("x.db", "backup_dir");
    keeper_backups_free(the.b);
    the.settings.backup_dir = "/proc/none";
    begin("");
    refuses("x.db", "cannot be made");
}

static void await_file(const char *name)
{
    const struct timespec while_looking = {0, 5000000};
    uint64_t end_ms = loop_clock_ms() + PATIENCE_MS;

    while (!is_there(name)) {
        assert_true(loop_clock_ms() < end_ms);
        nanosleep(&while_looking, NULL);
    }
}

static void test_leaving(void **state)
{
    struct errand_end end;
    char path[300];
    int nice = -1;

    (void)state;
    begin("wait");
    int number = ask("x.db");
    must_want(number, "x.db");
    await_file("x.db");
    keeper_backups_free(the.b);
    the.b = NULL;
    await_file("x.db.ended");
    assert_int_equal(errands_look(the.shared.errands, number, &end),
                     ERRAND_FAILED);
    assert_string_equal(end.text, "The keeper leaves; try again");
    snprintf(path, sizeof path, "%s/x.db.ended", the.folder);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &nice), 1);
    fclose(f);
    assert_true(nice >= 10);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(test_names),
        CASE(test_folder),
        CASE(test_due_after_the_newest),
        CASE(test_clock_set_back),
        CASE(test_never),
        CASE(test_scheduled),
        CASE(test_failure_keeps_the_old),
        CASE(test_all_are_kept),
        CASE(test_wanted),
        CASE(test_wanted_by_no_name),
        CASE(test_wanted_in_vain),
        CASE(test_refused),
        CASE(test_leaving),
    };

    if (argc > 1 && strcmp(argv[1], "backup") == 0)
        return play(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
