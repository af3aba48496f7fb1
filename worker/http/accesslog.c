#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/syslogger.h"

#include "worker/http/accessline.h"

#include "worker/http/accesslog.h"

enum {
    WRITE_AT = 32 * 1024, /* bytes collected before they are written */
    /* Most bytes kept for a reader that is slow; then lines are dropped. */
    KEEP_MAX = 256 * 1024,
    /* A pipe takes this much whole or not at all (PIPE_BUF), so that lines
     * of several workers do not mix. */
    PIPE_CHUNK = 4096,
    REPORT_EVERY_S = 60,
};

struct accesslog {
    char *path; /* null: standard output */
    int fd;     /* -1: its lines go to syslog alone */
    bool syslog;
    bool regular; /* a file: never waits, takes whole writes */
    bool torn;    /* what was written last ends inside a line */
    struct accessline *line;
    struct buf lines;
    uint64_t lost; /* lines, since the last report */
    int lost_errno;
    time_t reported;
};

/*
 * Standard output is opened anew where that can be, for a description of our
 * own that may be non-blocking: the shell's or a neighbour's stays as it is.
 * Not so a file: there the error log may be writing too ("> log 2>&1"), and
 * only a shared description has the shared place where the next line goes.
 */
static int log_descriptor_open(const char *path)
{
    if (path)
        return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    struct stat st;
    int fd = -1;
    if (fstat(STDOUT_FILENO, &st) != 0 || !S_ISREG(st.st_mode))
        fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
}

static bool log_attach(struct accesslog *log)
{
    struct stat st;
    int fd = log_descriptor_open(log->path);
    if (fd < 0)
        return false;
    if (log->fd >= 0)
        close(log->fd);
    log->fd = fd;
    log->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    log->torn = false;
    return true;
}

static void report(struct accesslog *log, bool now)
{
    struct timespec t;
    if (!log->lost)
        return;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    if (!now && t.tv_sec - log->reported < REPORT_EVERY_S)
        return;
    log_warning("access log: %" PRIu64 " lines lost: %s", log->lost,
                strerror(log->lost_errno));
    log->lost = 0;
    log->reported = t.tv_sec;
}

static void lose(struct accesslog *log, struct slice bytes, int reason)
{
    /* A leading one ended a torn line, see accesslog_flush. */
    for (size_t i = log->torn; i < bytes.len; i++)
        log->lost += bytes.ptr[i] == '\n';
    log->lost_errno = reason;
}

/* What goes into one write: all for a file, else whole lines that a pipe
 * takes at once (or one line that is longer). */
static size_t chunk(const struct accesslog *log, struct slice s)
{
    if (log->regular || s.len <= PIPE_CHUNK)
        return s.len;
    const char *end = memrchr(s.ptr, '\n', PIPE_CHUNK);
    if (!end)
        end = memchr(s.ptr, '\n', s.len);
    return (size_t)(end - s.ptr) + 1;
}

/* Would a write wait? Asked first because standard output may be blocking. */
static bool writable(const struct accesslog *log)
{
    struct pollfd p = {.fd = log->fd, .events = POLLOUT};
    return log->regular || (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT));
}

/* Writes until all is out, the reader is slow, or it fails; returns what is
 * left, and in *reason why (0: nothing is). */
static struct slice write_out(struct accesslog *log, struct slice s,
                              int *reason)
{
    *reason = 0;
    while (s.len && *reason == 0) {
        ssize_t n = -1;
        errno = EAGAIN;
        if (writable(log))
            n = write(log->fd, s.ptr, chunk(log, s));
        if (n < 0 && errno != EINTR)
            *reason = errno;
        if (n > 0) {
            s = (struct slice){s.ptr + n, s.len - (size_t)n};
            log->torn = s.ptr[-1] != '\n';
        }
    }
    return s;
}

void accesslog_flush(struct accesslog *log)
{
    int reason;
    if (!log || log->lines.len == 0)
        return;
    struct slice all = buf_view(&log->lines);
    struct slice rest = write_out(log, all, &reason);
    if (rest.len && reason == EAGAIN && rest.len <= KEEP_MAX) {
        memmove(log->lines.data, rest.ptr, rest.len);
        log->lines.len = rest.len;
        return;
    }
    lose(log, rest, reason);
    buf_clear(&log->lines);
    /* The end of a line is lost: the next must not run into its beginning. */
    if (log->torn)
        buf_byte(&log->lines, '\n');
    report(log, false);
}

/* At once and one by one: the queue of a syslog is short (a unix socket holds
 * net.unix.max_dgram_qlen datagrams), and a second's lines would not fit. */
static void tell_syslog(struct accesslog *log, size_t start)
{
    struct slice line = {log->lines.data + start, log->lines.len - start - 1};

    syslogger_line(SYSLOGGER_ACCESS, LOG_INFO, line);
    if (log->fd < 0)
        log->lines.len = start;
}

void accesslog_write(struct accesslog *log, const struct access *a)
{
    if (!log)
        return;
    size_t start = log->lines.len;
    accessline_add(log->line, a, &log->lines);
    if (log->syslog)
        tell_syslog(log, start);
    if (log->lines.len >= WRITE_AT)
        accesslog_flush(log);
}

void accesslog_reopen(struct accesslog *log)
{
    if (!log || !log->path)
        return;
    accesslog_flush(log);
    if (!log_attach(log))
        log_error("%s: cannot be opened again: %s", log->path, strerror(errno));
}

void accesslog_close(struct accesslog *log)
{
    if (!log)
        return;
    accesslog_flush(log);
    lose(log, buf_view(&log->lines), EAGAIN);
    report(log, true);
    if (log->fd >= 0)
        close(log->fd);
    buf_free(&log->lines);
    accessline_free(log->line);
    free(log->path);
    free(log);
}

/* False with errno. Null is no file: there is syslog alone. */
static bool open_file(struct accesslog *log, const char *path)
{
    if (!path)
        return true;
    bool file = strcmp(path, "-") != 0;
    log->path = file ? strdup(path) : NULL;
    return (!file || log->path) && log_attach(log);
}

struct accesslog *accesslog_open(const char *path, const char *format,
                                 bool json, bool *ok)
{
    bool syslog = syslogger_wants_access();

    *ok = true;
    if (!path && !syslog)
        return NULL;
    struct accesslog *log = calloc(1, sizeof *log);
    if (!log)
        abort();
    log->fd = -1;
    log->syslog = syslog;
    log->line = accessline_new(format, json);
    if (!open_file(log, path)) {
        int reason = errno;
        accesslog_close(log);
        errno = reason;
        *ok = false;
        return NULL;
    }
    return log;
}
