#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/settings/conf.h"
#include "common/app/pattern.h"
#include "common/app/sqlfile.h"

/* The fixtures: ok_*.sql parse; error_*.sql say in their first line, as
 * "-- line: reason", what is wrong with them. */
#define FIXTURES "tests/app/sql"

enum { TIMEOUT_MS = 5000 };

struct parsed {
    struct arena *arena;
    struct slice text;
    struct sqlfile file;
    struct fault fault;
    bool good;
};

static struct parsed begin(struct slice text)
{
    struct parsed p = {.arena = arena_new(), .text = text};

    p.file = (struct sqlfile){.arena = p.arena, .timeout_ms = TIMEOUT_MS};
    return p;
}

static struct parsed parse_text(const char *name, struct slice text)
{
    struct parsed p = begin(text);

    p.good = sqlfile_parse(&p.file, name, text, &p.fault);
    return p;
}

static void drop(struct parsed *p)
{
    sqlfile_release(&p->file);
    arena_free(p->arena);
}

static struct parsed parse_fixture(const char *name)
{
    struct parsed p = begin(SLICE(""));
    const char *path = arena_format(p.arena, "%s/%s", FIXTURES, name);

    if (!conf_slurp(p.arena, path, 1 << 20, &p.text, &p.fault))
        fail_msg("%s", p.fault.text);
    p.good = sqlfile_parse(&p.file, arena_text(p.arena, slice_of(name)), p.text,
                           &p.fault);
    return p;
}

static struct parsed parse_good(const char *name)
{
    struct parsed p = parse_fixture(name);

    if (!p.good)
        fail_msg("%s", p.fault.text);
    return p;
}

/* ---- every fixture ---- */

static size_t each_fixture(const char *prefix, void (*check)(const char *name))
{
    DIR *dir = opendir(FIXTURES);
    size_t count = 0;

    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        check(entry->d_name);
        count++;
    }
    closedir(dir);
    return count;
}

static void check_error(const char *name)
{
    struct parsed p = parse_fixture(name);
    struct slice rest = p.text;
    struct slice first = slice_cut(&rest, '\n');
    char expected[512];

    if (p.good)
        fail_msg("%s: no fault", name);
    assert_true(first.len > 3);
    snprintf(expected, sizeof expected, "%s:%.*s", name, (int)first.len - 3,
             first.ptr + 3);
    assert_string_equal(p.fault.text, expected);
    drop(&p);
}

static void check_ok(const char *name)
{
    struct parsed p = parse_good(name);
    drop(&p);
}

static void faults_are_exact(void **state)
{
    (void)state;
    assert_true(each_fixture("error_", check_error) > 100);
}

static void good_files_parse(void **state)
{
    (void)state;
    assert_true(each_fixture("ok_", check_ok) >= 7);
}

/* ---- what comes out ---- */

