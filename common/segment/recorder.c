#include <assert.h>
#include <string.h>

#include "common/loop.h"
#include "common/segment/heritage.h"
#include "common/segment/versioned.h"

#include "common/segment/recorder.h"

_Static_assert(RECORD_SLOW == RECORD_RECENT && RECORD_FAILED == RECORD_RECENT,
               "the lists are of one size");

enum {
    LISTS = RECORDS_FAILED + 1,
    SHOWN = RECORD_RECENT,
    RECORDER_PLACES = SLOTS_ALL * THREADS_MAX,
    /* One more than is shown, so that what a reader may ask for is never the
     * one that is written next. */
    PLACES = SHOWN + 1,
};

/* How many records of each list are over; the next one's place is that number
 * modulo PLACES. Apart from the records, so that looking at a place where
 * nobody ever was costs no page. */
struct ends {
    _Atomic uint64_t over[LISTS];
} __attribute__((aligned(64)));

struct shelf {
    struct record records[LISTS][PLACES];
} __attribute__((aligned(64)));

struct recorder {
    _Atomic uint8_t quarantined[NAMES_MAX]; /* by route */
    struct ends ends[RECORDER_PLACES];
    struct shelf shelves[RECORDER_PLACES];
};

size_t recorder_size(void)
{
    return sizeof(struct recorder);
}

static uint64_t over(const struct recorder *r, unsigned place,
                     enum record_list list)
{
    assert(place < RECORDER_PLACES);
    return atomic_load_explicit(&r->ends[place].over[list],
                                memory_order_acquire);
}

/* Makes the record written last the newest one of its list. */
static void advance(struct recorder *r, unsigned place, enum record_list list,
                    uint64_t to)
{
    atomic_store_explicit(&r->ends[place].over[list], to, memory_order_release);
}

static uint32_t phase_of(const struct record *rec)
{
    return atomic_load_explicit(&rec->phase, memory_order_acquire);
}

/* The one that is open, or will be next. */
static struct record *newest(struct recorder *r, unsigned place)
{
    uint64_t at = over(r, place, RECORDS_RECENT) % PLACES;

    return &r->shelves[place].records[RECORDS_RECENT][at];
}

/* ---- writing ---------------------------------------------------------------
 */

void record_write(struct record *rec)
{
    version_write(&rec->version);
}

void record_written(struct record *rec)
{
    version_written(&rec->version);
}

void record_text(char *room, size_t size, struct slice text)
{
    size_t len = text.len < size ? text.len : size - 1;

    assert(size > 0);
    if (len > 0)
        memcpy(room, text.ptr, len);
    room[len] = '\0';
}

/* All behind the atomic fields. */
void recorder_resume(struct record *rec, const struct record *from)
{
    size_t at = offsetof(struct record, status);

    record_write(rec);
    memcpy((char *)rec + at, (const char *)from + at, sizeof *rec - at);
    record_written(rec);
}

/* As little as makes it empty: the counts say how much of the rest counts.
 * (Clearing all 500 bytes would take as long as all else for a request.) */
static void record_clear(struct record *rec)
{
    atomic_store_explicit(&rec->statement, 0, memory_order_relaxed);
    rec->status = 0;
    rec->wall_ms = 0;
    rec->began_ns = rec->took_ns = 0;
    memset(rec->phase_ns, 0, sizeof rec->phase_ns);
    rec->bytes = 0;
    rec->queries = rec->rows = 0;
    rec->route_number = NAMES_REST;
    rec->cache = CACHE_NONE;
    rec->statement_count = 0;
    rec->id[0] = rec->trace[0] = rec->method[0] = '\0';
    rec->path[0] = rec->route[0] = '\0';
}

struct record *recorder_open(struct recorder *r, unsigned place)
{
    struct record *rec = newest(r, place);

    atomic_store_explicit(&rec->phase, PHASE_NONE, memory_order_relaxed);
    record_write(rec);
    record_clear(rec);
    record_written(rec);
    return rec;
}

