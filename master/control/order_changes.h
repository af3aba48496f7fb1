/*
 * order_changes: what a reload would change, for an operator who wants to
 * know before. Pure but for the sheet.
 */
#ifndef PRONG_ORDER_CHANGES_H
#define PRONG_ORDER_CHANGES_H

#include <stdint.h>

#include "master/control/sheet.h"
#include "master/supervisor.h"

/* `entries`: in the cache now; those of endpoints that stay, stay. */
void order_show_changes(const struct generation *present,
                        const struct generation *next, uint64_t entries,
                        struct sheet *s);

#endif
