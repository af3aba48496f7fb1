/*
 * journals: which -wal and -shm belong to which database file, in the segment,
 * so that every connection of the server knows it: also one that is opened
 * after another file took the database's name, when what lies beside that is
 * still the former one's. A file opened with another one's WAL is destroyed
 * (sqlite.org/howtocorrupt.html, 2.4).
 *
 * One record for each path, because a reload may name another one. A record is
 * read and written under a lock (flock(2)) on the database's folder: shared,
 * or exclusive. Whoever is killed while it writes leaves what stood there
 * before.
 */
#ifndef PRONG_JOURNALS_H
#define PRONG_JOURNALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/segment/fileid.h"
#include "common/text.h"

enum { JOURNALS_MAX = 64 }; /* paths in the life of a segment */

struct journals;
struct journal; /* a record */

/* A database and what SQLite keeps beside it. */
struct trio {
    struct file_id db;
    struct file_id wal; /* none: nothing is known of any */
    struct file_id shm;
};

/* Bytes of the region, which is valid when zeroed. */
size_t journals_size(void);

/* The record of a path without symbolic links, a new one if it has none. Null
 * when there are JOURNALS_MAX others. Without a lock; lock-free. */
struct journal *journals_find(struct journals *j, struct slice path);

/* Under the lock. False: nothing was ever written there. */
bool journal_read(const struct journal *r, struct trio *out);
/* Under the exclusive lock. */
void journal_write(struct journal *r, const struct trio *trio);

/*
 * A number that moves when somebody finds that a database is another file,
 * gone, not to be written, or there again: then the others look at once. One
 * relaxed load.
 */
uint32_t journals_news(const struct journals *j);
/* Moves it, unless somebody has done so since it was `seen`. What the caller
 * has seen now: the new one, or `seen` when another's news came between. */
uint32_t journals_tell(struct journals *j, uint32_t seen);

#endif
