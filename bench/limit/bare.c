/*
 * bare PORT [BYTES]: the bare loop. A fixed answer whose body has BYTES bytes
 * (15 when unsaid: {"status":"ok"}).
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

/* The same headers that the server under test sends. */
static const char head[] = "HTTP/1.1 200 OK\r\n"
                           "Server: limit\r\n"
                           "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                           "Content-Type: application/json\r\n"
                           "Content-Length: %zu\r\n"
                           "X-Request-ID: 0123456789abcdef\r\n"
                           "Cache-Control: no-store\r\n\r\n";

static const char *answer(void *self, size_t *len)
{
    const struct fixed *f = self;

    *len = f->len;
    return f->text;
}

int main(int argc, char **argv)
{
    size_t body = argc > 2 ? strtoul(argv[2], NULL, 10) : 15;
    struct fixed f = {.text = malloc(sizeof head + 20 + body)};
    struct answerer who = {.answer = answer, .self = &f};

    if (argc < 2 || !f.text || body > 1 << 20)
        errx(2, "usage: bare PORT [BYTES]");
    f.len = (size_t)sprintf(f.text, head, body);
    memset(f.text + f.len, '0', body);
    f.len += body;
    serve(atoi(argv[1]), &who);
    return 0;
}
