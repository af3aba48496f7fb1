/*
 * heritage: the treaty between the master and its children. What a worker
 * inherits at the fork, what both read and write in shared memory, and what
 * an exit code means. Read this file first.
 *
 * The law: either side may be killed at any instruction. So every shared
 * field has one writer, is written with one atomic store, and means something
 * whatever its neighbours hold.
 */
#ifndef PRONG_HERITAGE_H
#define PRONG_HERITAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct app;
struct bells;
struct settings;
struct shared;

/* Exit codes of a worker, and of the master when it passes one on. They are
 * Gunicorn's where Gunicorn has one. */
enum {
    EXIT_ASKED = 0,  /* told to go, or done with its share (max-requests) */
    EXIT_USAGE = 2,  /* a bad flag, key or value; nothing was started */
    EXIT_BOOT = 3,   /* cannot start like this: ends the first boot and a
                      reload; tried again with back-off once one was ready */
    EXIT_NO_APP = 4, /* the app does not load: file:line was logged */
    /* any other code or a signal: a crash, so respawn */
};

/* The life of a slot, in order. Kept by the master (its own memory). */
enum slot_state {
    SLOT_EMPTY,    /* nobody here */
    SLOT_STARTING, /* forked, not yet ready */
    SLOT_READY,    /* serving */
    SLOT_RETIRING, /* told to drain, still answering what it has */
    SLOT_BACKOFF,  /* died before its first ready; waits before the next try */
};

enum {
    WORKERS_MAX = 256, /* that one master may want */
    /* Of two masters during an upgrade, and some beyond that: replacements that
     * start, and who has not left yet. Whole words of bits (crowd.c). */
    SLOTS_MAX = 2 * WORKERS_MAX + 64,
    SLOT_KEEPER = SLOTS_MAX,
    SLOT_MASTER, /* only its own figures */
    SLOTS_ALL,
    THREADS_MAX = 8, /* of one worker */
    LAST_WORDS = 512,
};

/* Why a worker asks to be replaced. */
enum leave_reason {
    LEAVE_NOT,
    LEAVE_REQUESTS, /* max-requests */
    LEAVE_MEMORY,   /* max-worker-memory */
    LEAVE_LIFETIME, /* max-worker-lifetime */
    LEAVE_STUCK,    /* a statement that cannot be interrupted */
    LEAVE_TOLD,     /* it need not ask: the master has told it to go */
};

/* A process's place in shared memory; it outlives the process. Whole cache
 * lines, so that heartbeats of neighbours do not contend. Writer: the process
 * in it, except where the master is named. */
struct slot {
    /* CLOCK_MONOTONIC in ms at its last sign of life; the master sets it once
     * before the fork. */
    _Atomic uint64_t beat_ms;
    /* 1 once it can serve; the master clears it before the fork. */
    _Atomic uint32_t ready;
    /* Of the process in it; 0: nobody. Writer: master; at its birth it notes
     * the same itself. */
    _Atomic int32_t pid;
    /* Process id of the master whose slot it is; 0: free. Two masters live on
     * one segment during a binary upgrade. By compare-and-swap; given back
     * when nothing of its process is left in the segment. */
    _Atomic int32_t master;
    /* Requests answered since its birth. */
    _Atomic uint64_t requests;

    _Atomic uint64_t busy_ns;      /* not waiting, since the slot's beginning */
    _Atomic uint64_t busy_then_ns; /* of that, before its birth */
    _Atomic uint32_t connections;  /* open now */
    _Atomic uint32_t backlog;  /* of the listening sockets, last looked at */
    _Atomic uint64_t accepted; /* connections, since the slot's beginning */

    /* Keeper: it has the database open, so that the WAL index, and in it the
     * counter by which strangers' writes are noticed, outlives the workers.
     * The master clears it. */
    _Atomic uint32_t holding;

    /* Why it asks to be replaced (heritage_ask_to_leave); it goes on serving
     * until it is told to go. The master clears it before the fork, and says
     * LEAVE_TOLD. */
    _Atomic uint32_t leave; /* enum leave_reason */
    /* began_ns of the request (recorder.h) whose statement it shall end: an
     * operator wants that. Writer: master, who then rings its bell; whoever
     * carries it out clears it by compare-and-swap. 0: none. */
    _Atomic uint64_t cancel_ns;
    _Atomic uint32_t threads; /* that have served in it so far */
    _Atomic uint32_t away;    /* of them in a long statement now */

    _Atomic uint64_t cpu_us; /* struct vitals, taken now and then */
    _Atomic uint64_t pss_kb;
    _Atomic uint64_t peak_kb;
    _Atomic uint32_t descriptors;

    _Atomic uint32_t births; /* processes so far. Writer: master */
    _Atomic uint32_t deaths; /* of them by a crash. Writer: master */
    /* Writer: master. In SLOT_MASTER the number given last, to any. */
    _Atomic uint32_t generation;
    _Atomic int64_t born_ms; /* Unix time. Writer: master */
} __attribute__((aligned(64)));

/* What a child is born with. Valid for its whole life. */
struct heritage {
    const struct settings *settings; /* of its generation */
    const struct app *app;           /* of its generation, parsed */
    const int *listeners;            /* listening sockets, non-blocking */
    size_t listener_count;
    size_t admin_count;          /* the last so many are of --admin-bind */
    const struct shared *shared; /* the segment */
    struct slot *slot;           /* its own in it */
    bool may_create; /* the database, when it is not there: only before the
                        first worker of all was ready. Later its absence is
                        an accident, not a new start */
    unsigned number; /* index of that slot; `%(w)s` in the access log */
    int news_fd;     /* eventfd: write 1 when slot->ready or leave was set */
    int life_fd;     /* pipe: end of file once the master is gone */
    int bell_fd;     /* eventfd for workers that wait for another's answer:
                        written when it is there, never read; watched with
                        LOOP_EDGE by those who wait */
    const struct bells *bells; /* one for each slot; see bells.h */
    /* Its own LAST_WORDS bytes, shared with the master: the first error that
     * it logs, so that the master can tell why it did not come to be. Null:
     * there is no room. */
    char *last_words;
    pid_t master; /* the master's process id */
};

/*
 * The body of a worker. Returns its exit code; the caller ends the process.
 * Signals: TERM drain and return EXIT_ASKED; INT, QUIT return at once;
 * USR1 reopen logs; ABRT dies; HUP, USR2, TTIN, TTOU, WINCH are ignored.
 * All signals a worker handles are blocked when the body starts, so that none
 * is lost before its loop listens.
 */
typedef int worker_body(const struct heritage *heritage);

/* The path of the database of its generation. */
const char *heritage_database(const struct heritage *h);

/* The keeper's: no worker is left. */
bool heritage_is_last(const struct heritage *h);

/* A child can do its work from now on: marks its slot and wakes the master. */
void heritage_say_ready(const struct heritage *h);

/* A worker asks to be replaced: says so in its slot and wakes the master. It
 * goes on serving until SIGTERM. False when it has asked already, or need not:
 * the first reason stands. */
bool heritage_ask_to_leave(const struct heritage *h, enum leave_reason why);

#endif
