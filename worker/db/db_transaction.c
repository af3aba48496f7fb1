#include <assert.h>
#include <stdio.h>

#include <sqlite3.h>

#include "common/log.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

bool db_in_transaction(const struct db *db)
{
    return db->raw && !sqlite3_get_autocommit(db->raw);
}

/*
 * SQLite asks the progress handler once more after COMMIT has taken effect,
 * and would report SQLITE_INTERRUPT for it: hence no deadline in here.
 */
static int run_to_its_end(struct stmt *s)
{
    s->db->unstoppable = true;
    s->db->at_work = s;
    int code = sqlite3_step(s->raw);
    db_settle(s->db, code == SQLITE_DONE);
    sqlite3_reset(s->raw);
    s->db->unstoppable = false;
    return code;
}

void db_rollback(struct db *db)
{
    db->writing = false;
    db_forget_writes(db);
    if (!db_in_transaction(db))
        return; /* many failures have rolled back by themselves */
    run_to_its_end(db->rollback);
    if (!db_in_transaction(db))
        return;
    log_error("Database %s: a transaction cannot be rolled back: %s", db->path,
              sqlite3_errmsg(db->raw));
    db->usable = false; /* closing the file is what is left */
    db->damaged = true;
    db_suspect(db);
}

static void end_shared(struct db *db)
{
    if (db_in_transaction(db))
        run_to_its_end(db->commit);
    db_rollback(db);
}

void db_share_reads(struct db *db)
{
    db->sharing = true;
}

void db_unshare(struct db *db)
{
    assert(!db->writing);
    db->sharing = false;
    end_shared(db);
}

static enum db_result begin(struct db *db, struct stmt *how)
{
    enum db_result r = stmt_step(how);

    stmt_reset(how);
    if (r != DB_DONE)
        db_rollback(db); /* it may have begun and been stopped after that */
    return r;
}

enum db_result db_begin_read(struct db *db)
{
    if (!db->usable)
        return DB_GONE;
    if (db_in_transaction(db))
        return DB_DONE; /* the moment is that of its snapshot */
    db_take_moment(db);
    return db->sharing ? begin(db, db->begin) : DB_DONE;
}

/* A mark left set would keep every cache from keeping anything. */
static void prepare_to_write(struct db *db)
{
    assert(!db->writing && !db->announced);
    end_shared(db);
    db_forget_writes(db);
    db_take_moment(db);
}

enum db_result db_begin_write(struct db *db)
{
    prepare_to_write(db);
    enum db_result r = begin(db, db->begin_write);
    db->writing = r == DB_DONE;
    return r;
}

enum db_result db_begin_alone(struct db *db)
{
    prepare_to_write(db);
    db->alone = db->usable;
    return db->usable ? DB_DONE : DB_GONE;
}

/* SQLite rolled back by itself, and nobody noticed. What ran since then was
 * committed one by one: so whoever may find out asks before each piece. */
static enum db_result lost(struct db *db)
{
    snprintf(db->message, sizeof db->message,
             "the transaction was rolled back before its commit");
    return DB_ERROR;
}

/*
 * Outside a transaction SAVEPOINT would begin one and RELEASE commit it. No
 * deadline here: it is that of one request, and others share this transaction.
 */
static enum db_result mark(struct db *db, struct stmt *word)
{
    assert(db->writing);
    if (!db_in_transaction(db))
        return lost(db);
    int code = run_to_its_end(word);
    return code == SQLITE_DONE ? DB_DONE : db_fail(db, code);
}

enum db_result db_savepoint(struct db *db)
{
    return mark(db, db->savepoint);
}

enum db_result db_release(struct db *db)
{
    return mark(db, db->release);
}

bool db_undo(struct db *db)
{
    assert(db->writing);
    bool undone = db_in_transaction(db) &&
                  run_to_its_end(db->undo) == SQLITE_DONE &&
                  run_to_its_end(db->release) == SQLITE_DONE;

    if (!undone)
        db_rollback(db); /* half undone is no state to go on from */
    return undone;
}

bool db_owes(const struct db *db)
{
    int owed = 0;
    int ignored;

    return db->raw &&
           sqlite3_db_status(db->raw, SQLITE_DBSTATUS_DEFERRED_FKS, &owed,
                             &ignored, 0) == SQLITE_OK &&
           owed != 0;
}

enum db_result db_commit(struct db *db)
{
    assert(db->writing);
    db->writing = false;
    if (!db_in_transaction(db))
        return lost(db);
    int code = run_to_its_end(db->commit);
    if (code == SQLITE_DONE)
        return DB_DONE;
    enum db_result r = db_fail(db, code);
    db_rollback(db);
    return r;
}
