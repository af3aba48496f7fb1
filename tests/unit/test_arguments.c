#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ask.h"
#include "tests/unit/declare.h"
#include "worker/endpoint/arguments.h"
#include "worker/db/db.h"

static struct json *reader;
static struct arguments arguments; /* reused, as a worker does */

static int set_up(void **state)
{
    struct fault fault;

    (void)state;
    db_init();
    reader = json_new(&fault);
    return reader ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arguments_free(&arguments);
    json_free(reader);
    return 0;
}

#define ALL                                                                    \
    "-- POST /a/{id}/{slug}\n-- @auth public\n-- @param id integer\n"          \
    "-- @param n integer default 7\n-- @param t text default x\n"              \
    "-- @param o text\n-- @param b blob default YWI=\n-- @param j json\n"      \
    "SELECT :id, :slug, :n, :t, :o, :b, :j;\n"
#define EACH                                                                   \
    "-- POST /a/{id}\n-- @auth public\n-- @each l max 3\n"                     \
    "-- @param id integer\n-- @param n integer required\n"                     \
    "-- @param t text default x\n-- @param j json\n"                           \
    "SELECT :id, :n, :t, :j;\n"
#define NEEDY                                                                  \
    "-- PATCH /a\n-- @auth public\n-- @param n integer required\nSELECT :n;\n"
#define READ "-- GET /a\n-- @param n integer\nSELECT :n;\n"
#define BARE "-- POST /a\n-- @auth public\nSELECT 1;\n"

/* Values are written as type and value, sets are parted by '|'. In order of
 * declaration; those of the path that no @param names come last. */
static const struct {
    const char *declared;
    struct asked ask;
    const char *values; /* null: errors */
    const char *errors; /* somewhere in them, or in the fault */
    int status;         /* 0: 400, with errors */
} cases[] = {
    {ALL,
     {.line = "POST /a/1/s%2F", .json = "{}"},
     .values = "i1 i7 tx n bab n ts/ "},
    {ALL, {.line = "POST /a/1/s"}, .values = "i1 i7 tx n bab n ts "},
    {ALL,
     {.line = "POST /a/1/s?o=q&n=2", .form = "t=f+g&j=%7B%7D"},
     .values = "i1 i2 tf g tq bab t{} ts "},
    /* the path has the say, and what nobody declared is passed over */
    {ALL,
     {.line = "POST /a/1/s?id=9&z=1",
      .json = "{\"id\":8,\"slug\":\"u\",\"z\":{},\"j\":\"\\u0001\"}"},
     .values = "i1 i7 tx n bab t\"\\u0001\" ts "},
    {ALL,
     {.line = "POST /a/1/s",
      .json = "{\"n\":null,\"t\":null,\"b\":null,\"j\":null}"},
     .values = "i1 n n n n n ts "},
    {ALL,
     {.line = "POST /a/1/s?n=1", .json = "{\"n\":1}"},
     .errors = "{\"pointer\":\"/n\",\"detail\":\"is given more than once\"}"},
    {ALL, {.line = "POST /a/1/s?n=1&n=1"}, .errors = "more than once"},
    {ALL,
     {.line = "POST /a/x/s", .form = "b=*&j=%7B&n="},
     .errors = "{\"pointer\":\"/id\",\"detail\":\"must be an integer\"},"
               "{\"pointer\":\"/b\",\"detail\":\"must be base64\"},"
               "{\"pointer\":\"/j\",\"detail\":\"must be JSON\"},"
               "{\"pointer\":\"/n\",\"detail\":\"must be an integer\"}"},
    {ALL,
     {.line = "POST /a/1/s", .json = "[]"},
     .errors = "The body must be a JSON object",
     .status = 400},
    {ALL,
     {.line = "POST /a/1/s", .form = "a=%"},
     .errors = "malformed",
     .status = 400},
    {ALL,
     {.line = "POST /a/1/s", .text = "{}"},
     .errors = "application/json or",
     .status = 415},

    {EACH,
     {.line = "POST /a/5",
      .json = "{\"l\":[{\"n\":1},{\"n\":2,"
              "\"t\":\"y\",\"j\":[\"\\n\"]}]}"},
     .values = "i5 i1 tx n |i5 i2 ty t[\"\\n\"] "},
    /* the query cannot give what belongs to the elements */
    {EACH,
     {.line = "POST /a/5?n=9", .json = "{\"l\":[{\"id\":4}]}"},
     .errors = "{\"pointer\":\"/l/0/n\",\"detail\":\"is required\"}"},
    {EACH,
     {.line = "POST /a/5",
      .json = "{\"l\":[{\"n\":1},{\"n\":2},"
              "{\"n\":3}]}"},
     .values = "i5 i1 tx n |i5 i2 tx n |i5 i3 tx n "},
    {EACH,
     {.line = "POST /a/5", .json = "{\"l\":[1,{},3,4,5]}"},
     .errors = "{\"pointer\":\"/l/0\",\"detail\":\"must be an object\"},"
               "{\"pointer\":\"/l/1/n\",\"detail\":\"is required\"},"
               "{\"pointer\":\"/l/2\",\"detail\":\"must be an object\"},"
               "{\"pointer\":\"/l\",\"detail\":\"must have at most 3 "
               "elements\"}"},
    {EACH,
     {.line = "POST /a/5", .json = "{\"l\":[null]}"},
     .errors = "must be an object"},
    {EACH,
     {.line = "POST /a/5", .json = "{\"l\":null}"},
     .errors = "must be an array"},
    {EACH,
     {.line = "POST /a/5", .form = "l=1"},
     .errors = "must be application/json",
     .status = 415},
    {EACH, {.line = "POST /a/5"}, .errors = "A body", .status = 411},

    {NEEDY, {.line = "PATCH /a"}, .errors = "A body", .status = 411},
    {NEEDY, {.line = "PATCH /a?n=3"}, .values = "i3 "},
    {NEEDY,
     {.line = "PATCH /a",
      .fields = "Transfer-Encoding: chunked\r\n",
      .text = "0\r\n\r\n"},
     .errors = "{\"pointer\":\"/n\",\"detail\":\"is required\"}"},
    {READ, {.line = "GET /a", .json = "{\"n\":1}"}, .values = "n "},
    {READ, {.line = "GET /a?n=-0"}, .values = "i0 "},
    {BARE, {.line = "POST /a", .text = "anything"}, .values = ""},
};

