#include "theatre.h"

#include "common/segment/errands.h"
#include "common/segment/jobboard.h"
#include "worker/own.h"

/* The worker of slot 0, its keeper (played by the test), and an app with one
 * job, "tidy". */
static struct {
    struct shared shared;
    struct settings settings;
    struct job job;
    struct encoder *encoder;
    struct own_answers own;
    struct trace trace;
    struct call call;
} it;

static int make(void **state)
{
    struct fault fault = {""};
    const struct encoding_config encoding = {
        .on = true, .min_length = 1, .level = 1};

    (void)state;
    memset(&it, 0, sizeof it);
    theatre_open("name = own\n", "");
    theatre_token("boss", "1", "admin");
    theatre_token("guest", "2", "user");
    if (theatre_play("-- GET /a\nSELECT 1;\n", &fault) == NULL ||
        !shared_open(&it.shared, 0, 0, &fault))
        fail_msg("%s", fault.text);
    atomic_store(&it.shared.slots[SLOT_KEEPER].pid, 300);
    it.settings.backup_dir = "/var/backups";
    it.job.name = "tidy";
    house.app->jobs = &it.job;
    house.app->job_count = 1;
    it.encoder = encoder_new(&encoding);
    it.own = (struct own_answers){
        .db = house.db,
        .endpoints = house.endpoints,
        .encoder = it.encoder,
        .monitor = {.app = house.app,
                    .settings = &it.settings,
                    .shared = &it.shared,
                    .db = house.db},
        .chores = {.app = house.app,
                   .settings = &it.settings,
                   .shared = &it.shared},
    };
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    own_free(&it.own);
    encoder_free(it.encoder);
    shared_close(&it.shared);
    theatre_close();
    return 0;
}

/* False when it waits. */
static bool ask_own(enum own_route which, const struct asked *asked)
{
    it.trace = (struct trace){.record = NULL};
    it.call = (struct call){.req = ask(&house.ask, asked),
                            .res = &house.res,
                            .trace = &it.trace,
                            .now_ms = 1000,
                            .done = theatre_done};
    response_reset(&house.res);
    house.done = 0;
    return own_answer(&it.own, which, &it.call);
}

#define BOSS "Authorization: Bearer boss\r\n"

static const struct asked run = {.line = "POST /api/jobs/tidy/run",
                                 .fields = BOSS};

static int next_errand(struct errand *out)
{
    return errands_next(it.shared.errands, out);
}

static void everybody_may_know_that_it_lives(void **state)
{
    static const enum own_route routes[] = {OWN_HEALTH, OWN_LIVE, OWN_READY};

    (void)state;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const char *path = own_routes[routes[i]].path;
        char line[64];
        snprintf(line, sizeof line, "GET %s", path);
        assert_true(ask_own(routes[i], &(struct asked){.line = line}));
        assert_int_equal(house.res.status, 200);
    }
    assert_int_equal(house.done, 0); /* that is the caller's */
}

/* Whatever has a path and is not for everybody. */
static void the_rest_is_for_operators(void **state)
{
    static const struct {
        const char *fields;
        int status;
    } strangers[] = {
        {NULL, 401},
        {"Authorization: Bearer nobody\r\n", 401},
        {"Authorization: Bearer guest\r\n", 403},
    };
    struct errand errand;

    (void)state;
    for (enum own_route r = 0; r < OWN_PATHS; r++) {
        if (!own_routes[r].operators_only)
            continue;
        for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
            const struct asked asked = {.line = run.line,
                                        .fields = strangers[i].fields};
            assert_true(ask_own(r, &asked));
            if (house.res.status != strangers[i].status)
                fail_msg("%s: %d", own_routes[r].name, house.res.status);
        }
    }
    assert_int_equal(own_waiting(&it.own), 0);
    assert_int_equal(next_errand(&errand), -1);
}

static void every_page_is_answered(void **state)
{
    (void)state;
    for (enum own_route r = 0; r < OWN_PATHS; r++) {
        const struct own *own = &own_routes[r];
        char line[64];
        if (r == OWN_JOB_RUN || r == OWN_BACKUP || r == OWN_REQUEST)
            continue;
        snprintf(line, sizeof line, "%s %s", method_name(own->method),
                 own->path);
        assert_true(ask_own(r, &(struct asked){.line = line, .fields = BOSS}));
        if (house.res.status != 200)
            fail_msg("%s: %d", own->name, house.res.status);
    }
}

static void pages_are_compressed(void **state)
{
    const struct asked asked = {.line = "GET /api/jobs",
                                .fields = BOSS "Accept-Encoding: gzip\r\n"};

    (void)state;
    for (int i = 0; i < 100; i++) {
        const struct job_figures f = {.runs = 1};
        char name[16];
        snprintf(name, sizeof name, "job_%d", i);
        int entry = jobboard_entry(it.shared.jobboard, name);
        jobboard_put(it.shared.jobboard, entry, &f);
    }
    assert_true(ask_own(OWN_JOBS, &asked));
    assert_non_null(strstr(theatre_headers(), "Content-Encoding: gzip\r\n"));
    assert_non_null(strstr(theatre_headers(), "Vary: Accept-Encoding\r\n"));
}

static void some_wait_for_the_keeper(void **state)
{
    const struct errand_end end = {.took_ns = 1000000};
    struct errand errand;

    (void)state;
    assert_false(ask_own(OWN_JOB_RUN, &run));
    assert_int_equal(own_waiting(&it.own), 1);
    int number = next_errand(&errand);
    assert_string_equal(errand.what, "tidy");
    own_resume(&it.own, 1000);
    assert_int_equal(house.done, 0);
    assert_int_equal(errands_end(it.shared.errands, number, true, &end), 0);
    own_resume(&it.own, 1000);
    assert_int_equal(house.done, 1);
    assert_int_equal(house.res.status, 200);
    assert_string_equal(
        theatre_body(),
        "{\"name\":\"tidy\",\"status\":\"done\",\"duration_ms\":1}");
    assert_int_equal(own_waiting(&it.own), 0);

    const struct asked backup = {.line = "POST /api/backup?file=a.db",
                                 .fields = BOSS};
    assert_false(ask_own(OWN_BACKUP, &backup));
    assert_true(next_errand(&errand) >= 0);
    assert_int_equal(errand.kind, ERRAND_BACKUP);
    assert_string_equal(errand.what, "a.db");
}

static void clients_leave(void **state)
{
    struct call other = it.call;
    struct errand errand;

    (void)state;
    assert_false(ask_own(OWN_JOB_RUN, &run));
    assert_false(own_cancel(&it.own, &other));
    assert_true(own_cancel(&it.own, &it.call));
    assert_false(own_cancel(&it.own, &it.call));
    assert_int_equal(own_waiting(&it.own), 0);
    assert_int_equal(next_errand(&errand), -1);
    own_resume(&it.own, UINT64_MAX);
    assert_int_equal(house.done, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(everybody_may_know_that_it_lives), T(the_rest_is_for_operators),
        T(every_page_is_answered),           T(pages_are_compressed),
        T(some_wait_for_the_keeper),         T(clients_leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
