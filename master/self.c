#include <time.h>
#include <unistd.h>

#include "common/vitals/vitals.h"

#include "master/self.h"

void self_enter(struct slot *slot)
{
    atomic_store(&slot->pid, getpid());
    atomic_store(&slot->born_ms, (int64_t)time(NULL) * 1000);
    self_look(slot);
}

void self_look(struct slot *slot)
{
    if (atomic_load(&slot->pid) == getpid())
        vitals_tell(slot);
}
