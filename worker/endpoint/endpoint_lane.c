#include "worker/endpoint/endpoint_private.h"

/*
 * The slow lane. A statement that is long holds up its thread only, but a
 * thread is missed: it takes the others 5 to 10 ms to notice (relay.h). So
 * reads that are known to be slow, because the app says so (`@slow`) or because
 * they were, begin on another thread at once. When there are more of them than
 * threads they wait for each other, and one thread stays for what is quick. It
 * runs that even when no other could take over from it, but not for long.
 */

enum {
    SLOW_NS = 5 * 1000000,
    QUICK_NS = 1000000, /* the last thread runs what takes less */
    BRIEF_MS = 20,      /* and stops it then: it was not as quick as usual */
};

/* Some thread is at it, and has been for too long already. */
static bool proves_slow(const struct lobby *l, const struct endpoint *e)
{
    uint64_t now_ns = loop_clock_ns();

    for (size_t i = 0; i < THREADS_MAX && l->lanes[i]; i++)
        if (l->lanes[i]->came_ns && l->lanes[i]->endpoint == e &&
            now_ns > l->lanes[i]->since_ns + SLOW_NS)
            return true;
    return false;
}

static bool is_slow(const struct visit *v)
{
    const struct lobby *l = v->es->lobby;

    return endpoint_of(v)->slow || l->pace_ns[v->p->index] > SLOW_NS ||
           (relay_away(v->es->config.relay) > 0 &&
            proves_slow(l, endpoint_of(v)));
}

void endpoints_join(struct endpoints *es)
{
    const struct lane **lanes = es->lobby->lanes;
    size_t i = 0;

    while (i < THREADS_MAX && lanes[i] && lanes[i] != &es->lane)
        i++;
    if (i < THREADS_MAX)
        lanes[i] = &es->lane;
    if (!es->joined && es->lobby->shed.target_ns == 0) /* the first of all */
        es->lobby->shed = shed_of(es->config.limits.shed_ms);
    es->joined = es->passed = true;
}

void endpoint_note_pace(const struct visit *v)
{
    uint64_t *pace = &v->es->lobby->pace_ns[v->p->index];

    *pace = *pace - *pace / 4 + v->call->trace->sql_ns / 4;
}

uint64_t endpoint_end_ms(const struct visit *v)
{
    if (v->call->until_ms)
        return v->call->until_ms;
    return v->call->now_ms + (uint64_t)endpoint_of(v)->timeout_ms;
}

/*
 * How long it may wait for a thread: shed_ms, as others for the loop, but at
 * least a quarter of the time that its SQL has, since who allows that much does
 * not expect an answer at once.
 */
static uint64_t patience_of(const struct visit *v)
{
    uint64_t came_ms = v->call->trace->came_ns / 1000000;
    uint64_t most = (uint64_t)endpoint_of(v)->timeout_ms / 4;
    uint64_t shed_ms = (uint64_t)v->es->config.limits.shed_ms;

    if (shed_ms == 0)
        return v->call->until_ms;
    uint64_t until_ms = came_ms + (shed_ms > most ? shed_ms : most);
    return until_ms < v->call->until_ms ? until_ms : v->call->until_ms;
}

static void hold(struct visit *v)
{
    const struct waiter w = {
        .call = v->call, .endpoint = v->p->index, .until_ms = patience_of(v)};

    waiting_add(&v->es->lobby->held, &w);
    v->es->lobby->spare = relay_spare(v->es->config.relay);
}

bool endpoint_is_quick(const struct lobby *l, const struct prepared *p)
{
    return l->pace_ns[p->index] > 0 && l->pace_ns[p->index] < QUICK_NS;
}

static bool is_last(const struct visit *v)
{
    return v->es->config.relay && relay_spare(v->es->config.relay) == 0;
}

uint64_t endpoint_brief_ms(const struct visit *v)
{
    return is_last(v) && !v->call->inside && !v->call->given
               ? loop_clock_ms() + BRIEF_MS
               : UINT64_MAX;
}

void endpoint_was_not_brief(struct visit *v)
{
    struct response *res = v->call->res;

    buf_clear(&res->headers);
    response_drop_body(res);
    res->status = 0;
    res->type = NULL;
    v->call->trace->error = 0;
    v->es->lobby->pace_ns[v->p->index] = SLOW_NS + 1;
    v->call->until_ms = endpoint_end_ms(v);
    observe_pause(v->es->config.observer, v->call);
    hold(v);
}

bool endpoint_elsewhere(struct visit *v)
{
    struct relay *relay = v->es->config.relay;
    struct call *call = v->call;

    if (relay == NULL || call->inside || call->given)
        return false;
    bool last = is_last(v) && !endpoint_is_quick(v->es->lobby, v->p);
    bool slow = !last && is_slow(v);
    bool given = slow && relay_give(relay, call);
    bool stays = !last && !(slow && (given || relay_engaged(relay) > 0));
    if (stays)
        return false;
    call->until_ms = endpoint_end_ms(v);
    observe_pause(v->es->config.observer, call);
    call->given = given;
    if (!given)
        hold(v);
    return true;
}

/* It waited for a thread until its time was over. */
static void give_up(struct endpoints *es, const struct waiter *w)
{
    observe_resume(es->config.observer, w->call, PHASE_QUEUE);
    run_failed(w->call, DB_BUSY, NULL);
    w->call->done(w->call);
}

void endpoint_resume_held(struct endpoints *es, uint64_t now_ms)
{
    struct waiting *held = &es->lobby->held;
    size_t most = waiting_count(held);
    unsigned spare = most > 0 ? relay_spare(es->config.relay) : 0;
    bool worth = spare > es->lobby->spare;
    struct waiter w;

    es->lobby->spare = spare;
    while (most-- > 0 && waiting_next(held, &w)) {
        if (now_ms >= w.until_ms) {
            give_up(es, &w);
        } else if (!worth) { /* only a thread that is back can change it */
            waiting_add(held, &w);
        } else {
            w.call->now_ms = now_ms;
            observe_resume(es->config.observer, w.call, PHASE_QUEUE);
            endpoints_answer(es, w.endpoint, w.call);
        }
    }
}

bool endpoints_at_work(const struct endpoints *es, uint64_t *came_ns,
                       uint64_t *since_ns)
{
    *came_ns = es->lane.came_ns;
    *since_ns = es->lane.since_ns;
    return es->lane.came_ns != 0;
}

uint64_t endpoints_overdue_ns(const struct endpoints *es, uint64_t now_ns)
{
    const struct lane *lane = &es->lane;

    if (lane->came_ns == 0)
        return 0;
    uint64_t due_ns =
        lane->since_ns + (uint64_t)lane->endpoint->timeout_ms * 1000000;
    return now_ns > due_ns ? now_ns - due_ns : 0;
}
