#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/networks.h"

enum { MAPPED = 96 }; /* bits in front of an IPv4 address */

/* One list entry: the first `bits` of its bytes say it. */
struct network {
    struct ip ip;
    unsigned bits;
};

struct networks {
    bool all;
    size_t count;
    struct network at[];
};

static const uint8_t mapped[MAPPED / 8] = {[10] = 0xFF, [11] = 0xFF};

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, mapped, sizeof mapped) == 0;
}

bool ip_is_loopback(const struct ip *ip)
{
    static const struct ip v6 = {{[15] = 1}};

    return ip_is_v4(ip) ? ip->bytes[12] == 127
                        : memcmp(ip, &v6, sizeof *ip) == 0;
}

struct ip ip_of_v4(const uint8_t bytes[4])
{
    struct ip ip;

    memcpy(ip.bytes, mapped, sizeof mapped);
    memcpy(ip.bytes + sizeof mapped, bytes, 4);
    return ip;
}

/* inet_pton for either family; it wants a terminated text. */
bool ip_parse(struct slice text, struct ip *out)
{
    char terminated[IP_TEXT];
    uint8_t v4[4];

    if (text.len == 0 || text.len >= sizeof terminated ||
        memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = '\0';
    if (memchr(text.ptr, ':', text.len))
        return inet_pton(AF_INET6, terminated, out->bytes) == 1;
    if (inet_pton(AF_INET, terminated, v4) != 1)
        return false;
    *out = ip_of_v4(v4);
    return true;
}

/* Each request behind a proxy needs one, and inet_ntop takes 0.3 us. */
static void v4_text(const uint8_t bytes[4], char *out)
{
    for (size_t i = 0; i < 4; i++) {
        if (bytes[i] >= 100)
            *out++ = (char)('0' + bytes[i] / 100);
        if (bytes[i] >= 10)
            *out++ = (char)('0' + bytes[i] / 10 % 10);
        *out++ = (char)('0' + bytes[i] % 10);
        *out++ = i < 3 ? '.' : '\0';
    }
}

void ip_text(const struct ip *ip, char out[IP_TEXT])
{
    if (ip_is_v4(ip))
        v4_text(ip->bytes + sizeof mapped, out);
    else
        inet_ntop(AF_INET6, ip->bytes, out, IP_TEXT);
}

/* ---- lists ---------------------------------------------------------------*/

static uint8_t mask_of(unsigned bits)
{
    return (uint8_t)(0xFF00U >> bits);
}

static bool same_bits(const struct ip *a, const struct ip *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;

    return memcmp(a->bytes, b->bytes, whole) == 0 &&
           (rest == 0 ||
            ((a->bytes[whole] ^ b->bytes[whole]) & mask_of(rest)) == 0);
}

/* "::/0" is all of IPv6, and IPv4 is no part of that. */
static bool holds(const struct network *n, const struct ip *ip)
{
    return (n->bits >= MAPPED || !ip_is_v4(ip)) &&
           same_bits(&n->ip, ip, n->bits);
}

static bool is_clean(const struct network *n)
{
    unsigned at = n->bits / 8;
    struct ip ip = n->ip;

    if (n->bits == 128)
        return true;
    if (ip.bytes[at++] & (uint8_t)~mask_of(n->bits % 8))
        return false;
    while (at < sizeof ip.bytes)
        if (ip.bytes[at++])
            return false;
    return true;
}

/* How many of its 128 bits count; false when that is no prefix. */
static bool read_bits(struct slice address, struct slice text,
                      struct network *out)
{
    bool v4 = memchr(address.ptr, ':', address.len) == NULL;
    int64_t bits;

    if (!text_int64(text, &bits) || bits < 0 || bits > (v4 ? 32 : 128))
        return false;
    out->bits = (unsigned)bits + (v4 ? MAPPED : 0);
    return true;
}

static bool read_network(const char *text, const char *key, struct network *out,
                         struct fault *fault)
{
    struct slice prefix = slice_of(text);
    struct slice address = slice_cut(&prefix, '/');

    out->bits = 128;
    if (!ip_parse(address, &out->ip))
        return fault_set(fault, "%s: \"%s\" is no address", key, text);
    if (prefix.ptr == NULL)
        return true;
    if (!read_bits(address, prefix, out))
        return fault_set(fault, "%s: \"%s\" has no such prefix", key, text);
    return is_clean(out) ||
           fault_set(fault, "%s: \"%s\" has bits set behind its prefix", key,
                     text);
}

static bool read_one(struct networks *n, const struct texts *list, size_t i,
                     const char *key, struct fault *fault)
{
    const char *text = list->at[i];

    if (strcmp(text, "*") == 0)
        return n->all = true;
    if (strcmp(text, "none") == 0)
        return list->count == 1 ||
               fault_set(fault, "%s: \"none\" stands alone", key);
    return read_network(text, key, &n->at[n->count++], fault);
}

struct networks *networks_new(const struct texts *list, const char *key,
                              struct fault *fault)
{
    struct networks *n =
        calloc(1, sizeof *n + list->count * sizeof(struct network));

    assert(n != NULL);
    for (size_t i = 0; i < list->count; i++)
        if (!read_one(n, list, i, key, fault)) {
            networks_free(n);
            return NULL;
        }
    return n;
}

void networks_free(struct networks *n)
{
    free(n);
}

bool networks_hold(const struct networks *n, const struct ip *ip)
{
    for (size_t i = 0; i < n->count; i++)
        if (holds(&n->at[i], ip))
            return true;
    return n->all;
}
