#include "master/control/control_ask.h"
#include "tests/unit/stage.h"

/* Orders to a real supervisor over its socket; its workers are actors. */

static struct buf body;
static struct fault fault;

static int set_up(void **state)
{
    if (set_stage(state) != 0)
        return -1;
    snprintf(stage->control, sizeof stage->control, "%s.ctl", stage->log);
    return 0;
}

static int take_down(void **state)
{
    unlink(stage->control);
    buf_free(&body);
    return clear_stage(state);
}

static void begin(const char *play, int workers)
{
    curtain_up(play, workers);
    wait_for(READY, ANY, workers);
}

static enum control_reply say(const char *line)
{
    struct control_server server = {.path = stage->control};

    return control_ask(&server, line, PATIENCE_MS, &body, &fault);
}

static const char *ask(const char *line, enum control_reply wanted)
{
    enum control_reply reply = say(line);

    if (reply != wanted) {
        show_log();
        fail_msg("%s: %d, not %d: %s%s", line, reply, wanted, buf_text(&body),
                 reply > CONTROL_REFUSED ? fault.text : "");
    }
    return buf_text(&body);
}

static void answers(const char *line, const char *part)
{
    if (strstr(ask(line, CONTROL_OK), part) == NULL)
        fail_msg("%s: no \"%s\" in: %s", line, part, buf_text(&body));
}

static void refuses(const char *line, const char *part)
{
    if (strstr(ask(line, CONTROL_REFUSED), part) == NULL)
        fail_msg("%s: no \"%s\" in: %s", line, part, buf_text(&body));
}

static void wait_for_answer(const char *line, const char *part)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    while (strstr(ask(line, CONTROL_OK), part) == NULL) {
        if (loop_clock_ms() > end)
            fail_msg("%s: never \"%s\": %s", line, part, buf_text(&body));
        usleep(5000);
    }
}

static void looking_changes_nothing(void **state)
{
    static const char *const lines[] = {"",         "status",  "workers",
                                        "requests", "writers", "changes",
                                        "top",      "version", "help"};

    (void)state;
    begin("good", 2);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_true(strlen(ask(lines[i], CONTROL_OK)) > 5);
    answers("json status", "\"workers_ready\":2,");
    answers("json workers", "\"state\":\"ready\"");
    answers("json version", "{\"message\":\"prong ");
    refuses("statsu", "did you mean status?");
    assert_int_equal(count_of(BORN, ANY), 2);
    assert_false(logged("Control: "));
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(access(stage->control, F_OK), -1);
}

static void workers_come_and_go(void **state)
{
    (void)state;
    begin("good", 1);
    answers("worker add 2", "Workers wanted: 3\n");
    wait_for(READY, ANY, 3);
    answers("json worker remove 1", "{\"message\":\"Workers wanted: 2\"}\n");
    wait_for(LEFT, ANY, 1);
    answers("worker remove", "Workers wanted: 1\n");
    wait_for(LEFT, ANY, 2);
    refuses("worker remove", "At least one worker stays");
    assert_true(logged("Control: worker add 2 (user "));
    assert_int_equal(count_of(BORN, ANY), 3);
}

static void none_is_left_after_winch(void **state)
{
    (void)state;
    begin("good", 1);
    answers("status", "state               serving\n");
    cue(SIGWINCH);
    wait_for(LEFT, ANY, 1);
    answers("status", "state               without workers\n");
    cue(SIGTTIN);
    wait_for(READY, ANY, 2);
    answers("status", "state               serving\n");
}

/* Whoever was meant goes, and nobody else. */
static void one_is_named_by_its_process(void **state)
{
    char line[64];

    (void)state;
    begin("good", 3);
    pid_t pid = nth(READY, ANY, 2)->pid;
    snprintf(line, sizeof line, "worker remove %d", (int)pid);
    answers(line, "drains; workers wanted: 2\n");
    wait_for(LEFT, ANY, 1);
    assert_int_equal(nth(LEFT, ANY, 0)->pid, pid);
    pid = nth(READY, ANY, 1)->pid;
    snprintf(line, sizeof line, "worker replace %d", (int)pid);
    answers(line, "drains when another one is ready\n");
    wait_for(LEFT, ANY, 2);
    assert_int_equal(nth(LEFT, ANY, 1)->pid, pid);
    assert_int_equal(count_of(READY, ANY), 4); /* before the other left */
    refuses(line, "No worker that is ready has the process id ");
    refuses("worker remove 1000000", "No worker that is ready ");
    refuses("worker remove pid 1", "No worker that is ready ");
    answers("status", "workers wanted      2\n");
    assert_true(atomic_load(&stage->least) >= 2 || stage->least == 0);
}

static void a_reload_tells_how_it_ended(void **state)
{
    (void)state;
    begin("good", 2);
    snprintf(stage->play, sizeof stage->play, "lazy");
    answers("reload", "Reloaded: 0 endpoints added");
    assert_int_equal(count_of(READY, 2), 2); /* all of them answer now */
    snprintf(stage->play, sizeof stage->play, "unreadable");
    refuses("json reload", "api/x.sql:3: no such directive, still serving");
    refuses("changes", "api/x.sql:3: no such directive");
    snprintf(stage->play, sizeof stage->play, "exit3");
    refuses("reload", "Reload failed: worker (pid:");
    snprintf(stage->play, sizeof stage->play, "exit3 why");
    refuses("reload", "Reload failed: api/x.sql:7: no such column: y, still ");
    snprintf(stage->play, sizeof stage->play, "exit3");
    refuses("reload", "exited with code 3"); /* no words of another's */
    snprintf(stage->play, sizeof stage->play, "good");
    answers("json reload", "{\"message\":\"Reloaded: ");
}

