#include <unistd.h>

#include "common/log.h"
#include "common/segment/shared.h"
#include "master/notify.h"
#include "master/self.h"
#include "master/staffing.h"
#include "master/supervisor_private.h"
#include "master/upgrade.h"

#include "master/succession.h"

enum {
    LOOK_MS = 1000,
    SILENT_MS = 10000, /* a worker that gave no sign of life for so long does
                          not vouch for us: each gives one a second */
};

static struct upgrade *upgrade_of(const struct supervisor *s)
{
    return s->config->upgrade;
}

/* ---- orphans ------------------------------------------------------------- */

static void look_for_orphans(struct supervisor *s)
{
    uint64_t now_ms = loop_clock_ms();

    if (now_ms < s->succession.look_ms)
        return;
    size_t left = orphans_look(&s->succession.orphans, crew_estate(s->crew),
                               s->generations.present->is.settings, now_ms);
    s->succession.look_ms = now_ms + (left > 0 ? ORPHANS_LOOK_MS : LOOK_MS);
}

/* It was the former master's; its figures are there as long as it is. */
static void enter(struct supervisor *s)
{
    if (atomic_load(&s->slot->master) != getpid() && orphans_claim(s->slot))
        self_enter(s->slot);
}

/* What the operator waits for. */
static void say_ready(struct supervisor *s)
{
    struct upgrade *u = upgrade_of(s);

    if (s->succession.ready || !upgrade_is_second(u) ||
        crew_serving(s->crew) < s->generations.present->wanted)
        return;
    s->succession.ready = true;
    log_info("%s is ready, and Master (pid:%d) can be ended", upgrade_name(u),
             (int)upgrade_former(u));
    upgrade_say_ready(u);
}

/* ---- systemd ------------------------------------------------------------- */

/* A count that fell began anew, with another process. */
static uint64_t count_requests(struct supervisor *s)
{
    struct succession *x = &s->succession;

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        const struct slot *slot = &s->config->shared->slots[i];
        uint64_t now = atomic_load(&slot->requests);
        if (atomic_load(&slot->master) != getpid())
            continue;
        x->requests += now < x->seen[i] ? now : now - x->seen[i];
        x->seen[i] = now;
    }
    return x->requests;
}

static bool somebody_answers(const struct supervisor *s)
{
    uint64_t now_ms = loop_clock_ms();

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        const struct slot *slot = &s->config->shared->slots[i];
        if (atomic_load(&slot->master) == getpid() && atomic_load(&slot->pid) &&
            atomic_load(&slot->ready) &&
            atomic_load(&slot->beat_ms) + SILENT_MS >= now_ms)
            return true;
    }
    return false;
}

static void tell(struct supervisor *s)
{
    struct upgrade *u = upgrade_of(s);
    const struct era *present = s->generations.present;

    if (u == NULL || !notify_wanted(upgrade_notify(u)))
        return;
    const struct notify_facts facts = {
        .silent = upgrade_is_second(u),
        .ready = present->proven,
        .reloads = orders_reloading(s),
        .stops = s->stop != STOP_NOT,
        .succeeded = upgrade_successor(u) != 0,
        .alive =
            s->stop != STOP_NOT || present->wanted == 0 || somebody_answers(s),
        .workers = crew_serving(s->crew),
        .requests = count_requests(s),
    };

    notify_tell(upgrade_notify(u), &facts, loop_clock_us());
}

/* ---- events -------------------------------------------------------------- */

/* The old generation's deaths are not held against anybody any more, and the
 * keeper is started with the next turn. */
static void on_promotion(void *self)
{
    struct supervisor *s = self;

    reload_adopt(&s->generations);
    crew_absolve(s->crew, s->generations.present);
    s->succession.look_ms = 0;
    orders_promote_control(s);
}

bool succession_start(struct supervisor *s, struct fault *fault)
{
    const struct era *present = s->generations.present;
    struct upgrade_gift gift = {
        .shared = s->config->shared,
        .listeners = present->listeners,
        .bells = s->bells,
        .bell_fd = s->bell,
        .life_fd = s->life[0],
        .loop = s->loop,
        .detached = present->is.settings->daemon,
    };

    gift.control_fd = orders_control_socket(s, &gift.control_path);
    return upgrade_start(upgrade_of(s), &gift, fault);
}

void succession_ended(void *self, const struct spawn_end *end)
{
    struct supervisor *s = self;
    const struct era *present = s->generations.present;
    bool followed = upgrade_successor(upgrade_of(s)) == end->pid;

    upgrade_ended(upgrade_of(s), end);
    s->succession.look_ms = 0;
    if (!followed || s->stop != STOP_NOT || present->wanted > 0)
        return;
    log_warning("Nobody else serves: the workers that WINCH sent away are "
                "started again");
    staffing_want(&s->generations, present->is.settings->workers);
}

/* ---- the loop ------------------------------------------------------------ */

bool succession_open(struct supervisor *s)
{
    return upgrade_watch(upgrade_of(s), s->loop, on_promotion, s);
}

void succession_look(struct supervisor *s)
{
    look_for_orphans(s);
    enter(s);
    say_ready(s);
    tell(s);
}

uint64_t succession_next_ms(const struct supervisor *s)
{
    struct upgrade *u = upgrade_of(s);
    uint64_t next_ms = s->succession.look_ms;

    if (u == NULL || upgrade_is_second(u))
        return next_ms;
    uint64_t notify_ms = notify_next(upgrade_notify(u));
    return notify_ms < next_ms ? notify_ms : next_ms;
}

void succession_close(struct supervisor *s)
{
    struct upgrade *u = upgrade_of(s);

    if (atomic_load(&s->slot->master) == getpid()) {
        atomic_store(&s->slot->pid, 0);
        orphans_release(s->slot);
    }
    if (upgrade_successor(u) && !upgrade_is_second(u))
        notify_pass_on(upgrade_notify(u), upgrade_successor(u));
}
