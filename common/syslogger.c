#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common/remote.h"

#include "common/syslogger.h"

enum {
    LINE_MAX_BYTES = 8192,
    HEAD_MAX = 160,
    PENDING_MAX = 64 * 1024, /* of a stream whose other side is slow */
    RETRY_S = 1,             /* between two tries to open it */
    REPORT_EVERY_S = 60,
    /* A connection made at a start may take this long: so the first lines
     * are there when the first line is asked for. */
    CONNECT_MS = 20,
};

/* What went wrong since it was last told. */
struct loss {
    uint64_t lines;
    int reason;
    bool told; /* that it fails */
    time_t when;
};

/* Whoever has a line, in whichever thread; held for system calls that do not
 * wait. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    _Atomic bool on;
    bool access;
    unsigned facility;
    char tag[HEAD_MAX - 32]; /* "prong.PREFIX" */
    char place[128];         /* for what is said about it */
    struct remote to;
    int fd;
    time_t tried; /* to open it */
    char pending[PENDING_MAX];
    size_t pending_len;
    struct loss loss;
} the_syslog = {.fd = -1};

/* RFC 3164, 4.1.1. */
static const struct {
    const char *name;
    unsigned number;
} facilities[] = {
    {"user", 1},    {"daemon", 3},  {"local0", 16}, {"local1", 17},
    {"local2", 18}, {"local3", 19}, {"local4", 20}, {"local5", 21},
    {"local6", 22}, {"local7", 23},
};

static const unsigned severities[] = {
    [LOG_DEBUG] = 7, [LOG_INFO] = 6,     [LOG_WARNING] = 4,
    [LOG_ERROR] = 3, [LOG_CRITICAL] = 2,
};

static time_t now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec;
}

/* ---- the socket ----------------------------------------------------------*/

static void disconnect(void)
{
    if (the_syslog.fd >= 0)
        close(the_syslog.fd);
    the_syslog.fd = -1;
    the_syslog.pending_len = 0; /* it may end inside a message */
}

static bool connect_anew(void)
{
    disconnect();
    the_syslog.tried = now_s();
    the_syslog.fd = remote_open(&the_syslog.to);
    return the_syslog.fd >= 0;
}

/* Calmly: in between it fails as it did. */
static bool is_connected(void)
{
    if (the_syslog.fd >= 0)
        return true;
    if (now_s() - the_syslog.tried >= RETRY_S)
        return connect_anew();
    errno = the_syslog.loss.reason;
    return false;
}

/* ---- messages ------------------------------------------------------------*/

