#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/heritage.h"
#include "common/log.h"
#include "common/loop.h"
#include "worker/baton.h"

#include "worker/relay.h"

enum {
    QUIET_LOOKS = 200, /* without a statement, then the watcher goes to sleep */
    RETRY_MS = 1000,   /* after a thread, or what it needs, was not to be had */
};

enum member_state {
    MEMBER_NONE,     /* no thread yet */
    MEMBER_IDLE,     /* sleeps */
    MEMBER_WATCHING, /* looks whether the baton lies about */
    MEMBER_BUSY,     /* runs the loop, or does a job */
    MEMBER_ENDED,
};

struct member {
    pthread_t thread;
    pthread_cond_t called;
    enum member_state state; /* under the lock */
    bool ready;              /* prepared. Its own, and when to try again */
    uint64_t retry_ms;
    bool unable; /* it had a job and was not ready for it. Under the lock */
    void *job;   /* under the lock */
    struct relay *home;
    /* With the baton. */
    bool runs; /* the loop, when it is not away */
    bool away; /* in a statement */
};

struct relay {
    struct relay_config config;
    struct baton baton;
    _Atomic bool asleep; /* the watcher is, or there is none */
    bool started;        /* with the baton */
    unsigned holder;     /* with the baton: whose it was last */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ended; /* a thread did */
    bool stopping;
    uint64_t retry_ms; /* no thread was to be had: when to try again */
    unsigned spare; /* changed with the baton and the lock: read with either */
    struct member members[THREADS_MAX];
};

static _Thread_local unsigned me; /* this thread's number */

/* ---- the baton -----------------------------------------------------------*/

static void wake_watcher(struct relay *r);

static void note_holder(struct relay *r)
{
    if (r->holder == me)
        return;
    r->holder = me;
    r->config.on_take(r->config.self, me);
}

static void take_up(struct relay *r)
{
    uint64_t ticket;

    if (!baton_draw(&r->baton, &ticket)) {
        r->config.wake(r->config.self);
        baton_wait(&r->baton, ticket);
    }
    note_holder(r);
}

void relay_leave(struct relay *r)
{
    if (r == NULL || !r->started)
        return;
    r->members[me].away = true;
    baton_put_down(&r->baton);
    if (atomic_load(&r->asleep)) /* behind that: see sleep_on */
        wake_watcher(r);
}

void relay_return(struct relay *r)
{
    if (r == NULL || !r->started)
        return;
    take_up(r);
    r->members[me].away = false;
}

/* ---- the other threads ---------------------------------------------------*/

