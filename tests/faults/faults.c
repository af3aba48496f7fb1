/*
 * faults: a disk that fails when a test says so. Preloaded into the server, it
 * stands between SQLite and the kernel: it takes the calls by which a database
 * ("*.db") and its log ("*-wal") are written and synced.
 *
 * PRONG_FAULTS names a file that tests rewrite while the server runs, looked
 * at before each call. One order a line, WHICH being db or wal:
 *
 *     sync-error WHICH          a sync fails (EIO)
 *     sync-delay WHICH MICROS   a sync takes longer: what is written then is
 *                               not in it
 *     write-error WHICH ERRNO   a write fails: ENOSPC, or else EIO
 *     torn WHICH                a write gets half done, then its process dies
 *
 * PRONG_DURABLE names a folder: what a power cut leaves. Each sync puts there
 * what the file held when the sync began, and nothing else does. So after
 * kill -9 of all processes the folder is what the disk is bound to hold, and
 * the file beside the server what it may hold. The sync itself is left out.
 * Not modelled: that a name, its removal or a journal's may get lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, SECTOR = 512 };

enum kind { OTHER, DATABASE, WAL };

struct file {
    int fd;
    enum kind kind;
    char path[PATH_BYTES];
};

/* What is to happen to a file. */
struct order {
    bool sync_error;
    useconds_t sync_delay;
    int write_error; /* 0: none */
    bool torn;
};

/* ---- which file, and what is ordered ----*/

static bool ends_with(const char *s, const char *end)
{
    size_t len = strlen(s);
    size_t tail = strlen(end);

    return len >= tail && strcmp(s + len - tail, end) == 0;
}

static struct file file_of(int fd)
{
    struct file f = {.fd = fd};
    char link[32];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, f.path, sizeof f.path - 1);
    f.path[n > 0 ? n : 0] = '\0';
    if (ends_with(f.path, "-wal"))
        f.kind = WAL;
    else if (ends_with(f.path, ".db"))
        f.kind = DATABASE;
    return f;
}

static void obey(struct order *o, const char *action, const char *argument)
{
    if (strcmp(action, "sync-error") == 0)
        o->sync_error = true;
    else if (strcmp(action, "sync-delay") == 0)
        o->sync_delay = (useconds_t)strtoul(argument, NULL, 10);
    else if (strcmp(action, "write-error") == 0)
        o->write_error = strcmp(argument, "ENOSPC") == 0 ? ENOSPC : EIO;
    else if (strcmp(action, "torn") == 0)
        o->torn = true;
}

static struct order order_for(const struct file *f)
{
    const char *path = getenv("PRONG_FAULTS");
    struct order o = {.sync_error = false};
    char line[128];

    FILE *orders = path && f->kind != OTHER ? fopen(path, "re") : NULL;
    if (orders == NULL)
        return o;
    while (fgets(line, sizeof line, orders)) {
        char action[32] = "";
        char which[8] = "";
        char argument[32] = "";
        sscanf(line, "%31s %7s %31s", action, which, argument);
        if (strcmp(which, f->kind == WAL ? "wal" : "db") == 0)
            obey(&o, action, argument);
    }
    fclose(orders);
    return o;
}

/* ---- what a power cut leaves ----*/

static void die(const char *what)
{
    perror(what);
    abort();
}

static void copy(int from, int to)
{
    static char bytes[65536];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(from, bytes, sizeof bytes, at)) > 0) {
        if (syscall(SYS_pwrite64, to, bytes, n, at) != n)
            die("faults: copy");
        at += n;
    }
    if (n < 0)
        die("faults: read");
}

static int open_in(const char *folder, const char *name, const char *more)
{
    char path[2 * PATH_BYTES];

    snprintf(path, sizeof path, "%s/%s%s", folder, name, more);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        die(path);
    return fd;
}

static void publish(const char *folder, const char *name)
{
    char from[2 * PATH_BYTES];
    char to[2 * PATH_BYTES];

    snprintf(from, sizeof from, "%s/%s.new", folder, name);
    snprintf(to, sizeof to, "%s/%s", folder, name);
    if (rename(from, to) != 0)
        die("faults: rename");
}

/*
 * From reading to rename under one lock: what is there never goes back. The
 * database is read through the descriptor at hand, because closing another
 * one would drop SQLite's locks (sqlite.org/howtocorrupt.html, 2.2); of the
 * log, which has none, that one may be open for writing only.
 */
static void make_durable(const struct file *f, const char *folder,
                         useconds_t delay)
{
    const char *name = strrchr(f->path, '/') + 1;
    int lock = open_in(folder, "lock", "");

    if (flock(lock, LOCK_EX) != 0)
        die("faults: lock");
    int to = open_in(folder, name, ".new");
    int from = f->kind == WAL ? open(f->path, O_RDONLY | O_CLOEXEC) : f->fd;
    if (syscall(SYS_ftruncate, to, 0) != 0)
        die("faults: truncate");
    copy(from, to);
    if (f->kind == WAL)
        close(from);
    close(to);
    usleep(delay);
    publish(folder, name);
    close(lock);
}

/* ---- syncs ----*/

static int sync_file(int fd, long call)
{
    const char *folder = getenv("PRONG_DURABLE");
    struct file f = file_of(fd);
    struct order o = order_for(&f);

    if (o.sync_error) {
        errno = EIO;
        return -1;
    }
    if (folder && f.kind != OTHER) {
        make_durable(&f, folder, o.sync_delay);
        return 0;
    }
    usleep(o.sync_delay);
    return (int)syscall(call, fd);
}

int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

/* ---- writes ----*/

static bool refused(const struct order *o)
{
    errno = o->write_error;
    return o->write_error != 0;
}

/* Whole sectors are written or not; here the first half of them is. */
static void tear(int fd, const void *bytes, size_t len, off_t at)
{
    size_t half = len / 2 - len / 2 % SECTOR;

    syscall(SYS_pwrite64, fd, bytes, half, at);
    kill(getpid(), SIGKILL);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    struct file f = file_of(fd);
    struct order o = order_for(&f);

    if (refused(&o))
        return -1;
    if (o.torn)
        tear(fd, bytes, len, at);
    return syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite64(fd, bytes, len, at);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    struct file f = file_of(fd);
    struct order o = order_for(&f);

    if (refused(&o))
        return -1;
    if (o.torn)
        tear(fd, bytes, len, lseek(fd, 0, SEEK_CUR));
    return syscall(SYS_write, fd, bytes, len);
}

int ftruncate64(int fd, off64_t len)
{
    struct file f = file_of(fd);
    struct order o = order_for(&f);

    return refused(&o) ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate(int fd, off_t len)
{
    return ftruncate64(fd, len);
}
