/*
 * The beginning of a connection, from hostile bytes. What is decided about
 * some of them stands when more come; nothing is decided before it is all
 * there; and what is not of an asked version is no header.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "worker/http/proxyline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BOTH = PROXYLINE_V1 | PROXYLINE_V2 };

static enum proxyline_step read_first(const uint8_t *data, size_t size,
                                      struct proxyline *out)
{
    struct slice bytes = {(const char *)data, size};

    return proxyline_read(bytes, BOTH, out);
}

static void check_address(const struct proxyline *line)
{
    char text[IP_TEXT];
    struct ip again;

    if (!line->known)
        return;
    ip_text(&line->client, text);
    assert(ip_parse(slice_of(text), &again));
    assert(memcmp(&again, &line->client, sizeof again) == 0);
}

static void check_versions(struct slice bytes, enum proxyline_step both)
{
    struct proxyline line;
    enum proxyline_step v1 = proxyline_read(bytes, PROXYLINE_V1, &line);
    enum proxyline_step v2 = proxyline_read(bytes, PROXYLINE_V2, &line);

    assert(v1 == both || v2 == both);
    assert(bytes.len == 0 || v1 == PROXYLINE_ABSENT || v2 == PROXYLINE_ABSENT);
    assert(proxyline_read(bytes, 0, &line) == PROXYLINE_ABSENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxyline line, before;
    enum proxyline_step step = read_first(data, size, &line);
    enum proxyline_step last = PROXYLINE_MORE;

    check_versions((struct slice){(const char *)data, size}, step);
    for (size_t n = 0; n <= size && n <= PROXYLINE_V2_MAX; n++) {
        enum proxyline_step now = read_first(data, n, &before);
        assert(last == PROXYLINE_MORE || now == last);
        assert(now != PROXYLINE_DONE || before.used <= n);
        last = now;
    }
    assert(last == step);
    assert(step != PROXYLINE_MORE || size < PROXYLINE_V2_MAX);
    if (step != PROXYLINE_DONE)
        return 0;
    assert(line.used <= PROXYLINE_V2_MAX && line.used <= size);
    assert(read_first(data, line.used - 1, &before) == PROXYLINE_MORE);
    assert(before.used <= line.used);
    check_address(&line);
    return 0;
}
