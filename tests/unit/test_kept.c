#include "tests/unit/pantry.h"

/* ---- policy ---- */

static void policies(void **state)
{
    static const struct {
        const char *http;
        uint64_t while_ms, error_ms;
    } cases[] = {
        {NULL, 0, 0},
        {"public, max-age=60", 0, 0},
        {"stale-while-revalidate=5", 5000, 0},
        {"max-age=1, Stale-While-Revalidate = 5 ,stale-if-error=7", 5000, 7000},
        {"stale-if-error=2147483647", 0, 2147483647000},
        {"stale-if-error=5, stale-if-error=6", 0, 5000},
        {"stale-while-revalidate, stale-if-error=", 0, 0},
        {"stale-while-revalidate=0, stale-if-error=-1", 0, 0},
        {"stale-while-revalidate=x, stale-if-error=1x", 0, 0},
        {"stale-while-revalidate=2147483648", 0, 0},
        {"x-stale-if-error=5, stale-if-errors=5", 0, 0},
        {"stale-while-revalidate=5, stale-if-error=7, MUST-revalidate", 0, 0},
        {"proxy-revalidate,stale-while-revalidate=5", 0, 0},
        {"stale-if-error=7, no-cache", 0, 0},
        {"stale-if-error=7, must-revalidate-not", 0, 7000},
    };
    struct endpoint e = house.app->endpoints[0];
    struct plan plan = *the.plan;

    (void)state;
    plan.e = &e;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kept_policy p;
        e.http = cases[i].http;
        kept_policy(&p, &plan, troupe.shared.names);
        if (!p.on || p.fresh_ms != 1000 || p.while_ms != cases[i].while_ms ||
            p.error_ms != cases[i].error_ms)
            fail_msg("%s: %d %lu %lu %lu", cases[i].http, p.on,
                     (unsigned long)p.fresh_ms, (unsigned long)p.while_ms,
                     (unsigned long)p.error_ms);
    }
    e.cache_ms = 0;
    kept_policy(&the.policy, &plan, troupe.shared.names);
    assert_false(the.policy.on);
    e = house.app->endpoints[0];
    e.method = METHOD_POST;
    kept_policy(&the.policy, &plan, troupe.shared.names);
    assert_false(the.policy.on);
    assert_false(keep(10));
}

/* ---- what outdates ---- */

static void found_again(void **state)
{
    (void)state;
    assert_int_equal(look(), KEPT_NONE);
    assert_true(keep(10));
    assert_int_equal(look(), KEPT_FRESH);
    assert_int_equal(the.found.left_ms, 1000);
    ask_for("GET /rated?n=1", NULL);
    assert_int_equal(look(), KEPT_NONE);
    ask_for("GET /rated?m=1", NULL);
    assert_int_equal(look(), KEPT_FRESH);
}

/* Every one of its tables, the endpoint itself, and everything. */
static void outdated_by(void **state)
{
    static const struct {
        const char *kind, *name;
        enum kept_state state;
    } cases[] = {
        {"table", "notes", KEPT_FRESH},
        {"table", "chefs", KEPT_OUTDATED},
        {"table", "reviews", KEPT_OUTDATED},
        {"endpoint", "GET /rated", KEPT_OUTDATED},
        {"endpoint", "GET /other", KEPT_FRESH},
    };
    struct tables *t = troupe.shared.tables;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned number = troupe_number(cases[i].kind, cases[i].name);
        bool lost = cases[i].state == KEPT_OUTDATED;
        assert_true(keep(10));
        tables_move(t, number);
        assert_int_equal(look(), cases[i].state);
        assert_int_equal(tables_losses(t, number), lost);
    }
    assert_true(keep(10));
    tables_move_all(t);
    assert_int_equal(look(), KEPT_OUTDATED);
    assert_true(keep(10));
    assert_int_equal(look(), KEPT_FRESH);
}

/* A stranger's write is seen without being told of. */
static void outdated_by_strangers(void **state)
{
    (void)state;
    assert_true(keep(10));
    theatre_run("INSERT INTO notes VALUES ('x')");
    assert_int_equal(look(), KEPT_OUTDATED);
    assert_true(keep(10));
    assert_int_equal(look(), KEPT_FRESH);
}

static void another_database(void **state)
{
    struct fault fault;
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/u.db", house.dir);
    struct db *db = db_open(path, DB_CREATE, &fault);
    assert_non_null(db);
    struct kept *other = open_kept(db, troupe.anna.encoder);
    assert_true(keep(10));
    the.key = kept_key(other, &the.question);
    kept_find(other, &the.key, the.now_ms, &the.found);
    assert_int_equal(the.found.state, KEPT_NONE);
    kept_free(other);
    db_close(db);
}

