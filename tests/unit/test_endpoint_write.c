/*
 * How writes wait, share a transaction and are answered. Two workers (a
 * troupe) in one process: what one does while the other has the turn.
 */
#include "tests/unit/troupe.h"

#include "common/segment/syncs.h"
#include "common/segment/turnstile.h"
#include "worker/endpoint/endpoint_private.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);"
    "CREATE TABLE parts (id INTEGER PRIMARY KEY, item INTEGER REFERENCES items"
    " DEFERRABLE INITIALLY DEFERRED);"
    "CREATE TABLE strict_names (name TEXT UNIQUE ON CONFLICT ROLLBACK);"
    "CREATE TABLE log (name TEXT);";

static const char api[] =
    "-- POST /items\n-- @auth public\n-- @param name text required\n-- @one\n"
    "-- @status 201\n"
    "INSERT INTO items (name) VALUES (:name) RETURNING id, name;\n\n"

    "-- POST /logged\n-- @auth public\n-- @param name text required\n"
    "-- @status 201\n"
    "INSERT INTO log VALUES (:name);\n"
    "INSERT INTO items (name) VALUES (:name);\n\n"

    "-- POST /parts\n-- @auth public\n-- @param item integer required\n"
    "-- @status 201\nINSERT INTO parts (item) VALUES (:item);\n\n"

    "-- POST /strict\n-- @auth public\n-- @param name text required\n"
    "-- @status 201\nINSERT INTO strict_names VALUES (:name);\n\n"

    "-- POST /long\n-- @auth public\n-- @timeout 50ms\n"
    "INSERT INTO log WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
    "FROM n) SELECT i FROM n;\n\n"

    /* A connection's first change, which is not taken back: only once. */
    "-- POST /once\n-- @auth public\n-- @param name text required\n-- @one\n"
    "-- @status 201\n"
    "INSERT INTO items (name) SELECT :name WHERE total_changes() = 0 "
    "RETURNING id;\n\n"

    "-- POST /brief\n-- @auth public\n-- @param name text required\n"
    "-- @timeout 500ms\n-- @status 201\n"
    "INSERT INTO items (name) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
    "SELECT i + 1 FROM n WHERE i < 3000) SELECT :name FROM n WHERE i = 3000;"
    "\n\n"

    "-- POST /longer\n-- @auth public\n-- @timeout 700ms\n"
    "INSERT INTO log WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
    "FROM n) SELECT i FROM n;\n\n"

    "-- POST /padded\n-- @auth public\n-- @param name text required\n"
    "-- @one\nSELECT printf('%0500d', 7) AS pad, :name AS name;\n\n"

    "-- GET /items\n-- @cache 1000s\n"
    "SELECT name FROM items ORDER BY id;\n";

enum { PARTS = 80 };

static struct part parts[PARTS];

static int set_up(void **state)
{
    (void)state;
    troupe_open("", schema, api);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < PARTS; i++) {
        part_free(&parts[i]);
        parts[i] = (struct part){.done = 0};
    }
    troupe_close();
    return 0;
}

/* ---- what tests say ---- */

static struct syncs_figures figures(void)
{
    struct syncs_figures f;

    syncs_figures(troupe.shared.syncs, &f);
    return f;
}

/* The request arrives; what it writes waits for the end of the turn. */
static void arrive(struct part *p, const struct actor *a,
                   const struct asked *asked)
{
    part_begin(p, asked);
    observe_begin(a->observer, &p->call, p->trace.came_ns);
    endpoints_answer(a->endpoints, theatre_route(p->call.req), &p->call);
}

static void post(struct part *p, const struct actor *a, const char *line,
                 const char *form)
{
    arrive(p, a, &(struct asked){.line = line, .form = form});
}

static void post_item(struct part *p, const struct actor *a, const char *name)
{
    char form[64];

    snprintf(form, sizeof form, "name=%s", name);
    post(p, a, "POST /items", form);
}

/* The end of a turn of the loop. */
static void turn(const struct actor *a)
{
    db_unshare(a->db);
    endpoints_write(a->endpoints, troupe_now());
}

enum { GROUP_MS = 10 }; /* after so long a group takes nobody more in */

/* Until none waits: on a busy machine a group may end early. Returns whether
 * there was the time for all to be in one. */
static bool turns_of(const struct actor *a)
{
    uint64_t began_ns = loop_clock_ns();

    for (int i = 0; i < PARTS && endpoints_waiting(a->endpoints) > 0; i++)
        turn(a);
    return loop_clock_ns() - began_ns < GROUP_MS * UINT64_C(1000000);
}

