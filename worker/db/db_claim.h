/*
 * db_claim: the right to open a database by its name, so that no connection of
 * ours ever meets the WAL of another file. SQLite finds NAME-wal and NAME-shm
 * by the name alone; a file that was moved to that name may lie beside those
 * of the former one, which connections still have open
 * (sqlite.org/howtocorrupt.html, 2.4).
 *
 * A claim is begun before SQLite opens a file, and settled once its -wal and
 * -shm are open: between the two nobody else of ours changes what lies beside
 * it (flock(2) on the folder: shared as long as what lies there is what the
 * record of journals.h says, exclusive otherwise). What belongs to the former
 * database is set aside under a name of its own, NAME.former-INODE-BIRTH-wal
 * (of that database), never deleted while anybody may write to it; its last
 * connection folds it into that file and removes it. Should all of them have
 * been killed it stays, and is given back when that file is at NAME again. A
 * server that is started then does so if the file was not written to since; if
 * it was, an operator has to put the one beside the other, or away, first.
 *
 * A file that somebody has open with a WAL of another name (he opened it as
 * NAME before it was moved away and back, or elsewhere) is not opened until he
 * has closed it.
 *
 * Not seen: what a program that is not ours opens in between; a file that was
 * moved to the name while every process was dead, or died within that second
 * (what is known is in the segment, and dies with it). A folder that this user
 * may not read cannot be locked, and then claims hold nothing; nor do they
 * where /proc/locks does not show who holds what (other pid namespaces,
 * subvolumes of btrfs).
 */
#ifndef PRONG_DB_CLAIM_H
#define PRONG_DB_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/segment/journals.h"
#include "common/text.h"

struct sqlite3;

enum { PATH_BYTES = 4096 };

struct claim {
    char path[PATH_BYTES];  /* without symbolic links, as SQLite names it */
    int lock;               /* descriptor of its folder; -1: not locked */
    bool alone;             /* the lock is exclusive */
    bool parted;            /* the file is no longer at its name */
    struct journal *record; /* null: there is no room for one */
    struct trio now;        /* at the names, when last looked */
    struct trio held;       /* open; none before it is settled */
};

/* Once a process, before the first of them. */
void db_claim_init(void);

struct claim_manner {
    int flags;        /* of sqlite3_open_v2 */
    uint64_t lock_ms; /* to wait for others who hold the lock */
    uint64_t use_ms;  /* and for those who have it open with another WAL */
};

/*
 * Claims the database and opens it. SQLITE_OK; SQLITE_PROTOCOL with the reason
 * in *fault when it is not to be had at present; what SQLite says otherwise,
 * and then *raw may need to be closed.
 */
int db_claim_open(struct claim *c, const char *path,
                  const struct claim_manner *manner, struct sqlite3 **raw,
                  struct fault *fault);
/* Something was read: if the -wal is there, all is known and others may open
 * the database too. */
void db_claim_settle(struct claim *c);
/* When it cannot be settled. Harmless when it is. */
void db_claim_end(struct claim *c);

/*
 * Before a connection that was settled is closed: if that is the last one it
 * folds the WAL, when `fold` is set or the name is another file's by now. In
 * the latter case SQLite deletes nothing by name. False: others hold the lock;
 * it may be closed all the same, but leaves files behind.
 */
bool db_claim_part(struct claim *c, struct sqlite3 *raw, bool fold);
/* And once it is closed. */
void db_claim_parted(struct claim *c);

/* See journals_news. */
uint32_t db_claim_news(void);
uint32_t db_claim_tell(uint32_t seen);

/* Whether its -wal or -shm is not where it was. */
bool db_claim_lost_wal(const struct claim *c);

#endif
