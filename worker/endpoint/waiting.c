#include "worker/endpoint/waiting.h"

static void replace(struct waiting *w, uint64_t key, uint64_t by)
{
    for (size_t i = 0; i < THREADS_MAX; i++)
        if (w->ours[i] == key) {
            w->ours[i] = by;
            return;
        }
}

void waiting_begin(struct waiting *w, uint64_t key)
{
    replace(w, 0, key);
}

void waiting_end(struct waiting *w, uint64_t key)
{
    replace(w, key, 0);
}

bool waiting_is_ours(const struct waiting *w, uint64_t key)
{
    for (size_t i = 0; i < THREADS_MAX; i++)
        if (w->ours[i] == key && key != 0)
            return true;
    return false;
}

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
            (flights_under_way(flights, out->key, slot) ||
             waiting_is_ours(w, out->key)))
            continue;
        remove_at(w, at);
        return true;
    }
    return false;
}

bool waiting_next(struct waiting *w, struct waiter *out)
{
    if (w->list.len == 0)
        return false;
    memcpy(out, w->list.data, sizeof *out);
    remove_at(w, 0);
    return true;
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
