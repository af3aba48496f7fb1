#include "tests/unit/troupe.h"

#include "common/segment/episodes.h"
#include "common/segment/turnstile.h"

enum { WRONG = 5, STRANGER_SLOT = 40, WRITES = 10, SHED_MS = 20 };

static const char schema[] = "CREATE TABLE items (id INTEGER PRIMARY KEY, name "
                             "TEXT);"
                             "INSERT INTO items VALUES (1, 'one');";

static const char api[] = "-- GET /free\n"
                          "SELECT name FROM items;\n"
                          "-- GET /kept\n"
                          "-- @cache 1h\n"
                          "SELECT name FROM items;\n"
                          "-- GET /cold\n"
                          "-- @cache 1h\n"
                          "SELECT name FROM items;\n"
                          "-- GET /forgiven\n"
                          "-- @cache 1s\n"
                          "-- @http max-age=1, stale-if-error=100000\n"
                          "SELECT name FROM items;\n"
                          "-- GET /mine\n"
                          "-- @auth user\n"
                          "SELECT :auth.user_id AS id;\n"
                          "-- POST /items\n"
                          "-- @auth public\n"
                          "-- @param name text\n"
                          "-- @none\n"
                          "INSERT INTO items (name) VALUES (:name);\n";

/* With those limits. */
static void begin(const struct endpoints_limits *limits)
{
    troupe_open("", schema, api);
    theatre_token("anna", "1", "user");
    theatre_token("ben", "2", "user");
    actor_leave(ANNA);
    actor_leave(BEN);
    troupe.config.limits = *limits;
    actor_enter(ANNA, ANNA_SLOT);
    actor_enter(BEN, BEN_SLOT);
}

static uint64_t counted(enum counter which)
{
    struct totals t;

    metrics_sum(troupe.shared.metrics, METRICS_ALL, METRICS_ALL, &t);
    return t.counters[which];
}

/* ---- wrong tokens --------------------------------------------------------*/

static int show(const struct actor *to, const char *address, const char *token)
{
    struct part *p = &troupe.part;
    char fields[128] = "";

    if (token)
        snprintf(fields, sizeof fields, "Authorization: Bearer %s\r\n", token);
    part_begin(p, &(struct asked){.line = "GET /mine", .fields = fields});
    p->call.client = address;
    part_play(p, to);
    assert_int_equal(p->done, 1);
    return p->res.status;
}

static void guess(const char *address)
{
    for (int i = 0; i < WRONG; i++)
        assert_int_equal(show(i % 2 ? ANNA : BEN, address, "guess"), 401);
}

static void guessing_is_limited(void **state)
{
    (void)state;
    begin(&(struct endpoints_limits){.auth_failures = WRONG});
    guess("10.0.0.1");
    for (int i = 0; i < 2; i++)
        assert_int_equal(show(i % 2 ? ANNA : BEN, "10.0.0.1", "guess"), 429);
    assert_string_equal(part_header(&troupe.part, "Retry-After"), "12");
    assert_int_equal(troupe.part.trace.queries, 0);
    assert_int_equal(show(ANNA, "10.0.0.1", "anna"), 429); /* nor looked up */
    assert_int_equal(show(ANNA, "10.0.0.1", NULL), 401);   /* no guess */
    assert_int_equal(show(ANNA, "10.0.0.2", "guess"), 401);
    assert_int_equal(show(ANNA, "10.0.0.2", "anna"), 200);
    assert_int_equal(counted(COUNT_WRONG_TOKENS), WRONG + 1);
    assert_int_equal(counted(COUNT_REFUSED_TOKENS), 3);
    troupe_close();
}

/* Who is known to the worker is not locked out by one behind the same
 * address. */
