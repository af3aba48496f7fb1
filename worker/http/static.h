/*
 * static: files beneath the app's web/ folder (RFC 9110: conditional
 * requests, section 13; ranges, section 14).
 */
#ifndef PRONG_STATIC_H
#define PRONG_STATIC_H

#include <stdbool.h>

#include "common/settings/settings.h"
#include "worker/http/encoding.h"
#include "worker/http/request.h"
#include "worker/http/response.h"

struct files; /* an open web/ folder */

/* Null with errno when the folder cannot be opened. The encoder is borrowed
 * for as long; null: nothing is ever compressed. */
struct files *files_open(const char *web, struct encoder *encoder);
void files_close(struct files *f);

/* From now on HTML goes out with the fields of security.h. */
void files_secure(struct files *f, const struct settings *s);

/*
 * Answers GET and HEAD for the request's decoded path: the file, index.html
 * for a folder (301 to the path with a slash when it lacks one), 304, 206,
 * 416. `now_ms` is loop time: what is known of a file is believed for one
 * second. Files that encoder_suits, of up to FILECACHE_GZIP bytes, go out
 * compressed to those who take it, under a tag of their own; a GET for a range
 * is about the bytes as they are. False when there is no such file (the caller
 * answers 404); everything outside the folder, through dots or links, is no
 * such file, and so are names that begin with a dot.
 */
bool files_answer(struct files *f, const struct request *req,
                  struct response *res, uint64_t now_ms);

/* Whether such a file exists, for OPTIONS and 405. */
bool files_has(struct files *f, const struct request *req, uint64_t now_ms);

/* By the name's ending; "application/octet-stream" when unknown. */
const char *files_type(struct slice name);

#endif
