#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>
#include <cmocka.h>

#include "common/app/paramdecl.h"
#include "common/app/pattern.h"
#include "common/app/value.h"

#define TEXT(s)   .raw = {.kind = RAW_TEXT, .text = {s, sizeof(s) - 1}}
#define STRING(s) .raw = {.kind = RAW_STRING, .text = {s, sizeof(s) - 1}}
#define NESTED(s) .raw = {.kind = RAW_NESTED, .text = {s, sizeof(s) - 1}}
#define INT(n)    .raw = {.kind = RAW_INTEGER, .integer = (n)}
#define REAL(n)   .raw = {.kind = RAW_REAL, .real = (n)}
#define BOOL(n)   .raw = {.kind = RAW_BOOLEAN, .integer = (n)}
#define NUL       .raw = {.kind = RAW_NULL}

/* A declaration, what a client wrote, and what becomes of it. */
static const struct {
    const char *declared;
    struct raw raw;
    const char *why; /* the fault; null: none */
    enum value_kind kind;
    int64_t integer;
    double real;
    const char *text;
} cases[] = {
    {"n integer", TEXT("-9223372036854775808"), .kind = VALUE_INT,
     .integer = INT64_MIN},
    {"n integer", INT(7), .kind = VALUE_INT, .integer = 7},
    {"n integer", TEXT("9223372036854775808"), .why = "must be an integer"},
    {"n integer", TEXT("1.0"), .why = "must be an integer"},
    {"n integer", TEXT(""), .why = "must be an integer"},
    {"n integer", REAL(1.0), .why = "must be an integer"},
    {"n integer", STRING("1"), .why = "must be an integer"},
    {"n integer", BOOL(1), .why = "must be an integer"},
    {"n integer", NESTED("[1]"), .why = "must be an integer"},
    {"n integer", NUL, .kind = VALUE_NULL},
    {"n integer required", NUL, .why = "is required"},
    {"n integer min 1 max 9", INT(9), .kind = VALUE_INT, .integer = 9},
    {"n integer min 1 max 9", INT(0), .why = "must be at least 1"},
    {"n integer min 1 max 9", INT(10), .why = "must be at most 9"},
    /* beyond the integers that a double can tell apart */
    {"n integer max 9007199254740992", INT(9007199254740992), .kind = VALUE_INT,
     .integer = 9007199254740992},
    {"n integer max 9007199254740992", INT(9007199254740993),
     .why = "must be at most 9007199254740992"},
    {"n integer in 1,2", INT(2), .kind = VALUE_INT, .integer = 2},
    {"n integer in 1,2", TEXT("02"), .kind = VALUE_INT, .integer = 2},
    {"n integer in 1,2", INT(3), .why = "must be one of 1, 2"},

    {"r real", TEXT("-1e3"), .kind = VALUE_REAL, .real = -1000},
    {"r real", INT(3), .kind = VALUE_REAL, .real = 3},
    {"r real", REAL(0.5), .kind = VALUE_REAL, .real = 0.5},
    {"r real", REAL(INFINITY), .why = "must be a number"},
    {"r real", TEXT("1e999"), .why = "must be a number"},
    {"r real", TEXT("nan"), .why = "must be a number"},
    {"r real", STRING("1"), .why = "must be a number"},
    {"r real min 0.5 max 1", REAL(0.4), .why = "must be at least 0.5"},
    {"r real min 0.5 max 1", TEXT("1.01"), .why = "must be at most 1"},
    {"r real in 0.5,1", REAL(0.5), .kind = VALUE_REAL, .real = 0.5},
    {"r real in 0.5,1", REAL(0.6), .why = "must be one of 0.5, 1"},

    {"b boolean", TEXT("TRUE"), .kind = VALUE_INT, .integer = 1},
    {"b boolean", TEXT("off"), .kind = VALUE_INT, .integer = 0},
    {"b boolean", TEXT("0"), .kind = VALUE_INT, .integer = 0},
    {"b boolean", BOOL(1), .kind = VALUE_INT, .integer = 1},
    {"b boolean", BOOL(0), .kind = VALUE_INT, .integer = 0},
    {"b boolean", TEXT(""), .why = "must be true or false"},
    {"b boolean", TEXT("2"), .why = "must be true or false"},
    {"b boolean", INT(1), .why = "must be true or false"},
    {"b boolean", STRING("true"), .why = "must be true or false"},

    {"t text", TEXT(""), .kind = VALUE_TEXT, .text = ""},
    {"t text", STRING("a"), .kind = VALUE_TEXT, .text = "a"},
    {"t text", TEXT("\xff"), .why = "must be UTF-8"},
    {"t text", STRING("a\xed\xa0\x80"), .why = "must be UTF-8"},
    {"t text", INT(1), .why = "must be a string"},
    {"t text", NESTED("{}"), .why = "must be a string"},
    {"t text min 2 max 3", TEXT("\xc3\xa9"),
     .why = "must have at least 2 characters"},
    {"t text min 2 max 3", TEXT("\xc3\xa9\xc3\xa9\xc3\xa9"), .kind = VALUE_TEXT,
     .text = "\xc3\xa9\xc3\xa9\xc3\xa9"},
    {"t text min 2 max 3", TEXT("abcd"),
     .why = "must have at most 3 characters"},
    {"t text in a,b", TEXT("b"), .kind = VALUE_TEXT, .text = "b"},
    {"t text in a,b", TEXT("ab"), .why = "must be one of a, b"},
    {"t text in a,b", TEXT(""), .why = "must be one of a, b"},
    {"t text pattern [a-z]+", TEXT("abc"), .kind = VALUE_TEXT, .text = "abc"},
    {"t text pattern [a-z]+", TEXT("abc1"), .why = "must match [a-z]+"},
    {"t text pattern [a-z]+", TEXT(""), .why = "must match [a-z]+"},
    {"t text pattern a|b", TEXT("ab"), .why = "must match a|b"},
    {"t text pattern [a-z]+", TEXT("a\nb"), .why = "must match [a-z]+"},

    {"d date", TEXT("2024-02-29"), .kind = VALUE_TEXT, .text = "2024-02-29"},
    {"d date", TEXT("2023-02-29"), .why = "must be a date, YYYY-MM-DD"},
    {"d date", INT(20240229), .why = "must be a date, YYYY-MM-DD"},
    {"d date min 2024-01-01", TEXT("2023-12-31"),
     .why = "must not be before 2024-01-01"},
    {"d date max 2024-01-01", TEXT("2024-01-02"),
     .why = "must not be after 2024-01-01"},
    {"d datetime", STRING("2024-01-01T00:00:00Z"), .kind = VALUE_TEXT,
     .text = "2024-01-01T00:00:00Z"},
    {"d datetime", STRING("2024-01-01"),
     .why = "must be a date and time, YYYY-MM-DDTHH:MM:SSZ"},

    {"j json", NESTED("[1]"), .kind = VALUE_TEXT, .text = "[1]"},
    {"j json", TEXT("[1]"), .kind = VALUE_TEXT, .text = "[1]"},
    {"j json", STRING("a\"\n"), .kind = VALUE_TEXT, .text = "\"a\\\"\\n\""},
    {"j json", INT(-7), .kind = VALUE_TEXT, .text = "-7"},
    {"j json", REAL(0.5), .kind = VALUE_TEXT, .text = "0.5"},
    {"j json", BOOL(1), .kind = VALUE_TEXT, .text = "true"},
    {"j json", BOOL(0), .kind = VALUE_TEXT, .text = "false"},
    {"j json", NUL, .kind = VALUE_NULL},

    {"x blob", TEXT("YQBi"), .kind = VALUE_BLOB, .text = "a\0b"},
    {"x blob", STRING(""), .kind = VALUE_BLOB, .text = ""},
    {"x blob", TEXT("YQB"), .why = "must be base64"},
    {"x blob", TEXT("YQ=="), .kind = VALUE_BLOB, .text = "a"},
    {"x blob", TEXT("YR=="), .why = "must be base64"},
    {"x blob", INT(1), .why = "must be base64"},
    {"x blob min 2 max 2", TEXT("YQ=="), .why = "must have at least 2 bytes"},
    {"x blob max 2", TEXT("YWJj"), .why = "must have at most 2 bytes"},
};

