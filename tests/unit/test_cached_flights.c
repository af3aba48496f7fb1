#include "tests/unit/troupe.h"

#include "worker/endpoint/endpoint_private.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);"
    "INSERT INTO items VALUES (1, 'one'), (2, 'two');";

static const char api[] =
    "-- GET /items/{id}\n-- @cache 1000s\n-- @timeout 1000s\n-- @value\n"
    "-- @param id integer\nSELECT name FROM items WHERE id = :id;\n\n"

    "-- GET /soon\n-- @cache 1000s\n-- @http stale-while-revalidate=2000\n"
    "-- @value\nSELECT name FROM items;\n\n"

    "-- GET /secret\n-- @cache 1000s\n-- @auth admin\n-- @value\n"
    "SELECT name FROM items;\n";

enum { TIMEOUT_MS = 1000000, THIRD_SLOT = 5 };

#define MISS      "fwd=uri-miss; stored"
#define OUTDATED  "fwd=stale; detail=outdated; stored"
#define EXPIRED   "fwd=stale; stored"
#define COLLAPSED "fwd=uri-miss; collapsed"
#define HIT       "hit"
#define ROOT      "Authorization: Bearer root\r\n"

/* Requests that may have to wait. */
static struct part first, second, third;

static int set_up(void **state)
{
    (void)state;
    troupe_open("", schema, api);
    theatre_token("root", "NULL", "admin");
    return 0;
}

static int tear_down(void **state)
{
    struct part *parts[] = {&first, &second, &third};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        part_free(parts[i]);
        *parts[i] = (struct part){.done = 0};
    }
    troupe_close();
    return 0;
}

/* The hash of what was asked last: who computes that has this claim. */
static uint64_t last_key(const struct actor *a)
{
    return kept_key(a->endpoints->kept, &a->endpoints->question).hash;
}

/* The key of a question; what was kept of it is outdated then. */
static uint64_t key_of(const struct asked *asked)
{
    actor_ask(ANNA, asked);
    uint64_t key = last_key(ANNA);
    tables_move_all(troupe.shared.tables);
    return key;
}

static void claim(uint64_t key, unsigned slot)
{
    assert_int_equal(flights_claim(troupe.shared.flights, key, slot),
                     FLIGHT_OURS);
}

static void begin(struct part *p, const struct actor *a, const char *line)
{
    part_begin(p, &(struct asked){.line = line, .fields = ROOT});
    part_play(p, a);
}

static void resume(const struct actor *a)
{
    struct part *parts[] = {&first, &second, &third};

    endpoints_resume(a->endpoints, troupe_now());
    db_unshare(a->db);
    for (size_t i = 0; i < 3; i++)
        part_end(parts[i], a);
}

static bool rings(void)
{
    uint64_t count;

    return read(troupe.bell, &count, sizeof count) == sizeof count;
}

static void expect(struct part *p, const char *said, const char *body,
                   unsigned queries)
{
    part_expect(p, &(const struct scene){.line = "resumed",
                                         .cache = said,
                                         .body = body,
                                         .queries = queries});
}

/* Ben computes, Anna waits and shows his answer. */
static void collapsed(void **state)
{
    static const struct scene bens = {BEN, "GET /items/1", OUTDATED, "\"one\"",
                                      .queries = 1};
    uint64_t key = key_of(&(struct asked){.line = "GET /items/1"});

    (void)state;
    claim(key, BEN_SLOT);
    begin(&first, ANNA, "GET /items/1");
    begin(&second, ANNA, "GET /items/1");
    assert_int_equal(first.done + second.done, 0);
    assert_int_equal(endpoints_waiting(troupe.anna.endpoints), 2);
    resume(ANNA);
    assert_int_equal(endpoints_waiting(troupe.anna.endpoints), 2);
    assert_false(rings());
    scene_play(&bens);
    assert_true(rings());
    assert_false(flights_under_way(troupe.shared.flights, key, ANNA_SLOT));
    resume(ANNA);
    expect(&first, COLLAPSED, "\"one\"", 0);
    expect(&second, COLLAPSED, "\"one\"", 0);
    assert_int_equal(endpoints_waiting(troupe.anna.endpoints), 0);
}

static uint64_t counted(enum counter which)
{
    struct totals t;
    unsigned route =
        names_number(troupe.shared.names, SLICE("GET /items/{id}"));

    metrics_sum(troupe.shared.metrics, METRICS_ALL, (int)route, &t);
    return t.counters[which];
}

