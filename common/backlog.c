#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/backlog.h"

/* Of a listening socket, tcpi_unacked is the length of its accept queue. */
unsigned backlog_of(const int *listeners, size_t count)
{
    unsigned waiting = 0;

    for (size_t i = 0; i < count; i++) {
        struct tcp_info info;
        socklen_t size = sizeof info;
        if (getsockopt(listeners[i], IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
            waiting += info.tcpi_unacked;
    }
    return waiting;
}
