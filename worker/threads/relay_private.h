/*
 * relay_private: what the files of relay share. relay.c passes the baton on,
 * for those who have it; relay_threads.c is what the other threads do: one of
 * them, the watcher, looks whether it lies about, or they have a job.
 */
#ifndef PRONG_RELAY_PRIVATE_H
#define PRONG_RELAY_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "common/segment/heritage.h"
#include "worker/threads/baton.h"
#include "worker/threads/relay.h"
#include "worker/threads/slice.h"

enum member_state {
    MEMBER_NONE,     /* no thread yet */
    MEMBER_IDLE,     /* sleeps */
    MEMBER_WATCHING, /* looks whether the baton lies about */
    MEMBER_BUSY,     /* runs the loop, or does a job */
    MEMBER_ENDED,
};

struct member {
    pthread_t thread;
    pthread_cond_t called;
    enum member_state state; /* under the lock */
    bool ready;              /* prepared. Its own, and when to try again */
    uint64_t retry_ms;
    bool unable; /* it had a job and was not ready for it. Under the lock */
    void *job;   /* under the lock */
    struct relay *home;
    /* With the baton. */
    bool runs;  /* the loop, when it is not away */
    bool works; /* does a job: its statements are slow. Its own */
    bool away;  /* in a statement */
};

struct relay {
    struct relay_config config;
    struct baton baton;
    _Atomic bool asleep; /* the watcher is, or there is none */
    bool started;        /* with the baton */
    unsigned holder;     /* with the baton: whose it was last */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ended; /* a thread did */
    bool stopping;
    uint64_t retry_ms; /* no thread was to be had: when to try again */
    unsigned spare; /* changed with the baton and the lock: read with either */
    struct member members[THREADS_MAX];
};

/* ---- relay.c -------------------------------------------------------------*/

/* From now on this is the thread with that number. */
void relay_be(unsigned thread);
/* Takes the baton up when it is our turn. */
void relay_take_up(struct relay *r);
/* With the baton: tells whose it is now, if that is another one. */
void relay_note_holder(struct relay *r);

/* ---- relay_threads.c -----------------------------------------------------*/

struct timespec relay_in_ms(unsigned ms);
/* With the lock: one that sleeps (able: and has not just failed), or a new
 * one. Null when all are busy or no thread is to be had. */
struct member *relay_engage(struct relay *r, bool able);
/* With the lock and the baton: one fewer, or more, to take over. */
void relay_become(struct relay *r, struct member *m, enum member_state state);
/* The baton was put down. */
void relay_wake_watcher(struct relay *r);

#endif
