/*
 * paging: which part of a list a client wants (limit, offset, cursor, sort,
 * count), the SQL that gives it, and the links to its neighbours (RFC 8288).
 * It knows no SQLite.
 */
#ifndef PRONG_PAGING_H
#define PRONG_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/app/app.h"
#include "common/app/value.h"
#include "common/buf.h"
#include "worker/http/request.h"

enum { PAGING_KEYS_MAX = 4 }; /* columns of a keyset */

/* What a request asks for. */
struct paging {
    int variant; /* which of the statements below */
    int64_t limit;
    int64_t offset;
    bool backwards; /* the cursor asks for the page before it */
    bool count;     /* ?count=exact: say X-Total-Count */
    size_t key_count;
    struct value keys[PAGING_KEYS_MAX]; /* of the cursor */
    struct buf text;                    /* holds their bytes; reused */
    struct buf cursor, code;            /* of the links; reused */
};

/*
 * An endpoint with @page or @sort has several statements made from the one
 * its author wrote: unsorted and sorted by each column both ways; or, by key,
 * the first page, the page after a cursor and the page before it. One more
 * counts the rows.
 */
int paging_variants(const struct endpoint *e);
int paging_count_variant(const struct endpoint *e);
/* The SQL of one variant; parameters :prong_limit, :prong_offset,
 * :prong_key0… The author's text starts at byte paging_sql_offset(). */
void paging_sql(const struct endpoint *e, int variant, struct buf *out);
int paging_sql_offset(void);
/* Whether the endpoint has variants at all. */
bool paging_on(const struct endpoint *e);

/* Reads the request; faults are appended to `errors` (problem_error). */
void paging_read(struct paging *p, const struct endpoint *e,
                 const struct request *req, struct buf *errors);
void paging_free(struct paging *p);

/* What the rows were, for the links. Cursors are opaque texts made by
 * paging_cursor_add; empty when there is no such page. */
struct page_seen {
    bool more; /* a row beyond the limit was there */
    struct slice first_cursor;
    struct slice last_cursor;
};

/* Appends the "Link" header line, or nothing when there is no neighbour. */
void paging_links(struct paging *p, const struct endpoint *e,
                  const struct request *req, const struct page_seen *seen,
                  struct buf *headers);

/* Builds a cursor: begin once, then one value for each key column. */
void paging_cursor_add(struct buf *cursor, const struct value *key);

#endif
