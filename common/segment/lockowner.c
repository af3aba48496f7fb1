#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/segment/lockowner.h"

/*
 * A line of /proc/locks (proc_locks(5)):
 *
 *     1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 120 120
 *     1: -> POSIX  ADVISORY  WRITE 3570 fd:00:2531452 120 120
 *
 * The second is of somebody who waits for the first: its kind reads "->".
 * Device in hexadecimal, inode in decimal, first and last byte or EOF. Locks
 * of open files (OFDLCK) are nobody's: their process reads -1.
 */
struct held {
    char kind[16];
    char access[16];
    int pid;
    unsigned major, minor;
    uint64_t inode;
    uint64_t first, last;
};

static bool held_parse(const char *line, struct held *h)
{
    char last[24];

    if (sscanf(line, "%*d: %15s %*s %15s %d %x:%x:%" SCNu64 " %" SCNu64 " %23s",
               h->kind, h->access, &h->pid, &h->major, &h->minor, &h->inode,
               &h->first, last) != 8)
        return false;
    h->last = UINT64_MAX;
    return strcmp(last, "EOF") == 0 || sscanf(last, "%" SCNu64, &h->last) == 1;
}

static bool is_of(const struct held *h, const struct stat *st)
{
    return h->inode == st->st_ino && h->major == major(st->st_dev) &&
           h->minor == minor(st->st_dev);
}

/* A lock with a process: kinds that are not POSIX (FLOCK, LEASE) have
 * nothing to do with SQLite's, and of those in another namespace the process
 * reads 0. */
static bool is_owned_write(const struct held *h, uint64_t at)
{
    return strcmp(h->kind, "POSIX") == 0 && strcmp(h->access, "WRITE") == 0 &&
           h->pid > 0 && h->first <= at && at <= h->last;
}

/* As /proc/PID/comm has it, without its newline. */
static void read_command(pid_t pid, char *out, size_t size)
{
    char path[32];

    out[0] = '\0';
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    if (fgets(out, (int)size, f))
        out[strcspn(out, "\n")] = '\0';
    fclose(f);
}

static bool find_pid(const struct stat *st, uint64_t at, pid_t *pid)
{
    FILE *f = fopen("/proc/locks", "re");
    bool found = false;
    char line[256];
    struct held h;

    if (f == NULL)
        return false;
    while (!found && fgets(line, sizeof line, f))
        found = held_parse(line, &h) && is_of(&h, st) && is_owned_write(&h, at);
    fclose(f);
    *pid = found ? h.pid : 0;
    return found;
}

/* ---- of one file and not of another --------------------------------------*/

enum {
    OWNERS_MAX = 1024, /* of one file; further ones are not looked at */
    PASSES = 4,        /* see find_owners */
};

struct owners {
    size_t count;
    pid_t at[OWNERS_MAX];
};

static bool is_in(const struct owners *o, pid_t pid)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->at[i] == pid)
            return true;
    return false;
}

/* A lock that is waited for is not held. */
static bool is_on(const struct held *h, const struct file_id *file)
{
    return strcmp(h->kind, "POSIX") == 0 && h->pid > 0 &&
           h->inode == file->inode && h->major == major(file->device) &&
           h->minor == minor(file->device);
}

static void add_owners(const struct file_id *file, struct owners *o)
{
    FILE *f = fopen("/proc/locks", "re");
    char line[256];
    struct held h;

    while (f && fgets(line, sizeof line, f))
        if (held_parse(line, &h) && is_on(&h, file) && !is_in(o, h.pid) &&
            o->count < OWNERS_MAX)
            o->at[o->count++] = h.pid;
    if (f)
        fclose(f);
}

/* The kernel gives a page of locks at a time, about sixty. What others of the
 * machine take and drop in between moves the rest, and a line that stood there
 * all the time may be missed; hardly each time. */
static void find_owners(const struct file_id *file, struct owners *o)
{
    o->count = 0;
    for (int i = 0; i < PASSES && file->inode != 0; i++)
        add_owners(file, o);
}

/* SQLite locks a database before its -shm and gives it up after that, so the
 * latter is looked at later: who opens it just now is seen to have both. */
bool lockowner_pair(const struct file_id *file, const struct file_id *other,
                    bool both, struct lockowner *out)
{
    struct owners these;
    struct owners others;

    find_owners(file, &these);
    if (these.count == 0)
        return false;
    find_owners(other, &others);
    for (size_t i = 0; i < these.count; i++) {
        if (is_in(&others, these.at[i]) != both)
            continue;
        out->pid = these.at[i];
        read_command(out->pid, out->command, sizeof out->command);
        return true;
    }
    return false;
}

/* ---- of one byte ---------------------------------------------------------*/

bool lockowner_find(const char *path, uint64_t at, struct lockowner *out)
{
    struct stat st;

    if (stat(path, &st) != 0 || !find_pid(&st, at, &out->pid))
        return false;
    read_command(out->pid, out->command, sizeof out->command);
    return true;
}
