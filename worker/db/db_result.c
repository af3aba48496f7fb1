#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "worker/db/db_private.h"

#include "worker/db/db.h"

/* ON DELETE RESTRICT is a trigger of SQLite's own making, and says so. */
static bool is_restrict(const struct db *db)
{
    return strcmp(sqlite3_errmsg(db->raw), "FOREIGN KEY constraint failed") ==
           0;
}

static enum db_result constraint_of(const struct db *db, int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return DB_UNIQUE;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return DB_FOREIGN;
    case SQLITE_CONSTRAINT_NOTNULL: return DB_NOT_NULL;
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_DATATYPE: return DB_CHECK;
    case SQLITE_CONSTRAINT_TRIGGER:
        return is_restrict(db) ? DB_FOREIGN : DB_RAISED;
    default: return DB_ERROR;
    }
}

static enum db_result interruption_of(const struct db *db)
{
    if (!db_is_cancelled(db))
        return DB_DEADLINE;
    return atomic_load(&db->cancelled) == DB_STOPPED ? DB_STOPPED
                                                     : DB_CANCELLED;
}

enum db_result db_result_of(const struct db *db, int code)
{
    if (code == SQLITE_READONLY_DBMOVED)
        return DB_GONE;
    if (code == DB_CODE_SPILL)
        return DB_FULL;
    if (code == SQLITE_IOERR_SHMSIZE) /* how ENOSPC on the -shm file shows */
        return DB_FULL;
    switch (code & 0xFF) {
    case SQLITE_CONSTRAINT: return constraint_of(db, code);
    case SQLITE_MISMATCH: return DB_CHECK;
    case SQLITE_INTERRUPT: return interruption_of(db);
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return DB_BUSY;
    case SQLITE_FULL: return DB_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM: return DB_READONLY;
    case SQLITE_TOOBIG: return DB_TOO_BIG;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return DB_CORRUPT;
    case SQLITE_CANTOPEN: return DB_GONE;
    default: return DB_ERROR;
    }
}

/* Failures after which only opening the file anew shows what is there. */
static bool is_damage(int code)
{
    int primary = code & 0xFF;

    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ||
           primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ||
           code == SQLITE_READONLY_DBMOVED;
}

const char *db_words(const struct db *db, int code)
{
    return code == DB_CODE_SPILL ? "no space is left for its temporary file"
                                 : sqlite3_errmsg(db->raw);
}

enum db_result db_fail(struct db *db, int code)
{
    snprintf(db->message, sizeof db->message, "%s", db_words(db, code));
    if (is_damage(code)) {
        db->damaged = true;
        db_suspect(db);
    }
    if (code == SQLITE_IOERR_FSYNC)
        db->sync_failed = true;
    return db_result_of(db, code);
}

const char *db_message(const struct db *db)
{
    return db->message;
}

const char *db_result_name(enum db_result r)
{
    static const char *const names[] = {
        [DB_ROW] = "row",
        [DB_DONE] = "done",
        [DB_UNIQUE] = "unique",
        [DB_FOREIGN] = "foreign key",
        [DB_NOT_NULL] = "not null",
        [DB_CHECK] = "check",
        [DB_RAISED] = "raised",
        [DB_DEADLINE] = "deadline",
        [DB_BUSY] = "busy",
        [DB_FULL] = "full",
        [DB_READONLY] = "readonly",
        [DB_TOO_BIG] = "too big",
        [DB_CORRUPT] = "corrupt",
        [DB_GONE] = "gone",
        [DB_CANCELLED] = "cancelled",
        [DB_STOPPED] = "stopped",
        [DB_ERROR] = "error",
    };
    return names[r];
}
