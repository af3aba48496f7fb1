#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/app.h"
#include "common/bells.h"
#include "common/board.h"
#include "common/errands.h"
#include "common/log.h"
#include "common/settings.h"
#include "common/shared.h"
#include "common/syncs.h"
#include "common/turnstile.h"
#include "master/keeper.h"
#include "worker/db.h"
#include "master/spawn.h"

enum { PATIENCE_MS = 10000, WORKER = 0, SLOW_NS = 20000000 };

/* A keeper of its own for each test, with all it inherits. */
static struct stage {
    char dir[64];
    char database[96], log[96], figures[96], told[96], command[448];
    struct shared shared;
    struct settings settings;
    struct app app;
    struct bells *bells;
    int life[2];
    struct heritage heritage;
    pid_t pid;
} the;

static int drop_one(const char *path, const struct stat *st, int flag,
                    struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int set_up(void **state)
{
    struct fault fault;

    (void)state;
    the = (struct stage){.dir = "/tmp/prong-test-XXXXXX"};
    if (mkdtemp(the.dir) == NULL || pipe2(the.life, O_CLOEXEC) != 0 ||
        !shared_open(&the.shared, 0, 1, &fault))
        return -1;
    snprintf(the.database, sizeof the.database, "%s/db", the.dir);
    db_init();
    struct db *db = db_open(the.database, DB_CREATE, &fault);
    if (db == NULL)
        return -1;
    db_close(db);
    snprintf(the.log, sizeof the.log, "%s/log", the.dir);
    snprintf(the.figures, sizeof the.figures, "%s/figures", the.dir);
    snprintf(the.told, sizeof the.told, "%s/told", the.dir);
    snprintf(the.command, sizeof the.command,
             "{ env | grep ^PRONG_A | sort; readlink /proc/$$/fd/0; } > %s.new;"
             " mv %s.new %s",
             the.told, the.told, the.told);
    the.app = (struct app){.name = "shop", .database = the.database};
    the.app.alerts = (struct alert_rules){.min_requests = 1};
    the.settings = (struct settings){.performance_interval = 3600,
                                     .performance_log_size = 4096,
                                     .performance_log_count = 1,
                                     .durability = "full",
                                     .wal_autocheckpoint = 1000,
                                     .journal_size_limit = 1 << 26};
    the.bells = bells_new();
    the.heritage = (struct heritage){
        .settings = &the.settings,
        .app = &the.app,
        .shared = &the.shared,
        .slot = &the.shared.slots[SLOT_KEEPER],
        .number = SLOT_KEEPER,
        .news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .life_fd = the.life[0],
        .bells = the.bells,
        .master = getpid(),
    };
    atomic_store(&the.heritage.slot->pid, 1); /* somebody */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (the.pid > 0) { /* a test that failed */
        kill(the.pid, SIGKILL);
        waitpid(the.pid, NULL, 0);
    }
    close(the.life[0]);
    close(the.life[1]);
    close(the.heritage.news_fd);
    bells_free(the.bells);
    shared_close(&the.shared);
    return nftw(the.dir, drop_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void start(void)
{
    the.pid = fork();
    assert_true(the.pid >= 0);
    if (the.pid > 0) {
        close(the.life[0]);
        return;
    }
    close(the.life[1]);
    log_open(the.log, LOG_INFO, false);
    _exit(keeper_main(&the.heritage));
}

/* Its exit code, or 128 and the signal. */
static int end(void)
{
    int status;

    assert_int_equal(waitpid(the.pid, &status, 0), the.pid);
    the.pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Tells whether it came true before patience ended. */
static bool wait_until(bool (*holds)(void))
{
    const struct timespec pause = {.tv_nsec = 2000000};

    for (int ms = 0; ms < PATIENCE_MS; ms += 2) {
        if (holds())
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static bool is_ready(void)
{
    return spawn_is_ready(&the.heritage);
}

static bool has_sampled(void)
{
    struct alert last;

    return board_alert(the.shared.board, ALERTS - 1, &last);
}

static const char *content(const char *path)
{
    static char text[8192];
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;

    text[n] = '\0';
    if (file)
        fclose(file);
    return text;
}

static bool has_told(void)
{
    return access(the.told, F_OK) == 0;
}

static bool has_four(void)
{
    return strstr(content(the.figures), ",\"requests\":4,") != NULL;
}

static bool has_line(void)
{
    return strchr(content(the.figures), '\n') != NULL;
}

/* ---- tests ---- */

static void board_is_filled(void **state)
{
    struct board_system system;
    struct board_sample sample;
    uint64_t news = 0;

    (void)state;
    start();
    assert_true(wait_until(is_ready));
    assert_true(wait_until(has_sampled));
    assert_int_equal(read(the.heritage.news_fd, &news, sizeof news),
                     sizeof news);
    assert_int_equal(news, 1);
    assert_true(board_system(the.shared.board, &system));
    assert_int_equal(system.processes, 1);
    assert_true(system.pss_kb > 0 && system.descriptors > 3);
    assert_int_equal(system.pss_kb, atomic_load(&the.heritage.slot->pss_kb));
    assert_true(board_sample(the.shared.board, UINT64_MAX, 0, &sample));
    assert_true(atomic_load(&the.heritage.slot->beat_ms) >= sample.clock_ms);
    assert_true(atomic_load(&the.heritage.slot->peak_kb) > 0);
    assert_int_equal(kill(the.pid, SIGTERM), 0);
    assert_int_equal(end(), EXIT_ASKED);
}

static uint64_t seen_beat;

static bool has_beaten(void)
{
    return atomic_load(&the.heritage.slot->beat_ms) > seen_beat;
}

static void heart_beats(void **state)
{
    (void)state;
    start();
    assert_true(wait_until(has_sampled));
    seen_beat = atomic_load(&the.heritage.slot->beat_ms) + 500;
    assert_true(wait_until(has_beaten));
    assert_true(atomic_load(&the.heritage.slot->beat_ms) < seen_beat + 2000);
    assert_int_equal(kill(the.pid, SIGQUIT), 0);
    assert_int_equal(end(), EXIT_ASKED);
}

static void leaves_with_the_master(void **state)
{
    (void)state;
    start();
    assert_true(wait_until(is_ready));
    close(the.life[1]);
    the.life[1] = -1;
    assert_int_equal(end(), EXIT_ASKED);
    assert_non_null(strstr(content(the.log), "Parent changed"));
}

/* Memory needs no traffic, and without hold it rises at the first look. The
 * command hears of it, has no input, and is nobody's zombie. */
static void alert_is_told(void **state)
{
    struct alert alert;

    (void)state;
    the.app.alerts.memory_usage = 0.01;
    the.app.alerts.command = the.command;
    assert_int_equal(setenv("PRONG_APP", "of the operator", 1), 0);
    start();
    assert_true(wait_until(has_told));
    assert_true(board_alert(the.shared.board, ALERT_MEMORY_USAGE, &alert));
    assert_true(alert.active);
    assert_int_equal(alert.rises, 1);
    char expected[256];
    snprintf(expected, sizeof expected,
             "PRONG_ALERT=memory_usage\nPRONG_ALERT_STATE=rising\n"
             "PRONG_ALERT_THRESHOLD=0.01\nPRONG_ALERT_VALUE=%.3f\n"
             "PRONG_APP=shop\n/dev/null\n",
             alert.value);
    assert_string_equal(content(the.told), expected);
    assert_non_null(strstr(content(the.log), "[WARNING] Alert: memory_usage "));
    assert_non_null(strstr(content(the.log), " MB is above 0.01 MB\n"));
    assert_int_equal(kill(the.pid, SIGTERM), 0);
    assert_int_equal(end(), EXIT_ASKED);

    /* The next keeper takes over: nothing rises twice. Without the rule it
     * clears. */
    assert_int_equal(unlink(the.told), 0);
    the.app.alerts.memory_usage = 0;
    close(the.life[1]);
    assert_int_equal(pipe2(the.life, O_CLOEXEC), 0);
    the.heritage.life_fd = the.life[0];
    start();
    assert_true(wait_until(has_told));
    assert_non_null(strstr(content(the.told), "PRONG_ALERT_STATE=cleared\n"));
    assert_non_null(strstr(content(the.log),
                           "[INFO] Alert cleared: memory_usage is switched"));
    assert_true(board_alert(the.shared.board, ALERT_MEMORY_USAGE, &alert));
    assert_false(alert.active);
    assert_int_equal(alert.rises, 1);
    assert_int_equal(kill(the.pid, SIGTERM), 0);
    assert_int_equal(end(), EXIT_ASKED);
}

static void lines_are_written(void **state)
{
    char moved[128];

    (void)state;
    the.settings.performance_log = the.figures;
    the.settings.performance_interval = 1;
    struct metrics_cell *cell = metrics_cell(the.shared.metrics, 0, 5);
    cell_add(cell, COUNT_2XX, 1000); /* before its time */
    atomic_store(&the.shared.slots[2].pid, 77);
    atomic_store(&the.shared.slots[2].ready, 1);
    atomic_store(&the.shared.slots[2].connections, 9);
    start();
    assert_true(wait_until(has_sampled));
    cell_add(cell, COUNT_2XX, 4);
    assert_true(wait_until(has_four));
    assert_non_null(
        strstr(content(the.figures), "\"connections\":9,\"workers\":1,"));

    snprintf(moved, sizeof moved, "%s.old", the.figures);
    assert_int_equal(rename(the.figures, moved), 0);
    assert_int_equal(kill(the.pid, SIGUSR1), 0);
    assert_true(wait_until(has_line));
    assert_int_equal(kill(the.pid, SIGINT), 0);
    assert_int_equal(end(), EXIT_ASKED);
}

/* ---- what workers need of it ---- */

static bool is_holding(void)
{
    return atomic_load(&the.heritage.slot->holding) != 0;
}

/* A worker's connection, and its first commit. */
static struct db *work(void)
{
    struct fault fault;
    struct db *db = db_open(the.database, DB_SERVE, &fault);
    int offset;

    assert_non_null(db);
    assert_true(db_script(db, SLICE("CREATE TABLE t(x)"), &fault, &offset));
    return db;
}

static off_t wal_size(void)
{
    char name[128];
    struct stat st;

    snprintf(name, sizeof name, "%s-wal", the.database);
    return stat(name, &st) == 0 ? st.st_size : -1;
}

static void leave(void)
{
    assert_int_equal(kill(the.pid, SIGTERM), 0);
    assert_int_equal(end(), EXIT_ASKED);
}

static void settings_name_the_database(void **state)
{
    (void)state;
    the.settings.database = the.database;
    the.app.database = "/nowhere/db";
    start();
    assert_true(wait_until(is_holding));
    leave();
}

/* Syncs have become slow. */
static void make_slow(void)
{
    struct syncs *s = the.shared.syncs;
    uint64_t upto;

    syncs_commit(s);
    assert_true(syncs_lead(s, WORKER, &upto));
    syncs_led(s, WORKER, SLOW_NS, true, the.bells);
}

static bool offers(void)
{
    return syncs_delegate(the.shared.syncs);
}

static uint64_t last_commit;

static bool is_safe(void)
{
    return syncs_covered(the.shared.syncs, last_commit);
}

static void syncs_when_it_is_rung(void **state)
{
    struct syncs_figures f;

    (void)state;
    make_slow();
    start();
    for (uint64_t i = 0; i < 20; i++) {
        assert_true(wait_until(offers));
        last_commit = syncs_commit(the.shared.syncs);
        bells_ring(the.bells, SLOT_KEEPER);
        assert_true(wait_until(is_safe));
    }
    syncs_figures(the.shared.syncs, &f);
    assert_int_equal(f.syncs, 21);
    leave();
    assert_false(offers());
}

/* The file is to be cut, which needs the turn. */
static bool is_cut(void)
{
    return wal_size() == 0;
}

static bool keeper_waits(void)
{
    uint64_t requests;
    unsigned tickets;

    turnstile_waiting(the.shared.turnstile, &tickets, &requests);
    return tickets == 1;
}

static bool is_our_turn(void)
{
    turnstile_tend(the.shared.turnstile, the.bells);
    return turnstile_ours(the.shared.turnstile, WORKER);
}

static void waits_for_its_turn(void **state)
{
    struct turnstile *t = the.shared.turnstile;

    (void)state;
    struct db *db = work();
    the.settings.journal_size_limit = 1;
    assert_true(turnstile_ask(t, WORKER, the.bells));
    start();
    assert_true(wait_until(keeper_waits));
    assert_true(wal_size() > 0);
    turnstile_pass(t, WORKER, the.bells);
    assert_true(wait_until(is_cut));
    turnstile_ask(t, WORKER, the.bells);
    assert_true(wait_until(is_our_turn));
    leave();
    db_close(db);
}

/* Whoever rang the bell that says whose turn it is has died before it did. */
static void finds_its_turn_unrung(void **state)
{
    struct turnstile *t = the.shared.turnstile;

    (void)state;
    struct db *db = work();
    the.settings.journal_size_limit = 1;
    assert_true(turnstile_ask(t, WORKER, NULL));
    start();
    assert_true(wait_until(keeper_waits));
    turnstile_pass(t, WORKER, NULL);
    assert_true(wait_until(is_cut));
    leave();
    db_close(db);
}

static void leaves_no_place_in_the_queue(void **state)
{
    struct turnstile *t = the.shared.turnstile;

    (void)state;
    struct db *db = work();
    the.settings.journal_size_limit = 1;
    assert_true(turnstile_ask(t, WORKER, the.bells));
    start();
    assert_true(wait_until(keeper_waits));
    leave();
    assert_false(keeper_waits());
    assert_true(turnstile_ours(t, WORKER));
    db_close(db);
}

static struct errand_end errand_end;

static bool has_failed(void)
{
    return errands_look(the.shared.errands, 0, &errand_end) == ERRAND_FAILED;
}

static void refuses_unknown_jobs(void **state)
{
    (void)state;
    start();
    assert_true(wait_until(is_ready));
    assert_int_equal(
        errands_ask(the.shared.errands, WORKER, ERRAND_JOB, SLICE("tidy")), 0);
    bells_ring(the.bells, SLOT_KEEPER);
    assert_true(wait_until(has_failed));
    assert_string_equal(errand_end.text, "there is no such job");
    leave();
}

/* ---- the WAL at the end ---- */

static void folds_the_wal_when_it_is_last(void **state)
{
    (void)state;
    db_close(work());
    assert_true(wal_size() > 0);
    start();
    assert_true(wait_until(is_holding));
    leave();
    assert_int_equal(wal_size(), -1);
}

static void touches_no_wal_that_may_be_lost(void **state)
{
    struct syncs *s = the.shared.syncs;
    uint64_t upto;

    (void)state;
    db_close(work());
    off_t size = wal_size();
    the.settings.journal_size_limit = 1;
    syncs_commit(s);
    assert_true(syncs_lead(s, WORKER, &upto));
    syncs_led(s, WORKER, 1, false, the.bells);
    start();
    assert_true(wait_until(has_sampled));
    leave();
    assert_int_equal(wal_size(), size);
    assert_non_null(strstr(content(the.log), "A sync has failed"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(board_is_filled),
        TEST(heart_beats),
        TEST(leaves_with_the_master),
        TEST(alert_is_told),
        TEST(lines_are_written),
        TEST(settings_name_the_database),
        TEST(syncs_when_it_is_rung),
        TEST(waits_for_its_turn),
        TEST(finds_its_turn_unrung),
        TEST(leaves_no_place_in_the_queue),
        TEST(refuses_unknown_jobs),
        TEST(folds_the_wal_when_it_is_last),
        TEST(touches_no_wal_that_may_be_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
