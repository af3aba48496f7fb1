/*
 * buf: bytes that grow. Appenders never fail: memory that cannot be had ends
 * the process (the master starts another worker), so no caller tests for it.
 * The owner is whoever holds the struct; zero-initialised is empty and valid.
 */
#ifndef PRONG_BUF_H
#define PRONG_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/text.h"

struct buf {
    char *data; /* not NUL-terminated unless buf_text() was asked */
    size_t len; /* bytes in use; len <= cap */
    size_t cap;
};

/* What buf_reserve does when there is no room. */
char *buf_grow(struct buf *b, size_t more);

/* The four that run once or more for every column of every row are inline:
 * as calls they were a tenth of the time of a list of 50 rows. */

/* Room for at least `more` bytes behind len; returns where they start. */
static inline char *buf_reserve(struct buf *b, size_t more)
{
    return b->cap - b->len >= more && b->data ? b->data + b->len
                                              : buf_grow(b, more);
}

static inline void buf_add(struct buf *b, const void *bytes, size_t len)
{
    char *to = buf_reserve(b, len);

    if (len > 0)
        memcpy(to, bytes, len);
    b->len += len;
}

static inline void buf_byte(struct buf *b, char c)
{
    *buf_reserve(b, 1) = c;
    b->len++;
}

static inline void buf_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.ptr, s.len);
}

void buf_string(struct buf *b, const char *s);
void buf_int(struct buf *b, int64_t n);
void buf_format(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void buf_json(struct buf *b, struct slice s);
/*
 * A JSON number that reads back as exactly this double, in few digits.
 * JSON has no infinities and no NaN: those are written as null.
 */
void buf_real(struct buf *b, double v);
/* Percent-encodes all but RFC 3986 unreserved characters. */
void buf_percent(struct buf *b, struct slice s);
/* The bytes with a NUL behind them; valid until the next change. */
const char *buf_text(struct buf *b);
struct slice buf_view(const struct buf *b);
/* Forgets the bytes, keeps the memory. */
void buf_clear(struct buf *b);
/* Drops memory beyond `keep` bytes of capacity, and the content with it. */
void buf_shrink(struct buf *b, size_t keep);
/* Gives the memory back; the buffer is empty and usable again. */
void buf_free(struct buf *b);

#endif
