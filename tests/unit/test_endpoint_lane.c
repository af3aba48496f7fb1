/*
 * Which thread answers a read, and who waits: reads that are slow go to others,
 * one thread stays for what is quick, and the last one for what costs no SQL.
 */
#include "tests/unit/lanes.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);"
    "INSERT INTO items VALUES (1, 'one');";

#define LONG                                                                   \
    "-- @timeout 1000s\n-- @value\nWITH RECURSIVE n(i) AS (SELECT 1 UNION "    \
    "ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT count(*) FROM n;\n\n"

static const char api[] =
    "-- GET /long/said\n-- @slow\n" LONG

    "-- GET /long\n" LONG

    "-- GET /long/other\n" LONG

    "-- GET /long/kept\n-- @cache 1000s\n" LONG

    "-- GET /names\n-- @timeout 1000s\n-- @value\n"
    "SELECT group_concat(name) FROM items;\n\n"

    "-- GET /brief\n-- @timeout 200s\n-- @value\nSELECT 1;\n\n"

    "-- GET /briefer\n-- @timeout 100s\n-- @value\nSELECT 1;\n\n"

    "-- GET /kept\n-- @cache 1000s\n-- @value\nSELECT count(*) FROM items;\n\n"

    "-- POST /items\n-- @auth public\n-- @param name text required\n"
    "-- @status 201\n-- @one\n"
    "INSERT INTO items (name) VALUES (:name) RETURNING id;\n";

enum { SLOW_NS = 5 * 1000000, PACES = 100 };

static struct lanes_play two = {schema, api, 2};
static struct lanes_play three = {schema, api, 3};
static struct lanes_play four = {schema, api, 4};

static void body_is(struct guest *g, const char *body)
{
    answered(g, 200);
    assert_string_equal(part_body(&g->part), body);
}

static void move_clock(void *self)
{
    troupe.ahead_ms += *(const int64_t *)self;
}

static void later(int64_t ms)
{
    in_a_turn(move_clock, &ms);
}

/* ---- to whom -------------------------------------------------------------*/

static void quick_ones_stay(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        struct guest *g = send_get(i, "/brief");
        body_is(g, "1");
        assert_int_equal(g->by, 0);
    }
}

/* As the app says. Nobody is kept waiting even for as long as it takes to
 * notice: the first thread never leaves its loop. */
static void slow_ones_begin_elsewhere(void **state)
{
    (void)state;
    struct guest *slow = send_get(0, "/long/said");
    AWAIT(inside() == 1);
    assert_false(is_inside(0));
    struct guest *quick = send_get(1, "/brief");
    body_is(quick, "1");
    assert_int_equal(quick->by, 0);
    assert_int_equal(slow->done, 0);
    atomic_store(&lanes.open, true);
    body_is(slow, "3000");
    assert_int_not_equal(slow->by, 0);
    assert_true(slow->part.trace.queries == 1);
}

/* Three threads: one is at it, one may be needed, one turns the loop. */
static void one_is_kept_for_the_quick(void **state)
{
    (void)state;
    struct guest *first = send_get(0, "/long/said");
    AWAIT(inside() == 1);
    struct guest *second = send_get(1, "/long/said");
    some_turns();
    assert_int_equal(inside(), 1);
    assert_int_equal(waiting(), 1);
    body_is(send_get(2, "/brief"), "1");

    let_through(is_inside(1) ? 1 : 2);
    body_is(first, "3000");
    AWAIT(atomic_load(&second->done) || inside() == 1);
    atomic_store(&lanes.open, true);
    body_is(second, "3000");
    assert_int_not_equal(second->by, 0);
    assert_int_equal(waiting(), 0);
}

/* The same when they come at once, before any of them has begun. */
static void though_many_come_at_once(void **state)
{
    static const size_t all[] = {0, 1, 2, 3, 4, 5};

    (void)state;
    for (size_t i = 0; i < 6; i++)
        guest_make(i, &(struct asked){.line = "GET /long/said"});
    guests_send(all, 6);
    AWAIT(inside() == 2);
    some_turns();
    assert_int_equal(inside(), 2);
    assert_false(is_inside(0));
    assert_int_equal(waiting(), 4);
    struct guest *quick = send_get(6, "/brief");
    body_is(quick, "1");
    assert_int_equal(quick->by, 0);
    atomic_store(&lanes.open, true);
    for (size_t i = 0; i < 6; i++)
        body_is(&lanes.guests[i], "3000");
}

