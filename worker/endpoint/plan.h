/*
 * plan: one endpoint prepared on one connection: its statements, where each
 * of their parameters comes from, and what is known of their columns. Made
 * once at load, which proves the endpoint; run by endpoint.
 */
#ifndef PRONG_PLAN_H
#define PRONG_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app/app.h"
#include "worker/db/db.h"
#include "worker/endpoint/arguments.h"
#include "worker/endpoint/paging.h"
#include "worker/endpoint/rows.h"
#include "worker/endpoint/token.h"
#include "worker/http/json.h"

/* One prepared statement of a plan. */
struct step {
    struct stmt *stmt;
    struct columns *columns; /* null when it gives no rows */
    const struct sql *sql;   /* as the author wrote it, for messages */
    int *sources;            /* of parameter i + 1; see plan.c */
    int source_count;
};

struct plan {
    const struct endpoint *e;
    struct step *steps; /* the statements; with paging the variants */
    size_t step_count;
    int body_step;                  /* the last that gives rows; -1: none */
    bool writes;                    /* some statement can write */
    bool alone;                     /* its one statement is a transaction */
    bool needs_user;                /* binds auth.user_id or auth.role */
    int page_keys[PAGING_KEYS_MAX]; /* columns of @page key=… */
};

/*
 * Null with "file:line: reason": SQL that does not prepare, a GET that can
 * write, a shape that no statement has rows for, a column named by @sort,
 * @page or @json that is not there, more than ROWS_COLUMNS_MAX columns. The
 * endpoint must outlive the plan.
 */
struct plan *plan_new(struct db *db, struct json *reader,
                      const struct endpoint *e, struct fault *fault);
/* To be called before db_close; null is allowed. */
void plan_free(struct plan *p);

/* Another number once SQLite prepared one of its statements anew: what is
 * known of them may then be different (stmt_version). */
unsigned plan_version(const struct plan *p);

/* What a run binds. */
struct bindings {
    const struct arguments *arguments;
    size_t set;
    const struct identity *who;
    const struct paging *paging; /* null without */
};

void step_bind(const struct step *s, const struct bindings *b);

#endif
