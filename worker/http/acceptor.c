#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/backlog.h"
#include "common/log.h"
#include "worker/http/acceptor.h"

enum {
    /* How long not to try after descriptors ran out. The connection stays in
     * the backlog meanwhile, and other workers may take it. */
    SHORTAGE_PAUSE_MS = 100,
    STAND_BACK_MS = 2,  /* for another worker to come and accept */
    IN_VAIN = 4,        /* connections to take if it did not, before the next
                           attempt: at most 2 ms in five are lost */
    CLEARLY_MORE = 4,   /* connections, and a quarter, than the other one */
    BEAT_OLD_MS = 1500, /* one that beats so seldom is stopped, or stuck */
    LOOK_MS = 1,        /* between two looks whether one waits, */
    LOOK_HEAVY_MS = 100 /* for a worker that leaves them to others */
};

struct listening {
    struct watch watch;
    struct acceptor *home;
};

struct acceptor {
    struct acceptor_config config;
    struct listening *listening;
    bool paused;
    uint64_t resume_ms; /* end of a rest; 0: none */
    uint64_t looked_ms; /* when it last tried to accept */
    unsigned greedy;    /* connections for which it does not stand back */
    unsigned reach;     /* slots in use are below this one… */
    uint64_t reach_ms;  /* …as seen then */
    /* For whom it stood back, and what that one had accepted; null: nobody. */
    const struct slot *favoured;
    uint64_t its_accepted;
};

static void peer_text(const struct sockaddr_storage *from, char *out)
{
    const struct sockaddr_in *v4 = (const void *)from;
    const struct sockaddr_in6 *v6 = (const void *)from;

    out[0] = '\0';
    if (from->ss_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, out, PEER_TEXT);
    else if (from->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &v6->sin6_addr, out, PEER_TEXT);
}

void acceptor_rest(struct acceptor *a, uint64_t ms)
{
    acceptor_pause(a);
    a->resume_ms = loop_now(a->config.loop) + ms;
}

static void run_short(struct acceptor *a)
{
    if (a->config.on_shortage(a->config.self))
        return; /* the listener is still readable: the next turn tries again */
    log_warning("Out of file descriptors: not accepting for %d ms",
                (int)SHORTAGE_PAUSE_MS);
    acceptor_rest(a, SHORTAGE_PAUSE_MS);
}

/* False when nothing was taken. */
static bool accept_one(struct acceptor *a, size_t listener)
{
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof from;
    char peer[PEER_TEXT];
    int fd = accept4(a->config.listeners[listener], (struct sockaddr *)&from,
                     &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        peer_text(&from, peer);
        a->config.on_accept(a->config.self, fd, listener, peer);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
        errno == ENOMEM)
        run_short(a);
    return errno == ECONNABORTED || errno == EINTR;
}

/* ---- the others -------------------------------------------------------- */

static uint32_t held_by(const struct slot *s)
{
    return atomic_load_explicit(&s->connections, memory_order_relaxed);
}

/* Slots are given away from the lowest on. */
static unsigned reach(struct acceptor *a, uint64_t now)
{
    if (a->reach > 0 && now - a->reach_ms < LOOK_HEAVY_MS)
        return a->reach;
    a->reach_ms = now;
    a->reach = SLOTS_MAX;
    while (a->reach > 1 &&
           atomic_load_explicit(&a->config.slots[a->reach - 1].pid,
                                memory_order_relaxed) == 0)
        a->reach--;
    return a->reach;
}

/* Whether it would come if it was called. */
static bool is_awake(const struct slot *s, uint32_t generation, uint64_t now)
{
    return atomic_load_explicit(&s->pid, memory_order_relaxed) != 0 &&
           atomic_load_explicit(&s->ready, memory_order_relaxed) != 0 &&
           atomic_load_explicit(&s->leave, memory_order_relaxed) == LEAVE_NOT &&
           atomic_load_explicit(&s->generation, memory_order_relaxed) >=
               generation &&
           atomic_load_explicit(&s->beat_ms, memory_order_relaxed) +
                   BEAT_OLD_MS >
               now;
}

/* The other one that holds the fewest; null when there is none. */
static const struct slot *find_lightest(struct acceptor *a, uint64_t now)
{
    const struct slot *slots = a->config.slots;
    uint32_t generation = atomic_load(&slots[a->config.number].generation);
    const struct slot *found = NULL;
    unsigned end = reach(a, now);

    for (unsigned i = 0; i < end; i++)
        if (i != a->config.number && is_awake(&slots[i], generation, now) &&
            (found == NULL || held_by(&slots[i]) < held_by(found)))
            found = &slots[i];
    return found;
}

