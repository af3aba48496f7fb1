/*
 * order_server: the orders to the whole server. What they begin takes its time:
 * the answer comes when it is over and says how it ended, unless nobody wants
 * to wait for that (order.at_once). Master only.
 */
#ifndef PRONG_ORDER_SERVER_H
#define PRONG_ORDER_SERVER_H

#include "master/control/control.h"
#include "master/control/order_line.h"

struct supervisor;

/* As order_act. */
typedef bool order_fn(struct supervisor *s, const struct order *o,
                      struct control_call *call);
order_fn order_reload;
order_fn order_reopen;
order_fn order_upgrade;
order_fn order_stop;
order_fn order_quit;

/* How what was begun has ended; false: not yet, and never when it is `late`. */
bool order_end(const struct supervisor *s, const struct order *o,
               struct control_call *call, bool late);

#endif