/* With two threads there is none to give it to: it begins here, and the other
 * one takes over. */
static void with_two_it_begins_here(void **state)
{
    (void)state;
    struct guest *slow = send_get(0, "/long/said");
    AWAIT(is_inside(0));
    some_turns();
    atomic_store(&lanes.open, true);
    body_is(slow, "3000");
    assert_int_equal(slow->by, 0);
}

/* ---- the last one --------------------------------------------------------*/

/* It answers what costs no SQL; the rest waits for a thread. */
static void the_last_runs_none(void **state)
{
    (void)state;
    body_is(send_get(0, "/kept"), "1");
    struct guest *slow = send_get(1, "/long");
    AWAIT(is_inside(0));
    struct guest *quick = send_get(2, "/brief");
    struct guest *names = send_get(3, "/names");
    struct guest *kept = send_get(4, "/kept");
    body_is(kept, "1");
    assert_int_equal(kept->by, 1);
    assert_int_equal(kept->part.trace.queries, 0);
    assert_int_equal(waiting(), 2);
    assert_int_equal(quick->done, 0);

    atomic_store(&lanes.open, true);
    body_is(slow, "3000");
    body_is(quick, "1");
    body_is(names, "\"one\"");
    assert_int_equal(waiting(), 0);
}

/* As long as its SQL might have taken. */
static void given_up_in_time(void **state)
{
    (void)state;
    struct guest *slow = send_get(0, "/long");
    AWAIT(is_inside(0));
    struct guest *brief = send_get(1, "/brief");
    AWAIT(waiting() == 1);
    struct guest *briefer = send_get(2, "/briefer");
    AWAIT(waiting() == 2);
    later(150000);
    answered(briefer, 503);
    assert_int_equal(briefer->part.trace.queries, 0);
    assert_int_equal(briefer->part.trace.error, COUNT_ERROR_BUSY);
    assert_int_equal(waiting(), 1);
    later(60000);
    answered(brief, 503);
    assert_int_equal(waiting(), 0);
    assert_int_equal(slow->done, 0);
    later(-210000);
    atomic_store(&lanes.open, true);
    body_is(slow, "3000");
}

/* Whose client leaves is forgotten while it waits, but not when its statement
 * runs. */
static void who_leaves(void **state)
{
    (void)state;
    struct guest *slow = send_get(0, "/long");
    AWAIT(is_inside(0));
    struct guest *brief = send_get(1, "/brief");
    AWAIT(waiting() == 1);
    assert_true(forgotten(brief));
    assert_false(forgotten(brief));
    assert_int_equal(waiting(), 0);
    struct guest *other = send_get(2, "/brief");
    AWAIT(waiting() == 1);
    atomic_store(&lanes.open, true);
    body_is(other, "1");
    body_is(slow, "3000");
    some_turns();
    assert_int_equal(brief->done, 0);
}

static void in_a_statement_it_is_too_late(void **state)
{
    (void)state;
    struct guest *slow = send_get(0, "/long");
    AWAIT(is_inside(0));
    assert_false(forgotten(slow));
    atomic_store(&lanes.open, true);
    body_is(slow, "3000");
}

/* ---- pace ----------------------------------------------------------------*/

static void pace_is_learnt_and_forgotten(void **state)
{
    (void)state;
    struct guest *g = send_get(0, "/long");
    AWAIT(is_inside(0));
    uint64_t since_ms = loop_clock_ms();
    AWAIT(loop_clock_ms() > since_ms + 2UL * A_MOMENT_MS);
    atomic_store(&lanes.open, true);
    body_is(g, "3000");
    assert_int_equal(g->by, 0);
    assert_true(lanes.lobby->pace_ns[g->route] > SLOW_NS);

    body_is(send_get(0, "/long/other"), "3000"); /* of another endpoint */
    assert_int_equal(g->by, 0);
    body_is(send_get(0, "/long"), "3000"); /* quick now, but who knew? */
    assert_int_not_equal(g->by, 0);
    for (int i = 0; g->by != 0; i++) {
        assert_true(i < PACES);
        body_is(send_get(0, "/long"), "3000");
    }
    assert_true(lanes.lobby->pace_ns[g->route] <= SLOW_NS);
}

