/*
 * proxyline: the header of the PROXY protocol, versions 1 and 2
 * (www.haproxy.org/download/2.8/doc/proxy-protocol.txt, sections 2.1 and
 * 2.2), with which a proxy tells on whose behalf it has connected. Pure and
 * without state: what has come of it is read anew when more has come, since it
 * nearly always comes whole.
 *
 * Of what may follow the addresses in version 2 only PP2_TYPE_SSL is looked
 * at. Its checksum (PP2_TYPE_CRC32C) is not verified: TCP has its own.
 */
#ifndef PRONG_PROXYLINE_H
#define PRONG_PROXYLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/networks.h"
#include "common/text.h"

enum {
    PROXYLINE_V1 = 1, /* which versions are understood: bits */
    PROXYLINE_V2 = 2,

    PROXYLINE_V1_MAX = 107,       /* bytes, as the protocol has it */
    PROXYLINE_V2_MAX = 16 + 2048, /* it would allow 64 KiB */
};

enum proxyline_step {
    PROXYLINE_ABSENT, /* the bytes begin something else */
    PROXYLINE_MORE,   /* some of it is missing */
    PROXYLINE_DONE,
    PROXYLINE_BAD,
};

struct proxyline {
    size_t used; /* bytes of it; what follows is the client's */
    bool known;  /* it names an address; if not (UNKNOWN, LOCAL, a unix
                    socket), the peer speaks for itself */
    bool secure; /* the client came by TLS */
    struct ip client;
};

/* From the first bytes of a connection. *out is complete at DONE only. */
enum proxyline_step proxyline_read(struct slice bytes, unsigned versions,
                                   struct proxyline *out);

/* The versions that a value of the setting proxy_protocol stands for. */
unsigned proxyline_versions(const char *setting);

#endif
