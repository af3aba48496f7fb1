/*
 * pidfile: the file that tells an operator's tools whom to signal. It is
 * ours while our process id stands in it, and nobody else's is touched.
 */
#ifndef PRONG_PIDFILE_H
#define PRONG_PIDFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/text.h"

/*
 * False when the file names a process that lives and is not this one. A file
 * without a number, or of a process that is gone, is stale and in nobody's
 * way. Null stands for no file: true.
 */
bool pidfile_free(const char *path, struct fault *fault);

/*
 * Checks as above, then writes our id: a reader sees either the old file or
 * the whole new one. Of two masters that start at once on a stale file both
 * may succeed; the listening socket then settles it. Null: nothing to do.
 */
bool pidfile_write(const char *path, struct fault *fault);

/* Removes the file if it is still ours, and so with PATH.2. Null is allowed. */
void pidfile_remove(const char *path);

/* ---- of a master that follows another one (upgrade.h) ---- */

/* As pidfile_write, but PATH.2: in PATH stands the former one. */
bool pidfile_write_second(const char *path, struct fault *fault);
/* By the former one: removes PATH.2 if that process, now gone, stands in it. */
void pidfile_remove_second(const char *path, pid_t pid);
/* Renames PATH.2, if it is ours, to PATH. Null: nothing to do. */
bool pidfile_promote(const char *path, struct fault *fault);

#endif
