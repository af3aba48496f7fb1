#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

#include "common/loop.h"

#include "master/keeper/keeper_pulse.h"

/* What the handler needs, which has no argument. */
static struct pulse {
    struct slot *slot;
    uint64_t until_ms;
} pulse;

/* Reading the clock and an atomic store are all it does. */
static void on_alarm(int signal)
{
    uint64_t now_ms = loop_clock_ms();

    (void)signal;
    if (now_ms < pulse.until_ms)
        atomic_store_explicit(&pulse.slot->beat_ms, now_ms,
                              memory_order_relaxed);
}

static void set_timer(time_t interval_s)
{
    const struct itimerval each = {.it_interval = {.tv_sec = interval_s},
                                   .it_value = {.tv_sec = interval_s}};

    setitimer(ITIMER_REAL, &each, NULL);
}

void keeper_pulse_start(struct slot *slot)
{
    const struct sigaction beat = {.sa_handler = on_alarm,
                                   .sa_flags = SA_RESTART};

    pulse =
        (struct pulse){slot, loop_clock_ms() + PULSE_MAX_S * UINT64_C(1000)};
    sigaction(SIGALRM, &beat, NULL);
    set_timer(1);
}

void keeper_pulse_stop(void)
{
    set_timer(0);
}
