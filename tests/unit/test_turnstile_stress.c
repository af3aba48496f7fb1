#include "crowd.h"

#include <sys/epoll.h>
#include <time.h>

#include "common/segment/heritage.h"
#include "common/segment/turnstile.h"

/*
 * Processes that want the turn again as soon as they have passed it on, and
 * while they have it change a plain number that nothing else protects. Two of
 * them share a bell.
 */
enum { CROWD = 4, STRESS_MS = 2000, PATIENCE_MS = 10000 };

static const unsigned slot_of[CROWD] = {0, 1, 64, SLOT_KEEPER};

struct world {
    struct bells *bells;
    bool deaths;          /* there are: so they look, and some give up */
    _Atomic bool over;    /* they go */
    _Atomic bool wrong;   /* two were inside, or a ring was lost */
    _Atomic pid_t inside; /* who has the turn */
    uint64_t number;      /* what they change */
    _Atomic uint64_t turns[CROWD];
    _Atomic uint64_t left; /* gave their place up */
    _Alignas(64) char turnstile[];
};

static struct turnstile *turnstile_of(struct world *w)
{
    return (void *)w->turnstile;
}

/* Once inside, now and then others run. */
static void be_inside(struct world *w, unsigned number, uint64_t *seed)
{
    const struct turn_work work = {number, {"id", 2}, 1};
    uint64_t r = crowd_random(seed) >> 32;
    pid_t before = 0;

    if (!atomic_compare_exchange_strong(&w->inside, &before, getpid()))
        w->wrong = true;
    turnstile_work(turnstile_of(w), slot_of[number], &work);
    uint64_t now = w->number;
    if (r % 16 == 0)
        usleep(r % 128);
    w->number = now + 1;
    w->turns[number]++;
    pid_t me = getpid();
    if (!atomic_compare_exchange_strong(&w->inside, &me, 0))
        w->wrong = true;
}

static int open_loop(int bell)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int loop = epoll_create1(EPOLL_CLOEXEC);

    return epoll_ctl(loop, EPOLL_CTL_ADD, bell, &event) == 0 ? loop : -1;
}

/* True once it has the turn. Where nobody dies the bell alone must do; it is
 * wrong when a ring does not come. */
static bool wait_for_turn(struct world *w, unsigned slot, int loop,
                          uint64_t *seed)
{
    struct turnstile *t = turnstile_of(w);
    struct epoll_event event;

    while (!turnstile_ours(t, slot)) {
        if (w->deaths && (w->over || crowd_random(seed) >> 58 == 0))
            return false;
        int n =
            epoll_wait(loop, &event, 1, w->deaths ? TURN_LOOK_MS : PATIENCE_MS);
        if (w->deaths) {
            turnstile_tend(t, w->bells);
        } else if (n == 0) {
            w->wrong = true;
            w->over = true;
            return false;
        }
    }
    return true;
}

static int write_on(void *self, unsigned number)
{
    struct world *w = self;
    struct turnstile *t = turnstile_of(w);
    unsigned slot = slot_of[number];
    int loop = open_loop(bells_fd(w->bells, slot));
    uint64_t seed = (uint64_t)getpid();

    while (!w->over) {
        turnstile_queue(t, slot, 1);
        bool ours = turnstile_ask(t, slot, w->bells) ||
                    wait_for_turn(w, slot, loop, &seed);
        turnstile_queue(t, slot, 0);
        if (ours)
            be_inside(w, number, &seed);
        else
            w->left++;
        turnstile_pass(t, slot, w->bells);
    }
    return loop < 0;
}

/* ---- the parent, who is the master ---------------------------------------*/

static struct world *open_world(struct segment **s, bool deaths)
{
    void *memory;

    *s = crowd_memory(sizeof(struct world) + turnstile_size(), &memory);
    struct world *w = memory;
    w->bells = bells_new();
    w->deaths = deaths;
    return w;
}

static void close_world(struct world *w, struct segment *s)
{
    bells_free(w->bells);
    segment_free(s);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t all_turns(const struct world *w)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < CROWD; i++)
        sum += w->turns[i];
    return sum;
}

