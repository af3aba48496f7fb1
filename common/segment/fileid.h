/*
 * fileid: which file a name means, so that another one of the same name is
 * told from it. The time of its birth is part of it (statx(2), stx_btime):
 * the number of a file that was deleted is soon given to a new one.
 */
#ifndef PRONG_FILEID_H
#define PRONG_FILEID_H

#include <stdbool.h>
#include <stdint.h>

struct file_id {
    uint64_t device;
    uint64_t inode;  /* 0: none */
    int64_t born_ns; /* Unix time; 0 where the file system does not know it */
};

/* The file that `path` and `suffix` name, through symbolic links; none when
 * there is none, or it cannot be told. */
void fileid_at(const char *path, const char *suffix, struct file_id *out);
/* The file that is open there. */
void fileid_of(int fd, struct file_id *out);
/* Two that are none are the same. */
bool fileid_same(const struct file_id *a, const struct file_id *b);

#endif