/* ---- time ---- */

static void windows(void **state)
{
    static const struct {
        uint64_t after_ms;
        enum kept_state state;
        bool while_allowed, error_allowed;
    } cases[] = {
        {0, KEPT_FRESH, true, true},
        {999, KEPT_FRESH, true, true},
        {1000, KEPT_EXPIRED, true, true},
        {2999, KEPT_EXPIRED, true, true},
        {3000, KEPT_EXPIRED, false, true},
        {3999, KEPT_EXPIRED, false, true},
        {4000, KEPT_EXPIRED, false, false},
        {1u << 30, KEPT_EXPIRED, false, false},
    };
    uint64_t began = the.now_ms;

    (void)state;
    assert_true(keep(10));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        the.now_ms = began + cases[i].after_ms;
        assert_int_equal(look(), cases[i].state);
        assert_int_equal(the.found.left_ms, 1000 - (int64_t)cases[i].after_ms);
        assert_int_equal(the.found.while_allowed, cases[i].while_allowed);
        assert_int_equal(the.found.error_allowed, cases[i].error_allowed);
    }
    tables_move(troupe.shared.tables, troupe_number("table", "chefs"));
    the.now_ms = began + 1000;
    assert_int_equal(look(), KEPT_OUTDATED); /* only time is forgiven */
}

static void no_windows(void **state)
{
    (void)state;
    the.policy.while_ms = the.policy.error_ms = 0;
    assert_true(keep(10));
    the.now_ms += 1000;
    assert_int_equal(look(), KEPT_EXPIRED);
    assert_false(the.found.while_allowed);
    assert_false(the.found.error_allowed);
}

/* ---- what is not kept ---- */

static void moved_meanwhile(void **state)
{
    struct tables *t = troupe.shared.tables;
    const unsigned chefs = troupe_number("table", "chefs");
    const unsigned notes = troupe_number("table", "notes");

    (void)state;
    assert_int_equal(db_begin_read(troupe.anna.db), DB_DONE);
    tables_move(t, notes);
    assert_true(store(10));
    tables_move(t, chefs);
    assert_false(store(10));
    assert_int_equal(look(), KEPT_OUTDATED);
    assert_true(keep(10)); /* it moved before this one began */
    assert_int_equal(db_begin_read(troupe.anna.db), DB_DONE);
    tables_move_all(t);
    assert_false(store(10));
    assert_int_equal(db_begin_read(troupe.anna.db), DB_DONE);
    tables_move(t, troupe_number("endpoint", "GET /rated"));
    assert_false(store(10));
}

/* Another worker commits: it may have shown, or not yet. */
static void moving_at_the_moment(void **state)
{
    struct tables *t = troupe.shared.tables;
    const unsigned chefs = troupe_number("table", "chefs");

    (void)state;
    tables_begin(t, BEN_SLOT, &chefs, 1);
    assert_false(keep(10));
    assert_int_equal(db_begin_read(troupe.anna.db), DB_DONE);
    tables_end(t, BEN_SLOT, false);
    assert_false(store(10)); /* its moment is from before the end */
    assert_true(keep(10));
}

static void sizes(void **state)
{
    size_t overhead = 0;

    (void)state;
    struct answer a = an_answer(BODY);
    const struct kept_item item = {&the.key, &a, FORM_JSON};
    char *large = test_calloc(1, ENTRY_MAX);
    assert_int_equal(db_begin_read(troupe.anna.db), DB_DONE);
    a.body = (struct slice){large, ENTRY_MAX};
    assert_false(kept_store(the.kept, &the.policy, &item, the.now_ms));
    while (!kept_store(the.kept, &the.policy, &item, the.now_ms)) {
        a.body.len--;
        overhead++;
    }
    /* Key, head, three dependencies and headers count. */
    assert_in_range(overhead, the.key.bytes.len + a.headers.len + 48, 512);
    a.gzip = SLICE("x"); /* the other form does not */
    assert_true(kept_store(the.kept, &the.policy, &item, the.now_ms));
    assert_int_equal(look(), KEPT_FRESH);
    assert_int_equal(the.found.answer.gzip.len, 1);
    assert_int_equal(the.found.answer.body.len, a.body.len);
    test_free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PANTRY(policies),
        IN_PANTRY(found_again),
        IN_PANTRY(outdated_by),
        IN_PANTRY(outdated_by_strangers),
        IN_PANTRY(another_database),
        IN_PANTRY(windows),
        IN_PANTRY(no_windows),
        IN_PANTRY(moved_meanwhile),
        IN_PANTRY(moving_at_the_moment),
        IN_PANTRY(sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
