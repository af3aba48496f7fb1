#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve.h"

enum {
    EVENTS = 256,        /* of one epoll_wait; wrk opens 64 connections */
    REQUEST_MAX = 16384, /* bytes of one recv */
};

static volatile sig_atomic_t asked_to_stop;

static void on_term(int signal)
{
    (void)signal;
    asked_to_stop = 1;
}

int serve_listen(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {
        .sin_family = AF_INET,
        .sin_port = htons((in_port_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int one = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        bind(fd, (const struct sockaddr *)&at, sizeof at) || listen(fd, 2048))
        err(1, "127.0.0.1:%d", port);
    return fd;
}

static void watch(int epoll, int fd, unsigned how)
{
    struct epoll_event event = {.events = EPOLLIN | how, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
        err(1, "epoll_ctl");
}

/* One a turn, and then to the end of the queue of those who wait there. */
static void on_listener(int epoll, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), one = 1;

    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(epoll, fd, 0);
    epoll_ctl(epoll, EPOLL_CTL_DEL, listener, NULL);
    watch(epoll, listener, EPOLLEXCLUSIVE);
}

/* True when a request was answered. An answer that does not fit into the
 * socket's buffer at once (some 2.5 MB on loopback) is not handled. */
static int on_client(int fd, const struct answerer *who)
{
    static char request[REQUEST_MAX];
    const char *text;
    size_t len;

    if (recv(fd, request, sizeof request, 0) <= 0) {
        close(fd);
        return 0;
    }
    text = who->answer(who->self, request, &len);
    if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len) {
        close(fd);
        return 0;
    }
    return 1;
}

void serve(int listener, const struct answerer *who)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct sigaction act = {.sa_handler = on_term}; /* no SA_RESTART */
    struct epoll_event events[EVENTS];
    unsigned long turns = 0, requests = 0;

    sigaction(SIGTERM, &act, NULL);
    watch(epoll, listener, EPOLLEXCLUSIVE);
    while (!asked_to_stop) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        int answered = 0;

        if (n < 0 && errno != EINTR)
            err(1, "epoll_wait");
        for (int i = 0; i < n; i++)
            if (events[i].data.fd == listener)
                on_listener(epoll, listener);
            else
                answered += on_client(events[i].data.fd, who);
        if (answered > 0 && who->turn_ends)
            who->turn_ends(who->self);
        requests += (unsigned long)answered;
        turns += answered > 0;
    }
    fprintf(stderr, "requests a turn: %.1f\n",
            turns ? (double)requests / (double)turns : 0.0);
}
