/*
 * conn_private: what the files of conn share. conn.c answers, opens and ends
 * connections; conn_state.c knows their states and times; conn_io.c moves
 * their bytes.
 */
#ifndef PRONG_CONN_PRIVATE_H
#define PRONG_CONN_PRIVATE_H

#include "worker/acceptor.h"
#include "worker/clock.h"
#include "worker/conn.h"
#include "worker/exchange.h"
#include "worker/requestid.h"

/* The life of a connection, in order; each state has a list of those in it,
 * the longest first, because all in a state have the same time. */
enum conn_state {
    CONN_IDLE,      /* kept alive: between two requests */
    CONN_HEAD,      /* new, or some of a request's head has come */
    CONN_BODY,      /* the head is complete, some of the body is missing */
    CONN_READY,     /* a request (or its refusal) waits for conns_serve */
    CONN_WAITING,   /* being answered; done was not called yet */
    CONN_WRITING,   /* the answer is on its way */
    CONN_LINGERING, /* answered and shut down: the client reads the rest */
    CONN_CLOSED,    /* closed; its memory is given back at the sweep */
    CONN_STATES
};

struct conn {
    struct watch watch;
    struct conns *home;
    struct conn *prev, *next; /* in the list of its state */
    uint64_t deadline_ms;     /* of its state; UINT64_MAX: none */
    struct exchange *x;       /* null while nothing of a request is here */
    uint8_t state;
    uint8_t interest; /* as the loop has it */
    bool local;       /* a peer on this machine: its request ids are kept */
    bool admin;       /* came in by --admin-bind */
    bool left;        /* the client closed its side while it waits */
    bool ahead;       /* it has sent more while it waits */
    char peer[PEER_TEXT];
};

struct conn_list {
    struct conn *first, *last;
    size_t count;
};

struct conns {
    struct conns_config config;
    struct request_limits limits;
    uint64_t limit_ms[CONN_STATES]; /* 0: none */
    struct conn_list lists[CONN_STATES];
    struct acceptor *acceptor; /* null once draining */
    struct exchange_pool *pool;
    /* A turn takes as many exchanges as it has requests, but answers one after
     * the other, each with this memory: so answers are written where the CPU's
     * caches have the last one (a tenth of the cost of one of 10 kB). */
    struct response warm;
    struct clock clock;
    struct requestids ids;
    bool draining;
    uint64_t drain_ms; /* when those without a request have had their time */
    uint64_t trim_ms;  /* when the pool is trimmed next */
    uint64_t answered;
    uint64_t accepted;
    unsigned refused;  /* number of that route's name */
    uint64_t clock_ns; /* the last reading: what it stands at, or a bit later */
};

/* ---- conn_state.c --------------------------------------------------------*/

/* The one place where a state changes. Its time begins anew. */
void conn_enter(struct conn *c, enum conn_state state);
/* Tells the loop what to report. It follows from the state, here alone; a
 * request that is ready is served within the turn, so nothing changes for
 * it. To be called after every step that may have changed the state. */
void conn_follow(struct conn *c);
/* Closes. The struct lives on until the sweep: events for it may be at hand. */
void conn_shut(struct conn *c);
/* Closes our side and reads on for a while. Bytes may still be under way from
 * the client; closing now would answer them with a reset, which can overtake
 * our answer (RFC 9112, 9.6). */
void conn_linger(struct conn *c);
void conn_drop_exchange(struct conn *c);
void conn_list_append(struct conn_list *l, struct conn *c);
void conn_list_remove(struct conn_list *l, struct conn *c);

/* Lends the exchange warm memory for its answer; takes it back. */
void conn_warm(struct conn *c);
void conn_unwarm(struct conn *c);

/* ---- conn_io.c -----------------------------------------------------------*/

/* What the loop calls. */
void conn_on_event(void *self, unsigned events);
/* One read, and parsing of what came. False when there was nothing. */
bool conn_receive(struct conn *c);
/* Sends what can be sent of the answer; goes on to the next request once all
 * of it is gone. */
void conn_write(struct conn *c);

#endif
