/*
 * warm: answers that are computed before anybody asks, so that the cache is
 * not cold: of the endpoints that say @warm, with their defaults, through the
 * same code that answers clients.
 */
#ifndef PRONG_WARM_H
#define PRONG_WARM_H

#include <stddef.h>
#include <stdint.h>

#include "common/app/app.h"
#include "worker/endpoint/endpoint.h"

struct warmed {
    size_t endpoints; /* that say @warm */
    size_t items;     /* answers that are in the cache now */
    size_t computed;  /* of them, that were not before */
    size_t failed;    /* endpoints that gave no answer; it was logged */
    uint64_t took_us;
};

/* Between site_begin and site_end. */
void warm(struct endpoints *es, const struct app *app, uint64_t now_ms,
          struct warmed *out);

#endif
