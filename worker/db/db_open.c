#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/log.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

enum {
    LOCK_MS = 300,   /* for others who open the database at this time */
    USE_MS = 30,     /* for those who have it open with another WAL */
    BEGIN_MS = 1500, /* the same, before the first answer: each connection
                        looks once a second */
};

/* SQLite's own log also tells of every constraint violated and every index it
 * would like; only damage is news. */
static void on_sqlite_log(void *self, int code, const char *message)
{
    int primary = code & 0xFF;

    (void)self;
    if (primary == SQLITE_CORRUPT || primary == SQLITE_IOERR)
        log_warning("SQLite (%d): %s", code, message);
}

static void init(int threading)
{
    static bool done;

    if (done)
        return;
    done = true;
    sqlite3_config(threading);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_LOG, on_sqlite_log, NULL);
    db_spill_configure();
    if (sqlite3_initialize() != SQLITE_OK || !db_spill_begin()) {
        log_critical("SQLite cannot be initialised");
        abort();
    }
    db_claim_init();
}

void db_init(void)
{
    init(SQLITE_CONFIG_SINGLETHREAD);
}

void db_init_threads(void)
{
    init(SQLITE_CONFIG_MULTITHREAD);
}

/* ---- opening ------------------------------------------------------------ */

/* What the system has against the file, in words; null when nothing. */
static const char *obstacle(const struct db *db, char folder[PATH_BYTES])
{
    struct stat st;

    db_folder(db->path, folder);
    if (stat(folder, &st) != 0)
        return errno == ENOENT ? "its folder does not exist" : strerror(errno);
    if (!S_ISDIR(st.st_mode))
        return "its folder is not a folder";
    bool there = stat(db->path, &st) == 0;
    if (!there && errno != ENOENT)
        return strerror(errno);
    if (!there && db->mode != DB_CREATE)
        return "there is no such file";
    if (there && !S_ISREG(st.st_mode))
        return "it is not a regular file";
    if (there && euidaccess(db->path, R_OK) != 0)
        return "this user may not read it";
    if (db->mode == DB_READONLY_MODE)
        return NULL;
    if (there && euidaccess(db->path, W_OK) != 0)
        return "this user may not write it";
    if (euidaccess(folder, W_OK) != 0)
        return "this user may not write into its folder";
    return NULL;
}

static bool open_fault(struct db *db, int code, struct fault *fault)
{
    char folder[PATH_BYTES];
    int primary = code & 0xFF;
    const char *why = NULL;

    if (primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY ||
        primary == SQLITE_PERM)
        why = obstacle(db, folder);
    if (why == NULL)
        why = db->raw ? sqlite3_errmsg(db->raw) : sqlite3_errstr(code);
    return fault_set(fault, "database %s: %s", db->path, why);
}

