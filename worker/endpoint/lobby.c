#include <assert.h>
#include <stdlib.h>

#include "worker/endpoint/endpoint_private.h"

struct lobby *lobby_new(size_t endpoint_count)
{
    struct lobby *l = calloc(1, sizeof *l);

    assert(l != NULL);
    l->pace_ns = calloc(endpoint_count + 1, sizeof *l->pace_ns);
    assert(l->pace_ns != NULL);
    return l;
}

void lobby_free(struct lobby *l)
{
    if (l == NULL)
        return;
    endpoint_free_writes(&l->writes);
    waiting_free(&l->waiting);
    waiting_free(&l->held);
    free(l->pace_ns);
    free(l);
}
