#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/segment/shm.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static void *map_shared(size_t size, int flags, int fd)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void *shm_map(size_t size)
{
    return map_shared(size, MAP_ANONYMOUS, -1);
}

void shm_unmap(void *memory, size_t size)
{
    if (memory)
        munmap(memory, size);
}

static bool size_for_ever(int fd, size_t size)
{
    if (size > INT64_MAX) {
        errno = EFBIG;
        return false;
    }
    return ftruncate(fd, (off_t)size) == 0 &&
           fcntl(fd, F_ADD_SEALS, SEALS) == 0;
}

int shm_create(const char *name, size_t size)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || size_for_ever(fd, size))
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

bool shm_size(int fd, size_t *size)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;

    if (seals < 0 || fstat(fd, &st) < 0)
        return false;
    if ((seals & SEALS) != SEALS) {
        errno = EPERM;
        return false;
    }
    *size = (size_t)st.st_size;
    return true;
}

void *shm_attach(int fd, size_t size)
{
    return map_shared(size, 0, fd);
}
