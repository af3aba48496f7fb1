/*
 * hand: one worker, or the keeper, as the master sees it, in its slot: a small
 * machine, state by event. The slot stays, its processes come and go. Private
 * to crew, which owns an array of them; lives in the master's own memory.
 */
#ifndef PRONG_HAND_H
#define PRONG_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/segment/heritage.h"
#include "master/era.h"
#include "master/estate.h"
#include "master/spawn.h"

#define HAND_NEVER UINT64_MAX

enum hand_event {
    HAND_READY,   /* it said so */
    HAND_ENDED,   /* its process is gone */
    HAND_RETIRED, /* it is not wanted any more */
    HAND_TENDED,  /* time has passed */
    HAND_EVENTS
};

/* What holds for all hands of a crew. Writer: crew, but for births. */
struct orders {
    struct estate estate;
    uint64_t births;      /* processes started so far. Writer: hand */
    unsigned blamed_from; /* endpoints answer for deaths from this era on */
    uint64_t forgiven_ms; /* no heartbeat counts as older than this */
    bool hurry;           /* a quick stop is under way */
};

struct hand {
    struct heritage heritage; /* what its process is born with */
    struct orders *orders;
    const struct role *role; /* the same for all of its processes */
    enum slot_state state;   /* one setter, in hand.c */
    struct era *era;         /* null exactly when empty */
    pid_t pid;               /* 0 exactly when empty or in back-off */
    uint64_t birth;          /* lower is older */
    uint64_t born_ms;        /* when its process was */
    uint64_t retry_ms;       /* in back-off: when to try again */
    uint64_t kill_ms;        /* when SIGKILL is due; HAND_NEVER */
    unsigned delay_s;        /* the last back-off; 0: begin anew */
    bool aborted;            /* SIGABRT was sent for its silence */
    bool killed;             /* SIGKILL was sent, by us */
    bool unwanted;           /* to be replaced, once another one is ready */
    enum leave_reason leave; /* why it asks for that */
    uint64_t stopped_ms;     /* since when it is stopped; 0: it runs */
    uint64_t look_ms;        /* if so: when to look after it */
    bool missed;             /* so long that another one is to stand in */
    uint64_t forgiven_ms;    /* its heartbeat does not count as older */
    struct spawn_end end;    /* of its last process */
};

/* Does what the event means in the present state; often nothing. */
void hand_react(struct hand *h, enum hand_event event);
/* Whether it is empty and its slot is, or now becomes, this master's. */
bool hand_claim(struct hand *h);
/* Signs one that was claimed on: it starts, or waits when no process is to be
 * had. */
void hand_sign_on(struct hand *h, struct era *e);
/* Whether it serves: it is ready, and not stopped. */
bool hand_serves(const struct hand *h);
/* Whether it serves, and is to go as soon as another one does. */
bool hand_is_due(const struct hand *h);
/* Whether it serves or may be expected to, in a moment. */
bool hand_is_there(const struct hand *h);
/* When it has to be tended again; HAND_NEVER. */
uint64_t hand_next_ms(const struct hand *h);
/* It was stopped, or goes on. */
void hand_stop(struct hand *h);
void hand_continue(struct hand *h);
/* Notes that it became ready, or asks to be replaced, if it does. */
void hand_look(struct hand *h);
/* Notes, and logs, how its process ended; settles what it left behind. */
void hand_end(struct hand *h, const struct spawn_end *end);
/* SIGQUIT now, SIGKILL two seconds later. */
void hand_quit(struct hand *h);

#endif
