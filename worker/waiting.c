#include "worker/waiting.h"

void waiting_add(struct waiting *w, const struct waiter *waiter)
{
    buf_add(&w->list, waiter, sizeof *waiter);
}

size_t waiting_count(const struct waiting *w)
{
    return w->list.len / sizeof(struct waiter);
}

static void remove_at(struct waiting *w, size_t at)
{
    char *gone = w->list.data + at;
    size_t size = sizeof(struct waiter);

    memmove(gone, gone + size, w->list.len - at - size);
    w->list.len -= size;
}

bool waiting_take(struct waiting *w, const struct flights *flights,
                  unsigned slot, uint64_t now_ms, struct waiter *out)
{
    for (size_t at = 0; at < w->list.len; at += sizeof *out) {
        memcpy(out, w->list.data + at, sizeof *out);
        if (now_ms < out->until_ms &&
            flights_under_way(flights, out->key, slot))
            continue;
        remove_at(w, at);
        return true;
    }
    return false;
}

bool waiting_drop(struct waiting *w, const struct call *call)
{
    struct waiter waiter;

    for (size_t at = 0; at < w->list.len; at += sizeof waiter) {
        memcpy(&waiter, w->list.data + at, sizeof waiter);
        if (waiter.call != call)
            continue;
        remove_at(w, at);
        return true;
    }
    return false;
}

void waiting_free(struct waiting *w)
{
    buf_free(&w->list);
}
