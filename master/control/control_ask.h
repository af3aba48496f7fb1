/*
 * control_ask: the client's side of the control socket (control.h), for the
 * commands of the command line.
 */
#ifndef PRONG_CONTROL_ASK_H
#define PRONG_CONTROL_ASK_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/text.h"

/* Which server is meant, as said on the command line. */
struct control_target {
    const char *app;      /* its folder */
    const char *database; /* null: the one that app.conf names */
    const char *socket;   /* null: beside the database */
    bool any_owner;       /* whoever listens there is believed */
};

enum { CONTROL_OWNERS = 2 };

/* Where it is, and whom to expect there. */
struct control_server {
    const char *path;
    bool any_owner; /* or else only root, our own user, and these: */
    uid_t owners[CONTROL_OWNERS];
    size_t owner_count;
    pid_t pid; /* who listens; set by control_ask, 0: not seen */
};

/* Its server. Reads app.conf and nothing else, so one whose app does not load
 * any more can still be reached. False with the reason. */
bool control_target_find(const struct control_target *t, struct arena *arena,
                         struct control_server *out, struct fault *fault);

/* The owner of that file, or folder, is one whom to expect there: those of the
 * app and of the database are. */
void control_expect(struct control_server *server, const char *file);

enum control_reply {
    CONTROL_OK,      /* *body is the answer */
    CONTROL_REFUSED, /* *body is the reason */
    CONTROL_NOBODY,  /* no server is there; *fault says where it was looked */
    CONTROL_BROKEN,  /* no whole answer came; *fault says why */
};

/* Sends the line (without its end) and waits for the answer, for timeout_ms
 * between two signs of life. *body is emptied first; what could steer a
 * terminal is "?" in it. Who listens as somebody who is not expected is told
 * nothing (SO_PEERCRED, unix(7)): CONTROL_BROKEN. */
enum control_reply control_ask(struct control_server *server, const char *line,
                               int timeout_ms, struct buf *body,
                               struct fault *fault);

#endif
