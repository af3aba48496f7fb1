/*
 * security: the fields by which browsers are told to be careful with what
 * they get (setting security_headers). Made once, added as they are.
 */
#ifndef PRONG_SECURITY_H
#define PRONG_SECURITY_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/settings/settings.h"

/*
 * On every answer: X-Content-Type-Options (fetch.spec.whatwg.org), since JSON
 * or CSV holding what users wrote must not be run as a script; 33 bytes. When
 * it came by https, also Strict-Transport-Security (RFC 6797, 7.2: never over
 * http), for 180 days and this host alone.
 */
void security_every(const struct settings *s, bool secure, struct buf *out);

/* Also on pages (HTML): who may frame them, what they tell of where the
 * visitor came from, and the Content-Security-Policy of the setting. */
void security_page(const struct settings *s, struct buf *out);

#endif
