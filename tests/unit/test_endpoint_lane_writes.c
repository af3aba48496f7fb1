/*
 * Writes in a worker of several threads: whichever reads them and whichever
 * runs them, each is run once; and who can run none lets other workers write.
 */
#include "tests/unit/lanes.h"

#include "common/segment/turnstile.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);"
    "INSERT INTO items VALUES (1, 'one');";

#define NUMBERS                                                                \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "          \
    "WHERE i < 3000) "

static const char api[] =
    "-- GET /long\n-- @timeout 1000s\n-- @value\n" NUMBERS
    "SELECT count(*) FROM n;\n\n"

    "-- POST /long/items\n-- @auth public\n-- @param name text required\n"
    "-- @timeout 1000s\n-- @status 201\n"
    "INSERT INTO items (name) " NUMBERS "SELECT :name FROM n WHERE i = 3000;"
    "\n\n"

    "-- GET /items/{id}\n-- @param id integer\n-- @one\n"
    "SELECT id, name FROM items WHERE id = :id;\n\n"

    "-- PATCH /items/{id}\n-- @auth public\n-- @param id integer\n"
    "-- @param name text required\n-- @timeout 1000s\n-- @one\n"
    "UPDATE items SET name = :name WHERE id = :id RETURNING id, name;\n\n"

    "-- POST /items\n-- @auth public\n-- @param name text required\n"
    "-- @timeout 1000s\n-- @status 201\n-- @one\n"
    "INSERT INTO items (name) VALUES (:name) RETURNING name;\n";

static struct lanes_play two = {schema, api, 2};
static struct lanes_play three = {schema, api, 3};

static struct guest *post_item(size_t i, const char *target)
{
    char form[32];

    snprintf(form, sizeof form, "name=n%zu", i);
    return send_post(i, target, form);
}

static int64_t items(void)
{
    return theatre_count("SELECT count(*) FROM items");
}

static bool turn_is_ours(void)
{
    return turnstile_ours(troupe.shared.turnstile, LANES_SLOT);
}

/* ---- by which thread -----------------------------------------------------*/

static void while_another_one_reads(void **state)
{
    (void)state;
    struct guest *slow = send_get(0, "/long");
    AWAIT(is_inside(0));
    for (size_t i = 1; i < 10; i++) {
        struct guest *g = post_item(i, "/items");
        answered(g, 201);
        assert_int_equal(g->by, 1);
    }
    assert_int_equal(items(), 10);
    atomic_store(&lanes.open, true);
    answered(slow, 200);
}

static void ask_ben(size_t i)
{
    char form[32];

    snprintf(form, sizeof form, "name=n%zu", i);
    actor_ask(BEN, &(struct asked){.line = "POST /items", .form = form});
    assert_int_equal(troupe.part.res.status, 201);
}

/* The last thread runs no statement, nor does it keep others from writing. */
static void the_last_leaves_the_turn_to_others(void **state)
{
    (void)state;
    struct guest *slow = send_get(0, "/long");
    AWAIT(is_inside(0));
    struct guest *g = post_item(1, "/items");
    AWAIT(waiting() == 1);
    for (size_t i = 2; i < 6; i++) {
        some_turns();
        assert_false(turn_is_ours());
        ask_ben(i);
    }
    assert_int_equal(g->done, 0);
    atomic_store(&lanes.open, true);
    answered(slow, 200);
    answered(g, 201);
    assert_int_equal(g->by, 0);
    assert_int_equal(items(), 6);
}

/* It had asked for the turn before it was the last. */
static void the_last_passes_the_turn_on(void **state)
{
    struct turnstile *turnstile = troupe.shared.turnstile;

    (void)state;
    assert_true(turnstile_ask(turnstile, BEN_SLOT, NULL));
    struct guest *g = post_item(1, "/items");
    AWAIT(waiting() == 1);
    struct guest *slow = send_get(0, "/long");
    AWAIT(is_inside(0));
    some_turns();
    turnstile_pass(turnstile, BEN_SLOT, NULL);
    AWAIT(!turn_is_ours());
    ask_ben(2);
    atomic_store(&lanes.open, true);
    answered(slow, 200);
    answered(g, 201);
    assert_int_equal(items(), 3);
}

/* Read by the second thread while the first one writes, and run by the first:
 * with its own statements. */
static void read_by_one_and_run_by_another(void **state)
{
    static const struct asked patch = {.line = "PATCH /items/1",
                                       .fields = "If-Match: \"no\"\r\n",
                                       .form = "name=other"};
    static const size_t patched = 3;

    (void)state;
    struct guest *slow = post_item(0, "/long/items");
    AWAIT(is_inside(0));
    struct guest *second = post_item(1, "/items");
    AWAIT(waiting() == 2);
    struct guest *third = send_post(2, "/items", "name=n1");
    AWAIT(waiting() == 3);
    struct guest *fourth = guest_make(patched, &patch);
    guests_send(&patched, 1);
    AWAIT(waiting() == 4);
    assert_int_equal(second->done, 0);

    atomic_store(&lanes.open, true);
    answered(slow, 201);
    answered(second, 201);
    assert_string_equal(part_body(&second->part), "{\"name\":\"n1\"}");
    answered(third, 409);
    answered(fourth, 412);
    assert_int_equal(slow->by, 0);
    assert_int_equal(second->by, 0);
    assert_int_equal(third->by, 0);
    assert_int_equal(fourth->by, 0);
    assert_int_equal(items(), 3);
}

