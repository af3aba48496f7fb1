#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/threads/slice.h"

/* Version 1 of the kernel's struct; not every C library has it. */
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime; /* ns */
    uint64_t deadline;
    uint64_t period;
};

enum { KEEP_POLICY = 0x08 }; /* SCHED_FLAG_KEEP_POLICY */

void slice_ask(enum slice slice)
{
    static const uint64_t ns[] = {
        [SLICE_SHORT] = 500000, [SLICE_LONG] = 10000000};
    const struct attributes a = {
        .size = sizeof a,
        .flags = KEEP_POLICY,
        .nice = getpriority(PRIO_PROCESS, 0), /* it is set, too */
        .runtime = ns[slice],
    };

    syscall(SYS_sched_setattr, 0, &a, 0U);
}
