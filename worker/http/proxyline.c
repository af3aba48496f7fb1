#include <string.h>

#include "worker/http/proxyline.h"

/* Offsets and values of version 2 (section 2.2). */
enum {
    V2_COMMAND = 12, /* and the version, in the upper four bits */
    V2_FAMILY = 13,  /* and the transport, in the lower four */
    V2_LENGTH = 14,  /* of what follows */
    V2_HEAD = 16,

    VERSION_2 = 0x20,
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1,

    OVER_TCP4 = 0x11,
    OVER_TCP6 = 0x21,
    LAST_FAMILY = 3,
    LAST_TRANSPORT = 2,

    TLV_HEAD = 3,
    TLV_SSL = 0x20,
    CLIENT_SSL = 0x01,
};

static const char v1_mark[] = "PROXY ";
static const char v2_mark[] = "\r\n\r\n\0\r\nQUIT\n";

/* Do the bytes begin with the mark? ABSENT, MORE when they might, or DONE. */
static enum proxyline_step compare(struct slice bytes, struct slice mark)
{
    size_t len = bytes.len < mark.len ? bytes.len : mark.len;

    if (len > 0 && memcmp(bytes.ptr, mark.ptr, len) != 0)
        return PROXYLINE_ABSENT;
    return len < mark.len ? PROXYLINE_MORE : PROXYLINE_DONE;
}

/* ---- version 1: a line of words, each one blank apart --------------------*/

static bool is_port(struct slice s)
{
    int64_t number;

    return text_int64(s, &number) && number >= 0 && number <= 65535 &&
           (s.len == 1 || (s.ptr[0] != '0' && s.ptr[0] != '-'));
}

/* "TCP4 192.0.2.1 192.0.2.2 49152 443" */
static bool read_words(struct slice words, struct proxyline *out)
{
    struct slice family = slice_cut(&words, ' ');
    bool v4 = slice_is(family, "TCP4");
    struct ip own;

    if (slice_is(family, "UNKNOWN"))
        return true;
    if (!v4 && !slice_is(family, "TCP6"))
        return false;
    struct slice client = slice_cut(&words, ' ');
    struct slice server = slice_cut(&words, ' ');
    struct slice port = slice_cut(&words, ' ');
    if (!ip_parse(client, &out->client) || !ip_parse(server, &own))
        return false;
    bool dotted = memchr(client.ptr, ':', client.len) == NULL;
    out->known = true;
    return dotted == v4 && words.ptr && is_port(port) && is_port(words);
}

static enum proxyline_step read_v1(struct slice bytes, struct proxyline *out)
{
    size_t most =
        bytes.len < PROXYLINE_V1_MAX ? bytes.len : (size_t)PROXYLINE_V1_MAX;
    const char *lf = memchr(bytes.ptr, '\n', most);

    if (lf == NULL)
        return most < PROXYLINE_V1_MAX ? PROXYLINE_MORE : PROXYLINE_BAD;
    out->used = (size_t)(lf - bytes.ptr) + 1;
    if (lf[-1] != '\r')
        return PROXYLINE_BAD;
    size_t mark = sizeof v1_mark - 1;
    struct slice words = {bytes.ptr + mark, out->used - 2 - mark};
    return read_words(words, out) ? PROXYLINE_DONE : PROXYLINE_BAD;
}

/* ---- version 2: bytes ----------------------------------------------------*/

static size_t number_at(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

/* False when the lengths do not add up. */
static bool read_tlvs(const uint8_t *at, size_t len, struct proxyline *out)
{
    while (len >= TLV_HEAD) {
        size_t size = number_at(at + 1);
        if (size > len - TLV_HEAD)
            return false;
        if (at[0] == TLV_SSL && size > 0)
            out->secure = at[TLV_HEAD] & CLIENT_SSL;
        at += TLV_HEAD + size;
        len -= TLV_HEAD + size;
    }
    return len == 0;
}

/* Two addresses and two ports; `rest` is what stands behind the head. */
static bool read_addresses(uint8_t family, const uint8_t *rest, size_t len,
                           struct proxyline *out)
{
    size_t size = family == OVER_TCP4 ? 4 : sizeof out->client.bytes;
    size_t all = 2 * size + 4;

    if (len < all)
        return false;
    if (family == OVER_TCP4)
        out->client = ip_of_v4(rest);
    else
        memcpy(out->client.bytes, rest, size);
    out->known = true;
    return read_tlvs(rest + all, len - all, out);
}

/* Addresses of other families, and of datagrams, are no client's. */
static enum proxyline_step read_v2(struct slice bytes, struct proxyline *out)
{
    const uint8_t *head = (const uint8_t *)bytes.ptr;

    if (bytes.len < V2_HEAD)
        return PROXYLINE_MORE;
    uint8_t family = head[V2_FAMILY];
    size_t len = number_at(head + V2_LENGTH);
    if ((head[V2_COMMAND] != (VERSION_2 | COMMAND_PROXY) &&
         head[V2_COMMAND] != (VERSION_2 | COMMAND_LOCAL)) ||
        family >> 4 > LAST_FAMILY || (family & 15) > LAST_TRANSPORT ||
        len > PROXYLINE_V2_MAX - V2_HEAD)
        return PROXYLINE_BAD;
    if (bytes.len - V2_HEAD < len)
        return PROXYLINE_MORE;
    out->used = V2_HEAD + len;
    if (head[V2_COMMAND] == (VERSION_2 | COMMAND_LOCAL) ||
        (family != OVER_TCP4 && family != OVER_TCP6))
        return PROXYLINE_DONE;
    return read_addresses(family, head + V2_HEAD, len, out) ? PROXYLINE_DONE
                                                            : PROXYLINE_BAD;
}

enum proxyline_step proxyline_read(struct slice bytes, unsigned versions,
                                   struct proxyline *out)
{
    enum proxyline_step v1 = PROXYLINE_ABSENT;
    enum proxyline_step v2 = PROXYLINE_ABSENT;

    *out = (struct proxyline){.used = 0};
    if (versions & PROXYLINE_V1)
        v1 = compare(bytes, SLICE(v1_mark));
    if (versions & PROXYLINE_V2)
        v2 = compare(bytes, SLICE(v2_mark));
    if (v1 == PROXYLINE_DONE)
        return read_v1(bytes, out);
    if (v2 == PROXYLINE_DONE)
        return read_v2(bytes, out);
    return v1 == PROXYLINE_MORE ? v1 : v2;
}

unsigned proxyline_versions(const char *setting)
{
    struct slice s = slice_of(setting);

    if (slice_is(s, "auto"))
        return PROXYLINE_V1 | PROXYLINE_V2;
    return slice_is(s, "v1")   ? PROXYLINE_V1
           : slice_is(s, "v2") ? PROXYLINE_V2
                               : 0;
}
