#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "common/log.h"
#include "worker/http/conn_private.h"

enum {
    READ_ROOM = 4096,        /* bytes asked of one read, at least */
    READ_MOST = 64 * 1024,   /* and at most: what is pipelined is moved up */
    FILE_PIECE = 512 * 1024, /* of one sendfile: others want their turn */
    TOGETHER = 1024,         /* requests told apart by when they came */
    STATUS_LEFT = 499,       /* nginx's: "client closed request" */
};

/* ---- reading -------------------------------------------------------------*/

static void send_continue(struct conn *c)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";

    /* Should it not go out whole, the client sends its body after a while. */
    ssize_t ignored =
        send(c->watch.fd, line, sizeof line - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
}

static void conn_enter_once(struct conn *c, enum conn_state state)
{
    if (c->state != state)
        conn_enter(c, state);
}

/* No two requests of a turn come in the same nanosecond: an operator names by
 * it whose statement is to end (heritage.h). */
static uint64_t came_ns(struct conn *c)
{
    struct conns *home = c->home;

    home->came = (home->came + 1) % TOGETHER;
    return loop_now_ns(home->config.loop) - conn_lay_ns(c) - home->came;
}

/* What lay in the socket, whole, began no later than it came. */
static void came(struct exchange *x, uint64_t at_ns)
{
    x->came_ns = at_ns;
    if (x->began_ns > at_ns)
        x->began_ns = at_ns;
}

static void parse(struct conn *c)
{
    if (c->greeting != GREETING_DONE && !conn_greeted(c))
        return;
    switch (request_feed(c->x->req, &c->x->in)) {
    case REQUEST_CONTINUE:
        send_continue(c);
        conn_enter_once(c, CONN_BODY);
        break;
    case REQUEST_MORE:
        conn_enter_once(c,
                        request_head_done(c->x->req) ? CONN_BODY : CONN_HEAD);
        break;
    case REQUEST_COMPLETE:
    case REQUEST_REFUSED:
    default:
        came(c->x, came_ns(c));
        conn_enter(c, CONN_READY);
        break;
    }
}

static void take_exchange(struct conn *c)
{
    if (c->x)
        return;
    c->x = exchange_take(c->home->pool);
    c->x->owner = c;
    c->x->began_ns = loop_now_ns(c->home->config.loop);
}

bool conn_receive(struct conn *c)
{
    struct buf *in;
    ssize_t n;

    take_exchange(c);
    in = &c->x->in;
    buf_reserve(in, READ_ROOM);
    size_t room = in->cap - in->len;
    n = recv(c->watch.fd, in->data + in->len,
             room < READ_MOST ? room : READ_MOST, 0);
    if (n > 0) {
        in->len += (size_t)n;
        parse(c);
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (in->len == 0)
            conn_drop_exchange(c);
        return false;
    }
    conn_shut(c);
    return false;
}

/* The time of the state is the limit, not the number of bytes. */
static void discard(struct conn *c)
{
    char sink[16 * 1024];
    ssize_t n = recv(c->watch.fd, sink, sizeof sink, 0);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        conn_shut(c);
}

/* ---- writing -------------------------------------------------------------*/

enum progress { PROGRESS_DONE, PROGRESS_BLOCKED, PROGRESS_FAILED };

static enum progress blocked(void)
{
    return errno == EAGAIN || errno == EINTR ? PROGRESS_BLOCKED
                                             : PROGRESS_FAILED;
}

/* Said of an answer without such bytes, MSG_MORE would hold it back 200 ms. */
static bool file_follows(const struct response *res)
{
    return res->file >= 0 && !res->head && res->file_length > 0;
}

static enum progress send_bytes(struct conn *c)
{
    struct exchange *x = c->x;
    int flags = MSG_NOSIGNAL | (file_follows(&x->res) ? MSG_MORE : 0);

    while (x->out.len > 0) {
        ssize_t n = send(c->watch.fd, x->out.ptr, x->out.len, flags);
        if (n < 0)
            return blocked();
        x->out.ptr += n;
        x->out.len -= (size_t)n;
        conn_took(c, (size_t)n);
    }
    return PROGRESS_DONE;
}

static enum progress send_file(struct conn *c)
{
    struct response *res = &c->x->res;

