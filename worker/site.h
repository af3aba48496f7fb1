/*
 * site: one app opened by one worker: its database, endpoints, files and the
 * server's own answers, and the decision which of them a request is for.
 */
#ifndef PRONG_SITE_H
#define PRONG_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/app/app.h"
#include "common/segment/shared.h"
#include "common/settings/settings.h"
#include "worker/http/call.h"
#include "worker/http/observe.h"

struct site;

struct site_config {
    const struct app *app;
    const char *database; /* overrides the app's; null: does not */
    bool create;          /* the database, when there is none */
    bool demo;            /* with the app's demo.sql, then */
    const struct settings *settings;
    const struct shared *shared; /* null: alone in the world, in tests */
    unsigned slot;               /* this process's */
    struct relay *relay;         /* null: one thread alone */
    int bell_fd;                 /* see heritage.h */
    const struct bells *bells;
    struct observer *observer; /* null: nobody counts */
    bool first; /* worker of its generation: it says what is to be said once */
    /* Called from inside long statements: a sign of life. */
    void (*beat)(void *self);
    void *self;
};

/*
 * Opens the database (and makes it, if it may), migrates it, prepares every
 * statement. Null with "file:line: reason" when the app can never start like
 * this.
 */
struct site *site_open(const struct site_config *config, struct fault *fault);
void site_close(struct site *s); /* null is allowed */

/*
 * Threads (relay.h). All below is for the one that holds the baton, but
 * site_prepare, by which a thread opens its own connection to the database
 * before it first takes it; not for thread 0. False with the reason.
 */
bool site_prepare(struct site *s, unsigned thread, struct fault *fault);
/* From now on this thread answers. */
void site_take(struct site *s, unsigned thread);
/* Answers a call that was given to this thread (relay_give). */
void site_resume_given(struct site *s, struct call *call, uint64_t now_ms);
/* Ends the statement of the request that was complete at `came_ns`; false when
 * none of it runs. */
bool site_end_request(struct site *s, uint64_t came_ns);
/* Ends all that run: their clients are told that the worker stops. */
void site_end_all(struct site *s);
/* By how much the statement that is longest overdue is: nothing, not even its
 * deadline, has ended it. */
uint64_t site_overdue_ns(const struct site *s, uint64_t now_ns);

/* Answers one request; call->done is called now or later. */
void site_answer(struct site *s, struct call *call);

/* With the baton, each second or so: every connection that is not in a
 * statement looks whether its file is still the database. */
void site_look(struct site *s, uint64_t now_ms);
/* From inside a long statement, now and then: lets others go first. */
void site_yield(struct site *s);
/* Calls that wait: for another worker's answer, for a turn to write, for the
 * disk, for the keeper. site_resume answers those that need not any more. */
size_t site_waiting(const struct site *s);
void site_resume(struct site *s, uint64_t now_ms);
/* Milliseconds until it wants a turn of the loop though nothing came; at most
 * `most`. */
int site_patience(const struct site *s, uint64_t now_ms, int most);
/* The client of a call that waits has left: true when it is forgotten; false
 * when it will be answered all the same. */
bool site_cancel(struct site *s, struct call *call);

/* Fills the cold cache with what the app's @warm endpoints answer. */
void site_warm(struct site *s, uint64_t now_ms);

/*
 * Round the requests of one turn of the loop, all of them received before
 * site_begin: with more than one, their reads share one transaction. At the
 * end comes what is to be written.
 */
void site_begin(struct site *s, size_t requests);
void site_end(struct site *s, uint64_t now_ms);

#endif
