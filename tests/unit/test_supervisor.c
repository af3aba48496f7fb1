#include "tests/unit/stage.h"

static void workers_start_after_one_has_proved_itself(void **state)
{
    (void)state;
    curtain_up("good", 3);
    wait_for(READY, ANY, 3);
    assert_int_equal(count_of(BORN, ANY), 3);
    assert_true(nth(BORN, ANY, 1)->ms >= nth(READY, ANY, 0)->ms);
    assert_int_equal(nth(BORN, ANY, 0)->slot, 0);
    assert_true(nth(BORN, ANY, 1)->slot + nth(BORN, ANY, 2)->slot == 3);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(LEFT, ANY), 3);
    assert_int_equal(count_of(RELEASED, 1), 1);
    assert_true(logged("Handling signal: term"));
    assert_true(logged("Booting worker with pid: "));
    assert_true(logged("Worker exiting (pid: "));
}

static void a_dead_worker_is_replaced_at_once(void **state)
{
    static const struct {
        int signal;
        const char *line;
    } deaths[] = {
        {SIGSEGV, "was sent SIGSEGV!"},
        {SIGKILL, "was sent SIGKILL! Perhaps out of memory?"},
    };

    (void)state;
    curtain_up("good", 2);
    wait_for(READY, ANY, 2);
    for (int i = 0; i < 2; i++) {
        uint64_t killed_ms = loop_clock_ms();
        kill(nth(READY, ANY, i)->pid, deaths[i].signal);
        wait_for(READY, ANY, 3 + i);
        assert_true(nth(BORN, ANY, 2 + i)->ms - killed_ms < 900);
        assert_true(logged(deaths[i].line));
    }
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(LEFT, ANY), 2);
}

static void an_exit_code_is_logged_and_usr1_reaches_everybody(void **state)
{
    (void)state;
    curtain_up("exit7", 2);
    wait_for(READY, ANY, 2);
    cue(SIGUSR1);
    wait_for(REOPENED, ANY, 2);
    wait_for(READY, ANY, 4);
    wait_for_log("exited with code 7.", 1);
    assert_true(logged("Handling signal: usr1"));
}

static void the_log_is_reopened(void **state)
{
    char moved[80];

    (void)state;
    curtain_up("good", 1);
    wait_for(READY, ANY, 1);
    snprintf(moved, sizeof moved, "%s.1", stage->log);
    assert_int_equal(rename(stage->log, moved), 0);
    cue(SIGUSR1);
    wait_for(REOPENED, ANY, 1);
    cue(SIGTTIN);
    wait_for(READY, ANY, 2);
    wait_for_log("Handling signal: ttin", 1);
    assert_false(logged("Handling signal: usr1"));
    unlink(moved);
}

static void what_can_never_start_ends_the_master(void **state)
{
    static const struct {
        const char *play;
        int code;
    } cases[] = {{"exit3", EXIT_BOOT}, {"exit4", EXIT_NO_APP}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        int before = count_of(BORN, ANY);
        curtain_up(cases[i].play, 4);
        curtain(cases[i].code);
        assert_int_equal(count_of(BORN, ANY) - before, 1);
    }
}

static uint64_t gap(int n)
{
    return nth(BORN, ANY, n + 1)->ms - nth(BORN, ANY, n)->ms;
}

static void a_crash_before_ready_is_tried_again_ever_later(void **state)
{
    (void)state;
    curtain_up("crash", 4);
    wait_for(BORN, ANY, 3);
    assert_in_range(gap(0), 950, 1900);
    assert_in_range(gap(1), 1950, 3800);
    assert_int_equal(count_of(READY, ANY), 0);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(BORN, ANY), 3);
}

static void trouble_after_the_proof_backs_off(void **state)
{
    (void)state;
    curtain_up("second", 2);
    wait_for(BORN, ANY, 3);
    assert_in_range(gap(1), 950, 1900); /* gap 0 parts proof and second */
    assert_int_equal(nth(BORN, ANY, 1)->slot, nth(BORN, ANY, 2)->slot);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(LEFT, ANY), 1);
}

static void the_silent_are_aborted_then_killed(void **state)
{
    (void)state;
    stage->timeout = 1;
    curtain_up("mute", 1);
    wait_for(ABORTED, ANY, 1);
    assert_in_range(nth(ABORTED, ANY, 0)->ms - nth(READY, ANY, 0)->ms, 900,
                    3000);
    wait_for(BORN, ANY, 2);
    assert_in_range(nth(BORN, ANY, 1)->ms - nth(ABORTED, ANY, 0)->ms, 900,
                    2500);
    assert_true(logged("[CRITICAL] WORKER TIMEOUT (pid:"));
    assert_true(logged("was sent SIGKILL!"));
    assert_false(logged("Perhaps out of memory?"));
}

static void a_stopped_master_blames_nobody(void **state)
{
    (void)state;
    stage->timeout = 1;
    curtain_up("good", 2);
    wait_for(READY, ANY, 2);
    cue(SIGSTOP);
    kill(nth(READY, ANY, 0)->pid, SIGSTOP);
    kill(nth(READY, ANY, 1)->pid, SIGSTOP);
    usleep(3200000); /* the passing of time is what is tested */
    cue(SIGCONT);    /* first: it would discard a pending SIGTTIN */
    cue(SIGTTIN);
    wait_for(READY, ANY, 3); /* it has looked around, and they still sleep */
    kill(nth(READY, ANY, 0)->pid, SIGCONT);
    kill(nth(READY, ANY, 1)->pid, SIGCONT);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(LEFT, ANY), count_of(READY, ANY));
    assert_false(logged("WORKER TIMEOUT"));
}

