#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answer.h"

static const char *line_end(const char *line, const char *end)
{
    const char *at = memmem(line, (size_t)(end - line), "\r\n", 2);

    return at ? at : end;
}

/* Of the head that ends before `end`, where "\r\n" follows. */
static size_t content_length(const char *head, const char *end)
{
    static const char name[] = "Content-Length:";
    const char *line = line_end(head, end);

    for (; line < end; line = line_end(line + 2, end))
        if (strncasecmp(line + 2, name, sizeof name - 1) == 0)
            return strtoul(line + 2 + sizeof name - 1, NULL, 10);
    errx(1, "no Content-Length in: %.*s", (int)(end - head), head);
}

size_t answer_extent(const char *text, size_t len, int *status)
{
    static const char version[] = "HTTP/1.1 ";
    const char *end = memmem(text, len, "\r\n\r\n", 4);

    if (!end)
        return 0;
    if (strncmp(text, version, sizeof version - 1) != 0)
        errx(1, "no answer: %.*s", (int)(end - text), text);
    *status = (int)strtol(text + sizeof version - 1, NULL, 10);
    return (size_t)(end + 4 - text) + content_length(text, end);
}
