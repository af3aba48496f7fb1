#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/networks.h"
#include "worker/db/db.h"

#include "worker/endpoint/demo.h"

/* Of this process; its listening sockets stay as they are. */
static bool reachable; /* by others than this machine */

static bool is_local_socket(int fd)
{
    struct sockaddr_storage any = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct ip ip;

    if (getsockname(fd, (struct sockaddr *)&any, &len) != 0)
        return false;
    if (any.ss_family == AF_UNIX)
        return true;
    memcpy(&v4, &any, sizeof v4);
    memcpy(&v6, &any, sizeof v6);
    if (any.ss_family == AF_INET)
        ip = ip_of_v4((const uint8_t *)&v4.sin_addr);
    else
        memcpy(&ip, &v6.sin6_addr, sizeof ip);
    return ip_is_loopback(&ip);
}

/* Tokens that nobody marked have no names here. */
static void warn(struct db *db)
{
    static const char sql[] =
        "SELECT group_concat(name, ', ') FROM (SELECT name FROM tokens"
        " WHERE sha256 IN (SELECT sha256 FROM prong_demo_tokens)"
        " ORDER BY id)";
    struct fault ignored;
    int offset;
    struct stmt *s = db_prepare(db, sql, &ignored, &offset);

    if (s && stmt_step(s) == DB_ROW && stmt_type(s, 0) != DB_NULL) {
        struct slice names = stmt_text(s, 0);
        log_warning("The demo tokens (%.*s) are refused: the server listens on "
                    "an address that others can reach; `prong token add` "
                    "makes one that works",
                    (int)names.len, names.ptr);
    }
    db_finalize(s);
}

void demo_begin(const struct heritage *h, bool first)
{
    struct fault ignored;

    reachable = false;
    for (size_t i = 0; i < h->listener_count; i++)
        reachable |= !is_local_socket(h->listeners[i]);
    if (!reachable || !first)
        return;
    struct db *db = db_open(heritage_database(h), DB_SERVE, &ignored);
    if (db)
        warn(db);
    db_close(db);
}

bool demo_admits(const struct call *call, const struct identity *who)
{
    struct ip client;

    return !who->demo || (!reachable && call->client &&
                          ip_parse(slice_of(call->client), &client) &&
                          ip_is_loopback(&client));
}
