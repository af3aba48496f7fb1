#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "master/daemon.h"

#include "master/listener_private.h"

/* See listeners_leave_files. */
static bool files_are_shared;

void listeners_leave_files(bool leave)
{
    files_are_shared = leave;
}

/* Whether somebody accepts on that path. Full backlogs count as life. */
static bool answers(const struct address *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive =
        fd >= 0 && (connect(fd, (const struct sockaddr *)&a->sa, a->len) == 0 ||
                    errno == EAGAIN);

    if (fd >= 0)
        close(fd);
    return alive;
}

/* Removes a dead socket file; EADDRINUSE for a live one, and for anything
 * that is not a socket: that is somebody's file. */
static bool clear_path(const struct address *a)
{
    const char *path = address_path(a);
    struct stat st;

    if (path == NULL || lstat(path, &st) != 0)
        return true;
    if (S_ISSOCK(st.st_mode) && !answers(a))
        return unlink(path) == 0 || errno == ENOENT;
    errno = S_ISSOCK(st.st_mode) ? EADDRINUSE : EEXIST;
    return false;
}

static void set(int fd, int level, int option)
{
    int on = 1;

    /* None of them is worth a refusal to serve. */
    setsockopt(fd, level, option, &on, sizeof on);
}

/* Returns the descriptor, or -1 with errno set. */
static int bind_once(const struct address *a, const struct settings *s)
{
    if (!clear_path(a))
        return -1;
    int fd =
        socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    set(fd, SOL_SOCKET, SO_REUSEADDR);
    if (a->sa.ss_family != AF_UNIX) {
        set(fd, IPPROTO_TCP, TCP_NODELAY);
        if (s->reuse_port)
            set(fd, SOL_SOCKET, SO_REUSEPORT);
    }
    if (bind(fd, (const struct sockaddr *)&a->sa, a->len) == 0 &&
        listen(fd, (int)s->backlog) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static int bind_patiently(const struct address *a, const struct settings *s,
                          const char *text, int tries)
{
    const struct timespec second = {.tv_sec = 1};

    for (;;) {
        int fd = bind_once(a, s);
        if (fd >= 0 || errno != EADDRINUSE)
            return fd;
        log_error("Connection in use: %s", text);
        if (--tries == 0) {
            errno = EADDRINUSE; /* the log may have changed it */
            return -1;
        }
        log_debug("Retrying in 1 second.");
        nanosleep(&second, NULL);
    }
}

static void remember_file(struct listener *l)
{
    const char *path = address_path(&l->asked);
    struct stat st;

    if (path == NULL)
        return;
    daemon_give(path);
    if (lstat(path, &st) == 0) {
        l->device = st.st_dev;
        l->inode = st.st_ino;
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
    const char *path = address_path(&l->asked);
    struct stat st;

    if (--l->sets > 0)
        return;
    if (l->inode && !files_are_shared && lstat(path, &st) == 0 &&
        st.st_dev == l->device && st.st_ino == l->inode)
        unlink(path);
    close(l->fd);
    arena_free(l->arena);
}

static struct listener *listener_new(int fd, const struct address *asked,
                                     const char *text)
{
    struct arena *arena = arena_new();
    struct listener *l = arena_alloc(arena, sizeof *l);

    l->arena = arena;
    l->fd = fd;
    memcpy(&l->asked, asked, sizeof *asked);
    l->text = arena_text(arena, slice_of(text));
    address_name(fd, l->name);
    if (asked->fd < 0)
        remember_file(l);
    return l;
}

struct listener *listener_take(int fd, const struct address *asked,
                               const char *text)
{
    adopt(fd);
    return listener_new(fd, asked, text);
}

struct listener *listener_open(const struct address *asked,
                               const struct settings *s, const char *text,
                               int tries)
{
    if (asked->fd >= 0)
        return listener_take(asked->fd, asked, text);
    int fd = bind_patiently(asked, s, text, tries);
    return fd < 0 ? NULL : listener_new(fd, asked, text);
}
