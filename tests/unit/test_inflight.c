#include "master/control/inflight.h"
#include "tests/unit/cockpit.h"

static const uint64_t SECOND = 1000000000;

static struct inflight f;
static struct arena *arena;

static int make(void **state)
{
    arena = arena_new();
    return cockpit_make(state);
}

static int unmake(void **state)
{
    arena_free(arena);
    return cockpit_remove(state);
}

static size_t count(void)
{
    size_t n;

    inflight_all(&cockpit.shared, arena, &n);
    return n;
}

static bool found(const char *id)
{
    return inflight_find(&cockpit.shared, slice_of(id), &f);
}

/* A thread of a slot's process at a request. */
static struct record *thread_at(unsigned slot, unsigned thread, const char *id,
                                int32_t pid, uint64_t ago_ns)
{
    return at_request(recorder_place(slot, thread), id, pid, ago_ns);
}

/* ---- which are there -----------------------------------------------------*/

static void nobody_is_at_anything(void **state)
{
    size_t n = 7;

    (void)state;
    assert_null(inflight_all(&cockpit.shared, arena, &n));
    assert_int_equal(n, 0);
    assert_false(inflight_of(&cockpit.shared, 0, &f));
    assert_false(found("a"));
}

static void the_longest_is_first(void **state)
{
    size_t n;

    (void)state;
    man(1, 102, BORN_AGO_MS);
    man(SLOTS_MAX - 1, 103, BORN_AGO_MS);
    at_request(1, "b", 102, 5 * SECOND);
    at_request(0, "a", 101, 9 * SECOND);
    at_request(SLOTS_MAX - 1, "c", 103, 7 * SECOND);
    const struct inflight *all = inflight_all(&cockpit.shared, arena, &n);
    assert_int_equal(n, 3);
    assert_string_equal(all[0].record.id, "a");
    assert_string_equal(all[1].record.id, "c");
    assert_string_equal(all[2].record.id, "b");
    assert_int_equal(all[0].slot, 0);
    assert_int_equal(all[1].slot, SLOTS_MAX - 1);
    assert_in_range(all[2].age_ns, 5 * SECOND, 50 * SECOND);
}

static void by_its_id(void **state)
{
    (void)state;
    man(1, 102, BORN_AGO_MS);
    man(2, 103, BORN_AGO_MS);
    at_request(0, "abc", 101, 1 * SECOND);
    at_request(1, "abc", 102, 3 * SECOND); /* a client may choose its own */
    at_request(2, "b", 103, 9 * SECOND);
    assert_true(found("abc"));
    assert_int_equal(f.slot, 1);
    assert_int_equal(f.record.pid, 102);
    assert_true(found("b"));
    assert_false(found("ab"));
    assert_false(found("abcd"));
    assert_false(found(""));
}

static void of_one_slot(void **state)
{
    (void)state;
    man(1, 102, BORN_AGO_MS);
    man(2, 103, BORN_AGO_MS);
    at_request(0, "a", 101, 9 * SECOND);
    atomic_store(&cockpit.shared.slots[1].threads, 3);
    thread_at(1, 0, "b", 102, 2 * SECOND);
    thread_at(1, 1, "c", 102, 4 * SECOND);
    thread_at(1, 2, "d", 102, 3 * SECOND);
    assert_true(inflight_of(&cockpit.shared, 1, &f));
    assert_string_equal(f.record.id, "c");
    assert_int_equal(f.slot, 1);
    assert_false(inflight_of(&cockpit.shared, 2, &f));
    assert_int_equal(count(), 4);
}

/* Threads that never served are not looked at: that would make their pages. */
static void of_every_thread(void **state)
{
    struct slot *slot = man(1, 102, BORN_AGO_MS);

    (void)state;
    thread_at(1, 0, "t0", 102, SECOND);
    thread_at(1, 1, "t1", 102, 2 * SECOND);
    thread_at(1, 2, "t2", 102, 3 * SECOND);
    thread_at(1, THREADS_MAX - 1, "t7", 102, 4 * SECOND);
    assert_int_equal(count(), 1);
    atomic_store(&slot->threads, 2);
    assert_int_equal(count(), 2);
    assert_true(found("t1") && !found("t2"));
    assert_true(inflight_of(&cockpit.shared, 1, &f));
    assert_string_equal(f.record.id, "t1");
    atomic_store(&slot->threads, UINT32_MAX); /* gone mad */
    assert_int_equal(count(), 4);
    assert_true(found("t7"));
    assert_int_equal(f.slot, 1);
}

