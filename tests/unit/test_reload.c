#include "tests/unit/stage.h"

static void next_is(const char *play)
{
    snprintf(stage->play, sizeof stage->play, "%s", play);
}

static void a_good_reload_never_has_fewer_workers(void **state)
{
    (void)state;
    curtain_up("slow", 3);
    wait_for(READY, 1, 3);
    atomic_store(&stage->least, 99);
    next_is("lazy");
    cue(SIGHUP);
    wait_for(READY, 2, 3);
    wait_for(LEFT, 1, 3);
    assert_true(atomic_load(&stage->least) >= 3);
    assert_true(nth(BORN, 2, 1)->ms >= nth(READY, 2, 0)->ms);
    assert_true(nth(LEFT, 1, 0)->ms >= nth(READY, 2, 0)->ms);
    assert_int_equal(nth(LEFT, 1, 0)->pid, nth(READY, 1, 0)->pid);
    wait_for(RELEASED, 1, 1);
    assert_true(logged("Hang up: Master"));
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(LEFT, 2), 3);
    assert_int_equal(count_of(RELEASED, 2), 1);
}

static void a_reload_can_change_the_number(void **state)
{
    (void)state;
    curtain_up("good", 4);
    wait_for(READY, 1, 4);
    stage->workers = 2;
    cue(SIGHUP);
    wait_for(READY, 2, 2);
    wait_for(LEFT, 1, 4);
    assert_int_equal(count_of(BORN, 2), 2);
    stage->workers = 3;
    cue(SIGHUP);
    wait_for(READY, 3, 3);
    wait_for(LEFT, 2, 2);
}

static void a_bad_reload_touches_nobody(void **state)
{
    static const struct {
        const char *play;
        const char *line;
        bool was_read;
    } cases[] = {
        {"unreadable",
         "Reload failed: api/x.sql:3: no such directive, still "
         "serving the old configuration",
         false},
        {"exit3", "exited with code 3, still serving the old configuration",
         true},
        {"exit4", "exited with code 4, still serving the old configuration",
         true},
        {"crash", "was sent SIGSEGV, still serving the old configuration",
         true},
    };
    int generation = 1;

    (void)state;
    curtain_up("good", 2);
    wait_for(READY, 1, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        next_is(cases[i].play);
        cue(SIGHUP);
        wait_for_log(cases[i].line, 1);
        if (!cases[i].was_read)
            continue;
        generation++;
        wait_for(RELEASED, generation, 1);
        assert_int_equal(count_of(BORN, generation), 1);
    }
    assert_int_equal(count_of(LEFT, ANY), 0);
    assert_int_equal(count_of(READY, ANY), 2);
    next_is("good");
    cue(SIGHUP);
    wait_for(READY, generation + 1, 2);
    wait_for(LEFT, 1, 2);
}

static void the_old_generation_is_kept_up_during_the_proof(void **state)
{
    (void)state;
    curtain_up("good", 2);
    wait_for(READY, 1, 2);
    next_is("lazy");
    cue(SIGHUP);
    wait_for(BORN, 2, 1);
    kill(nth(READY, 1, 0)->pid, SIGKILL);
    wait_for(READY, 1, 3);
    wait_for(READY, 2, 2);
    wait_for(LEFT, 1, 2);
    assert_int_equal(count_of(LEFT, 2), 0); /* though born before the third */
}

static void a_second_hup_follows_the_first(void **state)
{
    (void)state;
    curtain_up("good", 2);
    wait_for(READY, 1, 2);
    next_is("lazy");
    cue(SIGHUP);
    wait_for(BORN, 2, 1);
    cue(SIGHUP);
    wait_for(READY, 3, 2);
    wait_for(RELEASED, 1, 1);
    wait_for(RELEASED, 2, 1);
    assert_true(nth(BORN, 3, 0)->ms >= nth(READY, 2, 0)->ms);
}

static void a_stop_gives_the_candidate_up(void **state)
{
    (void)state;
    curtain_up("good", 2);
    wait_for(READY, 1, 2);
    next_is("lazy");
    cue(SIGHUP);
    wait_for(BORN, 2, 1);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(LEFT, ANY), 3);
    assert_int_equal(count_of(RELEASED, ANY), 2);
}

static void a_changed_file_reloads_by_itself(void **state)
{
    (void)state;
    stage->reload = true;
    curtain_up("good", 1);
    wait_for(READY, 1, 1);
    atomic_store(&stage->fingerprint, 2);
    wait_for(READY, 2, 1);
    wait_for(LEFT, 1, 1);
    assert_true(logged("Reloader is on. Use in development only!"));
    assert_true(logged("Worker reloading: app modified"));
}

static void next_binds(const char *bind)
{
    snprintf(stage->bind, sizeof stage->bind, "%s", bind);
}

static bool listens(const char *bind)
{
    return access(bind + strlen("unix:"), F_OK) == 0;
}

static void addresses_change_only_after_the_proof(void **state)
{
    char old[80];
    char new[80];

    (void)state;
    snprintf(old, sizeof old, "unix:%s.a", stage->log);
    snprintf(new, sizeof new, "unix:%s.b", stage->log);
    next_binds(old);
    curtain_up("good", 1);
    wait_for(READY, 1, 1);
    next_binds(new);
    next_is("exit3");
    cue(SIGHUP);
    wait_for(RELEASED, 2, 1);
    assert_true(listens(old) && !listens(new));
    next_is("good");
    cue(SIGHUP);
    wait_for(RELEASED, 1, 1);
    assert_true(!listens(old) && listens(new));
    wait_for_log("Listening at: unix:", 1);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_false(listens(new));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene(a_good_reload_never_has_fewer_workers),
        scene(a_reload_can_change_the_number),
        scene(a_bad_reload_touches_nobody),
        scene(the_old_generation_is_kept_up_during_the_proof),
        scene(a_second_hup_follows_the_first),
        scene(a_stop_gives_the_candidate_up),
        scene(a_changed_file_reloads_by_itself),
        scene(addresses_change_only_after_the_proof),
    };

    return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