static void who_is_known_goes_on(void **state)
{
    (void)state;
    begin(&(struct endpoints_limits){.auth_failures = WRONG});
    assert_int_equal(show(ANNA, "10.0.0.1", "anna"), 200);
    guess("10.0.0.1");
    assert_int_equal(show(ANNA, "10.0.0.1", "guess"), 429);
    for (int i = 0; i < 3; i++)
        assert_int_equal(show(ANNA, "10.0.0.1", "anna"), 200);
    /* Also when another one's token changes; until its own does. */
    theatre_run("DELETE FROM tokens WHERE name = 'ben'");
    assert_int_equal(show(ANNA, "10.0.0.1", "anna"), 200);
    theatre_run("DELETE FROM tokens WHERE name = 'anna'");
    assert_int_equal(show(ANNA, "10.0.0.1", "anna"), 401);
    assert_int_equal(show(ANNA, "10.0.0.1", "anna"), 429);
    troupe_close();
}

/* Neither missing tokens nor right ones are failures. */
static void what_is_no_guess(void **state)
{
    (void)state;
    begin(&(struct endpoints_limits){.auth_failures = WRONG});
    for (int i = 0; i < 3 * WRONG; i++) {
        assert_int_equal(show(ANNA, "10.0.0.1", NULL), 401);
        assert_int_equal(show(ANNA, "10.0.0.1", "anna"), 200);
        assert_int_equal(show(BEN, "", "guess"), 401); /* by a unix socket */
    }
    guess("10.0.0.1");
    troupe_close();
}

static void no_limit_on_guesses(void **state)
{
    (void)state;
    begin(&(struct endpoints_limits){.auth_failures = 0});
    for (int i = 0; i < 100; i++)
        assert_int_equal(show(ANNA, "10.0.0.1", "guess"), 401);
    assert_int_equal(counted(COUNT_WRONG_TOKENS), 100);
    troupe_close();
}

static void operators_pages_count_too(void **state)
{
    struct part *p = &troupe.part;

    (void)state;
    begin(&(struct endpoints_limits){.auth_failures = WRONG});
    guess("10.0.0.1");
    part_begin(p, &(struct asked){.line = "GET /free",
                                  .fields = "Authorization: Bearer x\r\n"});
    p->call.client = "10.0.0.1";
    assert_false(endpoints_operator(troupe.anna.endpoints, &p->call));
    assert_int_equal(p->res.status, 429);
    troupe_close();
}

/* ---- what the log is told ------------------------------------------------*/

static void the_log_is_told_once(void **state)
{
    struct buckets *b;
    char address[32];
    int told = 0;

    (void)state;
    begin(&(struct endpoints_limits){.auth_failures = 0});
    b = troupe.shared.buckets;
    assert_true(episodes_tell(b, "tokens", "10.0.0.1"));
    for (int i = 0; i < 10; i++)
        assert_false(episodes_tell(b, "tokens", "10.0.0.1"));
    assert_true(episodes_tell(b, "connections", "10.0.0.1"));
    assert_true(episodes_tell(b, "connections", ""));
    for (int i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "10.1.%d.%d", i / 250, i % 250);
        told += episodes_tell(b, "tokens", address);
    }
    assert_int_equal(told, 9);
    troupe_close();
}

/* ---- writes that wait ----------------------------------------------------*/

static int insert(void)
{
    part_begin(&troupe.part,
               &(struct asked){.line = "POST /items", .form = "name=x"});
    part_play(&troupe.part, ANNA);
    assert_int_equal(troupe.part.done, 1);
    return troupe.part.res.status;
}

/* A process with a ticket, for so many requests. */
static void queue(unsigned slot, uint32_t requests)
{
    turnstile_ask(troupe.shared.turnstile, slot, NULL);
    turnstile_queue(troupe.shared.turnstile, slot, requests);
    turnstile_pass(troupe.shared.turnstile, slot, NULL);
}

static void queued_writes_are_limited(void **state)
{
    (void)state;
    begin(&(struct endpoints_limits){.queued_writes = WRITES});
    queue(STRANGER_SLOT, WRITES - 3);
    queue(STRANGER_SLOT + 1, 2);
    queue(ANNA_SLOT, 99); /* its own it knows better */
    for (int i = 0; i < 10; i++)
        assert_int_equal(insert(), 204);
    queue(STRANGER_SLOT + 1, 3);
    assert_int_equal(insert(), 503);
    assert_string_equal(part_header(&troupe.part, "Retry-After"), "1");
    assert_int_equal(troupe.part.trace.error, COUNT_ERROR_BUSY);
    assert_int_equal(counted(COUNT_REFUSED_WRITES), 1);
    queue(STRANGER_SLOT, 0);
    assert_int_equal(insert(), 204);
    troupe_close();
}

