/*
 * accessline: one finished request to one line of text, by a format that was
 * compiled once, or as a JSON object. It knows no file. After warm-up a line
 * allocates nothing.
 */
#ifndef PRONG_ACCESSLINE_H
#define PRONG_ACCESSLINE_H

#include "common/buf.h"
#include "worker/http/accesslog.h"

struct accessline;

/*
 * Compiles Gunicorn's notation: "%(atom)s", "%%", anything else as it stands.
 * Atoms are those of accesslog.h. `{x}e` is a CGI name (REQUEST_METHOD,
 * HTTP_HOST …) or else a variable of this process as it is now. With `json`
 * the format is ignored and may be null.
 */
struct accessline *accessline_new(const char *format, bool json);
/* Null is allowed. */
void accessline_free(struct accessline *l);

/*
 * Appends the line with its newline. What a client may have chosen is escaped
 * as \", \\ and \xNN for all outside printable ASCII, so no request can forge
 * a line or reach a terminal.
 */
void accessline_add(struct accessline *l, const struct access *a,
                    struct buf *out);

#endif
