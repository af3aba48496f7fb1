#include "cockpit.h"

#include <poll.h>

#include "common/segment/bells.h"
#include "common/segment/errands.h"
#include "common/segment/jobboard.h"
#include "worker/chores.h"

/*
 * The worker of slot 1 has two jobs of the app, "revenue" and "clean", and one
 * of the server's own, "optimize", which only the board knows. The test plays
 * the keeper.
 */
enum { SLOT = 1, NOW_MS = 1000000 };

/* One who asks. */
struct client {
    struct ask ask;
    struct response res;
    struct trace trace;
    struct call call;
    struct buf body; /* of the answer */
    int done;
};

static struct {
    struct job jobs[2];
    struct settings settings;
    struct bells *bells;
    struct chores chores;
    struct client clients[2];
    struct errand errand; /* the last that the keeper took */
} it;

static struct client *const one = &it.clients[0];
static struct client *const two = &it.clients[1];

static void put_on_board(const char *name, bool present)
{
    const struct job_figures f = {.present = present};
    struct jobboard *b = cockpit.shared.jobboard;

    jobboard_put(b, jobboard_entry(b, name), &f);
}

static int make(void **state)
{
    if (cockpit_make(state) != 0)
        return -1;
    memset(&it, 0, sizeof it);
    it.jobs[0].name = "revenue";
    it.jobs[1].name = "clean";
    cockpit.app.jobs = it.jobs;
    cockpit.app.job_count = 2;
    it.settings.backup_dir = "/var/backups";
    it.bells = bells_new();
    it.chores = (struct chores){.app = &cockpit.app,
                                .settings = &it.settings,
                                .shared = &cockpit.shared,
                                .bells = it.bells,
                                .slot = SLOT};
    man(SLOT_KEEPER, 300, BORN_AGO_MS);
    put_on_board("optimize", true);
    put_on_board("former", false);
    response_init(&one->res);
    response_init(&two->res);
    return 0;
}

static int unmake(void **state)
{
    chores_free(&it.chores);
    bells_free(it.bells);
    for (size_t i = 0; i < 2; i++) {
        ask_free(&it.clients[i].ask);
        response_free(&it.clients[i].res);
        buf_free(&it.clients[i].body);
    }
    return cockpit_remove(state);
}

static void on_done(struct call *call)
{
    for (size_t i = 0; i < 2; i++)
        it.clients[i].done += call == &it.clients[i].call;
}

static void prepare(struct client *c, const struct asked *asked)
{
    c->trace = (struct trace){.record = NULL};
    c->call = (struct call){.req = ask(&c->ask, asked),
                            .res = &c->res,
                            .trace = &c->trace,
                            .now_ms = NOW_MS,
                            .done = on_done};
    c->done = 0;
    response_reset(&c->res);
}

/* False when it waits. */
static bool run_job(struct client *c, const char *line)
{
    prepare(c, &(struct asked){.line = line});
    return chores_run_job(&it.chores, &c->call);
}

static bool back_up(struct client *c, const struct asked *asked)
{
    prepare(c, asked);
    return chores_back_up(&it.chores, &c->call);
}

/* The keeper takes the next; its number. */
static int take(const char *what)
{
    int number = errands_next(cockpit.shared.errands, &it.errand);

    assert_true(number >= 0);
    assert_string_equal(it.errand.what, what);
    return number;
}

static int nothing_asked(void)
{
    return errands_next(cockpit.shared.errands, &it.errand) < 0;
}

static void end(int number, bool ok, const struct errand_end *how)
{
    assert_int_equal(errands_end(cockpit.shared.errands, number, ok, how),
                     SLOT);
}

/* What it was answered, for the cockpit's expect_… */
static void expect_status(struct client *c, int status)
{
    buf_clear(&cockpit.body);
    buf_slice(&cockpit.body, response_body(&c->res));
    if (c->res.status != status)
        fail_msg("%d, not %d: %s", c->res.status, status,
                 buf_text(&cockpit.body));
}

static bool has_header(struct client *c, const char *line)
{
    return strstr(buf_text(&c->res.headers), line) != NULL;
}

/* ---- jobs ----------------------------------------------------------------*/

