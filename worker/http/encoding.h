/*
 * encoding: gzip (RFC 1952) through zlib, which this module alone includes;
 * and which content coding a client takes (RFC 9110, 12.5.3).
 *
 * One stream a worker, kept and reset: making a new one for each answer costs
 * half as much again (275 instead of 191 µs for 9.5 kB at level 6).
 */
#ifndef PRONG_ENCODING_H
#define PRONG_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/text.h"

struct encoder;

struct encoding_config {
    bool on;
    size_t min_length; /* shorter bodies are left alone */
    int level;         /* 1 to 9 */
};

/* Takes no memory until the first use (256 KiB then). */
struct encoder *encoder_new(const struct encoding_config *config);
void encoder_free(struct encoder *e); /* null is allowed */

/*
 * Whether a body of this media type ("text/css; charset=utf-8") and length
 * would be compressed for a client that takes it: gzip is on, it is long
 * enough, and its type is text, JSON, CSV, XML, JavaScript, SVG, WebAssembly,
 * a plain font or the like, which shrinks. Then the answer varies (Vary:
 * Accept-Encoding), whatever this client takes. Never for a null encoder or
 * type.
 */
bool encoder_suits(const struct encoder *e, const char *type, size_t len);

/*
 * Appends the gzip form: always the same for the same bytes and level. False,
 * with nothing appended, when it would not be smaller than the bytes
 * themselves, or these are 4 GiB and more.
 */
bool encoder_gzip(struct encoder *e, struct slice bytes, struct buf *out);

/*
 * Does an Accept-Encoding field (null ptr: none sent) prefer gzip to
 * identity? q-values count; "*" stands for what is not named; equal weights
 * mean gzip. "x-gzip" is gzip (RFC 9110, 8.4.1.3). A coding with a malformed
 * weight is not accepted; of one named twice the last counts.
 */
bool encoding_accepts_gzip(struct slice field);

#endif