/* One try; the mode that is then in force in `mode`. */
static int ask_for_wal(struct db *db, char mode[16])
{
    struct sqlite3_stmt *raw = NULL;
    int code =
        sqlite3_prepare_v2(db->raw, "PRAGMA journal_mode=WAL", -1, &raw, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(raw);
    if (code == SQLITE_ROW)
        snprintf(mode, 16, "%s", (const char *)sqlite3_column_text(raw, 0));
    int after = sqlite3_finalize(raw);
    return code == SQLITE_ROW ? SQLITE_OK : after;
}

/*
 * Workers that start together on a new file all try to change its mode, and
 * SQLite calls no busy handler for that: so it is called here.
 */
static bool enter_wal(struct db *db, struct fault *fault)
{
    char mode[16] = "";
    int code = ask_for_wal(db, mode);

    for (int n = 0; (code & 0xFF) == SQLITE_BUSY && db_on_busy(db, n); n++)
        code = ask_for_wal(db, mode);
    if (code != SQLITE_OK)
        return open_fault(db, code, fault);
    if (strcmp(mode, db->in_memory ? "memory" : "wal") != 0)
        return fault_set(fault,
                         "database %s: its journal mode stays %s, not WAL",
                         db->path, mode);
    /* Only a read makes the -wal file, which db_claim_settle looks for. */
    code = sqlite3_exec(db->raw, "PRAGMA schema_version", NULL, NULL, NULL);
    return code == SQLITE_OK || open_fault(db, code, fault);
}

static int on_encoding(void *self, int count, char **values, char **names)
{
    struct db *db = self;

    (void)count, (void)names;
    db->utf8 = strcmp(values[0], "UTF-8") == 0;
    return 0;
}

/*
 * cache_size is the length of the sorter's runs, 4 MiB: within one SQLite asks
 * nobody whether to go on. One of 40 MiB is sorted in up to 1.8 s, one of 4 in
 * 0.07 s, and more rows than fit one are sorted in a third to all of the time
 * (the shorter run stays in the processor's caches); those of 1 MiB make sorts
 * of a few MB twice as dear. What pages are kept db_spill.c decides.
 */
static bool configure(struct db *db, struct fault *fault)
{
    static const char pragmas[] = "PRAGMA synchronous=NORMAL;"
                                  "PRAGMA cache_size=-4096;"
                                  "PRAGMA temp_store=FILE;"
                                  "PRAGMA foreign_keys=ON;";

    db_authorize(db);
    sqlite3_extended_result_codes(db->raw, 1);
    sqlite3_busy_handler(db->raw, db_on_busy, db);
    sqlite3_progress_handler(db->raw, DB_OPCODES, db_on_tick, db);
    /* A misspelt "column" must not be read as the string 'column'. */
    sqlite3_db_config(db->raw, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db->raw, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(db->raw, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    db_keep_wal(db);
    int code = sqlite3_exec(db->raw, pragmas, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db->raw, "PRAGMA encoding", on_encoding, db, NULL);
    if (code != SQLITE_OK)
        return open_fault(db, code, fault);
    /* SQLite opens what it may not write for reading, and says nothing; or it
     * goes on with a descriptor that another thread's locks kept open. */
    if (db->mode != DB_READONLY_MODE &&
        (sqlite3_db_readonly(db->raw, "main") || !db_may_write(db)))
        return open_fault(db, SQLITE_READONLY, fault);
    return true;
}

void db_close_file(struct db *db)
{
    for (struct stmt *s = db->first; s; s = s->next)
        stmt_unmake(s);
    db_detach(db);
    int code = sqlite3_close(db->raw);
    assert(code == SQLITE_OK);
    db->raw = NULL;
}

/* Of a file whose sync failed nothing is folded. */
bool db_part(struct db *db, bool fold)
{
    bool claimed = db->claim.held.wal.inode != 0 && !db->sync_failed;

    if (db->sync_failed)
        sqlite3_db_config(db->raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (claimed && !db_claim_part(&db->claim, db->raw, fold)) {
        db_claim_end(&db->claim);
        return false;
    }
    db_close_file(db);
    if (claimed)
        db_claim_parted(&db->claim);
    return true;
}

static bool make_all(struct db *db, struct fault *fault)
{
    int offset = -1;

    for (struct stmt *s = db->first; s; s = s->next) {
        struct fault why;
        if (!stmt_make(s, &why, &offset))
            return fault_set(fault,
                             "database %s: a statement cannot be "
                             "prepared on it: %s",
                             db->path, why.text);
    }
    return true;
}

/* What it may have left beside the file is there for who opens it next. */
static void abandon(struct db *db)
{
    if (db->raw)
        sqlite3_db_config(db->raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    db_close_file(db);
}

/* Those that serve wait less for others: a loop stands still meanwhile. */
static bool open_raw(struct db *db, int flags, struct fault *fault)
{
    bool serves = db->first != NULL;
    int code;
    const struct claim_manner manner = {
        .flags = flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
        .lock_ms = serves ? LOCK_MS : DB_PATIENCE_MS,
        .use_ms = serves ? USE_MS : BEGIN_MS,
    };
    struct fault why;

    if (db->in_memory || db->mode == DB_READONLY_MODE)
        code = sqlite3_open_v2(db->path, &db->raw, manner.flags, NULL);
    else
        code = db_claim_open(&db->claim, db->path, &manner, &db->raw, &why);
    if (code == SQLITE_PROTOCOL)
        return fault_set(fault, "database %s: %s", db->path, why.text);
    return code == SQLITE_OK || open_fault(db, code, fault);
}

/* Others may open it, too, as soon as its WAL is there. */
static bool settle(struct db *db)
{
    if (!db->in_memory && db->mode != DB_READONLY_MODE)
        db_claim_settle(&db->claim);
    return true;
}

/*
 * Statements are prepared before the journal mode is set: a file that is not
 * the app's database is then refused before it was written to.
 */
static bool make_usable(struct db *db, struct fault *fault)
{
    return configure(db, fault) && settle(db) && make_all(db, fault) &&
           (db->mode == DB_READONLY_MODE || enter_wal(db, fault)) &&
           settle(db) && db_attach(db, fault);
}

bool db_open_file(struct db *db, int flags, struct fault *fault)
{
    db->deadline_ms = 0; /* that of an earlier request does not count here */
    db->usable = false;
    db->claim = (struct claim){.lock = -1};
    db->usable = open_raw(db, flags, fault) && make_usable(db, fault);
    db_claim_end(&db->claim);
    if (!db->usable) {
        abandon(db);
        return false;
    }
    db->file = db->claim.held.db;
    if (db->file.inode == 0)
        fileid_at(db->path, "", &db->file);
    return true;
}

static bool make_transaction_words(struct db *db, struct fault *fault)
{
    const struct {
        struct stmt **stmt;
        const char *sql;
    } words[] = {
        {&db->begin, "BEGIN"},
        {&db->begin_write, "BEGIN IMMEDIATE"},
        {&db->commit, "COMMIT"},
        {&db->rollback, "ROLLBACK"},
        {&db->savepoint, "SAVEPOINT prong"},
        {&db->release, "RELEASE prong"},
        {&db->undo, "ROLLBACK TO prong"},
    };
    int offset = -1;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        *words[i].stmt = stmt_new(db, words[i].sql, fault, &offset);
        if (*words[i].stmt == NULL)
            return false;
    }
    return true;
}

struct db *db_open(const char *path, enum db_mode mode, struct fault *fault)
{
    static const int flags[] = {
        [DB_SERVE] = SQLITE_OPEN_READWRITE,
        [DB_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
        [DB_READONLY_MODE] = SQLITE_OPEN_READONLY,
    };
    struct db *db = db_must(calloc(1, sizeof *db));

    db->path = db_must(strdup(path));
    db->in_memory = strcmp(path, ":memory:") == 0;
    db->mode = mode;
    db->patience_ms = DB_PATIENCE_MS;
    db->news = db_claim_news();
    if (db_open_file(db, flags[mode], fault) &&
        make_transaction_words(db, fault))
        return db;
    db_close(db);
    return NULL;
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    while (db->first)
        db_finalize(db->first);
    if (db->raw == NULL || !db_part(db, db->folds))
        db_close_file(db);
    db_forget_tables(db);
    free(db->path);
    free(db);
}

const char *db_path(const struct db *db)
{
    return db->path;
}
