/*
 * filecache_private: what filecache.c (names and which to remember) and
 * filecache_content.c (their bytes in memory) share.
 */
#ifndef PRONG_FILECACHE_PRIVATE_H
#define PRONG_FILECACHE_PRIVATE_H

#include <stddef.h>
#include <sys/stat.h>

#include "worker/http/filecache.h"

struct entry {
    uint32_t hash;
    char *name; /* null: the entry is free */
    size_t name_len;
    uint64_t checked_ms; /* loop time of the last look at the file; never more
                            than FILECACHE_BELIEF before its last use */
    uint64_t used;       /* tick of the last hit */
    struct stat identity;
    bool racy;
    char etag[64];
    char modified[CONDITIONS_DATE];
    struct file file;
    bool packed;       /* the gzip form was made, or cannot be */
    struct slice gzip; /* null ptr: there is none */
};

struct filecache {
    int folder;
    uint64_t tick;
    uint64_t now_ms;     /* of the last filecache_find, */
    struct entry *found; /* and what it found */
    size_t bytes;        /* content held by all entries, in both forms */
    char name[FILECACHE_NAME + 1];
    struct entry entries[FILECACHE_ENTRIES];
};

/* Is it the same file, and unchanged? */
bool filecache_same(const struct stat *a, const struct stat *b);

/* Has the budget room for `size` more bytes, perhaps without what nobody has
 * asked for within FILECACHE_WARM? */
bool filecache_room(struct filecache *c, size_t size);

/*
 * Takes a small file into memory, and closes its descriptor. One that shrinks
 * meanwhile is as long as what was read; false, and nothing has changed, on a
 * read error.
 */
bool filecache_read(struct file *f);

#endif
