#include <sys/mman.h>

#include "common/shm.h"

void *shm_map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void shm_unmap(void *memory, size_t size)
{
    if (memory)
        munmap(memory, size);
}
