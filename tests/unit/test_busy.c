#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "master/busy.h"

static const uint64_t SECOND = 1000000000;

static struct slot slots[SLOTS_MAX];
static struct busy busy;

static int make(void **state)
{
    (void)state;
    memset(slots, 0, sizeof slots);
    memset(&busy, 0, sizeof busy);
    return 0;
}

/* That process has been at work so long since the slot's beginning. */
static void man(unsigned number, int32_t pid, uint64_t busy_ns)
{
    atomic_store(&slots[number].pid, pid);
    atomic_store(&slots[number].busy_ns, busy_ns);
}

static void share_is(unsigned number, uint64_t now_s, double wanted)
{
    double got = busy_share(&busy, slots, number, now_s * SECOND);

    if (got < wanted - 1e-9 || got > wanted + 1e-9)
        fail_msg("%g, not %g", got, wanted);
}

static void since_the_last_note(void **state)
{
    (void)state;
    man(0, 100, 5 * SECOND);
    man(SLOTS_MAX - 1, 101, 0);
    share_is(0, 10, 0); /* nobody knows yet */
    busy_note(&busy, slots, 10 * SECOND);
    share_is(0, 10, 0);
    man(0, 100, 6 * SECOND);
    man(SLOTS_MAX - 1, 101, 4 * SECOND);
    share_is(0, 14, 25);
    share_is(SLOTS_MAX - 1, 14, 100);
    share_is(1, 14, 0); /* nobody is there */
}

/* A look right after a note compares with the one before it. */
static void a_note_has_to_be_a_second_old(void **state)
{
    (void)state;
    man(0, 100, 0);
    busy_note(&busy, slots, 10 * SECOND);
    man(0, 100, 1 * SECOND);
    busy_note(&busy, slots, 12 * SECOND);
    assert_true(busy_share(&busy, slots, 0, 12 * SECOND + 1) > 49.9);
    man(0, 100, 2 * SECOND);
    share_is(0, 13, 100); /* since the second one */
}

static void notes_are_a_second_apart(void **state)
{
    (void)state;
    man(0, 100, 0);
    busy_note(&busy, slots, 10 * SECOND);
    man(0, 100, SECOND / 2);
    busy_note(&busy, slots, 11 * SECOND - 1); /* too soon: not taken */
    share_is(0, 11, 50);
    busy_note(&busy, slots, 11 * SECOND);
    share_is(0, 12, 0);
}

/* What another process did in its place is not its own. */
static void each_process_begins_anew(void **state)
{
    (void)state;
    man(0, 100, 0);
    busy_note(&busy, slots, 10 * SECOND);
    man(0, 200, 9 * SECOND);
    share_is(0, 20, 0);
    busy_note(&busy, slots, 20 * SECOND);
    man(0, 200, 10 * SECOND);
    assert_true(busy_share(&busy, slots, 0, 20 * SECOND + SECOND / 2) > 99.9);
    share_is(0, 22, 50);
}

static void what_cannot_be_is_bounded(void **state)
{
    (void)state;
    man(0, 100, 5 * SECOND);
    busy_note(&busy, slots, 10 * SECOND);
    man(0, 100, 4 * SECOND); /* backwards */
    share_is(0, 12, 0);
    man(0, 100, 50 * SECOND); /* several threads, or a long turn's end */
    share_is(0, 12, 100);
    share_is(0, 9, 0); /* the clock's reading was older than the note */
}

#define TEST(name) cmocka_unit_test_setup(name, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(since_the_last_note),       TEST(a_note_has_to_be_a_second_old),
        TEST(notes_are_a_second_apart),  TEST(each_process_begins_anew),
        TEST(what_cannot_be_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
