/*
 * guests: requests that are observed by one worker's observer, at times of the
 * test's choice.
 */
#ifndef PRONG_TEST_GUESTS_H
#define PRONG_TEST_GUESTS_H

#include "tests/unit/ask.h"

#include <stdlib.h>

#include "common/loop.h"
#include "common/segment/names.h"
#include "common/segment/shared.h"

#include "worker/http/observe.h"

enum { SLOT = 3 };

static const uint64_t MS = 1000 * 1000; /* in ns */
static const uint64_t SLOW_NS = 100 * 1000 * 1000;

/* One request on its way. */
struct guest {
    struct call call;
    struct trace trace;
    struct response res;
    struct ask ask;
};

static struct {
    struct shared shared;
    struct observer *observer;
    struct guest guest, other;
    uint64_t now_ns;
} the;

static inline int set_up(void **state)
{
    struct fault fault;

    (void)state;
    if (!shared_open(&the.shared, 0, 1, &fault))
        return -1;
    the.observer = observer_new(&(struct observer_config){
        .shared = &the.shared, .slot = SLOT, .slow_ns = SLOW_NS});
    response_init(&the.guest.res);
    response_init(&the.other.res);
    the.now_ns = loop_clock_ns();
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    observer_free(the.observer);
    response_free(&the.guest.res);
    response_free(&the.other.res);
    ask_free(&the.guest.ask);
    ask_free(&the.other.ask);
    shared_close(&the.shared);
    return 0;
}

/* It comes now, and its turn comes that much later. */
static inline void begin(struct guest *g, const char *id,
                         const struct asked *asked, uint64_t queue_ns)
{
    response_reset(&g->res);
    g->res.id_len = strlen(id);
    memcpy(g->res.id, id, g->res.id_len);
    g->trace = (struct trace){.came_ns = the.now_ns};
    g->call = (struct call){
        .req = ask(&g->ask, asked), .res = &g->res, .trace = &g->trace};
    the.now_ns += queue_ns;
    observe_begin(the.observer, &g->call, the.now_ns);
}

static inline void end(struct guest *g, int status, uint64_t took_ns)
{
    the.now_ns += took_ns;
    g->res.status = status;
    observe_end(the.observer, &g->call, 123, the.now_ns);
}

/* A whole one, of that route. */
static inline void visit(const char *path, int status, uint64_t took_ns)
{
    begin(&the.guest, "id1", &(struct asked){.line = "GET /"}, 0);
    observe_route(the.observer, &the.guest.call,
                  observer_number(the.observer, path), path);
    end(&the.guest, status, took_ns);
}

static inline struct totals sum_of(int route)
{
    struct totals t;

    metrics_sum(the.shared.metrics, SLOT, route, &t);
    return t;
}

static inline bool read_record(enum record_list list, size_t i,
                               struct record *out)
{
    return recorder_read(the.shared.recorder, SLOT, list, i, out);
}

#define OBSERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
