/* A crew of real processes that only sleep; what they have to do is written
 * into their slots, and the last look is set back a thousand seconds, beside
 * which what the test itself takes is nothing. */
#include "tests/unit/crowd.h"

#include <fcntl.h>
#include <sys/eventfd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/segment/bells.h"
#include "master/load.h"

enum { WORKERS = 2, PATIENCE_MS = 10000 };

static const uint64_t SECOND = 1000000000;
static const uint64_t PASSED_S = 1000;

static struct shared shared;
static struct settings settings;
static struct era era;
static struct crew *crew;
static struct bells *bells;
static struct load load;
static int life[2], news, bell;

static int sleeper(const struct heritage *h)
{
    char end;

    heritage_say_ready(h);
    while (read(h->life_fd, &end, 1) < 0) /* until the master is gone */
        ;
    return EXIT_ASKED;
}

static unsigned serving(void)
{
    return (unsigned)crew_serving(crew);
}

static int make(void **state)
{
    struct fault fault;

    (void)state;
    settings = (struct settings){.timeout = 3600, .graceful_timeout = 3600};
    era = (struct era){.is.settings = &settings, .number = 1, .wanted = 2};
    load = (struct load){.then_ns = 0};
    if (!shared_open(&shared, 0, 1, &fault) || pipe2(life, O_CLOEXEC) != 0)
        return -1;
    news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bells = bells_new();
    const struct crew_config config = {.shared = &shared,
                                       .body = sleeper,
                                       .news_fd = news,
                                       .life_fd = life[0],
                                       .bell_fd = bell,
                                       .bells = bells};
    crew = crew_new(&config);
    for (int i = 0; i < WORKERS; i++)
        if (!crew_start(crew, &era))
            return -1;
    for (int ms = 0; serving() < WORKERS && ms < PATIENCE_MS; ms++) {
        crew_look(crew);
        usleep(1000);
    }
    return serving() == WORKERS ? 0 : -1;
}

static int unmake(void **state)
{
    (void)state;
    crew_signal(crew, SIGKILL);
    for (int ms = 0; !crew_is_gone(crew) && ms < PATIENCE_MS; ms++) {
        crew_retire_all(crew);
        crew_look(crew);
        usleep(1000);
    }
    crew_free(crew);
    bells_free(bells);
    close(life[0]);
    close(life[1]);
    close(news);
    close(bell);
    shared_close(&shared);
    return 0;
}

static void work(unsigned slot, uint64_t seconds)
{
    atomic_fetch_add(&shared.slots[slot].busy_ns, seconds * SECOND);
}

/* The mean share of the last thousand seconds. */
static unsigned look(void)
{
    load.then_ns = loop_clock_ns() - PASSED_S * SECOND;
    return load_look(&load, crew, &shared);
}

/* Whole percents, rounded down; a look takes a little, too. */
static void about(unsigned got, unsigned wanted)
{
    assert_in_range(got, wanted > 0 ? wanted - 1 : 0, wanted);
}

/* They were born since then: everything before is nobody's. */
static void forget(void)
{
    for (unsigned i = 0; i < WORKERS; i++)
        load.past[i] = (struct load_past){
            .pid = atomic_load(&shared.slots[i].pid),
            .busy_ns = atomic_load(&shared.slots[i].busy_ns)};
}

static void the_mean_of_those_who_serve(void **state)
{
    (void)state;
    forget();
    work(0, 800);
    work(1, 200);
    about(look(), 50);
    work(0, 100);
    work(1, 100);
    about(look(), 10); /* since the last look */
}

/* It adds up at the end of its turns; one whose sum has not moved for two
 * looks is in the middle of one. */
static void who_stands_still_twice_is_busy(void **state)
{
    (void)state;
    forget();
    work(1, 1);
    about(look(), 0);
    work(1, 1);
    about(look(), 50); /* 100 and 0 */
    work(0, 1);
    work(1, 1);
    about(look(), 0);
}

static void a_turn_that_began_before(void **state)
{
    (void)state;
    forget();
    work(0, 5 * PASSED_S);
    work(1, 1);
    about(look(), 50);
}

/* Its loop may be free; the CPU is not. */
static void a_long_statement_is_busy(void **state)
{
    (void)state;
    forget();
    work(0, 1);
    work(1, 1);
    atomic_store(&shared.slots[1].away, 1);
    about(look(), 50);
}

/* What the process before it in its slot did is not counted. */
static void a_new_one_counts_from_its_birth(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WORKERS; i++) {
        atomic_store(&shared.slots[i].busy_ns, 5000 * SECOND);
        atomic_store(&shared.slots[i].busy_then_ns, 5000 * SECOND);
    }
    about(look(), 0);
    forget();
    load.past[0].pid = 4711; /* somebody else was there */
    work(0, 100);            /* more than it is old */
    work(1, 1);
    about(look(), 50);
}

/* It finishes what it has, and is no help. */
static void who_is_leaving_does_not_count(void **state)
{
    struct hand_view hands[WORKERS + 1];

    (void)state;
    forget();
    crew_retire_oldest(crew);
    size_t count = crew_view(crew, hands, WORKERS + 1);
    assert_int_equal(count, WORKERS);
    for (size_t i = 0; i < count; i++)
        work(hands[i].slot, hands[i].state == SLOT_RETIRING ? 900 : 100);
    about(look(), 10);
}

static void without_any_there_is_none(void **state)
{
    (void)state;
    forget();
    work(0, 900);
    work(1, 900);
    for (unsigned i = 0; i < WORKERS; i++)
        kill(atomic_load(&shared.slots[i].pid), SIGKILL);
    for (int ms = 0; serving() > 0 && ms < PATIENCE_MS; ms++) {
        crew_look(crew);
        usleep(1000);
    }
    assert_int_equal(look(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_mean_of_those_who_serve),
        TEST(who_stands_still_twice_is_busy),
        TEST(a_turn_that_began_before),
        TEST(a_long_statement_is_busy),
        TEST(a_new_one_counts_from_its_birth),
        TEST(who_is_leaving_does_not_count),
        TEST(without_any_there_is_none),
    };

    log_open("/dev/null", LOG_INFO, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