/* Never seen before, but one of it has been running for too long already. */
static void the_second_goes_elsewhere(void **state)
{
    (void)state;
    struct guest *first = send_get(0, "/long");
    AWAIT(is_inside(0));
    some_turns();
    struct guest *second = send_get(1, "/long");
    AWAIT(inside() == 2);
    assert_int_equal(lanes.lobby->pace_ns[first->route], 0);
    struct guest *quick = send_get(2, "/brief");
    body_is(quick, "1"); /* nobody had to take over again */
    assert_int_equal(quick->by, 1);
    assert_false(is_inside(1));
    atomic_store(&lanes.open, true);
    body_is(first, "3000");
    body_is(second, "3000");
    assert_int_equal(first->by, 0);
    assert_int_not_equal(second->by, 0);
}

/* ---- cached --------------------------------------------------------------*/

/* One computes, and who asks the same meanwhile waits for its answer: of the
 * same worker, and of another. */
static void a_miss_is_computed_once(void **state)
{
    static struct part bens;

    (void)state;
    struct guest *first = send_get(0, "/long/kept");
    AWAIT(is_inside(0));
    struct guest *second = send_get(1, "/long/kept");
    struct guest *third = send_get(2, "/long/kept");
    AWAIT(waiting() == 2);
    assert_int_equal(inside(), 1);
    part_begin(&bens, &(struct asked){.line = "GET /long/kept"});
    part_play(&bens, BEN);
    assert_int_equal(bens.done, 0);

    atomic_store(&lanes.open, true);
    body_is(first, "3000");
    body_is(second, "3000");
    body_is(third, "3000");
    assert_int_equal(first->part.trace.queries, 1);
    assert_int_equal(second->part.trace.queries, 0);
    assert_int_equal(third->part.trace.queries, 0);
    assert_int_equal(second->part.trace.cache, CACHE_COLLAPSED);
    for (size_t i = 0; i < THREADS_MAX; i++)
        assert_int_equal(lanes.lobby->waiting.ours[i], 0);
    endpoints_resume(troupe.ben.endpoints, troupe_now());
    db_unshare(troupe.ben.db);
    assert_int_equal(bens.done, 1);
    assert_int_equal(bens.trace.queries, 0);
    part_free(&bens);
    bens = (struct part){.done = 0};
}

/* Two that are known to be slow are given to threads both, and the second then
 * finds that the first is at it. */
static void misses_that_were_given(void **state)
{
    static const size_t both[] = {0, 1};
    static const struct asked asked = {.line = "GET /long/kept"};

    (void)state;
    struct guest *first = guest_make(0, &asked);
    struct guest *second = guest_make(1, &asked);
    lanes.lobby->pace_ns[first->route] = UINT64_C(1000) * SLOW_NS;
    guests_send(both, 2);
    AWAIT(inside() == 1);
    AWAIT(waiting() == 1);
    assert_false(is_inside(0));
    atomic_store(&lanes.open, true);
    body_is(first, "3000");
    body_is(second, "3000");
    assert_int_equal(first->part.trace.queries + second->part.trace.queries, 1);
    assert_false(first->part.call.given && second->part.call.given);
}

/* Two wait for another worker, which ends without an answer: one computes, and
 * the other waits once more, for that one. */
static void another_worker_dies(void **state)
{
    static const struct asked asked = {.line = "GET /long/kept"};
    struct flights *flights = troupe.shared.flights;
    const struct endpoints *bens = troupe.ben.endpoints;

    (void)state;
    actor_ask(BEN, &asked);
    uint64_t key = kept_key(bens->kept, &bens->question).hash;
    tables_move_all(troupe.shared.tables);
    assert_int_equal(flights_claim(flights, key, BEN_SLOT), FLIGHT_OURS);
    struct guest *first = send_get(0, asked.line + strlen("GET "));
    struct guest *second = send_get(1, asked.line + strlen("GET "));
    AWAIT(waiting() == 2);
    assert_int_equal(inside(), 0);
    flights_land(flights, key, BEN_SLOT);
    AWAIT(inside() == 1);
    AWAIT(waiting() == 1);
    some_turns();
    assert_int_equal(inside(), 1);
    assert_int_equal(waiting(), 1);
    atomic_store(&lanes.open, true);
    body_is(first, "3000");
    body_is(second, "3000");
    assert_int_equal(first->part.trace.queries, 1);
    assert_int_equal(second->part.trace.queries, 0);
    assert_int_equal(second->part.trace.cache, CACHE_COLLAPSED);
}

