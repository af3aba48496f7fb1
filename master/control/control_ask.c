#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/app/appconf.h"
#include "common/settings/conf.h"
#include "master/control/control_socket.h"
#include "master/control/sheet.h"

#include "master/control/control_ask.h"

enum {
    CONF_MAX = 1 << 20, /* bytes of an app.conf, as app_load has it */
    PIECE = 16384,
    ANSWER_MAX = 16 << 20, /* nothing that we answer is near to that */
};

bool control_target_path(const struct control_target *t, struct arena *arena,
                         const char **path, struct fault *fault)
{
    struct app app = {.arena = arena, .database = t->database};
    const char *file = arena_format(arena, "%s/app.conf", t->app);
    struct slice text;

    if (t->socket == NULL && t->database == NULL &&
        (!conf_slurp(arena, file, CONF_MAX, &text, fault) ||
         !appconf_parse(&app, t->app, file, text, fault)))
        return false;
    *path = control_socket_path(arena, t->socket, app.database);
    return true;
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

enum control_reply control_ask(const char *path, const char *line,
                               int timeout_ms, struct buf *body,
                               struct fault *fault)
{
    int fd = control_socket_connect(path, timeout_ms);

    buf_clear(body);
    if (fd >= 0) {
        enum control_reply reply = talk(fd, line, body, fault);
        close(fd);
        return reply;
    }
    bool nobody = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;
    if (nobody)
        fault_set(fault,
                  "No server listens at %s (is its database another one? "
                  "--database PATH)",
                  path);
    else
        fault_set(fault, "%s: %s", path, strerror(errno));
    return nobody ? CONTROL_NOBODY : CONTROL_BROKEN;
}