static void reads_values(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct param p;
        struct value v = {.kind = VALUE_NULL};
        struct fault why = {""};
        struct buf scratch = {0};
        buf_reserve(&scratch, 100);
        if (!paramdecl_parse(arena, slice_of(cases[i].declared), &p, &why))
            fail_msg("%s: %s", cases[i].declared, why.text);
        bool good = value_read(&p, &cases[i].raw, &scratch, &v, &why);
        if (good != (cases[i].why == NULL) ||
            (!good && strcmp(why.text, cases[i].why) != 0) ||
            (good && v.kind != cases[i].kind))
            fail_msg("%s, case %zu: %s", cases[i].declared, i, why.text);
        if (good && v.kind == VALUE_INT)
            assert_int_equal(v.integer, cases[i].integer);
        if (good && v.kind == VALUE_REAL)
            assert_true(v.real == cases[i].real);
        if (good && v.kind >= VALUE_TEXT)
            assert_true(cases[i].text &&
                        memcmp(v.text.ptr, cases[i].text, v.text.len) == 0);
        if (good && v.kind == VALUE_TEXT)
            assert_int_equal(v.text.len, strlen(cases[i].text));
        pattern_free(p.matcher);
        buf_free(&scratch);
    }
    arena_free(arena);
}

/* A list of choices longer than a fault can hold is cut, not overrun. */
static void many_choices(void **state)
{
    struct arena *arena = arena_new();
    struct buf declared = {0};
    struct buf scratch = {0};
    struct raw raw = {.kind = RAW_TEXT, .text = SLICE("none")};
    struct param p;
    struct value v;
    struct fault why;

    (void)state;
    buf_string(&declared, "t text in a");
    for (int i = 0; i < 200; i++)
        buf_format(&declared, ",choice%d", i);
    if (!paramdecl_parse(arena, buf_view(&declared), &p, &why))
        fail_msg("%s", why.text);
    assert_false(value_read(&p, &raw, &scratch, &v, &why));
    assert_true(strlen(why.text) < sizeof why.text);
    assert_memory_equal(why.text, "must be one of a, choice0, ", 27);
    buf_free(&declared);
    buf_free(&scratch);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values),
        cmocka_unit_test(many_choices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