/* To a path with its address, see remote_open. */
static ssize_t send_message(struct iovec *parts, size_t count)
{
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = count};

    if (the_syslog.to.sa.ss_family == AF_UNIX) {
        m.msg_name = &the_syslog.to.sa;
        m.msg_namelen = the_syslog.to.len;
    }
    return sendmsg(the_syslog.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* UDP says with a message that the one before found nobody: that one is lost,
 * this one goes again. */
static bool put_datagram(struct iovec *parts, size_t count)
{
    if (send_message(parts, count) >= 0)
        return true;
    if (errno == ECONNREFUSED && the_syslog.to.way == REMOTE_UDP) {
        send_message(parts, count);
        errno = ECONNREFUSED;
    }
    return false;
}

/* The other side closed it: a first send would still succeed, into nothing. */
static bool was_closed(void)
{
    char ignored[64];

    return recv(the_syslog.fd, ignored, sizeof ignored, MSG_DONTWAIT) == 0;
}

/* False with errno: the connection broke. What it does not take now waits. */
static bool flush_pending(void)
{
    size_t done = 0;
    ssize_t n = 0;

    while (done < the_syslog.pending_len && n >= 0) {
        n = send(the_syslog.fd, the_syslog.pending + done,
                 the_syslog.pending_len - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        done += n > 0 ? (size_t)n : 0;
    }
    the_syslog.pending_len -= done;
    memmove(the_syslog.pending, the_syslog.pending + done,
            the_syslog.pending_len);
    return n >= 0 || errno == EAGAIN;
}

static void keep(const struct iovec *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(the_syslog.pending + the_syslog.pending_len, parts[i].iov_base,
               parts[i].iov_len);
        the_syslog.pending_len += parts[i].iov_len;
    }
}

static bool put_stream(const struct iovec *parts, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += parts[i].iov_len;
    if (was_closed() && !connect_anew())
        return false;
    if (the_syslog.pending_len + len > PENDING_MAX) {
        errno = EAGAIN;
        return false;
    }
    keep(parts, count);
    if (flush_pending())
        return true;
    int reason = errno;
    disconnect();
    errno = reason;
    return false;
}

/* The third part ends a message in a stream. */
static bool put(struct iovec parts[3])
{
    if (!is_connected())
        return false;
    if (!remote_is_stream(&the_syslog.to)) {
        if (put_datagram(parts, 2))
            return true;
        if (errno != EPROTOTYPE || the_syslog.to.way != REMOTE_UNIX)
            return false;
        the_syslog.to.way = REMOTE_UNIX_STREAM; /* it has one */
        if (!connect_anew())
            return false;
    }
    return put_stream(parts, 3);
}

/* ---- losses --------------------------------------------------------------*/

/* Appends what is to be said; nothing most of the time. */
static void judge(bool sent, struct fault *said)
{
    struct loss *loss = &the_syslog.loss;
    int reason = errno;
    bool quiet = loss->when != 0 && now_s() - loss->when < REPORT_EVERY_S;

    loss->lines += !sent;
    if (!sent)
        loss->reason = reason;
    if (loss->lines == 0 || (sent ? !loss->told && quiet : loss->told || quiet))
        return;
    if (sent)
        fault_set(said, "syslog: %s: %" PRIu64 " lines were lost: %s",
                  the_syslog.place, loss->lines, strerror(loss->reason));
    else
        fault_set(said, "syslog: %s: %s; lines are lost until it is back",
                  the_syslog.place, strerror(reason));
    loss->told = !sent;
    loss->when = now_s();
    if (sent)
        loss->lines = 0;
}

/* ---- a line --------------------------------------------------------------*/

static size_t head_of(char head[HEAD_MAX], enum syslogger_from from,
                      enum log_level level)
{
    int len =
        snprintf(head, HEAD_MAX, "<%u>%s.%s[%d]: ",
                 the_syslog.facility << 3 | severities[level], the_syslog.tag,
                 from == SYSLOGGER_ACCESS ? "access" : "error", (int)getpid());

    return (size_t)len;
}

static void send_line(enum syslogger_from from, enum log_level level,
                      struct slice line, struct fault *said)
{
    static char line_end[] = {'\0', '\n'};
    char head[HEAD_MAX];
    char text[LINE_MAX_BYTES];
    size_t len = line.len < sizeof text ? line.len : sizeof text;

    memcpy(text, line.ptr, len);
    pthread_mutex_lock(&lock);
    struct iovec parts[] = {
        {head, head_of(head, from, level)},
        {text, len},
        {&line_end[the_syslog.to.way == REMOTE_TCP], 1},
    };
    judge(put(parts), said);
    pthread_mutex_unlock(&lock);
}

void syslogger_line(enum syslogger_from from, enum log_level level,
                    struct slice line)
{
    struct fault said = {""};
    int saved = errno;

    if (!atomic_load_explicit(&the_syslog.on, memory_order_acquire))
        return;
    send_line(from, level, line, &said);
    if (said.text[0]) /* also in the error log; it is said once, so this ends */
        log_warning("%s", said.text);
    errno = saved;
}

/* ---- opening -------------------------------------------------------------*/

static unsigned facility_number(const char *name)
{
    for (size_t i = 0; i < sizeof facilities / sizeof *facilities; i++)
        if (strcmp(facilities[i].name, name) == 0)
            return facilities[i].number;
    return facilities[0].number;
}

static void name_it(const struct settings *s)
{
    bool named = s->syslog_prefix != NULL;

    snprintf(the_syslog.tag, sizeof the_syslog.tag, "prong%s%s",
             named ? "." : "", named ? s->syslog_prefix : "");
    snprintf(the_syslog.place, sizeof the_syslog.place, "%s", s->syslog_addr);
    the_syslog.facility = facility_number(s->syslog_facility);
    the_syslog.access = !s->disable_redirect_access_to_syslog;
}

static void await_connection(void)
{
    struct pollfd p = {.fd = the_syslog.fd, .events = POLLOUT};

    if (p.fd >= 0 && the_syslog.to.way == REMOTE_TCP)
        poll(&p, 1, CONNECT_MS);
}

void syslogger_close(void)
{
    atomic_store_explicit(&the_syslog.on, false, memory_order_release);
    disconnect();
    the_syslog.access = false;
}

bool syslogger_open(const struct settings *s, struct fault *fault)
{
    syslogger_close();
    the_syslog.loss = (struct loss){.lines = 0};
    if (!s->syslog)
        return true;
    if (!remote_find(s->syslog_addr, SYSLOG_PORT, &the_syslog.to, fault))
        return false;
    name_it(s);
    connect_anew(); /* what failed is told with the first line */
    await_connection();
    atomic_store_explicit(&the_syslog.on, true, memory_order_release);
    return true;
}

bool syslogger_wants_access(void)
{
    return atomic_load(&the_syslog.on) && the_syslog.access;
}

int syslogger_descriptor(void)
{
    return the_syslog.fd;
}
