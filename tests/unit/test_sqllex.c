#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/app/sqllex.h"

static const char letters[] = {
    [SQL_END] = '.',           [SQL_LINE_COMMENT] = '-',
    [SQL_BLOCK_COMMENT] = '*', [SQL_STRING] = 's',
    [SQL_WORD] = 'w',          [SQL_PARAM] = ':',
    [SQL_STRANGE_PARAM] = '?', [SQL_SEMICOLON] = ';',
    [SQL_OTHER] = 'o',         [SQL_UNTERMINATED] = '!',
};

/* Each case: the kinds as letters, and the tokens joined with '|'. */
static const struct {
    const char *sql, *kinds, *tokens;
} cases[] = {
    {"", ".", ""},
    {" \t\r\n\f", ".", ""},
    {"SELECT 1;", "ww;.", "SELECT|1|;|"},
    {"a.b->>'$.c'", "wowooos.", "a|.|b|-|>|>|'$.c'|"},
    {"'it''s' \"a\"\"b\" `c``d` [e]", "ssss.",
     "'it''s'|\"a\"\"b\"|`c``d`|[e]|"},
    {"[a]]b", "sow.", "[a]|]|b|"},
    {"''''", "s.", "''''|"},
    {"'' ''", "ss.", "''|''|"},
    {"x'00' 1.5e-3", "wswowow.", "x|'00'|1|.|5e|-|3|"},
    {"a -- b ; 'c\nd", "w-w.", "a|-- b ; 'c|d|"},
    {"--a\r\n--b\r", "--.", "--a|--b|"},
    {"--", "-.", "--|"},
    {"/**/ /* ; ' -- */ /*/ */", "***.", "/**/|/* ; ' -- */|/*/ */|"},
    {"a-b/c", "wowow.", "a|-|b|/|c|"},
    {":a,:b1", ":o:.", ":a|,|:b1|"},
    {":auth.user_id", ":.", ":auth.user_id|"},
    {":auth. x", ":w.", ":auth.|x|"},
    {":other.x", ":ow.", ":other|.|x|"},
    {":author.x", ":ow.", ":author|.|x|"},
    {": a", "ow.", ":|a|"},
    {"? ?1 @x $x #x", "?????.", "?|?1|@x|$x|#x|"},
    {":x::y", "?o:.", ":x|:|:y|"},
    {":x(1)", "?owo.", ":x|(|1|)|"},
    {":x:y", "::.", ":x|:y|"},
    {"a$b na\xc3\xafve", "ww.", "a$b|na\xc3\xafve|"},
    {"'open", "!.", "'open|"},
    {"'open''", "!.", "'open''|"},
    {"[open", "!.", "[open|"},
    {"/* open *", "!.", "/* open *|"},
    {"/*/", "!.", "/*/|"},
    {"'", "!.", "'|"},
    {"\xef\xbb\xbfSELECT", "w.", "SELECT|"},
};

static void tokens_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sqllex lex = sqllex_start(slice_of(cases[i].sql));
        struct sql_token token;
        char kinds[64] = "";
        char tokens[128] = "";
        do {
            token = sqllex_next(&lex);
            assert_true(strlen(kinds) + 1 < sizeof kinds);
            size_t used = strlen(tokens);
            strncat(kinds, &letters[token.kind], 1);
            snprintf(tokens + used, sizeof tokens - used, "%.*s%s",
                     (int)token.text.len, token.text.ptr,
                     token.kind == SQL_END ? "" : "|");
        } while (token.kind != SQL_END);
        assert_string_equal(kinds, cases[i].kinds);
        assert_string_equal(tokens, cases[i].tokens);
        assert_int_equal(sqllex_next(&lex).kind, SQL_END);
    }
}

static void lines_are_counted(void **state)
{
    static const struct {
        const char *text;
        int line;
        bool leads_line;
    } tokens[] = {
        {"a", 1, true},         {"b", 1, false},   {"'c\n\n'", 3, true},
        {"/*\n\n*/", 5, false}, {"--x", 7, false}, {"--y", 8, true},
    };
    struct sqllex lex =
        sqllex_start(SLICE("a b\r\n\r\n  'c\n\n' /*\n\n*/ --x\n  \t--y"));

    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct sql_token token = sqllex_next(&lex);
        assert_true(slice_is(token.text, tokens[i].text));
        assert_int_equal(token.line, tokens[i].line);
        assert_int_equal(token.leads_line, tokens[i].leads_line);
    }
    assert_int_equal(sqllex_next(&lex).kind, SQL_END);
}

static void names(void **state)
{
    static const char *const good[] = {"a", "_", "A1_b"};
    static const char *const bad[] = {"",    "1a",       "a-b",
                                      "a b", "\xc3\xa4", "a.b"};
    char longest[66];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(sqllex_is_name(slice_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sqllex_is_name(slice_of(bad[i])));
    memset(longest, 'x', sizeof longest);
    assert_true(sqllex_is_name((struct slice){longest, 64}));
    assert_false(sqllex_is_name((struct slice){longest, 65}));
}

static void bytes_are_checked(void **state)
{
    static const struct {
        struct slice text;
        int line; /* 0: good */
        const char *reason;
    } texts[] = {
        {{"", 0}, 0, ""},
        {{"a\n\xc3\xa4\n", 5}, 0, ""},
        {{"a\n\xc3\n\xa4", 5}, 2, "not UTF-8"},
        {{"\xed\xa0\x80", 3}, 1, "not UTF-8"},
        {{"a\n\nb\0", 5}, 3, "a NUL byte"},
    };
    struct fault fault;
    int line;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool good = sqllex_check(texts[i].text, &line, &fault);
        assert_int_equal(good, texts[i].line == 0);
        if (good)
            continue;
        assert_int_equal(line, texts[i].line);
        assert_string_equal(fault.text, texts[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_cut),
        cmocka_unit_test(lines_are_counted),
        cmocka_unit_test(names),
        cmocka_unit_test(bytes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
