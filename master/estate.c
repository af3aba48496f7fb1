#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/segment/bells.h"
#include "common/segment/crowd.h"
#include "common/segment/errands.h"
#include "common/segment/flights.h"
#include "common/segment/names.h"
#include "common/segment/recorder.h"
#include "common/segment/syncs.h"
#include "common/segment/tables.h"
#include "common/segment/turnstile.h"

#include "master/estate.h"

enum { WORDS_MAX = 512 };

/* ---- in words ---------------------------------------------------------- */

/* Of a record, which may have been written by a process gone mad: nothing in
 * it is taken at its word, not even the NULs. */
static uint64_t age_ns(const struct record *r)
{
    uint64_t now = loop_clock_ns();
    /* Its own work: not behind others of its turn, nor for another worker. */
    uint64_t began =
        r->began_ns + r->phase_ns[PHASE_QUEUE] + r->phase_ns[PHASE_CACHE];

    return now > began ? now - began : 0;
}

static void say_where(const struct record *r, char words[64])
{
    uint32_t phase = atomic_load(&r->phase);

    if (phase == PHASE_SQL)
        snprintf(words, 64, "%s, statement %u", phase_name(PHASE_SQL),
                 atomic_load(&r->statement));
    else
        snprintf(words, 64, "%s",
                 phase < PHASES ? phase_name((enum phase)phase) : "unknown");
}

/* "GET /api/chefs/7 (endpoint /api/chefs/{id}, request 01J…, in phase sql,
 * statement 2, for 31.204 s)" */
static void describe(const struct record *r, char words[WORDS_MAX])
{
    bool known = r->route[0] == '/';
    char where[64];

    say_where(r, where);
    snprintf(words, WORDS_MAX,
             "%.*s %.*s (%s%.*s%srequest %.*s, in phase %s, for %.3f s)",
             (int)sizeof r->method, r->method, (int)sizeof r->path, r->path,
             known ? "endpoint " : "", known ? (int)sizeof r->route : 0,
             r->route, known ? ", " : "", (int)sizeof r->id, r->id, where,
             (double)age_ns(r) / 1e9);
}

static void tell_last_requests(const struct estate *e, const struct death *d)
{
    struct record r;

    if (!log_enabled(LOG_DEBUG))
        return;
    for (size_t i = 0; i < RECORD_RECENT; i++)
        if (recorder_read(e->shared->recorder, d->number, RECORDS_RECENT, i,
                          &r) &&
            r.pid == d->end->pid)
            log_debug("Worker (pid:%d), %zu. last request: %.*s %.*s (request "
                      "%.*s): %u in %.3f ms",
                      (int)d->end->pid, i + 1, (int)sizeof r.method, r.method,
                      (int)sizeof r.path, r.path, (int)sizeof r.id, r.id,
                      r.status, (double)r.took_ns / 1e6);
}

/* ---- the request ------------------------------------------------------- */

static void hold_against(const struct estate *e, const struct record *r)
{
    if (!blame_put(e->blame, r->route_number, loop_clock_ms()))
        return;
    recorder_quarantine(e->shared->recorder, r->route_number, true);
    log_error("%.*s %.*s is quarantined: %d workers died of it within %d s. It "
              "answers 503 until the next reload",
              (int)sizeof r->method, r->method, (int)sizeof r->route, r->route,
              BLAME_DEATHS, BLAME_WITHIN_MS / 1000);
}

/* What one of its threads was at. */
static void bury_place(const struct estate *e, const struct death *d,
                       unsigned place)
{
    struct record r;
    char words[WORDS_MAX];

    /* Whatever the end: the slot's next process begins without a request. */
    bool at_work = recorder_bury(e->shared->recorder, place, &r);
    if (at_work && (d->crash || d->end->signal)) {
        describe(&r, words);
        log_error("%s (pid:%d) was answering %s, peak memory %ld MB",
                  d->role->title, (int)d->end->pid, words,
                  d->end->peak_kb / 1024);
    }
    if (at_work && d->crash && d->blamed &&
        blame_is_due(&r, d->end, age_ns(&r) / 1000000))
        hold_against(e, &r);
}

static void bury(const struct estate *e, const struct death *d)
{
    unsigned threads = atomic_load(&e->shared->slots[d->number].threads);

    bury_place(e, d, d->number);
    for (unsigned i = 1; i < threads && i < THREADS_MAX; i++)
        bury_place(e, d, recorder_place(d->number, i));
    if (d->crash)
        tell_last_requests(e, d);
}

/* ---- what is called ---------------------------------------------------- */

static void ring(int bell_fd)
{
    const uint64_t one = 1;
    ssize_t ignored = write(bell_fd, &one, sizeof one);

    (void)ignored; /* an eventfd with room for 2^64 of them */
}

/* For each connection the kernel wakes one worker. If that one comes to no
 * accept any more, it would wait for the next one that comes. */
static void rouse(const struct estate *e)
{
    for (unsigned i = 0; i < SLOTS_MAX; i++)
        if (atomic_load(&e->shared->slots[i].pid))
            bells_ring(e->bells, i);
}

static void give_up_flights(const struct estate *e, unsigned number)
{
    if (flights_forget(e->shared->flights, number))
        ring(e->bell_fd);
}

void estate_suspend(const struct estate *e, unsigned number)
{
    give_up_flights(e, number);
    syncs_suspend(e->shared->syncs, number, e->bells);
    rouse(e);
}

bool estate_holds_up(const struct estate *e, unsigned number)
{
    struct turn_holder holder;

    return syncs_leads(e->shared->syncs, number) ||
           (turnstile_holder(e->shared->turnstile, &holder) &&
            holder.slot == number);
}

/* Without a process that has the database open its WAL index may begin anew,
 * and with it the counter by which strangers' writes are noticed. */
static void doubt_everything(const struct estate *e)
{
    const struct slot *slots = e->shared->slots;

    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (atomic_load(&slots[i].pid) && atomic_load(&slots[i].ready))
            return;
    if (atomic_load(&slots[SLOT_KEEPER].holding) == 0)
        tables_move_all(e->shared->tables);
}

void estate_settle(const struct estate *e, const struct death *d)
{
    struct slot *slot = &e->shared->slots[d->number];

    atomic_store(&slot->pid, 0);
    atomic_store(&slot->holding, 0);
    if (d->crash)
        atomic_fetch_add(&slot->deaths, 1);
    if (tables_forget(e->shared->tables, d->number))
        log_debug("%s (pid:%d) left a commit half-way", d->role->title,
                  (int)d->end->pid);
    give_up_flights(e, d->number);
    if (d->end->signal)
        rouse(e);
    turnstile_forget(e->shared->turnstile, d->number, e->bells);
    syncs_forget(e->shared->syncs, d->number, e->bells);
    errands_forget(e->shared->errands, d->number);
    crowd_forget(e->shared->crowd, d->number);
    if (d->number == SLOT_KEEPER)
        errands_fail(e->shared->errands, "the keeper died of it");
    bury(e, d);
    doubt_everything(e);
}

void estate_tell(const struct estate *e, const struct role *role,
                 unsigned number, pid_t pid)
{
    struct record r;
    char words[WORDS_MAX];

    if (!recorder_read(e->shared->recorder, number, RECORDS_RECENT, 0, &r) ||
        atomic_load(&r.phase) == PHASE_NONE || r.pid != pid)
        return;
    describe(&r, words);
    log_critical("%s (pid:%d) is answering %s", role->title, (int)pid, words);
}

void estate_absolve(const struct estate *e)
{
    recorder_absolve(e->shared->recorder);
    blame_forget(e->blame);
}
