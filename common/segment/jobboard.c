#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "common/segment/jobboard.h"

/*
 * Two copies of each entry's figures. The keeper writes the one that nobody
 * reads and then counts `puts`, whose parity says which is the present one:
 * killed before that, it has changed nothing. So counts are never lost, and a
 * reader has to try again only when the keeper wrote twice meanwhile.
 */
struct post {
    _Atomic uint64_t puts;  /* 0: never */
    _Atomic uint32_t named; /* 1 once the name is there; then it stays */
    char name[JOB_NAME];
    struct job_figures figures[2];
};

enum { READ_TRIES = 1000 }; /* a keeper that writes faster does nothing else */

struct jobboard {
    struct post posts[JOBS_MAX]; /* taken from the first one on */
};

size_t jobboard_size(void)
{
    return sizeof(struct jobboard);
}

/* Killed before it says so, a keeper leaves a place without a name; the next
 * one writes over what it began. */
static void name_post(struct post *p, const char *name)
{
    memset(p->name, 0, sizeof p->name);
    memcpy(p->name, name, strlen(name));
    atomic_store_explicit(&p->named, 1, memory_order_release);
}

int jobboard_entry(struct jobboard *b, const char *name)
{
    if (strlen(name) >= JOB_NAME)
        return -1;
    for (int i = 0; i < JOBS_MAX; i++) {
        struct post *p = &b->posts[i];
        bool named = atomic_load_explicit(&p->named, memory_order_acquire) != 0;
        if (!named)
            name_post(p, name);
        if (strcmp(p->name, name) == 0)
            return i;
    }
    return -1;
}

void jobboard_put(struct jobboard *b, int entry, const struct job_figures *f)
{
    assert(entry >= 0 && entry < JOBS_MAX);
    struct post *p = &b->posts[entry];
    uint64_t puts = atomic_load_explicit(&p->puts, memory_order_relaxed);
    struct job_figures *next = &p->figures[(puts + 1) % 2];

    /* Not before the store that made the other one the present. */
    atomic_thread_fence(memory_order_release);
    *next = *f;
    memcpy(next->name, p->name, sizeof next->name);
    atomic_store_explicit(&p->puts, puts + 1, memory_order_release);
}

bool jobboard_read(const struct jobboard *b, int entry, struct job_figures *out)
{
    assert(entry >= 0 && entry < JOBS_MAX);
    const struct post *p = &b->posts[entry];

    for (int i = 0; i < READ_TRIES; i++) {
        uint64_t puts = atomic_load_explicit(&p->puts, memory_order_acquire);
        if (puts == 0)
            return false;
        *out = p->figures[puts % 2];
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&p->puts, memory_order_relaxed) == puts)
            return true;
    }
    return false;
}