/* Each is counted and recorded once, whoever waited in between. */
static void waiting_is_observed(void **state)
{
    const struct asked asked = {.line = "GET /items/1"};
    struct record r;
    struct recorder *recorder = troupe.shared.recorder;

    (void)state;
    claim(key_of(&asked), BEN_SLOT);
    begin(&first, ANNA, "GET /items/1");
    assert_true(recorder_read(recorder, ANNA_SLOT, RECORDS_RECENT, 0, &r));
    assert_int_equal(r.cache, CACHE_MISS); /* key_of's; nothing is at work */
    actor_ask(BEN, &asked);
    resume(ANNA);
    assert_true(recorder_read(recorder, ANNA_SLOT, RECORDS_RECENT, 0, &r));
    assert_int_equal(r.cache, CACHE_COLLAPSED);
    assert_int_equal(r.phase_ns[PHASE_QUEUE], 0);
    assert_true(r.phase_ns[PHASE_CACHE] > 0);
    assert_string_equal(r.route, "/items/{id}");
    assert_int_equal(counted(COUNT_2XX), 3);
    assert_int_equal(counted(COUNT_CACHE_MISS), 1);
    assert_int_equal(counted(COUNT_CACHE_OUTDATED), 1);
    assert_int_equal(counted(COUNT_CACHE_COLLAPSED), 1);
    assert_int_equal(counted(COUNT_QUERIES), 2);
    assert_int_equal(counted(COUNT_STORED), 2);
}

/* Others with other questions go on, and nobody is rung for nothing. */
static void nobody_else_waits(void **state)
{
    static const struct scene other = {ANNA, "GET /items/2", MISS, "\"two\"",
                                       .queries = 1};

    (void)state;
    claim(key_of(&(struct asked){.line = "GET /items/1"}), BEN_SLOT);
    begin(&first, ANNA, "GET /items/1");
    scene_play(&other);
    assert_int_equal(first.done, 0);
    assert_false(rings());
}

/* Ben dies: the master clears his claim, Anna computes. */
static void landed_without_answer(void **state)
{
    uint64_t key = key_of(&(struct asked){.line = "GET /items/1"});

    (void)state;
    claim(key, BEN_SLOT);
    begin(&first, ANNA, "GET /items/1");
    assert_true(flights_forget(troupe.shared.flights, BEN_SLOT));
    resume(ANNA);
    expect(&first, OUTDATED, "\"one\"", 1);
    assert_false(flights_under_way(troupe.shared.flights, key, BEN_SLOT));
}

/* It waits no longer than it would compute, and not a second time. */
static void patience_ends(void **state)
{
    uint64_t key = key_of(&(struct asked){.line = "GET /items/1"});

    (void)state;
    claim(key, BEN_SLOT);
    begin(&first, ANNA, "GET /items/1");
    troupe.ahead_ms += TIMEOUT_MS / 2;
    resume(ANNA);
    assert_int_equal(first.done, 0);
    troupe.ahead_ms += TIMEOUT_MS / 2;
    resume(ANNA);
    assert_int_equal(first.done, 1);
    assert_int_equal(first.res.status, 504); /* all its time is over */
    assert_int_equal(first.trace.queries, 0);
    assert_true(flights_under_way(troupe.shared.flights, key, ANNA_SLOT));
}

/* Those that wait go on one by one, as their answers come. */
static void each_in_its_time(void **state)
{
    static const struct scene bens = {BEN, "GET /items/2", OUTDATED, "\"two\"",
                                      .queries = 1};
    uint64_t one = key_of(&(struct asked){.line = "GET /items/1"});
    uint64_t two = key_of(&(struct asked){.line = "GET /items/2"});

    (void)state;
    claim(one, THIRD_SLOT);
    claim(two, BEN_SLOT);
    begin(&first, ANNA, "GET /items/1");
    begin(&second, ANNA, "GET /items/2");
    begin(&third, ANNA, "GET /items/1");
    scene_play(&bens);
    resume(ANNA);
    expect(&second, COLLAPSED, "\"two\"", 0);
    assert_int_equal(endpoints_waiting(troupe.anna.endpoints), 2);
    assert_true(flights_land(troupe.shared.flights, one, THIRD_SLOT));
    resume(ANNA);
    expect(&first, OUTDATED, "\"one\"", 1);
    expect(&third, COLLAPSED, "\"one\"", 0); /* of its own worker */
}

