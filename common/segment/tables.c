#include <assert.h>
#include <stdatomic.h>

#include "common/app/place.h"
#include "common/segment/heritage.h"
#include "common/segment/names.h"

#include "common/segment/tables.h"

/*
 * Why it holds. All of this is sequentially consistent: on x86 loads cost
 * nothing more for it, and writers pay some twenty cycles a store beside a
 * commit of 50 µs. SQLite's memory is not ours to order, so a full fence
 * stands where the protocol meets it: at the end of tables_begin (announced
 * before the commit shows) and of tables_moment (noted before the snapshot
 * is taken), and before tables_unmoved looks again.
 *
 * A reader that saw rows from before a commit took its moment before the
 * writer cleared its mark. If that moment's sequence holds the writer's
 * number, then, because the sequence is read first and the mark was set
 * before the number was drawn, the mark was seen: nothing is kept. If it does
 * not, the version is either seen to be later than the moment: nothing is
 * kept; or it is not stored yet: what is kept then stands under a version
 * that has gone before the commit shows. The same holds for the epoch, when
 * a writer moves everything.
 *
 * A version only rises. Otherwise a process that drew a number by hand
 * (tables_move) and was slow could put an older one over that of a commit,
 * and a reader from before the commit would find nothing moved.
 *
 * The ledger is what the change counter must show (low half) under a number
 * (high half). An even number, as in zeroed memory, says that nobody counts
 * and the next look is to open a new one; an odd one, that each of our commits
 * adds one when it ends. Who opens a ledger takes the counter as it is, and
 * cannot know whether a commit under way is in it already; so a writer that
 * ends under another number than it began under does not add but closes the
 * ledger. Number and sum change together, so nothing is added to the wrong
 * one, and the sum is never more than our commits: that would hide a
 * stranger's.
 */

/* A process that may be between tables_begin and tables_end. */
struct mover {
    _Atomic uint64_t moving; /* a bit for each table modulo 64; 0: it is not */
    _Atomic uint32_t ledger; /* the ledger's number when it began */
};

struct tables {
    /* A hit reads epoch and ledger, a commit moves sequence and ledger: one
     * line, that a reader fetches once after each commit. */
    _Atomic uint64_t sequence;
    _Atomic uint64_t epoch;
    _Atomic uint64_t ledger;
    _Atomic uint64_t strangers;
    _Atomic uint32_t movers; /* places below this one were ever used */

    struct mover mover[SLOTS_ALL] __attribute__((aligned(64)));
    /* Packed: an answer's few tables then cost it one or two lines. The
     * price, that a commit takes its table's neighbours' line from readers,
     * is one miss of 0.1 µs for each of them and commit. */
    _Atomic uint64_t version[NAMES_MAX] __attribute__((aligned(64)));
    _Atomic uint64_t losses[NAMES_MAX];
};

/* A look at the ledger is taken again when a commit of ours ended meanwhile.
 * One takes 20 ns and a commit 10 µs, so a second one is rare; after the last
 * the stranger's path is taken, which is always right. */
enum { LOOKS_MAX = 16 };

size_t tables_size(void)
{
    return sizeof(struct tables);
}

static uint64_t bit_of(unsigned table)
{
    return (uint64_t)1 << table % 64;
}

/* ---- readers ----*/

void tables_moment(const struct tables *t, struct moment *m)
{
    /* Both before the marks: see above. */
    m->epoch = atomic_load(&t->epoch);
    m->sequence = atomic_load(&t->sequence);
    m->moving = 0;
    uint32_t movers = atomic_load(&t->movers);
    for (uint32_t i = 0; i < movers; i++)
        m->moving |= atomic_load(&t->mover[i].moving);
    atomic_thread_fence(memory_order_seq_cst);
}

bool tables_unmoved(const struct tables *t, const struct moment *m,
                    unsigned table, uint64_t *version)
{
    atomic_thread_fence(memory_order_seq_cst);
    *version = tables_version(t, table);
    return *version <= m->sequence && (m->moving & bit_of(table)) == 0 &&
           tables_epoch(t) == m->epoch;
}

uint64_t tables_version(const struct tables *t, unsigned table)
{
    assert(table < NAMES_MAX);
    return atomic_load(&t->version[table]);
}

uint64_t tables_epoch(const struct tables *t)
{
    return atomic_load(&t->epoch);
}

/* ---- the ledger ----*/

static uint32_t ledger_number(uint64_t ledger)
{
    return (uint32_t)(ledger >> 32);
}

static uint32_t ledger_sum(uint64_t ledger)
{
    return (uint32_t)ledger;
}

static bool ledger_is_open(uint64_t ledger)
{
    return ledger_number(ledger) % 2 == 1;
}

static uint64_t ledger_of(uint32_t number, uint32_t sum)
{
    return (uint64_t)number << 32 | sum;
}

/* The next even number: whoever looks next opens a new one. */
static uint64_t ledger_closed(uint64_t was)
{
    return ledger_of((ledger_number(was) + 2) & ~1U, 0);
}

static void ledger_close(struct tables *t)
{
    uint64_t was = atomic_load(&t->ledger);

    while (!atomic_compare_exchange_weak(&t->ledger, &was, ledger_closed(was)))
        ;
}