/* ---- once ----------------------------------------------------------------*/

enum { TOGETHER = 6, LATER = 24 };

/* Others turn the loop while a group is at work: they add to what is queued,
 * and leave alone what is being run. */
static void no_group_runs_twice(void **state)
{
    static const size_t first[TOGETHER] = {0, 1, 2, 3, 4, 5};

    (void)state;
    for (size_t i = 0; i < TOGETHER; i++) {
        char form[32];
        snprintf(form, sizeof form, "name=n%zu", i);
        guest_make(i, &(struct asked){.line = i == 2 ? "POST /long/items"
                                                     : "POST /items",
                                      .form = form});
    }
    guests_send(first, TOGETHER);
    AWAIT(is_inside(0));
    for (size_t i = TOGETHER; i < TOGETHER + LATER; i++)
        post_item(i, "/items");
    AWAIT(waiting() == TOGETHER + LATER);
    some_turns();
    atomic_store(&lanes.open, true);
    for (size_t i = 0; i < TOGETHER + LATER; i++)
        answered(&lanes.guests[i], 201);
    some_turns();
    for (size_t i = 0; i < TOGETHER + LATER; i++)
        assert_int_equal(lanes.guests[i].done, 1);
    assert_int_equal(items(), 1 + TOGETHER + LATER);
    assert_int_equal(waiting(), 0);
}

/* ---- clients that leave --------------------------------------------------*/

static void in_a_group_it_is_too_late(void **state)
{
    (void)state;
    struct guest *slow = post_item(0, "/long/items");
    AWAIT(is_inside(0));
    struct guest *second = post_item(1, "/items");
    AWAIT(waiting() == 2);
    assert_false(forgotten(slow));
    assert_false(forgotten(second));
    atomic_store(&lanes.open, true);
    answered(slow, 201);
    answered(second, 201);
    assert_int_equal(items(), 3);
}

static void queued_it_is_not(void **state)
{
    (void)state;
    struct guest *slow = send_get(0, "/long");
    AWAIT(is_inside(0));
    struct guest *left = post_item(1, "/items");
    struct guest *stays = post_item(2, "/items");
    AWAIT(waiting() == 2);
    assert_true(forgotten(left));
    assert_false(forgotten(left));
    atomic_store(&lanes.open, true);
    answered(slow, 200);
    answered(stays, 201);
    some_turns();
    assert_int_equal(left->done, 0);
    assert_int_equal(items(), 2);
}

/* ---- ends in the middle --------------------------------------------------*/

static void cancel_first(void *self)
{
    (void)self;
    db_cancel(lanes.desks[0].db);
}

/* Stopped in the middle it takes the whole transaction with it: those that had
 * gone well are run again, and it is not. */
static void one_of_a_group_is_ended(void **state)
{
    static const size_t all[] = {0, 1, 2};

    (void)state;
    guest_make(0, &(struct asked){.line = "POST /items", .form = "name=n0"});
    guest_make(1,
               &(struct asked){.line = "POST /long/items", .form = "name=n1"});
    guest_make(2, &(struct asked){.line = "POST /items", .form = "name=n2"});
    guests_send(all, 3);
    AWAIT(is_inside(0));
    in_a_turn(cancel_first, NULL);
    atomic_store(&lanes.open, true);
    answered(&lanes.guests[0], 201);
    answered(&lanes.guests[1], 503);
    answered(&lanes.guests[2], 201);
    assert_int_equal(items(), 3);
    assert_int_equal(
        theatre_count("SELECT count(*) FROM items WHERE name = 'n1'"), 0);
}

static void open_and_close(void *self)
{
    struct endpoints_config config = lanes_present()->config;
    struct fault fault = {""};

    endpoints_close(endpoints_open(&config, &fault));
    *(bool *)self = turn_is_ours();
}

/* It fails to make itself ready, or is not needed any more: the turn is not
 * its to give back. */
static void who_never_held_the_baton_leaves_the_turn(void **state)
{
    bool ours = false;

    (void)state;
    struct guest *slow = post_item(0, "/long/items");
    AWAIT(is_inside(0));
    assert_true(turn_is_ours());
    in_a_turn(open_and_close, &ours);
    assert_true(ours);
    atomic_store(&lanes.open, true);
    answered(slow, 201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAYED(three, while_another_one_reads),
        PLAYED(two, the_last_leaves_the_turn_to_others),
        PLAYED(two, the_last_passes_the_turn_on),
        PLAYED(three, read_by_one_and_run_by_another),
        PLAYED(three, no_group_runs_twice),
        PLAYED(three, in_a_group_it_is_too_late),
        PLAYED(two, queued_it_is_not),
        PLAYED(three, one_of_a_group_is_ended),
        PLAYED(three, who_never_held_the_baton_leaves_the_turn),
    };

    db_init_threads();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
