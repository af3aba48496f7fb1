#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "master/daemon.h"

#include "master/listener_private.h"

/* See listeners_leave_files. */
static bool files_are_shared;

/* Files of sockets that were closed meanwhile. */
static struct unixsocket *left;
static size_t left_count;

/* No other master has them any more: they are nobody's. But the number of a
 * file's inode may be given again, so one at which somebody listens stays. */
static void remove_left(void)
{
    for (size_t i = 0; i < left_count; i++)
        if (unixsocket_is_served(&left[i]))
            unixsocket_leave(&left[i]);
        else
            unixsocket_remove(&left[i]);
    free(left);
    left = NULL;
    left_count = 0;
}

void listeners_leave_files(bool leave)
{
    files_are_shared = leave;
    if (!leave)
        remove_left();
}

/* Without memory for it the file stays: the next start replaces it. */
static void leave_for_now(struct unixsocket *file)
{
    struct unixsocket *more = reallocarray(left, left_count + 1, sizeof *left);

    unixsocket_close(file);
    if (more == NULL) {
        unixsocket_leave(file);
        return;
    }
    left = more;
    left[left_count++] = *file;
}

static void set(int fd, int level, int option)
{
    int on = 1;

    /* None of them is worth a refusal to serve. */
    setsockopt(fd, level, option, &on, sizeof on);
}

/* Returns the descriptor, or -1 with errno set. */
static int bind_tcp(const struct address *a, const struct settings *s)
{
    int fd =
        socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    set(fd, SOL_SOCKET, SO_REUSEADDR);
    set(fd, IPPROTO_TCP, TCP_NODELAY);
    if (s->reuse_port)
        set(fd, SOL_SOCKET, SO_REUSEPORT);
    if (bind(fd, (const struct sockaddr *)&a->sa, a->len) == 0 &&
        listen(fd, (int)s->backlog) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static bool bind_once(struct listener *l, const struct settings *s)
{
    const char *path = address_path(&l->asked);

    if (path == NULL) {
        l->fd = bind_tcp(&l->asked, s);
        return l->fd >= 0;
    }
    if (!unixsocket_make(&l->file, path, UNIXSOCKET_UMASK, (int)s->backlog))
        return false;
    l->fd = l->file.fd;
    daemon_give(path);
    return true;
}

static bool bind_patiently(struct listener *l, const struct settings *s,
                           int tries)
{
    const struct timespec second = {.tv_sec = 1};

    for (;;) {
        if (bind_once(l, s))
            return true;
        if (errno != EADDRINUSE)
            return false;
        log_error("Connection in use: %s", l->text);
        if (--tries == 0) {
            errno = EADDRINUSE; /* the log may have changed it */
            return false;
        }
        log_debug("Retrying in 1 second.");
        nanosleep(&second, NULL);
    }
}

static void adopt(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    set(fd, IPPROTO_TCP, TCP_NODELAY); /* fails on a unix socket: as well */
}

void listener_drop(struct listener *l)
{
    if (--l->sets > 0)
        return;
    if (l->file.fd < 0)
        close(l->fd);
    else if (files_are_shared)
        leave_for_now(&l->file);
    else
        unixsocket_remove(&l->file);
    arena_free(l->arena);
}

static struct listener *listener_new(const struct address *asked,
                                     const char *text)
{
    struct arena *arena = arena_new();
    struct listener *l = arena_alloc(arena, sizeof *l);

    l->arena = arena;
    l->fd = -1;
    memcpy(&l->asked, asked, sizeof *asked);
    l->text = arena_text(arena, slice_of(text));
    unixsocket_none(&l->file);
    return l;
}

struct listener *listener_take(int fd, const struct address *asked,
                               const char *text)
{
    struct listener *l = listener_new(asked, text);
    const char *path = asked->fd < 0 ? address_path(asked) : NULL;

    adopt(fd);
    l->fd = fd;
    if (path) {
        daemon_give(path);
        unixsocket_take(&l->file, fd, path);
    }
    address_name(fd, l->name);
    return l;
}

struct listener *listener_open(const struct address *asked,
                               const struct settings *s, const char *text,
                               int tries)
{
    if (asked->fd >= 0)
        return listener_take(asked->fd, asked, text);
    struct listener *l = listener_new(asked, text);
    if (bind_patiently(l, s, tries)) {
        address_name(l->fd, l->name);
        return l;
    }
    int reason = errno;
    arena_free(l->arena);
    errno = reason;
    return NULL;
}
