#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/segment/crowd.h"
#include "common/segment/episodes.h"
#include "worker/http/conn_private.h"

/*
 * Answers that are held for clients who do not take them (limit_unsent). What
 * is counted is the memory, which stays as large as the answer until its last
 * byte is sent. Files are not held.
 *
 * Nobody is refused an answer for what others do not read: beyond the limit
 * those who take least of theirs are ended, and so a flood ends its own.
 */

/* As if each had taken 64 KiB in a quarter of a second before: so that one who
 * has just begun is not worse than all who have been at it for long. */
enum { CREDIT_BYTES = 64 * 1024, CREDIT_MS = 250 };

/* The pages of it that were written; beyond its bytes, by an answer before this
 * one. */
static size_t memory_of(const struct buf *b)
{
    size_t most = b->len > CONN_WARM_BYTES ? b->len : CONN_WARM_BYTES;

    return b->cap < most ? b->cap : most;
}

static size_t bytes_for(const struct response *res)
{
    if (res->file >= 0)
        return 0;
    return memory_of(&res->body) + memory_of(&res->spill) +
           memory_of(&res->headers) + memory_of(&res->aside);
}

/* What the client has not received: we hold it, or the kernel does. What that
 * took at once says nothing about the client. */
static size_t left_of(const struct conn *c)
{
    int queued = 0;

    ioctl(c->watch.fd, TIOCOUTQ, &queued);
    return c->x->out.len + (size_t)queued;
}

/* Bytes a second. */
static uint64_t speed_of(const struct conn *c)
{
    uint64_t age_ms = loop_now(c->home->config.loop) - c->held_ms;
    size_t left = left_of(c);
    size_t taken = c->owed > left ? c->owed - left : 0;

    return (taken + CREDIT_BYTES) * 1000 / (age_ms + CREDIT_MS);
}

/* Null: nobody's answer is held but this one's. */
static struct conn *slowest_but(const struct conn *newest)
{
    struct conn *c = newest->home->lists[CONN_WRITING].first;
    struct conn *slowest = NULL;
    uint64_t least = UINT64_MAX;

    for (; c; c = c->next) {
        uint64_t speed = c->held && c != newest ? speed_of(c) : UINT64_MAX;
        if (speed < least) {
            least = speed;
            slowest = c;
        }
    }
    return slowest;
}

static void note_end(const struct conn *c)
{
    const struct conns_config *config = &c->home->config;

    if (config->shared == NULL)
        return;
    crowd_end_unread(c->home->crowd);
    if (episodes_tell(config->shared->buckets, "unsent answers", c->peer))
        log_warning("Closing connection. Too many answers wait to be read, "
                    "and ip=%s reads least of its own: more than %lld bytes "
                    "are not held",
                    c->peer, (long long)config->settings->limit_unsent);
}

/* The kernel would offer what it has to the client for minutes, up to 4 MB for
 * each (tcp_wmem), unless it is told to reset (socket(7), SO_LINGER). */
void conn_end_slow(struct conn *c)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (c->state == CONN_WRITING)
        setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    conn_shut(c);
}

static bool is_too_much(const struct conns *home)
{
    int64_t most = home->config.settings->limit_unsent;

    return most > 0 && home->unsent > (size_t)most;
}

void conn_hold(struct conn *c)
{
    struct conn *slow;

    if (c->held)
        return;
    c->held = bytes_for(&c->x->res);
    if (c->held == 0)
        return;
    c->held_ms = loop_now(c->home->config.loop);
    c->owed = left_of(c);
    c->home->unsent += c->held;
    while (is_too_much(c->home) && (slow = slowest_but(c))) {
        note_end(slow);
        conn_end_slow(slow);
    }
}

void conns_tell_unsent(const struct conns *home)
{
    if (home->crowd)
        crowd_tell_unsent(home->crowd, home->config.number, home->unsent);
}

void conn_let_go(struct conn *c)
{
    c->home->unsent -= c->held;
    c->held = 0;
}
