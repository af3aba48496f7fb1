#include "tests/unit/guests.h"

#include <time.h>
#include <unistd.h>

static uint64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / MS;
}

/* ---- a request's whole way ---- */

#define TRACE_ID "4bf92f3577b34da6a3ce929d0e0e4736"

static void at_work(const struct record *r)
{
    assert_int_equal(r->phase, PHASE_READ);
    assert_int_equal(r->status, 0);
    assert_int_equal(r->took_ns, 0);
    assert_int_equal(r->pid, getpid());
    assert_string_equal(r->id, "abc");
    assert_string_equal(r->trace, TRACE_ID);
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->path, "/chefs/7");
    assert_string_equal(r->route, "");
    assert_int_equal(r->phase_ns[PHASE_QUEUE], 5 * MS);
}

static void recorded(void **state)
{
    const struct asked asked = {.line = "POST /chefs/7?secret=1",
                                .fields = "traceparent: 00-" TRACE_ID
                                          "-00f067aa0ba902b7-01\r\n"};
    unsigned number = observer_number(the.observer, "POST /chefs/{id}");
    struct record r;

    (void)state;
    begin(&the.guest, "abc", &asked, 5 * MS);
    assert_true(read_record(RECORDS_RECENT, 0, &r));
    at_work(&r);
    assert_in_range(r.wall_ms, wall_ms() - 60000, wall_ms() + 60000);
    observe_route(the.observer, &the.guest.call, number, "/chefs/{id}");
    the.guest.trace.cache = CACHE_OUTDATED;
    the.guest.trace.queries = 2;
    the.guest.trace.rows = 50;
    the.guest.trace.phase = PHASE_FINISH;
    end(&the.guest, 201, 7 * MS);
    assert_true(read_record(RECORDS_RECENT, 0, &r));
    assert_int_equal(r.phase, PHASE_NONE);
    assert_int_equal(r.status, 201);
    assert_int_equal(r.took_ns, 12 * MS);
    assert_int_equal(r.phase_ns[PHASE_FINISH], 7 * MS);
    assert_int_equal(r.bytes, 123);
    assert_int_equal(r.queries, 2);
    assert_int_equal(r.rows, 50);
    assert_int_equal(r.cache, CACHE_OUTDATED);
    assert_int_equal(r.route_number, number);
    assert_string_equal(r.route, "/chefs/{id}");
    assert_false(read_record(RECORDS_RECENT, 1, &r));
}

static void slow_and_failed(void **state)
{
    struct record r;

    (void)state;
    visit("/quick", 200, SLOW_NS - 1);
    visit("/wrong", 404, 1);
    assert_false(read_record(RECORDS_SLOW, 0, &r));
    assert_false(read_record(RECORDS_FAILED, 0, &r));
    visit("/slow", 200, SLOW_NS);
    visit("/broken", 500, 1);
    assert_true(read_record(RECORDS_SLOW, 0, &r));
    assert_string_equal(r.route, "/slow");
    assert_false(read_record(RECORDS_SLOW, 1, &r));
    assert_true(read_record(RECORDS_FAILED, 0, &r));
    assert_string_equal(r.route, "/broken");
    assert_false(read_record(RECORDS_FAILED, 1, &r));
}

/* ---- waiting for another worker ---- */

static void paused(void **state)
{
    unsigned a = observer_number(the.observer, "/a");
    struct record r;

    (void)state;
    begin(&the.other, "first", &(struct asked){.line = "GET /a"}, MS);
    observe_route(the.observer, &the.other.call, a, "/a");
    trace_mark(&the.other.trace, PHASE_CACHE);
    observe_pause(the.observer, &the.other.call);
    assert_false(read_record(RECORDS_RECENT, 0, &r)); /* nothing is at work */
    visit("/b", 200, MS);
    assert_true(read_record(RECORDS_RECENT, 0, &r));
    assert_string_equal(r.route, "/b");
    uint64_t came = the.other.trace.came_ns;
    observe_resume(the.observer, &the.other.call, PHASE_CACHE);
    assert_true(read_record(RECORDS_RECENT, 0, &r));
    assert_string_equal(r.id, "first");
    assert_string_equal(r.route, "/a");
    assert_int_equal(r.phase, PHASE_READ);
    assert_int_equal(r.began_ns, came);
    assert_int_equal(r.phase_ns[PHASE_QUEUE], 0);
    the.now_ns = the.other.trace.phase_ns; /* what the clock said then */
    assert_int_equal(r.phase_ns[PHASE_CACHE], the.now_ns - came);
    end(&the.other, 200, MS);
    assert_true(read_record(RECORDS_RECENT, 0, &r));
    assert_int_equal(r.took_ns, the.now_ns - came);
    assert_int_equal(sum_of((int)a).request.count, 1);
    assert_int_equal(sum_of(METRICS_ALL).request.count, 2);
    assert_true(read_record(RECORDS_RECENT, 1, &r));
    assert_string_equal(r.route, "/b");
}

