/*
 * networks: IP addresses, and lists of the networks that an operator trusts
 * (forwarded_allow_ips, proxy_allow_ips). IPv4 and IPv6 by inet_pton(3); an
 * IPv4 address inside IPv6 (::ffff:10.0.0.1, RFC 4291, 2.5.5.2), as a socket
 * of both families reports it, is that IPv4 address.
 *
 * Pure. A list belongs to whoever made it, and is not changed any more.
 */
#ifndef PRONG_NETWORKS_H
#define PRONG_NETWORKS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/settings/settings.h"
#include "common/text.h"

/* An IPv4 address is kept as its ::ffff:a.b.c.d; two of them compare by
 * memcmp. */
struct ip {
    uint8_t bytes[16]; /* network order */
};

enum { IP_TEXT = 46 }; /* an address as text, and its NUL */

/* "10.0.0.1", "2001:db8::1"; no port, no brackets, no zone. */
bool ip_parse(struct slice text, struct ip *out);
/* From the four bytes of an IPv4 address. */
struct ip ip_of_v4(const uint8_t bytes[4]);
/* As it is usually written: one text for one address. */
void ip_text(const struct ip *ip, char out[IP_TEXT]);
bool ip_is_v4(const struct ip *ip);
/* 127.0.0.0/8 (RFC 1122, 3.2.1.3) and ::1 (RFC 4291, 2.5.3). */
bool ip_is_loopback(const struct ip *ip);

struct networks;

/*
 * The list of a setting: addresses, networks ("10.0.0.0/8", "fd00::/8"; no bit
 * set behind the prefix), "*" for all, or "none" alone, which is an empty
 * list. Null with "KEY: …" when one of them is no such thing.
 */
struct networks *networks_new(const struct texts *list, const char *key,
                              struct fault *fault);
void networks_free(struct networks *n); /* null is allowed */

bool networks_hold(const struct networks *n, const struct ip *ip);

#endif