static void inside_never_waits(void **state)
{
    (void)state;
    claim(key_of(&(struct asked){.line = "GET /items/1"}), BEN_SLOT);
    part_begin(&first, &(struct asked){.line = "GET /items/1"});
    first.call.inside = true;
    part_play(&first, ANNA);
    expect(&first, OUTDATED, "\"one\"", 1);
}

/* Two computations meet in one place of the table: neither waits, and the
 * claim stays whose it is. */
static void place_taken(void **state)
{
    uint64_t key = key_of(&(struct asked){.line = "GET /items/1"});
    uint64_t other = key ^ (uint64_t)1 << 63;
    static const struct scene scene = {ANNA, "GET /items/1", OUTDATED,
                                       .queries = 1};

    (void)state;
    claim(other, BEN_SLOT);
    scene_play(&scene);
    assert_true(flights_under_way(troupe.shared.flights, other, ANNA_SLOT));
}

/* Past its time, but shown while Ben makes a new one; never from before a
 * write. */
static void stale_while_revalidate(void **state)
{
    static const struct scene before = {ANNA, "GET /soon", MISS, .queries = 1};
    static const struct scene stale[] = {
        {ANNA, "GET /soon", HIT, "\"one\"", .later_ms = 1100000, .ttl = -100},
        {ANNA, "GET /soon", HIT, "\"one\"", .later_ms = 1700000, .ttl = -1800},
    };
    static const struct scene bens = {BEN, "GET /soon", EXPIRED, .queries = 1};

    (void)state;
    scene_play(&before);
    claim(last_key(ANNA), BEN_SLOT);
    PLAY(stale);
    assert_int_equal(troupe.part.trace.cache, CACHE_STALE);
    troupe.ahead_ms += 200000;
    begin(&first, ANNA, "GET /soon");
    assert_int_equal(first.done, 0);
    scene_play(&bens);
    troupe.ahead_ms = 0;
    resume(ANNA);
    expect(&first, COLLAPSED, "\"one\"", 0);
}

static void never_from_before_a_write(void **state)
{
    static const struct scene before = {ANNA, "GET /soon", MISS, .queries = 1};

    (void)state;
    scene_play(&before);
    claim(last_key(ANNA), BEN_SLOT);
    troupe.ahead_ms += 1100000;
    tables_move(troupe.shared.tables, troupe_number("table", "items"));
    begin(&first, ANNA, "GET /soon");
    assert_int_equal(first.done, 0);
}

/* Nobody computes it: the one who asks pays. */
static void expired_alone(void **state)
{
    static const struct scene scenes[] = {
        {ANNA, "GET /soon", MISS, .queries = 1},
        {BEN, "GET /soon", EXPIRED, .queries = 1, .later_ms = 1100000},
        {ANNA, "GET /soon", HIT, .later_ms = -1100000},
    };

    (void)state;
    PLAY(scenes);
    assert_false(rings());
}

/* Who lost his rights while he waited is refused. */
static void asked_again_at_the_gate(void **state)
{
    const struct asked asked = {.line = "GET /secret", .fields = ROOT};
    uint64_t key = key_of(&asked);

    (void)state;
    claim(key, BEN_SLOT);
    begin(&first, ANNA, "GET /secret");
    assert_int_equal(first.done, 0);
    theatre_run("DELETE FROM tokens");
    assert_true(flights_land(troupe.shared.flights, key, BEN_SLOT));
    resume(ANNA);
    assert_int_equal(first.done, 1);
    assert_int_equal(first.res.status, 401);
}

/* A claim goes back even if nothing came of it. */
static void failure_lands_too(void **state)
{
    static const struct scene scene = {ANNA, "GET /items/7", "fwd=uri-miss",
                                       .queries = 1, .status = 404};

    (void)state;
    scene_play(&scene);
    claim(last_key(ANNA), BEN_SLOT);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(collapsed),
        ON_STAGE(waiting_is_observed),
        ON_STAGE(nobody_else_waits),
        ON_STAGE(landed_without_answer),
        ON_STAGE(patience_ends),
        ON_STAGE(each_in_its_time),
        ON_STAGE(inside_never_waits),
        ON_STAGE(place_taken),
        ON_STAGE(stale_while_revalidate),
        ON_STAGE(never_from_before_a_write),
        ON_STAGE(expired_alone),
        ON_STAGE(asked_again_at_the_gate),
        ON_STAGE(failure_lands_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
