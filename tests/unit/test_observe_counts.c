#include "tests/unit/guests.h"

struct counted {
    enum counter counters[5]; /* that one is added to; COUNTERS: no more */
    int status;
    struct trace trace; /* its outcome */
};

#define NO_MORE COUNTERS

static void count_one(const struct counted *c)
{
    struct totals before = sum_of(METRICS_ALL);
    struct trace *t = &the.guest.trace;

    begin(&the.guest, "id1", &(struct asked){.line = "GET /"}, 0);
    observe_route(the.observer, &the.guest.call, 9, "/");
    t->cache = c->trace.cache;
    t->error = c->trace.error;
    t->stored = c->trace.stored;
    t->compressed = c->trace.compressed;
    end(&the.guest, c->status, MS);
    struct totals after = sum_of(METRICS_ALL);
    assert_int_equal(after.request.count, before.request.count + 1);
    uint64_t expected[COUNTERS] = {0};
    for (size_t i = 0; i < 5 && c->counters[i] != NO_MORE; i++)
        expected[c->counters[i]] = 1;
    expected[COUNT_BYTES_IN] = request_size(the.guest.call.req);
    expected[COUNT_BYTES_OUT] = 123;
    for (unsigned i = 0; i < COUNTERS; i++)
        if (after.counters[i] - before.counters[i] != expected[i])
            fail_msg(
                "status %d: counter %u by %llu", c->status, i,
                (unsigned long long)(after.counters[i] - before.counters[i]));
}

static void counters(void **state)
{
    static const struct counted cases[] = {
        {{COUNT_2XX, NO_MORE}, 200, {.cache = CACHE_NONE}},
        {{COUNT_2XX, COUNT_CACHE_HIT, NO_MORE}, 200, {.cache = CACHE_HIT}},
        {{COUNT_3XX, COUNT_NOT_MODIFIED, COUNT_CACHE_STALE, NO_MORE},
         304,
         {.cache = CACHE_STALE}},
        {{COUNT_2XX, COUNT_CACHE_COLLAPSED, NO_MORE},
         200,
         {.cache = CACHE_COLLAPSED}},
        {{COUNT_2XX, COUNT_CACHE_MISS, COUNT_STORED, COUNT_COMPRESSED, NO_MORE},
         200,
         {.cache = CACHE_MISS, .stored = true, .compressed = true}},
        {{COUNT_2XX, COUNT_CACHE_OUTDATED, NO_MORE},
         206,
         {.cache = CACHE_OUTDATED}},
        {{COUNT_4XX, COUNT_CACHE_EXPIRED, NO_MORE},
         404,
         {.cache = CACHE_EXPIRED}},
        {{COUNT_5XX, COUNT_ERROR_OTHER, NO_MORE}, 500, {.cache = CACHE_NONE}},
        {{COUNT_5XX, COUNT_ERROR_DEADLINE, NO_MORE},
         504,
         {.error = COUNT_ERROR_DEADLINE}},
        /* Forgiven: something had gone wrong all the same. */
        {{COUNT_2XX, COUNT_CACHE_STALE, COUNT_ERROR_GONE, NO_MORE},
         200,
         {.cache = CACHE_STALE, .error = COUNT_ERROR_GONE}},
        {{COUNT_1XX, NO_MORE}, 100, {.cache = CACHE_NONE}},
        {{COUNT_ERROR_OTHER, NO_MORE}, 600, {.cache = CACHE_NONE}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        count_one(&cases[i]);
}

/* By exact status, once each, in the table of its own slot. */
static void statuses(void **state)
{
    static const int answered[] = {200, 200, 404, 429, 600};
    struct status_codes *own = metrics_codes(the.shared.metrics, SLOT);
    uint64_t codes[STATUS_CODES];
    uint64_t sum = 0;

    (void)state;
    for (size_t i = 0; i < sizeof answered / sizeof *answered; i++)
        visit("/a", answered[i], 1);
    metrics_sum_codes(the.shared.metrics, codes);
    for (size_t i = 0; i < STATUS_CODES; i++) {
        sum += codes[i];
        assert_int_equal(codes[i], atomic_load(&own->count[i]));
    }
    assert_int_equal(codes[200 - STATUS_FIRST], 2);
    assert_int_equal(codes[404 - STATUS_FIRST], 1);
    assert_int_equal(codes[429 - STATUS_FIRST], 1);
    assert_int_equal(sum, 4);
}

static void queries_and_time(void **state)
{
    struct trace *t = &the.guest.trace;

    (void)state;
    begin(&the.guest, "id1", &(struct asked){.line = "GET /"}, 3 * MS);
    observe_route(the.observer, &the.guest.call, 9, "/");
    trace_sql(t, 1);
    trace_sql_end(t, 1, 40);
    trace_sql(t, 2);
    trace_sql_end(t, 2, 2);
    end(&the.guest, 200, 2 * MS);
    struct totals sum = sum_of(9);
    assert_int_equal(sum.counters[COUNT_QUERIES], 2);
    assert_int_equal(sum.counters[COUNT_ROWS], 42);
    assert_int_equal(sum.sql.count, 2);
    assert_int_equal(sum.request.sum_ns, 5 * MS); /* with its queue */
    assert_int_equal(sum.request.max_ns, 5 * MS);
}

/* Each route has a cell; what has none is counted under NAMES_REST. */
static void routes(void **state)
{
    unsigned a = observer_number(the.observer, "/a");
    unsigned b = observer_number(the.observer, "/b");

    (void)state;
    assert_true(a != b && a != NAMES_REST && b != NAMES_REST);
    assert_int_equal(a, names_number(the.shared.names, SLICE("/a")));
    visit("/a", 200, 1);
    visit("/b", 200, 1);
    visit("/a", 200, 1);
    begin(&the.guest, "id1", &(struct asked){.line = "GET /"}, 0);
    end(&the.guest, 400, 1);
    assert_int_equal(sum_of((int)a).request.count, 2);
    assert_int_equal(sum_of((int)b).request.count, 1);
    assert_int_equal(sum_of(NAMES_REST).request.count, 1);
    assert_int_equal(sum_of(NAMES_REST).counters[COUNT_4XX], 1);
    struct totals others;
    metrics_sum(the.shared.metrics, SLOT + 1, METRICS_ALL, &others);
    assert_int_equal(others.request.count, 0);
}

static void counted_once(void **state)
{
    struct record r;

    (void)state;
    visit("/a", 200, 1);
    end(&the.guest, 500, 1);
    assert_int_equal(sum_of(METRICS_ALL).request.count, 1);
    assert_false(read_record(RECORDS_FAILED, 0, &r));
    assert_false(read_record(RECORDS_RECENT, 1, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBSERVED(counters), OBSERVED(statuses),     OBSERVED(queries_and_time),
        OBSERVED(routes),   OBSERVED(counted_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
