/*
 * accesslog: one line a request, in Gunicorn's atoms and our own. Lines are
 * collected and written at once: when 32 KiB are there, at accesslog_flush,
 * and at close. Where syslog wants them (syslogger.h), it gets each at once.
 *
 * Atoms: h l u t r m U q H s B b f a T M D L p {x}i {x}o {x}e as in Gunicorn;
 * R route, C cache status, S SQL time in microseconds, w worker number,
 * i request id. An unknown atom prints "-".
 */
#ifndef PRONG_ACCESSLOG_H
#define PRONG_ACCESSLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/http/request.h"
#include "worker/http/response.h"

struct accesslog;

/* What a line is made of beside request and response. */
struct access {
    const struct request *req;
    const struct response *res;
    struct slice peer;    /* textual address, "" for a unix socket */
    uint64_t duration_us; /* from the first byte to the answer's making */
    uint64_t sent;        /* body bytes */
    unsigned worker;
};

/*
 * `path` null: no file, and when syslog wants no lines either, none are made
 * (null is returned and every call below accepts it); "-": standard output.
 * With `json` the format is ignored and each line is an object. False in *ok
 * with errno when the file cannot be opened.
 */
struct accesslog *accesslog_open(const char *path, const char *format,
                                 bool json, bool *ok);
void accesslog_write(struct accesslog *log, const struct access *a);
void accesslog_flush(struct accesslog *log);
void accesslog_reopen(struct accesslog *log);
void accesslog_close(struct accesslog *log);

#endif