static struct timespec in_ms(unsigned ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

static struct member *find(struct relay *r, enum member_state state)
{
    for (unsigned i = 1; i < r->config.threads; i++)
        if (r->members[i].state == state)
            return &r->members[i];
    return NULL;
}

static void call(struct member *m, enum member_state state)
{
    m->state = state;
    pthread_cond_signal(&m->called);
}

static void *member_main(void *self);

static struct member *find_able(struct relay *r)
{
    for (unsigned i = 1; i < r->config.threads; i++)
        if (r->members[i].state == MEMBER_IDLE && !r->members[i].unable)
            return &r->members[i];
    return NULL;
}

/* With the lock. Null when all are busy or no thread is to be had. */
static struct member *engage(struct relay *r, bool able)
{
    struct member *m = able ? find_able(r) : find(r, MEMBER_IDLE);

    if (m)
        return m;
    m = find(r, MEMBER_NONE);
    if (m == NULL || loop_clock_ms() < r->retry_ms)
        return NULL;
    m->state = MEMBER_IDLE;
    int reason = pthread_create(&m->thread, NULL, member_main, m);
    if (reason == 0)
        return m;
    m->state = MEMBER_NONE;
    r->retry_ms = loop_clock_ms() + RETRY_MS;
    log_error("No thread for long statements: %s", strerror(reason));
    return NULL;
}

/* With the lock: somebody has to look whether the baton lies about. When all
 * are busy, or no thread is to be had, whoever puts it down tries again. */
static void post_watcher(struct relay *r)
{
    if (r->stopping || find(r, MEMBER_WATCHING))
        return;
    struct member *m = engage(r, false);
    if (m)
        call(m, MEMBER_WATCHING);
    atomic_store(&r->asleep, m == NULL);
}

static void wake_watcher(struct relay *r)
{
    pthread_mutex_lock(&r->lock);
    struct member *m = find(r, MEMBER_WATCHING);
    if (m) {
        atomic_store(&r->asleep, false);
        pthread_cond_signal(&m->called);
    } else {
        post_watcher(r);
    }
    pthread_mutex_unlock(&r->lock);
}

/* With the lock; until somebody puts the baton down. It is looked at once more
 * after saying so: who did that meanwhile did not see it. */
static void sleep_on(struct relay *r, struct member *m)
{
    uint64_t since;

    atomic_store(&r->asleep, true);
    if (!baton_lies(&r->baton, &since))
        while (atomic_load(&r->asleep) && !r->stopping)
            pthread_cond_wait(&m->called, &r->lock);
    atomic_store(&r->asleep, false);
}

/* Without the lock. After a failure not at once again. */
static bool is_prepared(struct relay *r, struct member *m)
{
    uint64_t now_ms = loop_clock_ms();

    if (m->ready || now_ms < m->retry_ms)
        return m->ready;
    m->ready = r->config.prepare(r->config.self, me);
    m->retry_ms = now_ms + RETRY_MS;
    return m->ready;
}

/* The baton lay there at two looks. The first time there is something to be
 * made ready, and then it is looked at again. */
static bool take_lying(struct relay *r, struct member *m, uint64_t since)
{
    bool was_ready = m->ready;

    pthread_mutex_unlock(&r->lock);
    bool ours = is_prepared(r, m) && was_ready && baton_take(&r->baton, since);
    if (ours)
        note_holder(r);
    pthread_mutex_lock(&r->lock);
    return ours;
}

static void sleep_a_while(struct relay *r, struct member *m)
{
    struct timespec until = in_ms(RELAY_PATIENCE_MS);

    pthread_cond_timedwait(&m->called, &r->lock, &until);
}

/* With the lock. True: the baton lay about and is ours now. */
static bool watch(struct relay *r, struct member *m)
{
    unsigned quiet = 0;
    uint64_t since, then;

    while (!r->stopping) {
        bool lay = baton_lies(&r->baton, &since);
        sleep_a_while(r, m);
        bool lies = baton_lies(&r->baton, &then);
        if (lay && lies && then == since && !r->stopping &&
            take_lying(r, m, since))
            return true;
        quiet = then == since ? quiet + 1 : 0;
        if (quiet < QUIET_LOOKS)
            continue;
        sleep_on(r, m);
        quiet = 0;
    }
    return false;
}

/* With the lock and the baton: one fewer, or more, to take over. */
static void become(struct relay *r, struct member *m, enum member_state state)
{
    r->spare += state == MEMBER_BUSY ? -1U : 1U;
    m->state = state;
}

/* With the baton. */
static void serve(struct relay *r, struct member *m)
{
    void *job = m->job;

    m->job = NULL;
    if (job) {
        r->config.work(r->config.self, job);
    } else {
        m->runs = true;
        r->config.run(r->config.self);
        m->runs = false;
    }
    pthread_mutex_lock(&r->lock);
    m->unable = !m->ready;
    become(r, m, MEMBER_IDLE);
    pthread_mutex_unlock(&r->lock);
    baton_put_down(&r->baton);
}

/* With the lock, which is given back for a while. */
static void take_over(struct relay *r, struct member *m)
{
    if (!watch(r, m))
        return;
    become(r, m, MEMBER_BUSY);
    post_watcher(r);
    pthread_mutex_unlock(&r->lock);
    serve(r, m);
    pthread_mutex_lock(&r->lock);
    post_watcher(r);
}

static void do_job(struct relay *r, struct member *m)
{
    pthread_mutex_unlock(&r->lock);
    is_prepared(r, m); /* if it cannot be, whoever asked is told so */
    take_up(r);
    serve(r, m);
    pthread_mutex_lock(&r->lock);
    post_watcher(r);
}

static void *member_main(void *self)
{
    struct member *m = self;
    struct relay *r = m->home;

    me = (unsigned)(m - r->members);
    pthread_mutex_lock(&r->lock);
    while (!r->stopping || m->state == MEMBER_BUSY) {
        if (m->state == MEMBER_BUSY)
            do_job(r, m);
        else if (m->state == MEMBER_WATCHING)
            take_over(r, m);
        else
            pthread_cond_wait(&m->called, &r->lock);
    }
    m->state = MEMBER_ENDED;
    pthread_cond_broadcast(&r->ended);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- what the holder calls -----------------------------------------------*/

unsigned relay_spare(const struct relay *r)
{
    return r->spare;
}

/* Among those that are not spare is the caller. */
unsigned relay_engaged(const struct relay *r)
{
    return r->config.threads - 1 - r->spare;
}

bool relay_give(struct relay *r, void *job)
{
    if (r == NULL || !r->started || r->spare < 2)
        return false;
    pthread_mutex_lock(&r->lock);
    struct member *m = r->stopping ? NULL : engage(r, true);
    if (m) {
        m->job = job;
        become(r, m, MEMBER_BUSY);
        pthread_cond_signal(&m->called);
    }
    pthread_mutex_unlock(&r->lock);
    return m != NULL;
}

static bool lower_is_back(const struct relay *r)
{
    for (unsigned i = 0; i < me; i++)
        if (r->members[i].runs && !r->members[i].away)
            return true;
    return false;
}

bool relay_turn_over(struct relay *r)
{
    if (r == NULL || !r->started)
        return true;
    if (baton_is_wanted(&r->baton)) {
        baton_put_down(&r->baton);
        take_up(r);
    }
    return !lower_is_back(r);
}

bool relay_is_away(const struct relay *r, unsigned thread)
{
    return r && r->members[thread].away;
}

unsigned relay_away(const struct relay *r)
{
    unsigned count = 0;

    for (unsigned i = 0; r && i < r->config.threads; i++)
        count += r->members[i].away;
    return count;
}

/* ---- beginning and end ---------------------------------------------------*/

static void init_condition(pthread_cond_t *c)
{
    pthread_condattr_t how;

    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(c, &how);
    pthread_condattr_destroy(&how);
}

struct relay *relay_new(const struct relay_config *config)
{
    struct relay *r = calloc(1, sizeof *r);

    assert(r != NULL && config->threads >= 2 && config->threads <= THREADS_MAX);
    r->config = *config;
    r->spare = config->threads - 1;
    atomic_store(&r->asleep, true);
    baton_init(&r->baton);
    pthread_mutex_init(&r->lock, NULL);
    init_condition(&r->ended);
    for (unsigned i = 0; i < config->threads; i++) {
        r->members[i].home = r;
        init_condition(&r->members[i].called);
    }
    r->members[0].state = MEMBER_BUSY;
    r->members[0].runs = true;
    return r;
}

void relay_start(struct relay *r)
{
    if (r)
        r->started = true;
}

/* With the lock. */
static bool all_ended(const struct relay *r)
{
    for (unsigned i = 1; i < r->config.threads; i++)
        if (r->members[i].state != MEMBER_NONE &&
            r->members[i].state != MEMBER_ENDED)
            return false;
    return true;
}

static bool wait_for_all(struct relay *r, unsigned most_ms)
{
    struct timespec until = in_ms(most_ms);
    int reason = 0;

    pthread_mutex_lock(&r->lock);
    while (!all_ended(r) && reason != ETIMEDOUT)
        reason = pthread_cond_timedwait(&r->ended, &r->lock, &until);
    bool ended = all_ended(r);
    pthread_mutex_unlock(&r->lock);
    return ended;
}

static void call_all(struct relay *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    for (unsigned i = 1; i < r->config.threads; i++)
        pthread_cond_signal(&r->members[i].called);
    pthread_mutex_unlock(&r->lock);
}

bool relay_stop(struct relay *r, unsigned most_ms)
{
    if (r == NULL || !r->started)
        return true;
    call_all(r);
    baton_put_down(&r->baton);
    if (!wait_for_all(r, most_ms))
        return false;
    take_up(r);
    for (unsigned i = 1; i < r->config.threads; i++)
        if (r->members[i].state == MEMBER_ENDED)
            pthread_join(r->members[i].thread, NULL);
    r->started = false;
    return true;
}

void relay_free(struct relay *r)
{
    if (r == NULL)
        return;
    for (unsigned i = 0; i < r->config.threads; i++)
        pthread_cond_destroy(&r->members[i].called);
    pthread_cond_destroy(&r->ended);
    pthread_mutex_destroy(&r->lock);
    baton_end(&r->baton);
    free(r);
}