/* Someone gets the turn, again and again. */
static void see_progress(const struct world *w)
{
    uint64_t before = all_turns(w);
    int64_t end = now_ms() + PATIENCE_MS;

    while (all_turns(w) < before + 10 && !w->wrong) {
        if (now_ms() > end)
            fail_msg("nobody gets the turn any more");
        usleep(200);
    }
    if (w->wrong)
        fail_msg("two had the turn, or a ring was lost");
}

static void end_all(struct world *w, const pid_t *crowd)
{
    w->over = true;
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(crowd_wait(crowd[i]), 0);
    assert_false(w->wrong);
}

/* Nobody is there any more, and nothing is left of them. */
static void see_nothing_left(struct world *w)
{
    struct turn_holder h;
    unsigned tickets;
    uint64_t requests;

    assert_false(turnstile_holder(turnstile_of(w), &h));
    turnstile_waiting(turnstile_of(w), &tickets, &requests);
    assert_int_equal(tickets, 0);
    assert_int_equal(requests, 0);
    assert_true(turnstile_ask(turnstile_of(w), 7, NULL));
}

/* ---- nobody dies ---------------------------------------------------------*/

static void turns_are_even(void **state)
{
    struct segment *s;
    struct world *w = open_world(&s, false);
    pid_t crowd[CROWD];

    (void)state;
    for (unsigned i = 0; i < CROWD; i++)
        crowd[i] = crowd_start(write_on, w, i);
    while (all_turns(w) < 200) /* all are there */
        see_progress(w);
    uint64_t first[CROWD];
    for (unsigned i = 0; i < CROWD; i++)
        first[i] = w->turns[i];
    for (int64_t end = now_ms() + STRESS_MS / 2; now_ms() < end;)
        see_progress(w);
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (unsigned i = 0; i < CROWD; i++) {
        uint64_t n = w->turns[i] - first[i];
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    end_all(w, crowd);
    print_message("%llu turns, from %llu to %llu each\n",
                  (unsigned long long)w->number, (unsigned long long)least,
                  (unsigned long long)most);
    assert_true(least > 0 && most <= 2 * least);
    assert_int_equal(w->number, all_turns(w));
    see_nothing_left(w);
    close_world(w, s);
}

/* ---- some die ------------------------------------------------------------*/

/* What master and kernel do. True if it had the turn. */
static bool bury(struct world *w, pid_t pid, unsigned slot)
{
    pid_t dead = pid;

    crowd_kill(pid);
    bool inside = atomic_compare_exchange_strong(&w->inside, &dead, 0);
    turnstile_forget(turnstile_of(w), slot, w->bells);
    return inside;
}

static void deaths_stop_nobody(void **state)
{
    struct segment *s;
    struct world *w = open_world(&s, true);
    uint64_t seed = 42;
    unsigned killed = 0;
    unsigned inside = 0;
    pid_t crowd[CROWD];

    (void)state;
    for (unsigned i = 0; i < CROWD; i++)
        crowd[i] = crowd_start(write_on, w, i);
    for (int64_t end = now_ms() + STRESS_MS; now_ms() < end; killed++) {
        unsigned i = (unsigned)(crowd_random(&seed) >> 32) % CROWD;
        usleep((useconds_t)(crowd_random(&seed) >> 32) % 4096);
        inside += bury(w, crowd[i], slot_of[i]);
        if (crowd_random(&seed) >> 63)
            see_progress(w); /* also without it */
        crowd[i] = crowd_start(write_on, w, i);
        see_progress(w);
    }
    end_all(w, crowd);
    print_message("%u killed, %u of them with the turn; %llu turns, "
                  "%llu places given up\n",
                  killed, inside, (unsigned long long)w->number,
                  (unsigned long long)w->left);
    assert_true(inside > 0 && w->left > 0);
    /* Each death can have come between the number and its count. */
    assert_in_range(w->number, all_turns(w), all_turns(w) + killed);
    see_nothing_left(w);
    close_world(w, s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_are_even),
        cmocka_unit_test(deaths_stop_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
