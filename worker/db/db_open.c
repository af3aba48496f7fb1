#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/log.h"
#include "common/loop.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

enum {
    OPCODES = 1000, /* between two looks at the clock: 10 to 20 µs of SQL */
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
    if (sqlite3_initialize() != SQLITE_OK) {
        log_critical("SQLite cannot be initialised");
        abort();
    }
}

void db_init(void)
{
    init(SQLITE_CONFIG_SINGLETHREAD);
}

void db_init_threads(void)
{
    init(SQLITE_CONFIG_MULTITHREAD);
}

/* ---- deadlines and waiting ---------------------------------------------- */

static bool is_late(const struct db *db, uint64_t now_ms)
{
    return db->deadline_ms && !db->unstoppable && now_ms >= db->deadline_ms;
}

/* SQLite's progress handler: not 0 interrupts the statement. */
static int on_progress(void *self)
{
    struct db *db = self;

    if (db->beat)
        db->beat(db->beat_self);
    return db_is_cancelled(db) ||
           (db->deadline_ms && is_late(db, loop_clock_ms()));
}

static void sleep_ms(uint64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/*
 * SQLite's busy handler: `count` waits were made before this one; 0 gives up.
 * The waits are those of sqlite3_busy_timeout, capped lower, so that a turn
 * at the lock is not missed for long.
 */
static int on_busy(void *self, int count)
{
    static const uint8_t waits[] = {1, 2, 5, 10, 15, 20, 25, 25, 25, 50};
    size_t last = sizeof waits - 1;
    struct db *db = self;
    uint64_t now = loop_clock_ms();

    if (count == 0)
        db->busy_since_ms = now;
    uint64_t waited_ms = now - db->busy_since_ms;
    if (waited_ms >= db->patience_ms || is_late(db, now))
        return 0;
    if (db->beat)
        db->beat(db->beat_self);
    uint64_t wait = waits[(size_t)count < last ? (size_t)count : last];
    uint64_t left = db->patience_ms - waited_ms;
    if (db->deadline_ms && !db->unstoppable && db->deadline_ms - now < left)
        left = db->deadline_ms - now;
    uint64_t since_ns = loop_clock_ns();
    sleep_ms(wait < left ? wait : left);
    db->waited_ns += loop_clock_ns() - since_ns;
    return 1;
}

uint64_t db_waited_ns(struct db *db)
{
    uint64_t waited = db->waited_ns;

    db->waited_ns = 0;
    return waited;
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

    for (int n = 0; (code & 0xFF) == SQLITE_BUSY && on_busy(db, n); n++)
        code = ask_for_wal(db, mode);
    if (code != SQLITE_OK)
        return open_fault(db, code, fault);
    if (strcmp(mode, db->in_memory ? "memory" : "wal") != 0)
        return fault_set(fault,
                         "database %s: its journal mode stays %s, not WAL",
                         db->path, mode);
    /* Only a read makes the -wal file, which db_identify looks for. */
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

static bool configure(struct db *db, struct fault *fault)
{
    static const char pragmas[] = "PRAGMA synchronous=NORMAL;"
                                  "PRAGMA cache_size=10000;"
                                  "PRAGMA temp_store=MEMORY;"
                                  "PRAGMA foreign_keys=ON;";

    db_authorize(db);
    sqlite3_extended_result_codes(db->raw, 1);
    sqlite3_busy_handler(db->raw, on_busy, db);
    sqlite3_progress_handler(db->raw, OPCODES, on_progress, db);
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

/* Finalizes everything and closes; the stmts stay, to be made again. */
void db_close_file(struct db *db)
{
    for (struct stmt *s = db->first; s; s = s->next)
        stmt_unmake(s);
    db_detach(db);
    int code = sqlite3_close(db->raw);
    assert(code == SQLITE_OK);
    db->raw = NULL;
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

/*
 * Statements are prepared before the journal mode is set: a file that is not
 * the app's database is then refused before it was written to.
 */
bool db_open_file(struct db *db, int flags, struct fault *fault)
{
    int code = sqlite3_open_v2(
        db->path, &db->raw,
        flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);

    db->deadline_ms = 0; /* that of an earlier request does not count here */
    db->usable = false;
    if (code == SQLITE_OK)
        db->usable = configure(db, fault) && make_all(db, fault) &&
                     (db->mode == DB_READONLY_MODE || enter_wal(db, fault)) &&
                     db_attach(db, fault);
    else
        open_fault(db, code, fault);
    if (db->usable)
        db_identify(db);
    else
        db_close_file(db);
    return db->usable;
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
    db_close_file(db);
    db_forget_tables(db);
    free(db->path);
    free(db);
}

const char *db_path(const struct db *db)
{
    return db->path;
}
