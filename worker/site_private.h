/*
 * site_private: what site.c, which answers, and site_open.c, which opens and
 * closes, share.
 */
#ifndef PRONG_SITE_PRIVATE_H
#define PRONG_SITE_PRIVATE_H

#include <stdatomic.h>

#include "worker/db/db.h"
#include "worker/endpoint/endpoint.h"
#include "worker/http/cors.h"
#include "worker/http/encoding.h"
#include "worker/http/router.h"
#include "worker/http/static.h"
#include "worker/own.h"
#include "worker/site.h"

/* What one thread answers with. */
struct desk {
    struct db *db;
    struct endpoints *endpoints; /* null: the thread has not been needed */
    bool taken; /* it is open, and its thread has held the baton since */
    /* It is open, and its thread leaves it alone but with the baton. */
    _Atomic bool prepared;
};

struct site {
    struct site_config config;
    struct desk desks[THREADS_MAX];
    unsigned next_look;      /* number of a desk, see site_look */
    const struct desk *desk; /* of the thread that holds the baton */
    struct lobby *lobby;
    struct encoder *encoder;
    struct files *files; /* null: the app has no web/ */
    struct router *router;
    struct cors_rules *cors; /* null: nobody else's pages read anything */
    struct own_answers own;
    unsigned numbers[OWN_ROUTES]; /* of their names */
};

#endif
