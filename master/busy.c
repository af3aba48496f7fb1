#include <stddef.h>

#include "master/busy.h"

void busy_note(struct busy *b, const struct slot *slots, uint64_t now_ns)
{
    const struct busy_note *last = &b->notes[b->newest];

    if (last->at_ns && now_ns - last->at_ns < BUSY_MS * UINT64_C(1000000))
        return;
    b->newest ^= 1;
    struct busy_note *n = &b->notes[b->newest];
    n->at_ns = now_ns;
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        n->pid[i] = atomic_load(&slots[i].pid);
        n->busy_ns[i] = n->pid[i] ? atomic_load(&slots[i].busy_ns) : 0;
    }
}

/* The newer one, once it is old enough to mean something. */
static const struct busy_note *choose(const struct busy *b, unsigned number,
                                      int32_t pid, uint64_t now_ns)
{
    const struct busy_note *newer = &b->notes[b->newest];
    const struct busy_note *older = &b->notes[b->newest ^ 1];

    if (newer->at_ns && newer->pid[number] == pid &&
        now_ns - newer->at_ns >= BUSY_MS * UINT64_C(1000000))
        return newer;
    if (older->at_ns && older->pid[number] == pid)
        return older;
    if (newer->at_ns && newer->pid[number] == pid && now_ns > newer->at_ns)
        return newer;
    return NULL;
}

double busy_share(const struct busy *b, const struct slot *slots,
                  unsigned number, uint64_t now_ns)
{
    const struct slot *s = &slots[number];
    const struct busy_note *n = choose(b, number, atomic_load(&s->pid), now_ns);

    if (n == NULL || now_ns <= n->at_ns)
        return 0;
    uint64_t busy_ns = atomic_load(&s->busy_ns);
    uint64_t spent_ns =
        busy_ns > n->busy_ns[number] ? busy_ns - n->busy_ns[number] : 0;
    double share = 100 * (double)spent_ns / (double)(now_ns - n->at_ns);
    return share < 100 ? share : 100;
}
