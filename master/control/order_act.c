#include <stdarg.h>
#include <stdio.h>

#include "common/log.h"
#include "common/segment/bells.h"
#include "common/segment/shared.h"
#include "master/control/inflight.h"
#include "master/control/order_server.h"
#include "master/control/orders.h"
#include "master/control/sheet.h"

#include "master/control/order_act.h"

/* ---- answers in a sentence ----------------------------------------------- */

bool order_say(struct control_call *call, bool json, const char *format, ...)
{
    struct sheet s;
    char text[768];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (!json) {
        sheet_plain(call->body, slice_of(text), false);
        buf_byte(call->body, '\n');
        return true;
    }
    sheet_begin(&s, call->body, true);
    sheet_text(&s, "message", slice_of(text));
    sheet_end(&s);
    return true;
}

/* The reason is a line of text, whatever form the answer was to have. */
bool order_refuse(struct control_call *call, const char *format, ...)
{
    char text[768];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    call->refused = true;
    return order_say(call, false, "%s", text);
}

/* ---- workers ------------------------------------------------------------- */

static bool say_wanted(const struct supervisor *s, const struct order *o,
                       struct control_call *call)
{
    return order_say(call, o->json, "Workers wanted: %lld",
                     (long long)orders_wanted(s));
}

static bool add(struct supervisor *s, const struct order *o,
                struct control_call *call)
{
    int64_t before = orders_wanted(s);

    if (orders_scale(s, o->number) <= before)
        return order_refuse(call, "There cannot be more than %lld workers",
                            (long long)before);
    return say_wanted(s, o, call);
}

static bool is_worker(const struct supervisor *s, int64_t pid)
{
    struct hand_view hands[SLOTS_MAX + 1];
    size_t count = orders_hands(s, hands, SLOTS_MAX + 1);

    for (size_t i = 0; i < count; i++)
        if (hands[i].slot < SLOTS_MAX && hands[i].pid == pid)
            return true;
    return false;
}

static bool replace(struct supervisor *s, const struct order *o,
                    struct control_call *call)
{
    if (!orders_replace(s, (pid_t)o->number))
        return order_refuse(call,
                            "No worker that is ready has the process id %lld",
                            (long long)o->number);
    return order_say(call, o->json,
                     "Worker (pid:%lld) drains when another one is ready",
                     (long long)o->number);
}

/* It asks to be replaced, and there is to be one fewer: so it goes, and
 * nobody comes in its place. */
static bool remove_one(struct supervisor *s, const struct order *o,
                       struct control_call *call)
{
    if (!orders_replace(s, (pid_t)o->number))
        return order_refuse(call,
                            "No worker that is ready has the process id %lld",
                            (long long)o->number);
    orders_scale(s, -1);
    return order_say(call, o->json,
                     "Worker (pid:%lld) drains; workers wanted: %lld",
                     (long long)o->number, (long long)orders_wanted(s));
}

/* In a container process ids are small: 12 may be how many, or who. */
static bool remove_some(struct supervisor *s, const struct order *o,
                        struct control_call *call)
{
    int64_t before = orders_wanted(s);
    bool process = is_worker(s, o->number);

    if (before <= 1)
        return order_refuse(call,
                            "At least one worker stays; stop ends the server");
    if (process && !o->process && o->number < before)
        return order_refuse(
            call,
            "%lld is a worker's process id as well: say \"worker "
            "remove pid %lld\", or remove fewer at once",
            (long long)o->number, (long long)o->number);
    if (process || o->process || o->number > SLOTS_MAX)
        return remove_one(s, o, call);
    if (orders_scale(s, -o->number) >= before)
        return order_refuse(call, "There cannot be fewer than %lld workers",
                            (long long)before);
    return say_wanted(s, o, call);
}

/* ---- requests ------------------------------------------------------------ */

static bool cancel(struct supervisor *s, const struct order *o,
                   struct control_call *call)
{
    const struct shared *shared = orders_shared(s);
    char endpoint[RECORD_ROUTE + 8];
    char phase[32];
    struct inflight f;

    if (!inflight_find(shared, o->id, &f))
        return order_refuse(call, "No request %.*s is being answered",
                            (int)o->id.len, o->id.ptr);
    uint64_t none = 0;
    if (!atomic_compare_exchange_strong(&shared->slots[f.slot].cancel_ns, &none,
                                        f.record.began_ns) &&
        none != f.record.began_ns)
        return order_refuse(call, "Another request of that worker is just "
                                  "being ended: try again");
    bells_ring(orders_bells(s), f.slot);
    return order_say(
        call, o->json,
        "Request %s (%s, worker (pid:%d), for %.3f s, in phase %s) is "
        "being ended",
        f.record.id, inflight_endpoint(&f.record, endpoint), (int)f.record.pid,
        (double)f.age_ns / 1e9, inflight_phase(&f.record, phase));
}

/* ---- about itself -------------------------------------------------------- */

static bool version(struct supervisor *s, const struct order *o,
                    struct control_call *call)
{
    (void)s;
    return order_say(call, o->json, "prong " PRONG_VERSION);
}

static bool help(struct supervisor *s, const struct order *o,
                 struct control_call *call)
{
    (void)s;
    (void)o;
    order_help(call->body);
    return true;
}

/* ---- which one ----------------------------------------------------------- */

static const struct {
    order_fn *fn;
    bool changes; /* something: it is logged */
} acts[ORDERS] = {
    [ORDER_ADD] = {add, true},
    [ORDER_REMOVE] = {remove_some, true},
    [ORDER_REPLACE] = {replace, true},
    [ORDER_RELOAD] = {order_reload, true},
    [ORDER_REOPEN] = {order_reopen, true},
    [ORDER_UPGRADE] = {order_upgrade, true},
    [ORDER_KILL] = {cancel, true},
    [ORDER_STOP] = {order_stop, true},
    [ORDER_QUIT] = {order_quit, true},
    [ORDER_VERSION] = {version, false},
    [ORDER_HELP] = {help, false},
};

bool order_acts(enum order_verb verb)
{
    return acts[verb].fn != NULL;
}

static void log_order(const struct control_call *call)
{
    struct slice line = slice_trim(call->line);

    log_info("Control: %.*s (user %u, pid:%d)", (int)line.len, line.ptr,
             (unsigned)call->uid, (int)call->pid);
}

bool order_act(struct supervisor *s, const struct order *o,
               struct control_call *call)
{
    if (acts[o->verb].changes)
        log_order(call);
    return acts[o->verb].fn(s, o, call);
}
