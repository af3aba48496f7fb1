/*
 * lanes: one worker of several threads (relay.h), each with a connection and
 * endpoints of its own, and a loop that turns by itself. The test is somebody
 * else: it sends requests and looks at what comes of them. Statements of
 * endpoints whose path begins with "/long" stop in their middle until they are
 * let through, so that nothing here depends on how fast the machine is.
 */
#ifndef PRONG_TEST_LANES_H
#define PRONG_TEST_LANES_H

#include "tests/unit/troupe.h"

#include <pthread.h>

#include "common/segment/heritage.h"
#include "worker/endpoint/endpoint_private.h"
#include "worker/threads/relay.h"

enum {
    LANES_SLOT = 7,
    GUESTS_MAX = 48,
    SOON_MS = 20000, /* for what has to happen sooner or later */
    NAP_US = 200,
    A_MOMENT_MS = 30, /* for what must not happen */
};

/* A request on its way. What the worker's threads write of it is the test's
 * once `done` says so. */
struct guest {
    struct part part;
    size_t route;
    unsigned by; /* which thread answered */
    _Atomic int done;
};

struct lane_desk {
    struct db *db;
    struct endpoints *endpoints;
    _Atomic bool inside; /* in the middle of a statement that is held up */
    _Atomic bool pass;   /* it need not be held up any more */
};

/* Something to do with the baton, in a turn of the loop. */
struct order {
    void (*fn)(void *self);
    void *self;
    _Atomic bool done;
};

static struct {
    unsigned threads;
    struct relay *relay;
    struct lobby *lobby;
    struct encoder *encoder;
    struct observer *observer;
    struct lane_desk desks[THREADS_MAX];
    unsigned holder; /* with the baton: who has it */
    pthread_t first;
    bool runs;
    _Atomic bool ends;
    _Atomic bool open; /* all may pass */
    _Atomic unsigned long turns;

    pthread_mutex_t lock; /* of what has been sent and not taken yet */
    struct guest *sent[GUESTS_MAX];
    size_t sent_count;
    struct order *order;

    struct guest guests[GUESTS_MAX]; /* for the test to use */
} lanes = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void lanes_nap(void)
{
    const struct timespec t = {.tv_nsec = (long)NAP_US * 1000};

    nanosleep(&t, NULL);
}

