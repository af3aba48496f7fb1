#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/unixpath.h"

#include "master/control/control_socket.h"

enum { BACKLOG = 16 };

const char *control_socket_path(struct arena *arena, const char *said,
                                const char *database)
{
    return said ? said : arena_format(arena, "%s.ctl", database);
}

/* ---- addresses ----------------------------------------------------------- */

/* What a descriptor stands for, and a name in it. */
static bool address_under(struct sockaddr_un *a, int fd, const char *name)
{
    char path[320];

    snprintf(path, sizeof path, "/proc/self/fd/%d%s%s", fd, *name ? "/" : "",
             name);
    return unixpath_address(slice_of(path), a);
}

static int open_socket(int flags)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
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
    int reason = errno;
    if (file >= 0)
        close(file);
    errno = reason;
    return result;
}

int control_socket_connect(const char *path, int timeout_ms)
{
    const struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000L};
    int fd = open_socket(0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect_to(fd, path) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

/* ---- making -------------------------------------------------------------- */

static bool split(struct control_socket *s, const char *path,
                  struct fault *fault)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char folder[4096];

    if (*name == '\0' || strlen(name) >= sizeof s->name ||
        (size_t)(name - path) >= sizeof folder)
        return fault_set(fault, "%.200s cannot be a socket's name", path);
    snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
    s->folder = open(slash ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->folder < 0)
        return fault_set(fault, "%.200s: %s", path, strerror(errno));
    snprintf(s->name, sizeof s->name, "%s", name);
    return true;
}

static bool is_live(const char *path)
{
    int fd = open_socket(SOCK_NONBLOCK);
    bool live = fd >= 0 && (connect_to(fd, path) == 0 || errno == EAGAIN);

    if (fd >= 0)
        close(fd);
    return live;
}

/* Only what is a socket goes, and only when nobody listens. */
static enum control_made clear_place(const struct control_socket *s,
                                     const char *path, struct fault *fault)
{
    struct stat st;

    if (fstatat(s->folder, s->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return CONTROL_MADE;
    if (!S_ISSOCK(st.st_mode)) {
        fault_set(fault, "%.200s is there and no socket", path);
        return CONTROL_UNFIT;
    }
    if (is_live(path))
        return CONTROL_TAKEN;
    unlinkat(s->folder, s->name, 0); /* if it stays, bind says why */
    return CONTROL_MADE;
}

static bool bind_it(struct control_socket *s, const char *path, mode_t mode)
{
    struct sockaddr_un a;
    struct stat st;

    if (!unixpath_address(slice_of(path), &a) &&
        !address_under(&a, s->folder, s->name)) {
        errno = ENAMETOOLONG;
        return false;
    }
    mode_t before = umask(0777 & ~mode);
    int bound = bind(s->fd, (const struct sockaddr *)&a, sizeof a);
    umask(before);
    if (bound != 0 || listen(s->fd, BACKLOG) != 0 ||
        fstatat(s->folder, s->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    s->device = st.st_dev;
    s->inode = st.st_ino;
    return true;
}

static enum control_made make(struct control_socket *s, const char *path,
                              mode_t mode, struct fault *fault)
{
    if (!split(s, path, fault))
        return CONTROL_UNFIT;
    enum control_made made = clear_place(s, path, fault);
    if (made != CONTROL_MADE)
        return made;
    s->fd = open_socket(SOCK_NONBLOCK);
    if (s->fd >= 0 && bind_it(s, path, mode))
        return CONTROL_MADE;
    fault_set(fault, "%.200s: %s", path, strerror(errno));
    return CONTROL_UNFIT;
}

static void close_both(struct control_socket *s)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->folder >= 0)
        close(s->folder);
    s->fd = s->folder = -1;
}

enum control_made control_socket_make(struct control_socket *s,
                                      const char *path, mode_t mode,
                                      struct fault *fault)
{
    *s = (struct control_socket){.fd = -1, .folder = -1};
    enum control_made made = make(s, path, mode, fault);
    if (made != CONTROL_MADE)
        close_both(s);
    return made;
}

bool control_socket_stands(const struct control_socket *s)
{
    struct stat st;

    return s->fd >= 0 &&
           fstatat(s->folder, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == s->device && st.st_ino == s->inode;
}

/* The file goes first: nobody finds a socket at which nobody listens. */
void control_socket_remove(struct control_socket *s)
{
    if (s->fd < 0)
        return;
    if (control_socket_stands(s))
        unlinkat(s->folder, s->name, 0);
    close_both(s);
}
