#include <time.h>
#include <unistd.h>

#include "common/vitals.h"

#include "master/self.h"

void self_enter(struct slot *slot)
{
    atomic_store(&slot->pid, getpid());
    atomic_store(&slot->born_ms, (int64_t)time(NULL) * 1000);
    self_look(slot);
}

void self_look(struct slot *slot)
{
    struct vitals now;

    vitals_take(&now);
    atomic_store(&slot->pss_kb, now.pss_kb);
    atomic_store(&slot->peak_kb, now.peak_kb);
    atomic_store(&slot->cpu_us, now.cpu_us);
    atomic_store(&slot->descriptors, now.descriptors);
}