/* After one of our commits; `number` is from before it. */
static void ledger_add(struct tables *t, uint32_t number)
{
    uint64_t was = atomic_load(&t->ledger);
    uint64_t next;

    do
        next = ledger_number(was) == number && ledger_is_open(was)
                   ? ledger_of(number, ledger_sum(was) + 1)
                   : ledger_closed(was);
    while (!atomic_compare_exchange_weak(&t->ledger, &was, next));
}

/* In place of `was`. `seen` was read after it and before everything moves
 * here: a stranger's commit after that look shows in the next one. */
static bool ledger_open(struct tables *t, uint64_t was, uint32_t seen)
{
    uint32_t odd = (ledger_number(was) + 1) | 1;

    tables_move_all(t);
    return atomic_compare_exchange_strong(&t->ledger, &was,
                                          ledger_of(odd, seen));
}

/* ---- writers ----*/

static void rise(_Atomic uint64_t *version, uint64_t to)
{
    uint64_t was = atomic_load(version);

    while (was < to && !atomic_compare_exchange_weak(version, &was, to))
        ;
}

static struct mover *mover_of(struct tables *t, unsigned slot)
{
    return &t->mover[place_of(slot)];
}

void tables_begin(struct tables *t, unsigned slot, const unsigned *tables,
                  size_t count)
{
    struct mover *m = mover_of(t, slot);
    uint64_t bits = count > 0 ? 0 : UINT64_MAX;

    assert(atomic_load(&m->moving) == 0);
    place_use(&t->movers, place_of(slot));
    for (size_t i = 0; i < count; i++)
        bits |= bit_of(tables[i]);
    atomic_store(&m->moving, bits);
    atomic_store(&m->ledger, ledger_number(atomic_load(&t->ledger)));
    if (count == 0)
        tables_move_all(t);
    uint64_t sequence = atomic_fetch_add(&t->sequence, 1) + 1;
    for (size_t i = 0; i < count; i++) {
        assert(tables[i] < NAMES_MAX);
        rise(&t->version[tables[i]], sequence);
    }
    atomic_thread_fence(memory_order_seq_cst);
}

/* Counted before the mark goes: the other way round the commit would look
 * like a stranger's in between. */
void tables_end(struct tables *t, unsigned slot, bool wrote)
{
    struct mover *m = mover_of(t, slot);

    assert(atomic_load(&m->moving) != 0);
    if (wrote)
        ledger_add(t, atomic_load(&m->ledger));
    atomic_store(&m->moving, 0);
}

/* Nobody knows whether it had committed, nor whether it had counted that. */
bool tables_forget(struct tables *t, unsigned slot)
{
    struct mover *m = mover_of(t, slot);

    if (atomic_load(&m->moving) == 0)
        return false;
    tables_move_all(t);
    ledger_close(t);
    atomic_store(&m->moving, 0);
    return true;
}

/* ---- by hand ----*/

void tables_move(struct tables *t, unsigned table)
{
    assert(table < NAMES_MAX);
    rise(&t->version[table], atomic_fetch_add(&t->sequence, 1) + 1);
}

void tables_move_all(struct tables *t)
{
    atomic_fetch_add(&t->epoch, 1);
}

/* ---- strangers ----*/

static uint32_t look(const volatile uint32_t *change)
{
    return __atomic_load_n(change, __ATOMIC_SEQ_CST);
}

/* How many commits of ours may show that are not in the ledger yet. */
static uint32_t under_way(const struct tables *t)
{
    uint32_t movers = atomic_load(&t->movers);
    uint32_t n = 0;

    for (uint32_t i = 0; i < movers; i++)
        n += atomic_load(&t->mover[i].moving) != 0;
    return n;
}

/*
 * The ledger is read before the counter, so what is in the one is in the
 * other, and equal means that nothing else is. When commits are ahead of it,
 * each has its writer's mark until after it was added; if the ledger is the
 * same after the marks were read, none was added meanwhile.
 */
bool tables_known(struct tables *t, const volatile uint32_t *change)
{
    uint64_t ledger = 0;
    uint32_t seen = 0;

    for (unsigned looks = 0; looks < LOOKS_MAX; looks++) {
        ledger = atomic_load(&t->ledger);
        seen = look(change);
        uint32_t ahead = seen - ledger_sum(ledger);
        if (ledger_is_open(ledger) && ahead == 0)
            return true;
        bool ours = ledger_is_open(ledger) && ahead <= under_way(t);
        if (atomic_load(&t->ledger) != ledger)
            continue;
        if (ours)
            return true;
        break;
    }
    if (ledger_open(t, ledger, seen) && ledger_is_open(ledger))
        atomic_fetch_add(&t->strangers, 1);
    return false;
}

void tables_rebase(struct tables *t, const volatile uint32_t *change)
{
    uint64_t ledger;

    do
        ledger = atomic_load(&t->ledger);
    while (!ledger_open(t, ledger, look(change)));
}

/* ---- what the operator sees ----*/

void tables_count_loss(struct tables *t, unsigned table)
{
    assert(table < NAMES_MAX);
    atomic_fetch_add_explicit(&t->losses[table], 1, memory_order_relaxed);
}

uint64_t tables_losses(const struct tables *t, unsigned table)
{
    assert(table < NAMES_MAX);
    return atomic_load_explicit(&t->losses[table], memory_order_relaxed);
}

uint64_t tables_strangers(const struct tables *t)
{
    return atomic_load(&t->strangers);
}
