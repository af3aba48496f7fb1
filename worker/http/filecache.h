/*
 * filecache: names beneath one folder, and what the process remembers of
 * them. Each worker has its own; a hit costs no system call.
 *
 * Names are resolved by openat2(2) with RESOLVE_BENEATH against a descriptor
 * that was opened once: neither "..", nor a link, nor a folder renamed at the
 * wrong moment leads out. Links that stay inside are followed if they are
 * relative (the kernel takes an absolute one for leaving).
 *
 * A file's gzip form is made once, when first asked for, and kept beside its
 * bytes, as long as these are believed to be the file's.
 */
#ifndef PRONG_FILECACHE_H
#define PRONG_FILECACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "worker/http/conditions.h"
#include "worker/http/encoding.h"

enum {
    FILECACHE_ENTRIES = 64,            /* names remembered */
    FILECACHE_BYTES = 4 * 1024 * 1024, /* kept in memory: both forms of all */
    FILECACHE_SMALL = 64 * 1024,       /* larger ones keep their descriptor */
    FILECACHE_GZIP = 1024 * 1024,      /* larger ones are not compressed */
    FILECACHE_BELIEF = 1000, /* ms until the file is looked at again */
    FILECACHE_WARM = 10000,  /* ms since its last use: not displaced by gzip */
    FILECACHE_NAME = 1024,   /* longest name looked for */
};

enum filecache_result {
    FILECACHE_FILE,    /* a regular file */
    FILECACHE_FOLDER,  /* a folder */
    FILECACHE_NONE,    /* no such thing, or not ours to serve */
    FILECACHE_TROUBLE, /* perhaps there, but now it cannot be opened (errno) */
};

/* A file as it was when last looked at. */
struct file {
    int64_t size;
    struct validators validators; /* its tag: time in ns, size and inode */
    const char *bytes;            /* the content; null when fd has it */
    int fd; /* borrowed, position never moved; -1 with bytes */
};

struct filecache;

/* Null with errno; ENOSYS when the kernel lacks openat2 (Linux 5.6). */
struct filecache *filecache_open(const char *folder);
/* Null is allowed. */
void filecache_close(struct filecache *c);

/*
 * Looks `name` up, relative to the folder ("" is the folder). *out is set
 * for FILECACHE_FILE and is valid until the next call. Names with a part that
 * starts with a dot (".well-known" aside) are NONE. `now_ms` is loop time.
 */
enum filecache_result filecache_find(struct filecache *c, struct slice name,
                                     uint64_t now_ms, const struct file **out);

/*
 * The gzip form of the file that was found last, valid as long as that. Null
 * ptr: it has none, so send it as it is. It is too large, or does not shrink,
 * or changes at this moment, or there is no room: what was asked for within
 * FILECACHE_WARM stays, so that a folder too large for the memory does not
 * cost a compression (20 ms for a megabyte) at every request.
 */
struct slice filecache_gzip(struct filecache *c, struct encoder *encoder);

#endif