static void assert_list(const char **list, const char *joined)
{
    char text[256] = "";

    for (; *list; list++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s|", *list);
    assert_string_equal(text, joined);
}

static const struct param *param_of(const struct endpoint *e, const char *name)
{
    for (size_t i = 0; i < e->param_count; i++)
        if (strcmp(e->params[i].name, name) == 0)
            return &e->params[i];
    fail_msg("no parameter %s", name);
    return NULL;
}

static void one_row(void **state)
{
    struct parsed p = parse_good("ok_chefs.sql");
    const struct endpoint *e = &p.file.endpoints[0];

    (void)state;
    assert_int_equal(p.file.endpoint_count, 4);
    assert_string_equal(e->file, "ok_chefs.sql");
    assert_int_equal(e->line, 3);
    assert_int_equal(e->method, METHOD_GET);
    assert_string_equal(e->path, "/api/coocook/chefs/{id}");
    assert_string_equal(e->description,
                        "One chef, with the average of the reviews.");
    assert_null(e->auth);
    assert_int_equal(e->shape, SHAPE_ONE);
    assert_true(e->shape_said);
    assert_int_equal(e->cache_ms, 30 * 60 * 1000);
    assert_string_equal(e->http, "public, max-age=60, must-revalidate");
    assert_int_equal(e->timeout_ms, TIMEOUT_MS);
    assert_int_equal(e->param_count, 1);
    assert_true(e->params[0].in_path && e->params[0].required);
    assert_int_equal(e->params[0].type, PARAM_INTEGER);
    assert_string_equal(e->params[0].min, "1");
    assert_true(e->params[0].min_number == 1);
    assert_null(e->params[0].max);
    assert_int_equal(e->statement_count, 1);
    assert_int_equal(e->statements[0].line, 9);
    drop(&p);
}

static void list_directives(void **state)
{
    struct parsed p = parse_good("ok_chefs.sql");
    const struct endpoint *e = &p.file.endpoints[1];

    (void)state;
    assert_false(e->shape_said);
    assert_int_equal(e->shape, SHAPE_MANY);
    assert_true(e->page.on && !e->page.keys && !e->page.descending);
    assert_int_equal(e->page.size, 20);
    assert_int_equal(e->page.max, 100);
    assert_list(e->sort, "name|rating|");
    assert_list(e->json, "tags|");
    assert_true(e->rate.on && e->rate.per_second == 10.0 / 60);
    assert_int_equal(e->rate.burst, 20);
    assert_int_equal(e->rate.by, RATE_BY_USER);
    assert_int_equal(e->timeout_ms, 500);
    assert_string_equal(e->description, "");

    e = &p.file.endpoints[3];
    assert_string_equal(e->path, "/");
    assert_list(e->page.keys, "created_at|id|");
    assert_true(e->page.descending && e->warm);
    assert_int_equal(e->page.max, 500);
    drop(&p);
}

static void lists_origins(void **state)
{
    struct parsed p = parse_good("ok_cors.sql");
    const struct endpoint *e = p.file.endpoints;

    (void)state;
    assert_list(e[0].cors, "*|");
    assert_list(e[1].cors, "https://a.example|http://localhost:3000|");
    assert_list(e[2].cors, "off|");
    assert_null(e[3].cors);
    drop(&p);
}

/* Of reads alone; it takes no words, and is said once. */
static void says_slow(void **state)
{
    static const char *const wrong[] = {
        "-- GET /a\n-- @slow 3s\nSELECT 1;\n",
        "-- GET /a\n-- @slow\n-- @slow\nSELECT 1;\n",
        "-- POST /a\n-- @auth public\n-- @slow\nSELECT 1;\n",
    };
    struct parsed p = parse_text(
        "slow.sql",
        SLICE("-- GET /a\n-- @slow\nSELECT 1;\n\n-- GET /b\nSELECT 1;\n"));

    (void)state;
    if (!p.good)
        fail_msg("%s", p.fault.text);
    assert_true(p.file.endpoints[0].slow);
    assert_false(p.file.endpoints[1].slow);
    drop(&p);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        p = parse_text("slow.sql", slice_of(wrong[i]));
        assert_false(p.good);
        drop(&p);
    }
}

static void list_params(void **state)
{
    struct parsed p = parse_good("ok_chefs.sql");
    const struct endpoint *e = &p.file.endpoints[1];
    const struct param *code = param_of(e, "code");

    (void)state;
    assert_int_equal(e->param_count, 8);
    assert_list(param_of(e, "cuisine")->choices,
                "italian|far eastern|chef's own|");
    assert_true(param_of(e, "cuisine")->max_number == 40);
    assert_true(param_of(e, "rating")->max_number == 5);
    assert_string_equal(param_of(e, "at")->fallback, "2024-02-29 12:00");
    assert_string_equal(param_of(e, "since")->min, "2020-01-01");
    assert_string_equal(param_of(e, "like")->fallback, "[1,{\"a\":null}]");
    assert_false(param_of(e, "rating")->required);
    assert_string_equal(code->pattern, "[A-Z]{2}(-[0-9]+)?|none");
    assert_true(pattern_matches(code->matcher, SLICE("AB-17")));
    assert_true(pattern_matches(code->matcher, SLICE("none")));
    assert_false(pattern_matches(code->matcher, SLICE("AB-")));
    assert_false(pattern_matches(code->matcher, SLICE("nonesuch")));
    drop(&p);
}

static void each_element(void **state)
{
    struct parsed p = parse_good("ok_chefs.sql");
    const struct endpoint *e = &p.file.endpoints[2];
    const char *sql = e->statements[0].text;

    (void)state;
    assert_int_equal(e->method, METHOD_POST);
    assert_string_equal(e->auth, "user");
    assert_string_equal(e->each, "bookings");
    assert_int_equal(e->each_max, 500);
    assert_int_equal(e->status, 201);
    assert_int_equal(e->shape, SHAPE_NONE);
    assert_int_equal(e->param_count, 3);
    assert_true(param_of(e, "chef_id")->of_each);
    assert_true(param_of(e, "hours")->of_each);
    assert_false(param_of(e, "kind")->of_each);
    assert_true(param_of(e, "kind")->in_path && param_of(e, "kind")->required);
    assert_int_equal(param_of(e, "kind")->type, PARAM_TEXT);
    assert_non_null(strstr(sql, "(:auth_user_id, :auth_role, :kind,"));
    assert_string_equal(sql + strlen(sql) - 12, "RETURNING id");
    drop(&p);
}