static void a_job_is_run(void **state)
{
    const struct errand_end how = {.took_ns = 1234567};

    (void)state;
    struct pollfd bell = {bells_fd(it.bells, SLOT_KEEPER), POLLIN, 0};
    assert_int_equal(poll(&bell, 1, 0), 0);
    assert_false(run_job(one, "POST /api/jobs/revenue/run"));
    assert_int_equal(poll(&bell, 1, 0), 1);
    assert_int_equal(chores_waiting(&it.chores), 1);
    chores_resume(&it.chores, NOW_MS);
    int number = take("revenue");
    assert_int_equal(it.errand.kind, ERRAND_JOB);
    chores_resume(&it.chores, NOW_MS);
    assert_int_equal(one->done, 0);
    end(number, true, &how);
    chores_resume(&it.chores, NOW_MS);
    assert_int_equal(one->done, 1);
    assert_int_equal(chores_waiting(&it.chores), 0);
    expect_status(one, 200);
    expect_text("$.name", "revenue");
    expect_text("$.status", "done");
    expect_real("$.duration_ms", 1.235, 1e-9);
    assert_true(has_header(one, "Cache-Control: no-store\r\n"));
    struct errand_end gone;
    assert_int_equal(errands_look(cockpit.shared.errands, number, &gone),
                     ERRAND_NONE); /* its place is free */
}

static void jobs_that_there_are(void **state)
{
    static const struct {
        const char *line;
        bool known;
    } cases[] = {
        {"POST /api/jobs/clean/run", true},
        {"POST /api/jobs/optimize/run", true},
        {"POST /api/jobs/former/run", false}, /* a reload removed it */
        {"POST /api/jobs/reven/run", false},
        {"POST /api/jobs/revenue2/run", false},
        {"POST /api/jobs//run", false},
        {"POST /api/jobs/Revenue/run", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool answered = run_job(one, cases[i].line);
        if (answered == cases[i].known)
            fail_msg("%s: %d", cases[i].line, one->res.status);
        if (answered)
            expect_status(one, 404);
        else
            assert_true(chores_cancel(&it.chores, &one->call));
    }
    assert_true(nothing_asked());
}

static void a_job_fails(void **state)
{
    const struct errand_end how = {.text = "jobs/a.sql:3: no such \"table\""};
    const struct errand_end full = {.text = "no space", .full = true};

    (void)state;
    run_job(one, "POST /api/jobs/revenue/run");
    end(take("revenue"), false, &how);
    chores_resume(&it.chores, NOW_MS);
    expect_status(one, 500);
    expect_text("$.detail", how.text);
    run_job(one, "POST /api/jobs/revenue/run");
    end(take("revenue"), false, &full);
    chores_resume(&it.chores, NOW_MS);
    expect_status(one, 507);
    expect_text("$.detail", "no space");
}

/* ---- backups -------------------------------------------------------------*/

static void a_backup_is_made(void **state)
{
    const struct errand_end how = {
        .took_ns = 5000000, .bytes = 5000000000, .text = "/var/backups/x.db"};

    (void)state;
    assert_false(back_up(one, &(struct asked){.line = "POST /api/backup"}));
    int number = take("");
    assert_int_equal(it.errand.kind, ERRAND_BACKUP);
    end(number, true, &how);
    chores_resume(&it.chores, NOW_MS);
    expect_status(one, 201);
    expect_text("$.file", "/var/backups/x.db");
    expect_int("$.bytes", 5000000000);
    expect_int("$.duration_ms", 5);
}

#define LONGEST                                                                \
    "1234567890123456789012345678901234567890123456789012345678901234567890"   \
    "1234567890123456789012345678901234567890123456789012345678901234567890"   \
    "123456789012345678901234567890123456789012345678901234567890"
#define NAME "must be a bare name"

static const struct {
    struct asked asked;
    const char *name; /* null: refused */
    const char *why;  /* part of it */
} names[] = {
    {{.line = "POST /b"}, "", NULL},
    {{.line = "POST /b", .json = "{}"}, "", NULL},
    {{.line = "POST /b?file=a.db"}, "a.db", NULL},
    {{.line = "POST /b", .json = " {\"file\":\"a-B_9.db\"}"}, "a-B_9.db", NULL},
    {{.line = "POST /b", .form = "{\"file\":\"a.db\"}"}, "a.db", NULL},
    {{.line = "POST /b?file=" LONGEST}, LONGEST, NULL},
    {{.line = "POST /b?file=" LONGEST "x"}, NULL, NAME},
    {{.line = "POST /b?file="}, NULL, NAME},
    {{.line = "POST /b?file"}, NULL, NAME},
    {{.line = "POST /b?file=.hidden"}, NULL, NAME},
    {{.line = "POST /b?file=.."}, NULL, NAME},
    {{.line = "POST /b?file=../a.db"}, NULL, NAME},
    {{.line = "POST /b?file=%2Fetc%2Fa.db"}, NULL, NAME},
    {{.line = "POST /b?file=a%20b"}, NULL, NAME},
    {{.line = "POST /b", .json = "{\"file\":\"\xc3\xa4.db\"}"}, NULL, NAME},
    {{.line = "POST /b", .json = "{\"file\":7}"}, NULL, NAME},
    {{.line = "POST /b", .json = "{\"file\":null}"}, NULL, NAME},
    {{.line = "POST /b", .json = "[\"a.db\"]"}, NULL, "a JSON object"},
    {{.line = "POST /b", .json = "{\"file\""}, NULL, "a JSON object"},
    {{.line = "POST /b", .form = "file=a.db"}, NULL, "a JSON object"},
    {{.line = "POST /b?name=a.db"}, NULL, "nothing else"},
    {{.line = "POST /b", .json = "{\"File\":\"a.db\"}"}, NULL, "nothing else"},
    {{.line = "POST /b?file=a.db&file=b.db"}, NULL, "twice"},
    {{.line = "POST /b?file=a.db", .json = "{\"file\":\"b.db\"}"},
     NULL,
     "twice"},
};

static void backups_have_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct asked *asked = &names[i].asked;
        if (back_up(one, asked) == (names[i].name != NULL))
            fail_msg("%s %s", asked->line, asked->json ? asked->json : "");
        if (names[i].name) {
            take(names[i].name);
            assert_true(chores_cancel(&it.chores, &one->call));
            continue;
        }
        expect_status(one, 400);
        if (strstr(buf_text(&cockpit.body), names[i].why) == NULL)
            fail_msg("%s: %s", asked->line, buf_text(&cockpit.body));
    }
    assert_true(nothing_asked());
}

