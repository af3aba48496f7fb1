/*
 * control_ask: the client's side of the control socket (control.h), for the
 * commands of the command line.
 */
#ifndef PRONG_CONTROL_ASK_H
#define PRONG_CONTROL_ASK_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/text.h"

/* Which server is meant, as said on the command line. */
struct control_target {
    const char *app;      /* its folder */
    const char *database; /* null: the one that app.conf names */
    const char *socket;   /* null: beside the database */
};

/* The path of its socket. Reads app.conf and nothing else, so a server whose
 * app does not load any more can still be reached. False with the reason. */
bool control_target_path(const struct control_target *t, struct arena *arena,
                         const char **path, struct fault *fault);

enum control_reply {
    CONTROL_OK,      /* *body is the answer */
    CONTROL_REFUSED, /* *body is the reason */
    CONTROL_NOBODY,  /* no server is there; *fault says where it was looked */
    CONTROL_BROKEN,  /* no whole answer came; *fault says why */
};

/* Sends the line (without its end) and waits for the answer, for timeout_ms
 * between two signs of life. *body is emptied first; what could steer a
 * terminal is "?" in it. */
enum control_reply control_ask(const char *path, const char *line,
                               int timeout_ms, struct buf *body,
                               struct fault *fault);

#endif
