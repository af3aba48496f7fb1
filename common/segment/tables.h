/*
 * tables: when the rows of each table may have changed last; in the segment.
 * What makes it possible to keep answers and never show a stale one.
 *
 * A writer that is about to commit (it holds SQLite's write lock) announces
 * the tables it wrote: it marks its slot as moving them, and gives each a new
 * version out of one sequence. Then it commits, clears the mark, and only
 * then answers its client. A reader notes the moment *before* its snapshot:
 * the sequence, and what is moving. What it read may be kept under the
 * versions of its tables if none of them was moving at that moment and none
 * has a version from after it; and what was kept is good while those versions
 * stand.
 *
 *     writer                          reader
 *     moving[slot] = tables           moment = sequence, moving of all slots
 *     version[t] = ++sequence         read the rows
 *     COMMIT                          keep, if version[t] <= moment.sequence
 *     moving[slot] = none                   and t was not moving
 *     answer                          good while version[t] is the same
 *
 * So an answer that is good after a commit was acknowledged was read after
 * that commit. A writer that dies anywhere leaves its mark, and nothing about
 * those tables is kept until the master has cleared it (tables_forget).
 *
 * Strangers (the sqlite3 shell) announce nothing. But every commit moves the
 * change counter in the WAL index by one (sqlite.org/walformat.html, 2.2,
 * iChange), and our own are counted here: a difference is a stranger's.
 *
 * Numbers of tables are those of names; any name may serve as a table (an
 * endpoint does, so that it can be cleared).
 */
#ifndef PRONG_TABLES_H
#define PRONG_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tables;

/* Before a snapshot. Plain data of the process that took it. */
struct moment {
    uint64_t sequence;
    uint64_t epoch;  /* see tables_epoch */
    uint64_t moving; /* one bit for each table, by its number modulo 64 */
};

/* Bytes of its region, which is valid when zeroed. */
size_t tables_size(void);

/* ---- readers ----*/

void tables_moment(const struct tables *t, struct moment *m);
/*
 * May rows of `table`, read in a snapshot from after the moment, be kept? If
 * so *version is what they are kept under.
 */
bool tables_unmoved(const struct tables *t, const struct moment *m,
                    unsigned table, uint64_t *version);
uint64_t tables_version(const struct tables *t, unsigned table);
/* Moves when everything may have changed; kept along with the versions. */
uint64_t tables_epoch(const struct tables *t);

/* ---- writers; `slot` is the process's own ----*/

/*
 * Before the commit takes effect, with SQLite's write lock held. A count of 0
 * says that it is not known which tables: all of them move. Once between two
 * tables_end.
 *
 * Under the same lock, call tables_known just before: a stranger's commit
 * from before the lock was had would otherwise pass for this one until
 * tables_end.
 */
void tables_begin(struct tables *t, unsigned slot, const unsigned *tables,
                  size_t count);
/* After it, before anybody is told. `wrote`: it moved the WAL index's change
 * counter, by one. */
void tables_end(struct tables *t, unsigned slot, bool wrote);
/* The master's, when the process of that slot is gone: every version moves
 * if it died between begin and end. True if so. */
bool tables_forget(struct tables *t, unsigned slot);

/* ---- by hand ----*/

/* One table's version (clear by table or endpoint); not a commit. */
void tables_move(struct tables *t, unsigned table);
/* Every table's. */
void tables_move_all(struct tables *t);

/* ---- strangers ----*/

/*
 * Compares the WAL index's change counter with what we know of. True: nobody
 * but us has written. False: a stranger has, or the counter began anew;
 * every version was moved, and from now on this count is the known one. A few
 * loads, no system call; while commits of ours are under way, one more
 * for each slot up to the highest in use.
 *
 * The limit: a stranger's commit can hide behind one of ours that has shown
 * but not ended (a microsecond), or whose process died then (until
 * tables_forget). Then it is noticed.
 */
bool tables_known(struct tables *t, const volatile uint32_t *change);
/* Begins to count anew: a database file was opened in another's place. Every
 * version moves. */
void tables_rebase(struct tables *t, const volatile uint32_t *change);

/* ---- what the operator sees ----*/

/* A kept answer turned out to be outdated because of this table. */
void tables_count_loss(struct tables *t, unsigned table);
uint64_t tables_losses(const struct tables *t, unsigned table);
/* How often a stranger's write was noticed. */
uint64_t tables_strangers(const struct tables *t);

#endif
