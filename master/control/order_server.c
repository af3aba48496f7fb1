#include <unistd.h>

#include "common/settings/settings.h"
#include "master/control/order_act.h"
#include "master/control/orders.h"

#include "master/control/order_server.h"

/* ---- reload -------------------------------------------------------------- */

static bool is_stopping(const struct supervisor *s)
{
    return orders_stopping(s) != STOP_NOT;
}

static bool refuse_stopping(struct control_call *call)
{
    return order_refuse(call, "The server is stopping");
}

bool order_reload(struct supervisor *s, const struct order *o,
                  struct control_call *call)
{
    if (is_stopping(s))
        return refuse_stopping(call);
    call->memo = orders_reload(s);
    return o->at_once &&
           order_say(call, o->json, "Reloading; the log tells how it ends");
}

/* Those that drain take no new connection. One that is stopped (SIGSTOP) may
 * never leave. */
static bool is_rolled_over(const struct supervisor *s, unsigned generation)
{
    struct hand_view hands[SLOTS_MAX + 1];
    size_t count = orders_hands(s, hands, SLOTS_MAX + 1);

    for (size_t i = 0; i < count; i++)
        if (hands[i].slot < SLOTS_MAX && hands[i].state == SLOT_READY &&
            !hands[i].stopped && hands[i].generation < generation)
            return false;
    return true;
}

/* In a call's memo, above the number of the reload: it has gone well. */
static const uint64_t went_well = UINT64_C(1) << 32;

/* It is over when every answer comes from the new generation. */
static bool end_well(const struct supervisor *s, const struct order *o,
                     struct control_call *call, bool late)
{
    const struct reload_news *news = orders_reload_news(s);

    call->memo |= went_well;
    if (!late && !is_stopping(s) && !is_rolled_over(s, news->generation))
        return false;
    if (news->over != (unsigned)call->memo) /* another one has ended since */
        return order_say(call, o->json, "Reloaded");
    return order_say(call, o->json, "Reloaded: %s", news->words.text);
}

static bool end_reload(const struct supervisor *s, const struct order *o,
                       struct control_call *call, bool late)
{
    const struct reload_news *news = orders_reload_news(s);

    if (call->memo & went_well)
        return end_well(s, o, call, late);
    /* The numbers may wrap, and are close to each other. */
    if ((int)(news->over - (unsigned)call->memo) >= 0) {
        if (!news->failed)
            return end_well(s, o, call, late);
        return order_refuse(call,
                            "Reload failed: %s, still serving the old "
                            "configuration",
                            news->words.text);
    }
    if (is_stopping(s))
        return refuse_stopping(call);
    return late && order_refuse(call, "The reload is not over yet; the log "
                                      "will tell how it ends");
}

bool order_reopen(struct supervisor *s, const struct order *o,
                  struct control_call *call)
{
    orders_reopen(s);
    return order_say(call, o->json, "The logs are opened again");
}

/* ---- upgrade ------------------------------------------------------------- */

bool order_upgrade(struct supervisor *s, const struct order *o,
                   struct control_call *call)
{
    struct fault fault;

    if (!orders_upgrade(s, &fault))
        return order_refuse(call, "%s", fault.text);
    call->memo = (uint64_t)orders_successor(s);
    return o->at_once &&
           order_say(call, o->json,
                     "A new master (pid:%d) is being started; the log tells "
                     "how it fares",
                     (int)orders_successor(s));
}

static bool end_upgrade(const struct supervisor *s, const struct order *o,
                        struct control_call *call, bool late)
{
    int pid = (int)call->memo;

    if (orders_successor(s) != pid)
        return order_refuse(call, "%s; the former one (pid:%d) goes on",
                            orders_successor_failure(s), (int)getpid());
    if (orders_successor_ready(s))
        return order_say(call, o->json,
                         "The new master (pid:%d) is ready, and the former one "
                         "(pid:%d) can be stopped",
                         pid, (int)getpid());
    if (is_stopping(s))
        return refuse_stopping(call);
    return late && order_refuse(call,
                                "The new master (pid:%d) is not ready yet; the "
                                "log will tell how it fares",
                                pid);
}

/* ---- stop ---------------------------------------------------------------- */

bool order_stop(struct supervisor *s, const struct order *o,
                struct control_call *call)
{
    const struct settings *now = orders_present(s)->settings;

    orders_stop(s, STOP_GRACEFUL);
    call->memo = 1;
    return o->at_once &&
           order_say(call, o->json,
                     "Stopping: requests in work have %lld s to be answered",
                     (long long)now->graceful_timeout);
}

bool order_quit(struct supervisor *s, const struct order *o,
                struct control_call *call)
{
    orders_stop(s, STOP_QUICK);
    call->memo = 1;
    return o->at_once && order_say(call, o->json, "Stopping at once");
}

static bool end_stop(const struct supervisor *s, const struct order *o,
                     struct control_call *call, bool late)
{
    pid_t next = orders_successor(s);

    if (!late)
        return false;
    if (!orders_gone(s))
        return order_refuse(call, "Still stopping: requests are in work; quit "
                                  "ends them");
    if (next)
        return order_say(call, o->json,
                         "Stopped; the new master (pid:%d) goes on", (int)next);
    return order_say(call, o->json, "Stopped");
}

/* ---- how it ended -------------------------------------------------------- */

bool order_end(const struct supervisor *s, const struct order *o,
               struct control_call *call, bool late)
{
    if (o->verb == ORDER_UPGRADE)
        return end_upgrade(s, o, call, late);
    if (o->verb == ORDER_STOP || o->verb == ORDER_QUIT)
        return end_stop(s, o, call, late);
    return end_reload(s, o, call, late);
}
