#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/hash.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

/*
 * How the segment hears of commits (tables.h). SQLite's commit hook runs with
 * the write lock held and before anything can be seen: there the tables are
 * announced. Its WAL hook runs when frames were written and the lock is gone.
 * Whoever made SQLite commit then calls db_settle, which ends what was
 * announced, whether the commit succeeded or not.
 */

enum {
    SHM_REGION = 32768, /* bytes of the WAL index that are mapped at once */
    CHANGE_AT = 8,      /* sqlite.org/walformat.html, 2.2: iChange */
};

/* ---- what the present transaction wrote --------------------------------- */

void db_forget_writes(struct db *db)
{
    db->written.count = 0;
    db->written.more = false;
    db->noted = NULL;
}

void db_note_writer(struct db *db, const struct stmt *s)
{
    if (db->noted == s)
        return; /* @each steps the same one again and again */
    db->noted = s;
    db->written.more |= s->writes.more;
    for (unsigned i = 0; i < s->writes.count; i++)
        db_set_add(&db->written, s->writes.at[i]);
}

void db_note_script(struct db *db)
{
    db->noted = NULL;
    db->written.more = true;
}

/* ---- commits ------------------------------------------------------------ */

/* A count of 0 stands for all tables. */
static void announce(struct db *db)
{
    const struct table_set *w = &db->written;

    if (db->change)
        tables_known(db->tables, db->change); /* see tables_begin */
    tables_begin(db->tables, db->slot, w->at, w->more ? 0 : w->count);
    db->announced = true;
}

/* It must not use the connection (sqlite.org/c3ref/commit_hook.html); 0 lets
 * the commit go on. SQLite also asks when nothing was written after all. */
static int on_commit(void *self)
{
    struct db *db = self;

    db->unsettled = true;
    db->wrote = false;
    if (db->tables && (db->written.more || db->written.count > 0))
        announce(db);
    return 0;
}

static int on_frames(void *self, struct sqlite3 *raw, const char *schema,
                     int frames)
{
    struct db *db = self;

    (void)raw;
    (void)schema;
    db->unsettled = true;
    db->wrote = true;
    db->frames = frames;
    return SQLITE_OK;
}

/* SQLite calls the WAL hook as some statement gives SQLITE_DONE, whichever
 * that is: after a commit that ended otherwise it has yet to be called. */
static void let_hook_run(struct db *db)
{
    bool unstoppable = db->unstoppable;

    db->unstoppable = true;
    sqlite3_exec(db->raw, "SELECT 1", NULL, NULL, NULL);
    db->unstoppable = unstoppable;
}

void db_end_commit(struct db *db, bool done)
{
    if (!done && !db->wrote)
        let_hook_run(db);
    if (db->announced)
        tables_end(db->tables, db->slot, db->wrote);
    db->announced = false;
    db->unsettled = false;
    db_forget_writes(db);
    db->wrote = false;
}

/* ---- the change counter ------------------------------------------------- */

/*
 * The counter in the mapping that SQLite itself made when it first read; a
 * descriptor of our own on that file would, when closed, drop SQLite's locks
 * (sqlite.org/howtocorrupt.html, 2.2). Of the two copies of the header SQLite
 * writes the first one last.
 */
static const volatile uint32_t *find_change(struct db *db)
{
    sqlite3_file *file = NULL;
    void volatile *region = NULL;

    if (sqlite3_file_control(db->raw, "main", SQLITE_FCNTL_FILE_POINTER,
                             &file) != SQLITE_OK ||
        file == NULL || file->pMethods == NULL || file->pMethods->iVersion < 2)
        return NULL;
    if (file->pMethods->xShmMap(file, 0, SHM_REGION, 0, &region) != SQLITE_OK)
        return NULL;
    return (const volatile uint32_t *)region + CHANGE_AT / sizeof(uint32_t);
}

static void begin_anew(struct db *db)
{
    if (db->tables == NULL)
        return;
    if (db->change)
        tables_rebase(db->tables, db->change);
    else
        tables_move_all(db->tables);
}

bool db_attach(struct db *db, struct fault *fault)
{
    bool shared = !db->in_memory && db->mode != DB_READONLY_MODE;

    db->change = shared ? find_change(db) : NULL;
    if (shared && db->change == NULL)
        return fault_set(fault, "database %s: its WAL index cannot be mapped",
                         db->path);
    db->unsettled = db->wrote = false; /* entering WAL mode was a commit */
    sqlite3_commit_hook(db->raw, on_commit, db);
    sqlite3_wal_hook(db->raw, on_frames, db); /* instead of autocheckpoint */
    begin_anew(db);
    return true;
}

void db_detach(struct db *db)
{
    assert(!db->announced);
    db->change = NULL;
    db->at_work = NULL;
}

void db_watch(struct db *db, struct names *names, struct tables *tables,
              unsigned slot)
{
    db->names = names;
    db->tables = tables;
    db->slot = slot;
    db_current(db);
}

/* ---- readers ------------------------------------------------------------ */

struct tables *db_tables(const struct db *db)
{
    return db->tables;
}

bool db_is_writing(const struct db *db)
{
    return db->writing;
}

void db_take_moment(struct db *db)
{
    if (db->tables)
        tables_moment(db->tables, &db->moment);
}

const struct moment *db_moment(const struct db *db)
{
    return &db->moment;
}

bool db_current(struct db *db)
{
    return db->usable && (db->tables == NULL || db->change == NULL ||
                          tables_known(db->tables, db->change));
}

/* A database in memory is nobody else's: it is told by its process and its
 * place in it. */
uint64_t db_identity(const struct db *db)
{
    uint64_t id[2] = {db->file.device, db->file.inode};

    if (db->in_memory) {
        id[0] = (uint64_t)getpid();
        id[1] = (uint64_t)(uintptr_t)db;
    }
    return hash_of((struct slice){(const char *)id, sizeof id});
}
