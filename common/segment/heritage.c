#include <unistd.h>

#include "common/app/app.h"
#include "common/segment/shared.h"
#include "common/settings/settings.h"

#include "common/segment/heritage.h"

const char *heritage_database(const struct heritage *h)
{
    return h->settings->database ? h->settings->database : h->app->database;
}

bool heritage_is_last(const struct heritage *h)
{
    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (atomic_load(&h->shared->slots[i].pid))
            return false;
    return true;
}

static void wake_master(const struct heritage *h)
{
    const uint64_t one = 1;

    /* An eventfd takes it unless the master is gone, which life_fd tells. */
    ssize_t ignored = write(h->news_fd, &one, sizeof one);
    (void)ignored;
}

void heritage_say_ready(const struct heritage *h)
{
    atomic_store_explicit(&h->slot->ready, 1, memory_order_release);
    wake_master(h);
}

bool heritage_ask_to_leave(const struct heritage *h, enum leave_reason why)
{
    uint32_t not_yet = LEAVE_NOT;

    if (!atomic_compare_exchange_strong(&h->slot->leave, &not_yet, why))
        return false;
    wake_master(h);
    return true;
}
