#include "common/segment/cache.h"
#include "common/hash.h"
#include "common/segment/segment.h"
#include "tests/unit/cockpit.h"

#define CHEFS "GET /api/chefs"
#define CHEF  "GET /api/chefs/{id}"

static void keep(const char *text)
{
    struct cache *cache = cockpit.shared.cache;
    const struct slice part = slice_of(text);
    const struct cache_key key = {part, hash_seeded(part, cache_seed(cache))};

    assert_true(cache_put(cache, &key, &part, 1));
}

static uint64_t kept(void)
{
    struct cache_stats stats;

    cache_stats(cockpit.shared.cache, &stats);
    return stats.entries;
}

static void shows_the_cache(void **state)
{
    (void)state;
    serve(0, CHEFS, 10, COUNT_2XX, 1000);
    serve(0, "static", 10, COUNT_2XX, 1000);
    cell_add(cell_of(0, CHEFS), COUNT_CACHE_HIT, 3);
    cell_add(cell_of(0, CHEFS), COUNT_CACHE_EXPIRED, 1);
    cell_add(cell_of(0, CHEFS), COUNT_NOT_MODIFIED, 2);
    cell_add(cell_of(0, "static"), COUNT_NOT_MODIFIED, 5);
    tables_count_loss(cockpit.shared.tables, number_of("table:chefs"));
    keep("one");
    see(monitor_cache, "GET /api/cache/stats");
    expect_int("$.hits", 3);
    expect_int("$.misses", 1);
    expect_int("$.hit_rate", 75);
    expect_int("$.expired", 1);
    expect_int("$.entries", 1);
    assert_true(real_at("$.size") >= 500000);
    expect_int("$.invalidations.chefs", 1);
    expect_nothing("$.endpoints.static");
    expect_int("$.endpoints.\"" CHEFS "\".hits", 3);
    expect_int("$.endpoints.\"" CHEFS "\".not_modified", 2);
    assert_non_null(strstr(buf_text(&cockpit.body), "\"we\\\"ird\":0"));
}

static void shows_no_cache(void **state)
{
    struct shared without = cockpit.shared;

    (void)state;
    without.cache = NULL;
    cockpit.monitor.shared = &without;
    see(monitor_cache, "GET /api/cache/stats");
    expect_int("$.enabled", 0);
    expect_int("$.entries", 0);
    see(monitor_metrics, "GET /api/monitoring/metrics");
    expect_int("$.cache_stats.entries", 0);
    see(monitor_clear, "POST /api/cache/clear");
    expect_text("$.cleared", "all");
}

/* What a clearing moves: letters of what stands in `watched`; g: everything.
 */
static const char *const watched[] = {
    "endpoint:" CHEFS,                /* a */
    "endpoint:" CHEF,                 /* b */
    "endpoint:GET /api/{kind}/notes", /* c */
    "endpoint:POST /api/chefs",       /* d */
    "endpoint:GET /live",             /* e */
    "table:chefs",                    /* f */
};

enum { WATCHED = sizeof watched / sizeof *watched + 1 };