static void term_waits_for_those_that_drain(void **state)
{
    (void)state;
    curtain_up("slow", 2);
    wait_for(READY, ANY, 2);
    uint64_t asked_ms = loop_clock_ms();
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_in_range(loop_clock_ms() - asked_ms, 300, 3000);
    assert_false(logged("SIGKILL"));
}

static void term_kills_after_graceful_timeout(void **state)
{
    (void)state;
    stage->graceful_timeout = 1;
    curtain_up("stubborn", 2);
    wait_for(READY, ANY, 2);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_true(logged("[WARNING] Worker graceful timeout (pid:"));
}

static void int_is_quick(void **state)
{
    (void)state;
    curtain_up("stubborn", 2);
    wait_for(READY, ANY, 2);
    cue(SIGINT);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(HURRIED, ANY), 2);
}

static void quit_hurries_a_graceful_stop(void **state)
{
    (void)state;
    curtain_up("stubborn", 2);
    wait_for(READY, ANY, 2);
    cue(SIGTERM);
    wait_for_log("ready -> retiring", 1);
    assert_int_equal(count_of(HURRIED, ANY), 0);
    cue(SIGQUIT);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(HURRIED, ANY), 2);
    assert_true(logged("Handling signal: quit"));
}

static void quick_kills_the_deaf(void **state)
{
    (void)state;
    curtain_up("mute", 1);
    wait_for(READY, ANY, 1);
    uint64_t asked_ms = loop_clock_ms();
    cue(SIGINT);
    curtain(EXIT_ASKED);
    assert_in_range(loop_clock_ms() - asked_ms, 1900, 4000);
}

static void ttin_and_ttou_count(void **state)
{
    (void)state;
    curtain_up("good", 2);
    wait_for(READY, ANY, 2);
    cue(SIGTTIN);
    wait_for(READY, ANY, 3);
    for (int left = 1; left <= 2; left++) {
        cue(SIGTTOU);
        wait_for(LEFT, ANY, left);
        assert_int_equal(nth(LEFT, ANY, left - 1)->pid,
                         nth(READY, ANY, left - 1)->pid);
    }
    cue(SIGTTOU); /* never below one */
    wait_for_log("Handling signal: ttou", 3);
    cue(SIGTTIN);
    wait_for(READY, ANY, 4);
    assert_int_equal(count_of(LEFT, ANY), 2);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(LEFT, ANY), 4);
}

static void winch_sends_all_home_until_they_are_wanted(void **state)
{
    (void)state;
    curtain_up("good", 3);
    wait_for(READY, ANY, 3);
    cue(SIGWINCH);
    wait_for(LEFT, ANY, 3);
    assert_true(logged("graceful stop of workers"));
    cue(SIGTTIN);
    wait_for(READY, ANY, 4);
    cue(SIGWINCH);
    wait_for(LEFT, ANY, 4);
    cue(SIGHUP);
    wait_for(READY, 2, 3);
    assert_int_equal(count_of(READY, 1), 4);
}

static void winch_from_a_terminal_is_a_resized_window(void **state)
{
    (void)state;
    stage->terminal = true;
    curtain_up("good", 2);
    wait_for(READY, ANY, 2);
    cue(SIGWINCH);
    wait_for_log("[DEBUG] SIGWINCH ignored. Not daemonized", 1);
    cue(SIGTTIN);
    wait_for(READY, ANY, 3);
    assert_int_equal(count_of(LEFT, ANY), 0);
}

/* In what a test starts there is no program to follow. */
static void usr2_without_an_upgrade_is_nothing(void **state)
{
    (void)state;
    curtain_up("good", 1);
    wait_for(READY, ANY, 1);
    cue(SIGUSR2);
    wait_for_log("Handling signal: usr2", 1);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
}

static void a_worker_has_only_what_is_its_own(void **state)
{
    (void)state;
    snprintf(stage->bind, sizeof stage->bind, "unix:%s.s", stage->log);
    curtain_up("nosy", 2);
    wait_for(READY, ANY, 2);
    /* Socket, log, news, life, bell, the bells of all; not the loop, nor the
     * life's other end, nor the segment's. */
    assert_int_equal(atomic_load(&stage->descriptors), 5 + BELLS);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
}

static void workers_see_the_masters_death(void **state)
{
    (void)state;
    curtain_up("good", 3);
    wait_for(READY, ANY, 3);
    cue(SIGKILL);
    wait_for(ORPHANED, ANY, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene(workers_start_after_one_has_proved_itself),
        scene(a_dead_worker_is_replaced_at_once),
        scene(an_exit_code_is_logged_and_usr1_reaches_everybody),
        scene(the_log_is_reopened),
        scene(what_can_never_start_ends_the_master),
        scene(a_crash_before_ready_is_tried_again_ever_later),
        scene(trouble_after_the_proof_backs_off),
        scene(the_silent_are_aborted_then_killed),
        scene(a_stopped_master_blames_nobody),
        scene(term_waits_for_those_that_drain),
        scene(term_kills_after_graceful_timeout),
        scene(int_is_quick),
        scene(quit_hurries_a_graceful_stop),
        scene(quick_kills_the_deaf),
        scene(ttin_and_ttou_count),
        scene(winch_sends_all_home_until_they_are_wanted),
        scene(winch_from_a_terminal_is_a_resized_window),
        scene(usr2_without_an_upgrade_is_nothing),
        scene(a_worker_has_only_what_is_its_own),
        scene(workers_see_the_masters_death),
    };

    return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