static void no_folder_for_backups(void **state)
{
    (void)state;
    it.settings.backup_dir = NULL;
    assert_true(back_up(one, &(struct asked){.line = "POST /api/backup"}));
    expect_status(one, 409);
    assert_non_null(strstr(buf_text(&cockpit.body), "backup_dir"));
    assert_true(nothing_asked());
}

/* ---- waiting -------------------------------------------------------------*/

static void each_gets_its_own(void **state)
{
    const struct errand_end how = {.took_ns = 1000000, .text = "/b/x"};

    (void)state;
    assert_false(run_job(one, "POST /api/jobs/revenue/run"));
    assert_false(back_up(two, &(struct asked){.line = "POST /api/backup"}));
    assert_int_equal(chores_waiting(&it.chores), 2);
    int job = take("revenue");
    end(take(""), true, &how); /* the younger one first */
    chores_resume(&it.chores, NOW_MS);
    assert_int_equal(one->done, 0);
    assert_int_equal(two->done, 1);
    expect_status(two, 201);
    end(job, true, &how);
    chores_resume(&it.chores, NOW_MS);
    assert_int_equal(one->done, 1);
    assert_int_equal(two->done, 1);
    expect_status(one, 200);
}

/* What it has begun goes on, and frees its place at the end. */
static void a_long_one(void **state)
{
    const struct errand_end how = {.took_ns = 1};
    struct errand_end gone;

    (void)state;
    run_job(one, "POST /api/jobs/revenue/run");
    int number = take("revenue");
    chores_resume(&it.chores, NOW_MS + CHORE_PATIENCE_MS - 1);
    assert_int_equal(one->done, 0);
    chores_resume(&it.chores, NOW_MS + CHORE_PATIENCE_MS);
    assert_int_equal(one->done, 1);
    expect_status(one, 202);
    expect_text("$.status", "running");
    assert_int_equal(chores_waiting(&it.chores), 0);
    assert_int_equal(errands_end(cockpit.shared.errands, number, true, &how),
                     -1);
    assert_int_equal(errands_look(cockpit.shared.errands, number, &gone),
                     ERRAND_NONE);
}

/* Nobody came to it: then nobody will. */
static void a_lazy_keeper(void **state)
{
    (void)state;
    run_job(one, "POST /api/jobs/revenue/run");
    chores_resume(&it.chores, NOW_MS + CHORE_PATIENCE_MS);
    assert_int_equal(one->done, 1);
    expect_status(one, 503);
    assert_true(has_header(one, "Retry-After: 1\r\n"));
    assert_true(nothing_asked());
}

/* An end that comes just when its patience is over is still told. */
static void in_the_last_moment(void **state)
{
    const struct errand_end how = {.took_ns = 1};

    (void)state;
    run_job(one, "POST /api/jobs/revenue/run");
    end(take("revenue"), true, &how);
    chores_resume(&it.chores, NOW_MS + 2 * CHORE_PATIENCE_MS);
    expect_status(one, 200);
}

static void no_keeper(void **state)
{
    (void)state;
    atomic_store(&cockpit.shared.slots[SLOT_KEEPER].pid, 0);
    assert_true(run_job(one, "POST /api/jobs/revenue/run"));
    expect_status(one, 503);
    assert_true(has_header(one, "Retry-After: 1\r\n"));
    assert_true(back_up(one, &(struct asked){.line = "POST /api/backup"}));
    expect_status(one, 503);
    man(SLOT_KEEPER, 301, 1000);
    assert_true(nothing_asked());
    assert_int_equal(chores_waiting(&it.chores), 0);
}

