#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#include "worker/http/filecache_private.h"

/* A file that changed this recently may change again within the same tick of
 * the file system's clock (4 ms at worst), unseen by its times. */
enum { RACY_S = 2 };

/* FNV-1a: names are short, and at most 64 entries are compared. */
static uint32_t name_hash(struct slice name)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)name.ptr[i]) * 16777619u;
    return h;
}

static bool name_allowed(struct slice name)
{
    if (name.len > FILECACHE_NAME || memchr(name.ptr, '\0', name.len))
        return false;
    while (name.ptr) {
        struct slice part = slice_cut(&name, '/');
        if (part.len && part.ptr[0] == '.' && !slice_is(part, ".well-known"))
            return false;
    }
    return true;
}

/* The kernel says EAGAIN when something was renamed while it resolved. */
static int open_beneath(int folder, const char *name)
{
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd = -1;
    for (int tries = 0; tries < 8; tries++) {
        fd = syscall(SYS_openat2, folder, name, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return (int)fd;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* The change time also tells of a write whose modification time was put
 * back afterwards. */
bool filecache_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim) &&
           same_time(a->st_ctim, b->st_ctim);
}

static void entry_forget(struct filecache *c, struct entry *e)
{
    if (!e->name)
        return;
    if (e->file.bytes)
        c->bytes -= (size_t)e->file.size;
    else
        close(e->file.fd);
    c->bytes -= e->gzip.len;
    free((void *)(uintptr_t)e->file.bytes);
    free((void *)(uintptr_t)e->gzip.ptr);
    free(e->name);
    *e = (struct entry){.name = NULL};
}

static struct entry *entry_find(struct filecache *c, struct slice name)
{
    uint32_t hash = name_hash(name);
    for (size_t i = 0; i < FILECACHE_ENTRIES; i++) {
        struct entry *e = &c->entries[i];
        if (e->name && e->hash == hash && e->name_len == name.len &&
            memcmp(e->name, name.ptr, name.len) == 0)
            return e;
    }
    return NULL;
}

static struct entry *entry_oldest(struct filecache *c)
{
    struct entry *oldest = NULL;
    for (size_t i = 0; i < FILECACHE_ENTRIES; i++) {
        struct entry *e = &c->entries[i];
        if (e->name && (!oldest || e->used < oldest->used))
            oldest = e;
    }
    return oldest;
}

/* A free entry, and `size` bytes of the budget free beside it. */
static struct entry *entry_make_room(struct filecache *c, size_t size)
{
    struct entry *spare = NULL;
    for (size_t i = 0; i < FILECACHE_ENTRIES; i++)
        if (!c->entries[i].name)
            spare = &c->entries[i];
    if (!spare) {
        spare = entry_oldest(c);
        entry_forget(c, spare);
    }
    while (c->bytes + size > FILECACHE_BYTES)
        entry_forget(c, entry_oldest(c));
    return spare;
}

/* The one used longest ago is looked at: if that is warm, all are. The file
 * that was found last is the warmest, and so it stays. */
bool filecache_room(struct filecache *c, size_t size)
{
    while (c->bytes + size > FILECACHE_BYTES) {
        struct entry *oldest = entry_oldest(c);
        if (c->now_ms - oldest->checked_ms < FILECACHE_WARM)
            return false;
        entry_forget(c, oldest);
    }
    return true;
}

static void entry_name(struct entry *e, struct slice name, char *copy)
{
    e->name = copy;
    e->name_len = name.len;
    e->hash = name_hash(name);
}

static void entry_fill(struct entry *e, const struct stat *st, int fd)
{
    e->identity = *st;
    e->racy = time(NULL) - st->st_mtim.tv_sec < RACY_S;
    e->file = (struct file){
        .size = st->st_size,
        .validators = {e->etag, e->modified, st->st_mtim.tv_sec},
        .fd = fd,
    };
    snprintf(e->etag, sizeof e->etag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
             (uint64_t)st->st_mtim.tv_sec * 1000000000u +
                 (uint64_t)st->st_mtim.tv_nsec,
             (uint64_t)st->st_size, (uint64_t)st->st_ino);
    conditions_date(st->st_mtim.tv_sec, e->modified);
}

static enum filecache_result remember(struct filecache *c, struct slice name,
                                      const struct stat *st, int fd)
{
    bool small = st->st_size <= FILECACHE_SMALL;
    struct entry *e = entry_make_room(c, small ? (size_t)st->st_size : 0);
    char *copy = strndup(name.ptr, name.len);
    entry_fill(e, st, fd);
    if (!copy || (small && !filecache_read(&e->file))) {
        close(fd);
        free(copy);
        *e = (struct entry){.name = NULL};
        return FILECACHE_TROUBLE;
    }
    c->bytes += small ? (size_t)e->file.size : 0;
    entry_name(e, name, copy);
    return FILECACHE_FILE;
}

static enum filecache_result why_not_opened(void)
{
    bool trouble = errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
                   errno == EIO || errno == EAGAIN;
    return trouble ? FILECACHE_TROUBLE : FILECACHE_NONE;
}

static enum filecache_result load(struct filecache *c, struct slice name)
{
    struct stat st;
    int fd = open_beneath(c->folder, name.len ? c->name : ".");
    if (fd < 0)
        return why_not_opened();
    enum filecache_result kind = FILECACHE_NONE;
    if (fstat(fd, &st) == 0)
        kind = S_ISREG(st.st_mode)   ? FILECACHE_FILE
               : S_ISDIR(st.st_mode) ? FILECACHE_FOLDER
                                     : FILECACHE_NONE;
    if (kind == FILECACHE_FILE)
        return remember(c, name, &st, fd);
    close(fd);
    return kind;
}

/* Does the entry still say what the folder holds? */
static bool entry_holds(const struct filecache *c, const struct entry *e,
                        uint64_t now_ms)
{
    struct stat st;
    if (now_ms - e->checked_ms < FILECACHE_BELIEF)
        return true;
    return !e->racy && fstatat(c->folder, e->name, &st, 0) == 0 &&
           filecache_same(&st, &e->identity);
}

enum filecache_result filecache_find(struct filecache *c, struct slice name,
                                     uint64_t now_ms, const struct file **out)
{
    struct entry *e = entry_find(c, name);
    if (e && !entry_holds(c, e, now_ms)) {
        entry_forget(c, e);
        e = NULL;
    }
    if (!e) {
        if (!name_allowed(name))
            return FILECACHE_NONE;
        memcpy(c->name, name.ptr, name.len);
        c->name[name.len] = '\0';
        enum filecache_result kind = load(c, name);
        if (kind != FILECACHE_FILE)
            return kind;
        e = entry_find(c, name);
        e->checked_ms = now_ms;
    }
    if (now_ms - e->checked_ms >= FILECACHE_BELIEF)
        e->checked_ms = now_ms;
    e->used = ++c->tick;
    c->now_ms = now_ms;
    c->found = e;
    *out = &e->file;
    return FILECACHE_FILE;
}

struct filecache *filecache_open(const char *folder)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    int probe = open_beneath(fd, ".");
    struct filecache *c = probe < 0 ? NULL : calloc(1, sizeof *c);
    if (probe < 0 && errno == ENOSYS)
        log_error("%s: this kernel cannot confine file names (openat2, "
                  "Linux 5.6): no files are served",
                  folder);
    if (probe >= 0)
        close(probe);
    if (!c) {
        int reason = errno;
        close(fd);
        errno = reason;
        return NULL;
    }
    c->folder = fd;
    return c;
}

void filecache_close(struct filecache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < FILECACHE_ENTRIES; i++)
        entry_forget(c, &c->entries[i]);
    close(c->folder);
    free(c);
}
