/*
 * wire: connections of a worker and their clients in one process, over TCP on
 * 127.0.0.1. Clients never block: whoever waits for bytes turns the worker's
 * loop meanwhile, and fails after PATIENCE_MS.
 */
#ifndef PRONG_TEST_WIRE_H
#define PRONG_TEST_WIRE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/http/conn.h"

enum { PATIENCE_MS = 10000, LATER_MAX = 4 };

static struct wire {
    struct loop *loop;
    struct conns *conns;
    struct settings settings;
    int listener;
    struct sockaddr_in address;
    struct call *later[LATER_MAX]; /* taken by "/later", not answered yet */
    size_t later_count;
    size_t turns; /* of the loop that were woken by something */
    uint64_t now_ms;
} wire;

/* What a client has received. */
struct client {
    int fd;
    struct buf in;
    bool ended;
    bool reset; /* by the server, with an error */
};

static inline int wire_file(size_t size)
{
    int fd = memfd_create("body", MFD_CLOEXEC);

    assert_true(fd >= 0);
    for (size_t i = 0; i < size; i += 8) {
        char text[32];
        snprintf(text, sizeof text, "%07zu\n", i);
        size_t n = size - i < 8 ? size - i : 8;
        assert_int_equal(write(fd, text, n), n);
    }
    return fd;
}

/* Answers by path: /later is kept; /file and /big give ?n bytes; /long takes
 * ?n ms, as a statement may; anything else gives back the path and the body. */
static inline void wire_answer(void *self, struct call *call)
{
    struct slice path = request_path(call->req);
    size_t count;
    const struct pair *query = request_query(call->req, &count);
    int64_t asked = 0;

    assert_ptr_equal(self, &wire);
    if (count > 0)
        assert_true(text_int64(query[0].value, &asked) && asked >= 0);
    size_t n = (size_t)asked;
    call->res->type = "text/plain";
    call->res->head = request_verb(call->req) == VERB_HEAD;
    if (slice_is(path, "/later")) {
        assert_true(wire.later_count < LATER_MAX);
        wire.later[wire.later_count++] = call;
        return;
    }
    if (slice_is(path, "/long")) {
        usleep((useconds_t)n * 1000);
        call->trace->queries = 1;
    }
    if (slice_is(path, "/file")) {
        call->res->file = wire_file(n);
        call->res->file_length = (int64_t)n;
    } else if (slice_is(path, "/big")) {
        memset(buf_reserve(&call->res->body, n), 'b', n);
        call->res->body.len += n;
    } else {
        buf_slice(&call->res->body, path);
        buf_byte(&call->res->body, ':');
        buf_slice(&call->res->body, request_body(call->req));
    }
    call->done(call);
}

/* One turn, as a worker makes it. */
static inline void wire_turn(int timeout_ms)
{
    int patience = conns_sweep(wire.conns, timeout_ms);

    wire.turns +=
        loop_turn(wire.loop, conns_pending(wire.conns) ? 0 : patience) > 0;
    if (conns_pending(wire.conns) > 0)
        conns_serve(wire.conns);
}

static inline void wire_listen(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof wire.address;

    wire.listener =
        socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(wire.listener, (struct sockaddr *)&any, sizeof any),
                     0);
    assert_int_equal(listen(wire.listener, 128), 0);
    assert_int_equal(
        getsockname(wire.listener, (struct sockaddr *)&wire.address, &size), 0);
}

/* Of what is given, that which is the wire's own is filled in. */
static inline void wire_open_with(struct conns_config config)
{
    wire_listen();
    wire.loop = loop_new();
    config.loop = wire.loop;
    config.settings = &wire.settings;
    config.listeners = &wire.listener;
    config.listener_count = 1;
    config.self = &wire;
    wire.conns = conns_new(&config);
    assert_non_null(wire.conns);
}

static inline void wire_open(void)
{
    wire_open_with((struct conns_config){.answer = wire_answer});
}

static inline int wire_set_up(void **state)
{
    static const char *trusted[] = {"127.0.0.1"};

    (void)state;
    wire = (struct wire){.settings = {.worker_connections = 100,
                                      .keepalive = 1,
                                      .header_timeout = 1,
                                      .body_timeout = 1,
                                      .send_timeout = 1,
                                      .forwarded_allow_ips = {trusted, 1},
                                      .limit_request_line = 4094,
                                      .limit_request_fields = 100,
                                      .limit_request_field_size = 8190,
                                      .limit_request_body = 1 << 20}};
    wire_open();
    return 0;
}

static inline int wire_tear_down(void **state)
{
    (void)state;
    conns_free(wire.conns);
    loop_free(wire.loop);
    return 0;
}

static inline struct client dial(void)
{
    struct client c = {
        .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};

    int failed =
        connect(c.fd, (struct sockaddr *)&wire.address, sizeof wire.address);
    assert_true(failed == 0 || errno == EINPROGRESS);
    return c;
}

static inline void hang_up(struct client *c)
{
    close(c->fd);
    buf_free(&c->in);
}

/* Reads what is there; false when there was nothing new. */
static inline bool listen_up(struct client *c)
{
    if (c->ended)
        return false;
    buf_reserve(&c->in, 64 * 1024);
    ssize_t n = recv(c->fd, c->in.data + c->in.len, c->in.cap - c->in.len, 0);
    if (n > 0)
        c->in.len += (size_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN))
        c->ended = true;
    if (n < 0 && errno != EAGAIN)
        c->reset = true;
    return n > 0;
}

/* Sends all of it, reading meanwhile what comes. */
static inline void say_bytes(struct client *c, const char *bytes, size_t len)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    while (len > 0 && !c->ended) {
        ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
            continue;
        }
        assert_true(loop_clock_ms() < end);
        wire_turn(1);
        listen_up(c);
    }
}

static inline void say(struct client *c, const char *text)
{
    say_bytes(c, text, strlen(text));
}

/* Turns until `text` has come `times` times. */
static inline void hear(struct client *c, const char *text, int times)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    for (;;) {
        int found = 0;
        const char *at = buf_text(&c->in);
        while ((at = strstr(at, text))) {
            found++;
            at++;
        }
        if (found >= times)
            return;
        if (c->ended || loop_clock_ms() > end)
            fail_msg("not heard: %s, but:\n%s", text, buf_text(&c->in));
        if (!listen_up(c))
            wire_turn(1);
    }
}

/* Turns until the server has closed; the milliseconds that took. */
static inline uint64_t hear_end(struct client *c)
{
    uint64_t start = loop_clock_ms();

    while (!c->ended) {
        if (loop_clock_ms() > start + PATIENCE_MS)
            fail_msg("no end after:\n%s", buf_text(&c->in));
        if (!listen_up(c))
            wire_turn(1);
    }
    return loop_clock_ms() - start;
}

static inline bool heard(struct client *c, const char *text)
{
    return strstr(buf_text(&c->in), text) != NULL;
}

static inline void forget(struct client *c)
{
    buf_clear(&c->in);
}

/* Turns until so many connections are open. */
static inline void turn_until_open(size_t count)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    while (conns_open(wire.conns) != count) {
        assert_true(loop_clock_ms() < end);
        wire_turn(1);
    }
}

#endif
