#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "worker/acceptor.h"

/* How long not to try after descriptors ran out. The connection stays in the
 * backlog meanwhile, and other workers may take it. */
enum { SHORTAGE_PAUSE_MS = 100 };

struct listening {
    struct watch watch;
    struct acceptor *home;
};

struct acceptor {
    struct acceptor_config config;
    struct listening *listening;
    bool paused;
    uint64_t resume_ms; /* end of a pause for want of descriptors; 0: none */
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
 * without this that would always be the same one.
 */
static void on_readable(void *self, unsigned events)
{
    struct listening *l = self;
    struct acceptor *a = l->home;

    (void)events;
    if (!accept_one(a, (size_t)(l - a->listening)) || a->paused)
        return;
    loop_del(a->config.loop, &l->watch);
    if (!listen_on(a, (size_t)(l - a->listening)))
        log_error("A listener cannot be watched: %s", strerror(errno));
}

struct acceptor *acceptor_new(const struct acceptor_config *config)
{
    struct acceptor *a = calloc(1, sizeof *a);

    assert(a != NULL);
    a->config = *config;
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

uint64_t acceptor_tick(struct acceptor *a, uint64_t next)
{
    if (a->resume_ms && loop_now(a->config.loop) >= a->resume_ms)
        acceptor_resume(a);
    return a->resume_ms && a->resume_ms < next ? a->resume_ms : next;
}

/* Of a listening socket, tcpi_unacked is the length of its accept queue; a
 * unix socket does not tell. */
unsigned acceptor_backlog(const struct acceptor *a)
{
    unsigned waiting = 0;

    for (size_t i = 0; i < a->config.listener_count; i++) {
        struct tcp_info info;
        socklen_t size = sizeof info;
        if (getsockopt(a->config.listeners[i], IPPROTO_TCP, TCP_INFO, &info,
                       &size) == 0)
            waiting += info.tcpi_unacked;
    }
    return waiting;
}

void acceptor_empty(struct acceptor *a, size_t most)
{
    for (size_t i = 0; i < a->config.listener_count; i++)
        while (most > 0 && accept_one(a, i))
            most--;
}
