#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "worker/db/db.h"
#include "worker/http/json.h"

static struct json *reader;
static struct buf seen;

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
    buf_free(&seen);
    json_free(reader);
    return 0;
}

/* Writes down a member as "name:kind:value|". */
static bool on_member(void *self, const struct member *m)
{
    static const char kinds[] = {
        [RAW_TEXT] = '?',  [RAW_STRING] = 's',  [RAW_INTEGER] = 'i',
        [RAW_REAL] = 'r',  [RAW_BOOLEAN] = 'b', [RAW_NULL] = 'n',
        [RAW_NESTED] = 'j'};
    int *left = self;

    buf_slice(&seen, m->name);
    buf_format(&seen, ":%c:", kinds[m->raw.kind]);
    if (m->raw.kind == RAW_INTEGER || m->raw.kind == RAW_BOOLEAN)
        buf_int(&seen, m->raw.integer);
    else if (m->raw.kind == RAW_REAL)
        buf_format(&seen, "%g", m->raw.real);
    else
        buf_slice(&seen, m->raw.text);
    buf_byte(&seen, '|');
    return --*left > 0;
}

#define S(s)                                                                   \
    {                                                                          \
        s, sizeof(s) - 1                                                       \
    }

static const struct {
    struct slice text;
    const char *seen; /* null: no object */
} objects[] = {
    {S("{}"), ""},
    {S(" \t\r\n{ } \n"), ""},
    {S("{\"a\":1,\"b\":-0.5,\"c\":\"x\",\"d\":true,\"e\":false,\"f\":null}"),
     "a:i:1|b:r:-0.5|c:s:x|d:b:1|e:b:0|f:n:|"},
    {S("{\"a\":[1,{}],\"b\":{\"c\":[]}}"), "a:j:[1,{}]|b:j:{\"c\":[]}|"},
    {S("{\"a\":9223372036854775807,\"b\":9223372036854775808}"),
     "a:i:9223372036854775807|b:r:9.22337e+18|"},
    {S("{\"a\":-9223372036854775808}"), "a:i:-9223372036854775808|"},
    {S("{\"a\":1.0,\"b\":1e2,\"c\":1e999}"), "a:r:1|b:r:100|c:r:inf|"},
    {S("{\"\\u0061\":\"\\u00e9\\ud83d\\ude00\\n\\\\u0000\\/\"}"),
     "a:s:\xc3\xa9\xf0\x9f\x98\x80\n\\u0000/|"},
    {S("{\"\":\"\"}"), ":s:|"},
    {S("{\"a\":1,\"a\":2}"), "a:i:1|a:i:2|"},
    {S("{\"a\":\"\\u0000\"}"), NULL},
    {S("{\"\\u0000\":1}"), NULL},
    {S("{\"a\":\"\\\\\\u0000\"}"), NULL},
    {S("{\"a\":{\"b\":\"\\u0000\"}}"), NULL},
    {S("{\"a\":1}\0"), NULL},
    {S("\0{\"a\":1}"), NULL},
    {S("{\"a\":1\0}"), NULL},
    {S("{\"a\":\"\xff\"}"), NULL},
    {S("{\"a\":\"\xed\xa0\x80\"}"), NULL},
    {S(""), NULL},
    {S("  "), NULL},
    {S("[]"), NULL},
    {S("1"), NULL},
    {S("null"), NULL},
    {S("{"), NULL},
    {S("{\"a\"}"), NULL},
    {S("{\"a\":}"), NULL},
    {S("{\"a\":1,}"), NULL},
    {S("{a:1}"), NULL},
    {S("{'a':1}"), NULL},
    {S("{\"a\":01}"), NULL},
    {S("{\"a\":+1}"), NULL},
    {S("{\"a\":.5}"), NULL},
    {S("{\"a\":NaN}"), NULL},
    {S("{\"a\":\"\n\"}"), NULL},
    {S("{\"a\":\"\\x\"}"), NULL},
    {S("{\"a\":\"\\u00g0\"}"), NULL},
    {S("{\"a\":1} x"), NULL},
    {S("{\"a\":1}{}"), NULL},
    {S("\xef\xbb\xbf{}"), NULL},
};

static void reads_objects(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        int left = 1000;
        const struct json_visitor visitor = {on_member, &left};
        buf_clear(&seen);
        bool good = json_members(reader, objects[i].text, &visitor);
        if (good != (objects[i].seen != NULL) ||
            (good && strcmp(buf_text(&seen), objects[i].seen) != 0))
            fail_msg("%s: %s", objects[i].text.ptr, buf_text(&seen));
    }
}

static void stops_when_told(void **state)
{
    int left = 1;
    const struct json_visitor visitor = {on_member, &left};

    (void)state;
    buf_clear(&seen);
    assert_true(json_members(reader, SLICE("{\"a\":1,\"b\":2}"), &visitor));
    assert_string_equal(buf_text(&seen), "a:i:1|");
}

static void reads_arrays(void **state)
{
    int left = 1000;
    const struct json_visitor visitor = {on_member, &left};

    (void)state;
    buf_clear(&seen);
    assert_true(json_elements(reader, SLICE("[1,\"x\",[2],{}]"), &visitor));
    assert_string_equal(buf_text(&seen), ":i:1|:s:x|:j:[2]|:j:{}|");
    assert_false(json_elements(reader, SLICE("{}"), &visitor));
    assert_false(json_elements(reader, SLICE("[1"), &visitor));
}

/* An object, the array in it, the objects in that: as @each walks. */
static bool on_outer(void *self, const struct member *m)
{
    const struct json_visitor down = {m->name.len > 0 ? on_outer : on_member,
                                      self};

    if (m->raw.kind != RAW_NESTED)
        return on_member(self, m);
    assert_true(m->name.len > 0 ? json_elements(reader, m->raw.text, &down)
                                : json_members(reader, m->raw.text, &down));
    return true;
}

static void walks_in_walks(void **state)
{
    int left = 1000;
    const struct json_visitor visitor = {on_outer, &left};

    (void)state;
    buf_clear(&seen);
    for (int i = 0; i < 3; i++)
        assert_true(json_members(
            reader,
            SLICE("{\"x\":1,\"l\":[{\"a\":2,\"b\":3},7,{\"c\":[]}],\"y\":4}"),
            &visitor));
    const char *once = "x:i:1|a:i:2|b:i:3|:i:7|c:j:[]|y:i:4|";
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(buf_text(&seen) + i * strlen(once), once,
                            strlen(once));
}

static void validates(void **state)
{
    struct buf deep = {0};

    (void)state;
    assert_true(json_valid(reader, SLICE("[1,2]")));
    assert_true(json_valid(reader, SLICE(" \"\\u0000\" ")));
    assert_false(json_valid(reader, SLICE("")));
    assert_false(json_valid(reader, (struct slice){NULL, 0}));
    assert_false(json_valid(reader, SLICE("1\0")));
    assert_false(json_valid(reader, SLICE("\"\xff\"")));
    assert_false(json_valid(reader, SLICE("tru")));
    for (int i = 0; i < 100000; i++)
        buf_byte(&deep, '[');
    for (int i = 0; i < 100000; i++)
        buf_byte(&deep, ']');
    assert_false(json_valid(reader, buf_view(&deep))); /* and no overflow */
    buf_free(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_objects), cmocka_unit_test(stops_when_told),
        cmocka_unit_test(reads_arrays),  cmocka_unit_test(walks_in_walks),
        cmocka_unit_test(validates),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
