#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "master/control/control_client.h"

void client_drop(struct client *k)
{
    loop_del(k->desk->loop, &k->watch);
    close(k->watch.fd);
    buf_free(&k->body);
    buf_free(&k->answer);
    k->state = CLIENT_GONE;
}

/* ---- telling it ---------------------------------------------------------- */

/* What the kernel does not take now is sent when it can. */
static void send_on(struct client *k)
{
    const char *rest = k->answer.data + k->sent;
    ssize_t n = send(k->watch.fd, rest, k->answer.len - k->sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        client_drop(k);
        return;
    }
    if (n > 0) {
        k->sent += (size_t)n;
        k->until_ms = loop_clock_ms() + CONTROL_SLOW_MS;
    }
    if (k->sent == k->answer.len)
        client_drop(k);
    else
        loop_change(k->desk->loop, &k->watch, LOOP_WRITE);
}

static void tell(struct client *k)
{
    buf_format(&k->answer, "%s %zu\n", k->call.refused ? "refused" : "ok",
               k->body.len);
    buf_slice(&k->answer, buf_view(&k->body));
    k->state = CLIENT_TOLD;
    k->until_ms = loop_clock_ms() + CONTROL_SLOW_MS;
    send_on(k);
}

void client_refuse(struct client *k, const char *why)
{
    k->call.refused = true;
    buf_clear(&k->body);
    buf_format(&k->body, "%s\n", why);
    tell(k);
}

/* False: there is no answer yet. */
static bool answer(struct client *k, bool late)
{
    buf_clear(&k->body);
    if (!k->desk->answer(k->desk->self, &k->call, late))
        return false;
    tell(k);
    return true;
}

/* ---- hearing it ---------------------------------------------------------- */

/* While it waits, nothing that it sends matters; that it goes away does. */
static void begin_answer(struct client *k)
{
    k->call.body = &k->body;
    if (answer(k, false))
        return;
    k->state = CLIENT_WAITING;
    k->until_ms = loop_clock_ms() + CONTROL_WAIT_MS;
    loop_change(k->desk->loop, &k->watch, 0);
}

static void on_line(struct client *k)
{
    const char *end = memchr(k->line, '\n', k->len);

    if (end) {
        k->call.line = (struct slice){k->line, (size_t)(end - k->line)};
        begin_answer(k);
    } else if (k->len == sizeof k->line) {
        client_refuse(k, "The request is too long");
    }
}

/* Half a line may be half a number: it is no order. */
static void on_end(struct client *k)
{
    if (k->len > 0)
        client_refuse(k, "The request has no end of line");
    else
        client_drop(k);
}

static void read_on(struct client *k)
{
    ssize_t n = recv(k->watch.fd, k->line + k->len, sizeof k->line - k->len,
                     MSG_DONTWAIT);

    if (n > 0) {
        k->len += (size_t)n;
        on_line(k);
    } else if (n == 0) {
        on_end(k);
    } else if (errno != EAGAIN && errno != EINTR) {
        client_drop(k);
    }
}

static void on_client(void *self, unsigned events)
{
    struct client *k = self;

    switch (k->state) {
    case CLIENT_ASKING: read_on(k); break;
    case CLIENT_TOLD: send_on(k); break;
    case CLIENT_WAITING:
        if (events & LOOP_HANGUP)
            client_drop(k);
        break;
    case CLIENT_FREE:
    case CLIENT_GONE: break;
    }
}

/* ---- its time here ------------------------------------------------------- */

void client_welcome(struct client *k, const struct control_desk *desk, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof peer;

    *k = (struct client){.state = CLIENT_ASKING, .desk = desk};
    k->watch = (struct watch){.fn = on_client, .self = k, .fd = fd};
    k->since_ms = loop_clock_ms();
    k->until_ms = k->since_ms + CONTROL_SLOW_MS;
    /* Nobody is known when this fails, and nobody has this user id. */
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    k->call.pid = peer.pid;
    k->call.uid = peer.uid;
    if (!loop_add(desk->loop, &k->watch, LOOP_READ))
        client_drop(k);
}

void client_tend(struct client *k, uint64_t now_ms)
{
    bool late = now_ms >= k->until_ms;

    switch (k->state) {
    case CLIENT_WAITING:
        if (!answer(k, late) && late)
            client_drop(k);
        break;
    case CLIENT_ASKING:
    case CLIENT_TOLD:
        if (late)
            client_drop(k);
        break;
    case CLIENT_GONE: k->state = CLIENT_FREE; break;
    case CLIENT_FREE: break;
    }
}

/* It was accepted, so no other server will hear it. */
static void hear_out(struct client *k, uint64_t until_ms)
{
    struct pollfd line = {.fd = k->watch.fd, .events = POLLIN};
    uint64_t now_ms = loop_clock_ms();

    if (poll(&line, 1, until_ms > now_ms ? (int)(until_ms - now_ms) : 0) > 0)
        read_on(k);
}

void client_dismiss(struct client *k, uint64_t until_ms)
{
    if (k->state == CLIENT_ASKING)
        hear_out(k, until_ms);
    if (k->state == CLIENT_WAITING)
        answer(k, true);
    if (k->state != CLIENT_FREE && k->state != CLIENT_GONE)
        client_drop(k);
}