/* Waits until it is so. */
#define AWAIT(condition)                                                       \
    for (uint64_t end_ = loop_clock_ms() + SOON_MS; !(condition);) {           \
        if (loop_clock_ms() >= end_)                                           \
            fail_msg("waited for: %s", #condition);                            \
        lanes_nap();                                                           \
    }

/* ---- the worker ----------------------------------------------------------*/

static inline void lanes_beat(void *self)
{
    struct lane_desk *d = self;
    const struct lane *lane = d->endpoints ? &d->endpoints->lane : NULL;

    if (lane == NULL || lane->came_ns == 0 ||
        strncmp(lane->endpoint->path, "/long", 5) != 0 ||
        atomic_load(&lanes.open) || atomic_load(&d->pass))
        return;
    atomic_store(&d->inside, true);
    while (!atomic_load(&d->pass) && !atomic_load(&lanes.open))
        lanes_nap();
    atomic_store(&d->inside, false);
}

static inline bool lanes_prepare(void *self, unsigned thread)
{
    struct lane_desk *d = &lanes.desks[thread];
    struct endpoints_config config = troupe.config;
    struct fault fault = {""};
    char path[128];

    (void)self;
    snprintf(path, sizeof path, "%s/t.db", house.dir);
    d->db = db_open(path, DB_SERVE, &fault);
    if (d->db == NULL)
        return false;
    db_on_progress(d->db, lanes_beat, d);
    db_watch(d->db, troupe.shared.names, troupe.shared.tables, LANES_SLOT);
    config.db = d->db;
    config.lobby = lanes.lobby;
    config.relay = lanes.relay;
    config.encoder = lanes.encoder;
    config.slot = LANES_SLOT;
    config.observer = lanes.observer;
    d->endpoints = endpoints_open(&config, &fault);
    return d->endpoints != NULL;
}

static inline void lanes_take(void *self, unsigned thread)
{
    (void)self;
    lanes.holder = thread;
    observe_thread(lanes.observer, thread);
    endpoints_join(lanes.desks[thread].endpoints);
}

static inline struct endpoints *lanes_present(void)
{
    return lanes.desks[lanes.holder].endpoints;
}

static inline void guest_done(struct call *call)
{
    struct guest *g = (struct guest *)(void *)call;

    g->by = lanes.holder;
    observe_end(lanes.observer, call, response_body(&g->part.res).len,
                loop_clock_ns());
    atomic_fetch_add(&g->done, 1);
}

/* The next that was sent; null: none. */
static inline struct guest *lanes_receive(void)
{
    struct guest *g = NULL;

    pthread_mutex_lock(&lanes.lock);
    if (lanes.sent_count > 0) {
        g = lanes.sent[0];
        lanes.sent_count--;
        memmove(lanes.sent, lanes.sent + 1,
                lanes.sent_count * sizeof *lanes.sent);
    }
    pthread_mutex_unlock(&lanes.lock);
    return g;
}

static inline void lanes_obey(void)
{
    pthread_mutex_lock(&lanes.lock);
    struct order *o = lanes.order;
    lanes.order = NULL;
    pthread_mutex_unlock(&lanes.lock);
    if (o == NULL)
        return;
    o->fn(o->self);
    atomic_store(&o->done, true);
}

static inline size_t lanes_pending(void)
{
    pthread_mutex_lock(&lanes.lock);
    size_t count = lanes.sent_count;
    pthread_mutex_unlock(&lanes.lock);
    return count;
}

static inline void lanes_answer(struct guest *g)
{
    g->part.call.now_ms = troupe_now();
    observe_begin(lanes.observer, &g->part.call, g->part.trace.came_ns);
    endpoints_answer(lanes_present(), g->route, &g->part.call);
}

/* As in shift.c: what came before the turn shares a snapshot. */
static inline void lanes_turn(void)
{
    size_t most = lanes_pending();
    struct guest *g;

    lanes_obey();
    if (most > 1)
        db_share_reads(lanes.desks[lanes.holder].db);
    if (endpoints_waiting(lanes_present()) > 0)
        endpoints_resume(lanes_present(), troupe_now());
    while (most-- > 0 && (g = lanes_receive()))
        lanes_answer(g);
    db_unshare(lanes.desks[lanes.holder].db);
    endpoints_write(lanes_present(), troupe_now());
    atomic_fetch_add(&lanes.turns, 1);
}

/* Its first thread ends it. */
static inline bool lanes_have_to_end(void)
{
    return atomic_load(&lanes.ends) && !relay_is_away(lanes.relay, 0);
}

static inline void lanes_run(void *self)
{
    (void)self;
    while (!lanes_have_to_end()) {
        lanes_turn();
        lanes_nap();
        if (!relay_turn_over(lanes.relay))
            return;
    }
}

static inline void lanes_work(void *self, void *job)
{
    struct call *call = job;

    (void)self;
    call->now_ms = troupe_now();
    observe_resume(lanes.observer, call, PHASE_QUEUE);
    endpoints_answer(lanes_present(), ((struct guest *)job)->route, call);
    db_unshare(lanes.desks[lanes.holder].db);
}

static inline void lanes_wake(void *self)
{
    (void)self; /* the loop does not sleep */
}

static inline void *lanes_main(void *self)
{
    (void)self;
    relay_start(lanes.relay);
    lanes_run(NULL);
    while (!relay_stop(lanes.relay, 1000))
        relay_return(lanes.relay);
    return NULL;
}

/* ---- beginning and end ---------------------------------------------------*/

/* So many threads; with the segment and the app of a troupe, of which Ben is
 * another worker. */
static inline void lanes_open(const char *schema, const char *api,
                              unsigned threads)
{
    static const struct encoding_config encoding = {
        .on = true, .min_length = 100, .level = 6};
    const struct relay_config config = {.threads = threads,
                                        .prepare = lanes_prepare,
                                        .on_take = lanes_take,
                                        .run = lanes_run,
                                        .work = lanes_work,
                                        .wake = lanes_wake};

    troupe_open("", schema, api);
    lanes.threads = threads;
    lanes.holder = 0;
    atomic_store(&lanes.ends, false);
    atomic_store(&lanes.open, false);
    lanes.relay = relay_new(&config);
    lanes.lobby = lobby_new(house.app->endpoint_count);
    lanes.encoder = encoder_new(&encoding);
    lanes.observer = observer_new(&(struct observer_config){
        .shared = &troupe.shared, .slot = LANES_SLOT, .slow_ns = UINT64_MAX});
    assert_true(lanes_prepare(NULL, 0));
    lanes_take(NULL, 0);
    db_current(lanes.desks[0].db); /* the first look ever finds strangers */
}

static inline void lanes_start(void)
{
    assert_int_equal(pthread_create(&lanes.first, NULL, lanes_main, NULL), 0);
    lanes.runs = true;
}

/* Lets everybody through; the worker is the test's alone then, for good. */
static inline void lanes_stop(void)
{
    if (!lanes.runs)
        return;
    lanes.runs = false;
    atomic_store(&lanes.open, true);
    atomic_store(&lanes.ends, true);
    assert_int_equal(pthread_join(lanes.first, NULL), 0);
}

static inline void lanes_close(void)
{
    for (unsigned i = THREADS_MAX; i-- > 0;) {
        endpoints_close(lanes.desks[i].endpoints);
        db_close(lanes.desks[i].db);
        lanes.desks[i] = (struct lane_desk){.db = NULL};
    }
    for (size_t i = 0; i < GUESTS_MAX; i++) {
        part_free(&lanes.guests[i].part);
        lanes.guests[i] = (struct guest){.by = 0};
    }
    lanes.sent_count = 0;
    relay_free(lanes.relay);
    lobby_free(lanes.lobby);
    encoder_free(lanes.encoder);
    observer_free(lanes.observer);
    troupe_close();
}

/* What a test is played with. */
struct lanes_play {
    const char *schema, *api;
    unsigned threads;
};

static inline int lanes_set_up(void **state)
{
    const struct lanes_play *play = *state;

    lanes_open(play->schema, play->api, play->threads);
    lanes_start();
    return 0;
}

static inline int lanes_tear_down(void **state)
{
    (void)state;
    lanes_stop();
    lanes_close();
    return 0;
}

#define PLAYED(play, test)                                                     \
    cmocka_unit_test_prestate_setup_teardown(test, lanes_set_up,               \
                                             lanes_tear_down, &(play))

/* ---- what tests say ------------------------------------------------------*/

static inline struct guest *guest_make(size_t i, const struct asked *q)
{
    struct guest *g = &lanes.guests[i];

    assert_true(i < GUESTS_MAX);
    part_begin(&g->part, q);
    g->part.call.done = guest_done;
    g->route = theatre_route(g->part.call.req);
    g->by = THREADS_MAX;
    atomic_store(&g->done, 0);
    return g;
}

/* All of them at once: they are taken in one turn. */
static inline void guests_send(const size_t *which, size_t count)
{
    pthread_mutex_lock(&lanes.lock);
    for (size_t i = 0; i < count; i++)
        lanes.sent[lanes.sent_count++] = &lanes.guests[which[i]];
    pthread_mutex_unlock(&lanes.lock);
}

static inline struct guest *send_get(size_t i, const char *target)
{
    char line[128];

    snprintf(line, sizeof line, "GET %s", target);
    guest_make(i, &(struct asked){.line = line});
    guests_send(&i, 1);
    return &lanes.guests[i];
}

static inline struct guest *send_post(size_t i, const char *target,
                                      const char *form)
{
    char line[128];

    snprintf(line, sizeof line, "POST %s", target);
    guest_make(i, &(struct asked){.line = line, .form = form});
    guests_send(&i, 1);
    return &lanes.guests[i];
}

static inline void answered(struct guest *g, int status)
{
    AWAIT(atomic_load(&g->done) > 0);
    if (g->part.res.status != status || atomic_load(&g->done) != 1)
        fail_msg("%d instead of %d, done %d: %s", g->part.res.status, status,
                 atomic_load(&g->done), part_body(&g->part));
}

static inline bool is_inside(unsigned thread)
{
    return atomic_load(&lanes.desks[thread].inside);
}

/* How many statements are held up. */
static inline unsigned inside(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < lanes.threads; i++)
        count += is_inside(i);
    return count;
}

