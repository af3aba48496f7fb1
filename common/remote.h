/*
 * remote: a place outside that lines or figures are sent to (syslogger.h,
 * keeper_statsd.h): from the operator's words to a socket's address.
 *
 *   unix://PATH[#dgram|#stream]   as Python's SysLogHandler takes them
 *   udp://HOST[:PORT], tcp://HOST[:PORT], HOST[:PORT] (which is UDP)
 *
 * An IPv6 address stands in brackets. Of a name its first IPv4 address is
 * taken, if it has one: many a syslog or statsd listens there alone.
 */
#ifndef PRONG_REMOTE_H
#define PRONG_REMOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/text.h"

enum { STATSD_PORT = 8125, SYSLOG_PORT = 514 }; /* when the words name none */

enum remote_way {
    REMOTE_UNIX, /* datagrams, or a stream where the other side has one */
    REMOTE_UNIX_DGRAM,
    REMOTE_UNIX_STREAM,
    REMOTE_UDP,
    REMOTE_TCP,
};

/* What the words say; `host` lies in them. */
struct remote_words {
    enum remote_way way;
    struct slice host; /* or the path */
    uint16_t port;     /* 0: unsaid */
};

/* Pure. False with the reason. */
bool remote_parse(struct slice text, struct remote_words *out,
                  struct fault *fault);

struct remote {
    enum remote_way way;
    struct sockaddr_storage sa;
    socklen_t len;
};

/*
 * May ask the resolver, which can take seconds when no name server answers.
 * So the master does that, at its start and at a reload, and children take
 * over what their master found out: in a child, words that the master has
 * looked up cost nothing, not even when they could not be found. (One process
 * and thread: there is one table.) False with the reason.
 */
bool remote_find(const char *text, uint16_t port, struct remote *out,
                 struct fault *fault);

/*
 * A non-blocking socket, closed by exec; -1 with errno. UDP is connected, so
 * that the kernel reports a port where nobody listens; a connection of a
 * stream may still be under way. Datagrams to a path are sent with the
 * address each time: so they find a server that has started anew.
 */
int remote_open(const struct remote *r);

/* Whether bytes flow, so that messages need an end. */
bool remote_is_stream(const struct remote *r);

#endif
