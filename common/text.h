/*
 * text: read-only pieces of text, and strict readers of the small notations
 * that settings, annotations and requests share (numbers, durations, sizes).
 *
 * Pure: no I/O, no allocation, no locale. Every reader takes the whole slice
 * or refuses it: no leading blanks, no trailing garbage, no silent overflow.
 * Any process may call it.
 */
#ifndef PRONG_TEXT_H
#define PRONG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes somebody else owns; not terminated by NUL. */
struct slice {
    const char *ptr;
    size_t len;
};

/* Where parsers leave the one fault they stop at, as "file:line: reason". */
struct fault {
    char text[512];
};

/* A string literal as a slice. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

/* The bytes of a terminated string, without its NUL; null gives empty. */
struct slice slice_of(const char *s);

bool slice_equal(struct slice a, struct slice b);
bool slice_is(struct slice a, const char *s);
/* ASCII letters compare without regard to case (RFC 9110, 5.1). */
bool slice_is_nocase(struct slice a, const char *s);
/* Without the blanks (space and tab) at both ends. */
struct slice slice_trim(struct slice s);
/*
 * Cuts the part before the first `sep` off the front of *rest and returns it
 * untrimmed; without one, returns all and leaves *rest empty with a null ptr.
 * Loop: while (rest.ptr) { item = slice_cut(&rest, ','); … }
 */
struct slice slice_cut(struct slice *rest, char sep);
/* The next word, cut off at blanks; empty when none is left. */
struct slice slice_word(struct slice *rest);

/* Decimal integer with an optional '-'; false on anything else. */
bool text_int64(struct slice s, int64_t *out);
/* Decimal real as JSON writes it (no inf, nan or hex); false otherwise. */
bool text_real(struct slice s, double *out);
/* "500ms" "5s" "30m" "2h" "1d"; a bare number is seconds. Milliseconds out. */
bool text_duration_ms(struct slice s, int64_t *out);
/* "800" "64K" "1M" "2G" (powers of 1024); bytes out. */
bool text_size(struct slice s, int64_t *out);
/* A real calendar day, YYYY-MM-DD (RFC 3339 full-date). */
bool text_is_date(struct slice s);
/* Date, 'T' or blank, HH:MM[:SS[.fff]] and an optional Z or ±HH:MM. */
bool text_is_datetime(struct slice s);
/* Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool text_is_utf8(struct slice s);
/* Bytes of the character at s.ptr[at] (at < s.len); 0 when it is malformed. */
size_t text_utf8_at(struct slice s, size_t at);

/* Writes a formatted fault; returns false so callers can `return` it. */
bool fault_set(struct fault *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
