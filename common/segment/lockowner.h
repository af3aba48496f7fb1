/*
 * lockowner: which process holds a lock on a file, as the kernel tells in
 * /proc/locks (proc(5)). No descriptor of the file is opened: closing one
 * would drop the locks that SQLite holds in this process
 * (sqlite.org/howtocorrupt.html, 2.2).
 */
#ifndef PRONG_LOCKOWNER_H
#define PRONG_LOCKOWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/segment/fileid.h"

struct lockowner {
    pid_t pid;
    char command[32]; /* its name; "" when that cannot be read */
};

/* Who holds a write lock on the byte `at` of the file at `path`; false when
 * nobody does, or it cannot be told (a process in another namespace). */
bool lockowner_find(const char *path, uint64_t at, struct lockowner *out);

/*
 * A process that holds a lock on `file` and, as `both` wants it, one on
 * `other` too or none there; false when there is none such, or it cannot be
 * told. SQLite holds one on a database in WAL mode, and one on its -shm, as
 * long as it has them open: so it can be told whether they are open together.
 */
bool lockowner_pair(const struct file_id *file, const struct file_id *other,
                    bool both, struct lockowner *out);

/* The byte of NAME-shm that SQLite's writer locks
 * (sqlite.org/walformat.html, 2.3.1: WAL_WRITE_LOCK). */
enum { LOCKOWNER_WAL_WRITE = 120 };

#endif
