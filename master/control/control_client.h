/*
 * control_client: one who is connected to the operator's socket, from its
 * request line to the last byte of its answer. Private to control, which owns
 * an array of them.
 */
#ifndef PRONG_CONTROL_CLIENT_H
#define PRONG_CONTROL_CLIENT_H

#include "master/control/control.h"

enum client_state {
    CLIENT_FREE,
    CLIENT_ASKING,  /* its line is not complete */
    CLIENT_WAITING, /* its answer is not */
    CLIENT_TOLD,    /* it has not read all of it */
    CLIENT_GONE,    /* closed; free again when this turn is over, because an
                       event of it may still be on its way */
};

/* Who answers, in which loop. */
struct control_desk {
    struct loop *loop;
    control_answer *answer;
    void *self;
};

struct client {
    enum client_state state;
    const struct control_desk *desk;
    struct watch watch;
    uint64_t since_ms; /* it connected */
    uint64_t until_ms; /* it has so long for what it is at */
    char line[CONTROL_LINE];
    size_t len;
    struct control_call call;
    struct buf body;
    struct buf answer; /* with its head */
    size_t sent;
};

/* Takes the descriptor over; a free one becomes that client. */
void client_welcome(struct client *k, const struct control_desk *desk, int fd);
/* Its answer is this one, without being asked for. */
void client_refuse(struct client *k, const char *why);
/* At each turn. */
void client_tend(struct client *k, uint64_t now_ms);
void client_drop(struct client *k);
/* The server ends: what there is to say is said. Who has just connected is
 * heard first, if its line comes by then (CLOCK_MONOTONIC). */
void client_dismiss(struct client *k, uint64_t until_ms);

#endif