static void answered(const struct part *p, int status)
{
    if (p->done != 1 || p->res.status != status)
        fail_msg("done %d, status %d instead of %d: %s", p->done, p->res.status,
                 status, response_body(&p->res).ptr);
}

static void take_turn(const struct actor *a)
{
    assert_true(turnstile_ask(troupe.shared.turnstile, a->slot, NULL));
}

static void pass_turn(const struct actor *a)
{
    turnstile_pass(troupe.shared.turnstile, a->slot, NULL);
}

/* ---- groups ---- */

static void what_came_together_is_one_commit(void **state)
{
    char name[16];

    (void)state;
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "n%d", i);
        post_item(&parts[i], ANNA, name);
        assert_int_equal(parts[i].done, 0);
    }
    bool at_once = turns_of(ANNA);
    for (int i = 0; i < 10; i++)
        answered(&parts[i], 201);
    assert_string_equal(part_body(&parts[9]), "{\"id\":10,\"name\":\"n9\"}");
    assert_true(figures().commits == 1 || !at_once);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 10);
}

static void more_than_a_group_takes_more_turns(void **state)
{
    char name[16];

    (void)state;
    for (int i = 0; i < PARTS; i++) {
        snprintf(name, sizeof name, "n%d", i);
        post_item(&parts[i], ANNA, name);
    }
    uint64_t began_ns = loop_clock_ns();
    turn(ANNA);
    bool at_once = loop_clock_ns() - began_ns < GROUP_MS * UINT64_C(1000000);
    size_t left = endpoints_waiting(troupe.anna.endpoints);
    assert_true(left == PARTS - 64 || (left > PARTS - 64 && !at_once));
    assert_int_equal(
        endpoints_patience(troupe.anna.endpoints, troupe_now(), 20), 0);
    at_once &= turns_of(ANNA);
    for (int i = 0; i < PARTS; i++)
        answered(&parts[i], 201);
    assert_true(figures().commits == 2 || !at_once);
}

static void one_that_fails_is_undone_alone(void **state)
{
    (void)state;
    post_item(&parts[0], ANNA, "a");
    post_item(&parts[1], ANNA, "b");
    post(&parts[2], ANNA, "POST /logged", "name=a"); /* its log goes too */
    post_item(&parts[3], ANNA, "c");
    bool at_once = turns_of(ANNA);
    answered(&parts[0], 201);
    answered(&parts[1], 201);
    answered(&parts[2], 409);
    answered(&parts[3], 201);
    assert_true(figures().commits == 1 || !at_once);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 3);
    assert_int_equal(theatre_count("SELECT count(*) FROM log"), 0);
}

static void a_debt_at_the_commit_is_its_own(void **state)
{
    (void)state;
    post_item(&parts[0], ANNA, "a");
    post(&parts[1], ANNA, "POST /parts", "item=7");
    post(&parts[2], ANNA, "POST /parts", "item=1");
    turns_of(ANNA);
    answered(&parts[0], 201);
    answered(&parts[1], 409);
    answered(&parts[2], 201);
    post(&parts[3], ANNA, "POST /parts", "item=7"); /* alone */
    turns_of(ANNA);
    answered(&parts[3], 409);
    assert_int_equal(theatre_count("SELECT count(*) FROM parts"), 1);
}

/* SQLite takes everybody's work back: those that had gone well go again. */
static void who_ruins_the_transaction_harms_nobody(void **state)
{
    (void)state;
    theatre_run("INSERT INTO strict_names VALUES ('x')");
    post_item(&parts[0], ANNA, "a");
    post_item(&parts[1], ANNA, "a");
    post(&parts[2], ANNA, "POST /strict", "name=x");
    post_item(&parts[3], ANNA, "b");
    turns_of(ANNA);
    answered(&parts[0], 201);
    answered(&parts[1], 409);
    answered(&parts[2], 409);
    answered(&parts[3], 201);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 2);
}

static void a_deadline_is_its_own(void **state)
{
    (void)state;
    post_item(&parts[0], ANNA, "a");
    post(&parts[1], ANNA, "POST /long", "");
    post_item(&parts[2], ANNA, "b");
    turns_of(ANNA);
    answered(&parts[0], 201);
    answered(&parts[1], 504);
    answered(&parts[2], 201);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 2);
    assert_int_equal(theatre_count("SELECT count(*) FROM log"), 0);
}

/* A refusal on account of one that was then undone, and now does not go well
 * itself, is none. */
static void a_refusal_behind_what_was_undone_is_judged_anew(void **state)
{
    (void)state;
    theatre_run("INSERT INTO strict_names VALUES ('x')");
    post(&parts[0], ANNA, "POST /once", "name=a");
    post_item(&parts[1], ANNA, "a");
    post(&parts[2], ANNA, "POST /strict", "name=x");
    turns_of(ANNA);
    answered(&parts[0], 404);
    answered(&parts[1], 201);
    answered(&parts[2], 409);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 1);
}