static void no_limit_on_writes(void **state)
{
    (void)state;
    begin(&(struct endpoints_limits){.queued_writes = 0});
    queue(STRANGER_SLOT, 1000000);
    for (int i = 0; i < 10; i++)
        assert_int_equal(insert(), 204);
    troupe_close();
}

/* ---- too much to do ------------------------------------------------------*/

/* One that was complete so long ago. */
static int late(const char *line, uint64_t waited_ms)
{
    struct part *p = &troupe.part;

    part_begin(p, &(struct asked){.line = line});
    p->trace.came_ns -= waited_ms * 1000000;
    part_play(p, ANNA);
    assert_int_equal(p->done, 1);
    return p->res.status;
}

static void wait_for_shedding(void)
{
    uint64_t end = loop_clock_ms() + 10000;

    while (late("GET /free", 60000) == 200)
        assert_true(loop_clock_ms() < end);
}

static void what_costs_sql_is_shed(void **state)
{
    (void)state;
    begin(&(struct endpoints_limits){.shed_ms = SHED_MS});
    assert_int_equal(late("GET /kept", 0), 200);
    assert_int_equal(late("GET /free", 60000), 200); /* one is no queue */
    wait_for_shedding();
    assert_int_equal(troupe.part.res.status, 503);
    assert_string_equal(part_header(&troupe.part, "Retry-After"), "1");
    assert_int_equal(troupe.part.trace.queries, 0);
    assert_int_equal(late("POST /items", 60000), 503);
    assert_int_equal(late("GET /cold", 60000), 503);
    assert_int_equal(late("GET /kept", 60000), 200); /* a hit */
    assert_int_equal(counted(COUNT_REFUSED_LOAD), 3);
    assert_int_equal(late("GET /free", 0), 200); /* it has not waited */
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 1);
    troupe_close();
}

static void what_may_be_stale_is_given(void **state)
{
    (void)state;
    begin(&(struct endpoints_limits){.shed_ms = SHED_MS});
    assert_int_equal(late("GET /forgiven", 0), 200);
    troupe.ahead_ms += 200000;
    wait_for_shedding();
    assert_int_equal(late("GET /forgiven", 60000), 200);
    assert_int_equal(troupe.part.trace.cache, CACHE_STALE);
    assert_int_equal(troupe.part.trace.queries, 0);
    troupe_close();
}

static void our_own_are_never_shed(void **state)
{
    struct part *p = &troupe.part;

    (void)state;
    begin(&(struct endpoints_limits){.shed_ms = SHED_MS});
    wait_for_shedding();
    for (int i = 0; i < 2; i++) {
        part_begin(p, &(struct asked){.line = "GET /free"});
        p->trace.came_ns -= (uint64_t)60 * 1000000000;
        p->call.inside = i == 0;
        /* It waited for an answer or a thread, and has a time of its own. */
        p->call.until_ms = i == 1 ? troupe_now() + 10000 : 0;
        part_play(p, ANNA);
        assert_int_equal(p->res.status, 200);
    }
    troupe_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guessing_is_limited),
        cmocka_unit_test(who_is_known_goes_on),
        cmocka_unit_test(what_is_no_guess),
        cmocka_unit_test(no_limit_on_guesses),
        cmocka_unit_test(operators_pages_count_too),
        cmocka_unit_test(the_log_is_told_once),
        cmocka_unit_test(queued_writes_are_limited),
        cmocka_unit_test(no_limit_on_writes),
        cmocka_unit_test(what_costs_sql_is_shed),
        cmocka_unit_test(what_may_be_stale_is_given),
        cmocka_unit_test(our_own_are_never_shed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
