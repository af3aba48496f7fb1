#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/app/appconf.h"
#include "common/settings/conf.h"
#include "master/control/control_socket.h"
#include "master/control/sheet.h"
#include "master/unixsocket.h"

#include "master/control/control_ask.h"

enum {
    CONF_MAX = 1 << 20, /* bytes of an app.conf, as app_load has it */
    PIECE = 16384,
    ANSWER_MAX = 16 << 20, /* nothing that we answer is near to that */
};

void control_expect(struct control_server *server, const char *file)
{
    struct stat st;

    if (server->owner_count < CONTROL_OWNERS && stat(file, &st) == 0)
        server->owners[server->owner_count++] = st.st_uid;
}

bool control_target_find(const struct control_target *t, struct arena *arena,
                         struct control_server *out, struct fault *fault)
{
    struct app app = {.arena = arena, .database = t->database};
    const char *file = arena_format(arena, "%s/app.conf", t->app);
    struct slice text;

    if (t->socket == NULL && t->database == NULL &&
        (!conf_slurp(arena, file, CONF_MAX, &text, fault) ||
         !appconf_parse(&app, t->app, file, text, fault)))
        return false;
    *out = (struct control_server){
        .path = control_socket_path(arena, t->socket, app.database),
        .any_owner = t->any_owner,
    };
    control_expect(out, t->app);
    if (app.database)
        control_expect(out, app.database);
    return true;
}

/* Whoever may write into the folder can put a socket there, and answer. */
static bool is_expected(struct control_server *server, int fd,
                        struct fault *fault)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof peer;

    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    server->pid = peer.pid;
    if (server->any_owner || peer.uid == 0 || peer.uid == geteuid())
        return true;
    for (size_t i = 0; i < server->owner_count; i++)
        if (peer.uid == server->owners[i])
            return true;
    return fault_set(fault,
                     "%s: who listens there (pid:%d) runs as user %u, who is "
                     "not expected (--any-owner asks all the same)",
                     server->path, (int)peer.pid, (unsigned)peer.uid);
}

/* A server may say no before it was asked, and close: what it said can still
 * be read. */
static bool send_line(int fd, const char *line)
{
    struct buf out = {0};
    size_t sent = 0;
    ssize_t n = 0;

    buf_format(&out, "%s\n", line);
    while (sent < out.len && n >= 0) {
        n = send(fd, out.data + sent, out.len - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
    }
    buf_free(&out);
    return n >= 0 || errno == EPIPE;
}

/* Up to its end. */
static bool receive(int fd, struct buf *in)
{
    for (;;) {
        ssize_t n = recv(fd, buf_reserve(in, PIECE), PIECE, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 || errno == ECONNRESET;
        in->len += (size_t)n;
        if (in->len > ANSWER_MAX) {
            errno = EMSGSIZE;
            return false;
        }
    }
}

/* "ok 123" and the rest, which must be as long as that. */
static enum control_reply understand(struct slice in, struct buf *body,
                                     struct fault *fault)
{
    struct slice head = slice_cut(&in, '\n');
    struct slice word = slice_word(&head);
    int64_t length;

    if (in.ptr == NULL || !text_int64(slice_trim(head), &length) ||
        length < 0 || (size_t)length != in.len ||
        (!slice_is(word, "ok") && !slice_is(word, "refused"))) {
        fault_set(fault, "The server broke off its answer");
        return CONTROL_BROKEN;
    }
    sheet_plain(body, in, true);
    return slice_is(word, "ok") ? CONTROL_OK : CONTROL_REFUSED;
}

static enum control_reply talk(int fd, const char *line, struct buf *body,
                               struct fault *fault)
{
    struct buf in = {0};
    enum control_reply reply = CONTROL_BROKEN;

    if (send_line(fd, line) && receive(fd, &in))
        reply = understand(buf_view(&in), body, fault);
    else if (errno == EAGAIN)
        fault_set(fault, "The server does not answer");
    else
        fault_set(fault, "The server cannot be asked: %s", strerror(errno));
    buf_free(&in);
    return reply;
}

static enum control_reply find_nobody(const struct control_server *server,
                                      struct fault *fault)
{
    bool nobody = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;

    if (nobody)
        fault_set(fault,
                  "No server listens at %s (is its database another one? "
                  "--database PATH)",
                  server->path);
    else
        fault_set(fault, "%s: %s", server->path, strerror(errno));
    return nobody ? CONTROL_NOBODY : CONTROL_BROKEN;
}

enum control_reply control_ask(struct control_server *server, const char *line,
                               int timeout_ms, struct buf *body,
                               struct fault *fault)
{
    int fd = unixsocket_connect(server->path, timeout_ms);
    enum control_reply reply = CONTROL_BROKEN;

    buf_clear(body);
    if (fd < 0)
        return find_nobody(server, fault);
    if (is_expected(server, fd, fault))
        reply = talk(fd, line, body, fault);
    close(fd);
    return reply;
}