/* ---- which are not -------------------------------------------------------*/

static void what_is_over(void **state)
{
    struct record *r = at_request(0, "a", 101, SECOND);

    (void)state;
    assert_true(found("a"));
    recorder_close(cockpit.shared.recorder, 0, true, true);
    assert_false(found("a"));
    assert_int_equal(atomic_load(&r->phase), PHASE_NONE);
    r = at_request(0, "b", 101, SECOND);
    assert_true(found("b") && !found("a"));
    r->took_ns = 1; /* handed over, not yet closed */
    assert_false(found("b"));
    assert_int_equal(count(), 0);
}

static void what_a_dead_process_left(void **state)
{
    (void)state;
    at_request(0, "a", 4711, SECOND); /* of the process before */
    assert_int_equal(count(), 0);
    at_request(0, "b", 101, SECOND);
    assert_int_equal(count(), 1);
    atomic_store(&cockpit.shared.slots[0].pid, 0);
    assert_int_equal(count(), 0);
}

/* Nothing that a process gone mad may have left is believed. */
static void what_cannot_be(void **state)
{
    struct record *r = at_request(0, "a", 101, SECOND);

    (void)state;
    atomic_store(&r->phase, PHASES);
    assert_false(found("a"));
    atomic_store(&r->phase, PHASE_QUEUE);
    assert_true(found("a"));
    r->began_ns = 0;
    assert_false(found("a"));
    r->began_ns = clock_ns() + 1000 * SECOND;
    assert_true(found("a"));
    assert_int_equal(f.age_ns, 0);
}

static void texts_without_an_end(void **state)
{
    struct record *r = at_request(0, "a", 101, SECOND);

    (void)state;
    memset(r->id, 'i', sizeof r->id);
    memset(r->trace, 't', sizeof r->trace);
    memset(r->method, 'm', sizeof r->method);
    memset(r->path, 'p', sizeof r->path);
    memset(r->route, '/', sizeof r->route);
    assert_true(inflight_of(&cockpit.shared, 0, &f));
    assert_int_equal(strlen(f.record.id), RECORD_ID - 1);
    assert_int_equal(strlen(f.record.trace), RECORD_ID - 1);
    assert_int_equal(strlen(f.record.method), sizeof r->method - 1);
    assert_int_equal(strlen(f.record.path), RECORD_PATH - 1);
    assert_int_equal(strlen(f.record.route), RECORD_ROUTE - 1);
    char room[RECORD_ROUTE + 8];
    const char *name = inflight_endpoint(&f.record, room);
    assert_int_equal(strlen(name), 7 + 1 + RECORD_ROUTE - 1);
    assert_memory_equal(name, "mmmmmmm /", 9);
}

/* ---- in words ------------------------------------------------------------*/

static void endpoints_have_names(void **state)
{
    static const struct {
        const char *method, *route, *name;
    } cases[] = {
        {"GET", "/api/chefs/{id}", "GET /api/chefs/{id}"},
        {"HEAD", "/api/chefs/{id}", "GET /api/chefs/{id}"},
        {"DELETE", "/", "DELETE /"},
        {"GET", "static", "static"},
        {"GET", "", ""},
    };
    char room[RECORD_ROUTE + 8];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record r = {.phase = PHASE_READ};
        record_text(r.method, sizeof r.method, slice_of(cases[i].method));
        record_text(r.route, sizeof r.route, slice_of(cases[i].route));
        assert_string_equal(inflight_endpoint(&r, room), cases[i].name);
    }
}

static void phases_have_names(void **state)
{
    struct record r = {.phase = PHASE_QUEUE, .statement = 12};
    char room[32];

    (void)state;
    assert_string_equal(inflight_phase(&r, room), "queue");
    atomic_store(&r.phase, PHASE_SQL);
    assert_string_equal(inflight_phase(&r, room), "sql 12");
    atomic_store(&r.statement, UINT32_MAX);
    assert_string_equal(inflight_phase(&r, room), "sql 4294967295");
    atomic_store(&r.phase, PHASES);
    assert_string_equal(inflight_phase(&r, room), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_at_anything),
        TEST(the_longest_is_first),
        TEST(by_its_id),
        TEST(of_one_slot),
        TEST(of_every_thread),
        TEST(what_is_over),
        TEST(what_a_dead_process_left),
        TEST(what_cannot_be),
        TEST(texts_without_an_end),
        cmocka_unit_test(endpoints_have_names),
        cmocka_unit_test(phases_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
