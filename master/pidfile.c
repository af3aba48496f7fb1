#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "master/spawn.h"

#include "master/pidfile.h"

/* The id in the file; 0 when there is no file or no number in it. */
static pid_t owner(const char *path)
{
    char bytes[32];
    int64_t number;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return 0;
    ssize_t len = read(fd, bytes, sizeof bytes);
    close(fd);
    if (len <= 0)
        return 0;
    struct slice text = {bytes, (size_t)len};
    if (text.ptr[text.len - 1] == '\n')
        text.len--;
    if (!text_int64(slice_trim(text), &number) || number < 1 ||
        number > INT_MAX)
        return 0;
    return (pid_t)number;
}

bool pidfile_free(const char *path, struct fault *fault)
{
    pid_t pid = path ? owner(path) : 0;

    /* Our own id: left by the last life of a container, where ids repeat. */
    if (pid == getpid() || !spawn_alive(pid))
        return true;
    return fault_set(fault,
                     "Already running on PID %d (or pid file '%s' is stale)",
                     (int)pid, path);
}

static bool write_to(const char *path)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());

    unlink(path); /* left by a process of our id that was killed here */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    bool written = write(fd, text, (size_t)len) == len;
    fchmod(fd, 0644); /* whatever the umask: a pid is no secret */
    return close(fd) == 0 && written;
}

bool pidfile_write(const char *path, struct fault *fault)
{
    char temporary[PATH_MAX];

    if (path == NULL)
        return true;
    if (!pidfile_free(path, fault))
        return false;
    int len =
        snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
    if (len >= (int)sizeof temporary)
        return fault_set(fault, "pidfile: %s: the path is too long", path);
    if (write_to(temporary) && rename(temporary, path) == 0)
        return true;
    int reason = errno;
    unlink(temporary);
    return fault_set(fault, "pidfile: %s: %s", path, strerror(reason));
}

static void remove_own(const char *path)
{
    if (owner(path) == getpid())
        unlink(path);
}

/* False when it is too long to be a path. */
static bool second_name(const char *path, char second[PATH_MAX])
{
    return snprintf(second, PATH_MAX, "%s.2", path) < PATH_MAX;
}

void pidfile_remove(const char *path)
{
    char second[PATH_MAX];

    if (path == NULL)
        return;
    remove_own(path);
    if (second_name(path, second))
        remove_own(second);
}

bool pidfile_write_second(const char *path, struct fault *fault)
{
    char second[PATH_MAX];

    if (path == NULL)
        return true;
    if (!second_name(path, second))
        return fault_set(fault, "pidfile: %s: the path is too long", path);
    return pidfile_write(second, fault);
}

void pidfile_remove_second(const char *path, pid_t pid)
{
    char second[PATH_MAX];

    if (path && second_name(path, second) && owner(second) == pid)
        unlink(second);
}

bool pidfile_promote(const char *path, struct fault *fault)
{
    char second[PATH_MAX];

    if (path == NULL || !second_name(path, second) ||
        owner(second) != getpid() || rename(second, path) == 0)
        return true;
    return fault_set(fault, "pidfile: %s: %s", path, strerror(errno));
}