static void statements_split(void **state)
{
    static const struct sql expected[] = {
        {"INSERT INTO t VALUES (';', \"semi;colon\", `b;`, [c;], 'it''s;', :a)",
         6},
        {"UPDATE t SET a = 1 -- why; not\n /* really; */ WHERE b = ':zzz' || "
         "a$b",
         8},
        {"SELECT count(*), x'00', 1.5e-3 FROM \"t\"\"u;\"", 10},
    };
    struct parsed p = parse_good("ok_split.sql");
    const struct endpoint *e = &p.file.endpoints[0];

    (void)state;
    assert_int_equal(e->statement_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(e->statements[i].text, expected[i].text);
        assert_int_equal(e->statements[i].line, expected[i].line);
    }
    drop(&p);
}

static void descriptions(void **state)
{
    struct parsed p = parse_good("ok_prose.sql");
    struct parsed q = parse_good("ok_crlf.sql");

    (void)state;
    assert_int_equal(p.file.endpoint_count, 1);
    assert_string_equal(
        p.file.endpoints[0].description,
        "GET the chefs, and\nEVERY review of them; DAILY news too. See and/or "
        "/etc.\n\n@ five stars");
    assert_string_equal(q.file.endpoints[0].description, "First.\n\nSecond.");
    assert_string_equal(q.file.endpoints[0].http, "no-store");
    assert_string_equal(q.file.endpoints[0].statements[0].text,
                        "SELECT 1,\r\n       2");
    drop(&p);
    drop(&q);
}

static void jobs(void **state)
{
    struct parsed p = parse_good("ok_jobs.sql");
    const struct job *job = p.file.jobs;

    (void)state;
    assert_int_equal(p.file.endpoint_count, 0);
    assert_int_equal(p.file.job_count, 2);
    assert_string_equal(job[0].name, "revenue");
    assert_string_equal(job[0].description, "Sums up.");
    assert_int_equal(job[0].when.every_ms, 300 * 1000);
    assert_int_equal(job[0].timeout_ms, 60 * 1000);
    assert_int_equal(job[0].statement_count, 2);
    assert_string_equal(job[0].statements[0].text, "DELETE FROM revenue");
    assert_int_equal(job[0].statements[0].line, 4);
    assert_string_equal(job[1].name, "clean");
    assert_int_equal(job[1].when.every_ms, 0);
    assert_int_equal(job[1].when.daily_minute, 3 * 60 + 30);
    assert_int_equal(job[1].timeout_ms, TIMEOUT_MS);
    assert_int_equal(job[1].line, 6);
    drop(&p);
}

/* Files append to one list, and none may take another's path. */
static void files_share_paths(void **state)
{
    struct parsed p = parse_text("a.sql", SLICE("-- GET /x/{a}\nSELECT :a;\n"));

    (void)state;
    assert_true(p.good);
    assert_true(sqlfile_parse(
        &p.file, "b.sql",
        SLICE("-- DELETE /x/{a}\n-- @auth user\nSELECT :a;\n-- GET /x/a\n"
              "SELECT 1;"),
        &p.fault));
    assert_int_equal(p.file.endpoint_count, 3);
    assert_string_equal(p.file.endpoints[2].file, "b.sql");
    assert_false(sqlfile_parse(
        &p.file, "c.sql", SLICE("\n-- GET /x/{b}\nSELECT :b;\n"), &p.fault));
    assert_string_equal(p.fault.text,
                        "c.sql:2: GET /x/{b} is declared already at a.sql:1");
    drop(&p);
}