/* ---- threads ---- */

static bool read_place(unsigned thread, struct record *out)
{
    return recorder_read(the.shared.recorder, recorder_place(SLOT, thread),
                         RECORDS_RECENT, 0, out);
}

/* Who answers now records in its own place; another one's request stays where
 * it is, and figures are the worker's. */
static void of_several_threads(void **state)
{
    const struct slot *slot = &the.shared.slots[SLOT];
    struct record r, room;

    (void)state;
    assert_int_equal(slot->threads, 1);
    begin(&the.guest, "first", &(struct asked){.line = "GET /"}, 0);
    trace_mark(&the.guest.trace, PHASE_SQL);
    observe_thread(the.observer, 2);
    assert_int_equal(slot->threads, 3);
    begin(&the.other, "second", &(struct asked){.line = "GET /"}, 0);
    assert_true(read_place(0, &r) && r.phase == PHASE_SQL);
    assert_string_equal(r.id, "first");
    assert_true(read_place(2, &r) && r.phase == PHASE_READ);
    assert_string_equal(r.id, "second");
    assert_false(read_place(1, &r));

    /* One that waits goes on with whoever resumes it. */
    observe_park(the.observer, &the.other.call, PHASE_TURN, &room);
    assert_false(read_place(2, &r));
    observe_thread(the.observer, 0);
    assert_int_equal(slot->threads, 3);
    end(&the.guest, 200, MS);
    observe_unpark(the.observer, &the.other.call, PHASE_SQL, &room);
    assert_true(read_place(0, &r) && r.phase == PHASE_SQL);
    assert_string_equal(r.id, "second");
    end(&the.other, 200, MS);
    assert_int_equal(sum_of(METRICS_ALL).request.count, 2);
    observe_thread(NULL, 1);
}

/* ---- the wall clock ---- */

/* A request's time of day is that of its coming, however long ago. */
static void time_of_day(void **state)
{
    static const uint64_t ago_ms[] = {0, 5, 3600000, 10};
    struct record r;

    (void)state;
    for (size_t i = 0; i < sizeof ago_ms / sizeof *ago_ms; i++) {
        the.now_ns = loop_clock_ns() - ago_ms[i] * MS;
        uint64_t least = wall_ms() - ago_ms[i];
        visit("/", 200, 1);
        assert_true(read_record(RECORDS_RECENT, 0, &r));
        assert_in_range(r.wall_ms, least - 2, wall_ms() - ago_ms[i] + 2);
    }
}

/* ---- nobody observes ---- */

static void unobserved(void **state)
{
    struct observer *observer = the.observer;
    struct record r;

    (void)state;
    the.observer = NULL;
    assert_int_equal(observer_number(NULL, "GET /"), NAMES_REST);
    begin(&the.guest, "id1", &(struct asked){.line = "GET /"}, 0);
    observe_route(NULL, &the.guest.call, 9, "/");
    assert_string_equal(the.guest.trace.route, "/"); /* the log wants it */
    observe_pause(NULL, &the.guest.call);
    observe_resume(NULL, &the.guest.call, PHASE_CACHE);
    end(&the.guest, 200, 1);
    assert_null(the.guest.trace.record);
    the.observer = observer;
    assert_int_equal(sum_of(METRICS_ALL).request.count, 0);
    assert_false(read_record(RECORDS_RECENT, 0, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBSERVED(recorded),   OBSERVED(slow_and_failed),
        OBSERVED(paused),     OBSERVED(time_of_day),
        OBSERVED(unobserved), OBSERVED(of_several_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
