#include "crowd.h"

#include <stdatomic.h>
#include <sys/ptrace.h>

#include "common/segment/heritage.h"
#include "common/segment/syncs.h"

/*
 * One process, executed instruction by instruction, and the world at each of
 * them: it dies there, or another one ends its sync there. Whatever the point,
 * nobody who waits is forgotten. At most POINTS points in each test, so that
 * instrumented programs, which have more, take as long.
 */
enum { OURS = 1, SLOTS = 5, POINTS = 400 };

/* How a child ended. */
enum { SAFE = 10, FAILED, SLEEPS, NOT_PERMITTED = 77 };

struct world {
    _Atomic uint64_t waits[SLOTS]; /* as they were told to syncs */
    _Atomic unsigned rung[SLOTS];
    _Atomic bool ended; /* a child's body has */
    _Alignas(64) char syncs_region[];
};

static struct world *world;
static struct segment *segment;

static struct syncs *the_syncs(void)
{
    return (void *)world->syncs_region;
}

/* In place of the real ones. */
void bells_ring(const struct bells *b, unsigned slot)
{
    (void)b;
    world->rung[slot]++;
}

static void begin_world(void)
{
    void *memory;

    segment = crowd_memory(sizeof(struct world) + syncs_size(), &memory);
    world = memory;
}

static void wait_in(unsigned slot, uint64_t commit)
{
    syncs_wait(the_syncs(), slot, commit);
    world->waits[slot] = commit;
}

/* ---- a process by the instruction ----*/

static int traced(void *self, unsigned number)
{
    int (*body)(void) = *(int (**)(void))self;

    (void)number;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        return NOT_PERMITTED;
    raise(SIGSTOP);
    int code = body();
    world->ended = true;
    return code;
}

/* Stopped just before its body. */
static pid_t start(int (*body)(void))
{
    pid_t pid = crowd_start(traced, &body, 0);
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
        skip();
    assert_true(WIFSTOPPED(status));
    return pid;
}

static void advance(pid_t pid, unsigned steps)
{
    int status;

    while (steps-- > 0) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSTOPPED(status));
    }
}

static int run_on(pid_t pid)
{
    assert_int_equal(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
    return crowd_wait(pid);
}

/* How many instructions it has, in a world that `set` has made. */
static unsigned length_of(int (*body)(void), void (*set)(void))
{
    unsigned steps = 0;

    begin_world();
    set();
    pid_t pid = start(body);
    for (; !world->ended; steps++)
        advance(pid, 1);
    crowd_kill(pid);
    segment_free(segment);
    return steps;
}

/* ---- it dies ----*/

static void two_wait(void)
{
    wait_in(2, syncs_commit(the_syncs()));
    wait_in(3, syncs_commit(the_syncs()));
}

/* A whole sync, in which another one comes and waits for the next. */
static int sync_in_company(void)
{
    struct syncs *s = the_syncs();
    uint64_t upto;

    wait_in(OURS, syncs_commit(s));
    if (!syncs_lead(s, OURS, &upto))
        return FAILED;
    wait_in(4, syncs_commit(s));
    syncs_led(s, OURS, 1000, true, NULL);
    return SAFE;
}

/* Who is covered was told so; of the others one is to lead. */
static void nobody_is_forgotten(void)
{
    unsigned open = 0;
    unsigned to_lead = 0;

    for (unsigned slot = 2; slot < SLOTS; slot++) {
        uint64_t commit = world->waits[slot];
        if (commit == 0)
            continue;
        if (syncs_covered(the_syncs(), commit)) {
            assert_true(world->rung[slot] > 0);
            continue;
        }
        open++;
        to_lead += world->rung[slot] > 0;
    }
    assert_true(open == 0 || to_lead > 0);
}

/* And that one can, for all. */
static void next_one_leads(void)
{
    struct syncs *s = the_syncs();
    struct syncs_figures f;
    uint64_t upto;

    if (syncs_lead(s, 2, &upto))
        syncs_led(s, 2, 1000, true, NULL);
    syncs_figures(s, &f);
    assert_int_equal(f.covered, f.commits);
    assert_true(world->rung[3] > 0);
    assert_true(world->waits[4] == 0 || world->rung[4] > 0);
}

static void killed_anywhere(void **state)
{
    int (*body)(void) = sync_in_company;
    unsigned length = length_of(body, two_wait);

    (void)state;
    for (unsigned at = 0; at < length; at += 1 + length / POINTS) {
        begin_world();
        two_wait();
        pid_t pid = start(body);
        advance(pid, at);
        crowd_kill(pid);
        syncs_forget(the_syncs(), OURS, NULL);
        nobody_is_forgotten();
        next_one_leads();
        segment_free(segment);
    }
}

/* ---- another one's sync ends ----*/

static void another_leads(void)
{
    uint64_t upto;

    syncs_commit(the_syncs());
    assert_true(syncs_lead(the_syncs(), 2, &upto));
}

/* A process with a commit, until it would sleep. */
static int wait_or_lead(void)
{
    struct syncs *s = the_syncs();
    uint64_t commit = syncs_commit(s);
    uint64_t upto;

    syncs_wait(s, OURS, commit);
    if (syncs_covered(s, commit))
        return SAFE;
    if (syncs_lead(s, OURS, &upto)) {
        bool lost = syncs_broken(s); /* nobody may cover what is lost */
        syncs_led(s, OURS, 1000, true, NULL);
        return lost ? EXIT_FAILURE : SAFE;
    }
    return syncs_broken(s) ? FAILED : SLEEPS;
}

/* At each instruction of that, another's sync ends, well or not. */
static void it_ends_anywhere(bool ok)
{
    int (*body)(void) = wait_or_lead;
    unsigned length = length_of(body, another_leads);

    for (unsigned at = 0; at < length; at += 1 + length / POINTS) {
        begin_world();
        another_leads();
        pid_t pid = start(body);
        advance(pid, at);
        syncs_led(the_syncs(), 2, 1000, ok, NULL);
        int code = run_on(pid);
        if (code == SLEEPS)
            assert_int_equal(world->rung[OURS], 1);
        else
            assert_int_equal(code, ok ? SAFE : FAILED);
        segment_free(segment);
    }
}

static void sync_ends_anywhere(void **state)
{
    (void)state;
    it_ends_anywhere(true);
}

static void sync_fails_anywhere(void **state)
{
    (void)state;
    it_ends_anywhere(false);
}

/* ---- a sync fails ----*/

static void ours_leads(void)
{
    uint64_t upto;

    wait_in(2, syncs_commit(the_syncs()));
    assert_true(syncs_lead(the_syncs(), OURS, &upto));
}

static int end_badly(void)
{
    syncs_led(the_syncs(), OURS, 1000, false, NULL);
    return FAILED;
}

/* Nobody leads in its middle, nor after. */
static void failure_has_no_gap(void **state)
{
    int (*body)(void) = end_badly;
    unsigned length = length_of(body, ours_leads);
    uint64_t upto;

    (void)state;
    for (unsigned at = 0; at < length; at += 1 + length / POINTS) {
        begin_world();
        ours_leads();
        pid_t pid = start(body);
        advance(pid, at);
        assert_false(syncs_lead(the_syncs(), 2, &upto));
        assert_int_equal(run_on(pid), FAILED);
        assert_false(syncs_lead(the_syncs(), 2, &upto));
        assert_int_equal(world->rung[2], 1);
        segment_free(segment);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_anywhere),
        cmocka_unit_test(sync_ends_anywhere),
        cmocka_unit_test(sync_fails_anywhere),
        cmocka_unit_test(failure_has_no_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
