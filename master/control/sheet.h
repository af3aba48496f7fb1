/*
 * sheet: an answer to an operator: facts, and tables of rows, each written
 * once by the caller and shown either as text for people or as one JSON
 * object for programs. In JSON a name says its unit ("age_seconds"); in text
 * the value does ("3m 05s"), and columns are aligned.
 *
 * Names and paths of requests come from clients: whatever could steer a
 * terminal becomes "?".
 *
 *     sheet_begin(&s, &body, json);
 *     sheet_text(&s, "version", SLICE("0.1.0"));
 *     sheet_table(&s, "workers", "No worker is there.");
 *     for (…) {
 *         sheet_row(&s);
 *         sheet_int(&s, "pid", pid);
 *     }
 *     sheet_table_end(&s);
 *     sheet_end(&s);
 */
#ifndef PRONG_SHEET_H
#define PRONG_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/jsonout.h"

enum { SHEET_COLUMNS = 16 }; /* of a table, at most */

struct sheet {
    struct buf *out; /* the caller's; appended to */
    bool json;
    struct jsonout j;
    struct arena *arena; /* of the texts of a table, until it ends */
    bool in_table;
    const char *empty; /* what the text says of a table without rows */
    const char *titles[SHEET_COLUMNS];
    bool right[SHEET_COLUMNS];  /* numbers */
    const char **cells;         /* row by row, columns in each */
    size_t columns, rows, cell; /* `cell`: of the present row, the next one */
};

void sheet_begin(struct sheet *s, struct buf *out, bool json);
void sheet_end(struct sheet *s);

/* Above what follows, after an empty line; in text only. */
void sheet_heading(struct sheet *s, const char *text);
/* Rows follow; every row has the same names in the same order. */
void sheet_table(struct sheet *s, const char *name, const char *empty);
void sheet_row(struct sheet *s);
void sheet_table_end(struct sheet *s);

/* A fact, or a cell of the present row. */
void sheet_text(struct sheet *s, const char *name, struct slice value);
void sheet_int(struct sheet *s, const char *name, int64_t value);
void sheet_real(struct sheet *s, const char *name, double value);
void sheet_null(struct sheet *s, const char *name);
/* "12.3 %"; name_percent */
void sheet_percent(struct sheet *s, const char *name, double value);
/* "12.3 MB"; name_mb */
void sheet_memory(struct sheet *s, const char *name, uint64_t kb);
/* "1.23 ms"; name_ms */
void sheet_ms(struct sheet *s, const char *name, double ms);
/* "1.234s" "3m 05s" "2d 04h"; name_seconds */
void sheet_age(struct sheet *s, const char *name, uint64_t ms);
/* "2026-01-31 12:00:00Z"; Unix time, 0 is null */
void sheet_time(struct sheet *s, const char *name, int64_t wall_ms);

/* Appends the text with control characters, C1 among them, and what is no
 * UTF-8 as "?"; a line's end stays one where `lines`. */
void sheet_plain(struct buf *out, struct slice text, bool lines);
/* Characters: what it takes on a terminal, but for wide ones. */
size_t sheet_width(struct slice text);

#endif
