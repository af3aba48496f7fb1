#include <assert.h>
#include <stdlib.h>

#include "worker/http/exchange.h"

enum {
    POOL_MAX = 128,         /* exchanges kept: as many as a turn can take */
    POOL_MIN = 8,           /* that an idle worker keeps: some 30 KiB each */
    KEEP_BYTES = 16 * 1024, /* of each buffer in a kept exchange */
};

struct exchange_pool {
    const struct request_limits *limits;
    struct exchange *free;
    size_t count;  /* on the free list */
    size_t unused; /* of them, at least, since the last trim */
};

struct exchange_pool *exchange_pool_new(const struct request_limits *limits)
{
    struct exchange_pool *p = calloc(1, sizeof *p);

    assert(p != NULL);
    p->limits = limits;
    return p;
}

static void destroy(struct exchange *x)
{
    request_free(x->req);
    response_free(&x->res);
    buf_free(&x->in);
    free(x);
}

void exchange_pool_free(struct exchange_pool *p)
{
    if (p == NULL)
        return;
    while (p->free) {
        struct exchange *x = p->free;
        p->free = x->next;
        destroy(x);
    }
    free(p);
}

struct exchange *exchange_take(struct exchange_pool *p)
{
    struct exchange *x = p->free;

    if (x) {
        p->free = x->next;
        p->count--;
        if (p->count < p->unused)
            p->unused = p->count;
        return x;
    }
    x = calloc(1, sizeof *x);
    assert(x != NULL);
    x->req = request_new(p->limits);
    response_init(&x->res);
    return x;
}

void exchange_give(struct exchange_pool *p, struct exchange *x)
{
    if (p->count == POOL_MAX) {
        destroy(x);
        return;
    }
    buf_shrink(&x->in, KEEP_BYTES);
    buf_shrink(&x->res.headers, KEEP_BYTES);
    buf_shrink(&x->res.aside, KEEP_BYTES);
    buf_shrink(&x->res.body, KEEP_BYTES);
    buf_shrink(&x->res.spill, KEEP_BYTES);
    request_reset(x->req);
    response_reset(&x->res);
    x->out = (struct slice){NULL, 0};
    x->warm = false;
    x->next = p->free;
    p->free = x;
    p->count++;
}

/* Half of what nobody needed, so that a pause does not cost all of them. */
void exchange_trim(struct exchange_pool *p)
{
    size_t surplus = (p->unused + 1) / 2;

    for (; surplus > 0 && p->count > POOL_MIN; surplus--) {
        struct exchange *x = p->free;
        p->free = x->next;
        p->count--;
        destroy(x);
    }
    p->unused = p->count;
}
