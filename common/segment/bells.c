#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/segment/heritage.h"

#include "common/segment/bells.h"

/* One for each of 576 slots would be 577 descriptors in every process. With
 * 64, the first to share one is the 65th worker. */
enum {
    SHARED = 64, /* by the workers, and behind them the keeper's */
    BELLS = SHARED + 1,
};

struct bells {
    int fd[BELLS];
};

static bool make_all(struct bells *b)
{
    for (size_t i = 0; i < BELLS; i++)
        b->fd[i] = -1;
    for (size_t i = 0; i < BELLS; i++)
        if ((b->fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
            return false;
    return true;
}

struct bells *bells_new(void)
{
    struct bells *b = malloc(sizeof *b);

    if (b == NULL || make_all(b))
        return b;
    bells_free(b); /* errno stays: free and a close that succeeds keep it */
    return NULL;
}

struct bells *bells_take(const int *fds, size_t count)
{
    struct bells *b = count == BELLS ? malloc(sizeof *b) : NULL;

    if (b)
        memcpy(b->fd, fds, sizeof b->fd);
    return b;
}

void bells_free(struct bells *b)
{
    for (size_t i = 0; b && i < BELLS; i++)
        if (b->fd[i] >= 0)
            close(b->fd[i]);
    free(b);
}

int bells_fd(const struct bells *b, unsigned slot)
{
    assert(slot <= SLOT_KEEPER);
    return b->fd[slot == SLOT_KEEPER ? SHARED : slot % SHARED];
}

void bells_ring(const struct bells *b, unsigned slot)
{
    static const uint64_t one = 1;

    if (b == NULL)
        return;
    /* There is room for 2^64 rings, and nothing else that could fail. */
    ssize_t ignored = write(bells_fd(b, slot), &one, sizeof one);
    (void)ignored;
}

size_t bells_fds(const struct bells *b, const int **fds)
{
    *fds = b ? b->fd : NULL;
    return b ? BELLS : 0;
}
