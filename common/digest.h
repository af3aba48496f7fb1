/*
 * digest: SHA-256 and base64 through nettle, which this module alone
 * includes, and the kernel's random bytes. Not libcrypto: its 4 MB of tables
 * and relocations cost 0.7 MB in each of five processes, for one hash.
 */
#ifndef PRONG_DIGEST_H
#define PRONG_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/text.h"

enum { DIGEST_HEX = 64 }; /* characters of a SHA-256 in hex */

/* Lower-case hex of the SHA-256 of the bytes (FIPS 180-4), without a NUL. */
void digest_hex(struct slice bytes, char hex[DIGEST_HEX]);
/* In the same time, wherever they differ. */
bool digest_same(const char a[DIGEST_HEX], const char b[DIGEST_HEX]);
/* Appends standard base64 with padding (RFC 4648, 4). */
void digest_base64(struct buf *out, struct slice bytes);
/* Appends what the base64 text stands for; false (nothing appended) when it
 * is not strictly that: length a multiple of four, padding only at the end. */
bool digest_unbase64(struct buf *out, struct slice text);
/* Bytes fit for keys. Ends the process when the kernel gives none. */
void digest_random(void *bytes, size_t len);

#endif
