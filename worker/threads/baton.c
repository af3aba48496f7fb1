#include "worker/threads/baton.h"

void baton_init(struct baton *b)
{
    atomic_init(&b->drawn, 1);
    atomic_init(&b->served, 0);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->moved, NULL);
}

void baton_end(struct baton *b)
{
    pthread_cond_destroy(&b->moved);
    pthread_mutex_destroy(&b->lock);
}

/* Whoever draws a ticket looks at `served` afterwards, and here it is the
 * other way round: one of the two sees the other. */
void baton_put_down(struct baton *b)
{
    uint64_t next = atomic_load_explicit(&b->served, memory_order_relaxed) + 1;

    atomic_store(&b->served, next);
    if (atomic_load(&b->drawn) == next)
        return;
    pthread_mutex_lock(&b->lock);
    pthread_cond_broadcast(&b->moved);
    pthread_mutex_unlock(&b->lock);
}

bool baton_is_wanted(const struct baton *b)
{
    return atomic_load(&b->drawn) > atomic_load(&b->served) + 1;
}

bool baton_draw(struct baton *b, uint64_t *ticket)
{
    *ticket = atomic_fetch_add(&b->drawn, 1);
    return atomic_load(&b->served) == *ticket;
}

void baton_wait(struct baton *b, uint64_t ticket)
{
    pthread_mutex_lock(&b->lock);
    while (atomic_load(&b->served) != ticket)
        pthread_cond_wait(&b->moved, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

/* `served` first: were it read last, the baton could seem to lie about that
 * was taken and put down in between. */
bool baton_lies(const struct baton *b, uint64_t *since)
{
    *since = atomic_load(&b->served);
    return atomic_load(&b->drawn) == *since;
}

bool baton_take(struct baton *b, uint64_t since)
{
    uint64_t drawn = since;

    return atomic_load(&b->served) == since &&
           atomic_compare_exchange_strong(&b->drawn, &drawn, since + 1);
}
