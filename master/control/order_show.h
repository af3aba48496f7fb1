/*
 * order_show: what an operator is shown of a running server, written from
 * plain data and the segment into a sheet; and, for prong top, as lines of
 * figures (top_figures.h reads them). Changes nothing.
 */
#ifndef PRONG_ORDER_SHOW_H
#define PRONG_ORDER_SHOW_H

#include "master/busy.h"
#include "master/control/sheet.h"
#include "master/crew.h"
#include "master/supervisor.h"

/* The server at this moment, as its master knows it. */
struct server_view {
    const struct shared *shared;
    const struct generation *present;
    const struct busy *busy;
    struct hand_view hands[SLOTS_MAX + 1];
    size_t hand_count;
    int64_t wanted;    /* workers */
    const char *state; /* "serving", "reloading", "stopping" */
};

void order_show_status(const struct server_view *v, struct sheet *s);
void order_show_workers(const struct server_view *v, struct sheet *s);
void order_show_requests(const struct server_view *v, struct sheet *s);

/*
 * "name value" lines: counters since the beginning and what is now; "bucket
 * INDEX COUNT" for each bucket of the histogram of requests that is not
 * empty. An empty line, the table of workers, an empty line, that of requests.
 */
void order_show_top(const struct server_view *v, struct buf *out);

#endif
