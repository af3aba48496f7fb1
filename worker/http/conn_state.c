#include <sys/socket.h>
#include <unistd.h>

#include "worker/http/conn_private.h"

void conn_list_remove(struct conn_list *l, struct conn *c)
{
    *(c->prev ? &c->prev->next : &l->first) = c->next;
    *(c->next ? &c->next->prev : &l->last) = c->prev;
    l->count--;
}

void conn_list_append(struct conn_list *l, struct conn *c)
{
    c->prev = l->last;
    c->next = NULL;
    *(l->last ? &l->last->next : &l->first) = c;
    l->last = c;
    l->count++;
}

/* The loop's time is that of the turn's beginning: a statement may have been
 * long since then, and is not of the client's time. */
static uint64_t now_ms(const struct conns *home)
{
    uint64_t turn_ns = loop_now_ns(home->config.loop);

    return (home->clock_ns > turn_ns ? home->clock_ns : turn_ns) / 1000000;
}

void conn_enter(struct conn *c, enum conn_state state)
{
    struct conns *home = c->home;
    uint64_t limit = home->limit_ms[state];

    conn_list_remove(&home->lists[c->state], c);
    if (state != CONN_WRITING)
        conn_let_go(c);
    c->state = (uint8_t)state;
    c->taken = 0;
    c->deadline_ms = limit ? now_ms(home) + limit : UINT64_MAX;
    conn_list_append(&home->lists[state], c);
}

void conn_follow(struct conn *c)
{
    unsigned wanted = LOOP_READ;

    if (c->state == CONN_CLOSED)
        return;
    if (c->state == CONN_WRITING)
        wanted = LOOP_WRITE;
    else if (c->state == CONN_WAITING)
        wanted = c->left ? 0 : c->ahead ? LOOP_CLOSED : LOOP_READ;
    if (wanted == c->interest)
        return;
    loop_change(c->home->config.loop, &c->watch, wanted);
    c->interest = (uint8_t)wanted;
}

void conn_drop_exchange(struct conn *c)
{
    if (c->x)
        exchange_give(c->home->pool, c->x);
    c->x = NULL;
}

void conn_shut(struct conn *c)
{
    struct conns *home = c->home;

    if (c->state == CONN_CLOSED)
        return;
    loop_del(home->config.loop, &c->watch);
    close(c->watch.fd);
    conn_go(c);
    conn_drop_exchange(c);
    conn_enter(c, CONN_CLOSED);
    if (home->acceptor)
        acceptor_resume(home->acceptor);
}

void conn_linger(struct conn *c)
{
    conn_drop_exchange(c);
    shutdown(c->watch.fd, SHUT_WR);
    conn_enter(c, CONN_LINGERING);
}
