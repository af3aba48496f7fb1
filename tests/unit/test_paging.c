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
#include "worker/endpoint/paging.h"

static const struct {
    const char *text;
    const char *sql[8]; /* of each variant; the last one counts */
} statements[] = {
    {"-- GET /a\n-- @page 5\nSELECT 1",
     {"SELECT * FROM (SELECT 1\n) LIMIT :prong_limit OFFSET :prong_offset",
      "SELECT count(*) FROM (SELECT 1\n)"}},
    {"-- GET /a\n-- @sort b,c\nSELECT b, c FROM t",
     {"SELECT * FROM (SELECT b, c FROM t\n)",
      "SELECT * FROM (SELECT b, c FROM t\n) ORDER BY \"b\" ASC",
      "SELECT * FROM (SELECT b, c FROM t\n) ORDER BY \"b\" DESC",
      "SELECT * FROM (SELECT b, c FROM t\n) ORDER BY \"c\" ASC",
      "SELECT * FROM (SELECT b, c FROM t\n) ORDER BY \"c\" DESC",
      "SELECT count(*) FROM (SELECT b, c FROM t\n)"}},
    {"-- GET /a\n-- @page key=-b,-c 5\nSELECT b, c FROM t",
     {"SELECT * FROM (SELECT b, c FROM t\n) ORDER BY \"b\" DESC, \"c\" DESC "
      "LIMIT :prong_limit",
      "SELECT * FROM (SELECT b, c FROM t\n) WHERE (\"b\", \"c\") < "
      "(:prong_key0, :prong_key1) ORDER BY \"b\" DESC, \"c\" DESC "
      "LIMIT :prong_limit",
      "SELECT * FROM (SELECT * FROM (SELECT b, c FROM t\n) WHERE (\"b\", "
      "\"c\") > (:prong_key0, :prong_key1) ORDER BY \"b\" ASC, \"c\" ASC "
      "LIMIT :prong_limit) ORDER BY \"b\" DESC, \"c\" DESC",
      "SELECT count(*) FROM (SELECT b, c FROM t\n)"}},
};

static void makes_statements(void **state)
{
    struct buf sql = {0};
    struct sqlfile f;

    (void)state;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        const struct endpoint *e = declare(&f, statements[i].text);
        int v = 0;
        assert_true(paging_on(e));
        for (; v < paging_variants(e); v++) {
            buf_clear(&sql);
            paging_sql(e, v, &sql);
            assert_string_equal(buf_text(&sql), statements[i].sql[v]);
        }
        assert_null(statements[i].sql[v]);
        assert_int_equal(paging_count_variant(e), v - 1);
        buf_clear(&sql);
        paging_sql(e, 0, &sql);
        const char *author = e->statements[0].text;
        assert_memory_equal(sql.data + paging_sql_offset(), author,
                            strlen(author));
        undeclare(&f);
    }
    assert_false(paging_on(declare(&f, "-- GET /a\nSELECT 1")));
    undeclare(&f);
    buf_free(&sql);
}

static const struct value keys[] = {
    {.kind = VALUE_INT, .integer = INT64_MIN},
    {.kind = VALUE_REAL, .real = 0.1},
    {.kind = VALUE_REAL, .real = -1.7976931348623157e308},
    {.kind = VALUE_TEXT, .text = {"", 0}},
    {.kind = VALUE_TEXT, .text = {"1;i2;\0t3:\xff\xf0", 11}},
};

static bool same(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == VALUE_TEXT)
        return slice_equal(a->text, b->text);
    return a->kind == VALUE_INT ? a->integer == b->integer : a->real == b->real;
}

/* Makes the link to the page behind these two keys and follows it. */
static void follow(const struct endpoint *e, const struct value *first,
                   const struct value *second)
{
    struct paging p = {.limit = 5};
    struct ask a = {NULL, {NULL, 0, 0}};
    struct buf cursor = {0};
    struct buf link = {0};
    char line[512];

    paging_cursor_add(&cursor, first);
    paging_cursor_add(&cursor, second);
    struct page_seen seen = {.more = true, .last_cursor = buf_view(&cursor)};
    paging_links(&p, e, ask(&a, &(struct asked){.line = "GET /a"}), &seen,
                 &link);
    snprintf(line, sizeof line, "GET %.*s",
             (int)strcspn(buf_text(&link) + 7, ">"), link.data + 7);
    buf_clear(&cursor);
    paging_read(&p, e, ask(&a, &(struct asked){.line = line}), &cursor);
    assert_int_equal(cursor.len, 0); /* no errors */
    assert_int_equal(p.key_count, 2);
    assert_false(p.backwards);
    assert_true(same(&p.keys[0], first) && same(&p.keys[1], second));
    paging_free(&p);
    buf_free(&cursor);
    buf_free(&link);
    ask_free(&a);
}

/* Cursors hold any value: what is written is read back. */
static void cursors(void **state)
{
    struct sqlfile f;
    const struct endpoint *e = declare(&f, "-- GET /a\n-- @page key=b,c 5\n"
                                           "SELECT b, c FROM t");

    (void)state;
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 5; k++)
            follow(e, &keys[i], &keys[k]);
    undeclare(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_statements),
        cmocka_unit_test(cursors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
