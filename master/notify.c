#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "common/unixpath.h"

#include "master/notify.h"

enum {
    TEXT_MAX = 256,
    RATE_MS = 1000, /* the shortest time that a rate is taken over */
};

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un to;
    socklen_t to_len;
    uint64_t watchdog_ms; /* between two signs of life; 0: none are wanted */

    /* As it was told last. */
    bool ready, reloads, stops;
    uint64_t alive_ms, status_ms; /* when the next is due */
    uint64_t rate;                /* requests/s, */
    uint64_t requests;            /* of which there were so many */
    uint64_t counted_ms;          /* then; 0: never */
    char status[TEXT_MAX];
};

/* ---- where to ---------------------------------------------------------- */

static bool find_socket(struct notify *n, const char *path)
{
    size_t len = path ? strlen(path) : 0;

    if (len < 2 || (path[0] != '/' && path[0] != '@')) /* vsock: no */
        return false;
    if (!unixpath_address(slice_of(path), &n->to))
        return false;
    if (path[0] == '@')
        n->to.sun_path[0] = '\0';
    /* An abstract name ends where its length says. */
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
                            (path[0] == '/'));
    return true;
}

/* Half of it, as sd_watchdog_enabled(3) advises. */
static uint64_t watchdog_of(const char *us, const char *pid)
{
    int64_t number;

    if (us == NULL || !text_int64(slice_of(us), &number) || number <= 0)
        return 0;
    uint64_t half_ms = (uint64_t)number / 2000;
    if (pid &&
        (!text_int64(slice_of(pid), &number) || number != (int64_t)getpid()))
        return 0;
    return half_ms > 0 ? half_ms : 1;
}

struct notify *notify_new(const char *path, const char *watchdog_us,
                          const char *watchdog_pid)
{
    struct notify *n = calloc(1, sizeof *n);

    if (n == NULL)
        abort();
    n->fd = -1;
    if (!find_socket(n, path))
        return n;
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    n->watchdog_ms = watchdog_of(watchdog_us, watchdog_pid);
    return n;
}

void notify_free(struct notify *n)
{
    if (n && n->fd >= 0)
        close(n->fd);
    free(n);
}

bool notify_wanted(const struct notify *n)
{
    return n->fd >= 0;
}

static void send_text(const struct notify *n, const char *text)
{
    if (sendto(n->fd, text, strlen(text), MSG_NOSIGNAL,
               (const struct sockaddr *)&n->to, n->to_len) < 0)
        log_debug("systemd was not told \"%s\": %s", text, strerror(errno));
}

/* ---- status and watchdog ----------------------------------------------- */

uint64_t notify_next(const struct notify *n)
{
    uint64_t next_ms = UINT64_MAX;

    if (n->fd < 0 || !n->ready || n->stops)
        return next_ms;
    if (n->watchdog_ms)
        next_ms = n->alive_ms;
    return n->status_ms < next_ms ? n->status_ms : next_ms;
}

/* Over the time since it was taken last, unless that is too short to say
 * anything. */
static void take_rate(struct notify *n, const struct notify_facts *f,
                      uint64_t now_ms)
{
    uint64_t ms = now_ms - n->counted_ms;

    if (n->counted_ms && ms < RATE_MS)
        return;
    n->rate = n->counted_ms && f->requests >= n->requests
                  ? (f->requests - n->requests) * 1000 / ms
                  : 0;
    n->requests = f->requests;
    n->counted_ms = now_ms;
}

static void add(char text[TEXT_MAX], const char *more)
{
    size_t len = strlen(text);

    snprintf(text + len, TEXT_MAX - len, "%s", more);
}

/* Appends it to what is sent; only when it says something new. */
static void add_status(struct notify *n, const struct notify_facts *f,
                       uint64_t now_ms, char text[TEXT_MAX])
{
    char status[TEXT_MAX / 2];

    take_rate(n, f, now_ms);
    snprintf(status, sizeof status,
             "STATUS=%" PRId64 " worker%s, %" PRIu64 " requests/s\n",
             f->workers, f->workers == 1 ? "" : "s", n->rate);
    n->status_ms = now_ms + NOTIFY_STATUS_MS;
    if (strcmp(status, n->status) == 0)
        return;
    memcpy(n->status, status, sizeof status);
    add(text, status);
}

static void tell_life(struct notify *n, const struct notify_facts *f,
                      uint64_t now_ms)
{
    char text[TEXT_MAX] = "";

    if (n->watchdog_ms && now_ms >= n->alive_ms) {
        n->alive_ms = now_ms + n->watchdog_ms;
        if (f->alive)
            add(text, "WATCHDOG=1\n");
    }
    if (now_ms >= n->status_ms)
        add_status(n, f, now_ms, text);
    if (text[0])
        send_text(n, text);
}

/* ---- what changes ------------------------------------------------------ */

static void tell_stop(struct notify *n)
{
    n->stops = true;
    send_text(n, "STOPPING=1\n");
}

/* The id is told each time: after an upgrade it is another one. */
static void tell_ready(struct notify *n, const struct notify_facts *f,
                       uint64_t now_ms)
{
    char text[TEXT_MAX];

    if (!n->ready)
        n->alive_ms = now_ms;
    n->ready = true;
    n->reloads = false;
    n->status[0] = '\0';
    snprintf(text, sizeof text, "READY=1\nMAINPID=%d\n", (int)getpid());
    add_status(n, f, now_ms, text);
    send_text(n, text);
}

static void tell_reload(struct notify *n, uint64_t now_us)
{
    char text[TEXT_MAX];

    n->reloads = true;
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n",
             now_us);
    send_text(n, text);
}

/* While another master goes on, the end of this one is no stop. */
void notify_tell(struct notify *n, const struct notify_facts *f,
                 uint64_t now_us)
{
    uint64_t now_ms = now_us / 1000;

    if (n->fd < 0 || f->silent || n->stops)
        return;
    if (f->stops && !f->succeeded)
        tell_stop(n);
    else if (n->ready && f->reloads && !n->reloads)
        tell_reload(n, now_us);
    else if (f->ready && (!n->ready || (n->reloads && !f->reloads)))
        tell_ready(n, f, now_ms);
    if (n->ready && !n->stops)
        tell_life(n, f, now_ms);
}

void notify_pass_on(const struct notify *n, pid_t successor)
{
    char text[TEXT_MAX];

    snprintf(text, sizeof text, "MAINPID=%d\n", (int)successor);
    if (n->fd >= 0)
        send_text(n, text);
}