/* Who should have the next connection rather than this worker; null: nobody. */
static const struct slot *find_worthier(struct acceptor *a, uint64_t now)
{
    if (a->config.slots == NULL)
        return NULL;
    uint32_t own = held_by(&a->config.slots[a->config.number]);
    if (own <= CLEARLY_MORE)
        return NULL;
    const struct slot *other = find_lightest(a, now);
    if (other == NULL ||
        own <= held_by(other) + held_by(other) / 4 + CLEARLY_MORE)
        return NULL;
    return other;
}

static uint64_t accepted_by(const struct slot *s)
{
    return atomic_load_explicit(&s->accepted, memory_order_relaxed);
}

/* A connection waits: true when it is left to another worker, who is called
 * because the kernel has called only us. */
static bool stand_back(struct acceptor *a)
{
    if (a->favoured && accepted_by(a->favoured) == a->its_accepted)
        a->greedy = IN_VAIN;
    a->favoured = NULL;
    if (a->greedy > 0) {
        a->greedy--;
        return false;
    }
    a->favoured = find_worthier(a, loop_now(a->config.loop));
    if (a->favoured == NULL)
        return false;
    a->its_accepted = accepted_by(a->favoured);
    bells_ring(a->config.bells, (unsigned)(a->favoured - a->config.slots));
    acceptor_rest(a, STAND_BACK_MS);
    return true;
}

/* ---- listening --------------------------------------------------------- */

static void on_readable(void *self, unsigned events);

static bool listen_on(struct acceptor *a, size_t i)
{
    struct listening *l = &a->listening[i];

    l->home = a;
    l->watch = (struct watch){on_readable, l, a->config.listeners[i]};
    return loop_add(a->config.loop, &l->watch, LOOP_READ | LOOP_EXCLUSIVE);
}

/*
 * One a turn, and then to the end of the queue: for each connection the
 * kernel wakes the process that has waited for longest on the listener, and
 * without this that would always be the same one. Whoever lines up is told at
 * once if there is another connection.
 */
static void accept_and_line_up(struct acceptor *a, size_t listener)
{
    a->looked_ms = loop_now(a->config.loop);
    if (!accept_one(a, listener) || a->paused)
        return;
    loop_del(a->config.loop, &a->listening[listener].watch);
    if (!listen_on(a, listener))
        log_error("A listener cannot be watched: %s", strerror(errno));
}

static void on_readable(void *self, unsigned events)
{
    struct listening *l = self;

    (void)events;
    if (!stand_back(l->home))
        accept_and_line_up(l->home, (size_t)(l - l->home->listening));
}

struct acceptor *acceptor_new(const struct acceptor_config *config)
{
    struct acceptor *a = calloc(1, sizeof *a);

    assert(a != NULL);
    a->config = *config;
    a->looked_ms = loop_now(config->loop);
    a->listening = calloc(config->listener_count + 1, sizeof *a->listening);
    assert(a->listening != NULL);
    for (size_t i = 0; i < config->listener_count; i++) {
        if (listen_on(a, i))
            continue;
        a->config.listener_count = i;
        acceptor_free(a);
        return NULL;
    }
    return a;
}

void acceptor_free(struct acceptor *a)
{
    if (a == NULL)
        return;
    acceptor_pause(a);
    for (size_t i = 0; i < a->config.listener_count; i++)
        close(a->config.listeners[i]);
    free(a->listening);
    free(a);
}

void acceptor_pause(struct acceptor *a)
{
    if (a->paused)
        return;
    for (size_t i = 0; i < a->config.listener_count; i++)
        loop_del(a->config.loop, &a->listening[i].watch);
    a->paused = true;
    a->resume_ms = 0;
}

void acceptor_resume(struct acceptor *a)
{
    if (!a->paused)
        return;
    for (size_t i = 0; i < a->config.listener_count; i++)
        if (!listen_on(a, i))
            log_error("A listener cannot be watched: %s", strerror(errno));
    a->paused = false;
    a->resume_ms = 0;
}

/* What the kernel may have called somebody else for, who does not come. */
static void look(struct acceptor *a, uint64_t now)
{
    uint64_t since_ms = now - a->looked_ms;

    if (a->config.slots == NULL || since_ms < LOOK_MS ||
        (since_ms < LOOK_HEAVY_MS && find_worthier(a, now)))
        return;
    for (size_t i = 0; i < a->config.listener_count && !a->paused; i++)
        accept_and_line_up(a, i);
}

uint64_t acceptor_tick(struct acceptor *a, uint64_t next)
{
    uint64_t now = loop_now(a->config.loop);

    if (a->resume_ms && now >= a->resume_ms)
        acceptor_resume(a);
    else if (!a->paused)
        look(a, now);
    return a->resume_ms && a->resume_ms < next ? a->resume_ms : next;
}

unsigned acceptor_backlog(const struct acceptor *a)
{
    return backlog_of(a->config.listeners, a->config.listener_count);
}

void acceptor_empty(struct acceptor *a, size_t most)
{
    for (size_t i = 0; i < a->config.listener_count; i++)
        while (most > 0 && accept_one(a, i))
            most--;
}
