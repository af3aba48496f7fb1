#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "master/control/sheet.h"

static struct buf out;
static struct sheet sheet;

static void begin(bool json)
{
    buf_clear(&out);
    sheet_begin(&sheet, &out, json);
}

static void ends_as(const char *wanted)
{
    sheet_end(&sheet);
    assert_string_equal(buf_text(&out), wanted);
}

static void facts_are_aligned(void **state)
{
    (void)state;
    begin(false);
    sheet_text(&sheet, "app", SLICE("soft"));
    sheet_int(&sheet, "workers_ready", -3);
    sheet_real(&sheet, "a_name_that_is_longer_than_its_column", 12.34);
    sheet_null(&sheet, "keeper");
    sheet_text(&sheet, "none", SLICE(""));
    ends_as("app                 soft\n"
            "workers ready       -3\n"
            "a name that is longer than its column 12.3\n"
            "keeper              -\n"
            "none                -\n");
}

static void facts_are_members(void **state)
{
    (void)state;
    begin(true);
    sheet_text(&sheet, "app", SLICE("so\"ft"));
    sheet_int(&sheet, "workers_ready", 3);
    sheet_real(&sheet, "rate", 12.345);
    sheet_null(&sheet, "keeper");
    sheet_text(&sheet, "none", SLICE(""));
    sheet_heading(&sheet, "Not for programs");
    ends_as("{\"app\":\"so\\\"ft\",\"workers_ready\":3,\"rate\":12.35,"
            "\"keeper\":null,\"none\":null}\n");
}

static void put_units(void)
{
    sheet_percent(&sheet, "busy", 12.345);
    sheet_memory(&sheet, "memory", 1536);
    sheet_ms(&sheet, "p50", 1.25);
    sheet_ms(&sheet, "p99", 123.45);
    sheet_time(&sheet, "began", 1700000000123);
    sheet_time(&sheet, "never", 0);
}

static void a_unit_stands_with_the_value_or_with_the_name(void **state)
{
    (void)state;
    begin(false);
    put_units();
    ends_as("busy                12.3 %\n"
            "memory              1.5 MB\n"
            "p50                 1.25 ms\n"
            "p99                 123 ms\n"
            "began               2023-11-14 22:13:20Z\n"
            "never               -\n");
    begin(true);
    put_units();
    ends_as("{\"busy_percent\":12.35,\"memory_mb\":1.5,\"p50_ms\":1.25,"
            "\"p99_ms\":123.45,\"began\":\"2023-11-14T22:13:20.123Z\","
            "\"never\":null}\n");
}

static void ages_are_in_the_two_largest_units(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {
        {0, "0.000s"},        {59999, "59.999s"},        {60000, "1m 00s"},
        {3599999, "59m 59s"}, {3600000, "1h 00m"},       {86399999, "23h 59m"},
        {86400000, "1d 00h"}, {31536000000, "365d 00h"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "age                 %s\n",
                 cases[i].text);
        begin(false);
        sheet_age(&sheet, "age", cases[i].ms);
        ends_as(wanted);
    }
    begin(true);
    sheet_age(&sheet, "age", 61234);
    ends_as("{\"age_seconds\":61.234}\n");
}

static void put_table(void)
{
    sheet_table(&sheet, "workers", "Nobody.");
    sheet_row(&sheet);
    sheet_int(&sheet, "pid", 7);
    sheet_text(&sheet, "state", SLICE("ready"));
    sheet_null(&sheet, "since_when");
    sheet_text(&sheet, "path", SLICE("/"));
    sheet_row(&sheet);
    sheet_int(&sheet, "pid", 12345);
    sheet_text(&sheet, "state", SLICE("d\xc3\xa4mmert"));
    sheet_int(&sheet, "since_when", 3);
    sheet_text(&sheet, "path", SLICE("/long"));
    sheet_table_end(&sheet);
    sheet_text(&sheet, "fact", SLICE("behind"));
}

static void columns_are_as_wide_as_they_must(void **state)
{
    (void)state;
    begin(false);
    put_table();
    ends_as("  PID  STATE    SINCE WHEN  PATH\n"
            "    7  ready             -  /\n"
            "12345  d\xc3\xa4mmert           3  /long\n"
            "fact                behind\n");
    begin(true);
    put_table();
    ends_as("{\"workers\":[{\"pid\":7,\"state\":\"ready\",\"since_when\":null,"
            "\"path\":\"/\"},{\"pid\":12345,\"state\":\"d\xc3\xa4mmert\","
            "\"since_when\":3,\"path\":\"/long\"}],\"fact\":\"behind\"}\n");
}

static void a_table_may_be_empty(void **state)
{
    (void)state;
    begin(false);
    sheet_heading(&sheet, "Workers");
    sheet_table(&sheet, "workers", "Nobody.");
    sheet_table_end(&sheet);
    ends_as("\nWorkers\nNobody.\n");
    begin(true);
    sheet_table(&sheet, "workers", "Nobody.");
    sheet_table_end(&sheet);
    ends_as("{\"workers\":[]}\n");
}

static void nothing_steers_the_terminal(void **state)
{
    static const struct {
        struct slice text;
        const char *plain;
    } cases[] = {
        {SLICE("/a\x1b[2Jb"), "/a?[2Jb"},
        {SLICE("a\0b\x7f\r\n\tc"), "a?b????c"},
        {SLICE("\xc2\x9b"
               "31m"),
         "?31m"}, /* CSI as one character */
        {SLICE("\xc2\xa0\xc3\xa4\xe2\x82\xac"), "\xc2\xa0\xc3\xa4\xe2\x82\xac"},
        {SLICE("\xff\xc3"), "??"},        /* no UTF-8 */
        {SLICE("\xc3(\xe2\x82"), "?(??"}, /* cut short */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&out);
        sheet_plain(&out, cases[i].text, false);
        assert_string_equal(buf_text(&out), cases[i].plain);
    }
    buf_clear(&out);
    sheet_plain(&out, SLICE("a\nb\rc\n"), true);
    assert_string_equal(buf_text(&out), "a\nb?c\n");
}

static int clean(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_aligned),
        cmocka_unit_test(facts_are_members),
        cmocka_unit_test(a_unit_stands_with_the_value_or_with_the_name),
        cmocka_unit_test(ages_are_in_the_two_largest_units),
        cmocka_unit_test(columns_are_as_wide_as_they_must),
        cmocka_unit_test(a_table_may_be_empty),
        cmocka_unit_test(nothing_steers_the_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