static void the_keeper_dies(void **state)
{
    (void)state;
    run_job(one, "POST /api/jobs/revenue/run");
    run_job(two, "POST /api/jobs/clean/run");
    take("revenue");
    errands_fail(cockpit.shared.errands, "the keeper died");
    chores_resume(&it.chores, NOW_MS);
    assert_int_equal(one->done, 1);
    expect_status(one, 500);
    expect_text("$.detail", "the keeper died");
    assert_int_equal(two->done, 0); /* the next one may do it */
    take("clean");
}

static void too_many(void **state)
{
    struct errands *e = cockpit.shared.errands;
    int numbers[ERRANDS_MAX];

    (void)state;
    for (size_t i = 0; i < ERRANDS_MAX; i++)
        numbers[i] = errands_ask(e, 0, ERRAND_JOB, SLICE("x"));
    assert_true(run_job(one, "POST /api/jobs/revenue/run"));
    expect_status(one, 503);
    assert_true(has_header(one, "Retry-After: 1\r\n"));
    errands_drop(e, numbers[7]);
    assert_false(run_job(one, "POST /api/jobs/revenue/run"));
}

static void clients_leave(void **state)
{
    const struct errand_end how = {.took_ns = 1};

    (void)state;
    run_job(one, "POST /api/jobs/revenue/run");
    run_job(two, "POST /api/jobs/clean/run");
    int begun = take("revenue");
    assert_true(chores_cancel(&it.chores, &one->call));
    assert_false(chores_cancel(&it.chores, &one->call));
    assert_int_equal(chores_waiting(&it.chores), 1);
    assert_true(chores_cancel(&it.chores, &two->call));
    assert_true(nothing_asked()); /* "clean" had not begun */
    assert_int_equal(errands_end(cockpit.shared.errands, begun, true, &how),
                     -1);
    chores_resume(&it.chores, NOW_MS + 2 * CHORE_PATIENCE_MS);
    assert_int_equal(one->done + two->done, 0);
}

static void a_worker_goes(void **state)
{
    (void)state;
    run_job(one, "POST /api/jobs/revenue/run");
    chores_free(&it.chores);
    assert_true(nothing_asked());
    assert_int_equal(chores_waiting(&it.chores), 0);
}

/* ---- what is noted -------------------------------------------------------*/

static void take_up(struct observer *o, struct client *c, const char *id)
{
    c->res.id_len = strlen(id);
    memcpy(c->res.id, id, c->res.id_len);
    c->trace.came_ns = clock_ns();
    observe_begin(o, &c->call, c->trace.came_ns);
}

/* Others take its place in the recorder meanwhile. */
static void it_is_recorded(void **state)
{
    const struct observer_config config = {
        .shared = &cockpit.shared, .slot = SLOT, .slow_ns = UINT64_MAX};
    const struct errand_end how = {.took_ns = 1};
    struct recorder *r = cockpit.shared.recorder;
    struct record rec;

    (void)state;
    struct observer *o = observer_new(&config);
    it.chores.observer = o;
    prepare(one, &(struct asked){.line = "POST /api/jobs/clean/run"});
    take_up(o, one, "waits");
    assert_false(chores_run_job(&it.chores, &one->call));
    assert_null(one->trace.record);
    prepare(two, &(struct asked){.line = "POST /api/jobs/none/run"});
    take_up(o, two, "quick");
    assert_true(chores_run_job(&it.chores, &two->call));
    observe_end(o, &two->call, 0, clock_ns());
    end(take("clean"), true, &how);
    chores_resume(&it.chores, NOW_MS);
    observe_end(o, &one->call, 0, clock_ns());
    assert_true(recorder_read(r, SLOT, RECORDS_RECENT, 0, &rec));
    assert_string_equal(rec.id, "waits");
    assert_string_equal(rec.path, "/api/jobs/clean/run");
    assert_int_equal(rec.status, 200);
    assert_true(rec.phase_ns[PHASE_QUEUE] > 0);
    assert_int_equal(rec.phase_ns[PHASE_CACHE], 0);
    assert_true(recorder_read(r, SLOT, RECORDS_RECENT, 1, &rec));
    assert_string_equal(rec.id, "quick");
    assert_int_equal(rec.status, 404);
    observer_free(o);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_job_is_run),       T(jobs_that_there_are), T(a_job_fails),
        T(a_backup_is_made),   T(backups_have_names),  T(no_folder_for_backups),
        T(each_gets_its_own),  T(a_long_one),          T(a_lazy_keeper),
        T(in_the_last_moment), T(no_keeper),           T(the_keeper_dies),
        T(too_many),           T(clients_leave),       T(a_worker_goes),
        T(it_is_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
