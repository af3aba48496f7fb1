#include <unistd.h>

#include "common/log.h"
#include "master/spawn.h"

#include "master/orphans.h"

bool orphans_claim(struct slot *slot)
{
    int32_t nobody = 0;

    return atomic_compare_exchange_strong(&slot->master, &nobody, getpid()) ||
           nobody == getpid();
}

void orphans_release(struct slot *slot)
{
    int32_t own = getpid();

    atomic_compare_exchange_strong(&slot->master, &own, 0);
}

static void settle(const struct estate *e, unsigned number, pid_t pid)
{
    static const struct role roles[] = {{NULL, "worker", "Worker"},
                                        {NULL, "keeper", "Keeper"},
                                        {NULL, "master", "Master"}};
    const struct spawn_end end = {.pid = pid}; /* nobody knows how it ended */
    const struct death death = {
        .end = &end,
        .role = &roles[number < SLOTS_MAX ? 0 : number - SLOT_KEEPER + 1],
        .number = number,
    };

    log_debug("%s (pid:%d) of a former master has left", death.role->title,
              (int)pid);
    estate_settle(e, &death);
}

/* True when it is none any more. The slot goes last: until then another look
 * does it again. */
static bool look_at(const struct estate *e, unsigned number, pid_t master)
{
    struct slot *slot = &e->shared->slots[number];
    pid_t pid = atomic_load(&slot->pid);

    if (pid && !spawn_gone(pid))
        return false;
    settle(e, number, pid);
    atomic_compare_exchange_strong(&slot->master, &master, 0);
    return true;
}

/* Of two slots in a row most have the same master: it is asked after once. */
size_t orphans_look(const struct estate *e)
{
    pid_t known = getpid();
    bool gone = false;
    size_t left = 0;

    for (unsigned i = 0; i < SLOTS_ALL; i++) {
        pid_t master = atomic_load(&e->shared->slots[i].master);
        if (master == 0)
            continue;
        if (master != known) {
            known = master;
            gone = master != getpid() && spawn_gone(master);
        }
        if (gone && !look_at(e, i, master))
            left++;
    }
    return left;
}
