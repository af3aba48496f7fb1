/*
 * declare: one endpoint from annotated SQL, without an app or a database.
 */
#ifndef PRONG_TEST_DECLARE_H
#define PRONG_TEST_DECLARE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/app/sqlfile.h"

/* The first endpoint of the text; it lives until undeclare. */
static inline const struct endpoint *declare(struct sqlfile *f,
                                             const char *text)
{
    struct fault fault;

    *f = (struct sqlfile){.arena = arena_new(), .timeout_ms = 5000};
    if (!sqlfile_parse(f, "f", slice_of(text), &fault))
        fail_msg("%s", fault.text);
    return &f->endpoints[0];
}

static inline void undeclare(struct sqlfile *f)
{
    sqlfile_release(f);
    arena_free(f->arena);
}

#endif
