#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "worker/threads/relay_private.h"

static _Thread_local unsigned me; /* this thread's number */

void relay_be(unsigned thread)
{
    me = thread;
}

/* ---- the baton -----------------------------------------------------------*/

void relay_note_holder(struct relay *r)
{
    if (r->holder == me)
        return;
    r->holder = me;
    r->config.on_take(r->config.self, me);
}

void relay_take_up(struct relay *r)
{
    uint64_t ticket;

    if (!baton_draw(&r->baton, &ticket)) {
        r->config.wake(r->config.self);
        baton_wait(&r->baton, ticket);
    }
    relay_note_holder(r);
}

void relay_leave(struct relay *r)
{
    if (r == NULL || !r->started)
        return;
    r->members[me].away = true;
    baton_put_down(&r->baton);
    if (atomic_load(&r->asleep)) /* behind that: see relay_threads.c */
        relay_wake_watcher(r);
    if (r->members[me].works)
        slice_ask(SLICE_LONG);
}

void relay_return(struct relay *r)
{
    if (r == NULL || !r->started)
        return;
    if (r->members[me].works)
        slice_ask(SLICE_SHORT);
    relay_take_up(r);
    r->members[me].away = false;
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
    struct member *m = r->stopping ? NULL : relay_engage(r, true);
    if (m) {
        m->job = job;
        relay_become(r, m, MEMBER_BUSY);
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
        relay_take_up(r);
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
    slice_ask(SLICE_SHORT);
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
    struct timespec until = relay_in_ms(most_ms);
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
    relay_take_up(r);
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