/* Lets the statement of one thread through, and not those after it. */
static inline void let_through(unsigned thread)
{
    assert_true(is_inside(thread));
    atomic_store(&lanes.desks[thread].pass, true);
    AWAIT(!is_inside(thread));
}

static inline void hold_up_again(unsigned thread)
{
    atomic_store(&lanes.desks[thread].pass, false);
}

/* By the thread that has the baton, between two requests. */
static inline void in_a_turn(void (*fn)(void *self), void *self)
{
    struct order o = {.fn = fn, .self = self};

    pthread_mutex_lock(&lanes.lock);
    lanes.order = &o;
    pthread_mutex_unlock(&lanes.lock);
    AWAIT(atomic_load(&o.done));
}

static inline void lanes_count(void *self)
{
    *(size_t *)self = endpoints_waiting(lanes_present());
}

/* Calls that wait for anything. */
static inline size_t waiting(void)
{
    size_t count;

    in_a_turn(lanes_count, &count);
    return count;
}

static inline void lanes_forget(void *self)
{
    struct guest **g = self;

    if (endpoints_cancel(lanes_present(), &(*g)->part.call))
        *g = NULL;
}

/* Its client leaves. */
static inline bool forgotten(struct guest *g)
{
    in_a_turn(lanes_forget, &g);
    return g == NULL;
}

/* A few turns of the loop: what could happen has happened. */
static inline void some_turns(void)
{
    unsigned long then = atomic_load(&lanes.turns) + 5;

    AWAIT(atomic_load(&lanes.turns) >= then);
}

#endif
