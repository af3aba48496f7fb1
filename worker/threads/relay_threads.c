#include <string.h>

#include "common/log.h"
#include "common/loop.h"

#include "worker/threads/relay_private.h"

enum {
    QUIET_LOOKS = 200, /* without a statement, then the watcher goes to sleep */
    RETRY_MS = 1000,   /* after a thread, or what it needs, was not to be had */
};

struct timespec relay_in_ms(unsigned ms)
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

static unsigned number_of(const struct member *m)
{
    return (unsigned)(m - m->home->members);
}

static struct member *find_able(struct relay *r)
{
    for (unsigned i = 1; i < r->config.threads; i++)
        if (r->members[i].state == MEMBER_IDLE && !r->members[i].unable)
            return &r->members[i];
    return NULL;
}

struct member *relay_engage(struct relay *r, bool able)
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
    struct member *m = relay_engage(r, false);
    if (m)
        call(m, MEMBER_WATCHING);
    atomic_store(&r->asleep, m == NULL);
}

void relay_wake_watcher(struct relay *r)
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
    m->ready = r->config.prepare(r->config.self, number_of(m));
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
        relay_note_holder(r);
    pthread_mutex_lock(&r->lock);
    return ours;
}

static void sleep_a_while(struct relay *r, struct member *m)
{
    struct timespec until = relay_in_ms(RELAY_PATIENCE_MS);

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

void relay_become(struct relay *r, struct member *m, enum member_state state)
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
        m->works = true;
        r->config.work(r->config.self, job);
        m->works = false;
    } else {
        m->runs = true;
        r->config.run(r->config.self);
        m->runs = false;
    }
    pthread_mutex_lock(&r->lock);
    m->unable = !m->ready;
    relay_become(r, m, MEMBER_IDLE);
    pthread_mutex_unlock(&r->lock);
    baton_put_down(&r->baton);
}

/* With the lock, which is given back for a while. */
static void take_over(struct relay *r, struct member *m)
{
    if (!watch(r, m))
        return;
    relay_become(r, m, MEMBER_BUSY);
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
    relay_take_up(r);
    serve(r, m);
    pthread_mutex_lock(&r->lock);
    post_watcher(r);
}

static void *member_main(void *self)
{
    struct member *m = self;
    struct relay *r = m->home;

    relay_be(number_of(m));
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
