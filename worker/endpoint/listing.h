/*
 * listing: the rows of one run, written in the shape and form that the
 * endpoint and the client chose; and for pages, what the links need to know.
 */
#ifndef PRONG_LISTING_H
#define PRONG_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/endpoint/paging.h"
#include "worker/endpoint/plan.h"
#include "worker/endpoint/rows.h"
#include "worker/http/accept.h"

/* Lives in endpoint's state and is reused; begin sets all but the buffers. */
struct listing {
    const struct plan *plan;
    const struct step *step;
    const struct paging *paging; /* null without */
    enum form form;
    column_set set;
    struct buf *out;
    size_t rows;      /* written so far */
    size_t start;     /* of the first row in *out */
    size_t first_end; /* where the first row ends */
    bool more;        /* a row beyond the limit was there */
    struct buf first_cursor, second_cursor, last_cursor;
};

void listing_begin(struct listing *l, struct buf *out);
/* Takes the present row. False when no further row is wanted. */
bool listing_row(struct listing *l);
/* Closes what begin and the rows opened. */
void listing_end(struct listing *l);
/* What paging_links wants; valid until the next begin. */
struct page_seen listing_seen(const struct listing *l);
void listing_free(struct listing *l);

#endif
