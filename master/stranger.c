#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "master/spawn.h"

#include "master/stranger.h"

enum {
    TICK_MS = 10, /* USER_HZ is 100 on all that Linux runs on by now */
    BORN = 22,    /* fields of /proc/PID/stat, from 1 */
    STATE = 3,
};

static bool read_stat(pid_t pid, char *out, size_t size)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static uint64_t clock_of(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The kernel counts from the boot, the time that the machine slept included. */
static uint64_t monotonic(uint64_t since_boot_ms)
{
    uint64_t slept_ms = clock_of(CLOCK_BOOTTIME) - clock_of(CLOCK_MONOTONIC);

    return since_boot_ms > slept_ms ? since_boot_ms - slept_ms : 0;
}

/* The name, which may hold anything, ends with the last bracket. */
bool stranger_look(pid_t pid, struct stranger *out)
{
    char text[1024];

    if (pid <= 0 || !read_stat(pid, text, sizeof text))
        return false;
    const char *at = strrchr(text, ')');
    if (at == NULL || strlen(at) < 3)
        return false;
    at += 2;
    out->stopped = *at == 'T' || *at == 't';
    for (int field = STATE; at && field < BORN; field++) {
        at = strchr(at, ' ');
        at += at != NULL;
    }
    if (at == NULL)
        return false;
    out->born_ms = monotonic(strtoull(at, NULL, 10) * TICK_MS);
    return true;
}

/* What is looked at while the descriptor is held is the process that gets the
 * signal, or one that came after it: then the signal finds nobody. */
static bool kill_by(int pidfd, pid_t pid, uint64_t then_ms)
{
    struct stranger s;

    if (!stranger_look(pid, &s) || s.born_ms > then_ms + TICK_MS) {
        errno = ESRCH;
        return false;
    }
    if (pidfd < 0) /* a kernel before 5.3 */
        return spawn_signal(pid, SIGKILL);
    return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0;
}

bool stranger_kill(pid_t pid, uint64_t then_ms)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (pidfd < 0 && errno != ENOSYS)
        return false;
    bool killed = kill_by(pidfd, pid, then_ms);
    int reason = errno;
    if (pidfd >= 0)
        close(pidfd);
    errno = reason;
    return killed;
}
