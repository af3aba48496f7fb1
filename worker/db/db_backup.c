#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "common/buf.h"

#include "worker/db/db_private.h"

#include "worker/db/db_backup.h"

enum {
    STEP_PAGES = 1000, /* 4 MB: some 5 ms between two looks at the progress */
    CHECK_OPCODES = 100000, /* some ms */
    PATIENCE = 5000,        /* ms that another's lock is waited for */
};

struct db_source {
    struct sqlite3 *raw;
    char *path;
    uint64_t bytes;
    struct claim claim;
};

/* ---- small things --------------------------------------------------------*/

/* SQLite's words for a failure; those for a full disk are ours. */
static bool refuse(struct sqlite3 *raw, int code, struct fault *fault)
{
    if ((code & 0xFF) == SQLITE_FULL)
        return fault_set(fault, "no space left on the disk");
    if ((code & 0xFF) == SQLITE_NOTADB)
        return fault_set(fault, "it is not a SQLite database");
    return fault_set(fault, "%s",
                     raw ? sqlite3_errmsg(raw) : sqlite3_errstr(code));
}

static int on_number(void *self, int count, char **values, char **names)
{
    (void)count, (void)names;
    *(int64_t *)self = values[0] ? strtoll(values[0], NULL, 10) : 0;
    return 0;
}

static int read_number(struct sqlite3 *raw, const char *sql, int64_t *out)
{
    *out = 0;
    return sqlite3_exec(raw, sql, on_number, out, NULL);
}

/* One text of one row, cut to `size` bytes. */
struct text_column {
    char *to;
    size_t size;
};

static int on_text(void *self, int count, char **values, char **names)
{
    const struct text_column *c = self;

    (void)count, (void)names;
    snprintf(c->to, c->size, "%s", values[0] ? values[0] : "");
    for (char *at = c->to; *at; at++)
        if (*at == '\n')
            *at = ' ';
    return 0;
}

/* ---- the database that others use ----------------------------------------*/

/* The transaction takes its snapshot with the first read, and the WAL keeps
 * that until the connection is closed. */
