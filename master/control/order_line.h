/*
 * order_line: one request of an operator, as text and as data:
 *
 *     [json] [at-once] COMMAND [ARGUMENT]
 *
 * Pure. One table says what there is; the server reads by it, and help is
 * printed from it.
 */
#ifndef PRONG_ORDER_LINE_H
#define PRONG_ORDER_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/text.h"

enum order_verb {
    ORDER_STATUS,
    ORDER_WORKERS,
    ORDER_REQUESTS,
    ORDER_WRITERS,
    ORDER_CHANGES,
    ORDER_ADD,
    ORDER_REMOVE,
    ORDER_REPLACE,
    ORDER_RELOAD,
    ORDER_REOPEN,
    ORDER_UPGRADE,
    ORDER_KILL,
    ORDER_STOP,
    ORDER_QUIT,
    ORDER_VERSION,
    ORDER_HELP,
    ORDER_TOP, /* for prong top; in no help */
    ORDERS
};

struct order {
    bool json;
    bool at_once; /* the answer need not tell how it ends */
    enum order_verb verb;
    int64_t number;  /* of workers, 1 when unsaid; or a process id */
    bool process;    /* the number was said to be a process id */
    struct slice id; /* of a request; lies in the line */
};

/* False with the reason: no such command (and which one is near), an argument
 * missing, one too many, or none that it takes. */
bool order_read(struct slice line, struct order *out, struct fault *fault);

/* "worker add [N]   …", a line each. */
void order_help(struct buf *out);

#endif
