/*
 * order_act: the orders that do something, or that answer in a sentence. What
 * changes something is logged, with who asked for it. Master only.
 */
#ifndef PRONG_ORDER_ACT_H
#define PRONG_ORDER_ACT_H

#include "master/control/control.h"
#include "master/control/order_line.h"

struct supervisor;

/* The answer is this sentence, as text or as JSON; true. */
bool order_say(struct control_call *call, bool json, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The answer is that there is none, and why; true. */
bool order_refuse(struct control_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether it is one of these. */
bool order_acts(enum order_verb verb);
/* False: the answer comes later, by order_end (order_server.h); call->memo is
 * set. */
bool order_act(struct supervisor *s, const struct order *o,
               struct control_call *call);

#endif
