/*
 * perflog: a file of lines that is rotated by size and count: FILE becomes
 * FILE.1, that FILE.2, and so on. Used by the keeper for performance.jsonl.
 *
 * A line is one write(2) to a descriptor opened with O_APPEND. What goes
 * wrong (a full disk, a folder that is missing) is logged once, and once more
 * when it is over; the lines between are lost. It never ends the process.
 */
#ifndef PRONG_PERFLOG_H
#define PRONG_PERFLOG_H

#include <stdint.h>

#include "common/text.h"

struct perflog;

/*
 * It is renamed before a line would make it larger than `size` bytes, and
 * `count` renamed ones are kept: with 0 it begins anew. The path must live as
 * long as it; null gives null, which all others take for "none".
 */
struct perflog *perflog_open(const char *path, int64_t size, int64_t count);
void perflog_close(struct perflog *p);

/* Appends a line; `line` ends with its newline. A file that was moved away or
 * removed by others is made anew first. */
void perflog_write(struct perflog *p, struct slice line);
/* Opens the same path again: after a rotation by others (USR1). */
void perflog_reopen(struct perflog *p);

#endif