static void write_values(struct buf *out, size_t width)
{
    for (size_t set = 0; set < arguments.sets; set++) {
        if (set > 0)
            buf_byte(out, '|');
        for (size_t i = 0; i < width; i++) {
            const struct value *v = arguments_value(&arguments, set, i);
            buf_byte(out, "nirtb"[v->kind]);
            if (v->kind == VALUE_INT)
                buf_int(out, v->integer);
            else if (v->kind == VALUE_REAL)
                buf_real(out, v->real);
            else if (v->kind != VALUE_NULL)
                buf_slice(out, v->text);
            buf_byte(out, ' ');
        }
    }
}

/* A chunked body stands in `text` as it is: no length is said for it. */
static const struct request *ask_case(struct ask *a, const struct asked *q)
{
    if (q->fields == NULL)
        return ask(a, q);
    struct asked head = {.line = q->line, .fields = q->fields};
    struct request *r = request_new(&ask_limits);
    a->req = r;
    buf_format(&a->in, "%s HTTP/1.1\r\nHost: a\r\n%s\r\n%s", head.line,
               head.fields, q->text);
    assert_int_equal(request_feed(r, &a->in), REQUEST_COMPLETE);
    return r;
}

static void reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sqlfile f;
        struct ask a = {NULL, {NULL, 0, 0}};
        struct buf seen = {0};
        struct fault fault = {""};
        const struct endpoint *e = declare(&f, cases[i].declared);
        int status = arguments_read(&arguments, reader, e,
                                    ask_case(&a, &cases[i].ask), &fault);
        int wanted = cases[i].values        ? 0
                     : cases[i].status != 0 ? cases[i].status
                                            : 400;
        if (status == 0)
            write_values(&seen, e->param_count);
        else if (arguments.errors.len > 0)
            buf_slice(&seen, buf_view(&arguments.errors));
        else
            buf_string(&seen, fault.text);
        const char *text = buf_text(&seen);
        if (status != wanted ||
            (cases[i].values && strcmp(text, cases[i].values) != 0) ||
            (cases[i].errors && !strstr(text, cases[i].errors)) ||
            (cases[i].status && arguments.errors.len > 0))
            fail_msg("%s, case %zu: %d %s", cases[i].ask.line, i, status, text);
        ask_free(&a);
        undeclare(&f);
        buf_free(&seen);
    }
}

/* Bodies whose values grow when they are read: no value may move meanwhile. */
static void values_that_grow(void **state)
{
    struct sqlfile f;
    struct ask a = {NULL, {NULL, 0, 0}};
    struct fault fault;
    struct buf body = {0};
    const struct endpoint *e = declare(&f, EACH);

    (void)state;
    for (size_t size = 1; size < 3000; size += 1 + size / 7) {
        buf_clear(&body);
        buf_string(&body, "{\"l\":[");
        for (int element = 0; element < 3; element++) {
            buf_format(&body, "%s{\"n\":%d,\"j\":\"", element ? "," : "",
                       element);
            for (size_t i = 0; i < size; i++)
                buf_string(&body, i % 3 ? "\\u0001" : "\xc3\xa9");
            buf_string(&body, "\"}");
        }
        buf_string(&body, "]}");
        const struct request *req = ask(
            &a, &(struct asked){.line = "POST /a/1", .json = buf_text(&body)});
        arguments_free(&arguments); /* no room is left from before */
        assert_int_equal(arguments_read(&arguments, reader, e, req, &fault), 0);
        for (size_t set = 0; set < 3; set++) {
            const struct value *v = arguments_value(&arguments, set, 3);
            assert_int_equal(arguments_value(&arguments, set, 1)->integer, set);
            assert_int_equal(v->kind, VALUE_TEXT);
            assert_true(json_valid(reader, v->text));
        }
    }
    ask_free(&a);
    undeclare(&f);
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(values_that_grow),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
