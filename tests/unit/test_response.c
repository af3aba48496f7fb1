#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

#include "worker/http/response.h"

#define DATE        "Sun, 06 Nov 1994 08:49:37 GMT"
#define TOP(status) "HTTP/1.1 " status "\r\nServer: prong\r\nDate: " DATE "\r\n"
#define ID          "X-Request-ID: r1\r\n"

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

static const char *finish(int minor)
{
    static struct buf copy;

    buf_clear(&copy);
    buf_slice(&copy, response_finish(&res, SLICE(DATE), minor));
    return buf_text(&copy);
}

static void ordinary(void **state)
{
    (void)state;
    res.type = "text/plain";
    buf_string(&res.body, "hello");
    response_header(&res, "X-A", SLICE("b"));
    assert_string_equal(
        finish(1),
        TOP("200 OK") "Content-Type: text/plain\r\nContent-Length: 5\r\n" ID
                      "X-A: b\r\n\r\nhello");
}

/* One span without a copy: head and body lie together. */
static void lies_in_one_piece(void **state)
{
    (void)state;
    buf_string(&res.body, "hello");
    struct slice all = response_finish(&res, SLICE(DATE), 1);
    assert_ptr_equal(all.ptr + all.len, res.body.data + res.body.len);
}

/* A head longer than the room in front of the body. */
static void long_heads(void **state)
{
    char value[RESPONSE_ROOM];

    (void)state;
    memset(value, 'v', sizeof value);
    for (size_t len = RESPONSE_ROOM - 200; len <= sizeof value; len++) {
        response_reset(&res);
        buf_string(&res.body, "hello");
        response_header(&res, "X", (struct slice){value, len});
        const char *text = finish(1);
        const char *end = strstr(text, "\r\n\r\n");
        assert_non_null(end);
        assert_string_equal(end, "\r\n\r\nhello");
        assert_non_null(strstr(text, "Content-Length: 5\r\n"));
        assert_int_equal(strspn(strstr(text, "X: ") + 3, "v"), len);
    }
}

static const struct {
    int status;
    bool head, close;
    int minor;
    const char *text; /* the whole answer with the body "hello" */
} cases[] = {
    {200, .head = true, .minor = 1,
     .text = TOP("200 OK") "Content-Length: 5\r\n" ID "\r\n"},
    {200, .close = true, .minor = 1,
     .text = TOP("200 OK") "Content-Length: 5\r\nConnection: close\r\n" ID
                           "\r\nhello"},
    {200, .minor = 0,
     .text = TOP("200 OK") "Content-Length: 5\r\nConnection: keep-alive\r\n" ID
                           "\r\nhello"},
    {200, .close = true, .minor = 0,
     .text = TOP("200 OK") "Content-Length: 5\r\nConnection: close\r\n" ID
                           "\r\nhello"},
    {204, .minor = 1, .text = TOP("204 No Content") ID "\r\n"},
    {304, .minor = 1, .text = TOP("304 Not Modified") ID "\r\n"},
    {404, .head = true, .minor = 1,
     .text = TOP("404 Not Found") "Content-Length: 5\r\n" ID "\r\n"},
    {299, .minor = 1,
     .text = TOP("299 Unknown") "Content-Length: 5\r\n" ID "\r\nhello"},
};

static void kinds_of_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tear_down(NULL);
        set_up(NULL);
        res.status = cases[i].status;
        res.head = cases[i].head;
        res.close = cases[i].close;
        buf_string(&res.body, "hello");
        assert_string_equal(finish(cases[i].minor), cases[i].text);
    }
}

static void values_cannot_split(void **state)
{
    (void)state;
    response_header(&res, "X", SLICE("a\r\nSet-Cookie: b\n\r"));
    assert_string_equal(buf_text(&res.headers), "X: aSet-Cookie: b\r\n");
}

static void files(void **state)
{
    (void)state;
    res.file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    res.file_length = 1234567890123;
    int fd = res.file;
    assert_string_equal(
        finish(1), TOP("200 OK") "Content-Length: 1234567890123\r\n" ID "\r\n");
    response_reset(&res);
    assert_int_equal(res.file, -1);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was closed */
}

/* After a reset nothing of the former answer is left. */
static void reuse(void **state)
{
    (void)state;
    res.status = 500;
    res.close = res.head = true;
    res.type = "x/y";
    res.route = "/a";
    response_header(&res, "X", SLICE("y"));
    buf_string(&res.body, "secret");
    finish(1);
    response_reset(&res);
    assert_int_equal(response_body(&res).len, 0);
    assert_null(res.route);
    assert_string_equal(
        finish(1), TOP("200 OK") "Content-Length: 0\r\nX-Request-ID: \r\n\r\n");
    response_reset(&res);
    buf_string(&res.body, "half");
    response_drop_body(&res);
    buf_string(&res.body, "whole");
    assert_true(slice_is(response_body(&res), "whole"));
}

static void phrases(void **state)
{
    (void)state;
    assert_string_equal(status_phrase(201), "Created");
    assert_string_equal(status_phrase(507), "Insufficient Storage");
    assert_string_equal(status_phrase(0), "Unknown");
}

#define with(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with(ordinary),
        with(lies_in_one_piece),
        with(long_heads),
        with(kinds_of_answers),
        with(values_cannot_split),
        with(files),
        with(reuse),
        with(phrases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
