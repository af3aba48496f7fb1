#include "tests/unit/household.h"

static bool has_told(void)
{
    return access(house.told, F_OK) == 0;
}

static bool has_four(void)
{
    return strstr(content(house.figures), ",\"requests\":4,") != NULL;
}

static bool has_line(void)
{
    return strchr(content(house.figures), '\n') != NULL;
}

static void board_is_filled(void **state)
{
    struct board_system system;
    struct board_sample sample;
    uint64_t news = 0;

    (void)state;
    start();
    assert_true(wait_until(is_ready));
    assert_true(wait_until(has_sampled));
    assert_int_equal(read(house.heritage.news_fd, &news, sizeof news),
                     sizeof news);
    assert_int_equal(news, 1);
    assert_true(board_system(house.shared.board, &system));
    assert_int_equal(system.processes, 1);
    assert_true(system.pss_kb > 0 && system.descriptors > 3);
    assert_int_equal(system.pss_kb, atomic_load(&house.heritage.slot->pss_kb));
    assert_true(board_sample(house.shared.board, UINT64_MAX, 0, &sample));
    assert_true(atomic_load(&house.heritage.slot->beat_ms) >= sample.clock_ms);
    assert_true(atomic_load(&house.heritage.slot->peak_kb) > 0);
    leave();
}

static uint64_t seen_beat;

static bool has_beaten(void)
{
    return atomic_load(&house.heritage.slot->beat_ms) > seen_beat;
}

static void heart_beats(void **state)
{
    (void)state;
    start();
    assert_true(wait_until(has_sampled));
    seen_beat = atomic_load(&house.heritage.slot->beat_ms) + 500;
    assert_true(wait_until(has_beaten));
    assert_true(atomic_load(&house.heritage.slot->beat_ms) < seen_beat + 2000);
    assert_int_equal(kill(house.pid, SIGQUIT), 0);
    assert_int_equal(end(), EXIT_ASKED);
}

static void leaves_with_the_master(void **state)
{
    (void)state;
    start();
    assert_true(wait_until(is_ready));
    close(house.life[1]);
    house.life[1] = -1;
    assert_int_equal(end(), EXIT_ASKED);
    assert_non_null(strstr(content(house.log), "Parent changed"));
}

/* Memory needs no traffic, and without hold it rises at the first look. The
 * command hears of it, has no input, and is nobody's zombie. */
static void alert_is_told(void **state)
{
    struct alert alert;

    (void)state;
    house.app.alerts.memory_usage = 0.01;
    house.app.alerts.command = house.command;
    assert_int_equal(setenv("PRONG_APP", "of the operator", 1), 0);
    start();
    assert_true(wait_until(has_told));
    assert_true(board_alert(house.shared.board, ALERT_MEMORY_USAGE, &alert));
    assert_true(alert.active);
    assert_int_equal(alert.rises, 1);
    char expected[256];
    snprintf(expected, sizeof expected,
             "PRONG_ALERT=memory_usage\nPRONG_ALERT_STATE=rising\n"
             "PRONG_ALERT_THRESHOLD=0.01\nPRONG_ALERT_VALUE=%.3f\n"
             "PRONG_APP=shop\n/dev/null\n",
             alert.value);
    assert_string_equal(content(house.told), expected);
    assert_non_null(
        strstr(content(house.log), "[WARNING] Alert: memory_usage "));
    assert_non_null(strstr(content(house.log), " MB is above 0.01 MB\n"));
    leave();

    /* The next keeper takes over: nothing rises twice. Without the rule it
     * clears. */
    assert_int_equal(unlink(house.told), 0);
    house.app.alerts.memory_usage = 0;
    close(house.life[1]);
    assert_int_equal(pipe2(house.life, O_CLOEXEC), 0);
    house.heritage.life_fd = house.life[0];
    start();
    assert_true(wait_until(has_told));
    assert_non_null(strstr(content(house.told), "PRONG_ALERT_STATE=cleared\n"));
    assert_non_null(strstr(content(house.log),
                           "[INFO] Alert cleared: memory_usage is switched"));
    assert_true(board_alert(house.shared.board, ALERT_MEMORY_USAGE, &alert));
    assert_false(alert.active);
    assert_int_equal(alert.rises, 1);
    leave();
}

static void lines_are_written(void **state)
{
    char moved[128];

    (void)state;
    house.settings.performance_log = house.figures;
    house.settings.performance_interval = 1;
    struct metrics_cell *cell = metrics_cell(house.shared.metrics, 0, 5);
    cell_add(cell, COUNT_2XX, 1000); /* before its time */
    atomic_store(&house.shared.slots[2].pid, 77);
    atomic_store(&house.shared.slots[2].ready, 1);
    atomic_store(&house.shared.slots[2].connections, 9);
    start();
    assert_true(wait_until(has_sampled));
    cell_add(cell, COUNT_2XX, 4);
    assert_true(wait_until(has_four));
    assert_non_null(
        strstr(content(house.figures), "\"connections\":9,\"workers\":1,"));

    snprintf(moved, sizeof moved, "%s.old", house.figures);
    assert_int_equal(rename(house.figures, moved), 0);
    assert_int_equal(kill(house.pid, SIGUSR1), 0);
    assert_true(wait_until(has_line));
    assert_int_equal(kill(house.pid, SIGINT), 0);
    assert_int_equal(end(), EXIT_ASKED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(board_is_filled),        TEST(heart_beats),
        TEST(leaves_with_the_master), TEST(alert_is_told),
        TEST(lines_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
