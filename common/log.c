#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/syslogger.h"

enum {
    MESSAGE_MAX = 4096, /* longer messages are cut */
    /* In JSON a byte that is not UTF-8 becomes three. */
    LINE_MAX_BYTES = 3 * MESSAGE_MAX + 256,
};

static const char *const level_names[] = {
    [LOG_DEBUG] = "DEBUG",       [LOG_INFO] = "INFO",
    [LOG_WARNING] = "WARNING",   [LOG_ERROR] = "ERROR",
    [LOG_CRITICAL] = "CRITICAL",
};

/* A thread in a long statement may have something to say while another one
 * opens the file again. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The one log of this process. */
static struct {
    int fd;
    bool json;
    enum log_level level;
    char path[4096];          /* "" or "-": standard error */
    _Atomic uint64_t *counts; /* LOG_LEVELS of them; null: none */
    char *kept;               /* where the next error is kept; null: nowhere */
    size_t kept_size;
} the_log = {.fd = STDERR_FILENO, .level = LOG_INFO};

static int open_path(const char *path)
{
    if (strcmp(path, "-") == 0)
        return STDERR_FILENO;
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static void replace_descriptor(int fd)
{
    pthread_mutex_lock(&lock);
    if (the_log.fd != STDERR_FILENO && the_log.fd != fd)
        close(the_log.fd);
    the_log.fd = fd;
    pthread_mutex_unlock(&lock);
}

bool log_open(const char *path, enum log_level level, bool json)
{
    size_t len = strlen(path);

    if (len >= sizeof the_log.path) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = open_path(path);
    if (fd < 0)
        return false;
    replace_descriptor(fd);
    memcpy(the_log.path, path, len + 1);
    the_log.level = level;
    the_log.json = json;
    return true;
}

bool log_reopen(void)
{
    if (the_log.path[0] == '\0')
        return true;
    int fd = open_path(the_log.path);
    if (fd < 0)
        return false;
    replace_descriptor(fd);
    return true;
}

int log_descriptor(void)
{
    return the_log.fd;
}

bool log_level_named(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcasecmp(name, level_names[i]) != 0)
            continue;
        *out = (enum log_level)i;
        return true;
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return level >= the_log.level;
}

void log_count(_Atomic uint64_t counts[LOG_LEVELS])
{
    the_log.counts = counts;
}

/* Newlines and other control bytes would let a client forge lines. */
static void make_printable(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
}

static size_t text_line(char *line, size_t room, enum log_level level,
                        const char *message)
{
    char when[32];
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %z", &tm);
    int len = snprintf(line, room, "[%s] [%d] [%s] %s\n", when, (int)getpid(),
                       level_names[level], message);
    return (size_t)len < room ? (size_t)len : room - 1;
}

static size_t json_line(char *line, size_t room, enum log_level level,
                        const char *message)
{
    struct timespec now;
    struct tm tm;
    char when[32];
    struct buf b = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_format(&b, "{\"time\":\"%s.%03ldZ\",\"pid\":%d,\"level\":\"%s\",", when,
               now.tv_nsec / 1000000, (int)getpid(), level_names[level]);
    buf_string(&b, "\"message\":");
    buf_json(&b, slice_of(message));
    buf_string(&b, "}\n");
    size_t len = b.len < room ? b.len : room;
    memcpy(line, b.data, len);
    buf_free(&b);
    return len;
}

void log_keep(char *room, size_t size)
{
    the_log.kept = room;
    the_log.kept_size = size;
}

static void keep(const char *message)
{
    snprintf(the_log.kept, the_log.kept_size, "%s", message);
    the_log.kept = NULL;
}

void log_write(enum log_level level, const char *format, ...)
{
    char message[MESSAGE_MAX];
    char line[LINE_MAX_BYTES];
    va_list args;
    int saved = errno;

    if (!log_enabled(level))
        return;
    if (the_log.counts)
        atomic_fetch_add(&the_log.counts[level], 1);
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    make_printable(message);
    size_t len = the_log.json ? json_line(line, sizeof line, level, message)
                              : text_line(line, sizeof line, level, message);
    pthread_mutex_lock(&lock);
    if (level >= LOG_ERROR && the_log.kept)
        keep(message);
    /* A log that cannot be written must not stop the server. */
    ssize_t ignored = write(the_log.fd, line, len);
    (void)ignored;
    pthread_mutex_unlock(&lock);
    /* Not within the lock: what goes wrong there is logged too. */
    syslogger_line(SYSLOGGER_ERROR, level, slice_of(message));
    errno = saved;
}
