#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/unixpath.h"

#include "master/unixsocket.h"

static void close_quietly(int *fd)
{
    int reason = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = reason;
}

/* ---- addresses ----------------------------------------------------------- */

/* What a descriptor stands for, and a name in it. */
static void under(char path[320], int fd, const char *name)
{
    snprintf(path, 320, "/proc/self/fd/%d%s%s", fd, *name ? "/" : "", name);
}

static bool address_under(struct sockaddr_un *a, int fd, const char *name)
{
    char path[320];

    under(path, fd, name);
    return unixpath_address(slice_of(path), a);
}

/* ---- finding ------------------------------------------------------------- */

static int connect_to(int fd, const char *path)
{
    struct sockaddr_un a;
    int file = -1;

    if (!unixpath_address(slice_of(path), &a)) {
        file = open(path, O_PATH | O_CLOEXEC);
        if (file < 0)
            return -1;
        address_under(&a, file, "");
    }
    int result = connect(fd, (const struct sockaddr *)&a, sizeof a);
    close_quietly(&file);
    return result;
}

int unixsocket_connect(const char *path, int timeout_ms)
{
    const struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000L};
    int at_once = timeout_ms == 0 ? SOCK_NONBLOCK : 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | at_once, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect_to(fd, path) != 0)
        close_quietly(&fd);
    return fd;
}

bool unixsocket_is_served(const struct unixsocket *s)
{
    char path[320];

    under(path, s->folder, s->name);
    int fd = unixsocket_connect(path, 0);
    bool served = fd >= 0 || errno == EAGAIN;
    close_quietly(&fd);
    return served;
}

/* ---- making -------------------------------------------------------------- */

static bool split(struct unixsocket *s, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char folder[4096];

    if (*name == '\0' || strlen(name) >= sizeof s->name ||
        (size_t)(name - path) >= sizeof folder) {
        errno = EINVAL;
        return false;
    }
    snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
    snprintf(s->name, sizeof s->name, "%s", name);
    s->folder = open(slash ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return s->folder >= 0;
}

static bool look(const struct unixsocket *s, struct stat *st)
{
    return fstatat(s->folder, s->name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Only what is a socket goes, and only when nobody listens. */
static bool clear_place(const struct unixsocket *s)
{
    struct stat st;

    if (!look(s, &st))
        return true;
    if (!S_ISSOCK(st.st_mode) || unixsocket_is_served(s)) {
        errno = S_ISSOCK(st.st_mode) ? EADDRINUSE : EEXIST;
        return false;
    }
    unlinkat(s->folder, s->name, 0); /* if it stays, bind says why */
    return true;
}

static void remember_file(struct unixsocket *s)
{
    struct stat st;

    if (!look(s, &st) || !S_ISSOCK(st.st_mode))
        return;
    s->device = st.st_dev;
    s->inode = st.st_ino;
}

static int bind_to(const struct unixsocket *s, const char *path)
{
    struct sockaddr_un a;

    if (!unixpath_address(slice_of(path), &a) &&
        !address_under(&a, s->folder, s->name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return bind(s->fd, (const struct sockaddr *)&a, sizeof a);
}

static bool bind_it(struct unixsocket *s, const char *path, mode_t mode)
{
    if (mode == UNIXSOCKET_UMASK)
        return bind_to(s, path) == 0;
    mode_t before = umask(0777 & ~mode);
    int bound = bind_to(s, path);
    umask(before);
    return bound == 0;
}

static bool make(struct unixsocket *s, const char *path, mode_t mode,
                 int backlog)
{
    if (!split(s, path) || !clear_place(s))
        return false;
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0 || !bind_it(s, path, mode))
        return false;
    remember_file(s);
    return listen(s->fd, backlog) == 0;
}

bool unixsocket_make(struct unixsocket *s, const char *path, mode_t mode,
                     int backlog)
{
    unixsocket_none(s);
    if (make(s, path, mode, backlog))
        return true;
    int reason = errno;
    unixsocket_remove(s);
    errno = reason;
    return false;
}

void unixsocket_take(struct unixsocket *s, int fd, const char *path)
{
    unixsocket_none(s);
    s->fd = fd;
    if (split(s, path))
        remember_file(s);
}

/* ---- its end ------------------------------------------------------------- */

void unixsocket_none(struct unixsocket *s)
{
    *s = (struct unixsocket){.fd = -1, .folder = -1};
}

bool unixsocket_stands(const struct unixsocket *s)
{
    struct stat st;

    return s->folder >= 0 && s->inode && look(s, &st) &&
           st.st_dev == s->device && st.st_ino == s->inode;
}

/* The file goes first: nobody finds a socket at which nobody listens. */
void unixsocket_remove(struct unixsocket *s)
{
    if (unixsocket_stands(s))
        unlinkat(s->folder, s->name, 0);
    unixsocket_leave(s);
}

void unixsocket_close(struct unixsocket *s)
{
    close_quietly(&s->fd);
}

void unixsocket_leave(struct unixsocket *s)
{
    close_quietly(&s->fd);
    close_quietly(&s->folder);
    unixsocket_none(s);
}
