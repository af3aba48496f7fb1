#include "crowd.h"

#include "common/segment/crowd.h"
#include "common/segment/heritage.h"

static struct it {
    struct segment *segment;
    struct crowd *c;
} it;

static int set_up(void **state)
{
    void *memory;

    (void)state;
    it.segment = crowd_memory(crowd_size(), &memory);
    it.c = memory;
    crowd_init(it.c, 0x5EED);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    segment_free(it.segment);
    return 0;
}

static uint64_t key(const char *address)
{
    return crowd_key(it.c, address);
}

static uint64_t count(const char *address)
{
    return crowd_of(it.c, key(address));
}

static void addresses_are_told_apart(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"10.0.0.1", "::ffff:10.0.0.1", true},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"::1", "127.0.0.1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if ((key(cases[i].a) == key(cases[i].b)) != cases[i].same)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    assert_int_equal(key(""), 0);
    assert_int_equal(key("localhost"), 0);
    uint64_t before = key("10.0.0.1");
    crowd_init(it.c, 0xFEED);
    assert_true(key("10.0.0.1") != before);
}

static void workers_add_up(void **state)
{
    (void)state;
    for (unsigned slot = 0; slot < SLOTS_MAX; slot += 73)
        crowd_join(it.c, slot);
    for (unsigned slot = 0; slot < SLOTS_MAX; slot += 73) {
        crowd_enter(it.c, slot, key("10.0.0.1"));
        crowd_enter(it.c, slot, key("10.0.0.1"));
        crowd_enter(it.c, slot, key("10.0.0.2"));
        crowd_enter(it.c, slot, 0);
    }
    assert_int_equal(count("10.0.0.1"), 16);
    assert_int_equal(count("10.0.0.2"), 8);
    assert_int_equal(count("10.0.0.3"), 0);
    assert_int_equal(crowd_of(it.c, 0), 0);
    assert_int_equal(crowd_all(it.c), 32);
    crowd_leave(it.c, 73, key("10.0.0.1"));
    crowd_leave(it.c, 73, key("10.0.0.2"));
    crowd_leave(it.c, 73, key("10.0.0.2")); /* no more than there were */
    crowd_leave(it.c, 73, 0);
    assert_int_equal(count("10.0.0.1"), 15);
    assert_int_equal(count("10.0.0.2"), 7);
    assert_int_equal(crowd_all(it.c), 28);
}

/* Many addresses are all counted, and gone when they are gone. */
static void many_come_and_go(void **state)
{
    enum { MANY = 1000 };
    char address[32];
    size_t forgotten = 0;

    (void)state;
    crowd_join(it.c, 5);
    for (int i = 0; i < MANY; i++) {
        snprintf(address, sizeof address, "10.1.%d.%d", i / 250, i % 250);
        crowd_enter(it.c, 5, key(address));
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(address, sizeof address, "10.1.%d.%d", i / 250, i % 250);
        forgotten += count(address) != 1;
        crowd_leave(it.c, 5, key(address));
        assert_int_equal(count(address), 0);
    }
    assert_int_equal(forgotten, 0);
    assert_int_equal(crowd_all(it.c), 0);
}

/* With more addresses than places, the one with many connections is not
 * forgotten for those with one. */
static void a_crowd_hides_nobody(void **state)
{
    char address[32];

    (void)state;
    crowd_join(it.c, 5);
    for (int i = 0; i < 50; i++)
        crowd_enter(it.c, 5, key("10.0.0.1"));
    for (int i = 0; i < 60000; i++) {
        snprintf(address, sizeof address, "10.%d.%d.9", 1 + i / 250, i % 250);
        crowd_enter(it.c, 5, key(address));
        assert_in_range(count(address), 1, 2);
    }
    assert_int_equal(count("10.0.0.1"), 50);
}

/* ---- idle ones -----------------------------------------------------------*/

static void the_idlest_is_asked(void **state)
{
    unsigned slot;
    uint64_t since;

    (void)state;
    for (unsigned i = 1; i < 5; i++)
        crowd_join(it.c, i);
    assert_false(crowd_idlest(it.c, 1, &slot, &since));
    crowd_tell_idle(it.c, 1, 9, 100);
    crowd_tell_idle(it.c, 2, 1, 300);
    crowd_tell_idle(it.c, 3, 2, 200);
    assert_true(crowd_idlest(it.c, 1, &slot, &since));
    assert_int_equal(slot, 3);
    assert_int_equal(since, 200);
    assert_false(crowd_is_asked(it.c, 3));
    crowd_ask(it.c, 3);
    crowd_ask(it.c, 3); /* more than two it does not have */
    assert_true(crowd_idlest(it.c, 1, &slot, &since));
    assert_int_equal(slot, 2);
    crowd_ask(it.c, 2);
    assert_false(crowd_idlest(it.c, 1, &slot, &since));
    assert_true(crowd_idlest(it.c, 2, &slot, &since));
    assert_int_equal(slot, 1);
    assert_true(crowd_is_asked(it.c, 3));
    assert_true(crowd_is_asked(it.c, 3));
    assert_false(crowd_is_asked(it.c, 3));
    assert_true(crowd_idlest(it.c, 1, &slot, &since));
    assert_int_equal(slot, 3);
    crowd_forget(it.c, 3);
    assert_false(crowd_idlest(it.c, 1, &slot, &since));
}

