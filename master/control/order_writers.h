/*
 * order_writers: who writes to the database, who waits for its turn, and who
 * held the others up longest of late (turnstile.h), for an operator.
 */
#ifndef PRONG_ORDER_WRITERS_H
#define PRONG_ORDER_WRITERS_H

#include "master/control/order_show.h"

void order_show_writers(const struct server_view *v, struct sheet *s);

#endif
