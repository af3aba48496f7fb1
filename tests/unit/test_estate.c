#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/segment/crowd.h"
#include "common/segment/flights.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/segment/names.h"
#include "common/segment/recorder.h"
#include "common/segment/tables.h"
#include "master/estate.h"

enum { SLOT = 3, OTHER = 4, PID = 4711, TABLE = 9 };

static const struct role worker = {.name = "worker", .title = "Worker"};

static struct shared shared;
static struct estate estate;
static char logged[32]; /* the path of the log */

static struct slot *slot(void)
{
    return &shared.slots[SLOT];
}

/* What the log says since it was last asked. */
static const char *said(void)
{
    static char text[65536];
    FILE *f = fopen(logged, "r");

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_int_equal(truncate(logged, 0), 0);
    return text;
}

static void says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no '%s' in: %s", part, text);
}

static void says_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' in: %s", part, text);
}

static unsigned route(void)
{
    return names_number(shared.names, slice_of("GET /api/x/{id}"));
}

/* The slot's process is at a request for that long. */
static void work_on(const char *path, const char *of, enum phase phase,
                    uint64_t for_ms)
{
    struct record *r = recorder_open(shared.recorder, SLOT);

    record_write(r);
    r->pid = PID;
    r->began_ns = loop_clock_ns() - for_ms * 1000000;
    r->route_number = route();
    record_text(r->method, sizeof r->method, slice_of("GET"));
    record_text(r->path, sizeof r->path, slice_of(path));
    record_text(r->route, sizeof r->route, slice_of(of));
    record_text(r->id, sizeof r->id, slice_of("id7"));
    record_written(r);
    atomic_store(&r->statement, 2);
    atomic_store(&r->phase, phase);
}

static void work(enum phase phase, uint64_t for_ms)
{
    work_on("/api/x/7", "/api/x/{id}", phase, for_ms);
}

static void settle(const struct spawn_end *end, bool crash, bool blamed)
{
    const struct death death = {.end = end,
                                .role = &worker,
                                .number = SLOT,
                                .crash = crash,
                                .blamed = blamed};

    estate_settle(&estate, &death);
}

static void die_of(int signal)
{
    const struct spawn_end end = {
        .pid = PID, .signal = signal, .peak_kb = 34816};

    settle(&end, true, true);
}

static bool bell_rang(void)
{
    uint64_t count;

    return read(estate.bell_fd, &count, sizeof count) == sizeof count;
}

/* ---- what is cleared ------------------------------------------------------
 */

static void the_slot_is_free_and_the_death_counted(void **state)
{
    const struct spawn_end asked = {.pid = PID};

    (void)state;
    atomic_store(&slot()->pid, PID);
    settle(&asked, false, true);
    assert_int_equal(atomic_load(&slot()->pid), 0);
    assert_int_equal(atomic_load(&slot()->deaths), 0);
    die_of(SIGSEGV);
    assert_int_equal(atomic_load(&slot()->deaths), 1);
}

static void a_commit_left_half_way_is_forgotten(void **state)
{
    const unsigned table = TABLE;
    struct moment before;
    struct moment after;
    uint64_t version;

    (void)state;
    tables_begin(shared.tables, SLOT, &table, 1);
    tables_moment(shared.tables, &before);
    assert_false(tables_unmoved(shared.tables, &before, TABLE, &version));
    die_of(SIGKILL);
    tables_moment(shared.tables, &after);
    assert_true(tables_unmoved(shared.tables, &after, TABLE, &version));
    assert_true(tables_epoch(shared.tables) != before.epoch ||
                tables_version(shared.tables, TABLE) > before.sequence);
}

static void its_connections_are_not_counted_any_more(void **state)
{
    (void)state;
    crowd_join(shared.crowd, SLOT);
    crowd_enter(shared.crowd, SLOT, 0);
    assert_int_equal(crowd_all(shared.crowd), 1);
    die_of(SIGKILL);
    assert_int_equal(crowd_all(shared.crowd), 0);
}

static void a_claim_is_given_back_and_the_bell_rung(void **state)
{
    (void)state;
    assert_int_equal(flights_claim(shared.flights, 1, SLOT), FLIGHT_OURS);
    die_of(SIGKILL);
    assert_false(bell_rang()); /* nobody waits */
    assert_int_equal(flights_claim(shared.flights, 1, SLOT), FLIGHT_OURS);
    assert_int_equal(flights_claim(shared.flights, 1, OTHER), FLIGHT_THEIRS);
    die_of(SIGKILL);
    assert_true(bell_rang());
    assert_int_equal(flights_claim(shared.flights, 1, OTHER), FLIGHT_OURS);
}

/* ---- what is told ---------------------------------------------------------
 */

static void the_log_says_what_it_died_of(void **state)
{
    (void)state;
    work(PHASE_SQL, 31204);
    die_of(SIGSEGV);
    const char *log = said();
    says(log, "[ERROR] Worker (pid:4711) was answering GET /api/x/7 (endpoint "
              "/api/x/{id}, request id7, in phase sql, statement 2, for 31.2");
    says(log, " s), peak memory 34 MB\n");
    die_of(SIGSEGV); /* it was buried: the next one was at nothing */
    says_not(said(), "was answering");
}

