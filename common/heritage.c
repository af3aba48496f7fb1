#include <unistd.h>

#include "common/app.h"
#include "common/settings.h"
#include "common/shared.h"

#include "common/heritage.h"

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

void heritage_say_ready(const struct heritage *h)
{
    const uint64_t one = 1;

    atomic_store_explicit(&h->slot->ready, 1, memory_order_release);
    /* An eventfd takes it unless the master is gone, which life_fd tells. */
    ssize_t ignored = write(h->news_fd, &one, sizeof one);
    (void)ignored;
}
