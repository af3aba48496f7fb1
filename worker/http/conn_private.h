/*
 * conn_private: what the files of conn share. conn.c opens and ends
 * connections; conn_answer.c has their requests answered; conn_state.c knows
 * their states and times; conn_io.c moves their bytes; conn_limits.c and
 * conn_unsent.c say how many there may be.
 */
#ifndef PRONG_CONN_PRIVATE_H
#define PRONG_CONN_PRIVATE_H

#include "worker/http/acceptor.h"
#include "worker/http/clock.h"
#include "worker/http/conn.h"
#include "worker/http/exchange.h"
#include "worker/http/proxyline.h"
#include "worker/http/requestid.h"

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

/* The PROXY header that a connection begins with. */
enum greeting {
    GREETING_DONE,      /* it came, or none is wanted */
    GREETING_DUE,       /* it must come first */
    GREETING_FORBIDDEN, /* it must not come */
};

struct conn {
    struct watch watch;
    struct conns *home;
    struct conn *prev, *next; /* in the list of its state */
    uint64_t deadline_ms;     /* of its state; UINT64_MAX: none */
    struct exchange *x;       /* null while nothing of a request is here */
    uint8_t state;
    uint8_t interest;     /* as the loop has it */
    uint8_t greeting;     /* enum greeting */
    bool trusted;         /* the peer is believed about who asks */
    bool secure;          /* the peer came by TLS, as its PROXY header says */
    bool admin;           /* came in by --admin-bind */
    bool left;            /* the client closed its side while it waits */
    bool ahead;           /* it has sent more while it waits */
    bool asked;           /* it has had a request before */
    bool counted;         /* in the crowd */
    uint64_t key;         /* under which it is; 0: by no address */
    size_t taken;         /* bytes of its answer, since its time began */
    size_t held;          /* bytes of memory for what it has not taken; */
    uint64_t held_ms;     /* since then, in loop time, */
    size_t owed;          /* when so many bytes had not reached it */
    char peer[PEER_TEXT]; /* who called, or whom the PROXY header names */
};

/* What an answer may leave behind of the memory that it grew by. */
enum { CONN_WARM_BYTES = 256 * 1024 };

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
    struct crowd *crowd;       /* null: alone in the world */
    size_t least_taken;        /* of an answer, in the time that it has */
    size_t unsent;             /* bytes that are held, of all connections */
    uint64_t woke_ns;          /* of the turn before this one */
    struct networks *trusted;  /* forwarded_allow_ips */
    struct networks *senders;  /* proxy_allow_ips */
    unsigned proxy_versions;   /* of the PROXY protocol; 0: off */
    struct exchange_pool *pool;
    /* A turn takes as many exchanges as it has requests, but answers one after
     * the other, each with this memory: so answers are written where the CPU's
     * caches have the last one (a tenth of the cost of one of 10 kB). */
    struct response warm;
    /* What every answer says (security.h); and when it goes by https. */
    struct buf fields, secure_fields;
    struct clock clock;
    struct requestids ids;
    bool draining;
    uint64_t drain_ms; /* when those without a request have had their time */
    uint64_t trim_ms;  /* when the pool is trimmed next */
    uint64_t answered;
    uint64_t accepted;
    unsigned came;     /* requests, modulo TOGETHER */
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

/* ---- conn_answer.c -------------------------------------------------------*/

/* A request whose time is up before all of it has come. */
void conn_refuse_late(struct conn *c);
/* Takes the warm memory back that the exchange was lent for its answer. */
void conn_unwarm(struct conn *c);

/* ---- conn_proxy.c --------------------------------------------------------*/

/* Reads the settings about proxies; what it makes is conns_free's. */
void conns_know_proxies(struct conns *home);
/* A new connection, of which peer and admin are set. */
void conn_know_peer(struct conn *c);
/* Something has come while its greeting is not done: false when more of it
 * has to come; else it is taken off, or the request is refused. */
bool conn_greeted(struct conn *c);
/* What a believed peer says of who asks goes to x->told; or the request is
 * refused, as what it says makes no sense. */
void conn_hear_proxy(struct conn *c);

/* ---- conn_limits.c -------------------------------------------------------*/

/* A new connection, whose peer is known: false when it was turned away, since
 * there are too many of its address, or in all. */
bool conn_come_in(struct conn *c);
/* Its peer is another one now: the same. */
bool conn_is_another(struct conn *c);
/* It is closed. */
void conn_go(struct conn *c);
/* Ends the one that is idle for longest, or else one that is slow; false when
 * there is none. */
bool conns_make_room(struct conns *home);
/* Tells the others how long its idle ones are so; ends those that they want to
 * be ended. Once a turn. */
void conns_tell_idle(struct conns *home);
/* So many bytes of its answer could be sent. Its time begins anew whenever it
 * has taken 1 KiB for each second of it: who takes a byte now and then does
 * not hold an answer for ever. */
void conn_took(struct conn *c, size_t bytes);
/* How long what was just received has lain in its socket, about, because we
 * were busy. */
uint64_t conn_lay_ns(const struct conn *c);

/* Milliseconds since its time began. */
uint64_t conn_age_ms(const struct conn *c);

/* ---- conn_unsent.c -------------------------------------------------------*/

/* Its answer could not be sent as a whole: it is held from now on, until the
 * connection's state changes. When that is too much of all together, others
 * are ended. */
void conn_hold(struct conn *c);
void conn_let_go(struct conn *c);
/* Ends one that is slow; of an answer, what the kernel has of it goes too. */
void conn_end_slow(struct conn *c);
/* Tells the others how much is held. Once a turn. */
void conns_tell_unsent(const struct conns *home);

/* ---- conn_io.c -----------------------------------------------------------*/

/* What the loop calls. */
void conn_on_event(void *self, unsigned events);
/* One read, and parsing of what came. False when there was nothing. */
bool conn_receive(struct conn *c);
/* Sends what can be sent of the answer; goes on to the next request once all
 * of it is gone. */
void conn_write(struct conn *c);

#endif
