/*
 * framing: the strictness of RFC 9112 that llhttp leaves to us, on pieces of
 * a request's head. Tolerance is what request smuggling lives on. Pure.
 */
#ifndef PRONG_FRAMING_H
#define PRONG_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

/*
 * Lines from p to end, the last of which may be incomplete: each ends in
 * CRLF, neither CR nor LF stands alone, and none is folded (2.2 and 5.2).
 */
bool framing_lines(const char *p, const char *end);

/* "GET /path HTTP/1.1" with one blank each (section 3), `target` bytes of
 * which are the target; llhttp takes several, and RTSP and ICE too. */
bool framing_request_line(struct slice line, size_t target);

/* What may stand in a Host field or an authority (RFC 3986, 3.2.2). */
bool framing_host(struct slice host);

/* "http://host/path" becomes "/path" (3.2.2); false when it is not that. */
bool framing_cut_authority(struct slice *target);

#endif
