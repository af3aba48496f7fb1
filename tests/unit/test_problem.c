#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/problem.h"

static struct response res;

static int set_up(void **state)
{
    (void)state;
    response_init(&res);
    memcpy(res.id, "r1", 2);
    res.id_len = 2;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    response_free(&res);
    return 0;
}

static void is(int status, const char *body)
{
    buf_text(&res.body);
    assert_int_equal(res.status, status);
    assert_string_equal(res.type, "application/problem+json");
    assert_string_equal(response_body(&res).ptr, body);
}

static void replaces_the_body(void **state)
{
    (void)state;
    buf_string(&res.body, "[{\"half\":");
    problem(&res, 404, "There is \"nothing\"\n");
    is(404, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
            "\"detail\":\"There is \\\"nothing\\\"\\n\","
            "\"request_id\":\"r1\"}");
    problem(&res, 500, NULL);
    is(500, "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\","
            "\"status\":500,\"request_id\":\"r1\"}");
}

static void lists_errors(void **state)
{
    struct buf errors = {0};

    (void)state;
    problem_error(&errors, "/a\"b", "is \xff");
    problem_error(&errors, "/c", "is required");
    problem_begin(&res, 400, NULL);
    problem_errors(&res, buf_view(&errors));
    is(400, "{\"type\":\"about:blank\",\"title\":\"Bad Request\","
            "\"status\":400,\"request_id\":\"r1\",\"errors\":["
            "{\"pointer\":\"/a\\\"b\",\"detail\":\"is \xef\xbf\xbd\"},"
            "{\"pointer\":\"/c\",\"detail\":\"is required\"}]}");
    buf_free(&errors);
}

/* What a client can make grow has an end. */
static void endless_errors(void **state)
{
    struct buf errors = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        problem_error(&errors, "/a", "is given more than once");
    assert_in_range(errors.len, PROBLEM_ERRORS, PROBLEM_ERRORS + 100);
    assert_int_equal(errors.data[errors.len - 1], '}');
    buf_free(&errors);
}

static const struct {
    enum db_result result;
    int status;
    bool retry;
} results[] = {
    {DB_UNIQUE, 409, false},    {DB_FOREIGN, 409, false},
    {DB_NOT_NULL, 422, false},  {DB_CHECK, 422, false},
    {DB_RAISED, 400, false},    {DB_DEADLINE, 504, false},
    {DB_CANCELLED, 503, false}, {DB_STOPPED, 503, true},
    {DB_BUSY, 503, true},       {DB_FULL, 507, false},
    {DB_READONLY, 503, true},   {DB_TOO_BIG, 413, false},
    {DB_CORRUPT, 500, false},   {DB_GONE, 503, true},
    {DB_ERROR, 500, false},     {DB_ROW, 500, false},
};

/* What SQLite says is for the log, but for what the author wrote himself. */
static void results_of_sql(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        response_reset(&res);
        problem_sql(&res, results[i].result, "UNIQUE failed: users.secret");
        assert_int_equal(res.status, results[i].status);
        assert_int_equal(problem_status(results[i].result), res.status);
        buf_text(&res.body);
        bool shown = strstr(response_body(&res).ptr, "users.secret") != NULL;
        assert_int_equal(shown, results[i].result == DB_RAISED);
        assert_int_equal(strstr(buf_text(&res.headers), "Retry-After: 1\r\n") !=
                             NULL,
                         results[i].retry);
    }
}

#define with(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with(replaces_the_body),
        with(lists_errors),
        with(endless_errors),
        with(results_of_sql),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
