/*
 * notify: what the master tells systemd (sd_notify(3)): datagrams to the
 * socket that NOTIFY_SOCKET names, a path or, with an @, an abstract one.
 * Whoever watches is told when we are ready, reload, stop, and who is the main
 * process after a binary upgrade; each WATCHDOG_USEC / 2 that we live.
 *
 * Nothing of it waits or fails loudly: nobody may be listening. Master only;
 * the variables are taken out of the environment, so that no child says
 * anything under our name.
 */
#ifndef PRONG_NOTIFY_H
#define PRONG_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    NOTIFY_STATUS_MS = 10000, /* at least so long between two changes of the
                                 status line */
};

struct notify;

/*
 * `path` and `watchdog_us` are the texts of NOTIFY_SOCKET and WATCHDOG_USEC
 * (null: unset), `watchdog_pid` that of WATCHDOG_PID: when it names another
 * process, there is no watchdog for us. Never null; what is not understood
 * stands for nobody who listens.
 */
struct notify *notify_new(const char *path, const char *watchdog_us,
                          const char *watchdog_pid);
void notify_free(struct notify *n);
/* Somebody is to be told. */
bool notify_wanted(const struct notify *n);

/* What there is to tell. Plain data, of the moment. */
struct notify_facts {
    bool silent;  /* another master speaks for the service */
    bool ready;   /* a generation has proved itself */
    bool reloads; /* another one is on its way */
    bool stops;
    bool succeeded;    /* another master goes on when we are gone */
    bool alive;        /* somebody answers, or nobody is to */
    int64_t workers;   /* that serve */
    uint64_t requests; /* answered so far; may fall when a worker leaves */
};

/* Says what has changed since the last call. To be called after each event,
 * and at the latest at notify_next. CLOCK_MONOTONIC: systemd compares the
 * microsecond with that of its own wish to reload. */
void notify_tell(struct notify *n, const struct notify_facts *f,
                 uint64_t now_us);
/* The last word of one that is succeeded: who is the main process from now on.
 * systemd reads it before it learns of our end. */
void notify_pass_on(const struct notify *n, pid_t successor);
/* When status or watchdog are due, in ms; UINT64_MAX: never. */
uint64_t notify_next(const struct notify *n);

#endif
