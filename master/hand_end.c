#include <signal.h>

#include "common/log.h"

#include "master/hand.h"

static void log_end(const struct hand *h)
{
    const struct spawn_end *end = &h->end;
    const char *who = h->role->title;
    char words[64];

    spawn_words(end, words);
    if (end->signal == SIGKILL && !h->killed)
        log_error("%s (pid:%d) %s! Perhaps out of memory?", who, (int)end->pid,
                  words);
    else if (end->signal == SIGTERM) /* before it could listen: it was asked */
        log_info("%s (pid:%d) %s!", who, (int)end->pid, words);
    else if (end->signal)
        log_warning("%s (pid:%d) %s!", who, (int)end->pid, words);
    else if (end->code)
        log_error("%s (pid:%d) %s.", who, (int)end->pid, words);
}

/* Silence is a crash too; being slower than the grace is not. */
static bool crashed(const struct hand *h)
{
    if (h->killed && !h->aborted)
        return false;
    if (h->end.signal)
        return h->end.signal != SIGTERM;
    return h->end.code != EXIT_ASKED && h->end.code != EXIT_BOOT &&
           h->end.code != EXIT_NO_APP;
}

static void settle(const struct hand *h)
{
    const struct death death = {
        .end = &h->end,
        .role = h->role,
        .number = h->heritage.number,
        .crash = crashed(h),
        .blamed = h->era->number >= h->orders->blamed_from,
    };

    estate_settle(&h->orders->estate, &death);
}

void hand_end(struct hand *h, const struct spawn_end *end)
{
    hand_look(h); /* it may have become ready and died since we looked */
    h->end = *end;
    h->end.last_words = h->heritage.last_words;
    h->pid = 0;
    log_end(h);
    settle(h);
    hand_react(h, HAND_ENDED);
}
