/*
 * reload: the generations of a running master. One is present; a HUP makes a
 * candidate, and one worker of it is the proof: if it becomes ready the
 * candidate takes over, if it dies the present one has never been touched.
 * The older ones live on until their last worker has drained.
 *
 * Private to the supervisor, which embeds the struct and runs the workers.
 */
#ifndef PRONG_RELOAD_H
#define PRONG_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "master/crew.h"
#include "master/era.h"
#include "master/supervisor.h"

/* How the last attempt ended. */
struct reload_news {
    unsigned over; /* attempts so far; a new number, a new outcome */
    bool failed;
    unsigned generation; /* that serves since then, if it did not fail */
    struct fault words;  /* why it failed, or else what has changed */
};

struct reload {
    const struct supervisor_config *config;
    struct crew *crew;
    struct era *eras;      /* all, newest first */
    struct era *present;   /* the proven one, or the one of the first boot */
    struct era *candidate; /* the one under proof; null when there is none */
    bool asked;            /* another one is to follow */
    /* Of the app's files when last looked at; 0 before that. */
    uint64_t fingerprint;
    struct reload_news news;
};

/* The first generation becomes the present one. */
void reload_init(struct reload *r, const struct supervisor_config *config,
                 struct crew *crew);
/* Lets go of every generation; no worker may be left. */
void reload_end(struct reload *r);

/* For --reload: asks for one when the app's files have changed. */
void reload_look(struct reload *r);
/* If one was asked for and none is under way: makes the candidate, or logs
 * why there is none. */
void reload_begin(struct reload *r);
/* Promotes or drops the candidate as soon as its proof has come. */
void reload_judge(struct reload *r);
/* Gives up the candidate, if there is one. */
void reload_drop(struct reload *r);
/* The master closes the present listening sockets; its workers keep theirs. */
void reload_close_listeners(struct reload *r);
/* Frees the generations that nobody needs any more. */
void reload_sweep(struct reload *r);
/* The master's own title and log, as the present settings say. */
void reload_adopt(const struct reload *r);

#endif
