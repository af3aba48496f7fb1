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
#include "common/board.h"
#include "common/log.h"
#include "common/settings.h"
#include "common/shared.h"
#include "master/keeper.h"
#include "worker/db.h"
#include "master/spawn.h"

enum { PATIENCE_MS = 10000 };

/* A keeper of its own for each test, with all it inherits. */
static struct stage {
    char dir[64];
    char database[96], log[96], figures[96], told[96], command[448];
    struct shared shared;
    struct settings settings;
    struct app app;
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
                                     .performance_log_count = 1};
    the.heritage = (struct heritage){
        .settings = &the.settings,
        .app = &the.app,
        .shared = &the.shared,
        .slot = &the.shared.slots[SLOT_KEEPER],
        .number = SLOT_KEEPER,
        .news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .life_fd = the.life[0],
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(board_is_filled),        TEST(heart_beats),
        TEST(leaves_with_the_master), TEST(alert_is_told),
        TEST(lines_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