static void page_maximum(void **state)
{
    static const struct {
        const char *text;
        int64_t max;
    } cases[] = {
        {"-- GET /\n-- @page 7\nSELECT 1", 70},
        {"-- GET /\n-- @page 100\nSELECT 1", 1000},
        {"-- GET /\n-- @page 101\nSELECT 1", 1000},
        {"-- GET /\n-- @page 2000\nSELECT 1", 2000},
        {"-- GET /\n-- @page 2000 max 3000\nSELECT 1", 3000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed p = parse_text("t.sql", slice_of(cases[i].text));
        assert_true(p.good);
        assert_int_equal(p.file.endpoints[0].page.max, cases[i].max);
        drop(&p);
    }
}

/* ---- fingerprints ---- */

static uint64_t print_of(const char *text, size_t index)
{
    struct parsed p = parse_text("t.sql", slice_of(text));
    uint64_t print;

    if (!p.good)
        fail_msg("%s", p.fault.text);
    assert_true(index < p.file.endpoint_count);
    print = p.file.endpoints[index].fingerprint;
    drop(&p);
    return print;
}

#define BLOCK                                                                  \
    "-- GET /a/{id}\n-- Says a.\n-- @param id integer min 1\n-- @cache 5m\n"   \
    "SELECT a FROM t\n WHERE id = :id"

static void fingerprint_stays(void **state)
{
    static const struct {
        const char *text;
        size_t index;
    } cases[] = {
        {BLOCK ";\n", 0},
        {BLOCK "\n-- below\n", 0},
        {"\n\n-- of the file\n" BLOCK, 0},
        {"-- GET /b\nSELECT 1;\n" BLOCK, 1},
        {BLOCK ";\n-- GET /b\nSELECT 1;\n", 0},
        {"-- GET /a/{id}\n-- @param id integer min 1\n-- Says\n-- more.\n"
         "-- @cache 5m\n/* why */\nSELECT a FROM t\n WHERE id = :id;;",
         0},
    };
    uint64_t print = print_of(BLOCK, 0);

    (void)state;
    assert_true(print != 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(print == print_of(cases[i].text, cases[i].index));
}

/* Each differs from the block in what can change its answer, and from all
 * others. */
static void fingerprint_changes(void **state)
{
    static const char *const cases[] = {
        BLOCK,
        "-- GET /b/{id}\n-- @param id integer min 1\n-- @cache 5m\n"
        "SELECT a FROM t\n WHERE id = :id",
        "-- PUT /a/{id}\n-- @auth public\n-- @param id integer min 1\n"
        "SELECT a FROM t\n WHERE id = :id",
        "-- GET /a/{id}\n-- @param id integer min 2\n-- @cache 5m\n"
        "SELECT a FROM t\n WHERE id = :id",
        "-- GET /a/{id}\n-- @param id integer min 1\n-- @cache 6m\n"
        "SELECT a FROM t\n WHERE id = :id",
        "-- GET /a/{id}\n-- @param id integer min 1\n-- @cache 5m\n-- @one\n"
        "SELECT a FROM t\n WHERE id = :id",
        "-- GET /a/{id}\n-- @cache 5m\nSELECT a FROM t\n WHERE id = :id",
        "-- GET /a/{id}\n-- @param id integer min 1\n-- @cache 5m\n"
        "SELECT b FROM t\n WHERE id = :id",
        "-- GET /a/{id}\n-- @param id integer min 1\n-- @cache 5m\n"
        "SELECT 'a' FROM t\n WHERE id = :id",
        BLOCK "; SELECT 1",
        "-- GET /a/{id}\n-- @param id integer min 1\n-- @cache 5m\n"
        "SELECT 1; SELECT a FROM t\n WHERE id = :id",
        /* names of columns without AS are their text */
        "-- GET /b\nSELECT a+b FROM t",
        "-- GET /b\nSELECT a + b FROM t",
        "-- GET /b\nSELECT a /* and */ + b FROM t",
    };
    enum { COUNT = sizeof cases / sizeof *cases };
    uint64_t prints[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        prints[i] = print_of(cases[i], 0);
        for (size_t k = 0; k < i; k++)
            if (prints[i] == prints[k])
                fail_msg("%s\nis like\n%s", cases[i], cases[k]);
    }
}

/* A text cut anywhere parses or fails, but never reads behind its end: the
 * copy is exactly as long as the text, for a sanitizer to watch. */
static void every_prefix(void **state)
{
    struct parsed whole = parse_good("ok_chefs.sql");

    (void)state;
    for (size_t len = 0; len < whole.text.len; len++) {
        char *copy = malloc(len + (len == 0));
        assert_non_null(copy);
        memcpy(copy, whole.text.ptr, len);
        struct parsed p = parse_text("cut.sql", (struct slice){copy, len});
        if (!p.good)
            assert_memory_equal(p.fault.text, "cut.sql:", 8);
        drop(&p);
        free(copy);
    }
    drop(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_exact),
        cmocka_unit_test(good_files_parse),
        cmocka_unit_test(one_row),
        cmocka_unit_test(list_directives),
        cmocka_unit_test(lists_origins),
        cmocka_unit_test(says_slow),
        cmocka_unit_test(list_params),
        cmocka_unit_test(each_element),
        cmocka_unit_test(statements_split),
        cmocka_unit_test(descriptions),
        cmocka_unit_test(jobs),
        cmocka_unit_test(files_share_paths),
        cmocka_unit_test(page_maximum),
        cmocka_unit_test(fingerprint_stays),
        cmocka_unit_test(fingerprint_changes),
        cmocka_unit_test(every_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
