#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "worker/db/partfile.h"

static const char mark[] = ".part-";

/* ---- folders -------------------------------------------------------------*/

void partfile_folder(const char *path, char folder[PARTFILE_PATH])
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        snprintf(folder, PARTFILE_PATH, ".");
    else
        snprintf(folder, PARTFILE_PATH, "%.*s",
                 slash == path ? 1 : (int)(slash - path), path);
}

static const char *own_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* fsync of a file or folder. */
static bool sync_path(const char *path, int flags, struct fault *fault)
{
    int fd = open(path, flags | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        fault_set(fault, "%s cannot be synced: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

bool partfile_sync_folder(const char *path, struct fault *fault)
{
    char folder[PARTFILE_PATH];

    partfile_folder(path, folder);
    return sync_path(folder, O_RDONLY | O_DIRECTORY, fault);
}

bool partfile_room(const char *target, uint64_t bytes, struct fault *fault)
{
    char folder[PARTFILE_PATH];
    struct statvfs disk;

    partfile_folder(target, folder);
    if (statvfs(folder, &disk) != 0)
        return fault_set(fault, "folder %s: %s", folder, strerror(errno));
    uint64_t free = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (bytes <= free)
        return true;
    return fault_set(fault,
                     "not enough space left in %s: %.1f MB are needed, "
                     "%.1f MB are free",
                     folder, (double)bytes / 1e6, (double)free / 1e6);
}

/* ---- what the dead left --------------------------------------------------*/

/* The process that a part's name ends with, perhaps followed by SQLite's
 * "-wal"; 0 when it is no such name, or not one of `target`. */
static pid_t maker(const char *name, const char *target)
{
    const char *part = strstr(name, mark);
    char *end;

    if (part == NULL || !isdigit((unsigned char)part[sizeof mark - 1]))
        return 0;
    if (target && (strncmp(name, target, (size_t)(part - name)) != 0 ||
                   target[part - name] != '\0'))
        return 0;
    long pid = strtol(part + sizeof mark - 1, &end, 10);
    if (*end != '\0' && *end != '-')
        return 0;
    return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

static bool is_dead(pid_t pid)
{
    return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

void partfile_sweep(const char *folder, const char *name)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL)
        if (is_dead(maker(entry->d_name, name)))
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

/* ---- one of our own ------------------------------------------------------*/

/* An owner that cannot be given stays ours; then nobody else gains access,
 * since the mode is no wider than that of `like`. */
static bool dress(int fd, const struct stat *like)
{
    bool owned = fchown(fd, like->st_uid, like->st_gid) == 0;

    return fchmod(fd, like->st_mode & (owned ? 0777 : 0700)) == 0;
}

bool partfile_open(struct partfile *p, const char *target,
                   const struct stat *like, struct fault *fault)
{
    char folder[PARTFILE_PATH];

    p->target = target;
    int len = snprintf(p->path, sizeof p->path, "%s%s%d", target, mark,
                       (int)getpid());
    if (len >= (int)sizeof p->path - 16) /* for "-journal" */
        return fault_set(fault, "%.60s…: the name is too long", target);
    partfile_folder(target, folder);
    partfile_sweep(folder, own_name(target));
    partfile_drop(p); /* of a process that had our number */
    int fd = open(p->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(fault, "%s cannot be made: %s", p->path,
                         strerror(errno));
    bool ok = dress(fd, like);
    if (!ok)
        fault_set(fault, "%s: %s", p->path, strerror(errno));
    close(fd);
    if (!ok)
        partfile_drop(p);
    return ok;
}

bool partfile_sync(const struct partfile *p, struct fault *fault)
{
    return sync_path(p->path, O_RDONLY, fault);
}

bool partfile_place(const struct partfile *p, struct fault *fault)
{
    if (rename(p->path, p->target) != 0)
        return fault_set(fault, "%s cannot be put into place: %s", p->target,
                         strerror(errno));
    return partfile_sync_folder(p->target, fault);
}

void partfile_drop(const struct partfile *p)
{
    static const char *const suffixes[] = {"", "-journal", "-wal"};
    char name[PARTFILE_PATH + 16];

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(name, sizeof name, "%s%s", p->path, suffixes[i]);
        unlink(name);
    }
}