static const struct clearing {
    struct asked asked;
    const char *moved;
    const char *name;
    int status; /* 0: 200 */
    int endpoints;
} clearings[] = {
    {.asked = {"POST /c"}, .moved = "g", .endpoints = 4},
    {.asked = {"POST /c", .json = "{}"}, .moved = "g", .endpoints = 4},
    {.asked = {"POST /c", .json = "{\"endpoint\":\"" CHEFS "\"}"},
     .moved = "a",
     .endpoints = 1,
     .name = CHEFS},
    {.asked = {"POST /c?endpoint=GET+/api/chefs/%7Bid%7D"},
     .moved = "b",
     .endpoints = 1},
    {.asked = {"POST /c", .form = "endpoint=POST /api/chefs"},
     .moved = "d",
     .endpoints = 1},
    /* curl -d calls it a form */
    {.asked = {"POST /c", .form = " {\"table\":\"cHefs\"}"}, .moved = "f"},
    {.asked = {"POST /c?prefix=/api/ch"}, .moved = "abc", .endpoints = 3},
    {.asked = {"POST /c?prefix=/api/chefs"}, .moved = "abc", .endpoints = 3},
    {.asked = {"POST /c?prefix=/api/chefs/"}, .moved = "bc", .endpoints = 2},
    {.asked = {"POST /c?prefix=/api/chefs/12"}, .moved = "b", .endpoints = 1},
    {.asked = {"POST /c?prefix=/api/chefs/12/x"}, .moved = ""},
    {.asked = {"POST /c?prefix=/api/users/no"}, .moved = "c", .endpoints = 1},
    {.asked = {"POST /c?prefix=/"}, .moved = "abce", .endpoints = 4},
    {.asked = {"POST /c?prefix=/live/"}, .moved = ""},
    {.asked = {"POST /c?prefix=/none"}, .moved = ""},

    {.asked = {"POST /c?endpoint=GET+/none"}, .status = 404, .moved = ""},
    {.asked = {"POST /c?endpoint=/api/chefs"}, .status = 404, .moved = ""},
    {.asked = {"POST /c?table=none"}, .status = 404, .moved = ""},
    {.asked = {"POST /c?prefix=api"}, .status = 400, .moved = ""},
    {.asked = {"POST /c?tables=chefs"}, .status = 400, .moved = ""},
    {.asked = {"POST /c?table="}, .status = 400, .moved = ""},
    {.asked = {"POST /c?table=chefs&prefix=/"}, .status = 400, .moved = ""},
    {.asked = {"POST /c?table=chefs", .json = "{\"table\":\"chefs\"}"},
     .status = 400,
     .moved = ""},
    {.asked = {"POST /c", .json = "{\"tabel\":\"chefs\"}"},
     .status = 400,
     .moved = ""},
    {.asked = {"POST /c", .json = "{\"table\":1}"}, .status = 400, .moved = ""},
    {.asked = {"POST /c", .json = "{\"all\":\"x\"}"},
     .status = 400,
     .moved = ""},
    {.asked = {"POST /c", .json = "{\"table\":"}, .status = 400, .moved = ""},
    {.asked = {"POST /c", .json = "[\"table\"]"}, .status = 400, .moved = ""},
    {.asked = {"POST /c", .form = "table=%00"}, .status = 400, .moved = ""},
};

static void versions(uint64_t out[WATCHED])
{
    for (size_t i = 0; i < WATCHED - 1; i++)
        out[i] = tables_version(cockpit.shared.tables, number_of(watched[i]));
    out[WATCHED - 1] = tables_epoch(cockpit.shared.tables);
}

static void clear_once(const struct clearing *c)
{
    uint64_t before[WATCHED];
    uint64_t after[WATCHED];
    char moved[WATCHED + 1];
    size_t n = 0;
    int status = c->status ? c->status : 200;

    versions(before);
    visit(monitor_clear, &c->asked);
    versions(after);
    for (size_t i = 0; i < WATCHED; i++)
        if (before[i] != after[i])
            moved[n++] = (char)('a' + i);
    moved[n] = '\0';
    if (strcmp(moved, c->moved) != 0 || cockpit.res.status != status)
        fail_msg("%s %s: %d, moved \"%s\", not \"%s\"", c->asked.line,
                 c->asked.json ? c->asked.json : "", cockpit.res.status, moved,
                 c->moved);
    if (c->endpoints)
        expect_int("$.endpoints", c->endpoints);
    if (c->name)
        expect_text("$.name", c->name);
}

static void clears(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof clearings / sizeof *clearings; i++)
        clear_once(&clearings[i]);
    assert_null(strstr(buf_text(&cockpit.res.headers), "max-age"));
    assert_non_null(strstr(buf_text(&cockpit.res.headers), "no-store"));
}

static void empties_only_for_all(void **state)
{
    (void)state;
    keep("one");
    see(monitor_clear, "POST /api/cache/clear?prefix=/");
    assert_int_equal(kept(), 1);
    see(monitor_clear, "POST /api/cache/clear");
    assert_int_equal(kept(), 0);
}

/* Unknown names are refused before they are numbered: else anybody with a
 * token could use the numbers up. */
static void numbers_nothing_new(void **state)
{
    size_t size;
    const char *names = segment_region(cockpit.shared.segment, "names", &size);
    char *before = malloc(size);

    (void)state;
    assert_non_null(before);
    memcpy(before, names, size);
    visit(monitor_clear, &(struct asked){.line = "POST /c?table=none"});
    visit(monitor_clear, &(struct asked){.line = "POST /c?endpoint=GET+/none"});
    visit(monitor_clear, &(struct asked){.line = "POST /c?prefix=/none"});
    assert_memory_equal(names, before, size);
    see(monitor_clear, "POST /c?endpoint=GET+/api/chefs");
    assert_true(memcmp(names, before, size) != 0);
    free(before);
}

#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, cockpit_make, cockpit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(shows_the_cache),      T(shows_no_cache),      T(clears),
        T(empties_only_for_all), T(numbers_nothing_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
