#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

#include "common/vitals/perflog.h"

struct perflog {
    const char *path;
    int64_t size;
    int64_t count;
    int fd;       /* -1: not open */
    bool failing; /* lines are lost, and that was logged */
    bool stuck;   /* it cannot be rotated; likewise */
};

static void complain(const struct perflog *p, bool *said, const char *what)
{
    if (!*said)
        log_error("%s: %s: %s", p->path, what, strerror(errno));
    *said = true;
}

static void say_well(struct perflog *p)
{
    if (p->failing)
        log_info("%s: is written again", p->path);
    p->failing = false;
}

static bool open_file(struct perflog *p)
{
    /* A pipe that nobody reads must not hold the keeper up. */
    p->fd = open(p->path,
                 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
    if (p->fd < 0)
        complain(p, &p->failing, "cannot be opened");
    return p->fd >= 0;
}

static void close_file(struct perflog *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

struct perflog *perflog_open(const char *path, int64_t size, int64_t count)
{
    struct perflog *p = path ? calloc(1, sizeof *p) : NULL;

    if (p == NULL)
        return NULL;
    *p = (struct perflog){.path = path, .size = size, .count = count};
    open_file(p);
    return p;
}

void perflog_close(struct perflog *p)
{
    if (p)
        close_file(p);
    free(p);
}

void perflog_reopen(struct perflog *p)
{
    if (p == NULL)
        return;
    close_file(p);
    open_file(p);
}

/* ---- rotation ---- */

static const char *numbered(const struct perflog *p, int64_t number,
                            char room[PATH_MAX])
{
    if (number == 0)
        return p->path;
    (void)snprintf(room, PATH_MAX, "%s.%lld", p->path, (long long)number);
    return room;
}

/* One up, from the first number that is free: behind a gap nothing moves. */
static bool shift(const struct perflog *p)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    int64_t last = 0;

    while (last < p->count - 1 && access(numbered(p, last + 1, to), F_OK) == 0)
        last++;
    for (; last >= 0; last--)
        if (rename(numbered(p, last, from), numbered(p, last + 1, to)) != 0)
            return false;
    return true;
}

/* If it cannot be, the old file grows on: lines are worth more than a size. */
static void rotate(struct perflog *p)
{
    if (p->count > 0 ? shift(p) : unlink(p->path) == 0) {
        p->stuck = false;
        perflog_reopen(p);
    } else {
        complain(p, &p->stuck, "cannot be rotated");
    }
}

/* ---- lines ---- */

/* Whether the descriptor's file still has the name. */
static bool is_in_place(const struct perflog *p, const struct stat *held)
{
    struct stat named;

    return stat(p->path, &named) == 0 && named.st_dev == held->st_dev &&
           named.st_ino == held->st_ino;
}

/* The descriptor to write so many bytes to, and the size of its file. False
 * when there is none. */
static bool make_ready(struct perflog *p, size_t bytes, struct stat *st)
{
    if (p->fd < 0 && !open_file(p))
        return false;
    if (fstat(p->fd, st) == 0 && !is_in_place(p, st))
        perflog_reopen(p);
    if (p->fd < 0 || fstat(p->fd, st) != 0)
        return false;
    if (S_ISREG(st->st_mode) && st->st_size > 0 &&
        st->st_size + (int64_t)bytes > p->size)
        rotate(p);
    return p->fd >= 0 && fstat(p->fd, st) == 0;
}

/* Of a line that the disk took in part, nothing stays: the next one would be
 * glued to it. */
static void take_back(const struct perflog *p, const struct stat *st)
{
    int ignored = S_ISREG(st->st_mode) ? ftruncate(p->fd, st->st_size) : 0;

    (void)ignored;
}

void perflog_write(struct perflog *p, struct slice line)
{
    struct stat st;

    if (p == NULL || !make_ready(p, line.len, &st))
        return;
    errno = ENOSPC; /* unless write says otherwise: it took only a part */
    ssize_t n = write(p->fd, line.ptr, line.len);
    if (n == (ssize_t)line.len) {
        say_well(p);
        return;
    }
    complain(p, &p->failing, "cannot be written");
    if (n > 0)
        take_back(p, &st);
}