static void time_that_a_culprit_took_is_given_back(void **state)
{
    (void)state;
    post(&parts[0], ANNA, "POST /brief", "name=a");
    post(&parts[1], ANNA, "POST /longer", "");
    turns_of(ANNA);
    answered(&parts[0], 201);
    answered(&parts[1], 504);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 1);
}

/* ---- without a turn ---- */

/* It is answered at once, and like a GET. */
static void a_post_that_only_reads_is_compressed(void **state)
{
    (void)state;
    take_turn(BEN);
    arrive(&parts[0], ANNA,
           &(struct asked){.line = "POST /padded",
                           .fields = "Accept-Encoding: gzip\r\n",
                           .form = "name=a"});
    answered(&parts[0], 200);
    assert_string_equal(part_header(&parts[0], "Content-Encoding"), "gzip");
    assert_string_equal(part_header(&parts[0], "Vary"), "Accept-Encoding");
    assert_true(response_body(&parts[0].res).len < 500);
    post(&parts[1], ANNA, "POST /padded", "name=a");
    answered(&parts[1], 200);
    assert_string_equal(part_header(&parts[1], "Content-Encoding"), "");
    assert_string_equal(part_header(&parts[1], "Vary"), "Accept-Encoding");
    pass_turn(BEN);
}

/* ---- the turn ---- */

static void without_the_turn_nothing_is_written(void **state)
{
    (void)state;
    take_turn(BEN);
    post_item(&parts[0], ANNA, "a");
    turn(ANNA);
    assert_int_equal(parts[0].done, 0);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 0);
    actor_get(ANNA, "/items"); /* meanwhile reads are answered */
    pass_turn(BEN);
    assert_int_equal(parts[0].done, 0);
    turn(ANNA);
    answered(&parts[0], 201);
    assert_false(turnstile_ours(troupe.shared.turnstile, ANNA_SLOT));
}

static void a_turn_too_late_is_a_503(void **state)
{
    (void)state;
    take_turn(BEN);
    post_item(&parts[0], ANNA, "a");
    turn(ANNA);
    troupe.ahead_ms += 6000;
    post_item(&parts[1], ANNA, "b");
    turn(ANNA);
    answered(&parts[0], 503);
    assert_string_equal(part_header(&parts[0], "Retry-After"), "1");
    assert_int_equal(parts[1].done, 0);
    pass_turn(BEN);
    troupe.ahead_ms -= 6000;
    turn(ANNA);
    answered(&parts[1], 201);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 1);
}

static void who_leaves_gives_his_place_up(void **state)
{
    unsigned tickets;
    uint64_t requests;

    (void)state;
    take_turn(BEN);
    post_item(&parts[0], ANNA, "a");
    turn(ANNA);
    turnstile_waiting(troupe.shared.turnstile, &tickets, &requests);
    assert_int_equal(tickets, 1);
    assert_int_equal(requests, 1);
    assert_true(endpoints_cancel(troupe.anna.endpoints, &parts[0].call));
    assert_false(endpoints_cancel(troupe.anna.endpoints, &parts[0].call));
    turnstile_waiting(troupe.shared.turnstile, &tickets, &requests);
    assert_int_equal(tickets, 0);
    assert_int_equal(requests, 0);
    pass_turn(BEN);
    turn(ANNA);
    assert_int_equal(parts[0].done, 0);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 0);
}

static bool has_turn(const struct actor *a)
{
    return turnstile_ours(troupe.shared.turnstile, a->slot);
}

/* Anna's turn comes while she is at a long read. */
static void a_turn_that_comes_too_early_is_passed_on(void **state)
{
    (void)state;
    take_turn(BEN);
    post_item(&parts[0], ANNA, "a");
    turn(ANNA);
    endpoints_yield(troupe.anna.endpoints); /* it is not hers yet */
    assert_true(has_turn(BEN));
    pass_turn(BEN);
    assert_true(has_turn(ANNA));
    post_item(&parts[1], BEN, "b");
    turn(BEN);
    assert_int_equal(parts[1].done, 0);
    endpoints_yield(troupe.anna.endpoints);
    assert_false(has_turn(ANNA));
    turn(BEN);
    answered(&parts[1], 201);
    assert_int_equal(parts[0].done, 0);
    turns_of(ANNA);
    answered(&parts[0], 201);
    assert_false(has_turn(ANNA));
}

static unsigned beats, kept;

static void on_beat(void *self)
{
    const struct actor *a = self;

    endpoints_yield(a->endpoints);
    beats++;
    kept += has_turn(a);
}