    while (file_follows(res)) {
        off_t at = (off_t)res->file_offset;
        size_t piece = res->file_length < FILE_PIECE ? (size_t)res->file_length
                                                     : FILE_PIECE;
        ssize_t n = sendfile(c->watch.fd, res->file, &at, piece);
        if (n < 0)
            return blocked();
        if (n == 0) /* the file shrank: what was promised cannot come */
            return PROGRESS_FAILED;
        res->file_offset += n;
        res->file_length -= n;
        c->x->sent += (uint64_t)n;
        conn_took(c, (size_t)n);
        if (res->file_length > 0 && (size_t)n == piece)
            return PROGRESS_BLOCKED;
    }
    return PROGRESS_DONE;
}

static void log_access(const struct conn *c)
{
    const struct exchange *x = c->x;
    const struct access a = {
        .req = x->req,
        .res = &x->res,
        .peer = slice_of(x->call.client),
        .duration_us =
            c->home->config.access ? (loop_clock_ns() - x->began_ns) / 1000 : 0,
        .sent = x->sent,
        .worker = c->home->config.number,
    };

    accesslog_write(c->home->config.access, &a);
}

/* A client that asked for the close itself sends nothing more. */
static bool is_quiet(const struct conn *c)
{
    const struct request *req = c->x->req;

    return request_status(req) == 0 && !request_keep_alive(req);
}

static void end_answer(struct conn *c, bool quiet)
{
    if (quiet && c->x->in.len == 0)
        conn_shut(c);
    else
        conn_linger(c);
}

static void after_answer(struct conn *c)
{
    struct exchange *x = c->x;
    bool close_now = x->res.close;
    bool quiet = is_quiet(c);

    log_access(c);
    c->home->answered++;
    response_reset(&x->res);
    conn_unwarm(c);
    request_next(x->req, &x->in);
    if (close_now) {
        end_answer(c, quiet);
    } else if (x->in.len > 0) { /* pipelined: its turn comes behind others' */
        x->began_ns = c->home->clock_ns;
        conn_enter(c, CONN_HEAD);
        parse(c);
    } else {
        conn_drop_exchange(c);
        conn_enter(c, CONN_IDLE);
    }
}

/* Nobody reads the answer, but what was done for it was done. */
static void after_failure(struct conn *c)
{
    log_access(c);
    c->home->answered++;
    conn_shut(c);
}

/* Once, after the first try to hand it over: how fast a client takes its
 * answer is not ours to answer for. */
static void observe(struct conn *c)
{
    struct exchange *x = c->x;
    const struct conns_config *config = &c->home->config;

    if (x->observed)
        return;
    x->observed = true;
    if (config->observer == NULL && config->access == NULL)
        return;
    c->home->clock_ns = loop_clock_ns();
    int64_t file = file_follows(&x->res) ? x->res.file_length : 0;
    observe_end(config->observer, &x->call, x->sent + (uint64_t)file,
                c->home->clock_ns);
}

void conn_write(struct conn *c)
{
    enum progress p = send_bytes(c);

    observe(c);
    if (p == PROGRESS_DONE)
        p = send_file(c);
    if (p == PROGRESS_DONE)
        after_answer(c);
    else if (p == PROGRESS_FAILED)
        after_failure(c);
    else
        conn_hold(c);
    conn_follow(c);
}

/*
 * The client has left, or closed its side, which for one that waits is the
 * same (as for nginx, under whose number it is logged). What can be forgotten
 * gives its place up; the rest is answered, to whomever is still there.
 */
static void leave(struct conn *c, unsigned events)
{
    const struct conns_config *config = &c->home->config;

    c->left = true;
    if (config->cancel && config->cancel(config->self, &c->x->call)) {
        c->x->res.status = STATUS_LEFT;
        log_access(c);
        conn_shut(c);
        return;
    }
    if (events & LOOP_HANGUP) /* reported until somebody acts */
        loop_del(c->home->config.loop, &c->watch);
    else
        conn_follow(c);
}

/* Most clients are silent while they wait: telling the loop only when one is
 * not saves two system calls each. */
static void hear(struct conn *c, unsigned events)
{
    char byte;

    if ((events & LOOP_HANGUP) || c->ahead ||
        recv(c->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
        leave(c, events);
        return;
    }
    c->ahead = true; /* it is read when this one is answered */
    conn_follow(c);
}

void conn_on_event(void *self, unsigned events)
{
    struct conn *c = self;

    switch ((enum conn_state)c->state) {
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_BODY: conn_receive(c); break;
    case CONN_WRITING: conn_write(c); break;
    case CONN_LINGERING: discard(c); break;
    case CONN_WAITING: hear(c, events); break;
    case CONN_READY:
    case CONN_CLOSED:
    case CONN_STATES:
    default: break;
    }
}
