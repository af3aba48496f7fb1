/*
 * demo: the tokens of the app's demo.sql. Anybody can read them there, so they
 * are for trying the app on one's own machine: a server that others can reach
 * refuses them.
 *
 * migrate marks them, in a table of their own (token.h), when it has run
 * demo.sql; in a database of a former version, which has no such table, those
 * that demo.sql names. They open something only when every socket that the
 * server listens on is of this machine (127.0.0.0/8, ::1, a unix socket) and
 * so is the client, as far as trusted proxies tell: behind a proxy the
 * connection alone would always look like it. A client that is not known is
 * refused. The limit: a proxy on this machine that says nothing of its clients
 * speaks for itself.
 */
#ifndef PRONG_DEMO_H
#define PRONG_DEMO_H

#include <stdbool.h>

#include "common/segment/heritage.h"
#include "worker/endpoint/token.h"
#include "worker/http/call.h"

/* Once a process, before it serves: looks at the listening sockets. With
 * `first` it warns when they make the database's demo tokens useless. */
void demo_begin(const struct heritage *h, bool first);

/* Whether such a caller may use this token; without demo_begin only the client
 * counts. */
bool demo_admits(const struct call *call, const struct identity *who);

#endif
