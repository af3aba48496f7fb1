#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/schedule.h"

#define S      ((int64_t)1000)
#define MINUTE (60 * S)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const struct {
    const char *text;
    struct schedule is;
    const char *written; /* null: as it was read */
} good[] = {
    {"EVERY 5m", {.every_ms = 5 * MINUTE}, NULL},
    {"EVERY 1s", {.every_ms = 1000}, NULL},
    {"EVERY 1000ms", {.every_ms = 1000}, "EVERY 1s"},
    {"EVERY 1500ms", {.every_ms = 1500}, NULL},
    {"EVERY 90", {.every_ms = 90 * S}, "EVERY 90s"},
    {"EVERY 120m", {.every_ms = 2 * HOUR}, "EVERY 2h"},
    {"EVERY 7d", {.every_ms = 7 * DAY}, NULL},
    {"EVERY 9223372036854775807ms", {.every_ms = INT64_MAX}, NULL},
    {"DAILY 03:30", {.daily_minute = 210}, NULL},
    {"DAILY 00:00", {.daily_minute = 0}, NULL},
    {"DAILY 23:59", {.daily_minute = 1439}, NULL},
    {"  DAILY \t 03:30 ", {.daily_minute = 210}, "DAILY 03:30"},
};

static void reads_and_writes(void **state)
{
    struct schedule s;
    struct fault fault;
    char written[32];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!schedule_read(slice_of(good[i].text), &s, &fault))
            fail_msg("%s: %s", good[i].text, fault.text);
        assert_int_equal(s.every_ms, good[i].is.every_ms);
        assert_int_equal(s.daily_minute, good[i].is.daily_minute);
        schedule_write(&s, written);
        assert_string_equal(written,
                            good[i].written ? good[i].written : good[i].text);
    }
}

static const struct {
    const char *text;
    const char *why;
} bad[] = {
    {"", "a schedule is written EVERY 5m or DAILY 03:30"},
    {"5m", "a schedule is written EVERY 5m or DAILY 03:30"},
    {"every 5m", "a schedule is written EVERY 5m or DAILY 03:30"},
    {"EVERY", "EVERY needs a duration from 1s, as 5m"},
    {"EVERY 999ms", "EVERY needs a duration from 1s, as 5m"},
    {"EVERY 0", "EVERY needs a duration from 1s, as 5m"},
    {"EVERY -5m", "EVERY needs a duration from 1s, as 5m"},
    {"EVERY 5x", "EVERY needs a duration from 1s, as 5m"},
    {"EVERY 99999999999999999999d", "EVERY needs a duration from 1s, as 5m"},
    {"EVERY 5m name", "unexpected text behind the schedule: name"},
    {"DAILY", "DAILY needs a time of day, as 03:30"},
    {"DAILY 24:00", "DAILY needs a time of day, as 03:30"},
    {"DAILY 23:60", "DAILY needs a time of day, as 03:30"},
    {"DAILY 3:30", "DAILY needs a time of day, as 03:30"},
    {"DAILY 03-30", "DAILY needs a time of day, as 03:30"},
    {"DAILY 03:300", "DAILY needs a time of day, as 03:30"},
    {"DAILY -0:30", "DAILY needs a time of day, as 03:30"},
    {"DAILY 03:-5", "DAILY needs a time of day, as 03:30"},
    {"DAILY 03:30 04:30", "unexpected text behind the schedule: 04:30"},
};

static void refuses(void **state)
{
    struct schedule s;
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (schedule_read(slice_of(bad[i].text), &s, &fault))
            fail_msg("\"%s\" is none", bad[i].text);
        assert_string_equal(fault.text, bad[i].why);
    }
}

/* 2026-03-10 00:00 UTC, a midnight. */
#define MIDNIGHT (INT64_C(1773100800) * S)

static const struct {
    const char *what;
    const char *schedule;
    int64_t last, now, next;
} moments[] = {
    {"never ran: so long from now", "EVERY 5m", 0, MIDNIGHT,
     MIDNIGHT + 5 * MINUTE},
    {"so long after the last", "EVERY 5m", MIDNIGHT, MIDNIGHT + MINUTE,
     MIDNIGHT + 5 * MINUTE},
    {"overdue: it stays in the past", "EVERY 5m", MIDNIGHT, MIDNIGHT + DAY,
     MIDNIGHT + 5 * MINUTE},
    {"the clock was set back", "EVERY 5m", MIDNIGHT + DAY, MIDNIGHT,
     MIDNIGHT + 5 * MINUTE},
    {"once in an age", "EVERY 9223372036854775807ms", MIDNIGHT, MIDNIGHT,
     INT64_MAX},
    {"never ran: today", "DAILY 03:30", 0, MIDNIGHT, MIDNIGHT + 210 * MINUTE},
    {"never ran: tomorrow", "DAILY 03:30", 0, MIDNIGHT + 4 * HOUR,
     MIDNIGHT + DAY + 210 * MINUTE},
    {"just before", "DAILY 03:30", MIDNIGHT + 210 * MINUTE - 1,
     MIDNIGHT + 210 * MINUTE, MIDNIGHT + 210 * MINUTE},
    {"it ran at that moment", "DAILY 03:30", MIDNIGHT + 210 * MINUTE,
     MIDNIGHT + 210 * MINUTE, MIDNIGHT + DAY + 210 * MINUTE},
    {"it ran a little late", "DAILY 03:30", MIDNIGHT + 211 * MINUTE,
     MIDNIGHT + 212 * MINUTE, MIDNIGHT + DAY + 210 * MINUTE},
    {"down for days: due at once, and once", "DAILY 03:30",
     MIDNIGHT + 210 * MINUTE, MIDNIGHT + 9 * DAY,
     MIDNIGHT + DAY + 210 * MINUTE},
    {"the clock was set back", "DAILY 03:30", MIDNIGHT + 9 * DAY,
     MIDNIGHT + 4 * HOUR, MIDNIGHT + DAY + 210 * MINUTE},
    {"at midnight", "DAILY 00:00", MIDNIGHT, MIDNIGHT, MIDNIGHT + DAY},
    {"before midnight", "DAILY 00:00", MIDNIGHT - 1, MIDNIGHT, MIDNIGHT},
};

static void knows_when(void **state)
{
    struct schedule s;
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        assert_true(schedule_read(slice_of(moments[i].schedule), &s, &fault));
        int64_t next = schedule_next(&s, moments[i].last, moments[i].now);
        if (next != moments[i].next)
            fail_msg("%s, %s: %lld", moments[i].schedule, moments[i].what,
                     (long long)(next - MIDNIGHT));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(knows_when),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