/* The same from inside her own write. */
static void a_turn_in_use_is_not_passed_on(void **state)
{
    (void)state;
    beats = kept = 0;
    db_on_progress(troupe.anna.db, on_beat, &troupe.anna);
    post(&parts[0], ANNA, "POST /long", "");
    turns_of(ANNA);
    answered(&parts[0], 504);
    assert_true(beats > 0);
    assert_int_equal(kept, beats);
}

/* Outside the turns somebody holds SQLite's lock: the loop goes on. */
static void a_stranger_s_lock_is_waited_for_outside(void **state)
{
    (void)state;
    assert_int_equal(db_begin_write(house.db), DB_DONE);
    post_item(&parts[0], ANNA, "a");
    post_item(&parts[1], ANNA, "b");
    turn(ANNA);
    assert_int_equal(parts[0].done, 0);
    assert_true(turnstile_ours(troupe.shared.turnstile, ANNA_SLOT));
    int wait = endpoints_patience(troupe.anna.endpoints, loop_clock_ms(), 1000);
    assert_in_range(wait, 0, 25);
    assert_int_equal(db_commit(house.db), DB_DONE);
    for (int i = 0; i < 1000 && parts[0].done == 0; i++) {
        usleep(1000);
        turn(ANNA);
    }
    answered(&parts[0], 201);
    answered(&parts[1], 201);
    assert_false(turnstile_ours(troupe.shared.turnstile, ANNA_SLOT));
}

/* ---- the disk ---- */

static void nothing_is_answered_before_the_sync(void **state)
{
    uint64_t upto;

    (void)state;
    syncs_commit(troupe.shared.syncs);
    assert_true(syncs_lead(troupe.shared.syncs, BEN_SLOT, &upto));
    post_item(&parts[0], ANNA, "a");
    post(&parts[1], ANNA, "POST /items", "name="); /* written, empty text */
    post_item(&parts[2], ANNA, "a");
    turn(ANNA);
    assert_int_equal(parts[0].done, 0); /* committed, but Ben's sync is on */
    answered(&parts[2], 409);           /* needs no disk */
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 2);
    assert_false(turnstile_ours(troupe.shared.turnstile, ANNA_SLOT));
    assert_false(endpoints_cancel(troupe.anna.endpoints, &parts[0].call));
    syncs_led(troupe.shared.syncs, BEN_SLOT, 1000, true, NULL);
    turn(ANNA); /* that sync did not cover it: now she leads */
    answered(&parts[0], 201);
    answered(&parts[1], 201);
}

static void a_sync_that_fails_fails_who_waits_and_who_comes(void **state)
{
    uint64_t upto;

    (void)state;
    syncs_commit(troupe.shared.syncs);
    assert_true(syncs_lead(troupe.shared.syncs, BEN_SLOT, &upto));
    post_item(&parts[0], ANNA, "a");
    turn(ANNA);
    syncs_led(troupe.shared.syncs, BEN_SLOT, 1000, false, NULL);
    turn(ANNA);
    answered(&parts[0], 500);
    post_item(&parts[1], ANNA, "b");
    turn(ANNA);
    answered(&parts[1], 503);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 1);
}

static void keyed_requests_write_once(void **state)
{
    const struct asked asked = {.line = "POST /items",
                                .fields = "Idempotency-Key: k1\r\n",
                                .form = "name=a"};

    (void)state;
    arrive(&parts[0], ANNA, &asked);
    arrive(&parts[1], ANNA, &asked); /* in the same group */
    turn(ANNA);
    answered(&parts[0], 201);
    answered(&parts[1], 201);
    assert_string_equal(part_header(&parts[1], "Idempotency-Replayed"), "true");
    assert_string_equal(part_body(&parts[1]), "{\"id\":1,\"name\":\"a\"}");
    arrive(&parts[2], BEN, &asked);
    turn(BEN);
    answered(&parts[2], 201);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_came_together_is_one_commit,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_a_group_takes_more_turns,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_fails_is_undone_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_debt_at_the_commit_is_its_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_ruins_the_transaction_harms_nobody,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deadline_is_its_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_refusal_behind_what_was_undone_is_judged_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(time_that_a_culprit_took_is_given_back,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_post_that_only_reads_is_compressed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_turn_that_comes_too_early_is_passed_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_turn_in_use_is_not_passed_on, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_the_turn_nothing_is_written,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_turn_too_late_is_a_503, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_leaves_gives_his_place_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stranger_s_lock_is_waited_for_outside,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_answered_before_the_sync,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_sync_that_fails_fails_who_waits_and_who_comes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keyed_requests_write_once, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