static int pin(struct db_source *s)
{
    int64_t pages = 0;
    int64_t size = 0;
    int code = sqlite3_busy_timeout(s->raw, PATIENCE);

    if (code == SQLITE_OK)
        code = sqlite3_exec(s->raw, "BEGIN; SELECT count(*) FROM sqlite_schema",
                            NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = read_number(s->raw, "PRAGMA page_count", &pages);
    if (code == SQLITE_OK)
        code = read_number(s->raw, "PRAGMA page_size", &size);
    s->bytes = (uint64_t)pages * (uint64_t)size;
    return code;
}

static bool open_source(struct db_source *s, struct fault *why)
{
    const struct claim_manner manner = {SQLITE_OPEN_READWRITE, PATIENCE,
                                        PATIENCE};
    int code = db_claim_open(&s->claim, s->path, &manner, &s->raw, why);

    if (code == SQLITE_PROTOCOL)
        return false;
    if (code == SQLITE_OK)
        code = pin(s);
    if (code != SQLITE_OK)
        return refuse(s->raw, code, why);
    db_claim_settle(&s->claim);
    return s->bytes > 0 || fault_set(why, "there is nothing in it");
}

struct db_source *db_source_open(const char *path, struct fault *fault)
{
    struct db_source *s = db_must(calloc(1, sizeof *s));
    struct fault why = {""};
    struct stat st;
    bool ok;

    s->path = db_must(strdup(path));
    s->claim.lock = -1;
    if (stat(path, &st) != 0)
        ok = fault_set(&why, "%s", strerror(errno));
    else
        ok = open_source(s, &why);
    db_claim_end(&s->claim);
    if (ok)
        return s;
    fault_set(fault, "database %s: %s", path, why.text);
    db_source_close(s);
    return NULL;
}

void db_source_close(struct db_source *s)
{
    if (s == NULL)
        return;
    bool claimed = s->claim.held.wal.inode != 0;

    if (claimed)
        db_claim_part(&s->claim, s->raw, true);
    sqlite3_close(s->raw);
    if (claimed)
        db_claim_parted(&s->claim);
    free(s->path);
    free(s);
}

uint64_t db_source_bytes(const struct db_source *s)
{
    return s->bytes;
}

/* ---- copying it ----------------------------------------------------------*/

/* A file that is thrown away after any failure needs neither journal nor
 * locks; it is synced once, at the end. */
static int open_copy(const char *file, struct sqlite3 **raw)
{
    int code = sqlite3_open_v2(file, raw, SQLITE_OPEN_READWRITE, NULL);

    if (code != SQLITE_OK)
        return code;
    return sqlite3_exec(*raw,
                        "PRAGMA locking_mode=EXCLUSIVE;"
                        "PRAGMA journal_mode=OFF;"
                        "PRAGMA synchronous=OFF",
                        NULL, NULL, NULL);
}

/* SQLITE_DONE, SQLITE_INTERRUPT when told to give up, or what went wrong. */
static int copy_pages(struct sqlite3_backup *b,
                      const struct backup_progress *progress)
{
    int code;

    do {
        code = sqlite3_backup_step(b, STEP_PAGES);
        int all = sqlite3_backup_pagecount(b);
        if (progress &&
            !progress->on_pages(progress->self,
                                all - sqlite3_backup_remaining(b), all))
            return SQLITE_INTERRUPT;
    } while (code == SQLITE_OK);
    return code;
}

static bool blame_copy(struct db_source *s, struct sqlite3 *to, int code,
                       struct fault *fault)
{
    struct fault why;

    if (code == SQLITE_INTERRUPT)
        return fault_set(fault, "it was interrupted");
    refuse(to, code, &why); /* SQLite tells of both on the copy's handle */
    return fault_set(fault, "copying %s: %s", s->path, why.text);
}

bool db_source_copy(struct db_source *s, const char *file,
                    const struct backup_progress *progress, struct fault *fault)
{
    struct sqlite3 *to = NULL;
    int code = open_copy(file, &to);
    struct sqlite3_backup *b = NULL;

    if (code == SQLITE_OK)
        b = sqlite3_backup_init(to, "main", s->raw, "main");
    if (code == SQLITE_OK)
        code = b ? copy_pages(b, progress) : sqlite3_extended_errcode(to);
    int end = sqlite3_backup_finish(b);
    if (code == SQLITE_DONE)
        code = end;
    bool ok = code == SQLITE_OK || blame_copy(s, to, code, fault);
    sqlite3_close(to);
    return ok;
}

/* ---- files that nobody else has open -------------------------------------*/

static enum db_result judge(struct sqlite3 *raw, int code, struct fault *fault)
{
    int primary = code & 0xFF;

    refuse(raw, code, fault);
    if (primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT)
        return DB_CORRUPT;
    return primary == SQLITE_FULL ? DB_FULL : DB_ERROR;
}

enum db_result db_backup_fold(const char *file, bool durable,
                              struct fault *fault)
{
    char mode[16] = "";
    struct text_column column = {mode, sizeof mode};
    struct sqlite3 *raw = NULL;
    const char *words = durable ? "PRAGMA locking_mode=EXCLUSIVE"
                                : "PRAGMA locking_mode=EXCLUSIVE;"
                                  "PRAGMA synchronous=OFF";

    /* Without locks, and with the WAL's index in memory, as only an exclusive
     * connection has it (sqlite.org/wal.html, "Use of WAL Without
     * Shared-Memory"). */
    int code = sqlite3_open_v2(file, &raw, SQLITE_OPEN_READWRITE, "unix-none");
    if (code == SQLITE_OK)
        code = sqlite3_exec(raw, words, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(raw, "PRAGMA journal_mode=DELETE", on_text, &column,
                            NULL);
    enum db_result r = DB_DONE;
    if (code != SQLITE_OK) {
        r = judge(raw, code, fault);
    } else if (strcmp(mode, "delete") != 0) {
        fault_set(fault, "its journal mode stays %s", mode);
        r = DB_ERROR;
    }
    sqlite3_close(raw);
    return r;
}

/* file:PATH?immutable=1 (sqlite.org/uri.html): such a file is read as it
 * stands, without locks and without what lies beside it. */
static void name_immutable(const char *file, struct buf *uri)
{
    buf_string(uri, *file == '/' ? "file://" : "file:");
    for (; *file; file++) {
        if (*file == '%' || *file == '?' || *file == '#')
            buf_format(uri, "%%%02X", (unsigned)*file);
        else
            buf_byte(uri, *file);
    }
    buf_string(uri, "?immutable=1");
}

static int on_tick(void *self)
{
    const struct backup_progress *p = self;

    return !p->on_pages(p->self, 0, 0);
}

static bool find_damage(struct sqlite3 *raw, struct fault *fault)
{
    char said[200] = "";
    struct text_column column = {said, sizeof said};
    /* 32 MiB: db_spill.c makes it ten times as much. */
    int code = sqlite3_exec(raw,
                            "PRAGMA cache_size=-3277;"
                            "SELECT count(*) FROM sqlite_schema",
                            NULL, NULL, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_exec(raw, "PRAGMA integrity_check(1)", on_text, &column,
                            NULL);
    if (code == SQLITE_INTERRUPT)
        return fault_set(fault, "it was interrupted");
    if (code != SQLITE_OK && (code & 0xFF) != SQLITE_CORRUPT)
        return refuse(raw, code, fault);
    if (code != SQLITE_OK)
        return fault_set(fault, "it is damaged: %s", sqlite3_errmsg(raw));
    return strcmp(said, "ok") == 0 ||
           fault_set(fault, "it is damaged: %s", said);
}

static int on_row(void *self, int count, char **values, char **names)
{
    (void)count, (void)values, (void)names;
    ++*(uint64_t *)self;
    return 0;
}

/* A key that names a table or column that is not there cannot be checked, and
 * SQLite says so with an error; that is the schema's affair. */
static bool count_orphans(struct sqlite3 *raw, uint64_t *orphans,
                          struct fault *fault)
{
    int code =
        sqlite3_exec(raw, "PRAGMA foreign_key_check", on_row, orphans, NULL);

    if (code == SQLITE_INTERRUPT)
        return fault_set(fault, "it was interrupted");
    return code == SQLITE_OK || code == SQLITE_ERROR ||
           refuse(raw, code, fault);
}

bool db_backup_verify(const char *file, const struct backup_progress *progress,
                      uint64_t *orphans, struct fault *fault)
{
    struct backup_progress heard = {NULL, NULL};
    struct sqlite3 *raw = NULL;
    struct buf uri = {0};

    if (progress)
        heard = *progress;
    *orphans = 0;
    name_immutable(file, &uri);
    int code = sqlite3_open_v2(buf_text(&uri), &raw,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    if (code == SQLITE_OK && progress)
        sqlite3_progress_handler(raw, CHECK_OPCODES, on_tick, &heard);
    bool ok = (code == SQLITE_OK || refuse(raw, code, fault)) &&
              find_damage(raw, fault) && count_orphans(raw, orphans, fault);
    sqlite3_close(raw);
    buf_free(&uri);
    return ok;
}
