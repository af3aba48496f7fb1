#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/segment/fileid.h"

enum { SUFFIX_BYTES = 64 };

static void identify(int fd, const char *name, int flags, struct file_id *out)
{
    struct statx st;

    *out = (struct file_id){.inode = 0};
    if (statx(fd, name, flags, STATX_INO | STATX_BTIME, &st) != 0)
        return;
    out->device = makedev(st.stx_dev_major, st.stx_dev_minor);
    out->inode = st.stx_ino;
    if (st.stx_mask & STATX_BTIME)
        out->born_ns = st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
}

void fileid_at(const char *path, const char *suffix, struct file_id *out)
{
    char name[PATH_MAX + SUFFIX_BYTES];

    snprintf(name, sizeof name, "%s%s", path, suffix);
    identify(AT_FDCWD, name, 0, out);
}

void fileid_of(int fd, struct file_id *out)
{
    identify(fd, "", AT_EMPTY_PATH, out);
}

bool fileid_same(const struct file_id *a, const struct file_id *b)
{
    return a->inode == b->inode && a->device == b->device &&
           a->born_ns == b->born_ns;
}
