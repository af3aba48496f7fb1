#include <assert.h>
#include <errno.h>
#include <time.h>

#include "common/loop.h"

#include "common/segment/cache_private.h"

/* A put of 10 kB holds the lock for one or two; whoever holds it much longer
 * puts something big or was preempted. */
enum { PATIENCE_NS = 10 * 1000 };

void lock_init(struct shard *s)
{
    pthread_mutexattr_t kind;
    int code = pthread_mutexattr_init(&kind);

    code |= pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    code |= pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    code |= pthread_mutex_init(&s->mutex, &kind);
    code |= pthread_mutexattr_destroy(&kind);
    assert(code == 0);
}

/* Being consistent comes last: who dies on the way here leaves the mutex to
 * the next one as it was. Unlocked before that it would be lost for good. */
static bool settle(struct shard *s, int code)
{
    if (code == EOWNERDEAD) {
        ring_empty(s);
        cache_count(&s->recovered, 1);
        code = pthread_mutex_consistent(&s->mutex);
    }
    return code == 0;
}

bool lock_try(struct shard *s)
{
    int code = pthread_mutex_trylock(&s->mutex);

    if (code == EBUSY) {
        uint64_t until = loop_clock_ns() + PATIENCE_NS;
        do
            code = pthread_mutex_trylock(&s->mutex);
        while (code == EBUSY && loop_clock_ns() < until);
    }
    return settle(s, code);
}

bool lock_wait(struct shard *s, const struct timespec *until)
{
    return settle(s,
                  pthread_mutex_clocklock(&s->mutex, CLOCK_MONOTONIC, until));
}

void lock_leave(struct shard *s)
{
    int code = pthread_mutex_unlock(&s->mutex);

    assert(code == 0);
}