/* ---- what is written meanwhile -------------------------------------------*/

static void a_read_after_a_write(void **state)
{
    static const size_t together[] = {0, 1};

    (void)state;
    guest_make(0, &(struct asked){.line = "GET /names"});
    guest_make(1, &(struct asked){.line = "GET /long"});
    guests_send(together, 2); /* they share a snapshot */
    AWAIT(is_inside(0));
    struct guest *written = send_post(2, "/items", "name=two");
    answered(written, 201);
    assert_int_equal(written->by, 1);
    body_is(send_get(3, "/names"), "\"one,two\"");
    atomic_store(&lanes.open, true);
    body_is(&lanes.guests[1], "3000");
    body_is(send_get(4, "/names"), "\"one,two\"");
}

/* In the middle of a turn whose reads share a snapshot others had the baton,
 * and what came since then may follow a write that somebody has been told of.
 */
static void snapshots_are_not_older_than_requests(void **state)
{
    struct lane_desk *d = &lanes.desks[0];
    struct part *p = &troupe.part;

    (void)state;
    lanes_stop();
    db_unshare(d->db);
    d->endpoints->passed = false;
    db_share_reads(d->db);
    for (int i = 0; i < 3; i++) {
        part_begin(p, &(struct asked){.line = "GET /names"});
        endpoints_answer(d->endpoints, theatre_route(p->call.req), &p->call);
        assert_string_equal(part_body(p),
                            i < 2 ? "\"one\"" : "\"one,stranger\"");
        if (i == 0)
            theatre_run("INSERT INTO items (name) VALUES ('stranger')");
        else
            endpoints_join(d->endpoints);
    }
    db_unshare(d->db);
}

/* ---- the operator's word -------------------------------------------------*/

static void end_statement(void *self)
{
    const struct guest *g = self;
    uint64_t came_ns, since_ns;

    for (unsigned i = 0; i < lanes.threads; i++)
        if (lanes.desks[i].endpoints &&
            endpoints_at_work(lanes.desks[i].endpoints, &came_ns, &since_ns) &&
            came_ns == g->part.trace.came_ns)
            db_cancel(lanes.desks[i].db);
}

static void a_statement_is_ended(void **state)
{
    uint64_t came_ns, since_ns;

    (void)state;
    struct guest *first = send_get(0, "/long");
    AWAIT(is_inside(0));
    struct guest *other = send_get(1, "/long/other");
    AWAIT(inside() == 2);
    in_a_turn(end_statement, first);
    atomic_store(&lanes.open, true);
    answered(first, 503);
    assert_int_equal(first->part.trace.queries, 1);
    body_is(other, "3000");
    for (size_t i = 2; i < 8; i++)
        body_is(send_get(i, "/long"), "3000"); /* its connection goes on */
    lanes_stop();
    for (unsigned i = 0; i < lanes.threads; i++)
        assert_false(
            lanes.desks[i].endpoints &&
            endpoints_at_work(lanes.desks[i].endpoints, &came_ns, &since_ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAYED(three, quick_ones_stay),
        PLAYED(three, slow_ones_begin_elsewhere),
        PLAYED(three, one_is_kept_for_the_quick),
        PLAYED(four, though_many_come_at_once),
        PLAYED(two, with_two_it_begins_here),
        PLAYED(two, the_last_runs_none),
        PLAYED(two, given_up_in_time),
        PLAYED(two, who_leaves),
        PLAYED(two, in_a_statement_it_is_too_late),
        PLAYED(three, pace_is_learnt_and_forgotten),
        PLAYED(four, the_second_goes_elsewhere),
        PLAYED(three, a_miss_is_computed_once),
        PLAYED(four, misses_that_were_given),
        PLAYED(three, another_worker_dies),
        PLAYED(three, a_read_after_a_write),
        PLAYED(two, snapshots_are_not_older_than_requests),
        PLAYED(four, a_statement_is_ended),
    };

    db_init_threads();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
