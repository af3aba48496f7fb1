/*
 * bare PORT [BYTES [HEAD]]: the bare loop. A fixed answer whose body has BYTES
 * bytes (15 when unsaid: {"status":"ok"}) and whose head is padded to HEAD
 * bytes, if it is shorter.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve.h"

struct fixed {
    char *text;
    size_t len;
};

enum { BODY_MAX = 1 << 20, HEAD_MAX = 4096 };

/* The same headers that the server under test sends. */
static const char head[] = "HTTP/1.1 200 OK\r\n"
                           "Server: limit\r\n"
                           "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                           "Content-Type: application/json\r\n"
                           "Content-Length: %zu\r\n"
                           "X-Request-ID: 0123456789abcdef\r\n"
                           "Cache-Control: no-store\r\n";

static const char *answer(void *self, const char *request, size_t *len)
{
    const struct fixed *f = self;

    (void)request;
    *len = f->len;
    return f->text;
}

/* One more header field, so that the head has `want` bytes with its end. */
static size_t pad(char *text, size_t len, size_t want)
{
    static const char name[] = "X-Pad: ";
    size_t least = len + sizeof name - 1 + 4; /* two line ends */

    if (want >= least) {
        len += (size_t)sprintf(text + len, "%s", name);
        memset(text + len, '0', want - least);
        len += want - least;
        len += (size_t)sprintf(text + len, "\r\n");
    }
    return len + (size_t)sprintf(text + len, "\r\n");
}

int main(int argc, char **argv)
{
    size_t body = argc > 2 ? strtoul(argv[2], NULL, 10) : 15;
    size_t want = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    struct fixed f = {.text = malloc(HEAD_MAX + BODY_MAX)};
    struct answerer who = {.answer = answer, .self = &f};

    if (argc < 2 || !f.text || body > BODY_MAX || want > HEAD_MAX)
        errx(2, "usage: bare PORT [BYTES [HEAD]]");
    f.len = pad(f.text, (size_t)sprintf(f.text, head, body), want);
    memset(f.text + f.len, '0', body);
    f.len += body;
    serve(serve_listen(atoi(argv[1])), &who);
    return 0;
}