/* Both are told of the reload that they asked for. */
static void two_may_wait_for_a_reload(void **state)
{
    int first[2];

    (void)state;
    begin("good", 1);
    snprintf(stage->play, sizeof stage->play, "lazy");
    assert_int_equal(pipe(first), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(first[0]);
        enum control_reply reply = say("reload");
        _exit(write(first[1], "x", 1) != 1 || reply != CONTROL_OK);
    }
    wait_for_answer("status", "reloading");
    answers("reload", "Reloaded");
    assert_int_equal(count_of(READY, 3), 1); /* its own, not the first one */
    char ignored;
    assert_int_equal(read(first[0], &ignored, 1), 1);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(stage->generations, 3);
    close(first[0]);
    close(first[1]);
}

static void a_reload_ends_with_the_server(void **state)
{
    (void)state;
    begin("good", 1);
    snprintf(stage->play, sizeof stage->play, "lazy");
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(say("reload") != CONTROL_REFUSED);
    wait_for_answer("status", "reloading");
    answers("at-once stop", "Stopping: requests in work have 30 s");
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    curtain(EXIT_ASKED);
}

static void stop_is_graceful_and_quit_is_not(void **state)
{
    (void)state;
    begin("slow", 1);
    answers("at-once stop", "Stopping");
    answers("status", "stopping");
    refuses("reload", "The server is stopping");
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(LEFT, ANY), 1);
    assert_int_equal(ask("status", CONTROL_NOBODY) != NULL, 1);
    snprintf(stage->play, sizeof stage->play, "stubborn");
    curtain_up("stubborn", 1);
    wait_for(READY, ANY, 2);
    answers("json at-once stop", "{\"message\":\"Stopping: ");
    answers("at-once quit", "Stopping at once");
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(HURRIED, ANY), 1);
}

/* What takes its time is answered when it is over. */
static void stop_tells_when_it_is_over(void **state)
{
    (void)state;
    begin("slow", 1);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(say("stop") != CONTROL_OK ||
              strcmp(buf_text(&body), "Stopped\n") != 0 ||
              count_of(LEFT, ANY) != 1);
    wait_for_answer("status", "stopping");
    answers("json quit", "{\"message\":\"Stopped\"}");
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    curtain(EXIT_ASKED);
}

static void nobody_waits_who_does_not_want_to(void **state)
{
    (void)state;
    begin("good", 1);
    snprintf(stage->play, sizeof stage->play, "exit3");
    answers("at-once reload", "Reloading; the log tells how it ends");
    refuses("upgrade", "This server cannot be followed"); /* on this stage */
}

static void reopen_reaches_everybody(void **state)
{
    (void)state;
    begin("good", 2);
    answers("reopen", "opened again");
    wait_for(REOPENED, ANY, 2);
}

/* Its worker is told in its slot; carrying it out is the worker's. */
static void a_request_is_ended_by_its_id(void **state)
{
    (void)state;
    begin("stuck", 1);
    wait_for_answer("requests", "id7");
    answers("requests", "GET /api/x/{id}");
    refuses("kill id", "No request id is being answered");
    assert_int_equal(atomic_load(&shared.slots[0].cancel_ns), 0);
    answers("kill id7", "Request id7 (GET /api/x/{id}, worker (pid:");
    struct record r;
    assert_true(recorder_read(shared.recorder, 0, RECORDS_RECENT, 0, &r));
    assert_int_equal(atomic_load(&shared.slots[0].cancel_ns), r.began_ns);
    assert_true(logged("Control: kill id7 (user "));
}

static void the_socket_comes_back(void **state)
{
    (void)state;
    begin("good", 1);
    wait_for_log("Control socket: ", 1);
    assert_int_equal(unlink(stage->control), 0);
    wait_for_log("Control socket: ", 2);
    answers("version", "prong");
}

static void there_may_be_none(void **state)
{
    (void)state;
    stage->control[0] = '\0';
    begin("good", 1);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_false(logged("Control socket"));
}

#define with_server(f) cmocka_unit_test_setup_teardown(f, set_up, take_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(looking_changes_nothing),
        with_server(workers_come_and_go),
        with_server(none_is_left_after_winch),
        with_server(one_is_named_by_its_process),
        with_server(a_reload_tells_how_it_ended),
        with_server(two_may_wait_for_a_reload),
        with_server(a_reload_ends_with_the_server),
        with_server(stop_is_graceful_and_quit_is_not),
        with_server(stop_tells_when_it_is_over),
        with_server(nobody_waits_who_does_not_want_to),
        with_server(reopen_reaches_everybody),
        with_server(a_request_is_ended_by_its_id),
        with_server(the_socket_comes_back),
        with_server(there_may_be_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