/* ---- death ---------------------------------------------------------------*/

static int come_and_go(void *self, unsigned slot)
{
    uint64_t seed = slot + 1;
    char address[32];

    (void)self;
    crowd_join(it.c, slot);
    while (seed) {
        uint64_t n = crowd_random(&seed);
        snprintf(address, sizeof address, "10.0.%d.%d", (int)(n >> 8 & 3),
                 (int)(n & 255));
        if (n >> 60 & 1)
            crowd_enter(it.c, slot, key(address));
        else
            crowd_leave(it.c, slot, key(address));
    }
    return 0;
}

static uint64_t of_all_addresses(void)
{
    uint64_t sum = 0;
    char address[32];

    for (int i = 0; i < 1024; i++) {
        snprintf(address, sizeof address, "10.0.%d.%d", i / 256, i % 256);
        sum += count(address);
    }
    return sum;
}

/* Wherever it dies, nothing of it is left, neither for others nor for the
 * next in its slot. */
static void the_dead_are_not_counted(void **state)
{
    (void)state;
    crowd_join(it.c, 9);
    crowd_enter(it.c, 9, key("10.0.0.1"));
    for (unsigned round = 0; round < 40; round++) {
        unsigned slot = 100 + round % 3;
        pid_t pid = crowd_start(come_and_go, NULL, slot);
        while (of_all_addresses() < 2 + round) /* it is in the middle */
            usleep(100);
        crowd_kill(pid);
        crowd_forget(it.c, slot);
        assert_int_equal(crowd_all(it.c), 1);
        assert_int_equal(of_all_addresses(), 1);
        crowd_join(it.c, slot); /* also without a master's help */
        assert_int_equal(crowd_all(it.c), 1);
        assert_int_equal(of_all_addresses(), 1);
    }
}

/* A master that died has forgotten nobody. */
static void a_slot_begins_empty(void **state)
{
    (void)state;
    crowd_join(it.c, 7);
    crowd_enter(it.c, 7, key("10.0.0.1"));
    crowd_tell_idle(it.c, 7, 3, 100);
    crowd_ask(it.c, 7);
    crowd_join(it.c, 7);
    assert_int_equal(count("10.0.0.1"), 0);
    assert_int_equal(crowd_all(it.c), 0);
    assert_false(crowd_is_asked(it.c, 7));
    crowd_forget(it.c, SLOT_KEEPER); /* has no connections */
}

static void refusals_are_counted(void **state)
{
    (void)state;
    crowd_join(it.c, 1);
    crowd_refuse(it.c, CROWD_ADDRESS);
    crowd_refuse(it.c, CROWD_ADDRESS);
    crowd_refuse(it.c, CROWD_ALL);
    crowd_forget(it.c, 1);
    assert_int_equal(crowd_refused(it.c, CROWD_ADDRESS), 2);
    assert_int_equal(crowd_refused(it.c, CROWD_ALL), 1);
}

static void what_is_held_adds_up(void **state)
{
    (void)state;
    crowd_join(it.c, 1);
    crowd_join(it.c, SLOTS_MAX - 1);
    crowd_tell_unsent(it.c, 1, 5);
    crowd_tell_unsent(it.c, SLOTS_MAX - 1, 70);
    assert_int_equal(crowd_unsent(it.c), 75);
    crowd_tell_unsent(it.c, 1, 2);
    crowd_end_unread(it.c);
    crowd_forget(it.c, SLOTS_MAX - 1); /* and what it held with it */
    assert_int_equal(crowd_unsent(it.c), 2);
    crowd_join(it.c, SLOTS_MAX - 1);
    assert_int_equal(crowd_unsent(it.c), 2);
    assert_int_equal(crowd_ended_unread(it.c), 1);
}

#define CROWD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CROWD(addresses_are_told_apart), CROWD(workers_add_up),
        CROWD(many_come_and_go),         CROWD(a_crowd_hides_nobody),
        CROWD(the_idlest_is_asked),      CROWD(the_dead_are_not_counted),
        CROWD(a_slot_begins_empty),      CROWD(refusals_are_counted),
        CROWD(what_is_held_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