static void what_is_no_endpoint_is_told_without_one(void **state)
{
    (void)state;
    work_on("/a\n[ERROR] b", "static", PHASE_SEND, 5);
    die_of(SIGBUS);
    says(said(), "was answering GET /a [ERROR] b (request id7, in phase send, "
                 "for 0.0");
}

static void its_last_requests_are_told_at_debug(void **state)
{
    (void)state;
    work_on("/first", "", PHASE_SEND, 5);
    recorder_close(shared.recorder, SLOT, false, false);
    work_on("/second", "", PHASE_SEND, 5);
    recorder_close(shared.recorder, SLOT, false, false);
    die_of(SIGSEGV);
    const char *log = said();
    says(log, "[DEBUG] Worker (pid:4711), 1. last request: GET /second (");
    says(log, "[DEBUG] Worker (pid:4711), 2. last request: GET /first (");
    says_not(log, "3. last request");
    assert_true(log_open(logged, LOG_INFO, false));
    die_of(SIGSEGV);
    says_not(said(), "last request");
}

static void who_left_as_asked_is_not_talked_about(void **state)
{
    const struct spawn_end asked = {.pid = PID};
    struct record r;

    (void)state;
    work(PHASE_TURN, 5);
    settle(&asked, false, true);
    says_not(said(), "was answering");
    assert_true(recorder_read(shared.recorder, SLOT, RECORDS_RECENT, 0, &r));
    assert_int_equal(atomic_load(&r.phase), PHASE_NONE);
}

static void the_silent_are_told_of_while_they_live(void **state)
{
    (void)state;
    estate_tell(&estate, &worker, SLOT, PID);
    says_not(said(), "is answering");
    work(PHASE_SQL, 2000);
    estate_tell(&estate, &worker, SLOT, PID + 1);
    says_not(said(), "is answering");
    estate_tell(&estate, &worker, SLOT, PID);
    says(said(), "[CRITICAL] Worker (pid:4711) is answering GET /api/x/7 "
                 "(endpoint /api/x/{id}, request id7, in phase sql, statement "
                 "2, for 2.0");
}

/* ---- quarantine -----------------------------------------------------------
 */

static void die_at_work(int signal, uint64_t for_ms)
{
    work(PHASE_SQL, for_ms);
    die_of(signal);
}

static void three_deaths_are_too_many(void **state)
{
    (void)state;
    die_at_work(SIGSEGV, 1);
    die_at_work(SIGKILL, 5000);
    assert_false(recorder_quarantined(shared.recorder, route()));
    says_not(said(), "quarantined");
    die_at_work(SIGABRT, 5000);
    assert_true(recorder_quarantined(shared.recorder, route()));
    says(said(), "[ERROR] GET /api/x/{id} is quarantined: 3 workers died of "
                 "it within 60 s. It answers 503 until the next reload\n");
    estate_absolve(&estate);
    assert_false(recorder_quarantined(shared.recorder, route()));
    die_at_work(SIGSEGV, 1);
    die_at_work(SIGSEGV, 1);
    assert_false(recorder_quarantined(shared.recorder, route()));
}

static void nobody_is_to_blame_for_chance(void **state)
{
    const struct spawn_end code = {.pid = PID, .code = 7};
    const struct spawn_end segv = {.pid = PID, .signal = SIGSEGV};

    (void)state;
    for (int i = 0; i < 5; i++) {
        die_at_work(SIGKILL, 10); /* an operator */
        work(PHASE_SQL, 5000);
        settle(&code, true, true);
        work(PHASE_SQL, 5000);
        settle(&segv, true, false); /* an older generation's */
        work(PHASE_SQL, 5000);
        settle(&segv, false, true); /* not a crash */
    }
    assert_false(recorder_quarantined(shared.recorder, route()));
}

/* ---- the whole ------------------------------------------------------------
 */

static int open_estate(void **state)
{
    struct fault fault;

    (void)state;
    strcpy(logged, "/tmp/prong-estate-XXXXXX");
    int fd = mkstemp(logged);
    if (fd < 0 || close(fd) != 0 || !log_open(logged, LOG_DEBUG, false) ||
        !shared_open(&shared, 0, 1, &fault))
        return -1;
    estate = (struct estate){.shared = &shared,
                             .blame = blame_new(),
                             .bell_fd = eventfd(0, EFD_NONBLOCK)};
    return estate.blame && estate.bell_fd >= 0 ? 0 : -1;
}

static int close_estate(void **state)
{
    (void)state;
    close(estate.bell_fd);
    blame_free(estate.blame);
    shared_close(&shared);
    return unlink(logged);
}

#define estate_test(f)                                                         \
    cmocka_unit_test_setup_teardown(f, open_estate, close_estate)

int main(void)
{
    const struct CMUnitTest tests[] = {
        estate_test(the_slot_is_free_and_the_death_counted),
        estate_test(a_commit_left_half_way_is_forgotten),
        estate_test(its_connections_are_not_counted_any_more),
        estate_test(a_claim_is_given_back_and_the_bell_rung),
        estate_test(the_log_says_what_it_died_of),
        estate_test(what_is_no_endpoint_is_told_without_one),
        estate_test(its_last_requests_are_told_at_debug),
        estate_test(who_left_as_asked_is_not_talked_about),
        estate_test(the_silent_are_told_of_while_they_live),
        estate_test(three_deaths_are_too_many),
        estate_test(nobody_is_to_blame_for_chance),
    };

    return cmocka_run_group_tests_name("estate", tests, NULL, NULL);
}
