/*
 * web: a web/ folder on disk, and questions about its files.
 */
#ifndef PRONG_TEST_WEB_H
#define PRONG_TEST_WEB_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/http/static.h"

enum { WEB_DAY = 1577880000 }; /* Wed, 01 Jan 2020 12:00:00 GMT */

#define WEB_MODIFIED "Wed, 01 Jan 2020 12:00:00 GMT"

/* A web/ folder in a folder of its own, with something outside to steal. */
struct world {
    char dir[64];
    struct encoder *encoder;
    struct files *files;
    struct request *req;
    struct response res;
    struct buf in;
    uint64_t now;
    bool found;
};

static inline void put(const struct world *w, const char *name,
                       const char *text)
{
    char path[256];
    struct timespec times[2] = {{WEB_DAY, 5}, {WEB_DAY, 5}};
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static inline void folder(const struct world *w, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static inline void put_link(const struct world *w, const char *to,
                            const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    assert_int_equal(symlink(to, path), 0);
}

static inline void fill(const struct world *w)
{
    folder(w, "web");
    folder(w, "web/docs");
    folder(w, "web/empty");
    folder(w, "web/.well-known");
    put(w, "secret.txt", "secret");
    put(w, "web/index.html", "<h1>home</h1>");
    put(w, "web/a.txt", "0123456789");
    put(w, "web/zero.css", "");
    put(w, "web/docs/index.html", "<h1>docs</h1>");
    put(w, "web/.hidden", "hidden");
    put(w, "web/.well-known/security.txt", "Contact: me");
    put_link(w, "../secret.txt", "web/out.txt");
    put_link(w, "/etc/passwd", "web/absolute.txt");
    put_link(w, "../..", "web/up");
    put_link(w, "../a.txt", "web/docs/inside.txt");
    put_link(w, "loop", "web/loop");
}

static inline int web_make(void **state)
{
    static const struct request_limits limits = {4096, 50, 4096, 1024};
    static const struct encoding_config config = {
        .on = true, .min_length = 500, .level = 6};
    struct world *w = calloc(1, sizeof *w);
    char web[80];
    snprintf(w->dir, sizeof w->dir, "/tmp/prong-static-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    fill(w);
    snprintf(web, sizeof web, "%s/web", w->dir);
    w->encoder = encoder_new(&config);
    w->files = files_open(web, w->encoder);
    assert_non_null(w->files);
    w->req = request_new(&limits);
    w->now = 5000;
    response_init(&w->res);
    *state = w;
    return 0;
}

static inline int web_remove(void **state)
{
    struct world *w = *state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf '%s'", w->dir);
    files_close(w->files);
    encoder_free(w->encoder);
    request_free(w->req);
    response_free(&w->res);
    buf_free(&w->in);
    int failed = system(command);
    free(w);
    return failed;
}

/* Asks for `target` with further header lines; returns the status, or 404. */
static inline int ask_with(struct world *w, const char *method,
                           const char *target, const char *fields)
{
    buf_clear(&w->in);
    request_reset(w->req);
    response_reset(&w->res);
    buf_format(&w->in, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, target,
               fields);
    if (request_feed(w->req, &w->in) != REQUEST_COMPLETE)
        return request_status(w->req);
    w->found = files_answer(w->files, w->req, &w->res, w->now);
    assert_int_equal(w->found, files_has(w->files, w->req, w->now));
    return w->found ? w->res.status : 404;
}

static inline int ask(struct world *w, const char *target)
{
    return ask_with(w, "GET", target, "");
}

static inline void assert_body(const struct world *w, const char *text)
{
    struct slice body = response_body(&w->res);
    assert_int_equal(body.len, strlen(text));
    assert_memory_equal(body.ptr, text, body.len);
}

/* The value of a header of the answer; "" without. */
static inline const char *header(struct world *w, const char *name)
{
    static char value[80];
    struct slice rest = buf_view(&w->res.headers);
    value[0] = '\0';
    while (rest.len) {
        struct slice line = slice_cut(&rest, '\n');
        struct slice field = slice_cut(&line, ':');
        if (slice_is_nocase(field, name))
            snprintf(value, sizeof value, "%.*s", (int)line.len - 2,
                     line.ptr + 1);
    }
    return value;
}

#endif