/* Killed on the way, it leaves an odd version where the next one is written
 * anyway. */
static void keep(struct recorder *r, unsigned place, enum record_list list,
                 const struct record *rec)
{
    const size_t head = sizeof rec->version; /* each place has its own */
    uint64_t at = over(r, place, list);
    struct record *to = &r->shelves[place].records[list][at % PLACES];

    record_write(to);
    memcpy((char *)to + head, (const char *)rec + head, sizeof *rec - head);
    record_written(to);
    advance(r, place, list, at + 1);
}

/* The phase goes before the ring moves: killed in between, the record is
 * lost, while the other way round it would seem open a round later. */
void recorder_close(struct recorder *r, unsigned place, bool slow, bool failed)
{
    struct record *rec = newest(r, place);

    atomic_store_explicit(&rec->phase, PHASE_NONE, memory_order_release);
    if (slow)
        keep(r, place, RECORDS_SLOW, rec);
    if (failed)
        keep(r, place, RECORDS_FAILED, rec);
    advance(r, place, RECORDS_RECENT, over(r, place, RECORDS_RECENT) + 1);
}

/* ---- reading ---------------------------------------------------------------
 */

bool recorder_read(const struct recorder *r, unsigned place,
                   enum record_list list, size_t i, struct record *out)
{
    uint64_t end = over(r, place, list);
    const struct record *records = r->shelves[place].records[list];

    if (list == RECORDS_RECENT && phase_of(&records[end % PLACES]))
        end++; /* the open one counts */
    if (i >= SHOWN || i >= end)
        return false;
    uint64_t at = end - 1 - i;
    const struct record *rec = &records[at % PLACES];
    if (!version_copy(&rec->version, out, rec, sizeof *out))
        return false;
    /* Its writer may have come round to it meanwhile. */
    return over(r, place, list) - at < PLACES;
}

/* What nobody measured any more belongs to the phase that it died in. */
static void end_phase(struct record *rec)
{
    uint32_t phase = phase_of(rec);
    uint64_t measured = 0;

    for (size_t i = 0; i < PHASES; i++)
        measured += rec->phase_ns[i];
    if (phase < PHASES && rec->took_ns > measured)
        rec->phase_ns[phase] += rec->took_ns - measured;
}

bool recorder_bury(struct recorder *r, unsigned place, struct record *out)
{
    struct record *rec = newest(r, place);
    uint64_t now = loop_clock_ns();

    if (phase_of(rec) == PHASE_NONE)
        return false;
    record_write(rec);
    rec->status = 0;
    rec->took_ns = now > rec->began_ns ? now - rec->began_ns : 1;
    end_phase(rec);
    record_written(rec);
    memcpy(out, rec, sizeof *out);
    recorder_close(r, place, false, true);
    return true;
}

/* ---- quarantine ------------------------------------------------------------
 */

void recorder_quarantine(struct recorder *r, unsigned route, bool on)
{
    assert(route < NAMES_MAX);
    if (route != NAMES_REST)
        atomic_store_explicit(&r->quarantined[route], on, memory_order_relaxed);
}

bool recorder_quarantined(const struct recorder *r, unsigned route)
{
    assert(route < NAMES_MAX);
    return atomic_load_explicit(&r->quarantined[route], memory_order_relaxed);
}

void recorder_absolve(struct recorder *r)
{
    for (unsigned i = 0; i < NAMES_MAX; i++)
        recorder_quarantine(r, i, false);
}

const char *phase_name(enum phase p)
{
    static const char *const names[PHASES] = {
        [PHASE_NONE] = "none", [PHASE_QUEUE] = "queue",
        [PHASE_READ] = "read", [PHASE_CACHE] = "cache",
        [PHASE_TURN] = "turn", [PHASE_SQL] = "sql",
        [PHASE_SYNC] = "sync", [PHASE_FINISH] = "finish",
        [PHASE_SEND] = "send",
    };

    assert(p < PHASES);
    return names[p];
}
