/*
 * partfile: a file that is made under another name, "TARGET.part-PID", and put
 * into place whole: synced, renamed, its folder synced. One killed on the way
 * leaves a part that the next of the same target removes.
 */
#ifndef PRONG_PARTFILE_H
#define PRONG_PARTFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/text.h"

enum { PARTFILE_PATH = 4096 };

struct partfile {
    const char *target; /* the caller's */
    char path[PARTFILE_PATH];
};

/*
 * Makes it, empty, with the permissions and, where that is permitted, the
 * owner of `like`. False with the reason, and then there is none.
 */
bool partfile_open(struct partfile *p, const char *target,
                   const struct stat *like, struct fault *fault);
bool partfile_sync(const struct partfile *p, struct fault *fault);
/* Gives it, synced, the target's name; what had that is gone. False with the
 * reason. */
bool partfile_place(const struct partfile *p, struct fault *fault);
/* Removes it, and what SQLite may have put beside it. Harmless after
 * partfile_place. */
void partfile_drop(const struct partfile *p);

/*
 * Removes the parts that processes left that are no more: those of `name` in
 * that folder, or all when it is null. A process of another namespace cannot
 * be seen, so they must not share a folder.
 */
void partfile_sweep(const char *folder, const char *name);

/* Is there room for so many bytes in the target's folder? False with the
 * reason. */
bool partfile_room(const char *target, uint64_t bytes, struct fault *fault);
/* The folder that path lies in. */
void partfile_folder(const char *path, char folder[PARTFILE_PATH]);
/* Makes what was renamed, linked or removed in the path's folder last. */
bool partfile_sync_folder(const char *path, struct fault *fault);

#endif
