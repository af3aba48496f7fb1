/*
 * What proxies say of who asks, with hostile text in it. An input is lines;
 * the first byte of each chooses the field, the rest is its value. Whoever is
 * named is an address; what stands left of somebody who is not believed
 * changes nothing; and who is appended at the right is the client.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "worker/http/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
    "X-Forwarded-For",      "Forwarded",       "X-Forwarded-Proto",
    "X-Forwarded-Protocol", "X-Forwarded-Ssl", "X-Request-ID",
};

enum { NAMES = sizeof names / sizeof *names };

static struct networks *believed(void)
{
    static const char *at[] = {"10.0.0.0/8", "fd00::/8"};
    static struct networks *n;
    struct fault fault;

    if (n == NULL)
        n = networks_new(&(struct texts){at, 2}, "", &fault);
    return n;
}

/* Null when the parser refuses such a request. */
static const struct request *request_of(const char *first, struct slice lines,
                                        const char *last)
{
    static const struct request_limits limits = {
        .line = 100, .fields = 100, .field_size = 1 << 15, .body = 0};
    static struct request *req;
    static struct buf in;

    if (req == NULL)
        req = request_new(&limits);
    request_reset(req);
    buf_clear(&in);
    buf_format(&in, "GET / HTTP/1.1\r\nHost: a\r\n%s", first);
    while (lines.len > 0) {
        struct slice line = slice_cut(&lines, '\n');
        if (line.len == 0)
            continue;
        buf_format(&in, "%s: ", names[(unsigned char)line.ptr[0] % NAMES]);
        buf_add(&in, line.ptr + 1, line.len - 1);
        buf_string(&in, "\r\n");
    }
    buf_format(&in, "%s\r\n", last);
    return request_feed(req, &in) == REQUEST_COMPLETE ? req : NULL;
}

struct result {
    bool good;
    char client[IP_TEXT];
    enum scheme scheme;
    const char *reason;
};

static struct result read_with(const char *first, struct slice lines,
                               const char *last)
{
    const struct request *req = request_of(first, lines, last);
    struct result r = {.good = false, .reason = "not a request"};
    struct forwarded told;

    if (req == NULL)
        return r;
    r.good = forwarded_read(believed(), req, &told, &r.reason);
    assert(r.good == (r.reason == NULL));
    if (r.good)
        memcpy(r.client, told.client, sizeof r.client);
    r.scheme = told.scheme;
    return r;
}

static bool is_believed(const char *client)
{
    struct ip ip;
    char text[IP_TEXT];

    assert(ip_parse(slice_of(client), &ip));
    ip_text(&ip, text);
    assert(strcmp(text, client) == 0);
    return networks_hold(believed(), &ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice lines = {(const char *)data, size};
    struct result plain = read_with("", lines, "");
    struct result more;

    if (!plain.good)
        return 0;
    more = read_with("", lines,
                     "X-Forwarded-For: 192.0.2.99\r\n"
                     "Forwarded: for=192.0.2.99\r\n");
    assert(!more.good || strcmp(more.client, "192.0.2.99") == 0);
    if (plain.client[0] == '\0' || is_believed(plain.client))
        return 0;
    more = read_with("X-Forwarded-For: 198.51.100.1\r\n"
                     "Forwarded: for=198.51.100.1;proto=http\r\n",
                     lines, "");
    assert(!more.good || strcmp(more.client, plain.client) == 0);
    more = read_with("", lines, "X-Forwarded-For: 10.9.9.9\r\n");
    assert(!more.good || strcmp(more.client, plain.client) == 0);
    return 0;
}
